//! Variants on their way into sites.

use std::collections::VecDeque;

use crate::assignment::local_haplotypes::MARGIN;
use crate::genome::{Edit, Variant};

/// Indels closer to each other than this are looked at together.
pub(super) const JOINED: i64 = MARGIN;

/// A site that has grown this long takes up no further neighbours.
pub(super) const LONG_ENOUGH: i64 = 1000;

/// A variant on its way into a site.
pub(super) struct Item {
    /// Reference span that its site needs at least, 0-based half-open.
    pub start: i64,
    pub end: i64,
    pub variant: Variant,
    /// Number of its record, if it has one.
    pub record: Option<u64>,
    /// Inserts or deletes bases.
    pub gapped: bool,
    pub differs: bool,
    pub units: usize,
}

impl Item {
    pub fn is_phased(&self) -> bool {
        self.variant.phased
    }

    pub fn edit(&self, haplotype: usize) -> Option<Edit<'_>> {
        match self.variant.phased {
            true => self.variant.edit(haplotype),
            false => self.variant.carried(haplotype),
        }
    }

    /// Reference span that it changes, 0-based half-open.
    pub fn changes(&self) -> (i64, i64) {
        let edits = [self.edit(1), self.edit(2)];
        let of = |e: &Edit| (e.start as i64, e.end as i64);
        let spans = edits.iter().flatten().map(of);
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((self.start, self.end))
    }

    /// By how many bases it may make a haplotype shorter.
    pub fn lack(&self) -> i64 {
        let of = |e: Option<Edit>| e.map_or(0, |e| (e.end - e.start) as i64 - e.bases.len() as i64);
        of(self.edit(1)).max(of(self.edit(2))).max(0)
    }
}

/// How many of the sorted `items` make the next site, and where it ends.
pub(super) fn group(items: &VecDeque<Item>) -> (usize, i64) {
    let first = &items[0];
    let (mut n, mut end, mut gapped) = (1, first.end, first.gapped);
    while let Some(next) = items.get(n) {
        let together = gapped || next.gapped;
        let overlaps = next.start < end;
        let near = gapped && next.gapped && next.start < end + JOINED && end - first.start < LONG_ENOUGH;
        let joins = if together { overlaps || near } else { overlaps };
        if !joins {
            break;
        }
        (n, end, gapped) = (n + 1, end.max(next.end), gapped || next.gapped);
    }
    (n, end)
}

/// Position (0-based) and both bases wherever substitutions make the haplotypes differ.
pub(super) fn substituted(items: &[Item]) -> Vec<(i64, u8, u8)> {
    let (from, to) = items.iter().map(Item::changes).fold((i64::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    let base = |haplotype: usize, position: i64| {
        let edits = items.iter().filter_map(|i| i.edit(haplotype));
        let changed = edits.filter(|e| e.start as i64 <= position && position < e.end as i64);
        let changed = changed.map(|e| e.bases[(position - e.start as i64) as usize]).next();
        let reference = || {
            let v = &items
                .iter()
                .find(|i| i.variant.start as i64 <= position && position < i.variant.end() as i64)?
                .variant;
            v.alleles[0].get((position - v.start as i64) as usize).copied()
        };
        changed.or_else(reference)
    };
    let both = (from..to).filter_map(|p| Some((p, base(1, p)?, base(2, p)?)));
    both.filter(|(_, a, b)| a != b).collect()
}
