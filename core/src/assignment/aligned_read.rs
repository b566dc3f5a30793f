//! The alignment of a read, taken from its CIGAR in one pass: aligned blocks, exons, soft clips, reference span.

use crate::io::bam::Alignment;

/// CIGAR operations, as numbered in BAM.
const MATCH: u32 = 0;
const INSERTION: u32 = 1;
const DELETION: u32 = 2;
const INTRON: u32 = 3;
const SOFT_CLIP: u32 = 4;
const HARD_CLIP: u32 = 5;
const SEQUENCE_MATCH: u32 = 7;
const SEQUENCE_MISMATCH: u32 = 8;

fn kind(operation: u32) -> u32 {
    operation & 15
}

/// Aligned bases (M, = and X) without a gap between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignedBlock {
    /// First reference base, 0-based.
    pub start: i64,
    /// Index of its first base in the read.
    pub index: usize,
    /// Number of bases.
    pub length: usize,
}

impl AlignedBlock {
    /// Past the last reference base, 0-based.
    pub fn end(&self) -> i64 {
        self.start + self.length as i64
    }

    /// Past the index of its last base in the read.
    pub fn end_index(&self) -> usize {
        self.index + self.length
    }
}

/// A part of a read between two introns (N), or between an intron and an end of the read. It has at least one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exon<'a> {
    /// Its aligned blocks, in order.
    pub blocks: &'a [AlignedBlock],
    /// Indices (half-open) of all of its bases in the read, soft-clipped ones included.
    pub bases: (usize, usize),
}

impl Exon<'_> {
    /// First aligned reference base, 0-based.
    pub fn start(&self) -> i64 {
        self.blocks[0].start
    }

    /// Past the last aligned reference base, 0-based.
    pub fn end(&self) -> i64 {
        self.blocks[self.blocks.len() - 1].end()
    }

    /// Indices (half-open) from its first to its last aligned base in the read.
    pub fn aligned(&self) -> (usize, usize) {
        (self.blocks[0].index, self.blocks[self.blocks.len() - 1].end_index())
    }

    /// Number of soft-clipped bases on the left and on the right.
    pub fn soft_clips(&self) -> [usize; 2] {
        let (first, last) = self.aligned();
        [first - self.bases.0, self.bases.1.saturating_sub(last)]
    }

    /// The rightmost place at or left of reference position `border` up to which bases are aligned: position and
    /// index in the read.
    pub fn aligned_left_of(&self, border: i64) -> Option<(i64, usize)> {
        let block = self.blocks[..self.blocks.partition_point(|b| b.start <= border)].last()?;
        let inside = (border - block.start).min(block.length as i64);
        Some((block.start + inside, block.index + inside as usize))
    }

    /// The leftmost place at or right of reference position `border` from which on bases are aligned: position and
    /// index in the read.
    pub fn aligned_right_of(&self, border: i64) -> Option<(i64, usize)> {
        let block = self.blocks.get(self.blocks.partition_point(|b| b.end() < border))?;
        let inside = (border - block.start).max(0);
        Some((block.start + inside, block.index + inside as usize))
    }
}

/// Blocks `first..last` and bases `from..to` of an exon.
#[derive(Clone, Copy, Debug)]
struct ExonBounds {
    first: usize,
    last: usize,
    from: usize,
    to: usize,
}

/// The alignment of one read. Its memory is reused: [`AlignedRead::fill`] takes the next read.
#[derive(Debug, Default)]
pub struct AlignedRead {
    start: i64,
    end: i64,
    blocks: Vec<AlignedBlock>,
    exons: Vec<ExonBounds>,
    gapped: bool,
    soft_clipped: bool,
}

