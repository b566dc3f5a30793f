//! The first convolution. Its input is one-hot, so its product with the weights is a sum of rows of a table.

use crate::error::Result;
use crate::model::architecture::same_padding;
use crate::model::encode::ANY;
use crate::model::incremental::product::Lanes;
use crate::model::onnx::export::{fold, Folded};
use crate::model::{Architecture, Weights};

/// Codes that have a row: four bases, and N, which is a quarter of each. Others are zeros.
const CODES: usize = ANY as usize + 1;
/// Sums that are kept in registers at once.
const GROUP: usize = 64;

/// First convolution, ReLU, batch norm.
pub struct Lookup {
    channels: usize,
    taps: usize,
    left: usize,
    /// (taps, codes, channels).
    table: Vec<f32>,
    bias: Vec<f32>,
    sign: Vec<f32>,
    shift: Vec<f32>,
    lanes: Lanes,
}

impl Lookup {
    /// The layer `conv0`.
    ///
    /// # Errors
    /// A tensor is missing.
    pub fn new(architecture: &Architecture, weights: &Weights) -> Result<Self> {
        let Folded { weight, bias, sign, shift } = fold(architecture, weights, "conv0")?;
        let (channels, taps) = (architecture.kernel_number, architecture.kernel_length);
        let mut table = vec![0.0; taps * CODES * channels];
        for tap in 0..taps {
            for channel in 0..channels {
                let of_base = |base: usize| weight.data[(channel * 4 + base) * taps + tap];
                let slot = |code: usize| (tap * CODES + code) * channels + channel;
                (0..4).for_each(|base| table[slot(base)] = of_base(base));
                table[slot(ANY.into())] = (0..4).map(of_base).sum::<f32>() * 0.25;
            }
        }
        Ok(Lookup { channels, taps, left: same_padding(taps, 1).0, table, bias, sign, shift, lanes: Lanes::widest() })
    }

    /// Channels of the output.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The output at position `at` of a sequence of codes, into `out` (channels).
    pub fn position(&self, codes: &[u8], at: usize, out: &mut [f32]) {
        match self.lanes {
            // SAFETY: `Lanes::widest` found the instructions on this processor.
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx512 => unsafe { self.position_avx512(codes, at, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Lanes::Avx2 => unsafe { self.position_avx2(codes, at, out) },
            Lanes::Plain => self.sum(codes, at, out),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f")]
    unsafe fn position_avx512(&self, codes: &[u8], at: usize, out: &mut [f32]) {
        self.sum(codes, at, out);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn position_avx2(&self, codes: &[u8], at: usize, out: &mut [f32]) {
        self.sum(codes, at, out);
    }

    #[inline(always)]
    fn sum(&self, codes: &[u8], at: usize, out: &mut [f32]) {
        // The taps that read inside the sequence.
        let first = self.left.saturating_sub(at);
        let last = self.taps.min(codes.len() + self.left - at);
        for (group, out) in out.chunks_mut(GROUP).enumerate() {
            let from = group * GROUP;
            let mut sums = [0.0f32; GROUP];
            let width = out.len();
            sums[..width].copy_from_slice(&self.bias[from..][..width]);
            for tap in first..last {
                let code = usize::from(codes[at + tap - self.left]);
                if code < CODES {
                    let row = &self.table[(tap * CODES + code) * self.channels + from..];
                    match <&[f32; GROUP]>::try_from(&row[..width]) {
                        Ok(row) => (0..GROUP).for_each(|i| sums[i] += row[i]),
                        Err(_) => sums.iter_mut().zip(&row[..width]).for_each(|(sum, x)| *sum += x),
                    }
                }
            }
            let after = self.sign[from..].iter().zip(&self.shift[from..]);
            for ((out, sum), (sign, shift)) in out.iter_mut().zip(sums).zip(after) {
                *out = sign * sum.max(0.0) + shift;
            }
        }
    }
}
