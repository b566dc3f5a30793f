//! The beta-binomial distribution of the number of fragments of haplotype 1 among the informative ones.

use statrs::function::erf::erfc_inv;
use statrs::function::gamma::ln_gamma;

/// Smallest p-value that is reported; smaller ones would underflow to 0.
pub const SMALLEST_P: f64 = 1e-300;

/// Number of fragments of haplotype 1 among `n` informative ones, if their share varies around `mean` with the dispersion
/// `rho` = 1 / (α + β + 1): the share has the distribution Beta(α, β), and any two fragments of a region have the
/// correlation `rho`. With `rho` = 0 it is the binomial distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetaBinomial {
    n: u64,
    mean: f64,
    rho: f64,
}

impl BetaBinomial {
    /// `mean` is in (0, 1) and `rho` in [0, 1); values outside are clamped.
    pub fn new(n: u64, mean: f64, rho: f64) -> Self {
        Self { n, mean: mean.clamp(1e-9, 1.0 - 1e-9), rho: rho.clamp(0.0, 1.0 - 1e-9) }
    }

    /// Natural logarithm of the probability of `k` fragments of haplotype 1; -∞ for `k` above `n`.
    pub fn ln_pmf(&self, k: u64) -> f64 {
        if k > self.n {
            return f64::NEG_INFINITY;
        }
        ln_choose(self.n, k) + self.ln_sequence(k)
    }

    /// [`BetaBinomial::ln_pmf`] without the binomial coefficient, which does not depend on mean and dispersion.
    pub(super) fn ln_sequence(&self, k: u64) -> f64 {
        let (hap1, hap2) = (k as f64, (self.n - k) as f64);
        let binomial = hap1 * self.mean.ln() + hap2 * (-self.mean).ln_1p();
        if self.rho == 0.0 {
            return binomial;
        }
        // Γ(a + k) / Γ(a) = a^k · exp(rise(a, k)): the terms that diverge as rho goes to 0 cancel analytically
        // instead of in floating point.
        let total = (1.0 - self.rho) / self.rho;
        let (alpha, beta) = (self.mean * total, (1.0 - self.mean) * total);
        binomial + rise(alpha, hap1) + rise(beta, hap2) - rise(total, self.n as f64)
    }

    /// pmf(k - 1) / pmf(k), for `k` from 1 to `n`.
    fn down(&self, k: u64) -> f64 {
        let (k, n, rest) = (k as f64, self.n as f64, 1.0 - self.rho);
        k / (n - k + 1.0) * ((1.0 - self.mean) * rest + (n - k) * self.rho) / (self.mean * rest + (k - 1.0) * self.rho)
    }

    /// Probability of fewer than `k` fragments of haplotype 1.
    fn below(&self, k: u64) -> f64 {
        let total = (1.0 - self.rho) / self.rho.max(f64::MIN_POSITIVE);
        // With α and β of at least 1 the distribution is unimodal, so that a small term ends the sum.
        let unimodal = self.mean.min(1.0 - self.mean) * total >= 1.0;
        let (mut sum, mut term) = (0.0, 1.0);
        for i in (1..=k).rev() {
            let step = self.down(i);
            term *= step;
            sum += term;
            if unimodal && step < 1.0 && term < sum * 1e-17 {
                break;
            }
        }
        if sum == 0.0 {
            return 0.0;
        }
        (sum.ln() + self.ln_pmf(k)).exp().min(1.0)
    }

    /// The distribution of the number of fragments of haplotype 2.
    fn swapped(&self) -> Self {
        Self { mean: 1.0 - self.mean, ..*self }
    }

    /// Two-sided mid-p value of `k` fragments of haplotype 1, and its z score, positive if there are more than expected.
    ///
    /// Let F be the distribution function. A p-value that is uniform under the null hypothesis at every depth needs a
    /// random u, uniform between F(k - 1) and F(k): p = 1 - |2u - 1|. The value here is its mean over u. It is
    /// deterministic, has the mean 1/2 under the null hypothesis at every depth, and becomes uniform for large counts. The
    /// common "exact" p-value takes the worst u, is too large on average, and accumulates at 1. Unless k is in the
    /// middle, it is the mid-p value of Lancaster (1961): 2 P(K < k) + P(K = k).
    pub fn two_sided(&self, k: u64) -> (f64, f64) {
        let k = k.min(self.n);
        if self.n == 0 {
            return (1.0, 0.0);
        }
        if k as f64 > self.n as f64 * self.mean {
            let (p, z) = self.swapped().lower_side(self.n - k);
            return (p, -z);
        }
        self.lower_side(k)
    }

