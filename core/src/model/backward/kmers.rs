//! The contribution of the k-mers of a window to the sums of the dense layer, and back: a k-mer is found where the sum of
//! the numbers of its bases minus k - 1, rectified, is above zero ([`crate::model::kmers`]).

use std::collections::BTreeSet;

use crate::error::Result;
use crate::model::architecture::KMER_WEIGHT;
use crate::model::backward::layers::slope;
use crate::model::backward::BASES;
use crate::model::kmers::{number, reverse_complement, scale};
use crate::model::onnx::export::tensor;
use crate::model::{Architecture, Weights};

/// Weights of both strands together.
pub struct KmerLayer {
    k: usize,
    window: usize,
    hidden: usize,
    /// (4ᵏ, hidden).
    rows: Vec<f32>,
    /// Minus the contribution of random bases, by unit; in double precision, as sums are, since it is many times larger
    /// than the difference that the network reads.
    start: Vec<f64>,
}

impl KmerLayer {
    /// The layer of a network.
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
        Ok(Self { k, window: a.window, hidden: a.hidden, rows, start })
    }

    /// The contribution of each window, (windows, hidden), from numbers (windows, window, 4).
    pub fn forward(&self, inputs: &[f32]) -> Vec<f32> {
        let mut out = Vec::with_capacity(inputs.len() / (BASES * self.window) * self.hidden);
        for input in inputs.chunks(BASES * self.window) {
            let mut sums = self.start.clone();
            for at in 0..self.places() {
                self.find(input, at, &mut |j, value| {
                    let row = &self.rows[j * self.hidden..][..self.hidden];
                    sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(value * x));
                });
            }
            out.extend(sums.iter().map(|&sum| sum as f32));
        }
        out
    }

    /// Add to `multipliers` (window, 4) those of the k-mers, from the multipliers of the sums of the dense layer (hidden).
    pub fn backward(&self, input: &[f32], reference: Option<&[f32]>, by_sum: &[f32], multipliers: &mut [f32]) {
        let of_kmer: Vec<f32> = (0..number(self.k))
            .map(|j| self.rows[j * self.hidden..][..self.hidden].iter().zip(by_sum).map(|(a, b)| a * b).sum())
            .collect();
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
                for offset in 0..self.k {
                    multipliers[(at + offset) * BASES + self.base(j, offset)] += of_kmer[j] * slope;
                }
            }
        }
    }

    /// Positions at which a k-mer can begin.
    fn places(&self) -> usize {
        (self.window + 1).saturating_sub(self.k)
    }

    fn base(&self, j: usize, offset: usize) -> usize {
        j >> (2 * (self.k - 1 - offset)) & 3
    }

    /// Before the rectifier.
    fn sum(&self, input: &[f32], at: usize, j: usize) -> f32 {
        let numbers = (0..self.k).map(|offset| input[(at + offset) * BASES + self.base(j, offset)]);
        numbers.sum::<f32>() - (self.k as f32 - 1.0)
    }

    /// Each k-mer that begins at `at`, with what the rectifier passes. No number is above 1, so that a beginning that
    /// misses 1 or more is of none.
    fn find(&self, input: &[f32], at: usize, put: &mut dyn FnMut(usize, f32)) {
        self.extend(input, at, 0, 0, put);
    }

    fn extend(&self, input: &[f32], at: usize, length: usize, start: usize, put: &mut dyn FnMut(usize, f32)) {
        if length == self.k {
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
