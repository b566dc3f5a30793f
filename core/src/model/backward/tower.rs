//! From bases to the sums of the dense layer, and back.

use crate::error::Result;
use crate::model::architecture::same_padding;
use crate::model::backward::layers::{multiply, split, Convolution, Rectifier};
use crate::model::backward::{Lane, Window, BASES};
use crate::model::incremental::product::Matrix;
use crate::model::onnx::export::tensor;
use crate::model::{Architecture, Weights};

enum Step {
    /// x + block(x)
    Residual(Convolution),
    /// Means of windows of this many positions; the last window may be shorter.
    Pool(usize),
}

/// The layers up to and including the dense one.
pub struct Tower {
    /// First convolution: all numbers that its kernel reads are one row.
    conv0: Matrix,
    /// From the sums of a position to what each tap of each kernel reads.
    conv0_back: Matrix,
    conv0_after: Rectifier,
    taps: usize,
    left: usize,
    first: Convolution,
    steps: Vec<Step>,
    /// Positions before each step, and after the last.
    lengths: Vec<usize>,
    dense: Matrix,
    dense_back: Matrix,
    dense_bias: Vec<f32>,
}

/// Sums before each rectifier: of the first two convolutions and each residual block, by sequence.
pub struct Trace {
    sums: Vec<Vec<f32>>,
    /// Numbers of a sequence in each.
    sizes: Vec<usize>,
}

impl Trace {
    fn of(&self, layer: usize, sequence: usize) -> &[f32] {
        &self.sums[layer][sequence * self.sizes[layer]..][..self.sizes[layer]]
    }
}

impl Tower {
    /// The tower of a network.
    ///
    /// # Errors
    /// A tensor is missing.
    pub fn new(a: &Architecture, weights: &Weights) -> Result<Self> {
        let (kernels_of, conv0_after) = split(a, weights, "conv0")?;
        let (kernels, taps) = (a.kernel_number, a.kernel_length);
        let of =
            |number: usize, kernel: usize| kernels_of.data[(kernel * BASES + number % BASES) * taps + number / BASES];
        let conv0 = Matrix::new(1, taps * BASES, kernels, |_, number, kernel| of(number, kernel));
        let conv0_back = Matrix::new(1, kernels, taps * BASES, |_, kernel, number| of(number, kernel));
        let (mut steps, mut lengths) = (Vec::new(), vec![a.tower_length()]);
        for stage in 0..a.conv_layers {
            for repeat in 0..a.conv_repeat {
                steps.push(Step::Residual(Convolution::new(a, weights, &a.residual_key(stage, repeat), a.dilation)?));
                lengths.push(lengths[lengths.len() - 1]);
            }
            steps.push(Step::Pool(a.pooling_size));
            lengths.push(lengths[lengths.len() - 1].div_ceil(a.pooling_size));
        }
        // In the flat input the positions of a channel are adjacent; here the channels of a position are.
        let (positions, channels) = (a.pooled_length(), a.filter_number);
        let dense = &tensor(weights, "fc0.0.weight")?.data;
        let of =
            |number: usize, unit: usize| dense[(unit * channels + number % channels) * positions + number / channels];
        let flat = positions * channels;
        Ok(Self {
            conv0,
            conv0_back,
            taps,
            left: same_padding(taps, 1).0,
            first: Convolution::new(a, weights, "convlayers.0", 1)?,
            steps,
            lengths,
            dense: Matrix::new(1, flat, a.hidden, |_, number, unit| of(number, unit)),
            dense_back: Matrix::new(1, a.hidden, flat, |_, unit, number| of(number, unit)),
            dense_bias: tensor(weights, "fc0.0.bias")?.data.clone(),
            conv0_after,
        })
    }

    /// Positions of a sequence.
    pub fn length(&self) -> usize {
        self.lengths[0]
    }

    /// Bytes of the activations of a sequence.
    pub fn bytes(&self) -> usize {
        let filters = self.first.width() * self.lengths.iter().sum::<usize>();
        4 * (2 * self.conv0.width() * self.length() + 3 * filters)
    }

    /// Sums before each rectifier of sequences (positions, 4), and the sums of the dense layer (sequences, hidden).
    pub fn forward(&self, sequences: &[Vec<f32>]) -> (Trace, Vec<f32>) {
        let kernels = self.conv0.width();
        let read: Vec<f32> = sequences.iter().flat_map(|sequence| self.kernel_reads(sequence)).collect();
        let mut sums = multiply(&self.conv0, &read);
        drop(read);
        self.conv0_after.add_bias(&mut sums);
        let mut rows = vec![0.0; sums.len()];
        self.conv0_after.finish(&sums, &mut rows, |slot, x| *slot = x);
        let mut trace = Trace { sums: vec![sums], sizes: vec![kernels * self.length()] };
        let width = self.first.width();
        let sums = self.first.sums(&rows, self.length());
        rows = vec![0.0; sums.len()];
        self.first.rectifier.finish(&sums, &mut rows, |slot, x| *slot = x);
        trace.sums.push(sums);
        trace.sizes.push(width * self.length());
        for (step, &length) in self.steps.iter().zip(&self.lengths) {
            match step {
                Step::Residual(block) => {
                    let sums = block.sums(&rows, length);
                    block.rectifier.finish(&sums, &mut rows, |slot, x| *slot += x);
                    trace.sums.push(sums);
                    trace.sizes.push(width * length);
                }
                Step::Pool(size) => rows = pool(&rows, width, length, *size),
            }
        }
        let mut dense = multiply(&self.dense, &rows);
        dense.chunks_mut(self.dense.width()).for_each(|row| {
            row.iter_mut().zip(&self.dense_bias).for_each(|(sum, bias)| *sum += bias);
        });
        (trace, dense)
    }