impl AlignedRead {
    /// Take a read in place of the one before.
    pub fn fill(&mut self, read: &Alignment) {
        self.blocks.clear();
        self.exons.clear();
        self.gapped = false;
        let bases = read.qualities.len();
        let (mut position, mut index) = (read.position, 0usize);
        // The exon in progress: its first block and first base.
        let (mut first, mut from) = (0, 0);
        for &operation in read.cigar {
            let length = (operation >> 4) as usize;
            match kind(operation) {
                MATCH | SEQUENCE_MATCH | SEQUENCE_MISMATCH => {
                    match self.blocks.last_mut() {
                        Some(b) if b.end() == position && b.end_index() == index => b.length += length,
                        _ => self.blocks.push(AlignedBlock { start: position, index, length }),
                    }
                    index += length;
                    position += length as i64;
                }
                INSERTION => {
                    self.gapped = true;
                    index += length;
                }
                DELETION => {
                    self.gapped = true;
                    position += length as i64;
                }
                INTRON => {
                    self.end_exon(first, (from, index), bases);
                    (first, from) = (self.blocks.len(), index);
                    position += length as i64;
                }
                SOFT_CLIP => index += length,
                _ => {}
            }
        }
        self.end_exon(first, (from, index.min(bases)), bases);
        (self.start, self.end) = (read.position, position);
        self.soft_clipped = is_soft_clipped(read.cigar);
    }

    /// Add an exon that begins with block `first`, if it has aligned bases and the read has all `bases` of it.
    fn end_exon(&mut self, first: usize, (from, to): (usize, usize), bases: usize) {
        let last = self.blocks.len();
        if first < last && from < to && to <= bases {
            self.exons.push(ExonBounds { first, last, from, to });
        }
    }

    /// First aligned base, 0-based.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// Past the last reference base that the read spans, 0-based.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Blocks of aligned bases, in order.
    pub fn blocks(&self) -> &[AlignedBlock] {
        &self.blocks
    }

    /// Number of exons that have aligned bases.
    pub fn exon_count(&self) -> usize {
        self.exons.len()
    }

    /// Exon by number, from the left.
    pub fn exon(&self, number: usize) -> Exon<'_> {
        let e = self.exons[number];
        Exon { blocks: &self.blocks[e.first..e.last], bases: (e.from, e.to) }
    }

    /// All exons, from the left.
    pub fn exons(&self) -> impl DoubleEndedIterator<Item = Exon<'_>> {
        (0..self.exons.len()).map(|i| self.exon(i))
    }

    /// True if the alignment has insertions or deletions.
    pub fn is_gapped(&self) -> bool {
        self.gapped
    }

    /// True if an end of the read is soft-clipped.
    pub fn is_soft_clipped(&self) -> bool {
        self.soft_clipped
    }

    /// True if an aligned base lies in reference `start..end` (0-based half-open).
    pub fn touches(&self, start: i64, end: i64) -> bool {
        self.blocks.iter().any(|b| b.start < end && start < b.end())
    }

    /// Index of the read's base that is aligned to a reference position (0-based).
    pub fn index_of(&self, position: i64) -> Option<usize> {
        let block = self.blocks[..self.blocks.partition_point(|b| b.start <= position)].last()?;
        (position < block.end()).then(|| block.index + (position - block.start) as usize)
    }
}

