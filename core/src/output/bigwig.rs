//! Tracks as bigWig.

use std::collections::HashMap;
use std::path::Path;

use bigtools::beddata::BedParserStreamingIterator;
use bigtools::{BBIProcessError, BigWigWrite, Value};

use crate::error::{Error, Result};
use crate::io::output_file::patient::{FirstError, Patient};
use crate::io::output_file::{temporary_for, CompleteFiles, Destination};
use crate::io::Contigs;
use crate::output::track::{Span, Track};

/// A node of the index of contigs counts its children in 16 bits, which readers in Java (IGV) take as signed.
const MAX_CONTIGS: usize = 32_767;

/// Write `track` to `path`, a regular file, which has a temporary name until the returned set is renamed.
///
/// # Errors
/// The track is empty, which a bigWig cannot be, the length of a contig is unknown or beyond 32 bits, there are values on
/// more than 32,767 contigs, or the file cannot be written.
pub fn write(track: &Track, path: &Path) -> Result<CompleteFiles> {
    let contigs = track.contigs();
    let with_values = (0..contigs.len()).filter(|&i| !track.is_bare(i)).collect();
    write_spans(contigs, with_values, |contig| track.flat(contig), path)
}

/// As [`write()`], the spans of each of the contigs `with_values` as `spans` gives them: sorted, without overlaps.
///
/// # Errors
/// As [`write()`].
pub fn write_spans<S: Iterator<Item = Span>>(
    contigs: &Contigs,
    with_values: Vec<usize>,
    spans: impl Fn(usize) -> S,
    path: &Path,
) -> Result<CompleteFiles> {
    if with_values.is_empty() {
        return Err(Error::input(path, "would be empty, which bigWig cannot be: nothing was predicted"));
    }
    if !matches!(Destination::of(path)?, Destination::File(_)) {
        return Err(Error::input(path, "is not a regular file, which bigWig needs"));
    }
    let mut order = with_values;
    // bigWig has its contigs in the order of their bytes, by which readers search.
    order.sort_by_key(|&i| contigs.name(i).as_bytes());
    let mut sizes = HashMap::new();
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
        spans(i).map(move |s| (name, Value { start: s.start, end: s.end, value: s.value }))
    });

    let (file, temporary) = temporary_for(path)?.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| Error::io(path, e))?;
    let failed = FirstError::default();
    let mut writer = BigWigWrite::new(Patient::new(file, &failed), sizes);
    // Intermediate zoom levels stay in memory, not in temporary files.
    writer.options.inmemory = true;
    let written = writer.write(BedParserStreamingIterator::wrap_infallible_iter(values, false), runtime);
    failed.check(path)?;
    written.map_err(|e| match e {
        BBIProcessError::IoError(e) => Error::io(path, e),
        e => Error::input(path, format!("could not be written: {e}")),
    })?;
    CompleteFiles::of(temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