    /// What the first convolution reads at each position, zeros beyond the ends.
    fn kernel_reads(&self, sequence: &[f32]) -> Vec<f32> {
        let mut padded = vec![0.0; sequence.len() + (self.taps - 1) * BASES];
        padded[self.left * BASES..][..sequence.len()].copy_from_slice(sequence);
        padded.windows(self.taps * BASES).step_by(BASES).flatten().copied().collect()
    }

    /// Multipliers of the input of each lane, (lanes, positions, 4), from those of the sums of the dense layer.
    pub fn backward(&self, lanes: &[Lane], strands: usize, by_dense: &[f32]) -> Vec<f32> {
        let width = self.first.width();
        let sums = |layer: usize| sums_of(lanes, strands, layer);
        let mut rows = multiply(&self.dense_back, by_dense);
        let mut layer = 1 + self.steps.iter().filter(|step| matches!(step, Step::Residual(_))).count();
        for (step, &length) in self.steps.iter().zip(&self.lengths).rev() {
            match step {
                Step::Residual(block) => {
                    let mut by_sum = rows.clone();
                    block.rectifier.backward(&mut by_sum, &sums(layer));
                    block.add_backward(&by_sum, length, &mut rows);
                    layer -= 1;
                }
                Step::Pool(size) => rows = unpool(&rows, width, length, *size),
            }
        }
        self.first.rectifier.backward(&mut rows, &sums(1));
        let mut by_kernel = vec![0.0; lanes.len() * self.length() * self.conv0.width()];
        self.first.add_backward(&rows, self.length(), &mut by_kernel);
        drop(rows);
        self.conv0_after.backward(&mut by_kernel, &sums(0));
        self.gather_taps(&multiply(&self.conv0_back, &by_kernel))
    }

    /// Sums over the taps that read a position: (sequences, positions, taps, 4) to (sequences, positions, 4).
    fn gather_taps(&self, by_tap: &[f32]) -> Vec<f32> {
        let (length, width) = (self.length(), self.taps * BASES);
        let mut out = Vec::with_capacity(by_tap.len() / self.taps);
        for sequence in by_tap.chunks(length * width) {
            for at in 0..length {
                let mut sums = [0.0f32; BASES];
                for tap in 0..self.taps {
                    let Some(from) = (at + self.left).checked_sub(tap).filter(|&from| from < length) else { continue };
                    let numbers = &sequence[from * width + tap * BASES..][..BASES];
                    sums.iter_mut().zip(numbers).for_each(|(sum, x)| *sum += x);
                }
                out.extend(sums);
            }
        }
        out
    }
}

/// The sums before a rectifier of each lane, and of its reference.
fn sums_of<'a>(lanes: &[Lane<'a>], strands: usize, layer: usize) -> Vec<(&'a [f32], Option<&'a [f32]>)> {
    let of = |window: Window<'a>, strand: usize| window.of.tower.of(layer, window.number * strands + strand);
    let both = |lane: &Lane<'a>| (of(lane.window, lane.strand), lane.reference.map(|window| of(window, lane.strand)));
    lanes.iter().map(both).collect()
}

/// Means over windows of `size` positions of sequences of `length` rows; the last window may be shorter.
fn pool(rows: &[f32], width: usize, length: usize, size: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len() / size.max(1) + width);
    for window in rows.chunks(length * width).flat_map(|sequence| sequence.chunks(size * width)) {
        let share = 1.0 / (window.len() / width) as f32;
        let from = out.len();
        out.resize(from + width, 0.0);
        for row in window.chunks(width) {
            out[from..].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        out[from..].iter_mut().for_each(|sum| *sum *= share);
    }
    out
}

/// Multipliers of the input of [`pool`] from those of its output.
fn unpool(rows: &[f32], width: usize, length: usize, size: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len() * size);
    for sequence in rows.chunks(length.div_ceil(size) * width) {
        for (window, row) in sequence.chunks(width).enumerate() {
            let count = size.min(length - window * size);
            (0..count).for_each(|_| out.extend(row.iter().map(|x| x / count as f32)));
        }
    }
    out
}
