//! Distance of two contribution matrices: the best Pearson correlation over all offsets and both strands, or its
//! p-value.
//!
//! As in the published DeepAllele (Tu et al. 2025), the correlation at an offset is that of all values of the span that
//! the two matrices cover together. It differs on purpose in four points:
//!
//! - Positions that only one matrix covers are filled with 0, no contribution, and not with 0.25.
//! - A correlation of n values has n - 2 degrees of freedom, not n - 1.
//! - The p-value is corrected for taking the best of many offsets and strands (Šidák 1967): 1 - (1 - p)^m. Neighbouring
//!   offsets are correlated, so that this is conservative.
//! - Correlations of 1 and -1 have a p-value of 0 instead of none.

use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::stats::student::correlation_p;

/// Pairs are screened in float32, which must not lose one to rounding. Sums of products of matrices whose squares sum
/// to 1 are wrong by some 1e-6, correlations by less than this,
const MARGIN: f32 = 1e-4;
/// unless the product of the inverse deviations is above this: matrices of nearly equal values are not screened.
const UNSTABLE: f32 = 20.0;

/// What a distance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// 1 - r, between 0 and 2.
    Correlation,
    /// The corrected two-sided p-value for r > 0, and 2 less the p-value for r < 0: between 0 and 2, like 1 - r.
    PValue,
}

/// How matrices are compared; the default values are the published ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What a distance is.
    pub metric: Metric,
    /// Fewest positions that both matrices cover; all of the shorter matrix if it has fewer.
    pub min_overlap: usize,
    /// Whether the reverse complement is compared, too.
    pub reverse_complement: bool,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { metric: Metric::PValue, min_overlap: 4, reverse_complement: true }
    }
}

/// The best alignment of two matrices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alignment {
    /// Distance, smaller for more similar matrices.
    pub distance: f64,
    /// Pearson correlation at this alignment.
    pub correlation: f64,
    /// Position of the first row of the first matrix (after reversal) in the second, negative if it begins before.
    pub offset: isize,
    /// Whether the first matrix is reverse complemented.
    pub reverse: bool,
}

/// A contribution matrix with what comparisons need.
#[derive(Clone, Debug)]
pub struct Prepared {
    length: usize,
    forward: Vec<[f64; 4]>,
    reverse: Vec<[f64; 4]>,
    sum: f64,
    squares: f64,
}

impl Prepared {
    /// From a matrix of the shape (length, 4), bases in the order A, C, G, T.
    ///
    /// # Errors
    /// Another shape, no row, or a value that is not finite.
    pub fn new(matrix: ArrayView2<f64>) -> Result<Self> {
        let (length, bases) = matrix.dim();
        if length == 0 || bases != 4 {
            return Err(Error::mismatch(format!(
                "a contribution matrix has the shape ({length}, {bases}), not (n, 4)"
            )));
        }
        if matrix.iter().any(|v| !v.is_finite()) {
            return Err(Error::mismatch("a contribution is not a finite number"));
        }
        let forward: Vec<[f64; 4]> = matrix.rows().into_iter().map(|row| [row[0], row[1], row[2], row[3]]).collect();
        let reverse = forward.iter().rev().map(|[a, c, g, t]| [*t, *g, *c, *a]).collect();
        let squares = matrix.iter().map(|v| v * v).sum();
        Ok(Self { length, forward, reverse, sum: matrix.sum(), squares })
    }

    /// Number of rows.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Root of the summed squares about the mean of `values` values, this matrix and zeros; 0 if all are the same.
    fn deviation(&self, values: f64) -> f64 {
        let about_mean = self.squares - self.sum * self.sum / values;
        if about_mean > 1e-12 * self.squares {
            about_mean.sqrt()
        } else {
            0.0
        }
    }
}

impl Comparison {
    /// The alignment of `first` to `second` with the smallest distance. Of equal ones it is the one on the forward
    /// strand, then the one with the smallest offset. Matrices without variation correlate with nothing: r is 0.
    pub fn align(&self, first: &Prepared, second: &Prepared) -> Alignment {
        let mut best: Option<Alignment> = None;
        for &reverse in &[false, true][..1 + usize::from(self.reverse_complement)] {
            for offset in self.offsets(first.length, second.length) {
                let r = correlation(first, second, offset, reverse);
                // A p-value takes much longer than a correlation: not where it cannot be the smallest.
                let span = span(first.length, second.length, offset);
                if best.is_some_and(|b| match r < 0.0 {
                    // Distances of negative correlations are 1 or more.
                    true => b.distance <= 1.0,
                    false => r <= b.correlation && span <= self::span(first.length, second.length, b.offset),
                }) {
                    continue;
                }
                let distance = self.distance(r, first.length, second.length, span);
                if best.is_none_or(|b| distance < b.distance) {
                    best = Some(Alignment { distance, correlation: r, offset, reverse });
                }
            }
        }
        best.expect("two matrices have at least one offset")
    }

