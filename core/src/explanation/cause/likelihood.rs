//! The counts of a region as a normal likelihood of its log2 ratio.

/// Standard deviation (log2) of the normal distribution within which the likelihood is matched: about as wide as ratios are.
const WIDTH: f64 = 1.0;

/// Points of the integral on each side of the mode, and the standard deviations that they reach.
const POINTS: i32 = 100;
const REACH: f64 = 9.0;

/// A likelihood of the log2 ratio in proportion to a normal density.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalLikelihood {
    /// Its maximum, log2.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
}

impl NormalLikelihood {
    /// The binomial likelihood of `hap1` and `hap2` fragments; None where there are none.
    ///
    /// The binomial likelihood of a log ratio is skewed for small counts, and has no maximum where one of them is 0. So the
    /// normal likelihood is the one that has the same effect on a normal prior around 0 with the standard deviation 1: the same
    /// mean and variance of the posterior (moment matching, as in the expectation propagation of Minka 2001). For many
    /// fragments it is the usual approximation around log2(hap1 / hap2).
    pub fn of_counts(hap1: u64, hap2: u64) -> Option<Self> {
        if hap1 == 0 && hap2 == 0 {
            return None;
        }
        let (a, b) = (hap1 as f64, hap2 as f64);
        let prior = 1.0 / (WIDTH * WIDTH);
        // ln(1 + exp(x)) without overflow.
        let soft = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        let ln2 = std::f64::consts::LN_2;
        let value = |t: f64| -a * soft(-t * ln2) - b * soft(t * ln2) - 0.5 * prior * t * t;
        let share = |t: f64| 1.0 / (1.0 + (-t * ln2).exp());
        // The slope falls everywhere: bisection finds the mode.
        let slope = |t: f64| ln2 * (a - (a + b) * share(t)) - prior * t;
        let (mut low, mut high) = (-80.0, 80.0);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        let mode = 0.5 * (low + high);
        let p = share(mode);
        let sd = (ln2 * ln2 * (a + b) * p * (1.0 - p) + prior).sqrt().recip();
        let top = value(mode);
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for i in -POINTS..=POINTS {
            let offset = f64::from(i) / f64::from(POINTS) * REACH * sd;
            let weight = (value(mode + offset) - top).exp();
            sum += weight;
            first += weight * offset;
            second += weight * offset * offset;
        }
        let shift = first / sum;
        let variance = second / sum - shift * shift;
        // Log-concave: the posterior is narrower than the prior.
        let precision = (1.0 / variance - prior).max(1e-9);
        Some(Self { mean: (mode + shift) / variance / precision, variance: 1.0 / precision })
    }

    /// Natural logarithm of the likelihood, less a constant of the region, if the ratio is N(`mean`, `variance`).
    pub fn ln_evidence(&self, mean: f64, variance: f64) -> f64 {
        let total = self.variance + variance;
        let distance = self.mean - mean;
        -0.5 * (distance * distance / total + total.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ln of the integral of binomial likelihood times normal density, by summation.
    fn exact(hap1: u64, hap2: u64, mean: f64, variance: f64) -> f64 {
        let step = 1e-3;
        let sum: f64 = (-16_000..16_000)
            .map(|i| {
                let t = f64::from(i) * step;
                let p = 1.0 / (1.0 + (-t).exp2());
                let ln = hap1 as f64 * p.ln() + hap2 as f64 * (1.0 - p).ln() - 0.5 * (t - mean).powi(2) / variance;
                (ln + (hap1 + hap2) as f64 * 2f64.ln()).exp() * step
            })
            .sum();
        sum.ln() - 0.5 * variance.ln()
    }

    #[test]
    fn hypotheses_compare_as_with_the_binomial_likelihood() {
        for (hap1, hap2) in [(0, 1), (3, 0), (2, 9), (8, 8), (40, 25), (0, 30), (200, 90)] {
            let normal = NormalLikelihood::of_counts(hap1, hap2).unwrap();
            for (mean, variance) in [(-1.0, 0.3), (-0.5, 0.1), (0.5, 0.1), (0.0, 0.05), (1.0, 0.3), (0.5, 1.0)] {
                let ours = normal.ln_evidence(mean, variance) - normal.ln_evidence(0.0, 1.0);
                let true_one = exact(hap1, hap2, mean, variance) - exact(hap1, hap2, 0.0, 1.0);
                let wrong = (ours - true_one).abs();
                // A likelihood without a maximum is normal only roughly.
                let most = if hap1.min(hap2) >= 2 { 0.1 } else { 2.1 };
                assert!(wrong < most, "{hap1}:{hap2} {mean} {variance}: {ours} {true_one}");
            }
        }
    }

    #[test]
    fn many_fragments_are_the_usual_approximation_and_sides_are_alike() {
        let many = NormalLikelihood::of_counts(3_000_000, 1_000_000).unwrap();
        assert!((many.mean - 3f64.log2()).abs() < 1e-5);
        let expected = (1.0 / 3e6 + 1e-6) / 2f64.ln().powi(2);
        assert!((many.variance / expected - 1.0).abs() < 1e-3);
        for (a, b) in [(0, 1), (0, 4), (7, 100)] {
            let one = NormalLikelihood::of_counts(a, b).unwrap();
            let two = NormalLikelihood::of_counts(b, a).unwrap();
            assert!(one.mean < 0.0 && (one.mean + two.mean).abs() < 1e-6 * one.mean.abs(), "{one:?} {two:?}");
            assert!((one.variance / two.variance - 1.0).abs() < 1e-6, "{one:?} {two:?}");
        }
        for (a, b) in [(0, u64::MAX), (u64::MAX, 1), (u64::MAX, u64::MAX), (1 << 40, 0)] {
            let one = NormalLikelihood::of_counts(a, b).unwrap();
            assert!(one.mean.is_finite() && one.variance > 0.0 && one.variance.is_finite(), "{one:?}");
        }
        assert_eq!(NormalLikelihood::of_counts(0, 0), None);
    }
}
