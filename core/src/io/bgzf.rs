//! Writing BGZF with several threads and an index of its blocks.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::ptr::NonNull;

use rust_htslib::htslib;

use crate::io::output_file::why_writing_failed;
use crate::io::paths::c_path;

/// How a BGZF file is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BgzfOptions {
    /// Compression level; None for the default of htslib.
    pub level: Option<u8>,
    /// Threads that compress, apart from the caller's; 0 for none.
    pub threads: usize,
    /// Record the offsets of the blocks, for the index of [`Bgzf::close`].
    pub index: bool,
}

/// A BGZF file being written. Uses htslib itself: the writer of `rust_htslib` makes no index of blocks and does not
/// report whether closing worked.
pub(crate) struct Bgzf {
    handle: NonNull<htslib::BGZF>,
    /// The same open file, which is asked why a write failed.
    file: File,
}

// SAFETY: the handle is owned by this value and reached through it alone.
unsafe impl Send for Bgzf {}

impl Drop for Bgzf {
    fn drop(&mut self) {
        // SAFETY: open, and closed once: `close` keeps this from running.
        unsafe { htslib::bgzf_close(self.handle.as_ptr()) };
    }
}

impl Bgzf {
    /// Begin writing to `file`.
    ///
    /// # Errors
    /// The system has no more open files or threads.
    pub fn create(file: File, options: BgzfOptions) -> io::Result<Self> {
        let mode = options.level.map_or("w".to_owned(), |level| format!("w{level}"));
        let mode = CString::new(mode)?;
        let number = file.try_clone()?.into_raw_fd();
        // SAFETY: an open file, which htslib owns from now on, and a valid C string; the result is checked.
        let handle = unsafe { htslib::bgzf_dopen(number, mode.as_ptr()) };
        let Some(handle) = NonNull::new(handle) else { return Err(io::Error::last_os_error()) };
        let bgzf = Self { handle, file };
        // SAFETY: the file is open and nothing has been written yet.
        unsafe {
            if (options.index && htslib::bgzf_index_build_init(handle.as_ptr()) != 0)
                || (options.threads > 0 && htslib::bgzf_mt(handle.as_ptr(), options.threads.min(1024) as i32, 256) != 0)
            {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(bgzf)
    }

    /// Append `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // SAFETY: the file is open and the slice valid.
        let n = unsafe { htslib::bgzf_write(self.handle.as_ptr(), bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(n) {
            Ok(n) if n == bytes.len() => Ok(()),
            _ => Err(why_writing_failed(&self.file)),
        }
    }

    /// End the block if it would not hold `size` more bytes, so that a record is not split between blocks.
    pub fn keep_together(&mut self, size: usize) -> io::Result<()> {
        // SAFETY: the file is open.
        match unsafe { htslib::bgzf_flush_try(self.handle.as_ptr(), size as libc::ssize_t) } {
            n if n < 0 => Err(why_writing_failed(&self.file)),
            _ => Ok(()),
        }
    }

    /// Write all bytes to the file.
    pub fn flush(&mut self) -> io::Result<()> {
        // SAFETY: the file is open.
        match unsafe { htslib::bgzf_flush(self.handle.as_ptr()) } {
            0 => Ok(()),
            _ => Err(why_writing_failed(&self.file)),
        }
    }

    /// Write the index of blocks to `index` if given, and the end-of-file block, and close.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn close(mut self, index: Option<&Path>) -> io::Result<()> {
        let name = index.map(c_path).transpose().map_err(io::Error::other)?;
        self.flush()?;
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped afterwards.
        let file = unsafe { std::ptr::read(&this.file) };
        let handle = this.handle.as_ptr();
        // SAFETY: open; flushed before the index is written, and closed once.
        unsafe {
            let indexed = name.is_none_or(|name| htslib::bgzf_index_dump(handle, name.as_ptr(), std::ptr::null()) == 0);
            // The reason must be asked for before the next call.
            let reason = (!indexed).then(|| why_writing_failed(&file));
            match (htslib::bgzf_close(handle) == 0, reason) {
                (true, None) => Ok(()),
                (_, Some(reason)) => Err(reason),
                (false, None) => Err(why_writing_failed(&file)),
            }
        }
    }
}
