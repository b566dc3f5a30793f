//! Agreement between measured and predicted values, in float64.

/// Pearson correlation. NaN if a side is constant, a value is not finite, or there are fewer than two pairs.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len().min(y.len());
    if n < 2 {
        return f64::NAN;
    }
    // By the values themselves: around a rounded mean a constant can seem to vary.
    let constant = |v: &[f64]| v.iter().all(|a| *a == v[0]);
    if constant(&x[..n]) || constant(&y[..n]) {
        return f64::NAN;
    }
    let (mean_x, mean_y) = (mean(&x[..n]), mean(&y[..n]));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x[..n].iter().zip(&y[..n]) {
        let (a, b) = (a - mean_x, b - mean_y);
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    if xx == 0.0 || yy == 0.0 {
        return f64::NAN;
    }
    (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)
}

/// Spearman correlation: Pearson of the ranks, ties sharing their mean rank.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len().min(y.len());
    if x[..n].iter().chain(&y[..n]).any(|v| v.is_nan()) {
        return f64::NAN;
    }
    pearson(&ranks(&x[..n]), &ranks(&y[..n]))
}

/// Mean squared error; NaN for no pairs.
pub fn mean_squared_error(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len().min(y.len());
    x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / n as f64
}

/// Arithmetic mean; NaN for none.
pub fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Ranks from 1, ties sharing their mean.
pub(crate) fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut ranks = vec![0.0; x.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && x[order[end]] == x[order[start]] {
            end += 1;
        }
        let shared = (start + end + 1) as f64 / 2.0;
        for &i in &order[start..end] {
            ranks[i] = shared;
        }
        start = end;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_whose_mean_is_rounded_has_no_correlation() {
        let constant = [0.1; 142];
        assert_ne!(mean(&constant), 0.1);
        let rising: Vec<f64> = (0..142).map(f64::from).collect();
        assert!(pearson(&constant, &rising).is_nan());
        assert!(pearson(&rising, &constant).is_nan());
    }

    #[test]
    fn known_correlations() {
        let x = [1.0, 2.0, 3.0, 4.0];
        assert!((pearson(&x, &[2.0, 4.0, 6.0, 8.0]) - 1.0).abs() < 1e-15);
        assert!((pearson(&x, &[1.0, 3.0, 2.0, 4.0]) - 0.8).abs() < 1e-12);
        assert!((spearman(&x, &[1.0, 10.0, 100.0, 1000.0]) - 1.0).abs() < 1e-15);
        assert!(pearson(&x, &[1.0; 4]).is_nan());
        assert!(pearson(&[1.0], &[1.0]).is_nan());
    }

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }
}
