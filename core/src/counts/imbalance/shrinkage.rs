//! Empirical Bayes: the distribution of the true log2 ratios, and each ratio shrunk towards its mean according to the
//! uncertainty of its counts.

use std::collections::{BTreeMap, HashMap};

use crate::counts::imbalance::{BetaBinomial, Histogram};
use crate::counts::table::log2_ratio;

/// Below this standard error of the log2 ratio, the likelihood is approximated by a normal distribution.
const EXACT_ABOVE: f64 = 0.15;

/// Fewest rows with [`MIN_FRAGMENTS`] from which the prior is fitted.
pub const MIN_ROWS: u64 = 10;

/// See [`MIN_ROWS`].
pub const MIN_FRAGMENTS: u64 = 10;

/// log2 ratio with one half added to each count, and its standard error with dispersion: the variance is that of the
/// binomial distribution times 1 + (n - 1) · rho, as for a beta-binomial count. None without an informative fragment.
pub fn dispersed_ratio(hap1: u64, hap2: u64, rho: f64) -> Option<(f64, f64)> {
    let (ratio, se) = log2_ratio(hap1, hap2)?;
    let n = hap1.saturating_add(hap2) as f64;
    Some((ratio, se * (1.0 + (n - 1.0) * rho).sqrt()))
}

/// Standard deviations of the components of the prior, in log2.
const SPREADS: [f64; 8] = [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

const PARTS: usize = SPREADS.len();

/// Most iterations of expectation-maximisation for the weights.
const ROUNDS: usize = 500;

/// Prior of the true log2 ratios of a sample: a mixture of normal distributions around the balanced ratio, from a point
/// mass to a wide one, with weights fitted to the data (adaptive shrinkage, Stephens 2017). A single normal distribution
/// would be narrow if most regions are balanced, and shrink the few imbalanced ones to almost nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    /// log2 ratio of a balanced region: 0, unless the expected share of haplotype 1 is not one half.
    pub mean: f64,
    /// Dispersion of the counts around the true ratio.
    pub rho: f64,
    /// Weights of the components; they sum to 1.
    weights: [f64; PARTS],
    nodes: Nodes,
    /// The components of pairs of counts in the fit.
    cache: HashMap<(u64, u64), Parts>,
}

/// For each component: probability of the counts relative to the other components, then mean (minus that of the prior)
/// and variance of the true ratio given counts and component.
type Parts = [(f64, f64, f64); PARTS];

/// Relative probability of a row under each component, and the number of such rows.
type Marginal = ([f64; PARTS], f64);

impl Prior {
    /// Maximum-likelihood weights over all rows with two and more fragments. The likelihood of a row is its beta-binomial
    /// probability averaged over the prior; for large counts, the normal density of its [`dispersed_ratio`] around the
    /// true value. (With few fragments the latter would narrow the prior, because extreme counts have the largest
    /// standard errors.) None with too few rows.
    pub fn fit(histogram: &Histogram, mean: f64, rho: f64) -> Option<Self> {
        let deep = histogram.iter().filter(|((hap1, hap2), _)| hap1.saturating_add(*hap2) >= MIN_FRAGMENTS);
        if deep.map(|(_, rows)| rows).sum::<u64>() < MIN_ROWS {
            return None;
        }
        let mut folded = BTreeMap::new();
        for (&(hap1, hap2), &rows) in histogram {
            if rows > 0 && hap1.saturating_add(hap2) >= 2 {
                *folded.entry(folded_pair(hap1, hap2, mean)).or_insert(0u64) += rows;
            }
        }
        let mut prior =
            Self { mean, rho, weights: [1.0 / PARTS as f64; PARTS], nodes: Nodes::new(), cache: HashMap::new() };
        let marginals: Vec<Marginal> = folded
            .iter()
            .filter_map(|(&(hap1, hap2), &rows)| {
                let parts = prior.parts(hap1, hap2)?;
                prior.cache.insert((hap1, hap2), parts);
                Some((parts.map(|p| p.0), rows as f64))
            })
            .collect();
        prior.fit_weights(&marginals);
        Some(prior)
    }

