//! The k-mers of an allele, counted on both strands: optional input of the dense layer (`Architecture::kmers`).
//!
//! n_j is the number of occurrences of k-mer j in the allele and in its reverse complement. An ambiguous base (N) counts
//! as a quarter of each base; k-mers with two of them, and those with padding, are not counted. The input of the dense
//! layer is z_j = (n_j - e)·9/√(2(L-k+1)), where L-k+1 is the number of positions in a window of L bases and
//! e = 2(L-k+1)/4ᵏ the expectation for random bases: the size of z hardly depends on k and on the window. (9 was chosen
//! on the validation pairs of the retina MPRA, docs/training.md.)
//!
//! k-mer j is the number whose digits in base 4 are its bases, the first base being the highest digit.

use crate::error::Result;
use crate::model::architecture::KMER_WEIGHT;
use crate::model::encode::{ANY, NOTHING};
use crate::model::onnx::export::tensor;
use crate::model::{Architecture, Weights};

/// Longest k-mer: there are 1024 of them.
pub const LONGEST: usize = 5;

/// Scaling of counts to the input of the dense layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The expectation e.
    pub expected: f64,
    /// The factor of n - e.
    pub factor: f64,
}

/// Positions at which a k-mer can begin in a window.
fn positions(window: usize, k: usize) -> usize {
    (window + 1).saturating_sub(k)
}

/// The scaling for windows of `window` bases, at least k.
pub fn scale(window: usize, k: usize) -> Scale {
    let both = 2.0 * positions(window, k) as f64;
    Scale { expected: both / number(k) as f64, factor: 9.0 / both.sqrt() }
}

/// Number of k-mers of length k.
pub fn number(k: usize) -> usize {
    1 << (2 * k)
}

/// The reverse complement of k-mer `j`.
pub fn reverse_complement(j: usize, k: usize) -> usize {
    (0..k).fold(0, |reverse, digit| reverse << 2 | (3 - (j >> (2 * digit) & 3)))
}

/// What the k-mers of a window add to the sums of the dense layer, both strands together.
pub struct KmerRows {
    /// Length of a k-mer.
    pub k: usize,
    /// Bases of a window.
    pub window: usize,
    /// (4ᵏ, hidden): what an occurrence of each k-mer adds to each unit.
    pub rows: Vec<f32>,
    /// Minus the contribution of random bases, by unit. It is many times larger than the difference from it that the
    /// network reads: both are summed in double precision, or rounding would grow by as much.
    pub start: Vec<f64>,
}

impl KmerRows {
    /// Those of a network.
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
        Ok(Self { k, window: a.window, rows, start })
    }

    /// The row of k-mer `j`, (hidden).
    pub fn row(&self, j: usize) -> &[f32] {
        let hidden = self.start.len();
        &self.rows[j * hidden..][..hidden]
    }
}

/// Kernels (4ᵏ, 4, k) that find k-mers in one-hot bases: the sum minus k - 1, rectified, is 1 for the k-mer, a quarter
/// where one base is ambiguous, and 0 for all others.
pub fn kernels(k: usize) -> Vec<f32> {
    let mut kernels = vec![0.0; number(k) * 4 * k];
    for j in 0..number(k) {
        for tap in 0..k {
            let base = j >> (2 * (k - 1 - tap)) & 3;
            kernels[(j * 4 + base) * k + tap] = 1.0;
        }
    }
    kernels
}

/// The k-mers of the codes of one window on the given strand, in order, each with its count: 1, or a quarter.
pub fn found(codes: &[u8], k: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
    codes.windows(k.max(1)).flat_map(move |kmer| {
        let ambiguous = kmer.iter().filter(|&&code| code == ANY).count();
        let known = ambiguous <= 1 && kmer.iter().all(|&code| code < NOTHING);
        let (choices, share) = match (known, ambiguous) {
            (false, _) => (0, 0.0),
            (true, 0) => (1, 1.0),
            (true, _) => (4, 0.25),
        };
        (0..choices).map(move |choice| {
            let base = |code: u8| if code == ANY { choice } else { usize::from(code) };
            (kmer.iter().fold(0, |j, &code| j << 2 | base(code)), share)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encode::{code, complement};
    use proptest::prelude::*;

    fn of(text: &str) -> usize {
        text.bytes().fold(0, |j, letter| j << 2 | usize::from(code(letter).unwrap()))
    }

    #[test]
    fn reverse_complements_of_kmers() {
        assert_eq!(reverse_complement(of("AACG"), 4), of("CGTT"));
        assert_eq!(reverse_complement(of("ACGT"), 4), of("ACGT"));
        assert_eq!(reverse_complement(of("G"), 1), of("C"));
    }

    #[test]
    fn ambiguous_bases_count_as_quarters_and_padding_is_not_counted() {
        let all = |codes: &[u8]| found(codes, 2).collect::<Vec<_>>();
        assert_eq!(all(&[0, 1, 3]), [(of("AC"), 1.0), (of("CT"), 1.0)]);
        let quarters: Vec<(usize, f32)> = ["AA", "AC", "AG", "AT"].map(|kmer| (of(kmer), 0.25)).to_vec();
        assert_eq!(all(&[0, ANY]), quarters);
        assert!(all(&[ANY, ANY]).is_empty());
        assert!(all(&[2, NOTHING]).is_empty());
        assert!(all(&[2]).is_empty());
    }

    proptest! {
        /// The kernels find what `found` finds, on either strand.
        #[test]
        fn kernels_find_the_kmers(codes in prop::collection::vec(0u8..6, 1..30), k in 1usize..4) {
            let count = |codes: &[u8]| {
                let mut counts = vec![0.0f32; number(k)];
                found(codes, k).for_each(|(j, share)| counts[j] += share);
                counts
            };
            let kernels = kernels(k);
            let hot = |code: u8, base: usize| match code {
                ANY => 0.25,
                code => f32::from(u8::from(usize::from(code) == base)),
            };
            let by_kernel = |j: usize| -> f32 {
                let sum = |at: usize| -> f32 {
                    (0..4 * k).map(|i| kernels[j * 4 * k + i] * hot(codes[at + i % k], i / k)).sum()
                };
                (0..positions(codes.len(), k)).map(|at| (sum(at) - (k as f32 - 1.0)).max(0.0)).sum()
            };
            let counts = count(&codes);
            let reverse: Vec<u8> = codes.iter().rev().map(|&code| complement(code)).collect();
            let other = count(&reverse);
            for j in 0..number(k) {
                prop_assert!((by_kernel(j) - counts[j]).abs() < 1e-4, "{j}");
                prop_assert!((other[reverse_complement(j, k)] - counts[j]).abs() < 1e-4, "{j}");
            }
        }
    }
}
