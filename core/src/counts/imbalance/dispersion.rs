//! Variation of the share of haplotype 1 between regions beyond binomial sampling.

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;

use crate::counts::imbalance::beta_binomial::ln_choose;
use crate::counts::imbalance::search::maximise;
use crate::counts::imbalance::{BetaBinomial, Histogram};

/// Fewest regions with two informative fragments from which a dispersion is estimated.
pub const MIN_ROWS: u64 = 30;

/// Fewest pairs of fragments within regions from which it is estimated: the standard error of the dispersion is then 0.02.
pub const MIN_PAIRS: f64 = 2500.0;

/// Largest share of regions in the imbalanced components: the test assumes that most regions are balanced.
const MAX_IMBALANCED: f64 = 0.5;

/// Bounds of the imbalanced components: shares of the more frequent haplotype, if one half is expected.
const EDGES: [f64; 5] = [0.65, 0.75, 0.85, 0.95, 1.0];

/// The balanced component, and one for each interval between [`EDGES`].
const PARTS: usize = EDGES.len();

/// Most iterations of expectation-maximisation for the weights.
const ROUNDS: usize = 60;

/// The dispersion of one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// 1 / (α + β + 1), from 0 (binomial) to 1.
    pub rho: f64,
    /// Share of regions in the imbalanced components: a rough estimate, not a test.
    pub imbalanced: f64,
    /// Regions with at least two informative fragments.
    pub rows: u64,
}

/// One pair of counts of the histogram.
struct Entry {
    n: u64,
    k: u64,
    /// Regions with these counts.
    rows: f64,
    /// Logarithm of the binomial coefficient.
    ln_choose: f64,
    /// Probability of the counts in each imbalanced component.
    imbalanced: [f64; PARTS - 1],
}

/// The maximum-likelihood dispersion, common to all regions of the histogram of (hap1, hap2).
///
/// Truly imbalanced regions would inflate the dispersion and thereby lose their significance. So the likelihood is that
/// of a mixture: a region is beta-binomial around `mean`, or its share is uniform in one of a few intervals of clear
/// imbalance, each with its weight (together at most one half). (A single component with any share would also absorb the
/// tails of the balanced regions: on simulated data with 10 % imbalanced regions it reduced a dispersion of 0.020 to
/// 0.014. Imbalanced components with the same dispersion bias it as well if the true shares differ from those assumed.)
/// Smaller imbalances, with a ratio below 2, count as dispersion to some degree, which is conservative. The mixture is
/// used only if it raises the log-likelihood by more than the Bayesian information criterion (Schwarz 1978) demands for
/// its four weights; so without imbalanced regions the estimate is that of the single distribution.
///
/// Enough data: near 0 the variance of the estimate is 1 over the number of pairs of fragments within regions, because
/// the score of rho there is the sum of the products of their signs.
///
/// # Errors
/// With too few data, the number of regions with at least two informative fragments.
pub fn fit(histogram: &Histogram, mean: f64) -> Result<Fitted, u64> {
    let balanced = mean == 0.5;
    let mut folded = std::collections::BTreeMap::new();
    for (&(hap1, hap2), &rows) in histogram {
        let n = hap1.saturating_add(hap2);
        if n >= 2 && rows > 0 {
            // If the mean is one half, (a, b) and (b, a) have the same probability in all components.
            let k = if balanced { hap1.min(hap2) } else { hap1 };
            *folded.entry((n, k)).or_insert(0u64) += rows;
        }
    }
    let entries: Vec<Entry> = folded
        .iter()
        .map(|(&(n, k), &rows)| Entry {
            n,
            k,
            rows: rows as f64,
            ln_choose: ln_choose(n, k),
            imbalanced: imbalanced(n, k, mean),
        })
        .collect();
    let rows: u64 = folded.values().sum();
    let pairs: f64 = entries.iter().map(|e| e.rows * e.n as f64 * (e.n as f64 - 1.0) / 2.0).sum();
    if rows < MIN_ROWS || pairs < MIN_PAIRS {
        return Err(rows);
    }
    let (plain, best_plain) = maximise(1e-8, 0.95, |rho| balanced_only(&entries, mean, rho));
    let whole = Fitted { rho: plain, imbalanced: 0.0, rows };
    if plain == 0.0 {
        return Ok(whole);
    }
    // Imbalanced components can only lower the dispersion.
    let (rho, best) = maximise(1e-8, plain, |rho| mixture(&entries, mean, rho).0);
    if best - best_plain <= 0.5 * (PARTS - 1) as f64 * (rows as f64).ln() {
        return Ok(whole);
    }
    Ok(Fitted { rho, imbalanced: mixture(&entries, mean, rho).1, rows })
}

