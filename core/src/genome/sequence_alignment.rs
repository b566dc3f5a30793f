//! Global alignment of two designed sequences, which have no VCF to say how their bases correspond.

use bio::alignment::pairwise::{banded, Aligner};
use bio::alignment::AlignmentOperation;

/// Scores of bwa mem: a match, a mismatch, the first base of a gap, each further base.
const MATCH: i32 = 1;
const MISMATCH: i32 = -4;
const GAP_OPEN: i32 = -7;
const GAP_EXTEND: i32 = -1;

/// Largest matrix that is filled whole, in cells of 2 bytes. Above it only a band around shared 16-mers is.
const MAX_CELLS: usize = 4_000_000;
const SEED: usize = 16;
const BAND: usize = 64;

/// One operation per column of the alignment of `first` and `second` from end to end, by affine gap scores. `Ins` is a base
/// of `first` alone, `Del` one of `second` alone. The bases that both begin or end with are matched, which never lowers
/// the best score; a gap within a repeat at the ends is placed as far left as it can be. Where sequences of several
/// thousand bases share too little for a band, what lies between those ends is one replacement.
pub fn align(first: &[u8], second: &[u8]) -> Vec<AlignmentOperation> {
    use AlignmentOperation::{Del, Ins, Match};
    let common = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(a, b)| a == b).count();
    let tail = common(&mut first.iter().rev().zip(second.iter().rev()));
    let (a, b) = (&first[..first.len() - tail], &second[..second.len() - tail]);
    let head = common(&mut a.iter().zip(b));
    let (a, b) = (&a[head..], &b[head..]);

    let mut operations = vec![Match; head];
    if a.is_empty() || b.is_empty() {
        operations.extend(vec![Ins; a.len()]);
        operations.extend(vec![Del; b.len()]);
    } else {
        let score = |x: u8, y: u8| if x == y { MATCH } else { MISMATCH };
        let between = match (a.len() + 1).saturating_mul(b.len() + 1) <= MAX_CELLS {
            true => Aligner::with_capacity(a.len(), b.len(), GAP_OPEN, GAP_EXTEND, score).global(a, b),
            false => banded::Aligner::new(GAP_OPEN, GAP_EXTEND, score, SEED, BAND).global(a, b),
        };
        // A band over the limit of the library comes back without operations.
        match between.operations.is_empty() {
            false => operations.extend(between.operations),
            true => {
                operations.extend(vec![Ins; a.len()]);
                operations.extend(vec![Del; b.len()]);
            }
        }
    }
    operations.extend(vec![Match; tail]);
    operations
}

/// Number of bases in which two aligned sequences differ: substituted, inserted and deleted.
pub fn differing_bases(operations: &[AlignmentOperation]) -> usize {
    operations.iter().filter(|o| !matches!(o, AlignmentOperation::Match)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Score of an alignment, column by column.
    fn score(operations: &[AlignmentOperation]) -> i32 {
        let gap = |i: usize| match i > 0 && operations[i] == operations[i - 1] {
            true => GAP_EXTEND,
            false => GAP_OPEN,
        };
        let column = |(i, operation): (usize, &AlignmentOperation)| match operation {
            AlignmentOperation::Match => MATCH,
            AlignmentOperation::Subst => MISMATCH,
            _ => gap(i),
        };
        operations.iter().enumerate().map(column).sum()
    }

    /// Best score of all alignments, each tried: what is left of both, and the operation before.
    fn best(a: &[u8], b: &[u8], before: u8) -> i32 {
        let mut found = if a.is_empty() && b.is_empty() { 0 } else { i32::MIN };
        let gap = |kind: u8| if kind == before { GAP_EXTEND } else { GAP_OPEN };
        if let ([x, a_rest @ ..], [y, b_rest @ ..]) = (a, b) {
            found = found.max(if x == y { MATCH } else { MISMATCH } + best(a_rest, b_rest, 0));
        }
        if let [_, rest @ ..] = a {
            found = found.max(gap(1) + best(rest, b, 1));
        }
        if let [_, rest @ ..] = b {
            found = found.max(gap(2) + best(a, rest, 2));
        }
        found
    }

    /// Whether the operations lead through both sequences, and call equal what is equal.
    fn describes(operations: &[AlignmentOperation], first: &[u8], second: &[u8]) -> bool {
        let (mut i, mut j) = (0, 0);
        operations.iter().all(|operation| {
            let (x, y) = (first.get(i), second.get(j));
            match operation {
                AlignmentOperation::Match | AlignmentOperation::Subst => {
                    (i, j) = (i + 1, j + 1);
                    x.is_some() && y.is_some() && (x == y) == (*operation == AlignmentOperation::Match)
                }
                AlignmentOperation::Ins => {
                    i += 1;
                    x.is_some()
                }
                AlignmentOperation::Del => {
                    j += 1;
                    y.is_some()
                }
                _ => false,
            }
        }) && (i, j) == (first.len(), second.len())
    }

    proptest! {
        #[test]
        fn no_alignment_scores_better(a in "[ACGT]{0,7}", b in "[ACGT]{0,7}") {
            let operations = align(a.as_bytes(), b.as_bytes());
            prop_assert!(describes(&operations, a.as_bytes(), b.as_bytes()), "{operations:?}");
            prop_assert_eq!(score(&operations), best(a.as_bytes(), b.as_bytes(), 0));
        }
    }

    #[test]
    fn two_indels_and_a_substitution_are_counted_apart() {
        let first = b"TTGACCATGGCATTACGGATCCGATTACAGGCTTAAGC";
        // T -> C at index 7, GG deleted at 16, AC inserted after index 29.
        let second = [&first[..7], b"C", &first[8..16], &first[18..30], b"AC", &first[30..]].concat();
        assert_eq!(differing_bases(&align(first, &second)), 5);
        assert_eq!(differing_bases(&align(&second, first)), 5);
        // A gap within a repeat is as far left as it can be.
        let operations = align(b"CAAAT", b"CAAAAT");
        assert_eq!(operations.iter().position(|o| *o == AlignmentOperation::Del), Some(1));
    }

    #[test]
    fn long_sequences_are_aligned_in_a_band_or_replaced() {
        let mut state = 1u64;
        let mut base = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            b"ACGT"[(state >> 62) as usize]
        };
        let first: Vec<u8> = (0..6000).map(|_| base()).collect();
        let flipped = |b: u8| if b == b'A' { b'C' } else { b'A' };
        let mut second = [&first[..1000], &first[1007..5000], b"ACGTACG", &first[5000..]].concat();
        second[3000] = flipped(second[3000]);
        let operations = align(&first, &second);
        assert!(describes(&operations, &first, &second));
        assert_eq!(differing_bases(&operations), 15);
        let unrelated: Vec<u8> = (0..6000).map(|_| base()).collect();
        assert!(describes(&align(&first, &unrelated), &first, &unrelated));
    }
}
