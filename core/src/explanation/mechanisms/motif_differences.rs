//! Whether a binding motif matches one allele better than the other, over many allele pairs whose first allele is the
//! more active one: the test of MAGGIE (Shen et al. 2020), a signed-rank test of the differences of the best matches.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use crate::error::Result;
use crate::motifs::scan::code;
use crate::motifs::Motif;
use crate::stats::signed_rank::signed_rank;

/// Pseudocount of each base, as a share of the mean sum of a position.
const PSEUDOCOUNT: f64 = 0.05;
/// Probability of each base without a motif.
const BACKGROUND: f64 = 0.25;

/// Differences are rounded to a multiple of this many bits. Weights that are added in another order (the other strand
/// of a palindrome) must neither make a difference nor break a tie of ranks.
const ROUNDING: f64 = 1.0 / (1u64 << 32) as f64;

/// Log-odds weights of a motif on both strands.
#[derive(Clone, Debug)]
pub struct LogOdds {
    strands: [Vec<[f64; 4]>; 2],
}

impl LogOdds {
    /// From counts of the shape (length, 4), bases in the order A, C, G, T: log2((count + pseudocount) / sum / 0.25),
    /// with a pseudocount of 0.05 times the mean sum of a position for each base, and the sum of the position with
    /// them.
    ///
    /// # Errors
    /// As [`Motif::from_counts`].
    pub fn from_counts(counts: ArrayView2<f64>) -> Result<Self> {
        let motif = Motif::from_counts("motif", counts.to_owned())?.with_pseudocount(PSEUDOCOUNT)?;
        let weights = |motif: &Motif| -> Vec<[f64; 4]> {
            let of_row = |row: ArrayView1<f64>| [0, 1, 2, 3].map(|base| (row[base] / BACKGROUND).log2());
            motif.probabilities().rows().into_iter().map(of_row).collect()
        };
        Ok(Self { strands: [weights(&motif), weights(&motif.reverse_complement())] })
    }

    /// The largest score of a window of `sequence` on either strand, in bits, or 0 if all are negative or the sequence
    /// is shorter than the motif. Letters other than A, C, G and T or U (in either case) add 0.
    pub fn best_score(&self, sequence: &[u8]) -> f64 {
        let bases: Vec<usize> = sequence.iter().map(|base| code(*base).into()).collect();
        let score = |strand: &[[f64; 4]], window: &[usize]| -> f64 {
            strand.iter().zip(window).map(|(weights, base)| weights.get(*base).copied().unwrap_or(0.0)).sum()
        };
        let windows = bases.windows(self.strands[0].len());
        let both = windows.flat_map(|window| self.strands.iter().map(move |strand| score(strand, window)));
        both.fold(0.0, f64::max)
    }
}

/// How the best matches of a motif differ between the alleles of many pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotifDifference {
    /// Pairs whose first, more active allele has the better match.
    pub positive: usize,
    /// Pairs whose second allele has the better match.
    pub negative: usize,
    /// Median difference of the scores in bits, over the pairs that differ; NaN if none do.
    pub median: f64,
    /// Mean difference over the pairs that differ; NaN if none do.
    pub mean: f64,
    /// Two-sided p-value of the signed-rank test over the pairs that differ.
    pub p_value: f64,
    /// True if the ranks of the positive differences have the larger sum.
    pub first_is_higher: bool,
}

impl MotifDifference {
    /// -log10 of the p-value, negative where the less active alleles have the better matches.
    pub fn signed_evidence(&self) -> f64 {
        let evidence = -self.p_value.log10();
        if self.first_is_higher {
            evidence
        } else {
            -evidence
        }
    }
}

impl MotifDifference {
    /// The test of differences of pairs, of which those that are 0 are left out.
    pub fn of(mut differences: Vec<f64>) -> Self {
        differences.retain(|d| *d != 0.0);
        let test = signed_rank(&differences);
        differences.sort_by(f64::total_cmp);
        let n = differences.len();
        let median = if n == 0 { f64::NAN } else { 0.5 * (differences[(n - 1) / 2] + differences[n / 2]) };
        let mean = crate::stats::correlation::mean(&differences);
        let first_is_higher = test.rank_sum >= (n * (n + 1)) as f64 / 4.0;
        let [positive, negative] = [test.positive, test.negative];
        Self { positive, negative, median, mean, p_value: test.p_value, first_is_higher }
    }
}

/// By how many bits the best match in the first allele of each pair is better than that in the second.
pub fn best_score_differences<S: AsRef<[u8]> + Sync>(motif: &LogOdds, pairs: &[[S; 2]]) -> Vec<f64> {
    let difference = |[first, second]: &[S; 2]| {
        let difference = motif.best_score(first.as_ref()) - motif.best_score(second.as_ref());
        (difference / ROUNDING).round() * ROUNDING
    };
    pairs.par_iter().map(difference).collect()
}

