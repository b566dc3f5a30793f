//! Bases of an uncompressed FASTA, read at the offset given by its index: htslib reads them one by one.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::io::Contigs;

/// Where each sequence is in the file.
pub(super) struct PlainLines {
    file: File,
    size: u64,
    sequences: Vec<Sequence>,
}

/// One line of the index.
#[derive(Clone, Copy)]
struct Sequence {
    /// In bases.
    length: u64,
    /// Offset of its first base, in bytes.
    offset: u64,
    /// Bases in a line.
    bases: u64,
    /// Bytes in a line, with its end.
    width: u64,
}

impl Sequence {
    /// Offset of base `i` (0-based) in bytes.
    fn byte(&self, i: u64) -> Option<u64> {
        (i / self.bases).checked_mul(self.width)?.checked_add(i % self.bases)?.checked_add(self.offset)
    }
}

impl PlainLines {
    /// `None` if the index holds anything unexpected: reading it is then left to htslib.
    pub fn open(file: File, index: &[u8], contigs: &Contigs) -> Option<Self> {
        let size = file.metadata().ok()?.len();
        let text = std::str::from_utf8(index).ok()?;
        let mut sequences = Vec::with_capacity(contigs.len());
        for (line, (name, _)) in text.lines().zip(contigs.iter()) {
            let mut columns = line.split('\t');
            if columns.next()? != name {
                return None;
            }
            let mut number = || columns.next()?.parse::<u64>().ok();
            let sequence = Sequence { length: number()?, offset: number()?, bases: number()?, width: number()? };
            if sequence.length > 0 && (sequence.bases == 0 || sequence.width < sequence.bases) {
                return None;
            }
            sequences.push(sequence);
        }
        (sequences.len() == contigs.len()).then_some(Self { file, size, sequences })
    }

    /// Bases `start..end` (0-based half-open), in the case of the file. `None` if the file does not hold them.
    pub fn read(&self, contig: usize, start: u64, end: u64) -> Option<Vec<u8>> {
        let sequence = self.sequences.get(contig)?;
        if start >= end || end > sequence.length {
            return None;
        }
        let (first, last) = (sequence.byte(start)?, sequence.byte(end - 1)?);
        if last >= self.size {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(last - first + 1).ok()?];
        self.file.read_exact_at(&mut bytes, first).ok()?;
        if sequence.bases == sequence.width {
            return Some(bytes);
        }
        // The first line may be read in part.
        let mut bases = Vec::with_capacity((end - start) as usize);
        let head = (sequence.bases - start % sequence.bases) as usize;
        bases.extend_from_slice(&bytes[..head.min(bytes.len())]);
        let rest = bytes.get(head + (sequence.width - sequence.bases) as usize..).unwrap_or(&[]);
        for line in rest.chunks(sequence.width as usize) {
            bases.extend_from_slice(&line[..line.len().min(sequence.bases as usize)]);
        }
        (bases.len() as u64 == end - start).then_some(bases)
    }
}