/// Log-likelihood if all regions are balanced.
fn balanced_only(entries: &[Entry], mean: f64, rho: f64) -> f64 {
    let one = |e: &Entry| e.rows * (e.ln_choose + BetaBinomial::new(e.n, mean, rho).ln_sequence(e.k));
    entries.iter().map(one).sum()
}

/// Probability of `k` of `n` in each imbalanced component, whose share is uniform in an interval on either side. It is an
/// integral of binomial probabilities: the probability of the interval under a beta distribution.
fn imbalanced(n: u64, k: u64, mean: f64) -> [f64; PARTS - 1] {
    let (a, b) = (k as f64 + 1.0, (n - k) as f64 + 1.0);
    let (centre, sd) = (a / (a + b), (a * b / (a + b + 1.0)).sqrt() / (a + b));
    let below = |share: f64| match share {
        share if share <= 0.0 => 0.0,
        share if share >= 1.0 => 1.0,
        // The series of beta_reg does not converge in its number of terms for large counts; there it is normal.
        share if n <= 1000 => beta_reg(a, b, share),
        share => 0.5 * erfc((centre - share) / sd / std::f64::consts::SQRT_2),
    };
    // If another share is expected, the intervals shift with it.
    let low = |i: usize| 2.0 * mean * (1.0 - EDGES[i]);
    let high = |i: usize| 1.0 - 2.0 * (1.0 - mean) * (1.0 - EDGES[i]);
    let mut parts = [0.0; PARTS - 1];
    for (i, part) in parts.iter_mut().enumerate() {
        let (left, right) = (low(i) - low(i + 1), high(i + 1) - high(i));
        let inside = below(low(i)) - below(low(i + 1)) + below(high(i + 1)) - below(high(i));
        *part = inside.max(0.0) / (left + right) / (n as f64 + 1.0);
    }
    parts
}

/// Log-likelihood of the mixture with the best weights, and the weight of the imbalanced components.
fn mixture(entries: &[Entry], mean: f64, rho: f64) -> (f64, f64) {
    // Probability of each region in each component, relative to the most probable one.
    let mut tops = 0.0;
    let relative: Vec<([f64; PARTS], f64)> = entries
        .iter()
        .map(|e| {
            let mut p = [0.0; PARTS];
            let balanced = e.ln_choose + BetaBinomial::new(e.n, mean, rho).ln_sequence(e.k);
            let highest = e.imbalanced.iter().copied().fold(0.0, f64::max);
            let top = balanced.max(highest.ln());
            p[0] = (balanced - top).exp();
            for (p, imbalanced) in p[1..].iter_mut().zip(&e.imbalanced) {
                *p = if *imbalanced > 0.0 { (imbalanced.ln() - top).exp() } else { 0.0 };
            }
            tops += e.rows * top;
            (p, e.rows)
        })
        .collect();
    let rows: f64 = entries.iter().map(|e| e.rows).sum();
    let mut weights = [0.2 / (PARTS - 1) as f64; PARTS];
    weights[0] = 0.8;
    let total = |weights: &[f64; PARTS], p: &[f64; PARTS]| -> f64 {
        // It can be 0 only by rounding.
        weights.iter().zip(p).map(|(w, p)| w * p).sum::<f64>().max(f64::MIN_POSITIVE)
    };
    for _ in 0..ROUNDS {
        let mut sums = [0.0; PARTS];
        for (p, rows) in &relative {
            let scale = rows / total(&weights, p);
            for i in 0..PARTS {
                sums[i] += weights[i] * p[i] * scale;
            }
        }
        let before = weights[0];
        weights = sums.map(|s| s / rows);
        let imbalanced = 1.0 - weights[0];
        if imbalanced > MAX_IMBALANCED {
            weights[1..].iter_mut().for_each(|w| *w *= MAX_IMBALANCED / imbalanced);
            weights[0] = 1.0 - MAX_IMBALANCED;
        }
        if (weights[0] - before).abs() < 1e-7 {
            break;
        }
    }
    let log: f64 = relative.iter().map(|(p, rows)| rows * total(&weights, p).ln()).sum();
    (tops + log, 1.0 - weights[0])
}
