//! Fisher's exact test of a table of two rows and two columns.

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
/// the sums of rows and columns, of all tables that are at most as probable as the observed one. Time grows with the
/// smallest sum of a row or column.
pub fn fisher([[a, b], [c, d]]: [[u64; 2]; 2]) -> Fisher {
    let odds_ratio = (a as f64 * d as f64) / (b as f64 * c as f64);
    let (row_1, row_2, column_1) = (a + b, c + d, a + c);
    let (least, most) = (column_1.saturating_sub(row_2), row_1.min(column_1));
    // The hypergeometric probabilities, relative to that of the mode, by the ratio of neighbours: no factorials.
    let up = |x: u64| {
        let (x, row_1, row_2, column_1) = (x as f64, row_1 as f64, row_2 as f64, column_1 as f64);
        (row_1 - x) * (column_1 - x) / ((x + 1.0) * (row_2 - column_1 + x + 1.0))
    };
    let all = u128::from(row_1) + u128::from(row_2);
    let mode = (u128::from(row_1) + 1) * (u128::from(column_1) + 1) / (all + 2);
    let mode = (mode as u64).clamp(least, most);
    let mut observed = 1.0;
    if a >= mode {
        (mode..a).for_each(|x| observed *= up(x));
    } else {
        (a..mode).rev().for_each(|x| observed /= up(x));
    }
    let limit = observed * (1.0 + EQUAL);
    let (mut total, mut extreme) = (0.0, 0.0);
    let mut add = |weight: f64| {
        total += weight;
        if weight <= limit {
            extreme += weight;
        }
    };
    let mut weight = 1.0;
    add(weight);
    for x in mode..most {
        weight *= up(x);
        add(weight);
    }
    weight = 1.0;
    for x in (least..mode).rev() {
        weight /= up(x);
        add(weight);
    }
    Fisher { odds_ratio, p_value: (extreme / total).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::fisher;
    use proptest::prelude::{prop_assert, proptest};
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
    }
}
