//! How well a perfect model could do: the measured values have noise that no sequence explains.
//!
//! The variance of what is measured is the variance of the truth plus the mean variance of the noise. A model that
//! knew the truth would reach the correlation √(truth / measured), and no more. `docs/evaluation.md` has the
//! formulas with their sources.

use std::collections::HashMap;
use std::f64::consts::LN_2;

use crate::counts::imbalance::BetaBinomial;
use crate::model::metadata::{Scale, TargetScale};

/// Up to so many informative fragments the noise is summed over every outcome; above, the delta method is as good.
const EXACT: u64 = 200;

/// The largest Pearson correlation with values of this variance when noise makes up `noise` of it; NaN when the
/// variance is 0 or no number.
pub fn ceiling(variance: f64, noise: f64) -> f64 {
    match variance > 0.0 {
        true => ((variance - noise).max(0.0) / variance).sqrt(),
        false => f64::NAN,
    }
}

/// The largest Pearson correlation with one replicate when two replicates correlate by `between`: its root, since
/// a replicate is the truth plus noise of its own (Spearman 1904, correction for attenuation). 0 when they do not
/// agree at all.
pub fn replicate_ceiling(between: f64) -> f64 {
    if between.is_nan() {
        between
    } else {
        between.max(0.0).sqrt()
    }
}

/// Noise of log2 ratios from counting, each kind of window computed once.
#[derive(Clone, Debug)]
pub struct CountingNoise {
    pseudocount: f64,
    dispersion: f64,
    known: HashMap<(u64, u64, u64), f64>,
}

impl CountingNoise {
    /// `pseudocount` is what training adds to each count; `dispersion` is rho of
    /// [`crate::counts::imbalance::BetaBinomial`], 0 for plain binomial counting.
    pub fn new(pseudocount: f64, dispersion: f64) -> Self {
        Self { pseudocount, dispersion, known: HashMap::new() }
    }

    /// Variance of log2((a + s + c) / (n - a + s + c)) when a of the n informative fragments are of haplotype 1,
    /// beta-binomial with the true share `share`, `shared` (s) is what each haplotype gets of the fragments that
    /// fit both, and c is the pseudocount. Exact for few fragments, else [`delta_variance`].
    ///
    /// NaN where an outcome has no logarithm (a pseudocount of 0).
    pub fn variance(&mut self, informative: u64, shared: f64, share: f64) -> f64 {
        let key = (informative, shared.to_bits(), share.to_bits());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let added = shared + self.pseudocount;
        let variance = if informative == 0 {
            0.0
        } else if informative > EXACT {
            delta_variance(informative, added, share, self.dispersion)
        } else {
            let outcomes = BetaBinomial::new(informative, share, self.dispersion);
            let (mut mean, mut square) = (0.0, 0.0);
            for a in 0..=informative {
                let ratio = ((a as f64 + added) / ((informative - a) as f64 + added)).log2();
                let p = outcomes.ln_pmf(a).exp();
                mean += p * ratio;
                square += p * ratio * ratio;
            }
            (square - mean * mean).max(0.0)
        };
        self.known.insert(key, variance);
        variance
    }
}

/// The same by the delta method: the variance of a, n·p·(1 - p)·(1 + (n - 1)·rho), times the square of the
/// derivative of the log2 ratio by a at its mean, (1/A + 1/B) / ln 2 with A = n·p + s + c and B = n·(1 - p) + s + c.
/// `added` is s + c.
pub fn delta_variance(informative: u64, added: f64, share: f64, dispersion: f64) -> f64 {
    let n = informative as f64;
    let spread = n * share * (1.0 - share) * (1.0 + (n - 1.0) * dispersion);
    let slope = (1.0 / (n * share + added) + 1.0 / (n * (1.0 - share) + added)) / LN_2;
    spread * slope * slope
}

