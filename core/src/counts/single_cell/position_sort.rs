//! Sorting of fragments by position while they arrive. They are nearly sorted, so that a small window is enough; fragments
//! that arrive too late for it are kept in a temporary file.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Contig, start and end of a fragment (0-based half-open), by which the output is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Location {
    pub contig: u32,
    pub start: u64,
    pub end: u64,
}

/// Number of fragments of a group with the same location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub location: Location,
    pub group: u32,
    pub count: u32,
}

/// Bytes of a record in the temporary file.
const SIZE: usize = 28;

impl Record {
    fn bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..4].copy_from_slice(&self.location.contig.to_le_bytes());
        bytes[4..12].copy_from_slice(&self.location.start.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.location.end.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.group.to_le_bytes());
        bytes[24..].copy_from_slice(&self.count.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        let four = |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        let eight = |i: usize| four(i) as u64 | (four(i + 4) as u64) << 32;
        Self {
            location: Location { contig: four(0), start: eight(4), end: eight(12) },
            group: four(20),
            count: four(24),
        }
    }
}

/// Receives fragments in any order and passes them on by location. Memory does not depend on their number.
pub(super) struct Sorter {
    window: BTreeMap<(Location, u32), u32>,
    /// Most records in the window, and most late records in memory.
    most: usize,
    last: Option<Location>,
    late: Late,
}

impl Sorter {
    /// A temporary file, if needed, is created in the folder of `output`.
    pub fn new(output: &Path, most: usize) -> Self {
        let late = Late { output: output.to_path_buf(), ..Default::default() };
        Self { window: BTreeMap::new(), most: most.max(1), last: None, late }
    }

    /// Add a fragment. `out` receives records in order of location, at most one for each location and group; records that
    /// arrive after their turn are kept for [`Late`].
    pub fn add(&mut self, location: Location, group: u32, out: &mut impl FnMut(Record) -> Result<()>) -> Result<()> {
        if self.last.is_some_and(|last| location <= last) {
            return self.late.add(Record { location, group, count: 1 }, self.most);
        }
        let count = self.window.entry((location, group)).or_insert(0);
        *count = count.saturating_add(1);
        if self.window.len() > self.most {
            self.pass_first(out)?;
        }
        Ok(())
    }

    /// Pass on all records of the first location.
    fn pass_first(&mut self, out: &mut impl FnMut(Record) -> Result<()>) -> Result<()> {
        let Some(((location, _), _)) = self.window.first_key_value() else { return Ok(()) };
        let location = *location;
        self.last = Some(location);
        while let Some(entry) = self.window.first_entry().filter(|e| e.key().0 == location) {
            let ((location, group), count) = entry.remove_entry();
            out(Record { location, group, count })?;
        }
        Ok(())
    }

    /// Pass on the rest of the window, and return the late records.
    pub fn finish(mut self, out: &mut impl FnMut(Record) -> Result<()>) -> Result<Late> {
        while !self.window.is_empty() {
            self.pass_first(out)?;
        }
        self.late.begin()?;
        Ok(self.late)
    }
}

/// The late records, sorted: runs in a temporary file, and the last run in memory.
#[derive(Default)]
pub(super) struct Late {
    output: PathBuf,
    memory: Vec<Record>,
    file: Option<File>,
    runs: Vec<Run>,
    written: u64,
    next: BinaryHeap<Reverse<(Record, usize)>>,
}

/// A sorted part of the temporary file, and the records of it that are in memory.
struct Run {
    from: u64,
    to: u64,
    read: Vec<u8>,
    at: usize,
}

