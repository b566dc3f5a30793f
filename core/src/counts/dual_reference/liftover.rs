//! Alignments to the genome of a haplotype, lifted over to the reference.

use crate::genome::CoordinateMap;

const MATCH: u32 = 0;
const INSERTION: u32 = 1;
const DELETION: u32 = 2;
const SKIP: u32 = 3;
const SOFT_CLIP: u32 = 4;

fn push(cigar: &mut Vec<u32>, operation: u32, length: u64) {
    // A length has 28 bits in BAM; reads and gaps on one contig stay below.
    let length = length.min((1 << 28) - 1) as u32;
    match cigar.last_mut() {
        _ if length == 0 => {}
        Some(last) if *last & 15 == operation => *last = last.saturating_add(length << 4),
        _ => cigar.push(length << 4 | operation),
    }
}

/// CoordinateMap over an alignment that begins at `position` (0-based) of the haplotype with `cigar` (as in BAM): write its CIGAR
/// on the reference into `to`, and return its 0-based position there. Bases that only the haplotype has become
/// insertions, bases that it lacks deletions; at the ends of the alignment, insertions become soft clips, and deletions
/// are dropped. `=` and `X` become `M`, since they compare with the haplotype. None when no base has a position on the
/// reference.
pub fn lift(map: &CoordinateMap, position: u64, cigar: &[u32], to: &mut Vec<u32>) -> Option<u64> {
    to.clear();
    let mut blocks = map.blocks_from(position).peekable();
    let (mut at, mut start, mut next, mut gap) = (position, None, 0, DELETION);
    for &operation in cigar {
        let (kind, mut left) = (operation & 15, u64::from(operation >> 4));
        match kind {
            0 | 7 | 8 => {
                while left > 0 {
                    while blocks.peek().is_some_and(|b| b.haplotype + b.length <= at) {
                        blocks.next();
                    }
                    let Some(block) = blocks.peek() else {
                        push(to, INSERTION, left);
                        at += left;
                        break;
                    };
                    let run = if at < block.haplotype {
                        let run = left.min(block.haplotype - at);
                        push(to, INSERTION, run);
                        run
                    } else {
                        let reference = block.reference + (at - block.haplotype);
                        if start.is_none() {
                            start = Some(reference);
                        } else {
                            push(to, gap, reference.saturating_sub(next));
                        }
                        let run = left.min(block.haplotype + block.length - at);
                        push(to, MATCH, run);
                        (next, gap) = (reference + run, DELETION);
                        run
                    };
                    at += run;
                    left -= run;
                }
            }
            // Its length on the reference follows from the next aligned base.
            2 | 3 => {
                at += left;
                if kind == 3 {
                    gap = SKIP;
                }
            }
            _ => push(to, kind, left),
        }
    }
    let start = start?;
    let first = to.iter().position(|c| c & 15 == MATCH)?;
    let last = to.iter().rposition(|c| c & 15 == MATCH)?;
    if to[..first].iter().chain(&to[last + 1..]).any(|c| c & 15 == INSERTION) {
        let old = std::mem::take(to);
        for (i, &operation) in old.iter().enumerate() {
            let outside = i < first || i > last;
            let kind = if outside && operation & 15 == INSERTION { SOFT_CLIP } else { operation & 15 };
            push(to, kind, u64::from(operation >> 4));
        }
    }
    Some(start)
}

