//! Which records of a haplotype overlap an earlier one of it, decided while they are read.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::genome::Variant;

/// Sets [`Variant::overlaps`] of the variants of one contig, in constant memory. Records are applied first come, first
/// served, in order of the bases they really change; of those that begin at the same base, insertions first and then in
/// the order of the file. Padded alleles change their first base after POS, so a variant waits until no later one can
/// precede it.
#[derive(Default)]
pub(super) struct OverlapFilter {
    /// In order of start, with the number of haplotypes that are still undecided.
    waiting: VecDeque<(Variant, u8)>,
    /// Number of the first in `waiting`.
    first: u64,
    haplotypes: [Pending; 2],
}

/// The changes of one haplotype.
#[derive(Default)]
struct Pending {
    /// Not decided yet: start, whether bases are replaced (insertions come first), number of the variant, end.
    changes: BinaryHeap<Reverse<(u64, bool, u64, u64)>>,
    /// The change applied last.
    last: Option<(u64, u64)>,
}

impl OverlapFilter {
    /// Add a variant, which must not begin before the one added last.
    pub fn add(&mut self, variant: Variant) {
        let (number, start) = (self.added(), variant.start);
        let mut undecided = 0;
        for (pending, haplotype) in self.haplotypes.iter_mut().zip([1, 2]) {
            if let Some(edit) = variant.phased_edit(haplotype) {
                pending.changes.push(Reverse((edit.start, edit.end > edit.start, number, edit.end)));
                undecided += 1;
            }
        }
        self.waiting.push_back((variant, undecided));
        // Variants still to come begin at `start` or later.
        self.decide_before(start);
    }

    /// There are no more: decide all that wait.
    pub fn close(&mut self) {
        self.decide_before(u64::MAX);
    }

    fn decide_before(&mut self, limit: u64) {
        for (i, pending) in self.haplotypes.iter_mut().enumerate() {
            while let Some(&Reverse((start, _, number, end))) = pending.changes.peek().filter(|e| e.0 .0 < limit) {
                pending.changes.pop();
                // Two insertions at one position have no order.
                let overlaps = pending.last.is_some_and(|(s, e)| start < e || (start == s && end == e));
                if !overlaps {
                    pending.last = Some((start, end));
                }
                let (variant, undecided) = &mut self.waiting[(number - self.first) as usize];
                variant.overlaps[i] = overlaps;
                *undecided -= 1;
            }
        }
    }

    /// Number of variants added.
    pub fn added(&self) -> u64 {
        self.first + self.waiting.len() as u64
    }

    /// Number of variants returned.
    pub fn returned(&self) -> u64 {
        self.first
    }

    /// The next variant whose overlaps have been decided.
    pub fn next(&mut self) -> Option<Variant> {
        self.waiting.front().filter(|(_, undecided)| *undecided == 0)?;
        self.first += 1;
        self.waiting.pop_front().map(|(variant, _)| variant)
    }
}
