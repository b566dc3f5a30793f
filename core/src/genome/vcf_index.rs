//! The records of some contigs, found by the index of a VCF or BCF.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::ptr;

use rust_htslib::htslib;

enum Index {
    Bcf(*mut htslib::hts_idx_t),
    Tabix(*mut htslib::tbx_t),
}

/// Reads whole contigs, one after the other.
pub(super) struct ByContig {
    index: Index,
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
            match self.index {
                Index::Bcf(index) => htslib::hts_idx_destroy(index),
                Index::Tabix(index) => htslib::tbx_destroy(index),
            }
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
        let silent = htslib::HTS_IDX_SILENT_FAIL as i32;
        let bcf = (*file).format.format == htslib::htsExactFormat_bcf;
        let index = match bcf {
            true => Index::Bcf(not_null(htslib::bcf_index_load3(name.as_ptr(), ptr::null(), silent))?),
            false => Index::Tabix(not_null(htslib::tbx_index_load3(name.as_ptr(), ptr::null(), silent))?),
        };
        let line = htslib::kstring_t { l: 0, m: 0, s: ptr::null_mut() };
        let mut found = Self { index, queue: Vec::new().into_iter(), iterator: ptr::null_mut(), line };
        let number = |contig: &&str| {
            let name = CString::new(*contig).ok()?;
            let number = match found.index {
                Index::Bcf(_) => htslib::bcf_hdr_id2int(header, htslib::BCF_DT_CTG as i32, name.as_ptr()),
                Index::Tabix(index) => htslib::tbx_name2id(index, name.as_ptr()),
            };
            // A contig without a record is none of the index's.
            (number >= 0).then_some(number)
        };
        let numbers: Vec<i32> = contigs.iter().filter_map(number).collect();
        found.queue = numbers.into_iter();
        Some(found)
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
                self.iterator = match self.index {
                    Index::Bcf(index) => htslib::hts_itr_query(index, number, 0, end, Some(htslib::bcf_readrec)),
                    Index::Tabix(index) => {
                        htslib::hts_itr_query((*index).idx, number, 0, end, Some(htslib::tbx_readrec))
                    }
                };
                if self.iterator.is_null() {
                    return -2;
                }
            }
            let bgzf = (*file).fp.bgzf;
            let code = match self.index {
                Index::Bcf(_) => htslib::hts_itr_next(bgzf, self.iterator, record.cast(), ptr::null_mut()),
                Index::Tabix(index) => {
                    let line: *mut htslib::kstring_t = &mut self.line;
                    htslib::hts_itr_next(bgzf, self.iterator, line.cast(), index.cast())
                }
            };
            if code == -1 {
                htslib::hts_itr_destroy(self.iterator);
                self.iterator = ptr::null_mut();
                continue;
            }
            return match self.index {
                // What bcf_read does behind an iterator: keep the wanted samples alone.
                Index::Bcf(_) if code >= 0 && !(*header).keep_samples.is_null() => {
                    htslib::bcf_subset_format(header, record).min(0)
                }
                Index::Tabix(_) if code >= 0 => htslib::vcf_parse(&mut self.line, header, record).min(0),
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