    /// Offsets of the first matrix in the second with the least overlap or more.
    fn offsets(&self, first: usize, second: usize) -> std::ops::RangeInclusive<isize> {
        let overlap = self.min_overlap.max(1).min(first).min(second);
        overlap as isize - first as isize..=second as isize - overlap as isize
    }

    /// Number of alignments of which the best is taken.
    fn alignments(&self, first: usize, second: usize) -> f64 {
        let overlap = self.min_overlap.max(1).min(first).min(second);
        ((first + second + 1 - 2 * overlap) * (1 + usize::from(self.reverse_complement))) as f64
    }

    fn distance(&self, r: f64, first: usize, second: usize, span: usize) -> f64 {
        if self.metric == Metric::Correlation {
            return 1.0 - r;
        }
        let p = correlation_p(r, 4.0 * span as f64).min(1.0);
        let corrected = -(self.alignments(first, second) * (-p).ln_1p()).exp_m1();
        if r < 0.0 {
            2.0 - corrected
        } else {
            corrected
        }
    }

    /// The smallest positive correlation whose distance is below `limit`, at most 1.
    fn critical(&self, first: usize, second: usize, span: usize, limit: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.distance(middle, first, second, span) < limit {
                high = middle;
            } else {
                low = middle;
            }
        }
        low
    }
}

/// Number of positions that the two matrices cover together.
fn span(first: usize, second: usize, offset: isize) -> usize {
    ((first as isize + offset).max(second as isize) - offset.min(0)) as usize
}

fn correlation(first: &Prepared, second: &Prepared, offset: isize, reverse: bool) -> f64 {
    let values = 4.0 * span(first.length, second.length, offset) as f64;
    let deviations = first.deviation(values) * second.deviation(values);
    if deviations == 0.0 {
        return 0.0;
    }
    let rows = if reverse { &first.reverse } else { &first.forward };
    let product = dot(rows, &second.forward, offset);
    ((product - first.sum * second.sum / values) / deviations).clamp(-1.0, 1.0)
}

