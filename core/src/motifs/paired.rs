//! Sites in both of two aligned sequences, such as the two alleles of a region: of the second, only the windows that
//! differ are scanned.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::motifs::scan::{code, Hit, Scanner, Touching};

/// Bases of two sequences that correspond one to one; they need not be equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignedBlock {
    /// The first base in the first sequence, 0-based.
    pub first: usize,
    /// The first base in the second sequence, 0-based.
    pub second: usize,
    /// Number of bases.
    pub length: usize,
}

/// Two sequences with their alignment.
#[derive(Clone, Copy, Debug)]
pub struct AlignedSequences<'a> {
    /// The first sequence, letters as for [`Scanner::scan`].
    pub first: &'a [u8],
    /// The second sequence.
    pub second: &'a [u8],
    /// Blocks in order in both sequences, without overlaps.
    pub blocks: &'a [AlignedBlock],
}

impl AlignedSequences<'_> {
    /// The longest blocks of equal bases.
    fn equal_runs(&self) -> Result<Vec<AlignedBlock>> {
        let mut runs: Vec<AlignedBlock> = Vec::new();
        let (mut end_first, mut end_second) = (0, 0);
        for block in self.blocks {
            let ends = [block.first, block.second].map(|start| start.saturating_add(block.length));
            if block.first < end_first || block.second < end_second {
                return Err(Error::mismatch("aligned blocks of two sequences overlap or are out of order"));
            }
            if ends[0] > self.first.len() || ends[1] > self.second.len() {
                return Err(Error::mismatch("an aligned block reaches past the end of a sequence"));
            }
            [end_first, end_second] = ends;
            for i in 0..block.length {
                let (first, second) = (block.first + i, block.second + i);
                if code(self.first[first]) != code(self.second[second]) {
                    continue;
                }
                match runs.last_mut() {
                    Some(run) if run.first + run.length == first && run.second + run.length == second => {
                        run.length += 1
                    }
                    _ => runs.push(AlignedBlock { first, second, length: 1 }),
                }
            }
        }
        Ok(runs)
    }

    /// What windows of the second sequence touch if they are not in the first: changed and inserted bases, and empty
    /// ranges where bases are deleted.
    fn changed(&self, runs: &[AlignedBlock]) -> Vec<Range<usize>> {
        let ends = runs.iter().map(|run| run.second + run.length);
        let starts = runs.iter().map(|run| run.second);
        let gaps = std::iter::once(0).chain(ends).zip(starts.chain(std::iter::once(self.second.len())));
        // Nothing is missing at the ends: an empty range there is touched by no window.
        gaps.map(|(start, end)| start..end).collect()
    }
}

impl Scanner {
    /// The hits in the first and in the second sequence of each pair, each as [`Scanner::scan`] has them. The second
    /// costs only the windows that touch a difference; the other hits are those of the first.
    ///
    /// # Errors
    /// Blocks that overlap, are out of order, or reach past the end of a sequence.
    pub fn scan_pairs(&self, pairs: &[AlignedSequences]) -> Result<Vec<[Vec<Hit>; 2]>> {
        let firsts: Vec<&[u8]> = pairs.iter().map(|pair| pair.first).collect();
        let runs = pairs.iter().map(AlignedSequences::equal_runs).collect::<Result<Vec<_>>>()?;
        let changed: Vec<_> = pairs.iter().zip(&runs).map(|(pair, runs)| pair.changed(runs)).collect();
        let parts: Vec<Touching> =
            pairs.iter().zip(&changed).map(|(pair, ranges)| Touching { sequence: pair.second, ranges }).collect();
        let (first, second) = (self.scan(&firsts), self.scan_touching(&parts));
        let joined = first.into_iter().zip(second).zip(&runs).map(|((first, mut second), runs)| {
            second.extend(first.iter().filter_map(|hit| carried(hit, runs)));
            second.sort_unstable_by(Hit::order);
            [first, second]
        });
        Ok(joined.collect())
    }
}

