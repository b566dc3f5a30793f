//! The index of a VCF or BCF, and the records of some contigs found by it.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::ptr;

use rust_htslib::htslib;

/// An index of either kind.
pub(crate) enum VcfIndex {
    Bcf(*mut htslib::hts_idx_t),
    Tabix(*mut htslib::tbx_t),
}

// SAFETY: the pointer is owned by this value and reached through it alone.
unsafe impl Send for VcfIndex {}

impl Drop for VcfIndex {
    fn drop(&mut self) {
        // SAFETY: made by htslib and released once.
        unsafe {
            match *self {
                VcfIndex::Bcf(index) => htslib::hts_idx_destroy(index),
                VcfIndex::Tabix(index) => htslib::tbx_destroy(index),
            }
        }
    }
}

impl VcfIndex {
    /// The index beside the file `path`, which is a BCF or a VCF; `None` if none can be read.
    pub fn load(path: &CStr, bcf: bool) -> Option<Self> {
        let silent = htslib::HTS_IDX_SILENT_FAIL as i32;
        // SAFETY: a C string; the results are checked.
        unsafe {
            match bcf {
                true => not_null(htslib::bcf_index_load3(path.as_ptr(), ptr::null(), silent)).map(VcfIndex::Bcf),
                false => not_null(htslib::tbx_index_load3(path.as_ptr(), ptr::null(), silent)).map(VcfIndex::Tabix),
            }
        }
    }

    /// The index's number of a contig, below 0 if it has none.
    ///
    /// # Safety
    /// `header` is that of the indexed file.
    pub unsafe fn number(&self, header: *mut htslib::bcf_hdr_t, contig: &str) -> i32 {
        let name = CString::new(contig).unwrap_or_default();
        match *self {
            VcfIndex::Bcf(_) => htslib::bcf_hdr_id2int(header, htslib::BCF_DT_CTG as i32, name.as_ptr()),
            VcfIndex::Tabix(index) => htslib::tbx_name2id(index, name.as_ptr()),
        }
    }

    /// An iterator over records that overlap `start..end` (0-based half-open), the caller's to destroy; null if the index
    /// is of no use.
    pub fn query(&self, number: i32, start: i64, end: i64) -> *mut htslib::hts_itr_t {
        // SAFETY: the index is loaded; reader functions are those of its kind.
        unsafe {
            match *self {
                VcfIndex::Bcf(index) => htslib::hts_itr_query(index, number, start, end, Some(htslib::bcf_readrec)),
                VcfIndex::Tabix(index) => {
                    htslib::hts_itr_query((*index).idx, number, start, end, Some(htslib::tbx_readrec))
                }
            }
        }
    }

    /// Read what the iterator finds next: of a BCF into `record`, of a VCF into `line`. As `hts_itr_next`: -1 at the end,
    /// below that for what cannot be read.
    ///
    /// # Safety
    /// The iterator is of this index, `file` is the indexed one, and both places are valid.
    pub unsafe fn next(
        &self,
        file: *mut htslib::htsFile,
        iterator: *mut htslib::hts_itr_t,
        record: *mut htslib::bcf1_t,
        line: &mut htslib::kstring_t,
    ) -> i32 {
        let bgzf = htslib::hts_get_bgzfp(file);
        let line: *mut htslib::kstring_t = line;
        match *self {
            VcfIndex::Bcf(_) => htslib::hts_itr_next(bgzf, iterator, record.cast(), ptr::null_mut()),
            VcfIndex::Tabix(index) => htslib::hts_itr_next(bgzf, iterator, line.cast(), index.cast()),
        }
    }
}

/// Reads whole contigs, one after the other.
pub(super) struct ByContig {
    index: VcfIndex,
    /// Numbers that the index has for the contigs still to be read.
    queue: std::vec::IntoIter<i32>,
    iterator: *mut htslib::hts_itr_t,
    line: htslib::kstring_t,
}

// SAFETY: every pointer is owned by this value and reached through it alone.
unsafe impl Send for ByContig {}

impl Drop for ByContig {
    fn drop(&mut self) {
        // SAFETY: each was made by htslib, may be null where that is allowed, and is released once.
        unsafe {
            htslib::hts_itr_destroy(self.iterator);
            libc::free(self.line.s.cast());
        }
    }
}

impl ByContig {
    /// The records on `contigs`, names of `header` in its order; `None` where the file `path` has no index beside it, or
    /// one that is older than the file itself.
    ///
    /// # Safety
    /// `file` and `header` are those of `path`, open, and nothing but the header was read.
    pub unsafe fn open(
        path: &Path,
        file: *mut htslib::htsFile,
        header: *mut htslib::bcf_hdr_t,
        contigs: &[&str],
    ) -> Option<Self> {
        if (*file).format.compression != htslib::htsCompression_bgzf || !has_fresh_index(path) {
            return None;
        }
        let name = CString::new(path.as_os_str().as_encoded_bytes()).ok()?;
        let index = VcfIndex::load(&name, (*file).format.format == htslib::htsExactFormat_bcf)?;
        // A contig without a record is none of the index's.
        let numbers: Vec<i32> = contigs.iter().map(|contig| index.number(header, contig)).filter(|&n| n >= 0).collect();
        let line = htslib::kstring_t { l: 0, m: 0, s: ptr::null_mut() };
        Some(Self { index, queue: numbers.into_iter(), iterator: ptr::null_mut(), line })
    }

    /// Read the next record. As `bcf_read`: below -1 if it is broken, -1 at the end.
    ///
    /// # Safety
    /// `file` and `header` are those given to [`ByContig::open`], `record` is one of htslib's.
    pub unsafe fn next(
        &mut self,
        file: *mut htslib::htsFile,
        header: *mut htslib::bcf_hdr_t,
        record: *mut htslib::bcf1_t,
    ) -> i32 {
        loop {
            if self.iterator.is_null() {
                let Some(number) = self.queue.next() else { return -1 };
                // The last position that htslib knows.
                let end = i64::from(i32::MAX) << 32 | i64::from(i32::MAX);
                self.iterator = self.index.query(number, 0, end);
                if self.iterator.is_null() {
                    return -2;
                }
            }
            let code = self.index.next(file, self.iterator, record, &mut self.line);
            if code == -1 {
                htslib::hts_itr_destroy(self.iterator);
                self.iterator = ptr::null_mut();
                continue;
            }
            return match self.index {
                // What bcf_read does behind an iterator: keep the wanted samples alone.
                VcfIndex::Bcf(_) if code >= 0 && !(*header).keep_samples.is_null() => {
                    htslib::bcf_subset_format(header, record).min(0)
                }
                VcfIndex::Tabix(_) if code >= 0 => htslib::vcf_parse(&mut self.line, header, record).min(0),
                _ => code.min(0),
            };
        }
    }
}

fn not_null<T>(pointer: *mut T) -> Option<*mut T> {
    (!pointer.is_null()).then_some(pointer)
}

/// Whether there is an index that is not older than the file.
fn has_fresh_index(path: &Path) -> bool {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        changed(&PathBuf::from(name))
    };
    let Some(file) = changed(path) else { return false };
    // htslib takes the first that is there.
    beside(".csi").or_else(|| beside(".tbi")).is_some_and(|index| index >= file)
}
