//! The contribution of the k-mers of a window to the sums of the dense layer: rows of a table, one for each k-mer.

use crate::error::Result;
use crate::model::architecture::KMER_WEIGHT;
use crate::model::incremental::product::in_blocks;
use crate::model::kmers::{found, number, reverse_complement, scale};
use crate::model::onnx::export::tensor;
use crate::model::{Architecture, Weights};

/// Weights of both strands together.
pub struct KmerTable {
    k: usize,
    window: usize,
    /// (4ᵏ, hidden).
    rows: Vec<f32>,
    /// Minus the contribution of random bases, by unit. It is many times larger than the difference from it that the
    /// network reads: both are summed in double precision, or rounding would grow by as much.
    start: Vec<f64>,
}

impl KmerTable {
    /// The table of a network.
    ///
    /// # Errors
    /// The weights of k-mers are missing.
    pub fn new(a: &Architecture, weights: &Weights) -> Result<Self> {
        let (k, number) = (a.kmers, number(a.kmers));
        let (weight, scale) = (&tensor(weights, KMER_WEIGHT)?.data, scale(a.window, k));
        let of = |j: usize, unit: usize| f64::from(weight[unit * number + j]);
        let both = |j: usize, unit: usize| ((of(j, unit) + of(reverse_complement(j, k), unit)) * scale.factor) as f32;
        let rows = (0..number).flat_map(|j| (0..a.hidden).map(move |unit| both(j, unit))).collect();
        let sum = |unit: usize| (0..number).map(|j| of(j, unit)).sum::<f64>();
        let start = (0..a.hidden).map(|unit| -scale.expected * scale.factor * sum(unit)).collect();
        Ok(KmerTable { k, window: a.window, rows, start })
    }

    /// The contribution of each sequence, (sequences, hidden).
    pub fn sums(&self, sequences: &[&[u8]]) -> Vec<f32> {
        let hidden = self.start.len();
        let mut out = vec![0.0; sequences.len() * hidden];
        in_blocks(&mut out, hidden, |from, rows, _| {
            let mut sums = vec![0.0; hidden];
            for (row, codes) in rows.chunks_mut(hidden).zip(&sequences[from..]) {
                self.sum(codes, &mut sums);
                row.iter_mut().zip(&sums).for_each(|(out, &sum)| *out = sum as f32);
            }
        });
        out
    }

    /// The contribution of an allele into `sums`, from the first window of `codes`: either strand gives the same. Where
    /// strands are joined, the other strand follows.
    fn sum(&self, codes: &[u8], sums: &mut [f64]) {
        sums.copy_from_slice(&self.start);
        for (j, share) in found(&codes[..self.window], self.k) {
            let row = &self.rows[j * sums.len()..][..sums.len()];
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(share * x));
        }
    }
}
