//! Agreement of measured and predicted values with whole-number weights, as a bootstrap needs it. With all weights 1 the
//! results are those of [`crate::stats::correlation`].

/// Measured and predicted values of the same windows, sorted once, so that each weighting takes one pass.
#[derive(Clone, Debug)]
pub struct Paired {
    measured: Vec<f64>,
    predicted: Vec<f64>,
    units: Vec<u32>,
    by_measured: Order,
    by_predicted: Order,
}

/// Rows in the order of a value, and where each run of equal values ends.
#[derive(Clone, Debug)]
struct Order {
    rows: Vec<u32>,
    ends: Vec<u32>,
}

impl Order {
    fn new(values: &[f64]) -> Self {
        let mut rows: Vec<u32> = (0..values.len() as u32).collect();
        rows.sort_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
        let mut ends = Vec::new();
        for i in 1..=rows.len() {
            if i == rows.len() || values[rows[i] as usize] != values[rows[i - 1] as usize] {
                ends.push(i as u32);
            }
        }
        Self { rows, ends }
    }

    /// Mean rank of each row among all copies.
    fn ranks(&self, weight: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut ranks = vec![0.0; self.rows.len()];
        let (mut from, mut below) = (0, 0.0);
        for &end in &self.ends {
            let run = &self.rows[from..end as usize];
            let copies: f64 = run.iter().map(|&i| weight(i as usize)).sum();
            for &i in run {
                ranks[i as usize] = below + (copies + 1.0) / 2.0;
            }
            below += copies;
            from = end as usize;
        }
        ranks
    }
}