/// Compare the best matches in both alleles of each pair, the more active allele first.
pub fn motif_difference<S: AsRef<[u8]> + Sync>(motif: &LogOdds, pairs: &[[S; 2]]) -> MotifDifference {
    MotifDifference::of(best_score_differences(motif, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, Array2};

    /// TGAC with some uncertainty at the last position.
    fn counts() -> Array2<f64> {
        array![[0.0, 0.0, 0.0, 20.0], [0.0, 0.0, 20.0, 0.0], [20.0, 0.0, 0.0, 0.0], [5.0, 15.0, 0.0, 0.0]]
    }

    #[test]
    fn weights_are_log_odds() {
        let motif = LogOdds::from_counts(counts().view()).unwrap();
        // Pseudocount 1 each, so 24 in all.
        let [sure, likely, unlikely] = [21.0f64, 16.0, 6.0].map(|n| (n / 24.0 / 0.25).log2());
        let never = (1.0f64 / 24.0 / 0.25).log2();
        assert!((motif.best_score(b"ccTGACcc") - (3.0 * sure + likely)).abs() < 1e-12);
        assert!((motif.best_score(b"CCGTCACC") - (3.0 * sure + likely)).abs() < 1e-12);
        assert!((motif.best_score(b"TGAA") - (3.0 * sure + unlikely)).abs() < 1e-12);
        assert!((motif.best_score(b"TGNC") - (2.0 * sure + likely)).abs() < 1e-12);
        assert!(never < 0.0 && motif.best_score(b"AAAA") == 0.0);
        assert_eq!((motif.best_score(b"TGA"), motif.best_score(b"")), (0.0, 0.0));
    }

    #[test]
    fn differences_of_pairs() {
        let motif = LogOdds::from_counts(counts().view()).unwrap();
        let pairs = [["TGAC", "TGAA"], ["TGAC", "TGAT"], ["GTCA", "TCCA"], ["TGAA", "TGAC"], ["AAAA", "AAAA"]];
        let found = motif_difference(&motif, &pairs);
        assert_eq!((found.positive, found.negative, found.first_is_higher), (3, 1, true));
        let score = |sequence: &str| motif.best_score(sequence.as_bytes());
        let differences: Vec<f64> = pairs[..4].iter().map(|[a, b]| score(a) - score(b)).collect();
        assert!((found.mean - differences.iter().sum::<f64>() / 4.0).abs() < 1e-9);
        assert!(found.median > 0.0 && found.signed_evidence() >= 0.0);
        let exchanged = motif_difference(&motif, &pairs.map(|[a, b]| [b, a]));
        assert_eq!((exchanged.positive, exchanged.negative), (1, 3));
        assert_eq!((exchanged.mean, exchanged.median, exchanged.p_value), (-found.mean, -found.median, found.p_value));
    }

    #[test]
    fn many_pairs_with_a_broken_site_are_evidence() {
        let motif = LogOdds::from_counts(counts().view()).unwrap();
        let pairs: Vec<[Vec<u8>; 2]> = (0..60u8)
            .map(|i| {
                let mut intact = vec![b"ACGT"[usize::from(i) % 4]; 20];
                intact[5..9].copy_from_slice(b"TGAC");
                let mut broken = intact.clone();
                broken[5 + usize::from(i) % 4] = b'G';
                [intact, broken]
            })
            .collect();
        let found = motif_difference(&motif, &pairs);
        assert!(found.positive >= 30 && found.negative == 0 && found.p_value < 1e-6, "{found:?}");
        let none = motif_difference(&motif, &[["AC", "AC"]]);
        assert!((none.positive, none.negative, none.p_value) == (0, 0, 1.0) && none.mean.is_nan());
    }

    /// The same window on both strands, its weights added in opposite orders.
    #[test]
    fn rounding_is_no_difference() {
        let palindrome = array![[7.0, 1.0, 3.0, 2.0], [1.0, 9.0, 5.0, 4.0], [4.0, 5.0, 9.0, 1.0], [2.0, 3.0, 1.0, 7.0]];
        let motif = LogOdds::from_counts(palindrome.view()).unwrap();
        let words: Vec<[u8; 4]> = (0..256).map(|n| [6, 4, 2, 0].map(|shift| b"ACGT"[n >> shift & 3])).collect();
        let pairs: Vec<[Vec<u8>; 2]> = words.iter().map(|w| [w.to_vec(), bio::alphabets::dna::revcomp(w)]).collect();
        let found = motif_difference(&motif, &pairs);
        assert_eq!((found.positive, found.negative), (0, 0));
    }

    #[test]
    fn counts_that_are_no_motif() {
        for wrong in
            [Array2::zeros((0, 4)), Array2::zeros((4, 4)), Array2::ones((4, 3)), Array2::from_elem((2, 4), -1.0)]
        {
            assert!(LogOdds::from_counts(wrong.view()).is_err());
        }
        assert!(LogOdds::from_counts(Array2::from_elem((2, 4), f64::NAN).view()).is_err());
    }
}
