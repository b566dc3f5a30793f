//! Replicates tested together: one result from several samples of the same region.

use statrs::function::erf::erfc;

use crate::counts::imbalance::beta_binomial::SMALLEST_P;
use crate::counts::imbalance::shrinkage::dispersed_ratio;
use crate::counts::imbalance::BetaBinomial;

/// One region of one replicate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replicate {
    /// Fragments of haplotype 1.
    pub hap1: u64,
    /// Fragments of haplotype 2.
    pub hap2: u64,
    /// Dispersion of its sample.
    pub rho: f64,
}

/// One region of all replicates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combined {
    /// Weighted mean of the replicates' log2 ratios.
    pub log2_ratio: f64,
    /// Its standard error, which includes the dispersion within each replicate.
    pub se: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// Combine the replicates of a region. None if none has an informative fragment; if one has, the result is its own test.
///
/// p-value: Stouffer's method with weights (Lipták 1958). The two-sided mid-p value of each replicate becomes a z score
/// with the sign of its imbalance, so that replicates that disagree cancel out; the weight is the square root of its
/// effective number of fragments, n / (1 + (n - 1) · rho). log2 ratio: weighted by 1 / se². Both weights increase with
/// depth only until the dispersion limits a replicate.
pub fn combine(replicates: &[Replicate], mean: f64) -> Option<Combined> {
    let (mut z_sum, mut z_squares) = (0.0, 0.0);
    let (mut ratio_sum, mut precision) = (0.0, 0.0);
    let (mut with_data, mut only) = (0, 1.0);
    for r in replicates {
        let Some((ratio, se)) = dispersed_ratio(r.hap1, r.hap2, r.rho) else { continue };
        let n = r.hap1.saturating_add(r.hap2);
        let (p, z) = BetaBinomial::new(n, mean, r.rho).two_sided(r.hap1);
        let effective = n as f64 / (1.0 + (n as f64 - 1.0) * r.rho);
        z_sum += effective.sqrt() * z;
        z_squares += effective;
        ratio_sum += ratio / (se * se);
        precision += 1.0 / (se * se);
        with_data += 1;
        only = p;
    }
    let p_value = match with_data {
        0 => return None,
        1 => only,
        _ => erfc(z_sum.abs() / z_squares.sqrt() / std::f64::consts::SQRT_2).clamp(SMALLEST_P, 1.0),
    };
    Some(Combined { log2_ratio: ratio_sum / precision, se: precision.sqrt().recip(), p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: &[(u64, u64)], rho: f64) -> Option<Combined> {
        let list: Vec<_> = counts.iter().map(|&(hap1, hap2)| Replicate { hap1, hap2, rho }).collect();
        combine(&list, 0.5)
    }

    #[test]
    fn a_single_replicate_with_data_keeps_its_test() {
        assert_eq!(of(&[], 0.0), None);
        assert_eq!(of(&[(0, 0), (0, 0)], 0.0), None);
        let alone = of(&[(9, 1), (0, 0)], 0.02).unwrap();
        let (p, _) = BetaBinomial::new(10, 0.5, 0.02).two_sided(9);
        let (ratio, se) = dispersed_ratio(9, 1, 0.02).unwrap();
        assert_eq!((alone.p_value, alone.log2_ratio), (p, ratio));
        assert!((alone.se - se).abs() < 1e-12);
    }

    #[test]
    fn agreement_adds_up_and_disagreement_cancels() {
        let one = of(&[(70, 30)], 0.01).unwrap();
        let two = of(&[(70, 30), (70, 30)], 0.01).unwrap();
        assert!(two.p_value < one.p_value);
        assert!((two.log2_ratio - one.log2_ratio).abs() < 1e-12);
        assert!((two.se - one.se / 2f64.sqrt()).abs() < 1e-12);
        let opposite = of(&[(70, 30), (30, 70)], 0.01).unwrap();
        assert!((opposite.p_value - 1.0).abs() < 1e-9 && opposite.log2_ratio.abs() < 1e-12);
        // Two equal z scores: z · √2.
        let (_, z) = BetaBinomial::new(100, 0.5, 0.01).two_sided(70);
        assert!((two.p_value - erfc(z)).abs() < 1e-12);
    }

    #[test]
    fn without_dispersion_replicates_come_near_to_the_test_of_their_sum() {
        let (split, (joint, _)) =
            (of(&[(230, 200), (340, 300)], 0.0).unwrap(), BetaBinomial::new(1070, 0.5, 0.0).two_sided(570));
        assert!((split.p_value / joint - 1.0).abs() < 0.02, "{} {joint}", split.p_value);
        let shallow = of(&[(1000, 500), (10, 11)], 0.0).unwrap();
        assert!((shallow.log2_ratio - 1.0).abs() < 0.05, "the deep replicate dominates: {shallow:?}");
    }
}