/// A hit in the first sequence as one in the second, if it lies in a run of equal bases.
fn carried(hit: &Hit, runs: &[AlignedBlock]) -> Option<Hit> {
    let run = runs.get(runs.partition_point(|run| run.first + run.length < hit.end))?;
    let start = run.second + hit.start.checked_sub(run.first)?;
    Some(Hit { start, end: start + hit.end - hit.start, ..*hit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motifs::scan::tests::{brute_force, exact, motifs, options};
    use crate::motifs::scan::ScanOptions;
    use proptest::prelude::*;

    #[test]
    fn both_alleles_of_a_snv_and_a_deletion() {
        let scanner = Scanner::new(&[exact("GATTACAT")], ScanOptions::default()).unwrap();
        let blocks = |list: &[(usize, usize, usize)]| -> Vec<AlignedBlock> {
            list.iter().map(|&(first, second, length)| AlignedBlock { first, second, length }).collect()
        };
        let scan = |first: &str, second: &str, list: &[(usize, usize, usize)]| {
            let (first, second) = (first.as_bytes(), second.as_bytes());
            let pairs = [AlignedSequences { first, second, blocks: &blocks(list) }];
            let found = scanner.scan_pairs(&pairs)?.remove(0);
            Ok::<_, Error>(found.map(|hits| hits.iter().map(|hit| hit.start).collect::<Vec<_>>()))
        };
        assert_eq!(scan("GATTACATCC", "GATTCCATCC", &[(0, 0, 10)]).unwrap(), [vec![0], vec![]]);
        assert_eq!(scan("CGATTACATC", "GATTACATC", &[(1, 0, 9)]).unwrap(), [vec![1], vec![0]]);
        assert_eq!(scan("GATTGGGACAT", "GATTACAT", &[(0, 0, 4), (7, 4, 4)]).unwrap(), [vec![], vec![0]]);
        assert_eq!(scan("GATTACAT", "GATTACAT", &[]).unwrap(), [vec![0], vec![0]]);
        for wrong in [&[(0, 0, 9)][..], &[(0, 0, 4), (3, 4, 1)], &[(0, 0, 4), (4, 3, 1)], &[(usize::MAX, 0, 4)]] {
            assert!(scan("GATTACAT", "GATTACAT", wrong).is_err());
        }
    }

    /// A pair made of pieces: equal, of equal length, inserted or deleted.
    fn pair() -> impl Strategy<Value = (String, String, Vec<AlignedBlock>)> {
        let piece = prop_oneof![
            "[ACGTN]{0,12}".prop_map(|same| (same.clone(), same, true)),
            ("[ACGT]{2}", "[ACGT]{2}").prop_map(|(a, b)| (a, b, true)),
            ("[ACGT]{0,5}", "[ACGT]{0,5}").prop_map(|(a, b)| (a, b, false)),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| {
            let (mut first, mut second, mut blocks) = (String::new(), String::new(), Vec::new());
            for (a, b, aligned) in pieces {
                if aligned {
                    blocks.push(AlignedBlock { first: first.len(), second: second.len(), length: a.len() });
                }
                first += &a;
                second += &b;
            }
            (first, second, blocks)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn as_both_scanned_in_full(
            motifs in motifs(), options in options(), pairs in prop::collection::vec(pair(), 0..3),
        ) {
            let scanner = Scanner::new(&motifs, options).unwrap();
            let views: Vec<AlignedSequences> = pairs
                .iter()
                .map(|(a, b, blocks)| AlignedSequences { first: a.as_bytes(), second: b.as_bytes(), blocks })
                .collect();
            let expected: Vec<[Vec<Hit>; 2]> =
                views.iter().map(|v| [v.first, v.second].map(|s| brute_force(&motifs, options, s))).collect();
            prop_assert_eq!(scanner.scan_pairs(&views).unwrap(), expected);
        }
    }
}
