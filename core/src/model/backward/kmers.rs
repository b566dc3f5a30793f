//! The contribution of the k-mers of a window to the sums of the dense layer, and back: a k-mer is found where the sum of
//! the numbers of its bases minus k - 1, rectified, is above zero ([`crate::model::kmers`]).

use std::collections::BTreeSet;

use crate::error::Result;
use crate::model::backward::layers::slope;
use crate::model::backward::BASES;
use crate::model::kmers::{number, KmerRows};
use crate::model::{Architecture, Weights};

/// Weights of both strands together.
pub struct KmerLayer(KmerRows);

impl KmerLayer {
    /// The layer of a network.
    ///
    /// # Errors
    /// The weights of k-mers are missing.
    pub fn new(a: &Architecture, weights: &Weights) -> Result<Self> {
        Ok(Self(KmerRows::new(a, weights)?))
    }

    /// The contribution of each window, (windows, hidden), from numbers (windows, window, 4).
    pub fn forward(&self, inputs: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(inputs.len() / (BASES * self.0.window) * self.0.start.len());
        for input in inputs.chunks(BASES * self.0.window) {
            let mut sums = self.0.start.clone();
            for at in 0..self.places() {
                self.find(input, at, &mut |j, value| {
                    sums.iter_mut().zip(self.0.row(j)).for_each(|(sum, x)| *sum += f64::from(value * x));
                });
            }
            out.extend(sums.iter().map(|&sum| sum as f32));
        }
        out
    }

    /// Add to `multipliers` (window, 4) those of the k-mers, from the multipliers of the sums of the dense layer (hidden).
    pub fn backward(&self, input: &[f32], reference: Option<&[f32]>, by_sum: &[f32], multipliers: &mut [f32]) {
        let of_kmer: Vec<f32> =
            (0..number(self.0.k)).map(|j| self.0.row(j).iter().zip(by_sum).map(|(a, b)| a * b).sum()).collect();
        for at in 0..self.places() {
            // Elsewhere the slope is 0: neither rectifier passes anything.
            let mut found = BTreeSet::new();
            for input in [Some(input), reference].into_iter().flatten() {
                self.find(input, at, &mut |j, _| {
                    found.insert(j);
                });
            }
            for j in found {
                let slope = slope(self.sum(input, at, j), reference.map(|r| self.sum(r, at, j)));
                for offset in 0..self.0.k {
                    multipliers[(at + offset) * BASES + self.base(j, offset)] += of_kmer[j] * slope;
                }
            }
        }
    }

    /// Positions at which a k-mer can begin.
    fn places(&self) -> usize {
        (self.0.window + 1).saturating_sub(self.0.k)
    }

    fn base(&self, j: usize, offset: usize) -> usize {
        j >> (2 * (self.0.k - 1 - offset)) & 3
    }

    /// Before the rectifier.
    fn sum(&self, input: &[f32], at: usize, j: usize) -> f32 {
        let numbers = (0..self.0.k).map(|offset| input[(at + offset) * BASES + self.base(j, offset)]);
        numbers.sum::<f32>() - (self.0.k as f32 - 1.0)
    }

    /// Each k-mer that begins at `at`, with what the rectifier passes. No number is above 1, so that a beginning that
    /// misses 1 or more is of none.
    fn find(&self, input: &[f32], at: usize, put: &mut dyn FnMut(usize, f32)) {
        self.extend(input, at, 0, 0, put);
    }

    fn extend(&self, input: &[f32], at: usize, length: usize, start: usize, put: &mut dyn FnMut(usize, f32)) {
        if length == self.0.k {
            let sum = self.sum(input, at, start);
            if sum > 0.0 {
                put(start, sum);
            }
            return;
        }
        for base in 0..BASES {
            let j = start << 2 | base;
            let missing: f32 = (0..=length)
                .map(|offset| 1.0 - input[(at + offset) * BASES + (j >> (2 * (length - offset)) & 3)])
                .sum();
            // With a margin for rounding; the whole k-mer decides.
            if missing < 1.0 + 1e-4 {
                self.extend(input, at, length + 1, j, put);
            }
        }
    }
}
