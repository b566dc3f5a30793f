//! An estimate of the memory that a training run needs.

use crate::model::architecture::Strands;
use crate::model::kmers;
use crate::model::Architecture;
use crate::training::dataset::Dataset;
use crate::training::options::{FitOptions, Precision};

/// Bytes by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Sequences, targets and counts, on the host and on the device.
    pub data: u64,
    /// Weights, gradients, both moments of the optimiser, the best weights so far, and the moving average if there is one.
    pub weights: u64,
    /// Activations that one step keeps for the backward pass: an upper estimate.
    pub step: u64,
}

impl Memory {
    /// The sum.
    pub fn total(&self) -> u64 {
        self.data.saturating_add(self.weights).saturating_add(self.step)
    }
}

/// Tensors of a convolution block that exist at the peak: its output before and after batch norm, the sum, and the
/// gradients of two of them.
const KEPT: u64 = 5;

/// The memory of training `architecture` on `data` with `options`.
pub fn memory(architecture: &Architecture, options: &FitOptions, data: &Dataset) -> Memory {
    let bytes = |n: usize| n as u64;
    let codes = bytes(data.hap1.len() + data.hap2.len());
    let numbers = bytes(data.targets.len()) * (12 + 12 + 16 + 4);
    let sequences = bytes(2 * options.batch_size) * if architecture.strands == Strands::Averaged { 2 } else { 1 };
    let width = if options.precision == Precision::Bfloat16 { 2 } else { 4 };
    let mut length = architecture.tower_length();
    let (k, f) = (bytes(architecture.kernel_number), bytes(architecture.filter_number));
    let mut elements = (4 + KEPT * k + KEPT * f) * bytes(length);
    if architecture.kmers > 0 {
        elements += bytes(kmers::number(architecture.kmers)) * bytes(architecture.window);
    }
    for _ in 0..architecture.conv_layers {
        elements += bytes(architecture.conv_repeat) * KEPT * f * bytes(length);
        length = length.div_ceil(architecture.pooling_size);
        elements += f * bytes(length);
    }
    Memory {
        // On the host and, copied, on the device.
        data: 2 * codes + 2 * numbers,
        weights: (5 + u64::from(options.average > 0.0)) * 4 * bytes(architecture.parameter_count()),
        step: sequences.saturating_mul(elements).saturating_mul(width),
    }
}