/// Sum of products of the overlap: zeros elsewhere add nothing.
fn dot(first: &[[f64; 4]], second: &[[f64; 4]], offset: isize) -> f64 {
    let (skipped, start) = ((-offset).max(0) as usize, offset.max(0) as usize);
    let mut sums = [0.0; 4];
    for (a, b) in first[skipped..].iter().zip(&second[start..]) {
        for base in 0..4 {
            sums[base] += a[base] * b[base];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// Finds all pairs of matrices whose distance is below a limit, without a p-value for most of the others.
pub struct Neighbours<'a> {
    comparison: Comparison,
    matrices: &'a [Prepared],
    limit: f64,
    longest: usize,
    /// Rows of all matrices on both strands, forward first, divided by the root of their summed squares.
    rows: Vec<[[f32; 4]; 2]>,
    /// Where the rows of each matrix begin.
    begin: Vec<usize>,
    /// The sum of each matrix, divided likewise, and halved: the product of two is that of sums over 4 values a
    /// position.
    half_sums: Vec<f32>,
    /// For each pair of lengths and each span, the critical correlation less the margin.
    critical: Vec<f32>,
    /// For each matrix and each span, 1 / deviation of the divided values; 0 without variation.
    inverse_deviations: Vec<f32>,
}

impl<'a> Neighbours<'a> {
    /// Pairs of `matrices` with a distance below `limit`, which is at most 1: correlated positively. Memory grows with
    /// the number of matrices times twice the longest length.
    ///
    /// # Errors
    /// A limit outside 0 to 1.
    pub fn new(comparison: Comparison, matrices: &'a [Prepared], limit: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&limit) {
            return Err(Error::option(format!("the distance of a cluster is between 0 and 1, not {limit}")));
        }
        let longest = matrices.iter().map(|m| m.length).max().unwrap_or(0);
        let spans = 2 * longest + 1;
        let mut of_length = vec![false; longest + 1];
        matrices.iter().for_each(|m| of_length[m.length] = true);
        let mut critical = vec![2.0; (longest + 1) * (longest + 1) * spans];
        for first in (1..=longest).filter(|l| of_length[*l]) {
            for second in (first..=longest).filter(|l| of_length[*l]) {
                for span in second..first + second {
                    let value = comparison.critical(first, second, span, limit) as f32 - MARGIN;
                    critical[(first * (longest + 1) + second) * spans + span] = value;
                    critical[(second * (longest + 1) + first) * spans + span] = value;
                }
            }
        }
        let (mut rows, mut begin, mut half_sums, mut inverse_deviations) = (vec![], vec![], vec![], vec![]);
        for matrix in matrices {
            let scale = if matrix.squares > 0.0 { 1.0 / matrix.squares.sqrt() } else { 0.0 };
            let narrow = |row: &[f64; 4]| row.map(|v| (v * scale) as f32);
            begin.push(rows.len());
            rows.extend(matrix.forward.iter().zip(&matrix.reverse).map(|(f, r)| [narrow(f), narrow(r)]));
            half_sums.push((0.5 * matrix.sum * scale) as f32);
            inverse_deviations.extend((0..spans).map(|span| match matrix.deviation(4.0 * span as f64) * scale {
                deviation if span >= matrix.length && deviation > 0.0 => (1.0 / deviation) as f32,
                _ => 0.0,
            }));
        }
        Ok(Self { comparison, matrices, limit, longest, rows, begin, half_sums, critical, inverse_deviations })
    }

    /// Matrices after `first` whose distance from it is below the limit, with their distances, in ascending order.
    pub fn after(&self, first: usize) -> Vec<(u32, f64)> {
        let mut found = Vec::new();
        for second in first + 1..self.matrices.len() {
            let distance = self.least_distance(first, second);
            if distance < self.limit {
                found.push((second as u32, distance));
            }
        }
        found
    }

    /// The distance of two matrices if it is below the limit, else the limit or more. Only alignments that pass the screen
    /// are computed exactly: those of the others are too far.
    fn least_distance(&self, first: usize, second: usize) -> f64 {
        let (p, q) = (self.matrices[first].length, self.matrices[second].length);
        let spans = 2 * self.longest + 1;
        let critical = &self.critical[(p * (self.longest + 1) + q) * spans..][..spans];
        let inverse_p = &self.inverse_deviations[first * spans..][..spans];
        let inverse_q = &self.inverse_deviations[second * spans..][..spans];
        let sums = self.half_sums[first] * self.half_sums[second];
        let rows_p = &self.rows[self.begin[first]..][..p];
        let rows_q = &self.rows[self.begin[second]..][..q];
        let mut least = f64::INFINITY;
        for offset in self.comparison.offsets(p, q) {
            let span = span(p, q, offset);
            let products = dot_of_both_strands(rows_p, rows_q, offset);
            let scale = inverse_p[span] * inverse_q[span];
            let passes = |product: f32| scale > UNSTABLE || (product - sums / span as f32) * scale >= critical[span];
            for (product, reverse) in products.into_iter().zip([false, true]) {
                if passes(product) && (self.comparison.reverse_complement || !reverse) {
                    let r = correlation(&self.matrices[first], &self.matrices[second], offset, reverse);
                    if r >= 0.0 {
                        least = least.min(self.comparison.distance(r, p, q, span));
                    }
                }
            }
        }
        least
    }
}

/// As [`dot`], of both strands of the first matrix with the forward strand of the second.
fn dot_of_both_strands(first: &[[[f32; 4]; 2]], second: &[[[f32; 4]; 2]], offset: isize) -> [f32; 2] {
    let (skipped, start) = ((-offset).max(0) as usize, offset.max(0) as usize);
    let (mut forward, mut reverse) = ([0.0f32; 4], [0.0f32; 4]);
    for ([a, b], [c, _]) in first[skipped..].iter().zip(&second[start..]) {
        for base in 0..4 {
            forward[base] += a[base] * c[base];
            reverse[base] += b[base] * c[base];
        }
    }
    [forward, reverse].map(|sums| (sums[0] + sums[1]) + (sums[2] + sums[3]))
}

#[cfg(test)]
#[path = "similarity_tests.rs"]
mod tests;
