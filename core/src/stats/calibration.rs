//! Direction and size of predictions: the share of correct signs, and measured against predicted values by deciles.

/// The standard normal quantile of a two-sided 95 % interval.
pub const Z95: f64 = 1.959963984540054;

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The share; NaN without windows.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of windows.
    pub n: usize,
}

impl Share {
    /// `right` of `n`, with the score interval of Wilson (1927):
    /// (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    pub fn wilson(right: usize, n: usize) -> Self {
        if n == 0 {
            return Self { share: f64::NAN, low: f64::NAN, high: f64::NAN, n };
        }
        let (count, total, z2) = (right as f64, n as f64, Z95 * Z95);
        let p = count / total;
        let middle = p + z2 / (2.0 * total);
        let half = Z95 * (p * (1.0 - p) / total + z2 / (4.0 * total * total)).sqrt();
        let scale = 1.0 + z2 / total;
        // Rounding must not push an end past the share itself or out of 0..1.
        let (low, high) = (((middle - half) / scale).clamp(0.0, p), ((middle + half) / scale).clamp(p, 1.0));
        Self { share: p, low, high, n }
    }

    /// Share of windows in which the prediction has the sign of the measurement. A measured ratio of 0 has no
    /// direction and is excluded; a predicted 0 is not correct.
    pub fn of_right_signs(windows: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut right, mut n) = (0, 0);
        for (measured, predicted) in windows.filter(|(measured, _)| *measured != 0.0) {
            n += 1;
            right += usize::from(measured * predicted > 0.0);
        }
        Self::wilson(right, n)
    }
}

/// [`Share::of_right_signs`] by the size of the measured ratio: from 0 to the first edge, from each edge up to the
/// next, and from the last one on; with names such as `0-0.5` and `>2`.
pub fn by_size(measured: &[f64], predicted: &[f64], edges: &[f64]) -> Vec<(String, Share)> {
    let lows = std::iter::once(0.0).chain(edges.iter().copied());
    let highs = edges.iter().copied().chain(std::iter::once(f64::INFINITY));
    lows.zip(highs)
        .map(|(low, high)| {
            let within = |m: f64| m.abs() >= low && m.abs() < high;
            let windows = measured.iter().zip(predicted).map(|(m, p)| (*m, *p)).filter(|w| within(w.0));
            let name = if high.is_finite() { format!("{low}-{high}") } else { format!(">{low}") };
            (name, Share::of_right_signs(windows))
        })
        .collect()
}

/// One of the parts of equal size of all windows in the order of their prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decile {
    /// Mean prediction.
    pub mean_predicted: f64,
    /// Mean measurement.
    pub mean_measured: f64,
    /// Standard error of `mean_measured`; NaN for one window.
    pub se: f64,
    /// Number of windows.
    pub n: usize,
}

/// Windows sorted by prediction and divided into `parts` of equal size, or sizes that differ by one; fewer parts if there
/// are fewer windows.
pub fn by_prediction(measured: &[f64], predicted: &[f64], parts: usize) -> Vec<Decile> {
    let n = measured.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| predicted[a].total_cmp(&predicted[b]));
    let parts = parts.min(n);
    (0..parts)
        .map(|part| {
            let rows = &order[part * n / parts..(part + 1) * n / parts];
            let count = rows.len() as f64;
            let mean = |of: &[f64]| rows.iter().map(|&i| of[i]).sum::<f64>() / count;
            let mean_measured = mean(measured);
            let squares: f64 = rows.iter().map(|&i| (measured[i] - mean_measured).powi(2)).sum();
            let se = if rows.len() < 2 { f64::NAN } else { (squares / (count - 1.0) / count).sqrt() };
            Decile { mean_predicted: mean(predicted), mean_measured, se, n: rows.len() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_wilson_intervals() {
        // The interval's ends p solve |share - p| = z √(p(1-p)/n): 15 of 25 gives 0.4074 to 0.7660 (score test).
        let share = Share::wilson(15, 25);
        assert!((share.low - 0.4074).abs() < 5e-5 && (share.high - 0.7660).abs() < 5e-5, "{share:?}");
        let none = Share::wilson(0, 10);
        assert_eq!((none.share, none.low), (0.0, 0.0));
        assert!((none.high - Z95 * Z95 / (10.0 + Z95 * Z95)).abs() < 1e-12);
        assert!(Share::wilson(0, 0).share.is_nan());
        assert_eq!(Share::wilson(7, 7).high, 1.0);
    }

    proptest! {
        #[test]
        fn the_ends_solve_the_score_equation(n in 1usize..3000, part in 0.0f64..1.0) {
            let right = (n as f64 * part) as usize;
            let share = Share::wilson(right, n);
            prop_assert!(0.0 <= share.low && share.low <= share.share && share.share <= share.high && share.high <= 1.0);
            for end in [share.low, share.high] {
                let distance = (share.share - end).abs();
                prop_assert!((distance - Z95 * (end * (1.0 - end) / n as f64).sqrt()).abs() < 1e-9);
            }
        }

        #[test]
        fn every_window_with_a_direction_is_in_one_bin(
            rows in prop::collection::vec((-30i32..30, -3i32..3), 0..60)
        ) {
            let (m, p): (Vec<f64>, Vec<f64>) =
                rows.iter().map(|&(m, p)| (f64::from(m) / 10.0, f64::from(p))).unzip();
            let bins = by_size(&m, &p, &[0.5, 1.0, 2.0]);
            let all = Share::of_right_signs(m.iter().copied().zip(p.iter().copied()));
            prop_assert_eq!(bins.iter().map(|b| b.1.n).sum::<usize>(), all.n);
            prop_assert_eq!(all.n, m.iter().filter(|m| **m != 0.0).count());
            let deciles = by_prediction(&m, &p, 10);
            prop_assert_eq!(deciles.iter().map(|d| d.n).sum::<usize>(), m.len());
            prop_assert!(deciles.windows(2).all(|d| d[0].mean_predicted <= d[1].mean_predicted));
            prop_assert!(deciles.iter().all(|d| d.n > 0));
        }
    }

    #[test]
    fn bins_and_their_names() {
        let measured = [0.1, -0.4, 0.5, -1.5, 2.0, 3.0, 0.0];
        let predicted = [1.0, 1.0, 1.0, -1.0, 0.0, 2.0, 1.0];
        let bins = by_size(&measured, &predicted, &[0.5, 1.0, 2.0]);
        let seen: Vec<_> = bins.iter().map(|(name, s)| (name.as_str(), s.share, s.n)).collect();
        assert_eq!(seen, [("0-0.5", 0.5, 2), ("0.5-1", 1.0, 1), ("1-2", 1.0, 1), (">2", 0.5, 2)]);
    }

    #[test]
    fn deciles_on_paper() {
        let deciles = by_prediction(&[1.0, 5.0, 3.0, 7.0], &[0.0, 3.0, 1.0, 2.0], 2);
        assert_eq!((deciles[0].mean_predicted, deciles[0].mean_measured, deciles[0].se), (0.5, 2.0, 1.0));
        assert_eq!((deciles[1].mean_predicted, deciles[1].mean_measured, deciles[1].n), (2.5, 6.0, 2));
        assert!(by_prediction(&[1.0], &[2.0], 10)[0].se.is_nan());
        assert!(by_prediction(&[], &[], 10).is_empty());
    }
}
