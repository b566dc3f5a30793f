//! The sequences of both haplotypes around insertions and deletions.

use crate::assignment::phred::{gap_opening, PhredCost};
use crate::assignment::CoveredRecords;
use crate::genome::{Edit, Variant};

/// Bases on either side of an indel, beyond those through which it can be shifted, from which on the alignment of a
/// read is trusted.
pub(super) const PAD: i64 = 3;

/// A read that ends within this many bases of the border of a site may be misaligned up to its end, and is realigned
/// to its end.
pub(super) const SLACK: i64 = 20;

/// Bases of each haplotype kept beyond the borders of a site.
pub(super) const MARGIN: i64 = 32;

/// Maximum number of bases by which an indel is shifted along a repeat.
const FURTHEST_SHIFT: usize = 200;

/// Longer sites are not scored: short reads are not informative there.
pub(super) const LONGEST_SITE: i64 = 20_000;

/// Both haplotypes around a site, from `MARGIN` bases before its start to `MARGIN` bases past its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalHaplotypes {
    /// Sequences of haplotype 1 and 2. N at neighbouring sites, which are scored by themselves.
    pub(super) sequences: [Vec<u8>; 2],
    /// Index of the site's first base in each.
    pub(super) starts: [usize; 2],
    /// Past the site's last base in each.
    pub(super) ends: [usize; 2],
    /// Bases deleted from each.
    pub(super) deleted: [usize; 2],
    /// Bases inserted into each.
    pub(super) inserted: [usize; 2],
    /// Cost of opening a gap here.
    pub(super) opening: PhredCost,
    /// For each record of the site, the bases that it changes in each haplotype: first index and past the last, at
    /// least one base.
    pub(super) changes: Vec<[(usize, usize); 2]>,
}

/// The reference span within which an edit can be shifted without changing the sequence, 0-based half-open, and the
/// number of repeat units in it.
pub(super) fn shifts(edit: &Edit, before: &[u8], after: &[u8], deleted: &[u8]) -> (i64, i64, usize) {
    let (start, end) = (edit.start as i64, edit.end as i64);
    // What is shifted: the bases that the longer allele has beyond the other. In a replacement they may be its first or
    // its last ones.
    let (longer, common) = match edit.bases.len() > deleted.len() {
        true => (edit.bases, deleted.len()),
        false => (deleted, edit.bases.len()),
    };
    let (first, last) = (&longer[..longer.len() - common], &longer[common..]);
    let n = first.len();
    if n == 0 {
        return (start, end, 1);
    }
    let right = after.iter().take(FURTHEST_SHIFT).enumerate();
    let right = right.take_while(|&(k, &b)| b == if k < n { last[k] } else { after[k - n] }).count();
    let left = before.iter().rev().take(FURTHEST_SHIFT).enumerate();
    let left = left.take_while(|&(k, &b)| b == if k < n { first[n - 1 - k] } else { before[before.len() - k + n - 1] });
    let left = left.count();
    let period = (1..=n).find(|p| n % p == 0 && last.iter().zip(&last[*p..]).all(|(a, b)| a == b)).unwrap_or(n);
    (start - left as i64, end + right as i64, (left + right + n) / period)
}

/// Bases that [`shifts`] needs on either side.
pub(super) const SHIFT_CONTEXT: i64 = FURTHEST_SHIFT as i64;

/// A variant in the margins of a site.
pub(super) enum Neighbour<'a> {
    /// Both haplotypes carry it.
    Shared(Edit<'a>),
    /// Scored at another site: reference `start..end` (0-based half-open) is N here.
    Unknown(i64, i64),
}

/// The variants of a site and its surroundings.
pub(super) struct SiteContext<'a> {
    /// First reference base of the site, 0-based.
    pub start: i64,
    /// Past its last reference base.
    pub end: i64,
    /// Reference from `start - MARGIN` to `end + MARGIN`.
    pub reference: &'a [u8],
    /// The variants of the site.
    pub variants: &'a [&'a Variant],
    /// If false, the first and second allele of an unphased call take the place of the haplotypes.
    pub phased: bool,
    /// Variants in the margins.
    pub neighbours: &'a [Neighbour<'a>],
    /// Units of the longest repeat in which an indel of the site lies.
    pub units: usize,
    /// Reference span (0-based half-open) that each record changes.
    pub changes: Vec<(i64, i64)>,
}