    fn lower_side(&self, k: u64) -> (f64, f64) {
        let here = self.ln_pmf(k).exp();
        let below = self.below(k);
        let upto = below + here;
        let root2 = std::f64::consts::SQRT_2;
        if upto <= 0.5 {
            let p = (below + upto).max(SMALLEST_P);
            return (p, -root2 * erfc_inv(p));
        }
        if below < 0.5 {
            let p = 1.0 - ((0.5 - below).powi(2) + (upto - 0.5).powi(2)) / here;
            return (p.clamp(0.0, 1.0), -root2 * erfc_inv((below + upto).min(2.0)));
        }
        // A skewed distribution with its median below k, but not its mean.
        let above = self.swapped().below(self.n - k);
        let p = (2.0 * above + here).clamp(SMALLEST_P, 1.0);
        (p, root2 * erfc_inv(p))
    }
}

/// Logarithm of the binomial coefficient.
pub(super) fn ln_choose(n: u64, k: u64) -> f64 {
    if k == 0 || k >= n {
        return 0.0;
    }
    let (n, k) = (n as f64, k as f64);
    ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
}

/// ln Γ(a + k) - ln Γ(a) - k ln a for a > 0 and a whole k >= 0: the logarithm of (1 + 1/a) ... (1 + (k-1)/a).
fn rise(a: f64, k: f64) -> f64 {
    if k <= 8.0 {
        return (1..k as u32).map(|i| (f64::from(i) / a).ln_1p()).sum();
    }
    if a < 16.0 {
        return ln_gamma(a + k) - ln_gamma(a) - k * a.ln();
    }
    // Stirling's series of both terms; their large parts are combined.
    let tail = |x: f64| {
        let y = 1.0 / (x * x);
        (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y / 1188.0)))) / x
    };
    (a + k - 0.5) * (k / a).ln_1p() - k + tail(a + k) - tail(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Directly from the definition by an urn: every draw returns the ball and adds another of its colour.
    fn urn(n: u64, k: u64, mean: f64, rho: f64) -> f64 {
        let total = (1.0 - rho) / rho;
        let (a, b) = (mean * total, (1.0 - mean) * total);
        let mut p = 1.0;
        for i in 0..n {
            let i = i as f64;
            p /= total + i;
            p *= if i < k as f64 { a + i } else { b + i - k as f64 };
        }
        (0..k).fold(p, |p, i| p * (n - i) as f64 / (i + 1) as f64)
    }

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{a} against {b}");
    }

    #[test]
    fn known_on_paper() {
        // α = β = 1 is uniform.
        for k in 0..=10 {
            near(BetaBinomial::new(10, 0.5, 1.0 / 3.0).ln_pmf(k), -(11f64.ln()), 1e-13);
        }
        // A fair coin.
        near(BetaBinomial::new(4, 0.5, 0.0).ln_pmf(2), (6f64 / 16.0).ln(), 1e-14);
        assert_eq!(BetaBinomial::new(4, 0.5, 0.1).ln_pmf(5), f64::NEG_INFINITY);
        // One fragment is no evidence: both outcomes have the same p-value. Ten of ten: 2 · (1/1024) / 2.
        near(BetaBinomial::new(1, 0.5, 0.0).two_sided(0).0, 0.5, 1e-14);
        near(BetaBinomial::new(1, 0.5, 0.0).two_sided(1).0, 0.5, 1e-14);
        near(BetaBinomial::new(10, 0.5, 0.0).two_sided(10).0, 1.0 / 1024.0, 1e-14);
        // 1 of 10: 2 · 1/1024 + 10/1024. Balanced: 1 - 6/16/2.
        near(BetaBinomial::new(10, 0.5, 0.0).two_sided(1).0, 12.0 / 1024.0, 1e-14);
        near(BetaBinomial::new(4, 0.5, 0.0).two_sided(2).0, 1.0 - 3.0 / 16.0, 1e-14);
        // z for p = 0.05 is 1.959964; its sign is that of the imbalance.
        let (p, z) = BetaBinomial::new(10_000, 0.5, 0.0).two_sided(4902);
        near(z, -1.96, 1e-2);
        near(p, 0.05, 1e-2);
        assert_eq!(BetaBinomial::new(10_000, 0.5, 0.0).two_sided(5098), (p, -z));
        near(BetaBinomial::new(10, 0.5, 0.0).two_sided(5).1, 0.0, 1e-12);
        assert_eq!(BetaBinomial::new(0, 0.5, 0.0).two_sided(0), (1.0, 0.0));
    }

    #[test]
    fn millions_of_fragments_and_extreme_counts_stay_finite() {
        let n = 4_000_000;
        // Against the normal approximation of the binomial at its centre.
        near(BetaBinomial::new(n, 0.5, 0.0).ln_pmf(n / 2), (2.0 / (std::f64::consts::PI * n as f64)).sqrt().ln(), 1e-7);
        let (p, z) = BetaBinomial::new(n, 0.5, 0.0).two_sided(n / 2 + 1960);
        near(p, 0.05, 1e-3);
        near(z, 1.96, 1e-3);
        assert_eq!(BetaBinomial::new(n, 0.5, 0.0).two_sided(0).0, SMALLEST_P);
        let (p, z) = BetaBinomial::new(n, 0.5, 0.01).two_sided(n);
        assert!(p > 0.0 && p < 1e-20 && z > 9.0 && z.is_finite());
        assert!(BetaBinomial::new(n, 0.5, 0.9).two_sided(n / 3).0.is_finite());
    }

    #[test]
    fn the_mean_of_p_is_one_half_at_every_depth() {
        for n in [1u64, 2, 3, 7, 30, 101] {
            for (mean, rho) in [(0.5, 0.0), (0.5, 0.05), (0.5, 0.6), (0.3, 0.0), (0.8, 0.1)] {
                let d = BetaBinomial::new(n, mean, rho);
                let average: f64 = (0..=n).map(|k| d.ln_pmf(k).exp() * d.two_sided(k).0).sum();
                near(average, 0.5, 1e-10);
            }
        }
    }

    proptest! {
        #[test]
        fn equals_the_urn_sums_to_one_and_is_symmetric(
            n in 1u64..160, k in 0u64..160, mean in 0.05f64..0.95, rho in 1e-4f64..0.9
        ) {
            let k = k.min(n);
            let d = BetaBinomial::new(n, mean, rho);
            let expected = urn(n, k, mean, rho);
            prop_assert!((d.ln_pmf(k).exp() - expected).abs() < 1e-11 * (1.0 + expected));
            let sum: f64 = (0..=n).map(|k| d.ln_pmf(k).exp()).sum();
            prop_assert!((sum - 1.0).abs() < 1e-10);
            let swapped = BetaBinomial::new(n, 1.0 - mean, rho);
            prop_assert!((d.ln_pmf(k) - swapped.ln_pmf(n - k)).abs() < 1e-9);
            let (p, z) = d.two_sided(k);
            prop_assert!(p > 0.0 && p <= 1.0 && z.is_finite());
            // The tail by direct summation.
            let below: f64 = (0..k).map(|k| d.ln_pmf(k).exp()).sum();
            prop_assert!((d.below(k) - below).abs() < 1e-10);
        }

        #[test]
        fn without_dispersion_it_is_binomial(n in 1u64..2_000_000, share in 0.3f64..0.7, tiny in 1e-16f64..1e-13) {
            let k = (n as f64 * share) as u64;
            let (limit, near) = (BetaBinomial::new(n, 0.5, 0.0), BetaBinomial::new(n, 0.5, tiny));
            // The true difference is of the order n² · rho.
            let allowed = 1e-8 + (n as f64).powi(2) * tiny;
            prop_assert!((limit.ln_pmf(k) - near.ln_pmf(k)).abs() < allowed);
        }
    }
}
