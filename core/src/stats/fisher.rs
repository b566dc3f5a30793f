//! Fisher's exact test of a table of two rows and two columns, and of several such tables together.

/// Two tables count as equally probable if their probabilities differ by less than this share: rounding must not
/// decide.
const EQUAL: f64 = 1e-7;

/// Result of [`fisher`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fisher {
    /// Odds ratio of the sample, a d / (b c): infinite or 0 if a count is 0, NaN for a row or column of zeros.
    pub odds_ratio: f64,
    /// Two-sided p-value; 0 below the smallest float64.
    pub p_value: f64,
}

/// Fisher's exact test of \[\[a, b\], \[c, d\]\] (Fisher 1935). The two-sided p-value is the summed probability, given
/// the sums of rows and columns, of all tables that are at most as probable as the observed one. Time and memory grow with
/// the smallest sum of a row or column.
pub fn fisher(table: [[u64; 2]; 2]) -> Fisher {
    let [[a, b], [c, d]] = table;
    let odds_ratio = (a as f64 * d as f64) / (b as f64 * c as f64);
    Fisher { odds_ratio, p_value: stratified_fisher(&[table]).p_value }
}

/// Result of [`stratified_fisher`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StratifiedFisher {
    /// Common odds ratio of Mantel and Haenszel (1959): infinite or 0 if a sum is 0, NaN if nothing speaks of it.
    pub odds_ratio: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// The exact test of \[\[a, b\], \[c, d\]\] in several strata together (Gart 1970), with the sums of rows and columns of
/// each stratum given: the distribution of the sum of all a is that of independent hypergeometric numbers. The two-sided
/// p-value is the summed probability of all sums that are at most as probable as the observed one, so that a single
/// stratum has that of [`fisher`].
pub fn stratified_fisher(tables: &[[[u64; 2]; 2]]) -> StratifiedFisher {
    let (mut upper, mut lower) = (0.0, 0.0);
    // Probabilities of the sum of all a, from the least one on, relative to the largest.
    let mut sums = vec![1.0f64];
    let (mut least, mut observed) = (0, 0);
    for &[[a, b], [c, d]] in tables {
        let n = (a + b + c + d) as f64;
        if n == 0.0 {
            continue;
        }
        upper += a as f64 * d as f64 / n;
        lower += b as f64 * c as f64 / n;
        let (first, probabilities) = hypergeometric(a + b, c + d, a + c);
        least += first;
        observed += a;
        let mut next = vec![0.0; sums.len() + probabilities.len() - 1];
        for (i, x) in sums.iter().enumerate() {
            next[i..].iter_mut().zip(&probabilities).for_each(|(sum, y)| *sum += x * y);
        }
        let largest = next.iter().copied().fold(0.0, f64::max);
        next.iter_mut().for_each(|p| *p /= largest);
        sums = next;
    }
    let limit = sums[(observed - least) as usize] * (1.0 + EQUAL);
    let total: f64 = sums.iter().sum();
    let extreme: f64 = sums.iter().filter(|p| **p <= limit).sum();
    StratifiedFisher { odds_ratio: upper / lower, p_value: (extreme / total).min(1.0) }
}

/// The least count, and the probabilities of it and of those after it, relative to that of the mode: how many of
/// `column` draws from two rows are of the first.
fn hypergeometric(row_1: u64, row_2: u64, column: u64) -> (u64, Vec<f64>) {
    let (least, most) = (column.saturating_sub(row_2), row_1.min(column));
    let up = |x: u64| {
        let missing = (row_2 - (column - x)) as f64;
        (row_1 - x) as f64 * (column - x) as f64 / ((x + 1) as f64 * (missing + 1.0))
    };
    let mode =
        ((u128::from(row_1) + 1) * (u128::from(column) + 1) / (u128::from(row_1) + u128::from(row_2) + 2)) as u64;
    let mode = mode.clamp(least, most);
    let mut weights = vec![1.0; (most - least + 1) as usize];
    for x in mode..most {
        weights[(x + 1 - least) as usize] = weights[(x - least) as usize] * up(x);
    }
    for x in (least..mode).rev() {
        weights[(x - least) as usize] = weights[(x + 1 - least) as usize] / up(x);
    }
    (least, weights)
}

