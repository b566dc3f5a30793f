//! Tracks as bigWig.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bigtools::beddata::BedParserStreamingIterator;
use bigtools::{BBIProcessError, BigWigWrite, Value};

use crate::error::{Error, Result};
use crate::io::output_file::{temporary_for, CompleteFiles, Destination};
use crate::output::track::Track;

/// A node of the index of contigs counts its children in 16 bits, which readers in Java (IGV) take as signed.
const MAX_CONTIGS: usize = 32_767;

/// Write `track` to `path`, a regular file, which has a temporary name until the returned set is renamed.
///
/// # Errors
/// The track is empty, which a bigWig cannot be, the length of a contig is unknown or beyond 32 bits, there are values on
/// more than 32,767 contigs, or the file cannot be written.
pub fn write(track: &Track, path: &Path) -> Result<CompleteFiles> {
    if track.is_empty() {
        return Err(Error::input(path, "would be empty, which bigWig cannot be: nothing was predicted"));
    }
    if !matches!(Destination::of(path)?, Destination::File(_)) {
        return Err(Error::input(path, "is not a regular file, which bigWig needs"));
    }
    let contigs = track.contigs();
    let mut order: Vec<usize> = (0..contigs.len()).collect();
    // bigWig has its contigs in the order of their bytes, by which readers search.
    order.sort_by_key(|&i| contigs.name(i).as_bytes());
    let mut sizes = HashMap::new();
    order.retain(|&i| !track.is_bare(i));
    if order.len() > MAX_CONTIGS {
        let count = order.len();
        let problem = format!("cannot hold values on {count} contigs: readers of bigWig know at most {MAX_CONTIGS}");
        return Err(Error::input(path, format!("{problem}; write a bedGraph")));
    }
    for &i in &order {
        let size = u32::try_from(contigs.length(i)).ok().filter(|&n| n > 0).ok_or_else(|| {
            Error::input(path, format!("cannot hold \"{}\": bigWig needs a length below 2^32", contigs.name(i)))
        })?;
        sizes.insert(contigs.name(i).to_owned(), size);
    }
    let values = order.iter().flat_map(|&i| {
        let name = contigs.name(i);
        track.flat(i).map(move |s| (name, Value { start: s.start, end: s.end, value: s.value }))
    });

    let (file, temporary) = temporary_for(path)?.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| Error::io(path, e))?;
    let failed = FirstError::default();
    let mut writer = BigWigWrite::new(Patient { file, position: 0, end: 0, failed: failed.clone() }, sizes);
    // Intermediate zoom levels stay in memory, not in temporary files.
    writer.options.inmemory = true;
    let written = writer.write(BedParserStreamingIterator::wrap_infallible_iter(values, false), runtime);
    if let Some(error) = failed.take() {
        return Err(Error::io(path, error));
    }
    written.map_err(|e| match e {
        BBIProcessError::IoError(e) => Error::io(path, e),
        e => Error::input(path, format!("could not be written: {e}")),
    })?;
    CompleteFiles::of(temporary, path)
}

/// The first error of a [`Patient`].
#[derive(Clone, Default)]
struct FirstError(Arc<Mutex<Option<io::Error>>>);

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
}

/// A file whose first error is kept for the caller; later writes are dropped. The crate bigtools unwraps the outcome of
/// its tasks, and does not see an error of the last write.
struct Patient {
    file: File,
    position: u64,
    end: u64,
    failed: FirstError,
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
    use crate::io::Contigs;
    use bigtools::BigWigRead;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bw");
        // In another order than that of their bytes.
        let contigs = Contigs::new(vec![("chr2".into(), 5000), ("chr10".into(), 300), ("chrM".into(), 9)]);
        let mut track = Track::new(contigs);
        track.push(0, 100, 200, 1.5);
        track.push(0, 150, 250, -0.5);
        track.push(1, 290, 400, 2.0);
        (0..3000).for_each(|i| track.push(0, 1000 + i, 1001 + i, i as f64));
        write(&track, &path).unwrap().rename().unwrap();
        let mut reader = BigWigRead::open_file(&path).unwrap();
        let names: Vec<_> = reader.chroms().iter().map(|c| (c.name.clone(), c.length)).collect();
        assert_eq!(names, [("chr10".to_owned(), 300), ("chr2".to_owned(), 5000)]);
        for (i, name) in [(0, "chr2"), (1, "chr10")] {
            let got: Vec<_> = reader.get_interval(name, 0, 5000).unwrap().map(|v| v.unwrap()).collect();
            let got: Vec<_> = got.iter().map(|v| (v.start, v.end, v.value)).collect();
            let expected: Vec<_> = track.flat(i).map(|s| (s.start, s.end, s.value)).collect();
            assert_eq!(got, expected);
        }
    }

    #[test]
    fn an_empty_track_is_an_error_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bw");
        let track = Track::new(Contigs::new(vec![("1".into(), 9)]));
        assert!(write(&track, &path).unwrap_err().to_string().contains("empty"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_first_error_is_kept_and_positions_go_on() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let failed = FirstError::default();
        let mut out = Patient { file, position: 0, end: 0, failed: failed.clone() };
        out.write_all(&[0; 100]).unwrap();
        assert!(failed.happened());
        assert_eq!(out.seek(SeekFrom::Start(10)).unwrap(), 10);
        out.write_all(&[0; 20]).unwrap();
        assert_eq!(out.seek(SeekFrom::End(-1)).unwrap(), 99);
        assert_eq!(failed.take().unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
