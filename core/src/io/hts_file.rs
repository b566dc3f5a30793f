//! Opening a file with htslib, but no other file that its content names.

use std::io;
use std::path::Path;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::paths::c_path;

/// Open `path` (`-`: standard input) for reading and recognise its format; the caller closes it. `unknown`
/// gives the problem of a file of unknown format.
///
/// # Errors
/// It cannot be opened, has an unknown format, or is a list of other files (htsget), each of which htslib would open.
pub(crate) fn open(path: &Path, unknown: impl FnOnce() -> String) -> Result<*mut htslib::htsFile> {
    let name = c_path(path)?;
    // SAFETY: valid C strings, and a structure of numbers and a pointer, for which zeros are a value; results are checked, and the inner file is closed unless the outer one takes it over.
    unsafe {
        let inner = htslib::hopen(name.as_ptr(), c"r".as_ptr());
        if inner.is_null() {
            return Err(Error::io(path, io::Error::last_os_error()));
        }
        let mut format: htslib::htsFormat = std::mem::zeroed();
        if htslib::hts_detect_format2(inner, name.as_ptr(), &mut format) < 0 {
            let error = io::Error::last_os_error();
            htslib::hclose_abruptly(inner);
            return Err(Error::io(path, error));
        }
        if format.format == htslib::htsExactFormat_htsget {
            htslib::hclose_abruptly(inner);
            return Err(Error::input(path, "is a list of other files (htsget); download them and name the result"));
        }
        let file = htslib::hts_hopen(inner, name.as_ptr(), c"r".as_ptr());
        if file.is_null() {
            let error = io::Error::last_os_error();
            htslib::hclose_abruptly(inner);
            return Err(match error.raw_os_error() {
                Some(libc::ENOEXEC | 0) | None => Error::input(path, unknown()),
                _ => Error::io(path, error),
            });
        }
        Ok(file)
    }
}

/// The number of four bytes, at `place` of the decompressed content of a file that is still at its beginning. `None` if
/// its first block ends before it.
///
/// # Safety
/// `bgzf` is null or open for reading.
pub(crate) unsafe fn announced(bgzf: *mut htslib::BGZF, place: usize) -> Option<u32> {
    // SAFETY: the caller's file; after a successful look at the next byte the rest of its block is in memory.
    unsafe {
        if bgzf.is_null() || htslib::bgzf_peek(bgzf) < 0 {
            return None;
        }
        let (at, length) = (usize::try_from((*bgzf).block_offset).ok()?, usize::try_from((*bgzf).block_length).ok()?);
        let block = std::slice::from_raw_parts((*bgzf).uncompressed_block.cast::<u8>(), length);
        let four = block.get(at + place..at + place + 4)?;
        Some(u32::from_le_bytes(four.try_into().ok()?))
    }
}
