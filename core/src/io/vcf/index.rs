//! The index of a VCF or BCF, and the records of some intervals found by it.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;

use rust_htslib::htslib;

use crate::io::index_check::{CheckedIndex, NoIndex};
use crate::io::paths::c_path;
use crate::io::vcf::kstring::KString;
use crate::io::vcf::lines::{read_indexed, TOO_LONG};
use crate::io::vcf::VcfHeader;

/// An index of either kind, checked before it was loaded.
pub(super) struct VcfIndex {
    loaded: Loaded,
    /// The first position, 0-based, that it cannot express.
    reach: i64,
}

enum Loaded {
    /// CSI of a BCF.
    Bcf(*mut htslib::hts_idx_t),
    /// TBI or CSI of a VCF.
    Tabix(*mut htslib::tbx_t),
}

// SAFETY: the pointer is owned by this value and reached through it alone.
unsafe impl Send for Loaded {}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: made by htslib and released once.
        unsafe {
            match *self {
                Loaded::Bcf(index) => htslib::hts_idx_destroy(index),
                Loaded::Tabix(index) => htslib::tbx_destroy(index),
            }
        }
    }
}

impl VcfIndex {
    /// The index of the file `path`, which is a BCF or a VCF.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn load(path: &Path, bcf: bool) -> Result<Self, NoIndex> {
        let checked = CheckedIndex::of_vcf(path, bcf)?;
        let (file, index) = (c_path(path).map_err(|_| NoIndex::Missing)?, checked.name());
        let silent = htslib::HTS_IDX_SILENT_FAIL as i32;
        // SAFETY: C strings; the results are checked.
        let loaded = unsafe {
            match bcf {
                true => not_null(htslib::bcf_index_load3(file.as_ptr(), index.as_ptr(), silent)).map(Loaded::Bcf),
                false => not_null(htslib::tbx_index_load3(file.as_ptr(), index.as_ptr(), silent)).map(Loaded::Tabix),
            }
        };
        Ok(Self { loaded: loaded.ok_or(NoIndex::Missing)?, reach: checked.reach() })
    }

    /// The contigs of which it knows records; a BCF index numbers those of `header`.
    pub fn contigs(&self, header: &VcfHeader) -> Vec<String> {
        match self.loaded {
            Loaded::Bcf(_) => header.contigs(),
            // SAFETY: the index is loaded; the list is ours, its names the index's.
            Loaded::Tabix(tabix) => unsafe {
                let mut count = 0;
                let list = htslib::tbx_seqnames(tabix, &mut count);
                if list.is_null() {
                    return Vec::new();
                }
                let names = (0..count.max(0) as usize)
                    .map(|i| CStr::from_ptr(*list.add(i)).to_string_lossy().into_owned())
                    .collect();
                libc::free(list.cast());
                names
            },
        }
    }

    /// The index's number of a contig, below 0 if it has none. `header` is that of the indexed file.
    pub fn number(&self, header: &VcfHeader, contig: &str) -> i32 {
        let name = CString::new(contig).unwrap_or_default();
        // SAFETY: the index is loaded, the header valid.
        unsafe {
            match self.loaded {
                Loaded::Bcf(_) => htslib::bcf_hdr_id2int(header.inner, htslib::BCF_DT_CTG as i32, name.as_ptr()),
                Loaded::Tabix(index) => htslib::tbx_name2id(index, name.as_ptr()),
            }
        }
    }

    /// An iterator over records that overlap `start..end` (0-based half-open), to be destroyed by the caller; null if
    /// the index is of no use.
    fn query(&self, number: i32, start: i64, end: i64) -> *mut htslib::hts_itr_t {
        // SAFETY: the index is loaded; reader functions are those of its kind.
        unsafe {
            match self.loaded {
                Loaded::Bcf(index) => htslib::hts_itr_query(index, number, start, end, Some(htslib::bcf_readrec)),
                Loaded::Tabix(index) => htslib::hts_itr_query((*index).idx, number, start, end, Some(read_indexed)),
            }
        }
    }
}

/// What a query found next.
pub(super) enum Found {
    Record,
    End,
    /// A line that is longer than allowed.
    TooLong,
    /// Something that cannot be read.
    Damage,
    /// Nothing, since the index cannot be used.
    NoIndex,
}

/// The records of one interval after the other.
pub(super) struct IndexQuery {
    index: VcfIndex,
    /// The index's number of the contig, start, end.
    queue: std::vec::IntoIter<(i32, i64, i64)>,
    iterator: *mut htslib::hts_itr_t,
    read_until: i64,
    /// Contig and end of the current interval; -1 before the first.
    current: (i32, i64),
}

impl Drop for IndexQuery {
    fn drop(&mut self) {
        // SAFETY: null or made by htslib, and released once.
        unsafe { htslib::hts_itr_destroy(self.iterator) };
    }
}

impl IndexQuery {
    /// Of `intervals` (the index's number of the contig, start, end; 0-based half-open), in their order.
    pub fn new(index: VcfIndex, intervals: Vec<(i32, i64, i64)>) -> Self {
        Self { index, queue: intervals.into_iter(), iterator: ptr::null_mut(), read_until: -1, current: (-1, -1) }
    }

    /// End of the interval before the current one on the same contig, else -1.
    pub fn read_until(&self) -> i64 {
        self.read_until
    }

    /// Read the next record: of a BCF into `record`, of a VCF into `line`.
    ///
    /// # Safety
    /// `file` is the indexed one, and `record` is one of htslib's where it is a BCF.
    pub unsafe fn next(
        &mut self,
        file: *mut htslib::htsFile,
        record: *mut htslib::bcf1_t,
        line: &mut KString,
    ) -> Found {
        loop {
            if self.iterator.is_null() {
                let Some((contig, start, end)) = self.queue.next() else { return Found::End };
                self.read_until = if self.current.0 == contig { self.current.1 } else { -1 };
                self.current = (contig, end);
                if start >= self.index.reach {
                    // No record begins there, and htslib would search for its bin without end.
                    continue;
                }
                self.iterator = self.index.query(contig, start, end);
                if self.iterator.is_null() {
                    return Found::NoIndex;
                }
            }
            let line: *mut htslib::kstring_t = line.as_mut();
            // SAFETY: the caller promises an open file with BGZF and a record; the iterator belongs to its index.
            let code = unsafe {
                let bgzf = htslib::hts_get_bgzfp(file);
                match self.index.loaded {
                    Loaded::Bcf(_) => htslib::hts_itr_next(bgzf, self.iterator, record.cast(), ptr::null_mut()),
                    Loaded::Tabix(index) => htslib::hts_itr_next(bgzf, self.iterator, line.cast(), index.cast()),
                }
            };
            match code {
                0.. => return Found::Record,
                -1 => {
                    // SAFETY: it is freed once.
                    unsafe { htslib::hts_itr_destroy(self.iterator) };
                    self.iterator = ptr::null_mut();
                }
                TOO_LONG => return Found::TooLong,
                _ => return Found::Damage,
            }
        }
    }
}

fn not_null<T>(pointer: *mut T) -> Option<*mut T> {
    (!pointer.is_null()).then_some(pointer)
}
