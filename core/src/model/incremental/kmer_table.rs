//! The contribution of the k-mers of a window to the sums of the dense layer: rows of a table, one for each k-mer.

use crate::error::Result;
use crate::model::incremental::product::in_blocks;
use crate::model::kmers::{found, KmerRows};
use crate::model::{Architecture, Weights};

/// Weights of both strands together.
pub struct KmerTable(KmerRows);

impl KmerTable {
    /// The table of a network.
    ///
    /// # Errors
    /// The weights of k-mers are missing.
    pub fn new(a: &Architecture, weights: &Weights) -> Result<Self> {
        Ok(Self(KmerRows::new(a, weights)?))
    }

    /// The contribution of each sequence, (sequences, hidden).
    pub fn sums(&self, sequences: &[&[u8]]) -> Vec<f32> {
        let hidden = self.0.start.len();
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
        sums.copy_from_slice(&self.0.start);
        for (j, share) in found(&codes[..self.0.window], self.0.k) {
            sums.iter_mut().zip(self.0.row(j)).for_each(|(sum, x)| *sum += f64::from(share * x));
        }
    }
}
