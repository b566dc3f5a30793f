//! Convolutions and dense layers, forward and backward.

use rayon::prelude::*;

use crate::error::Result;
use crate::model::architecture::same_padding;
use crate::model::incremental::product::{in_blocks, Matrix};
use crate::model::onnx::export::{fold, tensor, Folded};
use crate::model::{Architecture, Tensor, Weights};

/// Below this difference the slope is the derivative.
const NO_DIFFERENCE: f32 = 1e-10;

/// The slope of a rectifier at `x`, or between `x` and the reference.
pub fn slope(x: f32, reference: Option<f32>) -> f32 {
    match reference {
        Some(r) if (x - r).abs() >= NO_DIFFERENCE => (x.max(0.0) - r.max(0.0)) / (x - r),
        _ => f32::from(u8::from(x > 0.0)),
    }
}

/// Bias, ReLU and batch norm after the products of a convolution: sign·relu(product + bias) + shift, by channel.
pub struct Rectifier {
    bias: Vec<f32>,
    sign: Vec<f32>,
    shift: Vec<f32>,
}

impl Rectifier {
    /// The product becomes a sum.
    pub fn add_bias(&self, products: &mut [f32]) {
        products.par_chunks_mut(self.bias.len()).for_each(|row| {
            row.iter_mut().zip(&self.bias).for_each(|(sum, bias)| *sum += bias);
        });
    }

    /// `put` the output for each of `sums` where it belongs in `rows`.
    pub fn finish(&self, sums: &[f32], rows: &mut [f32], put: impl Fn(&mut f32, f32) + Sync) {
        let width = self.bias.len();
        rows.par_chunks_mut(width).zip(sums.par_chunks(width)).for_each(|(row, sums)| {
            let after = self.sign.iter().zip(&self.shift);
            for ((slot, sum), (sign, shift)) in row.iter_mut().zip(sums).zip(after) {
                put(slot, sign * sum.max(0.0) + shift);
            }
        });
    }

    /// Turn multipliers of the output, (sequences, positions, channels), into those of the sums: `sums` has the sums of
    /// each sequence, and those of its reference.
    pub fn backward(&self, rows: &mut [f32], sums: &[(&[f32], Option<&[f32]>)]) {
        let width = self.bias.len();
        let size = rows.len() / sums.len().max(1);
        rows.par_chunks_mut(size.max(1)).zip(sums).for_each(|(rows, (x, reference))| {
            for (number, row) in rows.chunks_mut(width).enumerate() {
                let span = number * width..(number + 1) * width;
                let numbers = row.iter_mut().zip(&x[span.clone()]).zip(&self.sign);
                match reference {
                    None => numbers.for_each(|((y, x), sign)| *y *= sign * slope(*x, None)),
                    Some(r) => numbers.zip(&r[span]).for_each(|(((y, x), sign), r)| *y *= sign * slope(*x, Some(*r))),
                }
            }
        });
    }
}

/// A convolution whose weights are arranged by the caller: its weight (out, in, taps), and what follows.
pub fn split(a: &Architecture, weights: &Weights, key: &str) -> Result<(Tensor, Rectifier)> {
    let Folded { weight, bias, sign, shift } = fold(a, weights, key)?;
    Ok((weight, Rectifier { bias, sign, shift }))
}

/// Convolution ("same"), ReLU and batch norm. Rows are positions, with one number for each channel.
pub struct Convolution {
    forward: Matrix,
    backward: Matrix,
    /// What follows the products.
    pub rectifier: Rectifier,
    left: usize,
    dilation: usize,
}

impl Convolution {
    /// The layer of that key.
    ///
    /// # Errors
    /// A tensor is missing.
    pub fn new(a: &Architecture, weights: &Weights, key: &str, dilation: usize) -> Result<Self> {
        let (weight, rectifier) = split(a, weights, key)?;
        let (width, channels, taps) = (weight.shape[0], weight.shape[1], weight.shape[2]);
        let of = |tap: usize, channel: usize, out: usize| weight.data[(out * channels + channel) * taps + tap];
        Ok(Self {
            forward: Matrix::new(taps, channels, width, of),
            backward: Matrix::new(taps, width, channels, |tap, out, channel| of(tap, channel, out)),
            rectifier,
            left: same_padding(taps, dilation).0,
            dilation,
        })
    }

