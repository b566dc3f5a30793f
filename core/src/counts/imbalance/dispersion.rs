//! How much more the share of haplotype 1 varies between regions than drawing fragments explains.

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;

use crate::counts::imbalance::beta_binomial::ln_choose;
use crate::counts::imbalance::search::maximise;
use crate::counts::imbalance::BetaBinomial;
use crate::counts::imbalance::Histogram;

/// Fewer regions with two informative fragments than this tell nothing about a spread.
pub const LEAST_ROWS: u64 = 30;

/// Fewer pairs of fragments than this leave a standard error of the dispersion above 0.02.
pub const LEAST_PAIRS: f64 = 2500.0;

/// Most regions that may belong to the imbalanced part: the test rests on most regions being balanced.
const MOST_IMBALANCED: f64 = 0.5;

/// Where imbalanced regions may lie: shares of the haplotype with more fragments from each edge to the next, when
/// one half is expected.
const EDGES: [f64; 5] = [0.65, 0.75, 0.85, 0.95, 1.0];

/// The balanced part, and one for each stretch between [`EDGES`].
const PARTS: usize = EDGES.len();

/// Most rounds of expectation and maximisation for the weights.
const ROUNDS: usize = 60;

/// The dispersion of one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// 1 / (α + β + 1), from 0 (binomial) to 1.
    pub rho: f64,
    /// Share of regions in the imbalanced part: a rough share of truly imbalanced ones, not a test.
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
    /// Probability of the counts in each imbalanced part.
    apart: [f64; PARTS - 1],
}

/// Dispersion by maximum likelihood, shared over all regions of the histogram of (hap1, hap2). Err is the number
/// of regions with at least two informative fragments, when there is too little to tell.
///
/// Regions that are truly imbalanced would pass for dispersion and hide themselves. So the likelihood is that
/// of a mixture: a region is beta-binomial about `mean`, or, with a weight of its own each (together at most one
/// half), its share lies anywhere in one of a few stretches of clear imbalance. (One wide part with any share
/// also takes up the tails of the balanced regions: on simulated data with a tenth of imbalanced regions it
/// pulled a dispersion of 0.020 down to 0.014. Imbalanced parts with the same dispersion pull it too, where the
/// true shares are not those assumed.) Imbalances smaller than the stretches, a ratio of less than 2, count as
/// dispersion to some degree, which errs on the careful side. The mixture is used only when it raises the
/// log-likelihood by more than Schwarz's criterion (BIC) asks for its four weights; without imbalanced regions
/// the estimate is the plain one.
///
/// What makes data enough: near 0 the variance of the estimate is 1 over the number of pairs of fragments
/// within regions, since the score of rho there is the sum of products of their signs.
pub fn fit(histogram: &Histogram, mean: f64) -> Result<Fitted, u64> {
    let balanced = mean == 0.5;
    let mut folded = std::collections::BTreeMap::new();
    for (&(hap1, hap2), &rows) in histogram {
        let n = hap1.saturating_add(hap2);
        if n >= 2 && rows > 0 {
            // Mirror images have the same probability under both parts when the mean is one half.
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
            apart: imbalanced(n, k, mean),
        })
        .collect();
    let rows: u64 = folded.values().sum();
    let pairs: f64 = entries.iter().map(|e| e.rows * e.n as f64 * (e.n as f64 - 1.0) / 2.0).sum();
    if rows < LEAST_ROWS || pairs < LEAST_PAIRS {
        return Err(rows);
    }
    let (plain, best_plain) = maximise(1e-8, 0.95, |rho| balanced_only(&entries, mean, rho));
    let whole = Fitted { rho: plain, imbalanced: 0.0, rows };
    if plain == 0.0 {
        return Ok(whole);
    }
    // Setting regions apart can only lower the dispersion.
    let (rho, best) = maximise(1e-8, plain, |rho| mixture(&entries, mean, rho).0);
    if best - best_plain <= 0.5 * (PARTS - 1) as f64 * (rows as f64).ln() {
        return Ok(whole);
    }
    Ok(Fitted { rho, imbalanced: mixture(&entries, mean, rho).1, rows })
}

/// Log-likelihood when all regions are balanced.
fn balanced_only(entries: &[Entry], mean: f64, rho: f64) -> f64 {
    let one = |e: &Entry| e.rows * (e.ln_choose + BetaBinomial::new(e.n, mean, rho).ln_sequence(e.k));
    entries.iter().map(one).sum()
}

/// Probability of `k` of `n` when the share lies evenly in each imbalanced stretch, on either side. It is an integral
/// of binomial probabilities: the part of a beta distribution that lies in the stretch.
fn imbalanced(n: u64, k: u64, mean: f64) -> [f64; PARTS - 1] {
    let (a, b) = (k as f64 + 1.0, (n - k) as f64 + 1.0);
    let (centre, sd) = (a / (a + b), (a * b / (a + b + 1.0)).sqrt() / (a + b));
    let below = |share: f64| match share {
        share if share <= 0.0 => 0.0,
        share if share >= 1.0 => 1.0,
        // The series behind beta_reg needs more terms than it takes when counts are large; there it is normal.
        share if n <= 1000 => beta_reg(a, b, share),
        share => 0.5 * erfc((centre - share) / sd / std::f64::consts::SQRT_2),
    };
    // Where another share is expected, the edges move with it.
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

/// Log-likelihood of the mixture with its best weights, and the weight of the imbalanced part.
fn mixture(entries: &[Entry], mean: f64, rho: f64) -> (f64, f64) {
    // Probability of each region in each part, relative to its best.
    let mut tops = 0.0;
    let relative: Vec<([f64; PARTS], f64)> = entries
        .iter()
        .map(|e| {
            let mut p = [0.0; PARTS];
            let balanced = e.ln_choose + BetaBinomial::new(e.n, mean, rho).ln_sequence(e.k);
            let highest = e.apart.iter().copied().fold(0.0, f64::max);
            let top = balanced.max(highest.ln());
            p[0] = (balanced - top).exp();
            for (p, apart) in p[1..].iter_mut().zip(&e.apart) {
                *p = if *apart > 0.0 { (apart.ln() - top).exp() } else { 0.0 };
            }
            tops += e.rows * top;
            (p, e.rows)
        })
        .collect();
    let rows: f64 = entries.iter().map(|e| e.rows).sum();
    let mut weights = [0.2 / (PARTS - 1) as f64; PARTS];
    weights[0] = 0.8;
    let total = |weights: &[f64; PARTS], p: &[f64; PARTS]| -> f64 {
        // The balanced part alone may be 0 only by rounding.
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
        let apart = 1.0 - weights[0];
        if apart > MOST_IMBALANCED {
            weights[1..].iter_mut().for_each(|w| *w *= MOST_IMBALANCED / apart);
            weights[0] = 1.0 - MOST_IMBALANCED;
        }
        if (weights[0] - before).abs() < 1e-7 {
            break;
        }
    }
    let log: f64 = relative.iter().map(|(p, rows)| rows * total(&weights, p).ln()).sum();
    (tops + log, 1.0 - weights[0])
}
