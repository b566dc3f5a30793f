//! The two alleles of a window or of a designed pair as the network reads them, with their map.

use bio::alignment::AlignmentOperation::{Del, Ins, Match, Subst};

use crate::error::{Error, Result};
use crate::explanation::attributions::base_map::BaseMap;
use crate::genome::sequence_alignment::{align, differing_bases};
use crate::genome::{HaplotypePiece, PiecePlace, Variants};
use crate::io::fasta::Reference;
use crate::model::encode::encode;
use crate::model::window::Window;

/// Bases by which deletions may draw a window to the left of where it begins in the reference.
const DRAWN_IN: u64 = 1 << 16;

/// Both alleles of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedPair {
    /// Byte codes, (window), padded on the right where an allele is shorter.
    pub codes: [Vec<u8>; 2],
    /// Where the bases are.
    pub maps: [BaseMap; 2],
    /// Records in which the alleles differ within the window; of designed pairs the bases in which they do.
    pub variants: usize,
    /// Records not applied, because they overlap an earlier one of the haplotype or reach out of the region.
    pub skipped: usize,
}

impl MappedPair {
    /// Those of a window of the genome. `None` where an allele of a region by itself is longer than the window.
    ///
    /// # Errors
    /// The FASTA cannot be read.
    pub fn of_window(window: &Window, reference: &mut Reference, variants: &Variants) -> Result<Option<Self>> {
        let alleles = window.alleles(reference, variants, 0)?;
        let maps = [&alleles.hap1, &alleles.hap2].map(|haplotype| BaseMap::of(haplotype, window.reverse));
        if maps.iter().any(|map| map.bases() > window.length) {
            return Ok(None);
        }
        let mut codes = [Vec::new(), Vec::new()];
        for (codes, haplotype) in codes.iter_mut().zip([alleles.hap1, alleles.hap2]) {
            *codes = encode(&window.oriented(haplotype.sequence), window.length)?;
        }
        Ok(Some(Self { codes, maps, variants: alleles.variants, skipped: alleles.skipped }))
    }

    /// Those of two designed sequences, aligned from end to end ([`align`]): allele A is the reference of the map.
    ///
    /// # Errors
    /// A sequence is longer than `window` or has other letters than bases.
    pub fn designed(allele_a: &[u8], allele_b: &[u8], window: usize) -> Result<Self> {
        let longest = allele_a.len().max(allele_b.len());
        if longest > window {
            return Err(Error::mismatch(format!("has {longest} bases, and the model reads {window}")));
        }
        let operations = align(allele_a, allele_b);
        let mut pieces: Vec<HaplotypePiece> = Vec::new();
        let (mut at_a, mut at_b) = (0, 0);
        for run in operations.chunk_by(|x, y| of_both(x) == of_both(y) && (of_both(x) || x == y)) {
            let length = run.len();
            match run[0] {
                Match | Subst => {
                    let place = PiecePlace::Reference(at_a as u64);
                    pieces.push(HaplotypePiece { start: at_b, end: at_b + length, place });
                    (at_a, at_b) = (at_a + length, at_b + length);
                }
                Ins => at_a += length,
                Del => {
                    pieces.push(HaplotypePiece { start: at_b, end: at_b + length, place: PiecePlace::Inserted });
                    at_b += length;
                }
                _ => {}
            }
        }
        let maps = [BaseMap::without_reference(allele_a.len()), BaseMap::of_pieces(pieces, allele_b.len())];
        let codes = [encode(allele_a, window)?, encode(allele_b, window)?];
        Ok(Self { codes, maps, variants: differing_bases(&operations), skipped: 0 })
    }
}

fn of_both(operation: &bio::alignment::AlignmentOperation) -> bool {
    matches!(operation, Match | Subst)
}

/// Of each window the first position (0-based) that any later one on its contig may have, for windows in the order of
/// regions, contig by contig.
pub fn first_positions_to_come(windows: &[Window]) -> Vec<u64> {
    let mut first = vec![u64::MAX; windows.len()];
    let mut least = u64::MAX;
    for (i, window) in windows.iter().enumerate().rev() {
        let later = windows.get(i + 1).filter(|later| later.contig == window.contig);
        least = match later {
            Some(later) => least.min((later.positions().start.max(0) as u64).saturating_sub(DRAWN_IN)),
            None => u64::MAX,
        };
        first[i] = least;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::attributions::base_map::side_by_side;

    #[test]
    fn designed_alleles_are_side_by_side() {
        // A substitution, a deletion and an insertion, far from each other.
        let a: &[u8] = b"ACGTTGCAAGCTTAGCCATGACCGTATGGATTACAGGCATCCGTTAACGATCG";
        let b: &[u8] = b"ACGTTGCATGCTTAGCCATGACCGTGGATTACAGGCATCCGTTTTTAACGATCG";
        let pair = MappedPair::designed(a, b, 60).unwrap();
        let columns = side_by_side(pair.maps.each_ref());
        let show = |allele: usize, bases: &[u8]| -> String {
            columns.iter().map(|column| column[allele].map_or('-', |offset| char::from(bases[offset]))).collect()
        };
        let [one, two] = [show(0, a), show(1, b)];
        assert_eq!([&one, &two].map(|row| row.replace('-', "")), [a, b].map(|bases| String::from_utf8_lossy(bases)));
        // One, two and three bases; what is deleted or inserted is in one piece.
        let differing = one.chars().zip(two.chars()).filter(|(x, y)| x != y).count();
        assert_eq!((differing, pair.variants, one.len()), (6, 6, a.len() + 3));
        assert!(one.contains("---") && two.contains("--"), "{one}\n{two}");
        assert!(MappedPair::designed(a, b, 50).is_err());
    }

    #[test]
    fn what_may_come_is_known_from_the_windows() {
        let window = |contig, position| Window::around(contig, position, 100);
        let far = 1 << 20;
        let windows = [window(0, far), window(0, far + 500), window(0, far + 300), window(1, 90), window(1, 100)];
        let least = far + 250 - DRAWN_IN;
        assert_eq!(first_positions_to_come(&windows), [least, least, u64::MAX, 0, u64::MAX]);
    }
}
