//! A file for libraries that do not report every error of writing.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// The first error of a [`Patient`].
#[derive(Clone, Default)]
pub(crate) struct FirstError(Arc<Mutex<Option<io::Error>>>);

impl FirstError {
    fn happened(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn set(&self, error: io::Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The error, if there was one, as that of writing `path`.
    ///
    /// # Errors
    /// A write has failed.
    pub fn check(&self, path: &Path) -> Result<()> {
        self.take().map_or(Ok(()), |error| Err(Error::io(path, error)))
    }
}

/// A file whose first error is kept for the caller; later writes are dropped. The crate bigtools unwraps the outcome of
/// its tasks, and does not see an error of the last write; the crate zip prints an error when an archive is dropped.
pub(crate) struct Patient {
    file: File,
    position: u64,
    end: u64,
    failed: FirstError,
}

impl Patient {
    /// Write to `file` from its beginning; the first error goes to `failed`.
    pub fn new(file: File, failed: &FirstError) -> Self {
        Self { file, position: 0, end: 0, failed: failed.clone() }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.failed.happened() {
            if let Err(error) = self.file.write_all(bytes) {
                self.failed.set(error);
            }
        }
        self.position += bytes.len() as u64;
        self.end = self.end.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Patient {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
            SeekFrom::End(n) => self.end.checked_add_signed(n),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if !self.failed.happened() {
            if let Err(error) = self.file.seek(SeekFrom::Start(self.position)) {
                self.failed.set(error);
            }
        }
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_kept_and_positions_go_on() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let failed = FirstError::default();
        let mut out = Patient::new(file, &failed);
        out.write_all(&[0; 100]).unwrap();
        assert!(failed.happened());
        assert_eq!(out.seek(SeekFrom::Start(10)).unwrap(), 10);
        out.write_all(&[0; 20]).unwrap();
        assert_eq!(out.seek(SeekFrom::End(-1)).unwrap(), 99);
        assert_eq!(failed.take().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