/// Variance of the log2 of a measured value whose standard deviation is `sd`, by the delta method:
/// (sd / ((value + pseudocount) · ln 2))²; values that are log2 already have sd².
pub fn spread_variance(value: f64, sd: f64, scale: &TargetScale) -> f64 {
    match scale.scale {
        Scale::Log2 => sd * sd,
        Scale::Counts | Scale::Linear => (sd / ((value + scale.pseudocount) * LN_2)).powi(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::imbalance::{ImbalanceTest, Settings};
    use crate::model::metadata::LogBase;
    use crate::stats::correlation::pearson;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn normal(chance: &mut ChaCha8Rng) -> f64 {
        // Box and Muller 1958.
        let (u, v): (f64, f64) = (1.0 - chance.random::<f64>(), chance.random());
        (-2.0 * u.ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
    }

    /// A draw of the beta-binomial by adding probabilities up: no part of the code under test but the pmf, which
    /// has tests of its own against an urn.
    fn draw(chance: &mut ChaCha8Rng, n: u64, share: f64, rho: f64) -> u64 {
        let outcomes = BetaBinomial::new(n, share, rho);
        let mut left = chance.random::<f64>();
        for a in 0..n {
            left -= outcomes.ln_pmf(a).exp();
            if left < 0.0 {
                return a;
            }
        }
        n
    }

    fn ratio(a: u64, n: u64, added: f64) -> f64 {
        ((a as f64 + added) / ((n - a) as f64 + added)).log2()
    }

    #[test]
    fn the_noise_of_simulated_counts_is_as_computed() {
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        for (n, shared, share, rho) in [
            (1, 0.0, 0.5, 0.0),
            (8, 2.5, 0.3, 0.0),
            (40, 0.0, 0.5, 0.05),
            (150, 10.0, 0.8, 0.02),
            (400, 3.0, 0.4, 0.01),
        ] {
            let draws: Vec<f64> =
                (0..20_000).map(|_| ratio(draw(&mut chance, n, share, rho), n, shared + 1.0)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let seen = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let computed = CountingNoise::new(1.0, rho).variance(n, shared, share);
            assert!((seen / computed - 1.0).abs() < 0.06, "{n} {share} {rho}: {seen} against {computed}");
        }
    }

    #[test]
    fn the_delta_method_meets_the_exact_sum_where_it_takes_over() {
        for (share, rho) in [(0.5, 0.0), (0.3, 0.0), (0.5, 0.003)] {
            let exact = CountingNoise::new(1.0, rho).variance(EXACT, 5.0, share);
            let delta = delta_variance(EXACT, 6.0, share, rho);
            assert!((exact / delta - 1.0).abs() < 0.03, "{share} {rho}: {exact} against {delta}");
        }
        assert_eq!(CountingNoise::new(1.0, 0.1).variance(0, 3.0, 0.5), 0.0);
        // One fragment, pseudocount 1: the log2 ratio is 1 or -1.
        assert!((CountingNoise::new(1.0, 0.0).variance(1, 0.0, 0.5) - 1.0).abs() < 1e-12);
    }

    /// A simulated cross in which the truth is known: the ceiling from estimated shares and dispersion is what a
    /// model that knows every true share reaches.
    #[test]
    fn a_perfect_model_reaches_the_ceiling() {
        for (seed, sd, rho) in [(1, 0.8, 0.0), (2, 0.5, 0.01), (3, 1.2, 0.03)] {
            let mut chance = ChaCha8Rng::seed_from_u64(seed);
            let (mut measured, mut perfect, mut counts) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..6000 {
                let truth = sd * normal(&mut chance);
                let share = truth.exp2() / (1.0 + truth.exp2());
                let n = 5 + (-60.0 * (1.0 - chance.random::<f64>()).ln()) as u64;
                let shared = 0.5 * (chance.random_range(0..40) as f64);
                let a = draw(&mut chance, n, share, rho);
                measured.push(ratio(a, n, shared + 1.0));
                // What is expected of the measurement, since shared fragments pull every ratio to 0.
                let outcomes = BetaBinomial::new(n, share, rho);
                perfect.push((0..=n).map(|a| outcomes.ln_pmf(a).exp() * ratio(a, n, shared + 1.0)).sum::<f64>());
                counts.push((a, n, shared));
            }
            let reached = pearson(&measured, &perfect);
            let mut histogram = crate::counts::imbalance::Histogram::new();
            for (a, n, _) in &counts {
                *histogram.entry((*a, n - a)).or_insert(0) += 1;
            }
            let test = ImbalanceTest::fit(&histogram, Settings { dispersion: Some(rho), expectation: 0.5 });
            let mut noise = CountingNoise::new(1.0, rho);
            let total: f64 = counts
                .iter()
                .map(|&(a, n, shared)| {
                    let shrunk = test.row(a, n - a).and_then(|r| r.shrunk).expect("a prior").0;
                    noise.variance(n, shared, shrunk.exp2() / (1.0 + shrunk.exp2()))
                })
                .sum();
            let m = measured.iter().sum::<f64>() / measured.len() as f64;
            let variance = measured.iter().map(|v| (v - m).powi(2)).sum::<f64>() / measured.len() as f64;
            let computed = ceiling(variance, total / measured.len() as f64);
            assert!((computed - reached).abs() < 0.015, "sd {sd}, rho {rho}: {computed} against {reached}");
        }
    }

    #[test]
    fn two_replicates_give_the_ceiling_of_one() {
        let mut chance = ChaCha8Rng::seed_from_u64(9);
        let truth: Vec<f64> = (0..20_000).map(|_| normal(&mut chance)).collect();
        let noisy = |chance: &mut ChaCha8Rng| -> Vec<f64> { truth.iter().map(|t| t + 0.7 * normal(chance)).collect() };
        let (one, two) = (noisy(&mut chance), noisy(&mut chance));
        let computed = replicate_ceiling(pearson(&one, &two));
        assert!((computed - pearson(&one, &truth)).abs() < 0.01);
        assert!((computed - (1.0f64 / 1.49).sqrt()).abs() < 0.01);
        assert_eq!(replicate_ceiling(-0.2), 0.0);
        assert!(replicate_ceiling(f64::NAN).is_nan());
    }

    #[test]
    fn spreads_of_values_become_those_of_logarithms() {
        let linear = TargetScale { scale: Scale::Linear, pseudocount: 0.5, log_base: LogBase::E };
        let mut chance = ChaCha8Rng::seed_from_u64(4);
        let logs: Vec<f64> = (0..40_000).map(|_| (20.0 + 0.8 * normal(&mut chance) + 0.5).log2()).collect();
        let m = logs.iter().sum::<f64>() / logs.len() as f64;
        let seen = logs.iter().map(|v| (v - m).powi(2)).sum::<f64>() / logs.len() as f64;
        assert!((seen / spread_variance(20.0, 0.8, &linear) - 1.0).abs() < 0.04);
        let log2 = TargetScale { scale: Scale::Log2, ..linear };
        assert_eq!(spread_variance(20.0, 0.5, &log2), 0.25);
        assert_eq!(ceiling(4.0, 1.0), 0.75f64.sqrt());
        assert_eq!(ceiling(1.0, 2.0), 0.0);
        assert!(ceiling(0.0, 0.0).is_nan());
    }
}