    /// Channels of the output.
    pub fn width(&self) -> usize {
        self.forward.width()
    }

    /// Sums before the ReLU for sequences of `length` positions, one after the other.
    pub fn sums(&self, rows: &[f32], length: usize) -> Vec<f32> {
        let channels = self.forward.depth() / self.forward.parts();
        let mut sums = vec![0.0; rows.len() / channels * self.width()];
        // The position that a tap reads.
        let read = |at: usize, tap: usize| (at + tap * self.dilation).checked_sub(self.left);
        convolve(&self.forward, rows, length, &mut sums, read, |slot, sum| *slot = sum);
        self.rectifier.add_bias(&mut sums);
        sums
    }

    /// Add multipliers of the input, from those of the sums.
    pub fn add_backward(&self, by_sum: &[f32], length: usize, by_input: &mut [f32]) {
        // The output whose tap reads this position.
        let read = |at: usize, tap: usize| (at + self.left).checked_sub(tap * self.dilation);
        convolve(&self.backward, by_sum, length, by_input, read, |slot, sum| *slot += sum);
    }
}

/// Products of the rows that `read(position, tap)` names, empty outside of the sequence; `put` is called with the place of
/// a result and the sum.
fn convolve(
    matrix: &Matrix,
    rows: &[f32],
    length: usize,
    out: &mut [f32],
    read: impl Fn(usize, usize) -> Option<usize> + Sync,
    put: impl Fn(&mut f32, f32) + Sync,
) {
    let (width, taps) = (matrix.width(), matrix.parts());
    let channels = matrix.depth() / taps;
    in_blocks(out, width, |first, out, scratch| {
        let parts: Vec<&[f32]> = (first..first + out.len() / width)
            .flat_map(|row| {
                let (begin, at) = (row - row % length, row % length);
                let read = &read;
                (0..taps).map(move |tap| match read(at, tap).filter(|&at| at < length) {
                    Some(at) => &rows[(begin + at) * channels..][..channels],
                    None => &[],
                })
            })
            .collect();
        matrix.multiply(&parts, scratch, |row, column, sums| {
            let slots = &mut out[row * width + column..][..sums.len()];
            slots.iter_mut().zip(sums).for_each(|(slot, sum)| put(slot, *sum));
        });
    });
}

/// Products of rows that follow one another.
pub fn multiply(matrix: &Matrix, rows: &[f32]) -> Vec<f32> {
    let depth = matrix.depth();
    let count = rows.len() / depth.max(1);
    let mut out = vec![0.0; count * matrix.width()];
    convolve(matrix, rows, 1, &mut out, |at, _| Some(at), |slot, sum| *slot = sum);
    out
}

/// A dense layer, with a rectifier or without.
pub struct Dense {
    forward: Matrix,
    backward: Matrix,
    bias: Vec<f32>,
    /// Whether a ReLU follows.
    pub rectified: bool,
}

impl Dense {
    /// The layer of that key.
    ///
    /// # Errors
    /// A tensor is missing.
    pub fn new(weights: &Weights, key: &str, rectified: bool) -> Result<Self> {
        let weight = tensor(weights, &format!("{key}.0.weight"))?;
        let (width, depth) = (weight.shape[0], weight.shape[1]);
        Ok(Self {
            forward: Matrix::new(1, depth, width, |_, number, out| weight.data[out * depth + number]),
            backward: Matrix::new(1, width, depth, |_, out, number| weight.data[out * depth + number]),
            bias: tensor(weights, &format!("{key}.0.bias"))?.data.clone(),
            rectified,
        })
    }

    /// Numbers of a row of the result.
    pub fn width(&self) -> usize {
        self.forward.width()
    }

    /// Sums of each row, before the rectifier.
    pub fn sums(&self, rows: &[f32]) -> Vec<f32> {
        let mut sums = multiply(&self.forward, rows);
        sums.chunks_mut(self.width()).for_each(|row| row.iter_mut().zip(&self.bias).for_each(|(sum, b)| *sum += b));
        sums
    }

    /// Multipliers of the input from those of the sums.
    pub fn backward(&self, by_sum: &[f32]) -> Vec<f32> {
        multiply(&self.backward, by_sum)
    }
}
