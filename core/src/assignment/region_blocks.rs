//! The blocks of regions that sorted reads touch.

use crate::io::bam::reader::reference_length;
use crate::io::bam::Alignment;
use crate::io::regions::{Block, Regions};

/// Walks blocks of regions along with sorted reads.
pub(super) struct BlockSweep<'a> {
    blocks: &'a [Block],
    /// The furthest end up to each block of its contig.
    reach: Vec<u64>,
    /// Blocks of contig `i`: `begins[i]..begins[i + 1]`.
    begins: Vec<usize>,
    next: usize,
    last: usize,
}

impl<'a> BlockSweep<'a> {
    pub fn new(regions: Option<&'a Regions>) -> Self {
        let blocks = regions.map_or(&[][..], |r| &r.blocks);
        let contigs = regions.map_or(0, |r| r.contigs.len());
        let begins = (0..=contigs).map(|c| blocks.partition_point(|b| b.contig < c)).collect();
        let reach = regions.map(Regions::reach).unwrap_or_default();
        Self { blocks, reach, begins, next: 0, last: 0 }
    }

    pub fn enter(&mut self, contig: usize) {
        (self.next, self.last) = match (self.begins.get(contig), self.begins.get(contig + 1)) {
            (Some(&a), Some(&b)) => (a, b),
            _ => (0, 0),
        };
    }

    /// The blocks that may touch a read at `start..end`; reads come by start.
    pub fn near(&mut self, start: i64, end: i64) -> impl Iterator<Item = &'a Block> {
        while self.next < self.last && self.reach[self.next] as i64 <= start {
            self.next += 1;
        }
        let blocks: &'a [Block] = self.blocks;
        let near = blocks[self.next..self.last].iter().take_while(move |b| (b.start as i64) < end);
        near.filter(move |b| (b.end as i64) > start)
    }
}

/// True if an aligned base of the read lies in `start..end`.
pub(super) fn touches(read: &Alignment, start: i64, end: i64) -> bool {
    let mut position = read.position;
    for &operation in read.cigar {
        let next = position + reference_length(operation);
        if matches!(operation & 15, 0 | 7 | 8) && position < end && start < next {
            return true;
        }
        position = next;
    }
    false
}
