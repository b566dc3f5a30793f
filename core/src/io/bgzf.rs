//! Writing BGZF with several threads and an index of its blocks.

use std::io;
use std::path::Path;
use std::ptr::NonNull;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::paths::c_path;

/// A BGZF file being written. Uses htslib itself: the writer of `rust_htslib` makes no index of blocks and does not
/// report whether closing worked.
pub(crate) struct Bgzf(NonNull<htslib::BGZF>);

impl Drop for Bgzf {
    fn drop(&mut self) {
        // SAFETY: open, and closed once: `close` forgets self.
        unsafe { htslib::bgzf_close(self.0.as_ptr()) };
    }
}

impl Bgzf {
    /// Begin writing `path` (called `named` in messages), compressed by `threads` threads. With `index`, the offsets of
    /// the blocks are recorded.
    pub fn create(path: &Path, named: &Path, threads: usize, index: bool) -> Result<Self> {
        let cannot = || Error::io(named, io::Error::last_os_error());
        let name = c_path(path)?;
        // SAFETY: valid C strings; the result is checked.
        let file = unsafe { htslib::bgzf_open(name.as_ptr(), c"w".as_ptr()) };
        let file = Self(NonNull::new(file).ok_or_else(cannot)?);
        // SAFETY: the file is open and nothing has been written yet.
        unsafe {
            if (index && htslib::bgzf_index_build_init(file.0.as_ptr()) != 0)
                || (threads > 1 && htslib::bgzf_mt(file.0.as_ptr(), threads.min(1024) as i32, 256) != 0)
            {
                return Err(cannot());
            }
        }
        Ok(file)
    }

    /// Append `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: the file is open and the slice valid.
        let n = unsafe { htslib::bgzf_write(self.0.as_ptr(), bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(n) {
            Ok(n) if n == bytes.len() => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// End the block if it would not hold `size` more bytes, so that a record is not split between blocks.
    pub fn keep_together(&mut self, size: usize) -> io::Result<()> {
        // SAFETY: the file is open.
        match unsafe { htslib::bgzf_flush_try(self.0.as_ptr(), size as libc::ssize_t) } {
            n if n < 0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Write all bytes to the file.
    pub fn flush(&mut self) -> io::Result<()> {
        // SAFETY: the file is open.
        match unsafe { htslib::bgzf_flush(self.0.as_ptr()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Write the index of blocks to `index` if given, and the end-of-file block, and close; false if anything fails.
    pub fn close(self, index: Option<&Path>) -> bool {
        let Ok(name) = index.map(c_path).transpose() else { return false };
        // SAFETY: open; flushed before the index is written, and closed once.
        unsafe {
            let file = self.0.as_ptr();
            std::mem::forget(self);
            let flushed = htslib::bgzf_flush(file) == 0;
            let indexed = name.is_none_or(|name| htslib::bgzf_index_dump(file, name.as_ptr(), std::ptr::null()) == 0);
            htslib::bgzf_close(file) == 0 && flushed && indexed
        }
    }
}
