//! Wilcoxon's signed-rank test: whether paired differences lie symmetrically around 0.

use statrs::function::erf::erfc;

use super::correlation::ranks;

/// The largest number of differences for which the distribution is computed exactly, if no two are of the same size.
const EXACT: usize = 50;

/// Result of [`signed_rank`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// Differences above 0.
    pub positive: usize,
    /// Differences below 0.
    pub negative: usize,
    /// Sum of the ranks of the positive differences.
    pub rank_sum: f64,
    /// Two-sided p-value; 1 without a difference.
    pub p_value: f64,
}

/// Wilcoxon's signed-rank test (Wilcoxon 1945). Differences of 0 are left out, and equal sizes share their mean rank.
///
/// With at most 50 differences of distinct sizes the p-value is exact. Otherwise it comes from the normal
/// approximation, with the correction of the variance for ties and without a correction for continuity. NaN differences
/// make it NaN.
pub fn signed_rank(differences: &[f64]) -> SignedRank {
    let kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let positive = kept.iter().filter(|d| **d > 0.0).count();
    let negative = kept.iter().filter(|d| **d < 0.0).count();
    if positive + negative < kept.len() {
        return SignedRank { positive, negative, rank_sum: f64::NAN, p_value: f64::NAN };
    }
    let mut sizes: Vec<f64> = kept.iter().map(|d| d.abs()).collect();
    let ranks = ranks(&sizes);
    let rank_sum: f64 = kept.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    sizes.sort_by(f64::total_cmp);
    let ties: Vec<usize> = sizes.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|n| *n > 1).collect();
    let p_value = match kept.len() {
        0 => 1.0,
        n if n <= EXACT && ties.is_empty() => exact_p(n, rank_sum as usize),
        n => normal_p(n as f64, rank_sum, &ties),
    };
    SignedRank { positive, negative, rank_sum, p_value }
}

/// Twice the smaller tail of the sum of a random subset of 1..=n, each number in it with probability 1/2.
fn exact_p(n: usize, rank_sum: usize) -> f64 {
    let most = n * (n + 1) / 2;
    // subsets[s]: how many subsets have the sum s. At most 2^50, so exact.
    let mut subsets = vec![0.0; most + 1];
    subsets[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..=most).rev() {
            subsets[sum] += subsets[sum - rank];
        }
    }
    let smaller = rank_sum.min(most - rank_sum);
    let tail: f64 = subsets[..=smaller].iter().sum();
    (2.0 * tail / (n as f64).exp2()).min(1.0)
}

fn normal_p(n: f64, rank_sum: f64, ties: &[usize]) -> f64 {
    let mean = n * (n + 1.0) / 4.0;
    let tied: f64 = ties.iter().map(|t| *t as f64).map(|t| t * t * t - t).sum();
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - tied / 2.0) / 24.0;
    erfc((rank_sum - mean).abs() / variance.sqrt() / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert, proptest};

    fn alternating(n: i32) -> Vec<f64> {
        (1..=n).map(|i| if i / 3 % 2 == 0 { 1.0 } else { -1.0 } * (f64::from(i * i) + 0.5)).collect()
    }

    /// `scipy.stats.wilcoxon(d)` of SciPy 1.17; with ties `wilcoxon(d, method="approx")`.
    #[test]
    fn values_of_scipy() {
        let eight = [1.5, -0.5, 2.0, 3.25, -1.0, 0.75, 4.0, -2.5];
        let with_zero = [&eight[..], &[0.0]].concat();
        let tied = [1.5, -0.5, 2.0, 2.0, -1.0, 0.5, 4.0, -2.5, 1.0, 3.0, 0.0, 0.0];
        let rising = |n: i32| (1..=n).map(f64::from).collect::<Vec<f64>>();
        for (differences, smaller_sum, p) in [
            (eight.to_vec(), 10.0, 0.3125),
            (with_zero, 10.0, 0.3125),
            (tied.to_vec(), 13.0, 0.13864269219435685),
            (alternating(50), 600.0, 0.7232586770768918),
            (alternating(51), 651.0, 0.9104415563099536),
            (alternating(60), 900.0, 0.9120730845618369),
            (rising(1), 0.0, 1.0),
            (rising(20), 0.0, 1.9073486328125e-06),
            (rising(400), 0.0, 2.73006926195335e-67),
        ] {
            let got = signed_rank(&differences);
            let n = (got.positive + got.negative) as f64;
            assert_eq!(got.rank_sum.min(n * (n + 1.0) / 2.0 - got.rank_sum), smaller_sum);
            assert!((got.p_value / p - 1.0).abs() < 1e-9, "{got:?} instead of {p}");
        }
    }

    #[test]
    fn no_difference_is_no_evidence() {
        let none = SignedRank { positive: 0, negative: 0, rank_sum: 0.0, p_value: 1.0 };
        assert_eq!(signed_rank(&[]), none);
        assert_eq!(signed_rank(&[0.0, -0.0]), none);
        assert!(signed_rank(&[1.0, f64::NAN]).p_value.is_nan());
    }

    proptest! {
        /// All choices of signs, one after the other.
        #[test]
        fn the_exact_p_value_counts_signs(
            sizes in prop::collection::btree_set(1u32..1000, 1..11),
            signs in 0u32..1024,
        ) {
            let sizes: Vec<f64> = sizes.into_iter().map(f64::from).collect();
            let signed = |signs: u32| -> Vec<f64> {
                sizes.iter().enumerate().map(|(i, s)| if signs >> i & 1 == 1 { *s } else { -s }).collect()
            };
            let centre = (sizes.len() * (sizes.len() + 1)) as f64 / 4.0;
            let extent = |signs: u32| {
                let sum: usize = (0..sizes.len()).filter(|i| signs >> i & 1 == 1).map(|i| i + 1).sum();
                (sum as f64 - centre).abs()
            };
            let all = 1u32 << sizes.len();
            let as_extreme = (0..all).filter(|s| extent(*s) >= extent(signs % all)).count();
            let got = signed_rank(&signed(signs % all)).p_value;
            prop_assert!((got - as_extreme as f64 / f64::from(all)).abs() < 1e-12);
        }
    }
}