/// The aligned blocks of an alignment on the reference, 0-based half-open.
pub fn aligned_blocks(position: u64, cigar: &[u32]) -> impl Iterator<Item = (u64, u64)> + '_ {
    cigar
        .iter()
        .scan(position, |at, &operation| {
            let start = *at;
            *at += crate::io::bam::reader::reference_length(operation) as u64;
            Some((operation & 15, start, *at))
        })
        .filter(|(kind, ..)| matches!(kind, 0 | 7 | 8))
        .map(|(_, start, end)| (start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Vec<u32> {
        let mut number = 0;
        let mut cigar = Vec::new();
        for c in text.bytes() {
            match b"MIDNSHP=X".iter().position(|&k| k == c) {
                Some(kind) => {
                    cigar.push(number << 4 | kind as u32);
                    number = 0;
                }
                None => number = number * 10 + u32::from(c - b'0'),
            }
        }
        cigar
    }

    fn text(cigar: &[u32]) -> String {
        cigar.iter().map(|c| format!("{}{}", c >> 4, char::from(b"MIDNSHP=X"[(c & 15) as usize]))).collect()
    }

    fn lifted(map: &CoordinateMap, position: u64, cigar: &str) -> Option<(u64, String)> {
        let mut to = Vec::new();
        lift(map, position, &parse(cigar), &mut to).map(|p| (p, text(&to)))
    }

    #[test]
    fn gaps_of_the_haplotype_become_insertions_and_deletions() {
        // Haplotype: 5 bases, 2 inserted, 5 bases, 3 deleted, the rest.
        let mut map = CoordinateMap::new(40);
        map.add(5, 5, 2);
        map.add(10, 13, 0);
        let l = |position, cigar: &str| lifted(&map, position, cigar);
        assert_eq!(l(0, "20M"), Some((0, "5M2I5M3D8M".into())));
        assert_eq!(l(6, "3S4M2H"), Some((5, "4S3M2H".into())));
        assert_eq!(l(2, "1S4M1S"), Some((2, "1S3M2S".into())));
        assert_eq!(l(5, "2M"), None);
        assert_eq!(l(0, "5M2D5M"), Some((0, "10M".into())));
        assert_eq!(l(0, "4M3D5M"), Some((0, "4M1D5M".into())));
        assert_eq!(l(8, "4=20N2X"), Some((6, "4M23N2M".into())));
        assert_eq!(l(8, "4M1I4M"), Some((6, "4M1I3D4M".into())));
        assert_eq!(l(12, "5M"), Some((13, "5M".into())));
        assert_eq!(l(38, "5M"), Some((39, "1M4S".into())));
    }

    proptest! {
        #[test]
        fn every_base_keeps_its_reference_position(
            gaps in prop::collection::vec((1u64..6, 0u64..4, 0u64..4), 0..6), start in 0u64..20,
            ops in prop::collection::vec((0usize..4, 1u32..6), 1..8),
        ) {
            let (mut map, mut at) = (CoordinateMap::new(60), 0);
            for (gap, replaced, length) in gaps {
                map.add(at + gap, at + gap + replaced, length);
                at += gap + replaced;
            }
            let cigar: Vec<u32> = ops.iter().map(|(k, n)| n << 4 | [0, 1, 2, 3][*k]).collect();
            let mut to = Vec::new();
            // The reference position of each base of the read, by the map and by the new CIGAR.
            let mut expected = Vec::new();
            let mut h = start;
            for c in &cigar {
                for _ in 0..c >> 4 {
                    match c & 15 {
                        0 => { expected.push(map.to_reference(h)); h += 1 }
                        1 => expected.push(None),
                        _ => h += 1,
                    }
                }
            }
            let position = lift(&map, start, &cigar, &mut to);
            prop_assert_eq!(position, expected.iter().flatten().next().copied());
            if let Some(mut r) = position {
                let mut got = Vec::new();
                for c in &to {
                    for _ in 0..c >> 4 {
                        match c & 15 {
                            0 => { got.push(Some(r)); r += 1 }
                            1 | 4 => got.push(None),
                            _ => r += 1,
                        }
                    }
                }
                prop_assert_eq!(got, expected);
                prop_assert!(!matches!(to[0] & 15, 1..=3) && !matches!(to[to.len() - 1] & 15, 1..=3));
                prop_assert!(to.windows(2).all(|w| w[0] & 15 != w[1] & 15));
                let bases: u64 = aligned_blocks(position.unwrap(), &to).map(|(s, e)| e - s).sum();
                prop_assert_eq!(bases, expected_bases(&to));
            }
        }
    }

    fn expected_bases(cigar: &[u32]) -> u64 {
        cigar.iter().filter(|c| *c & 15 == 0).map(|c| u64::from(c >> 4)).sum()
    }
}
