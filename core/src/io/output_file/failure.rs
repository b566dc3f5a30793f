//! Why a write of htslib failed: it reports no reason, and its threads lose that of the system.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::error::Error;

/// What a full or failing disk, a quota, a limit on file sizes and a closed pipe leave as the last error.
const REASONS: [i32; 6] = [libc::ENOSPC, libc::EDQUOT, libc::EFBIG, libc::EIO, libc::ESTALE, libc::EPIPE];

/// Why writing to `file` has just failed; an error of kind [`io::ErrorKind::BrokenPipe`] if its reader has gone. To be
/// called before any other system call.
pub(crate) fn why_writing_failed(file: &File) -> io::Error {
    let last = io::Error::last_os_error();
    if reader_has_gone(file) {
        return io::ErrorKind::BrokenPipe.into();
    }
    if last.raw_os_error().is_some_and(|code| REASONS.contains(&code)) {
        return last;
    }
    // The reason was lost in a thread of htslib: the file is asked once more.
    match probe(file) {
        Err(error) => error,
        Ok(()) => io::Error::other("cannot be written; is the disk full?"),
    }
}

/// The error of an index of htslib that could not be built into `file`, called `named`, where the disk is the reason;
/// None if it is another. To be called before any other system call.
pub(crate) fn index_failure(file: &File, named: &Path) -> Option<Error> {
    let last = io::Error::last_os_error();
    let reason = match last.raw_os_error() {
        Some(code) if REASONS.contains(&code) => Some(last),
        _ => probe(file).err(),
    };
    reason.map(|reason| Error::io(named, reason))
}

/// Write to a regular file what it has no use for, and remove it.
fn probe(mut file: &File) -> io::Result<()> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(());
    }
    let written = file.write_all(&[0; 1 << 16]).and_then(|()| file.sync_data());
    file.set_len(about.len())?;
    written
}

/// Whether `file` is a pipe or socket whose other end is closed.
fn reader_has_gone(file: &File) -> bool {
    let mut output = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, no waiting.
    unsafe { libc::poll(&mut output, 1, 0) > 0 && output.revents & (libc::POLLERR | libc::POLLHUP) != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_recognised_and_a_file_is_unchanged() {
        let (reader, writer) = io::pipe().unwrap();
        let writer = File::from(std::os::fd::OwnedFd::from(writer));
        assert!(!reader_has_gone(&writer));
        drop(reader);
        assert_eq!(why_writing_failed(&writer).kind(), io::ErrorKind::BrokenPipe);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        // A file that can be written: no reason is found, and its content is as before.
        probe(&file).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3);
    }
}
