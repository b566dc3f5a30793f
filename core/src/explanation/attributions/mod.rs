//! What each base of both alleles contributes to a prediction, on one coordinate map.
//!
//! | module | what it holds |
//! |---|---|
//! | [`mutagenesis`] | in-silico saturation mutagenesis: every base of either allele replaced by every other |
//! | `multipliers` | gradient, integrated gradients and DeepLIFT, relative to a baseline (feature `onnx`) |
//! | [`methods`] | the names of methods and baselines |
//! | `networks` | the networks of an ensemble: mean and agreement |
//! | [`base_map`] | which base of the reference each base of an allele stands for, and the two alleles side by side |
//! | [`pairs`] | the alleles of a window or of a designed pair, with their map |
//! | [`settings`] | how the contributions of a folder were made |
//! | [`folder`] | a folder of contributions, read back pair after pair |

pub mod base_map;
pub mod folder;
pub mod methods;
#[cfg(feature = "onnx")]
pub mod multipliers;
#[cfg(feature = "onnx")]
pub mod mutagenesis;
#[cfg(feature = "onnx")]
mod networks;
pub mod pairs;
pub mod settings;

use ndarray::{Array2, ArrayView2};

use crate::choice::choice;
use crate::model::encode::ANY;

choice!(
    /// Which prediction is explained.
    Head, "head",
    /// log2 of haplotype 1 over haplotype 2.
    Ratio "ratio",
    /// log2 of the counts of each haplotype separately.
    Count "count",
);

choice!(
    /// What the contributions of the four bases of a position are relative to.
    Gauge, "gauge",
    /// The mean of the four: they sum to zero (Majdandzic et al. 2023).
    ZeroSum "zero-sum",
    /// As the method has it. Mutagenesis: the base of the allele, which has 0. Others: the baseline; a gradient as it is.
    Nothing "none",
);

impl Head {
    /// The sign with which the contributions of an allele (0 or 1) speak of the activity of its own haplotype: those to the
    /// ratio, which is that of haplotype 1 over haplotype 2, are negative where they make haplotype 2 more active.
    pub fn own_sign(self, allele: usize) -> f32 {
        match (self, allele) {
            (Head::Ratio, 1) => -1.0,
            _ => 1.0,
        }
    }
}

impl Gauge {
    /// Put contributions (4, window), relative to anything, into this gauge; positions without a base have zeros.
    pub fn apply(self, contributions: &mut Array2<f64>, codes: &[u8]) {
        for (mut column, &code) in contributions.columns_mut().into_iter().zip(codes) {
            match (self, code) {
                (_, ANY..) => column.fill(0.0),
                (Gauge::ZeroSum, _) => {
                    let mean = column.sum() / 4.0;
                    column -= mean;
                }
                (Gauge::Nothing, base) => {
                    let own = column[base as usize];
                    column -= own;
                }
            }
        }
    }
}

/// The contribution of the base that each position has, from those of all four, (4, window); 0 without a base.
pub fn of_present_bases(contributions: ArrayView2<f32>, codes: &[u8]) -> Vec<f32> {
    let value =
        |(position, &code): (usize, &u8)| if code < ANY { contributions[[code as usize, position]] } else { 0.0 };
    codes.iter().enumerate().map(value).collect()
}

/// The contributions of both alleles of a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct PairAttributions {
    /// Of haplotype 1 and of haplotype 2: what each of the four bases (A, C, G, T) would contribute at each position,
    /// (4, window), in log2. With [`Head::Ratio`] both are effects on log2 of haplotype 1 over haplotype 2, so that a base
    /// of haplotype 2 that makes its own haplotype more active is negative. Positions without a base have zeros.
    pub contributions: [Array2<f32>; 2],
    /// The prediction for the pair itself, in log2: haplotype 1, haplotype 2 and their ratio.
    pub predicted: [f64; 3],
    /// Of an ensemble: the mean over pairs of its networks of Pearson's correlation of the contributions of present
    /// bases in both alleles.
    pub agreement: Option<f64>,
    /// Contributions that are not finite, and are 0 here.
    pub not_finite: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encode::NOTHING;
    use ndarray::array;

    #[test]
    fn gauges_differ_by_a_constant_of_each_position() {
        let codes = [1, 3, ANY, NOTHING];
        let raw = array![[1.0, 0.5, 3.0, 1.0], [0.0, 1.5, 3.0, 1.0], [2.0, -1.0, 3.0, 2.0], [5.0, 3.0, 1.0, 1.0]];
        let [mut zero_sum, mut none] = [raw.clone(), raw];
        Gauge::ZeroSum.apply(&mut zero_sum, &codes);
        Gauge::Nothing.apply(&mut none, &codes);
        assert_eq!(
            none,
            array![[1.0, -2.5, 0.0, 0.0], [0.0, -1.5, 0.0, 0.0], [2.0, -4.0, 0.0, 0.0], [5.0, 0.0, 0.0, 0.0]]
        );
        assert!(zero_sum.columns().into_iter().all(|column| column.sum().abs() < 1e-12));
        assert_eq!(zero_sum[[3, 0]] - zero_sum[[0, 0]], 4.0);
        let present = of_present_bases(zero_sum.mapv(|v| v as f32).view(), &codes);
        assert_eq!(present, [-2.0, 2.0, 0.0, 0.0]);
    }
}