impl LocalHaplotypes {
    /// Apply the variants to the reference, for both haplotypes.
    pub(super) fn new(site: SiteContext) -> Self {
        let mut lengths: Vec<(usize, usize)> = Vec::with_capacity(2);
        let mut changes: Vec<Vec<(usize, usize)>> = Vec::with_capacity(2);
        let mut one = |haplotype: usize| {
            let mut edits: Vec<Edit> = site
                .variants
                .iter()
                .filter_map(|v| if site.phased { v.edit(haplotype) } else { v.carried(haplotype) })
                .collect();
            let mut masked = site.reference.to_vec();
            let first = site.start - MARGIN;
            for neighbour in site.neighbours {
                match neighbour {
                    Neighbour::Shared(edit) => edits.push(*edit),
                    Neighbour::Unknown(from, to) => {
                        let (from, to) = ((from - first).max(0) as usize, (to - first).max(0) as usize);
                        let to = to.min(masked.len());
                        if from < to {
                            masked[from..to].fill(b'N');
                        }
                    }
                }
            }
            edits.sort_by_key(|e| (e.start, e.end));
            let change = |e: &Edit| (e.end - e.start) as i64 - e.bases.len() as i64;
            let sum = |sign: i64| edits.iter().map(|e| (sign * change(e)).max(0) as usize).sum();
            lengths.push((sum(1), sum(-1)));
            let edited = apply_edits(&masked, first, &edits, site.start, site.end);
            // Index of a reference position, which edits before it have shifted.
            let index = |position: i64| {
                let before = edits.iter().filter(|e| site.start <= e.start as i64 && e.end as i64 <= position);
                let shift: i64 = before.map(change).sum();
                (edited.1 as i64 + position - site.start - shift).clamp(0, edited.0.len() as i64) as usize
            };
            // Bases inserted at the first position belong to the change.
            let changed = |&(start, end): &(i64, i64)| {
                let inserted = edits.iter().filter(|e| e.start as i64 == start && e.end as i64 == start);
                let from = index(start) - inserted.map(|e| e.bases.len()).sum::<usize>().min(index(start));
                (from, index(end).max(from + 1))
            };
            changes.push(site.changes.iter().map(changed).collect());
            edited
        };
        let ((first, start1, end1), (second, start2, end2)) = (one(1), one(2));
        Self {
            sequences: [first, second],
            starts: [start1, start2],
            ends: [end1, end2],
            deleted: [lengths[0].0, lengths[1].0],
            inserted: [lengths[0].1, lengths[1].1],
            opening: gap_opening(site.units),
            changes: changes[0].iter().zip(&changes[1]).map(|(a, b)| [*a, *b]).collect(),
        }
    }

    /// True if the two sequences differ.
    pub(super) fn differ(&self) -> bool {
        self.sequences[0] != self.sequences[1]
    }

    /// The records of the site that change haplotype `h` (0 or 1) within indices `first..last`.
    pub(super) fn covered(&self, h: usize, (first, last): (usize, usize)) -> CoveredRecords {
        let changes = self.changes.iter().enumerate();
        changes.filter(|(_, c)| first < c[h].1 && c[h].0 < last).map(|(i, _)| i).collect()
    }
}

/// Reference bases from `first` on with sorted `edits` applied, and the indices in them of reference positions `start`
/// and `end`, which no edit touches. An edit that overlaps an earlier one or an end is not applied.
pub(super) fn apply_edits(
    reference: &[u8],
    first: i64,
    edits: &[Edit],
    start: i64,
    end: i64,
) -> (Vec<u8>, usize, usize) {
    let last = first + reference.len() as i64;
    let mut sequence = Vec::with_capacity(reference.len() + 16);
    let (mut at_start, mut at_end) = (None, None);
    let mut copied = first;
    let mut copy = |sequence: &mut Vec<u8>, from: i64, to: i64| {
        for (index, wanted) in [(&mut at_start, start), (&mut at_end, end)] {
            if index.is_none() && from <= wanted && wanted <= to {
                *index = Some(sequence.len() + (wanted - from) as usize);
            }
        }
        sequence.extend_from_slice(&reference[(from - first) as usize..(to - first) as usize]);
    };
    for edit in edits {
        let (from, to) = (edit.start as i64, edit.end as i64);
        if from < copied || to > last {
            continue;
        }
        copy(&mut sequence, copied, from);
        sequence.extend_from_slice(edit.bases);
        copied = to;
    }
    copy(&mut sequence, copied, last);
    let length = sequence.len();
    (sequence, at_start.unwrap_or(0), at_end.unwrap_or(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit<'a>(start: u64, end: u64, bases: &'a [u8]) -> Edit<'a> {
        Edit { start, end, bases }
    }

    #[test]
    fn indels_shift_through_their_repeats() {
        // ...CG AAAA TC: one A more or less.
        assert_eq!(shifts(&edit(10, 10, b"A"), b"CG", b"AAAATC", b""), (10, 14, 5));
        assert_eq!(shifts(&edit(12, 13, b""), b"CGAA", b"ATC", b"A"), (10, 14, 4));
        // CA CA CA: a unit of two, and a part of one.
        assert_eq!(shifts(&edit(10, 12, b""), b"TG", b"CACACT", b"CA"), (10, 17, 3));
        // Two units at once.
        assert_eq!(shifts(&edit(10, 14, b""), b"TG", b"CACACT", b"CACA"), (10, 19, 4));
        // Nothing repeats.
        assert_eq!(shifts(&edit(10, 12, b""), b"TG", b"TTT", b"CA"), (10, 12, 1));
        // In a replacement the surplus is shifted: AGT to TATGG before GGG may as well gain the Gs after them.
        assert_eq!(shifts(&edit(10, 13, b"TATGG"), b"CC", b"GGGC", b"AGT"), (10, 16, 5));
        assert_eq!(shifts(&edit(10, 12, b"A"), b"CC", b"TGA", b"CG"), (8, 12, 3));
        assert_eq!(shifts(&edit(10, 12, b"TG"), b"CC", b"CCC", b"CA"), (10, 12, 1));
    }

    #[test]
    fn edits_are_applied_between_the_borders() {
        let reference = b"ACGTACGTAC";
        let (s, a, b) = apply_edits(reference, 100, &[edit(104, 104, b"TT"), edit(106, 107, b"")], 103, 108);
        assert_eq!((s.as_slice(), a, b), (&b"ACGTTTACTAC"[..], 3, 9));
        // Past the ends, or over each other: left out.
        let (s, ..) =
            apply_edits(reference, 100, &[edit(99, 101, b""), edit(102, 105, b""), edit(103, 104, b"")], 103, 108);
        assert_eq!(s, b"ACCGTAC");
    }
}
