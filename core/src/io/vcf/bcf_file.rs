//! A BCF file of htslib being written.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::IntoRawFd;
use std::path::Path;

use rust_htslib::htslib;

use crate::io::output_file::why_writing_failed;
use crate::io::paths::c_path;

/// BCF being written to an open file.
pub(super) struct BcfFile {
    handle: *mut htslib::htsFile,
    /// The same open file, which is asked why a write failed.
    file: File,
}

// SAFETY: the handle is owned by this value and reached through it alone.
unsafe impl Send for BcfFile {}

impl Drop for BcfFile {
    fn drop(&mut self) {
        // SAFETY: open, and closed once: `close` keeps this from running.
        unsafe { htslib::hts_close(self.handle) };
    }
}

impl BcfFile {
    /// Begin writing to `file`, called `path`, in this `mode` of htslib; compressed by `threads` threads.
    ///
    /// # Errors
    /// The system has no more open files.
    pub fn create(file: File, path: &Path, mode: &str, threads: usize) -> io::Result<Self> {
        let mode = CString::new(mode)?;
        let name = c_path(path).map_err(io::Error::other)?;
        let number = file.try_clone()?.into_raw_fd();
        // SAFETY: an open file, which htslib owns from now on, and C strings; both handles are checked.
        unsafe {
            let stream = htslib::hdopen(number, mode.as_ptr());
            if stream.is_null() {
                return Err(io::Error::last_os_error());
            }
            let handle = htslib::hts_hopen(stream, name.as_ptr(), mode.as_ptr());
            if handle.is_null() {
                let error = io::Error::last_os_error();
                htslib::hclose_abruptly(stream);
                return Err(error);
            }
            if threads > 1 {
                htslib::hts_set_threads(handle, (threads - 1) as i32);
            }
            Ok(Self { handle, file })
        }
    }

    /// Write the header.
    ///
    /// # Safety
    /// `header` is a header of htslib.
    pub unsafe fn write_header(&mut self, header: *mut htslib::bcf_hdr_t) -> io::Result<()> {
        // SAFETY: an open file; the caller promises the rest.
        self.outcome(unsafe { htslib::bcf_hdr_write(self.handle, header) })
    }

    /// Write a record.
    ///
    /// # Safety
    /// `record` is a record of htslib that belongs to `header`, the header that was written.
    pub unsafe fn write(&mut self, header: *mut htslib::bcf_hdr_t, record: *mut htslib::bcf1_t) -> io::Result<()> {
        // SAFETY: an open file; the caller promises the rest.
        self.outcome(unsafe { htslib::bcf_write(self.handle, header, record) })
    }

    fn outcome(&self, code: i32) -> io::Result<()> {
        match code < 0 {
            true => Err(why_writing_failed(&self.file)),
            false => Ok(()),
        }
    }

    /// Write the rest, and close.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn close(self) -> io::Result<()> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped afterwards, except for its handle.
        let file = unsafe { std::ptr::read(&this.file) };
        // SAFETY: an open handle, closed once.
        match unsafe { htslib::hts_close(this.handle) } {
            ..0 => Err(why_writing_failed(&file)),
            _ => Ok(()),
        }
    }
}