#[cfg(test)]
mod tests {
    use super::{fisher, stratified_fisher};
    use proptest::prelude::{prop, prop_assert, proptest};
    use statrs::function::gamma::ln_gamma;

    /// `scipy.stats.fisher_exact(table)` of SciPy 1.17.
    #[test]
    fn values_of_scipy() {
        for (table, odds_ratio, p) in [
            ([[8, 2], [1, 5]], 20.0, 0.034965034965034975),
            ([[10, 10], [10, 10]], 1.0, 1.0),
            ([[0, 5], [6, 0]], 0.0, 0.0021645021645021645),
            ([[120, 880], [60, 940]], 2.1363636363636362, 3.3639928007092334e-06),
            ([[2, 7], [8, 2]], 0.07142857142857142, 0.02301413756522116),
        ] {
            let got = fisher(table);
            assert!((got.odds_ratio - odds_ratio).abs() < 1e-12, "{table:?}: {got:?}");
            assert!((got.p_value / p - 1.0).abs() < 1e-9, "{table:?}: {got:?}");
        }
        let empty = fisher([[3, 0], [0, 0]]);
        assert!(empty.odds_ratio.is_nan() && empty.p_value == 1.0);
        assert_eq!(fisher([[0, 0], [0, 0]]).p_value, 1.0);
    }

    proptest! {
        /// The probabilities from factorials, summed.
        #[test]
        fn the_sum_over_all_tables(a in 0u64..40, b in 0u64..40, c in 0u64..40, d in 0u64..40) {
            let log = |n: u64| ln_gamma(n as f64 + 1.0);
            let probability = |a: u64, b: u64, c: u64, d: u64| {
                (log(a + b) + log(c + d) + log(a + c) + log(b + d)
                    - log(a + b + c + d) - log(a) - log(b) - log(c) - log(d)).exp()
            };
            let observed = probability(a, b, c, d);
            let mut sum = 0.0;
            for x in 0..=(a + b).min(a + c) {
                if a + b + c + d >= (a + b) + (a + c) - x {
                    let p = probability(x, a + b - x, a + c - x, a + b + c + d + x - (a + b) - (a + c));
                    sum += if p <= observed * (1.0 + 1e-7) { p } else { 0.0 };
                }
            }
            let got = fisher([[a, b], [c, d]]).p_value;
            prop_assert!((got - sum.min(1.0)).abs() < 1e-10 && got > 0.0, "{} instead of {}", got, sum);
        }

        #[test]
        fn strata_against_all_their_tables(
            tables in prop::collection::vec([[0u64..7, 0u64..7], [0u64..7, 0u64..7]], 0..4)
        ) {
            let ln = |n: u64| ln_gamma(n as f64 + 1.0);
            // Every combination of tables with the same sums: sum of all a, and probability.
            let mut combinations = vec![(0u64, 1.0f64)];
            for &[[a, b], [c, d]] in &tables {
                let possible: Vec<(u64, f64)> = (0..=(a + b).min(a + c))
                    .filter(|x| a + c - x <= c + d)
                    .map(|x| {
                        let (b, c, d) = (a + b - x, a + c - x, c + d - (a + c - x));
                        let sums = ln(x + b) + ln(c + d) + ln(x + c) + ln(b + d) - ln(x + b + c + d);
                        (x, (sums - ln(x) - ln(b) - ln(c) - ln(d)).exp())
                    })
                    .collect();
                combinations = combinations
                    .iter()
                    .flat_map(|(sum, p)| possible.iter().map(move |(x, q)| (sum + x, p * q)))
                    .collect();
            }
            let of_sum = |sum: u64| -> f64 { combinations.iter().filter(|(s, _)| *s == sum).map(|(_, p)| p).sum() };
            let observed: u64 = tables.iter().map(|table| table[0][0]).sum();
            let limit = of_sum(observed) * (1.0 + 1e-7);
            let expected: f64 = (0..=36).map(of_sum).filter(|p| *p > 0.0 && *p <= limit).sum();
            let got = stratified_fisher(&tables);
            prop_assert!((got.p_value - expected.min(1.0)).abs() < 1e-9, "{} instead of {}", got.p_value, expected);
        }
    }
}
