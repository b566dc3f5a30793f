//! Variants that are not yet sites, and which of them make one site together.

use std::collections::VecDeque;

use crate::assignment::local_haplotypes::MARGIN;
use crate::genome::{Edit, Variant};

/// Indels closer to each other than this belong to one site.
pub(super) const JOINED: i64 = MARGIN;

/// A site of this length takes in no further neighbours.
pub(super) const LONG_ENOUGH: i64 = 1000;

/// A variant before it becomes a site, and as the context of other sites.
pub(super) struct PendingVariant {
    /// First reference base that its site must include, 0-based.
    pub start: i64,
    /// Past the last.
    pub end: i64,
    pub variant: Variant,
    /// Number of its record, if the alleles differ.
    pub record: Option<u64>,
    /// It inserts or deletes bases.
    pub gapped: bool,
    /// The alleles differ.
    pub differs: bool,
    /// Units of the repeat in which an indel lies.
    pub units: usize,
}

impl PendingVariant {
    pub fn is_phased(&self) -> bool {
        self.variant.phased
    }

    /// Its change to haplotype 1 or 2 (first or second allele of an unphased call).
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

    /// Maximum number of bases by which it shortens a haplotype.
    pub fn deleted(&self) -> i64 {
        let of = |e: Option<Edit>| e.map_or(0, |e| (e.end - e.start) as i64 - e.bases.len() as i64);
        of(self.edit(1)).max(of(self.edit(2))).max(0)
    }
}

/// How many of the `pending` variants, sorted by start, make the next site, and where it ends.
pub(super) fn group(pending: &VecDeque<PendingVariant>) -> (usize, i64) {
    let first = &pending[0];
    let (mut n, mut end, mut gapped) = (1, first.end, first.gapped);
    while let Some(next) = pending.get(n) {
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

/// Positions (0-based) at which substitutions make the haplotypes differ, with the base of haplotype 1 and of 2.
pub(super) fn substituted(pending: &[PendingVariant]) -> Vec<(i64, u8, u8)> {
    let (from, to) =
        pending.iter().map(PendingVariant::changes).fold((i64::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    let base = |haplotype: usize, position: i64| {
        let edits = pending.iter().filter_map(|v| v.edit(haplotype));
        let changed = edits.filter(|e| e.start as i64 <= position && position < e.end as i64);
        let changed = changed.map(|e| e.bases[(position - e.start as i64) as usize]).next();
        let reference = || {
            let v = &pending
                .iter()
                .find(|v| v.variant.start as i64 <= position && position < v.variant.end() as i64)?
                .variant;
            v.alleles[0].get((position - v.start as i64) as usize).copied()
        };
        changed.or_else(reference)
    };
    let both = (from..to).filter_map(|p| Some((p, base(1, p)?, base(2, p)?)));
    both.filter(|(_, a, b)| a != b).collect()
}
