//! Empirical Bayes: how far log2 ratios really spread, and each ratio drawn towards the middle by as much as
//! its own count leaves in doubt.

use std::collections::BTreeMap;

use super::beta_binomial::BetaBinomial;
use super::search::maximise;
use super::Histogram;
use crate::counts::table::log2_ratio;

/// With a smaller standard error of the log2 ratio than this the likelihood is normal to the eye and treated so.
const EXACT_ABOVE: f64 = 0.15;

/// The prior is fitted when this many rows have [`LEAST_FRAGMENTS`].
pub const LEAST_ROWS: u64 = 10;

/// See [`LEAST_ROWS`].
pub const LEAST_FRAGMENTS: u64 = 10;

/// log2 ratio with a half added to each count, and its standard error with the dispersion in it: the binomial
/// variance times 1 + (n - 1) · rho, as of a beta-binomial count. None without an informative fragment.
pub fn dispersed_ratio(hap1: u64, hap2: u64, rho: f64) -> Option<(f64, f64)> {
    let (ratio, se) = log2_ratio(hap1, hap2)?;
    let n = hap1.saturating_add(hap2) as f64;
    Some((ratio, se * (1.0 + (n - 1.0) * rho).sqrt()))
}

/// Normal prior of the true log2 ratios of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// log2 ratio of a balanced region: 0, unless another share of haplotype 1 is expected.
    pub mean: f64,
    /// Standard deviation of the true log2 ratios.
    pub sd: f64,
    /// Dispersion of the counts about the true ratio.
    pub rho: f64,
}

impl Prior {
    /// Standard deviation by maximum likelihood over all rows with two and more fragments. A row's likelihood is
    /// its beta-binomial probability averaged over the prior; where counts are large, that of its
    /// [`dispersed_ratio`], normal about the true value. (The normal one at few fragments would pull the spread
    /// down: extreme counts have the largest errors.) None with too few rows.
    pub fn fit(histogram: &Histogram, mean: f64, rho: f64) -> Option<Self> {
        let deep = histogram.iter().filter(|((hap1, hap2), _)| hap1.saturating_add(*hap2) >= LEAST_FRAGMENTS);
        if deep.map(|(_, rows)| rows).sum::<u64>() < LEAST_ROWS {
            return None;
        }
        let mut folded = BTreeMap::new();
        for (&(hap1, hap2), &rows) in histogram {
            if rows > 0 && hap1.saturating_add(hap2) >= 2 {
                // Mirror images are equally probable about 0.
                let pair = if mean == 0.0 { (hap1.min(hap2), hap1.max(hap2)) } else { (hap1, hap2) };
                *folded.entry(pair).or_insert(0u64) += rows;
            }
        }
        let nodes = nodes();
        let (mut exact, mut normal) = (Vec::new(), Vec::new());
        for (&(hap1, hap2), &rows) in &folded {
            let Some((ratio, se)) = dispersed_ratio(hap1, hap2, rho) else { continue };
            if exactly(ratio - mean, se) {
                exact.push((likelihood(hap1, hap2, mean, rho, &nodes), rows as f64));
            } else {
                normal.push((ratio - mean, se * se, rows as f64));
            }
        }
        let log_likelihood = |sd: f64| -> f64 {
            let far: f64 = normal.iter().map(|(x, v, rows)| rows * normal_log(*x, v + sd * sd)).sum();
            let weights = weights(&nodes, sd);
            let near: f64 = exact.iter().map(|(likelihood, rows)| rows * dot(likelihood, &weights).ln()).sum();
            far + near
        };
        Some(Self { mean, sd: maximise(NARROWEST, 20.0, log_likelihood).0, rho })
    }

    /// The same from estimates and their standard errors alone, all of them normal.
    pub fn fit_estimates(estimates: &[(f64, f64)], mean: f64) -> Option<Self> {
        if (estimates.len() as u64) < LEAST_ROWS {
            return None;
        }
        let log_likelihood = |sd: f64| -> f64 {
            let one = |(ratio, se): &(f64, f64)| normal_log(ratio - mean, se * se + sd * sd);
            estimates.iter().map(one).sum()
        };
        Some(Self { mean, sd: maximise(NARROWEST, 20.0, log_likelihood).0, rho: 0.0 })
    }

