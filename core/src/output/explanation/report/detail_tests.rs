use ndarray::Array2;

use super::*;
use crate::explanation::attributions::base_map::{BaseMap, MappedPiece};
use crate::model::encode::{encode, NOTHING};

const WINDOW: usize = 12;

/// Bases of a piece, and where it is in the reference.
type Piece = (usize, Option<(u64, u64)>);

/// A pair of alleles whose bases contribute: the base that is there `present`, the others 0.
fn pair(alleles: [&[u8]; 2], pieces: [&[Piece]; 2], reverse: bool, present: [f32; 2]) -> FolderPair {
    let codes = alleles.map(|bases| encode(bases, WINDOW).unwrap());
    let maps = pieces.map(|pieces| {
        let mut offset = 0;
        let mapped: Vec<MappedPiece> = pieces
            .iter()
            .map(|&(length, reference)| {
                let piece = MappedPiece { offset, length, reference };
                offset += length;
                piece
            })
            .collect();
        BaseMap::of_mapped(&mapped, reverse)
    });
    let contributions = [0, 1].map(|allele| {
        Array2::from_shape_fn((4, WINDOW), |(base, at)| {
            let code = codes[allele][at];
            if code != NOTHING && usize::from(code) == base {
                present[allele]
            } else {
                0.0
            }
        })
    });
    FolderPair { number: 0, codes, maps, contributions }
}

fn values(detail: &PairDetail, allele: usize) -> Vec<f64> {
    let bytes = Base64::decode_vec(&detail.contributions[allele]).unwrap();
    let steps = bytes.chunks(2).map(|two| i16::from_le_bytes([two[0], two[1]]));
    steps.map(|step| f64::from(step) * detail.unit).collect()
}

#[test]
fn a_deletion_an_insertion_and_a_base() {
    // Haplotype 2: base 2 of the reference replaced, bases 4 and 5 deleted, GG inserted before base 8.
    let one: &[_] = &[(10, Some((100, 110)))];
    let two: &[_] = &[(4, Some((100, 104))), (2, Some((106, 108))), (2, Some((108, 108))), (2, Some((108, 110)))];
    let pair = pair([b"ACGTACGTAC", b"ACTTGTGGAC"], [one, two], false, [2.0, -1.0]);
    let detail = PairDetail::of(&pair, Head::Ratio);
    assert_eq!(detail.alleles, ["ACGTACGT--AC", "ACTT--GTGGAC"]);
    assert_eq!((detail.columns, detail.all_columns, detail.skipped, detail.reverse), (12, 12, [0, 0], false));
    assert_eq!(detail.positions, [(0, 8, 100, 1), (10, 2, 108, 1)]);
    let difference = |columns, place: &str, hap1: &str, hap2: &str, effects: [&str; 2]| Difference {
        columns,
        place: place.into(),
        hap1: hap1.into(),
        hap2: hap2.into(),
        effects: effects.map(String::from),
    };
    assert_eq!(
        detail.differences,
        [
            difference((2, 1), "103", "G", "T", ["2", "-1"]),
            difference((4, 2), "105", "AC", "", [".", "."]),
            difference((8, 2), "after 108", "", "GG", [".", "."]),
        ]
    );
    // The own sign: what lowers log2(haplotype 1 / haplotype 2) makes haplotype 2 more active.
    assert_eq!(values(&detail, 0).len(), 10);
    assert!(values(&detail, 0).iter().all(|value| (value - 2.0).abs() < 1e-4));
    assert!(values(&detail, 1).iter().all(|value| (value - 1.0).abs() < 1e-4));
    // From the counts, haplotype 2 has its own sign, and the effect on the ratio the other one.
    let of_counts = PairDetail::of(&pair, Head::Count);
    assert!(values(&of_counts, 1).iter().all(|value| (value + 1.0).abs() < 1e-4));
    assert_eq!(of_counts.differences[0].effects, ["2", "1"]);
}

#[test]
fn a_reversed_window_counts_down() {
    let one: &[_] = &[(3, Some((107, 110))), (2, Some((107, 107))), (3, Some((104, 107)))];
    let two: &[_] = &[(6, Some((104, 110)))];
    let pair = pair([b"ACGTTACG", b"ACGACG"], [one, two], true, [1.0, 1.0]);
    let detail = PairDetail::of(&pair, Head::Ratio);
    assert_eq!(detail.alleles, ["ACGTTACG", "ACG--ACG"]);
    assert_eq!(detail.positions, [(0, 3, 109, -1), (5, 3, 106, -1)]);
    assert_eq!((&detail.differences[0].place[..], detail.differences.len(), detail.reverse), ("after 107", 1, true));
}

#[test]
fn nothing_and_infinity_are_drawn_as_nothing() {
    let whole: &[_] = &[(4, Some((0, 4)))];
    let short: &[_] = &[(3, Some((0, 3)))];
    let mut pair = pair([b"ACNT", b"ACG"], [whole, short], false, [0.0, 0.0]);
    let detail = PairDetail::of(&pair, Head::Ratio);
    // A window that has ended does not differ; N and G do.
    assert_eq!((&detail.alleles, detail.differences.len()), (&["ACNT", "ACG "].map(String::from), 1));
    assert_eq!(detail.differences[0].effects, [".", "."]);
    assert_eq!((values(&detail, 0), detail.unit), (vec![0.0; 4], 1.0));
    pair.contributions[0].fill(f32::NAN);
    pair.contributions[1].fill(f32::INFINITY);
    assert_eq!(values(&PairDetail::of(&pair, Head::Ratio), 0), vec![0.0; 4]);
}

#[test]
fn of_a_long_window_the_differences_are_drawn() {
    let bases = MOST_COLUMNS + 900;
    let mut alleles = [vec![0u8; bases], vec![0u8; bases]];
    alleles[1][bases - 100] = 2;
    let map =
        BaseMap::of_mapped(&[MappedPiece { offset: 0, length: bases, reference: Some((0, bases as u64)) }], false);
    let contributions = [Array2::from_elem((4, bases), 0.5), Array2::from_elem((4, bases), 0.5)];
    let pair = FolderPair { number: 0, codes: alleles, maps: [map.clone(), map], contributions };
    let detail = PairDetail::of(&pair, Head::Ratio);
    assert_eq!((detail.columns, detail.all_columns, detail.skipped), (MOST_COLUMNS, bases, [900, 900]));
    assert_eq!(detail.differences[0].columns, (MOST_COLUMNS - 100, 1));
    assert_eq!(values(&detail, 0).len(), MOST_COLUMNS);
}
