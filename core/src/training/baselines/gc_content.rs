//! Prediction from the GC content of a window, and the mean. A model that has learned from sequences must exceed it.

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::stats::correlation::mean;
use crate::training::baselines::BaselinePredictions;
use crate::training::dataset::Dataset;
use crate::training::split::Part;

/// Prediction from GC content: y = β₀ + β₁·g + β₂·g², g the share of G and C among the bases of a window,
/// fitted by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GcModel {
    coefficients: [f64; 3],
}

impl GcModel {
    /// Fit on `gc` and `values` of the training windows. With fewer than three distinct GC contents the higher terms are
    /// zero.
    ///
    /// # Errors
    /// There are no windows.
    pub fn fit(gc: &[f64], values: &[f64]) -> Result<Self> {
        if gc.is_empty() || gc.len() != values.len() {
            return Err(Error::mismatch("the GC baseline needs at least one training window"));
        }
        // Centred and by Gram-Schmidt, which is stable for nearly equal GC contents.
        let n = gc.len() as f64;
        let columns: [Vec<f64>; 3] = [vec![1.0; gc.len()], gc.to_vec(), gc.iter().map(|g| g * g).collect()];
        // Each basis vector is kept as coefficients over (1, g, g²).
        let mut basis: Vec<([f64; 3], Vec<f64>)> = Vec::new();
        let mut coefficients = [0.0; 3];
        for (term, column) in columns.iter().enumerate() {
            let mut weights = [0.0; 3];
            weights[term] = 1.0;
            let mut rest = column.clone();
            // Twice is enough for float64 orthogonality.
            for _ in 0..2 {
                for (other, vector) in &basis {
                    let share = dot(&rest, vector) / dot(vector, vector);
                    for (r, v) in rest.iter_mut().zip(vector) {
                        *r -= share * v;
                    }
                    for (w, o) in weights.iter_mut().zip(other) {
                        *w -= share * o;
                    }
                }
            }
            if dot(&rest, &rest) > 1e-12 * n {
                let slope = dot(values, &rest) / dot(&rest, &rest);
                for (c, w) in coefficients.iter_mut().zip(&weights) {
                    *c += slope * w;
                }
                basis.push((weights, rest));
            }
        }
        Ok(Self { coefficients })
    }

    /// Prediction for a window of GC share `gc`.
    pub fn predict(&self, gc: f64) -> f64 {
        let [a, b, c] = self.coefficients;
        a + b * gc + c * gc * gc
    }
}

/// Share of C and G among the A, C, G and T of the codes of one window; 0.5 without any.
pub fn gc_share(codes: &[u8]) -> f64 {
    let bases = codes.iter().filter(|&&c| c < 4).count();
    let strong = codes.iter().filter(|&&c| c == 1 || c == 2).count();
    if bases == 0 {
        0.5
    } else {
        strong as f64 / bases as f64
    }
}

/// Predictions of `rows`, (rows, samples), by two baselines fitted on the training part: GC content of the first allele
/// (`gc`), and the mean (`mean`).
///
/// # Errors
/// A sample has no training window.
pub fn simple_baselines(data: &Dataset, parts: &[Part], rows: &[usize]) -> Result<[BaselinePredictions; 2]> {
    let outputs = data.outputs();
    let share = |i: usize| gc_share(data.codes(i).0);
    let mut by_gc = Array2::from_elem((rows.len(), outputs), [0f32; 3]);
    let mut by_mean = by_gc.clone();
    for sample in 0..outputs {
        let known = |i: &usize| parts[*i] == Part::Train && data.has(*i, sample);
        let train: Vec<usize> = (0..data.len()).filter(known).collect();
        let gc: Vec<f64> = train.iter().map(|&i| share(i)).collect();
        for head in 0..3 {
            let values: Vec<f64> = train.iter().map(|&i| f64::from(data.targets[i * outputs + sample][head])).collect();
            let (model, mean) = (GcModel::fit(&gc, &values)?, mean(&values));
            for (k, &i) in rows.iter().enumerate() {
                by_gc[[k, sample]][head] = model.predict(share(i)) as f32;
                by_mean[[k, sample]][head] = mean as f32;
            }
        }
    }
    Ok([("gc", by_gc), ("mean", by_mean)]
        .map(|(name, predictions)| BaselinePredictions { name: name.into(), predictions }))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovers_a_parabola() {
        let gc: Vec<f64> = (0..50).map(|i| 0.2 + 0.01 * f64::from(i)).collect();
        let values: Vec<f64> = gc.iter().map(|g| 3.0 - 2.0 * g + 5.0 * g * g).collect();
        let model = GcModel::fit(&gc, &values).unwrap();
        for g in [0.1, 0.4, 0.9] {
            assert!((model.predict(g) - (3.0 - 2.0 * g + 5.0 * g * g)).abs() < 1e-8);
        }
    }

    #[test]
    fn one_gc_content_gives_the_mean() {
        let model = GcModel::fit(&[0.4, 0.4, 0.4], &[1.0, 2.0, 6.0]).unwrap();
        assert!((model.predict(0.4) - 3.0).abs() < 1e-12);
        assert!((model.predict(0.9) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn n_and_padding_do_not_count() {
        assert_eq!(gc_share(&[0, 1, 2, 4, 5, 3]), 0.5);
        assert_eq!(gc_share(&[4, 5]), 0.5);
        assert_eq!(gc_share(&[1, 2]), 1.0);
    }
}