/// Weighted sums about the means.
struct Moments {
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Paired {
    /// `units[i]` is the resampling unit of row i, the index of its weight in the methods below.
    ///
    /// # Panics
    /// The lengths of the three differ.
    pub fn new(measured: Vec<f64>, predicted: Vec<f64>, units: Vec<u32>) -> Self {
        assert!(measured.len() == predicted.len() && measured.len() == units.len(), "columns of different lengths");
        let (by_measured, by_predicted) = (Order::new(&measured), Order::new(&predicted));
        Self { measured, predicted, units, by_measured, by_predicted }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.measured.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.measured.is_empty()
    }

    fn weight(&self, weights: &[u32], row: usize) -> f64 {
        weights[self.units[row] as usize].into()
    }

    /// Pearson correlation; NaN if a side is constant or a value is NaN.
    pub fn pearson(&self, weights: &[u32]) -> f64 {
        self.correlation(weights, &self.measured, &self.predicted)
    }

    /// Spearman correlation, ties sharing their mean rank; NaN as for Pearson.
    pub fn spearman(&self, weights: &[u32]) -> f64 {
        if self.measured.iter().chain(&self.predicted).any(|v| v.is_nan()) {
            return f64::NAN;
        }
        let weight = |row: usize| self.weight(weights, row);
        self.correlation(weights, &self.by_measured.ranks(weight), &self.by_predicted.ranks(weight))
    }

    /// Mean of (measured - predicted)²; NaN without rows.
    pub fn mean_squared_error(&self, weights: &[u32]) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, (x, y)) in self.measured.iter().zip(&self.predicted).enumerate() {
            let w = self.weight(weights, row);
            sum += w * (x - y) * (x - y);
            total += w;
        }
        sum / total
    }

    /// Slope and intercept of the least-squares line of measured on predicted; NaN if the prediction is constant.
    pub fn line(&self, weights: &[u32]) -> [f64; 2] {
        let Some(m) = self.moments(weights, &self.predicted, &self.measured) else { return [f64::NAN; 2] };
        let slope = m.xy / m.xx;
        [slope, m.mean_y - slope * m.mean_x]
    }

    /// Variance of the measured values (divided by their number).
    pub fn measured_variance(&self, weights: &[u32]) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, x) in self.measured.iter().enumerate() {
            let w = self.weight(weights, row);
            sum += w * x;
            total += w;
        }
        let mean = sum / total;
        let squares = self.measured.iter().enumerate().map(|(row, x)| self.weight(weights, row) * (x - mean).powi(2));
        squares.sum::<f64>() / total
    }

    /// Mean of another value of the rows, such as the noise variance of each.
    pub fn mean_of(&self, weights: &[u32], values: &[f64]) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, value) in values.iter().enumerate() {
            let w = self.weight(weights, row);
            sum += w * value;
            total += w;
        }
        sum / total
    }

    fn correlation(&self, weights: &[u32], x: &[f64], y: &[f64]) -> f64 {
        match self.moments(weights, x, y) {
            Some(m) if m.yy > 0.0 => (m.xy / (m.xx.sqrt() * m.yy.sqrt())).clamp(-1.0, 1.0),
            _ => f64::NAN,
        }
    }

    /// `None` if `x` is constant over the rows of positive weight; `yy` is exactly 0 if `y` is.
    fn moments(&self, weights: &[u32], x: &[f64], y: &[f64]) -> Option<Moments> {
        let (mut total, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
        // By the values themselves: around a rounded mean a constant can seem to vary.
        let (mut first, mut x_varies, mut y_varies) = (None, false, false);
        for row in 0..x.len() {
            let w = self.weight(weights, row);
            if w == 0.0 {
                continue;
            }
            let start = *first.get_or_insert(row);
            x_varies |= x[row] != x[start];
            y_varies |= y[row] != y[start];
            total += w;
            sum_x += w * x[row];
            sum_y += w * y[row];
        }
        if !x_varies {
            return None;
        }
        let mut m = Moments { mean_x: sum_x / total, mean_y: sum_y / total, xx: 0.0, yy: 0.0, xy: 0.0 };
        for row in 0..x.len() {
            let w = self.weight(weights, row);
            let (a, b) = (x[row] - m.mean_x, y[row] - m.mean_y);
            m.xx += w * a * a;
            m.yy += w * b * b;
            m.xy += w * a * b;
        }
        if !y_varies {
            (m.yy, m.xy) = (0.0, 0.0);
        }
        (m.xx > 0.0).then_some(m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::correlation::{mean_squared_error, pearson, spearman};
    use proptest::prelude::*;

    fn same(a: f64, b: f64) -> bool {
        (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9
    }

    proptest! {
        /// A weight is a number of copies.
        #[test]
        fn weights_are_copies(rows in prop::collection::vec((-4i32..4, -4i32..4, 0u32..4), 1..40)) {
            let column = |f: fn(&(i32, i32, u32)) -> f64| -> Vec<f64> { rows.iter().map(f).collect() };
            let (x, y) = (column(|r| f64::from(r.0) / 3.0), column(|r| f64::from(r.1) / 7.0));
            let weights: Vec<u32> = rows.iter().map(|r| r.2).collect();
            let paired = Paired::new(x.clone(), y.clone(), (0..rows.len() as u32).collect());
            let copies = |v: &[f64]| -> Vec<f64> {
                v.iter().zip(&weights).flat_map(|(v, &w)| std::iter::repeat_n(*v, w as usize)).collect()
            };
            let (all_x, all_y) = (copies(&x), copies(&y));
            prop_assert!(same(paired.pearson(&weights), pearson(&all_x, &all_y)));
            prop_assert!(same(paired.spearman(&weights), spearman(&all_x, &all_y)));
            prop_assert!(same(paired.mean_squared_error(&weights), mean_squared_error(&all_x, &all_y)));
            let mean = all_x.iter().sum::<f64>() / all_x.len() as f64;
            let variance = all_x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all_x.len() as f64;
            prop_assert!(same(paired.measured_variance(&weights), variance));
            prop_assert!(same(paired.mean_of(&weights, &x), mean));
        }

        /// The residuals of the least-squares line are orthogonal to the prediction and sum to 0.
        #[test]
        fn the_line_is_that_of_least_squares(rows in prop::collection::vec((-4.0f64..4.0, -4.0f64..4.0), 3..40)) {
            let (x, y): (Vec<f64>, Vec<f64>) = rows.iter().copied().unzip();
            let weights: Vec<u32> = (0..rows.len() as u32).map(|i| 1 + i % 3).collect();
            let paired = Paired::new(y.clone(), x.clone(), (0..rows.len() as u32).collect());
            let [slope, intercept] = paired.line(&weights);
            let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                x.iter().zip(&y).zip(&weights).map(|((x, y), w)| f64::from(*w) * f(*x, y - intercept - slope * x)).sum()
            };
            prop_assert!(sum(&|_, r| r).abs() < 1e-8);
            prop_assert!(sum(&|x, r| x * r).abs() < 1e-8);
        }
    }

    #[test]
    fn a_prediction_that_does_not_vary_has_no_figure() {
        let paired = Paired::new(vec![1.0, 2.0, 4.0], vec![0.1; 3], vec![0, 1, 2]);
        assert!(paired.pearson(&[1; 3]).is_nan() && paired.spearman(&[1; 3]).is_nan());
        assert!(paired.line(&[1; 3])[0].is_nan());
        // Two rows of one unit have its weight both.
        let paired = Paired::new(vec![1.0, 2.0, 4.0], vec![1.0, 2.0, 0.0], vec![0, 0, 1]);
        assert!((paired.pearson(&[3, 0]) - 1.0).abs() < 1e-12);
        assert!(paired.pearson(&[0, 3]).is_nan());
    }
}