    /// As [`Prior::fit`], from estimates and their standard errors, all taken as normal.
    pub fn fit_estimates(estimates: &[(f64, f64)], mean: f64) -> Option<Self> {
        if (estimates.len() as u64) < MIN_ROWS {
            return None;
        }
        let mut prior =
            Self { mean, rho: 0.0, weights: [1.0 / PARTS as f64; PARTS], nodes: Nodes::new(), cache: HashMap::new() };
        let marginals: Vec<Marginal> =
            estimates.iter().map(|&(ratio, se)| (prior.normal_parts(ratio, se).map(|p| p.0), 1.0)).collect();
        prior.fit_weights(&marginals);
        Some(prior)
    }

    /// Standard deviation of the true log2 ratios.
    pub fn sd(&self) -> f64 {
        self.weights.iter().zip(&SPREADS).map(|(w, sd)| w * sd * sd).sum::<f64>().sqrt()
    }

    fn fit_weights(&mut self, marginals: &[Marginal]) {
        let rows: f64 = marginals.iter().map(|m| m.1).sum();
        for _ in 0..ROUNDS {
            let mut sums = [0.0; PARTS];
            for (p, rows) in marginals {
                let total: f64 = self.weights.iter().zip(p).map(|(w, p)| w * p).sum();
                let scale = rows / total.max(f64::MIN_POSITIVE);
                for i in 0..PARTS {
                    sums[i] += self.weights[i] * p[i] * scale;
                }
            }
            let before = self.weights;
            self.weights = sums.map(|s| s / rows);
            let moved = before.iter().zip(&self.weights).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            if moved < 1e-6 {
                break;
            }
        }
    }

    /// Posterior mean and standard deviation of the true log2 ratio given these counts; None without an informative
    /// fragment.
    pub fn shrink(&self, hap1: u64, hap2: u64) -> Option<(f64, f64)> {
        let pair = folded_pair(hap1, hap2, self.mean);
        let Some(parts) = self.cache.get(&pair) else { return Some(self.posterior(&self.parts(hap1, hap2)?)) };
        let (mean, sd) = self.posterior(parts);
        Some((if pair == (hap1, hap2) { mean } else { -mean }, sd))
    }

    /// Free the memory that only the rows of the fit need.
    pub(super) fn drop_cache(&mut self) {
        self.cache = HashMap::new();
    }

    /// As [`Prior::shrink`], from an estimate and its standard error, taken as normal.
    pub fn shrink_estimate(&self, ratio: f64, se: f64) -> (f64, f64) {
        self.posterior(&self.normal_parts(ratio, se))
    }

    fn parts(&self, hap1: u64, hap2: u64) -> Option<Parts> {
        let (ratio, se) = dispersed_ratio(hap1, hap2, self.rho)?;
        // The exact likelihood, if it is wide enough for the nodes.
        let exact = se > EXACT_ABOVE && 1.5 * se > STEP * (ratio - self.mean).abs();
        Some(if exact { self.exact_parts(hap1, hap2) } else { self.normal_parts(ratio, se) })
    }

    fn exact_parts(&self, hap1: u64, hap2: u64) -> Parts {
        let log = self.nodes.places.iter().map(|x| {
            let share = 1.0 / (1.0 + (-(self.mean + x)).exp2());
            BetaBinomial::new(hap1 + hap2, share, self.rho).ln_sequence(hap1)
        });
        let log: Vec<f64> = log.collect();
        let top = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let likelihood: Vec<f64> = log.iter().map(|l| (l - top).exp()).collect();
        let mut parts = [(0.0, 0.0, 0.0); PARTS];
        for (part, weights) in parts.iter_mut().zip(&self.nodes.weights) {
            let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
            for ((x, w), l) in self.nodes.places.iter().zip(weights).zip(&likelihood) {
                total += w * l;
                first += w * l * x;
                second += w * l * x * x;
            }
            let mean = first / total.max(f64::MIN_POSITIVE);
            *part = (total, mean, (second / total.max(f64::MIN_POSITIVE) - mean * mean).max(0.0));
        }
        parts
    }

