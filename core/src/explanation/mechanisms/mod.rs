//! Whether a motif explains allelic imbalance across many regions.
//!
//! | module | what it holds |
//! |---|---|
//! | [`motif_differences`] | best matches of a motif in both alleles of many pairs, and the test of MAGGIE |
//! | [`motif_tests`] | all tests of all motifs over the pairs whose imbalance is known |
//! | [`classes`] | what the sites of a region say of its imbalance, and the share of regions that are explained |
//! | [`trusted`] | regions whose measured imbalance a model predicts |
//! | [`site_attributions`] | how binding sites change what a model sees in a region |
//! | [`enrichment`] | main variants in sites, against the other variants of the same regions |

pub mod classes;
pub mod enrichment;
pub mod motif_differences;
pub mod motif_tests;
pub mod site_attributions;
pub mod trusted;

use crate::explanation::attributions::base_map::{aligned_blocks, side_by_side, BaseMap};
use crate::model::encode::letter;
use crate::motifs::paired::AlignedBlock;

/// A pair of alleles and their imbalance.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparedPair {
    /// Name of the region or designed pair.
    pub name: String,
    /// Bases of haplotype 1 and haplotype 2.
    pub alleles: [Vec<u8>; 2],
    /// Bases of both that correspond, in order.
    pub blocks: Vec<AlignedBlock>,
    /// log2 of haplotype 1 over haplotype 2, as measured.
    pub measured: f64,
    /// The same as a model predicts it.
    pub predicted: Option<f64>,
}

impl ComparedPair {
    /// A pair from its byte codes and maps. Padding is left out.
    pub fn new(name: &str, codes: [&[u8]; 2], maps: [&BaseMap; 2], measured: f64, predicted: Option<f64>) -> Self {
        let letters = |i: usize| -> Vec<u8> { codes[i][..maps[i].bases()].iter().map(|code| letter(*code)).collect() };
        let blocks = aligned_blocks(&side_by_side(maps));
        Self { name: name.to_owned(), alleles: [letters(0), letters(1)], blocks, measured, predicted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::attributions::pairs::MappedPair;

    #[test]
    fn blocks_lie_between_gaps() {
        let columns = [[Some(0), Some(0)], [Some(1), None], [Some(2), Some(1)], [Some(3), Some(2)], [None, Some(3)]];
        let block = |first, second, length| AlignedBlock { first, second, length };
        assert_eq!(aligned_blocks(&columns), [block(0, 0, 1), block(2, 1, 2)]);
        assert!(aligned_blocks(&[[None, Some(0)]]).is_empty());
    }

    #[test]
    fn letters_are_those_of_the_alleles() {
        let alleles = [&b"ACGTTGCANGCTTAGCCATGACCGTATGG"[..], b"ACGTTGCAAGCTTAGCTGACCGTATGG"];
        let pair = MappedPair::designed(alleles[0], alleles[1], 40).unwrap();
        let codes = pair.codes.each_ref().map(|codes| &codes[..]);
        let compared = ComparedPair::new("a", codes, pair.maps.each_ref(), 1.0, None);
        assert_eq!(compared.alleles, alleles.map(<[u8]>::to_vec));
        assert_eq!(compared.blocks.iter().map(|b| b.length).sum::<usize>(), 27);
    }
}
