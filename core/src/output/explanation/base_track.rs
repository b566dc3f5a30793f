//! One value for each base of many windows, as a bigWig, in memory that does not grow with them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::output_file::CompleteFiles;
use crate::io::Contigs;
use crate::output::bigwig;
use crate::output::track::Span;

/// Position and value.
const RECORD: usize = 8;

/// Values of bases, collected window by window. A base that several windows have keeps the value of the one whose anchor is
/// nearest. Values wait in a file without a name until the bigWig is written.
pub struct BaseTrack {
    path: PathBuf,
    contigs: Contigs,
    spool: BufWriter<File>,
    /// Of each contig the first of its values in the file, and their number.
    stored: HashMap<usize, (u64, u64)>,
    records: u64,
    contig: usize,
    /// Values before this position are in the file.
    stored_before: u32,
    /// What later windows may still change: distance from the anchor and value by position.
    pending: BTreeMap<u32, (u64, f32)>,
}

impl BaseTrack {
    /// Of the bigWig `path`, on `contigs`.
    ///
    /// # Errors
    /// There is no room for a temporary file.
    pub fn new(path: &Path, contigs: Contigs) -> Result<Self> {
        // Where the output will be: there is room, or it could not be written anyway.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let spool = BufWriter::new(tempfile::tempfile_in(folder).map_err(|error| Error::io(path, error))?);
        let (stored, pending) = (HashMap::new(), BTreeMap::new());
        Ok(Self { path: path.to_path_buf(), contigs, spool, stored, records: 0, contig: 0, stored_before: 0, pending })
    }

    /// Add the values of a window, by their 0-based positions, with their distance from its anchor. What windows to come
    /// have before `complete_before` on this contig is not taken, and contigs come one after the other.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn add(
        &mut self,
        contig: usize,
        values: impl IntoIterator<Item = (u64, f32)>,
        anchor: u64,
        complete_before: u64,
    ) -> Result<()> {
        if contig != self.contig {
            self.store(u64::MAX)?;
            (self.contig, self.stored_before) = (contig, 0);
        }
        for (position, value) in values {
            let Ok(position) = u32::try_from(position) else { continue };
            if position < self.stored_before {
                continue;
            }
            let distance = u64::from(position).abs_diff(anchor);
            let kept = self.pending.entry(position).or_insert((distance, value));
            if distance < kept.0 {
                *kept = (distance, value);
            }
        }
        self.store(complete_before)
    }

    fn store(&mut self, before: u64) -> Result<()> {
        while let Some(entry) = self.pending.first_entry().filter(|entry| u64::from(*entry.key()) < before) {
            let (position, (_, value)) = entry.remove_entry();
            let mut record = [0; RECORD];
            record[..4].copy_from_slice(&position.to_le_bytes());
            record[4..].copy_from_slice(&value.to_le_bytes());
            self.spool.write_all(&record).map_err(|error| Error::io(&self.path, error))?;
            self.stored.entry(self.contig).or_insert((self.records, 0)).1 += 1;
            self.records += 1;
        }
        self.stored_before = self.stored_before.max(u32::try_from(before).unwrap_or(u32::MAX));
        Ok(())
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.records == 0 && self.pending.is_empty()
    }

    /// Write the bigWig, one record for each base, which has its temporary name until the returned set is renamed.
    ///
    /// # Errors
    /// As [`bigwig::write()`]; the temporary file cannot be read.
    pub fn complete(mut self) -> Result<CompleteFiles> {
        self.store(u64::MAX)?;
        let fail = |error: io::Error| Error::io(&self.path, error);
        let file = self.spool.into_inner().map_err(|error| fail(error.into_error()))?;
        let failed = RefCell::new(None);
        let mut contigs: Vec<usize> = self.stored.keys().copied().collect();
        contigs.sort_unstable();
        let spans = |contig: usize| {
            let (first, count) = self.stored.get(&contig).copied().unwrap_or_default();
            let opened = file.try_clone().and_then(|mut file| {
                file.seek(SeekFrom::Start(first * RECORD as u64))?;
                Ok(BufReader::new(file))
            });
            let mut reader = opened.map_err(|error| failed.replace(Some(error))).ok();
            let failed = &failed;
            (0..count).map_while(move |_| {
                let mut record = [0; RECORD];
                match reader.as_mut()?.read_exact(&mut record) {
                    Ok(()) => {
                        let [a, b, c, d, e, f, g, h] = record;
                        let start = u32::from_le_bytes([a, b, c, d]);
                        Some(Span { start, end: start + 1, value: f32::from_le_bytes([e, f, g, h]) })
                    }
                    Err(error) => {
                        failed.replace(Some(error));
                        None
                    }
                }
            })
        };
        let written = bigwig::write_spans(&self.contigs, contigs, spans, &self.path);
        match failed.into_inner() {
            Some(error) => Err(fail(error)),
            None => written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bigtools::BigWigRead;

    #[test]
    fn each_base_has_one_record_of_the_nearest_window() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bw");
        let contigs = Contigs::new(vec![("chr2".into(), 5000), ("chr10".into(), 300)]);
        let mut track = BaseTrack::new(&path, contigs).unwrap();
        assert!(track.is_empty());
        let window = |from: u64, value: f32| (from..from + 10).map(move |position| (position, value));
        track.add(0, window(100, 1.0), 105, 106).unwrap();
        // Begins before the end of the one before.
        track.add(0, window(106, 2.0), 111, 400).unwrap();
        track.add(0, window(400, 3.0), 405, 400).unwrap();
        track.add(1, window(295, 4.0).take(5), 300, 295).unwrap();
        track.complete().unwrap().rename().unwrap();
        let mut reader = BigWigRead::open_file(&path).unwrap();
        let mut values = |name: &str| -> Vec<(u32, u32, f32)> {
            let values = reader.get_interval(name, 0, 5000).unwrap().map(|v| v.unwrap());
            values.map(|v| (v.start, v.end, v.value)).collect()
        };
        let base = |position: u32, value: f32| (position, position + 1, value);
        // 108 is as near to both: the first.
        let expected = (100..109).map(|p| base(p, 1.0)).chain((109..116).map(|p| base(p, 2.0)));
        let expected: Vec<_> = expected.chain((400..410).map(|p| base(p, 3.0))).collect();
        assert_eq!(values("chr2"), expected);
        assert_eq!(values("chr10"), (295..300).map(|p| base(p, 4.0)).collect::<Vec<_>>());
    }
}