    fn normal_parts(&self, ratio: f64, se: f64) -> Parts {
        let (distance, variance) = (ratio - self.mean, se * se);
        let log = SPREADS.map(|sd| {
            let v = variance + sd * sd;
            -0.5 * (v.ln() + distance * distance / v)
        });
        let top = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut parts = [(0.0, 0.0, 0.0); PARTS];
        for ((part, log), sd) in parts.iter_mut().zip(log).zip(SPREADS) {
            let kept = sd * sd / (sd * sd + variance);
            *part = ((log - top).exp(), distance * kept, variance * kept);
        }
        parts
    }

    fn posterior(&self, parts: &Parts) -> (f64, f64) {
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        for (weight, (p, mean, variance)) in self.weights.iter().zip(parts) {
            total += weight * p;
            first += weight * p * mean;
            second += weight * p * (variance + mean * mean);
        }
        let total = total.max(f64::MIN_POSITIVE);
        let mean = first / total;
        (self.mean + mean, (second / total - mean * mean).max(0.0).sqrt())
    }
}

/// Around 0, (a, b) and (b, a) are equally probable: the one with fewer fragments of haplotype 1 represents both.
fn folded_pair(hap1: u64, hap2: u64, mean: f64) -> (u64, u64) {
    if mean == 0.0 {
        (hap1.min(hap2), hap1.max(hap2))
    } else {
        (hap1, hap2)
    }
}

/// Step of the nodes on the scale of asinh.
const STEP: f64 = 0.1;

/// Distance from which the nodes are spaced by a constant factor instead of evenly.
const TURN: f64 = 0.02;

/// Distances from the prior's mean, in log2, at which a likelihood is evaluated: dense near 0 for the narrow components of
/// the prior, and nowhere further apart than 1.5 standard errors.
#[derive(Clone, Debug, PartialEq)]
struct Nodes {
    places: Vec<f64>,
    /// For each component of the prior, its density times the width of each node: the trapezoid rule on the asinh scale.
    /// They sum to 1.
    weights: Vec<Vec<f64>>,
}

impl Nodes {
    fn new() -> Self {
        let places: Vec<f64> = (-90..=90).map(|i| TURN * (f64::from(i) * STEP).sinh()).collect();
        let weights = SPREADS.iter().map(|&sd| {
            if sd == 0.0 {
                return places.iter().map(|x| f64::from(u8::from(*x == 0.0))).collect();
            }
            let one = |x: &f64| (-0.5 * (x / sd).powi(2)).exp() * (x * x + TURN * TURN).sqrt();
            let weights: Vec<f64> = places.iter().map(one).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|w| w / sum).collect()
        });
        let weights = weights.collect();
        Self { places, weights }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A prior with one component.
    fn of(sd: f64, rho: f64) -> Prior {
        let part = SPREADS.iter().position(|s| *s == sd).unwrap();
        let mut weights = [0.0; PARTS];
        weights[part] = 1.0;
        Prior { mean: 0.0, rho, weights, nodes: Nodes::new(), cache: HashMap::new() }
    }

