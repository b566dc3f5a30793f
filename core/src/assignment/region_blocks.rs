//! The blocks of regions that sorted reads overlap.

use crate::io::regions::{Block, Regions};

/// Walks along blocks of regions with sorted reads.
pub(super) struct BlockSweep<'a> {
    blocks: &'a [Block],
    /// For each block, the largest end so far on its contig.
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

    /// Go to a contig.
    pub fn enter(&mut self, contig: usize) {
        (self.next, self.last) = match (self.begins.get(contig), self.begins.get(contig + 1)) {
            (Some(&a), Some(&b)) => (a, b),
            _ => (0, 0),
        };
    }

    /// The blocks that overlap `start..end` (0-based half-open); `start` never decreases on a contig.
    pub fn near(&mut self, start: i64, end: i64) -> impl Iterator<Item = &'a Block> {
        while self.next < self.last && self.reach[self.next] as i64 <= start {
            self.next += 1;
        }
        let blocks: &'a [Block] = self.blocks;
        let near = blocks[self.next..self.last].iter().take_while(move |b| (b.start as i64) < end);
        near.filter(move |b| (b.end as i64) > start)
    }
}
