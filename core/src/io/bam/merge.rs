//! Several alignment files read as one, in order of position.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::io::bam::{Alignment, Alignments};
use crate::io::{Contigs, Spans};

/// Contig (unplaced reads last), position, index of the file.
type Place = (u32, i64, usize);

/// Alignment files with the same contigs, read in order of position.
pub struct MergedAlignments {
    files: Vec<Alignments>,
    /// The next alignment of each file except the one returned last.
    heap: BinaryHeap<Reverse<Place>>,
    last: Option<usize>,
    started: bool,
}

impl MergedAlignments {
    /// Open all of `paths`, as [`Alignments::open`]; `threads` are shared among them.
    ///
    /// # Errors
    /// As [`Alignments::open`]; also contigs that differ between files.
    pub fn open(paths: &[PathBuf], reference: Option<&std::path::Path>, threads: usize) -> Result<Self> {
        let mut files: Vec<Alignments> = Vec::with_capacity(paths.len());
        for path in paths {
            let file = Alignments::open(path, reference, (threads / paths.len()).max(threads.min(2)))?;
            if let Some(first) = files.first() {
                if let Some(problem) = differ(first.contigs(), file.contigs()) {
                    let first = first.path().display();
                    return Err(Error::input(path, format!("{problem} in \"{first}\"; count them separately")));
                }
            }
            files.push(file);
        }
        Ok(Self { files, heap: BinaryHeap::new(), last: None, started: false })
    }

    /// The files, in the order given.
    pub fn files(&self) -> &[Alignments] {
        &self.files
    }

    /// The contigs, the same in all files.
    ///
    /// # Panics
    /// If it was opened without a file.
    pub fn contigs(&self) -> &Contigs {
        self.files[0].contigs()
    }

    /// [`Alignments::restrict_by_reading`] for all files.
    pub fn restrict_by_reading(&mut self, spans: &Spans) {
        self.files.iter_mut().for_each(|f| f.restrict_by_reading(spans));
    }

    /// [`Alignments::restrict_by_index`] for all files.
    ///
    /// # Errors
    /// A file has no index.
    pub fn restrict_by_index(&mut self, spans: &Spans) -> Result<()> {
        self.files.iter_mut().try_for_each(|f| f.restrict_by_index(spans))
    }

    /// The next alignment and the index of its file, by position; at equal positions in the order of the files.
    ///
    /// # Errors
    /// As [`Alignments::next_read`].
    #[inline]
    pub fn next_read(&mut self) -> Result<Option<(usize, Alignment<'_>)>> {
        if self.files.len() == 1 {
            return Ok(self.files[0].next_read()?.map(|read| (0, read)));
        }
        if !self.started {
            self.started = true;
            for i in 0..self.files.len() {
                self.advance(i)?;
            }
        } else if let Some(i) = self.last {
            self.advance(i)?;
        }
        let Some(Reverse((_, _, i))) = self.heap.pop() else { return Ok(None) };
        self.last = Some(i);
        Ok(Some((i, self.files[i].current()?)))
    }

    fn advance(&mut self, i: usize) -> Result<()> {
        if let Some(read) = self.files[i].next_read()? {
            self.heap.push(Reverse((read.contig as u32, read.position, i)));
        }
        Ok(())
    }
}

/// How the contigs of two files differ, if they do.
fn differ(ours: &Contigs, theirs: &Contigs) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("has {} contigs, but there are {}", theirs.len(), ours.len()));
    }
    let unlike = ours.iter().zip(theirs.iter()).find(|(a, b)| a != b)?;
    let ((name, length), (other, size)) = unlike;
    Some(format!("has contig {other} ({size} bases) where there is {name} ({length} bases)"))
}