    #[test]
    fn shrinkage_is_known_on_paper_and_moves_small_counts_most() {
        let prior = of(0.8, 0.001);
        let (mean, sd) = prior.shrink_estimate(2.0, 0.8);
        assert!((mean - 1.0).abs() < 1e-12 && (sd - 0.8 / 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(of(0.0, 0.0).shrink(9, 0), Some((0.0, 0.0)));
        assert_eq!(prior.shrink(0, 0), None);
        assert!((prior.sd() - 0.8).abs() < 1e-12);
        // The same 3 to 1 from 4, 40 and 400 fragments.
        let kept: Vec<f64> = [(3, 1), (30, 10), (300, 100)]
            .map(|(a, b)| {
                let (mean, sd) = prior.shrink(a, b).unwrap();
                assert!(sd < dispersed_ratio(a, b, 0.001).unwrap().1 && sd < 0.8);
                mean / 3f64.log2()
            })
            .into();
        assert!(kept[0] < kept[1] && kept[1] < kept[2] && kept[2] > 0.9, "{kept:?}");
        // Symmetric.
        let (a, b) = (prior.shrink(9, 2).unwrap(), prior.shrink(2, 9).unwrap());
        assert!((a.0 + b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12);
    }

    #[test]
    fn few_fragments_equal_a_fine_numerical_integral() {
        for (hap1, hap2, sd, rho) in
            [(5, 0, 1.6, 0.0), (1, 0, 0.4, 0.1), (70, 20, 0.05, 0.02), (99, 0, 3.2, 0.0), (390, 9, 0.8, 0.0)]
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
            let (mean, found) = of(sd, rho).shrink(hap1, hap2).unwrap();
            assert!((mean - first / total).abs() < 2e-4, "{hap1} {hap2}: {mean} {}", first / total);
            let expected = (second / total - (first / total).powi(2)).sqrt();
            assert!((found - expected).abs() < 2e-4, "{hap1} {hap2}: {found} {expected}");
        }
    }

    #[test]
    fn the_normal_approximation_meets_the_exact_likelihood() {
        for (hap1, hap2, rho) in [(200, 199, 0.0), (420, 140, 0.0), (20_000, 15_000, 0.002)] {
            let prior = of(0.8, rho);
            let (ratio, se) = dispersed_ratio(hap1, hap2, rho).unwrap();
            assert!(se < 0.2, "near the limit: {se}");
            let normal = prior.shrink_estimate(ratio, se);
            let exact = prior.posterior(&prior.exact_parts(hap1, hap2));
            assert!((exact.0 - normal.0).abs() < 0.1 * se, "{exact:?} {normal:?}");
            assert!((exact.1 / normal.1 - 1.0).abs() < 0.05, "{exact:?} {normal:?}");
        }
    }

    #[test]
    fn a_few_strong_regions_among_balanced_ones_keep_their_ratio() {
        let mut histogram: Histogram = [((20, 20), 300), ((17, 23), 200), ((23, 17), 200)].into();
        histogram.insert((40, 0), 5);
        let prior = Prior::fit(&histogram, 0.0, 0.0).unwrap();
        let (strong, middling) = (prior.shrink(40, 0).unwrap(), prior.shrink(23, 17).unwrap());
        assert!(strong.0 > 3.0, "{strong:?}");
        assert!(middling.0 < 0.1 * (23f64 / 17.0).log2(), "{middling:?}");
    }

    #[test]
    fn the_error_grows_with_the_dispersion() {
        let (_, plain) = dispersed_ratio(50, 50, 0.0).unwrap();
        let (_, wide) = dispersed_ratio(50, 50, 1.0 / 33.0).unwrap();
        assert!((wide / plain - 2.0).abs() < 1e-12);
        assert_eq!(dispersed_ratio(0, 0, 0.1), None);
    }

    #[test]
    fn without_variation_beyond_sampling_the_prior_is_narrow() {
        let all_even: Histogram = [((50, 50), 100)].into();
        assert!(Prior::fit(&all_even, 0.0, 0.0).unwrap().sd() < 0.1);
        let far: Histogram = [((1000, 500), 50), ((500, 1000), 50)].into();
        let sd = Prior::fit(&far, 0.0, 0.0).unwrap().sd();
        assert!((0.7..1.4).contains(&sd), "{sd}");
        assert_eq!(Prior::fit(&[((9, 0), 1000)].into(), 0.0, 0.0), None);
        // Around another mean than 0.
        let shifted: Histogram = [((2000, 1000), 50)].into();
        assert!(Prior::fit(&shifted, 1.0, 0.0).unwrap().sd() < 0.1);
        assert!(Prior::fit_estimates(&[(1.0, 0.1); 50], 1.0).unwrap().sd() < 0.1);
    }
}