/// True if the first or last operation is a soft clip; hard clips may lie outside of it.
fn is_soft_clipped(cigar: &[u32]) -> bool {
    let is = |operation: Option<&u32>, wanted: u32| operation.is_some_and(|&o| kind(o) == wanted);
    let cigar = &cigar[usize::from(is(cigar.first(), HARD_CLIP))..];
    let cigar = &cigar[..cigar.len() - usize::from(is(cigar.last(), HARD_CLIP))];
    is(cigar.first(), SOFT_CLIP) || is(cigar.last(), SOFT_CLIP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::bam::test_reads::{Made, OPERATIONS};
    use proptest::prelude::*;

    fn aligned(read: &Made) -> AlignedRead {
        let mut aligned = AlignedRead::default();
        // What is left of another read must not matter.
        aligned.fill(&Made::new(3, "2S5M1I4M2D3M9N4M", &"A".repeat(19), 30).read());
        aligned.fill(&read.read());
        aligned
    }

    #[test]
    fn blocks_exons_and_clips_of_a_spliced_read() {
        let read = aligned(&Made::new(100, "3S5=1X2I4M10N6M2D5M4S", &"A".repeat(30), 30));
        let block = |start, index, length| AlignedBlock { start, index, length };
        assert_eq!(read.blocks(), [block(100, 3, 6), block(106, 11, 4), block(120, 15, 6), block(128, 21, 5)]);
        let exons: Vec<Exon> = read.exons().collect();
        assert_eq!(exons[0], Exon { blocks: &read.blocks()[..2], bases: (0, 15) });
        assert_eq!(exons[1], Exon { blocks: &read.blocks()[2..], bases: (15, 30) });
        assert_eq!((exons[0].soft_clips(), exons[1].soft_clips()), ([3, 0], [0, 4]));
        assert_eq!((exons[1].start(), exons[1].end(), exons[1].aligned()), (120, 133, (15, 26)));
        assert_eq!((read.start(), read.end(), read.is_gapped(), read.is_soft_clipped()), (100, 133, true, true));
        // A border in the deletion, at its ends, and outside of the exon.
        let borders = [126, 127, 128, 119, 140];
        assert_eq!(
            borders.map(|b| exons[1].aligned_left_of(b)),
            [Some((126, 21)), Some((126, 21)), Some((128, 21)), None, Some((133, 26))]
        );
        assert_eq!(
            borders.map(|b| exons[1].aligned_right_of(b)),
            [Some((126, 21)), Some((128, 21)), Some((128, 21)), Some((120, 15)), None]
        );
    }

    #[test]
    fn soft_clips_lie_within_hard_clips() {
        let is = |cigar: &str| is_soft_clipped(&crate::io::bam::test_reads::cigar(cigar));
        assert!(["3S5M", "5M3S", "2H3S5M", "5M3S2H", "2H3S5M2H", "2H3S"].iter().all(|c| is(c)));
        assert!(["5M", "2H5M2H", "2H", "2M3S2M", ""].iter().all(|c| !is(c)));
    }

    proptest! {
        /// Each base of the read by itself.
        #[test]
        fn blocks_equal_single_bases(
            start in 0i64..50,
            operations in prop::collection::vec((1u32..6, 0u32..9), 0..9),
            (from, length) in (0i64..90, 1i64..9),
        ) {
            let (mut pairs, mut position, mut index) = (Vec::new(), start, 0usize);
            for &(n, o) in &operations {
                for _ in 0..n {
                    let o = OPERATIONS.as_bytes()[o as usize];
                    if b"M=X".contains(&o) {
                        pairs.push((position, index));
                    }
                    position += b"MDN=X".contains(&o) as i64;
                    index += b"MIS=X".contains(&o) as usize;
                }
            }
            let cigar = operations.iter().map(|&(n, o)| n << 4 | o).collect();
            let bases = "A".repeat(index);
            let read = aligned(&Made { cigar, ..Made::new(start, "", &bases, 30) });
            let of_block = |b: &AlignedBlock| (0..b.length).map(|i| (b.start + i as i64, b.index + i)).collect::<Vec<_>>();
            prop_assert_eq!(&read.blocks().iter().flat_map(of_block).collect::<Vec<_>>(), &pairs);
            prop_assert_eq!((read.start(), read.end()), (start, position));
            prop_assert_eq!(read.touches(from, from + length), pairs.iter().any(|p| from <= p.0 && p.0 < from + length));
            prop_assert_eq!(read.index_of(from), pairs.iter().find(|p| p.0 == from).map(|p| p.1));
            for exon in read.exons() {
                let (first, last) = exon.aligned();
                let inside = |p: &&(i64, usize)| first <= p.1 && p.1 < last;
                // Past each aligned base, and before it, read and reference are together.
                let left = pairs.iter().filter(inside).flat_map(|p| [*p, (p.0 + 1, p.1 + 1)]);
                let left = left.filter(|p| p.0 <= from).max();
                let right = pairs.iter().filter(inside).flat_map(|p| [*p, (p.0 + 1, p.1 + 1)]);
                let right = right.filter(|p| p.0 >= from).min();
                prop_assert_eq!(exon.aligned_left_of(from), left);
                prop_assert_eq!(exon.aligned_right_of(from), right);
            }
        }
    }
}