impl Late {
    fn add(&mut self, record: Record, most: usize) -> Result<()> {
        self.memory.push(record);
        if self.memory.len() >= most {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        let fail = |e: io::Error| Error::io(&self.output, e);
        self.memory.sort_unstable();
        if self.file.is_none() {
            let folder = self.output.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // Without a name it is deleted when the process ends, in whatever way.
            self.file = Some(tempfile::tempfile_in(folder).map_err(fail)?);
        }
        let bytes: Vec<u8> = self.memory.iter().flat_map(Record::bytes).collect();
        if let Some(file) = &self.file {
            file.write_all_at(&bytes, self.written).map_err(fail)?;
        }
        let to = self.written + bytes.len() as u64;
        self.runs.push(Run { from: self.written, to, read: Vec::new(), at: 0 });
        self.written = to;
        self.memory.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.memory.sort_unstable_by(|a, b| b.cmp(a));
        for run in 0..=self.runs.len() {
            self.pull(run)?;
        }
        Ok(())
    }

    /// Move the next record of a run into the heap; the run after those of the file is that in memory.
    fn pull(&mut self, number: usize) -> Result<()> {
        const AHEAD: u64 = 256 * SIZE as u64;
        let Some(run) = self.runs.get_mut(number) else {
            self.next.extend(self.memory.pop().map(|r| Reverse((r, number))));
            return Ok(());
        };
        if run.at == run.read.len() {
            let size = AHEAD.min(run.to - run.from);
            run.read.resize(size as usize, 0);
            run.at = 0;
            if let Some(file) = &self.file {
                file.read_exact_at(&mut run.read, run.from).map_err(|e| Error::io(&self.output, e))?;
            }
            run.from += size;
        }
        if let Some(bytes) = run.read.get(run.at..).and_then(|rest| rest.first_chunk::<SIZE>()) {
            run.at += SIZE;
            self.next.push(Reverse((Record::from_bytes(bytes), number)));
        }
        Ok(())
    }

    /// The next record by location; None at the end.
    pub fn next(&mut self) -> Result<Option<Record>> {
        let Some(Reverse((record, run))) = self.next.pop() else { return Ok(None) };
        self.pull(run)?;
        Ok(Some(record))
    }

    /// The location of the next record.
    pub fn peek(&self) -> Option<Location> {
        self.next.peek().map(|Reverse((record, _))| record.location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn window_and_late_records_are_all_and_sorted(list in prop::collection::vec((0u32..2, 0u64..30, 1u64..4, 0u32..3), 0..400), most in 1usize..50) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(&folder.path().join("x"), most);
            let mut truth = BTreeMap::new();
            let mut direct: Vec<Record> = Vec::new();
            for (contig, start, length, group) in list {
                let location = Location { contig, start, end: start + length };
                sorter.add(location, group, &mut |r| { direct.push(r); Ok(()) }).unwrap();
                *truth.entry((location, group)).or_insert(0) += 1;
            }
            let mut late = sorter.finish(&mut |r| { direct.push(r); Ok(()) }).unwrap();
            prop_assert!(direct.windows(2).all(|w| (w[0].location, w[0].group) < (w[1].location, w[1].group)));
            let mut late_ones: Vec<Record> = Vec::new();
            while let Some(location) = late.peek() {
                let record = late.next().unwrap().unwrap();
                prop_assert_eq!(record.location, location);
                late_ones.push(record);
            }
            prop_assert!(late_ones.is_sorted());
            let mut found = BTreeMap::new();
            for r in direct.iter().chain(&late_ones) {
                *found.entry((r.location, r.group)).or_insert(0) += r.count;
            }
            prop_assert_eq!(found, truth);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn sorted_input_is_never_late() {
        let mut sorter = Sorter::new(Path::new("x"), 3);
        let mut n = 0;
        for start in 0..100 {
            let location = Location { contig: 0, start: start ^ 1, end: 200 };
            sorter
                .add(location, 0, &mut |_| {
                    n += 1;
                    Ok(())
                })
                .unwrap();
        }
        assert!(sorter
            .finish(&mut |_| {
                n += 1;
                Ok(())
            })
            .unwrap()
            .peek()
            .is_none());
        assert_eq!(n, 100);
    }
}
