//! Which records of a haplotype overlap an earlier one of it, decided as they come.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::genome::Variant;

/// Settles the variants of one contig in constant memory. The rule is that of
/// [`Variants`](crate::genome::Variants): in order of the bases they really change, first come first served. Padded
/// alleles begin their change behind POS, so a variant waits until nothing to come can be before it.
#[derive(Default)]
pub(super) struct Settler {
    /// Not given back yet, in order of start, with the number of haplotypes that are still to be settled.
    waiting: VecDeque<(Variant, u8)>,
    /// Number of the first in `waiting`.
    first: u64,
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    /// Changes not settled yet: start, whether bases are replaced (insertions come first), number of the
    /// variant, end.
    open: BinaryHeap<Reverse<(u64, bool, u64, u64)>>,
    /// The change applied last.
    last: Option<(u64, u64)>,
}

impl Settler {
    /// Add a variant, which must not begin before the one added last.
    pub fn add(&mut self, variant: Variant) {
        let (number, start) = (self.added(), variant.start);
        let mut open = 0;
        for (side, haplotype) in self.sides.iter_mut().zip([1, 2]) {
            if let Some(edit) = variant.raw_edit(haplotype) {
                side.open.push(Reverse((edit.start, edit.end > edit.start, number, edit.end)));
                open += 1;
            }
        }
        self.waiting.push_back((variant, open));
        // What is still to come begins at `start` or later.
        self.settle_before(start);
    }

    /// No more are to come: all that wait are ready.
    pub fn close(&mut self) {
        self.settle_before(u64::MAX);
    }

    fn settle_before(&mut self, limit: u64) {
        for (i, side) in self.sides.iter_mut().enumerate() {
            while let Some(&Reverse((start, _, number, end))) = side.open.peek().filter(|e| e.0 .0 < limit) {
                side.open.pop();
                // Two insertions at one place have no order.
                let clash = side.last.is_some_and(|(s, e)| start < e || (start == s && end == e));
                if !clash {
                    side.last = Some((start, end));
                }
                let (variant, open) = &mut self.waiting[(number - self.first) as usize];
                variant.overlaps[i] = clash;
                *open -= 1;
            }
        }
    }

    /// How many were added.
    pub fn added(&self) -> u64 {
        self.first + self.waiting.len() as u64
    }

    /// How many were given back.
    pub fn given(&self) -> u64 {
        self.first
    }

    /// The next variant whose overlaps are settled.
    pub fn next(&mut self) -> Option<Variant> {
        self.waiting.front().filter(|(_, open)| *open == 0)?;
        self.first += 1;
        self.waiting.pop_front().map(|(variant, _)| variant)
    }
}