    /// Mean and standard deviation of the true log2 ratio, given these counts; None without an informative
    /// fragment.
    pub fn shrink(&self, hap1: u64, hap2: u64) -> Option<(f64, f64)> {
        let (ratio, se) = dispersed_ratio(hap1, hap2, self.rho)?;
        if self.sd == 0.0 {
            return Some((self.mean, 0.0));
        }
        if !exactly(ratio - self.mean, se) {
            return Some(self.shrink_estimate(ratio, se));
        }
        Some(self.shrink_exactly(hap1, hap2, &nodes()))
    }

    fn shrink_exactly(&self, hap1: u64, hap2: u64, nodes: &[f64]) -> (f64, f64) {
        let weights = weights(nodes, self.sd);
        let likelihood = likelihood(hap1, hap2, self.mean, self.rho, nodes);
        let moment = |f: &dyn Fn(f64) -> f64| -> f64 {
            nodes.iter().zip(&weights).zip(&likelihood).map(|((x, w), l)| f(*x) * w * l).sum()
        };
        let total = moment(&|_| 1.0);
        let mean = moment(&|x| x) / total;
        let variance = moment(&|x| (x - mean).powi(2)) / total;
        (self.mean + mean, variance.sqrt())
    }

    /// The same from an estimate and its standard error, both taken as normal.
    pub fn shrink_estimate(&self, ratio: f64, se: f64) -> (f64, f64) {
        let kept = self.sd * self.sd / (self.sd * self.sd + se * se);
        (self.mean + (ratio - self.mean) * kept, se * kept.sqrt())
    }
}

/// Logarithm of the normal density with this variance, but for a constant.
fn normal_log(distance: f64, variance: f64) -> f64 {
    -0.5 * (variance.ln() + distance * distance / variance)
}

/// True where the likelihood itself is used: it is wide enough for the nodes.
fn exactly(distance: f64, se: f64) -> bool {
    se > EXACT_ABOVE && se > STEP * distance.abs()
}

/// The least spread that is told from none.
const NARROWEST: f64 = 5e-3;

/// Step of the nodes on the scale of asinh.
const STEP: f64 = 0.08;

/// Distance at which the nodes turn from evenly spaced to spaced by a constant factor.
const TURN: f64 = 0.02;

/// Distances from the prior's mean, in log2, at which the likelihood is looked at: dense near 0, where narrow
/// priors lie, and nowhere further apart than an [`exactly`] treated likelihood is wide.
fn nodes() -> Vec<f64> {
    (-112..=112).map(|i| TURN * (f64::from(i) * STEP).sinh()).collect()
}

