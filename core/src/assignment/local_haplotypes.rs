//! The two local haplotypes around insertions, deletions and what lies within them.

use crate::assignment::realign::{gap_opening, Cost};
use crate::genome::{Edit, Variant};

/// Bases on either side of an indel, beyond those through which it can be shifted, at which reads are taken
/// to be aligned right.
pub(super) const PAD: i64 = 3;

/// A read that ends this close to the border of a site may be aligned wrongly up to there: it is laid anew to
/// its end.
pub(super) const SLACK: i64 = 20;

/// Bases of each haplotype that are known beyond the borders of a site.
pub(super) const MARGIN: i64 = 32;

/// How far an indel is shifted along a repeat, at most.
const FURTHEST_SHIFT: usize = 200;

/// A site longer than this is not looked at: nothing that short reads can tell.
pub(super) const LONGEST_SITE: i64 = 20_000;

/// Both haplotypes around a site, from [`MARGIN`] bases before its start to as many behind its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Sequences of haplotype 1 and 2. N where a neighbouring site has its say.
    pub(super) sequences: [Vec<u8>; 2],
    /// Index of the site's first base in each.
    pub(super) starts: [usize; 2],
    /// Past the site's last base in each.
    pub(super) ends: [usize; 2],
    /// Bases that each lacks, and that each has beyond the reference.
    pub(super) shorter: [usize; 2],
    pub(super) longer: [usize; 2],
    /// What opening a gap costs here.
    pub(super) opening: Cost,
    /// For each record of the site, where what it changes lies in each haplotype: first index and past the
    /// last, at least one base.
    pub(super) changes: Vec<[(usize, usize); 2]>,
}

/// The stretch of reference within which the place of an edit is not determined: from the first base that it
/// may start at to past the last that it may end at (0-based), and how many units the repeat has.
pub(super) fn shifts(edit: &Edit, before: &[u8], after: &[u8], deleted: &[u8]) -> (i64, i64, usize) {
    let (start, end) = (edit.start as i64, edit.end as i64);
    // What moves along: the bases that one has beyond the other. Those of a replacement may be its first or its
    // last ones.
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

/// How many bases on either side [`shifts`] wants to see.
pub(super) const SHIFT_CONTEXT: i64 = FURTHEST_SHIFT as i64;

/// A variant beside the site, as far as the margins are concerned.
pub(super) enum Neighbour<'a> {
    /// Both haplotypes carry it.
    Shared(Edit<'a>),
    /// Decided elsewhere: reference `start..end` (0-based) is unknown here.
    Unknown(i64, i64),
}

/// What a site is made of.
pub(super) struct Parts<'a> {
    /// Borders on the reference, 0-based half-open.
    pub start: i64,
    pub end: i64,
    /// Reference from `start - MARGIN` to `end + MARGIN`.
    pub reference: &'a [u8],
    pub variants: &'a [&'a Variant],
    /// Alleles of an unphased call stand against each other on the reference.
    pub phased: bool,
    pub neighbours: &'a [Neighbour<'a>],
    /// Units of the longest repeat that an indel of the site lies in.
    pub units: usize,
    /// Reference span (0-based half-open) that each record changes.
    pub changes: Vec<(i64, i64)>,
}

impl Local {
    /// Spell both haplotypes.
    pub(super) fn new(parts: Parts) -> Self {
        let mut moves: Vec<(usize, usize)> = Vec::with_capacity(2);
        let mut places: Vec<Vec<(usize, usize)>> = Vec::with_capacity(2);
        let mut one = |haplotype: usize| {
            let mut edits: Vec<Edit> = parts
                .variants
                .iter()
                .filter_map(|v| if parts.phased { v.edit(haplotype) } else { v.carried(haplotype) })
                .collect();
            let mut masked = parts.reference.to_vec();
            let first = parts.start - MARGIN;
            for neighbour in parts.neighbours {
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
            moves.push((sum(1), sum(-1)));
            let spelt = spell(&masked, first, &edits, parts.start, parts.end);
            // Index of a reference position: what lies before it has moved it.
            let index = |position: i64| {
                let before = edits.iter().filter(|e| parts.start <= e.start as i64 && e.end as i64 <= position);
                let moved: i64 = before.map(change).sum();
                (spelt.1 as i64 + position - parts.start - moved).clamp(0, spelt.0.len() as i64) as usize
            };
            // What is inserted at the first position belongs to the change.
            let place = |&(start, end): &(i64, i64)| {
                let inserted = edits.iter().filter(|e| e.start as i64 == start && e.end as i64 == start);
                let from = index(start) - inserted.map(|e| e.bases.len()).sum::<usize>().min(index(start));
                (from, index(end).max(from + 1))
            };
            places.push(parts.changes.iter().map(place).collect());
            spelt
        };
        let ((first, start1, end1), (second, start2, end2)) = (one(1), one(2));
        Self {
            sequences: [first, second],
            starts: [start1, start2],
            ends: [end1, end2],
            shorter: [moves[0].0, moves[1].0],
            longer: [moves[0].1, moves[1].1],
            opening: gap_opening(parts.units),
            changes: places[0].iter().zip(&places[1]).map(|(a, b)| [*a, *b]).collect(),
        }
    }

    /// True if the haplotypes are spelt differently.
    pub(super) fn tells(&self) -> bool {
        self.sequences[0] != self.sequences[1]
    }
}

/// Reference bases from `first` on with `edits` applied (sorted; one that overlaps an earlier one or the ends
/// is not), and the indices of reference positions `start` and `end`, which no edit touches.
pub(super) fn spell(reference: &[u8], first: i64, edits: &[Edit], start: i64, end: i64) -> (Vec<u8>, usize, usize) {
    let last = first + reference.len() as i64;
    let mut sequence = Vec::with_capacity(reference.len() + 16);
    let (mut at_start, mut at_end) = (None, None);
    let mut copied = first;
    let mut copy = |sequence: &mut Vec<u8>, from: i64, to: i64| {
        for (place, wanted) in [(&mut at_start, start), (&mut at_end, end)] {
            if place.is_none() && from <= wanted && wanted <= to {
                *place = Some(sequence.len() + (wanted - from) as usize);
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
        // Of a replacement the surplus moves: AGT to TATGG before GGG may as well gain the Gs behind them.
        assert_eq!(shifts(&edit(10, 13, b"TATGG"), b"CC", b"GGGC", b"AGT"), (10, 16, 5));
        assert_eq!(shifts(&edit(10, 12, b"A"), b"CC", b"TGA", b"CG"), (8, 12, 3));
        assert_eq!(shifts(&edit(10, 12, b"TG"), b"CC", b"CCC", b"CA"), (10, 12, 1));
    }

    #[test]
    fn both_haplotypes_are_spelt_with_their_borders() {
        let reference = b"ACGTACGTAC";
        let (s, a, b) = spell(reference, 100, &[edit(104, 104, b"TT"), edit(106, 107, b"")], 103, 108);
        assert_eq!((s.as_slice(), a, b), (&b"ACGTTTACTAC"[..], 3, 9));
        // Past the ends, or over each other: left out.
        let (s, ..) = spell(reference, 100, &[edit(99, 101, b""), edit(102, 105, b""), edit(103, 104, b"")], 103, 108);
        assert_eq!(s, b"ACCGTAC");
    }
}