/// Prior density times the width of each node: the trapezoid rule on the asinh scale. They sum to 1.
fn weights(nodes: &[f64], sd: f64) -> Vec<f64> {
    if sd == 0.0 {
        return nodes.iter().map(|x| f64::from(u8::from(*x == 0.0))).collect();
    }
    let one = |x: &f64| (-0.5 * (x / sd).powi(2)).exp() * (x * x + TURN * TURN).sqrt();
    let weights: Vec<f64> = nodes.iter().map(one).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Likelihood of counts with the true log2 ratio at each node, relative to its highest.
fn likelihood(hap1: u64, hap2: u64, mean: f64, rho: f64, nodes: &[f64]) -> Vec<f64> {
    let one = |x: &f64| {
        let share = 1.0 / (1.0 + (-(mean + x)).exp2());
        BetaBinomial::new(hap1 + hap2, share, rho).ln_sequence(hap1)
    };
    let log: Vec<f64> = nodes.iter().map(one).collect();
    let top = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    log.iter().map(|l| (l - top).exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinkage_is_known_on_paper_and_moves_small_counts_most() {
        let prior = Prior { mean: 0.0, sd: 1.0, rho: 0.001 };
        assert_eq!(prior.shrink_estimate(2.0, 1.0), (1.0, 0.5f64.sqrt()));
        assert_eq!(Prior { sd: 0.0, ..prior }.shrink(9, 0), Some((0.0, 0.0)));
        assert_eq!(prior.shrink(0, 0), None);
        // The same 3 to 1 from 4, 40 and 400 fragments.
        let kept: Vec<f64> = [(3, 1), (30, 10), (300, 100)]
            .map(|(a, b)| {
                let (mean, sd) = prior.shrink(a, b).unwrap();
                assert!(sd < dispersed_ratio(a, b, 0.001).unwrap().1 && sd < 1.0);
                mean / 3f64.log2()
            })
            .into();
        assert!(kept[0] < kept[1] && kept[1] < kept[2] && kept[2] > 0.95, "{kept:?}");
        // Mirror images.
        let (a, b) = (prior.shrink(9, 2).unwrap(), prior.shrink(2, 9).unwrap());
        assert!((a.0 + b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12);
    }

    #[test]
    fn few_fragments_equal_a_fine_sum_over_the_prior() {
        for (hap1, hap2, sd, rho) in
            [(5, 0, 1.5, 0.0), (1, 0, 0.3, 0.1), (70, 20, 0.05, 0.02), (99, 0, 4.0, 0.0), (390, 9, 1.0, 0.0)]
        {
            let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
            for i in -40_000..=40_000 {
                let x = f64::from(i) * sd * 2e-4;
                let share = 1.0 / (1.0 + (-x).exp2());
                let w = (BetaBinomial::new(hap1 + hap2, share, rho).ln_pmf(hap1) - 0.5 * (x / sd).powi(2)).exp();
                total += w;
                first += w * x;
                second += w * x * x;
            }
            let (mean, sd) = Prior { mean: 0.0, sd, rho }.shrink(hap1, hap2).unwrap();
            assert!((mean - first / total).abs() < 1e-5, "{hap1} {hap2}: {mean} {}", first / total);
            let expected = (second / total - (first / total).powi(2)).sqrt();
            assert!((sd - expected).abs() < 1e-5, "{hap1} {hap2}: {sd} {expected}");
        }
    }

    #[test]
    fn the_likelihood_and_its_normal_stand_in_meet() {
        for (hap1, hap2, rho) in [(200, 199, 0.0), (420, 140, 0.0), (20_000, 15_000, 0.002)] {
            let prior = Prior { mean: 0.0, sd: 0.8, rho };
            let (ratio, se) = dispersed_ratio(hap1, hap2, rho).unwrap();
            assert!(se < 0.2, "near the border: {se}");
            let normal = prior.shrink_estimate(ratio, se);
            let nodes = nodes();
            let exact = prior.shrink_exactly(hap1, hap2, &nodes);
            assert!(
                (exact.0 - normal.0).abs() < 0.1 * se && (exact.1 / normal.1 - 1.0).abs() < 0.05,
                "{exact:?} {normal:?}"
            );
        }
    }

    #[test]
    fn the_error_grows_with_the_dispersion() {
        let (_, plain) = dispersed_ratio(50, 50, 0.0).unwrap();
        let (_, wide) = dispersed_ratio(50, 50, 1.0 / 33.0).unwrap();
        assert!((wide / plain - 2.0).abs() < 1e-12);
        assert_eq!(dispersed_ratio(0, 0, 0.1), None);
    }

    #[test]
    fn equal_spread_and_error_leave_no_prior_spread() {
        let all_even: Histogram = [((50, 50), 100)].into();
        assert_eq!(Prior::fit(&all_even, 0.0, 0.0).unwrap().sd, 0.0);
        let far: Histogram = [((1000, 500), 50), ((500, 1000), 50)].into();
        let sd = Prior::fit(&far, 0.0, 0.0).unwrap().sd;
        assert!((sd - 1.0).abs() < 0.02, "{sd}");
        assert_eq!(Prior::fit(&[((9, 0), 1000)].into(), 0.0, 0.0), None);
        // About another mean than 0.
        let shifted: Histogram = [((2000, 1000), 50)].into();
        assert_eq!(Prior::fit(&shifted, 1.0, 0.0).unwrap().sd, 0.0);
    }
}
