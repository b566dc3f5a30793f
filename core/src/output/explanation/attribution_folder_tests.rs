use ndarray::{array, Array2};
use proptest::prelude::*;

use super::*;
use crate::explanation::attributions::folder::{ExplainedFolder, FolderPair};
use crate::explanation::attributions::pairs::MappedPair;
use crate::explanation::attributions::settings::test_settings;
use crate::genome::{HaplotypePiece, PiecePlace};

fn contributions(window: usize, seed: f32) -> PairAttributions {
    let of = |allele: f32| Array2::from_shape_fn((4, window), |(b, i)| seed + allele * (b as f32 - i as f32 / 8.0));
    PairAttributions {
        contributions: [of(1.0), of(-0.5)],
        predicted: [1.5, 0.25, 1.25],
        agreement: None,
        not_finite: 0,
    }
}

/// Pairs written to a folder, and what is read back.
fn there_and_back(folder: &Path, pairs: &[MappedPair], window: usize) -> Result<Vec<FolderPair>> {
    let mut writer =
        AttributionFolder::create(folder, test_settings(pairs.len(), window), None, &["##a=b".into()], false)?;
    for (number, pair) in pairs.iter().enumerate() {
        let name = format!("pair {number}");
        writer.add(&ExplainedPair {
            origin: PairOrigin::Designed(&name),
            codes: pair.codes.each_ref().map(|codes| &codes[..]),
            maps: pair.maps.each_ref(),
            variants: pair.variants,
            attributions: &contributions(window, number as f32),
        })?;
    }
    writer.complete()?.rename()?;
    let read = ExplainedFolder::open(folder)?;
    assert_eq!(read.settings(), &test_settings(pairs.len(), window));
    for (number, (label, pair)) in read.labels().iter().zip(pairs).enumerate() {
        assert_eq!((label.name.clone(), label.variants), (format!("pair {number}"), pair.variants));
        assert_eq!((label.predicted, &label.span), ([1.5, 0.25, 1.25], &None));
    }
    read.pairs()?.collect()
}

/// An allele in pieces: bases of the reference, inserted ones, deletions (a jump), and N beyond the contig.
fn allele() -> impl Strategy<Value = (Vec<u8>, BaseMap)> {
    let piece = (0usize..3, 1usize..6, 0u64..4);
    (prop::collection::vec(piece, 0..6), prop::bool::ANY, prop::collection::vec(0u8..4, 40)).prop_map(
        |(parts, reverse, bases)| {
            let (mut pieces, mut length, mut position) = (Vec::new(), 0, 100);
            for (kind, bases, jump) in parts {
                let place = match kind {
                    0 => PiecePlace::Reference(position + jump),
                    // Before the first reference base an insertion has no place.
                    1 if position > 100 => PiecePlace::Inserted,
                    _ => PiecePlace::Outside,
                };
                if let PiecePlace::Reference(first) = place {
                    position = first + bases as u64;
                }
                pieces.push(HaplotypePiece { start: length, end: length + bases, place });
                length += bases;
            }
            let mut codes = bases[..length].to_vec();
            codes.iter_mut().step_by(7).for_each(|code| *code = crate::model::encode::ANY);
            codes.resize(40, crate::model::encode::NOTHING);
            let mapped = BaseMap::of_pieces(pieces, length).pieces();
            // In reverse the same pieces from the other end.
            let turned: Vec<_> = mapped
                .iter()
                .rev()
                .map(|piece| crate::explanation::attributions::base_map::MappedPiece {
                    offset: length - piece.offset - piece.length,
                    ..*piece
                })
                .collect();
            (codes, BaseMap::of_mapped(if reverse { &turned } else { &mapped }, reverse))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn what_is_written_reads_back(alleles in prop::collection::vec((allele(), allele()), 0..4)) {
        let folder = tempfile::tempdir().unwrap();
        let pairs: Vec<MappedPair> = alleles
            .into_iter()
            .map(|((codes1, map1), (codes2, map2))| {
                MappedPair { codes: [codes1, codes2], maps: [map1, map2], variants: 3, skipped: 0 }
            })
            .collect();
        let read = there_and_back(folder.path(), &pairs, 40).unwrap();
        prop_assert_eq!(read.len(), pairs.len());
        for (number, (read, pair)) in read.iter().zip(&pairs).enumerate() {
            prop_assert_eq!(read.number, number);
            prop_assert_eq!(&read.codes, &pair.codes);
            for (found, map) in read.maps.iter().zip(&pair.maps) {
                prop_assert_eq!(found.pieces(), map.pieces());
                prop_assert_eq!(found.positions(), map.positions());
            }
            prop_assert_eq!(&read.contributions, &contributions(40, number as f32).contributions);
        }
    }
}

#[test]
fn a_damaged_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pair = MappedPair::designed(b"ACGTACGTAC", b"ACGTTACGTAC", 12).unwrap();
    let write = || there_and_back(folder.path(), &[pair.clone(), pair.clone()], 12);
    let message = |file: &str, content: &[u8]| {
        assert_eq!(write().unwrap().len(), 2);
        std::fs::write(folder.path().join(file), content).unwrap();
        let all = || ExplainedFolder::open(folder.path())?.pairs()?.collect::<Result<Vec<_>>>();
        let message = all().unwrap_err().to_string();
        assert!(message.contains(if content.is_empty() { "" } else { file }), "{file}: {message}");
        message
    };
    assert!(message("explain.json", b"{}").contains("cannot be read"));
    assert!(message("pairs.tsv", b"one\t1\t2\n").contains("too few columns"));
    assert!(message("pairs.tsv", b"one\t1\tx\t3\t4\n").contains("no number"));
    assert!(message("pairs.tsv", b"").contains("table of 0 lines, and explain.json of 2 pairs"));
    for line in ["0\t1\t0\t99\t.\t.\t.\t.", "0\t1\t18446744073709551615\t2\t.\t.\t.\t."] {
        assert!(message("map.tsv.gz", line.as_bytes()).contains("beyond the window"), "{line}");
    }
    assert!(message("map.tsv.gz", b"0\t1\t0\t4\tchr1\t9\t5\t+").contains("no piece of an allele"));
    // The bases of the arrays are those of the map.
    let error = there_and_back(folder.path(), &[pair.clone(), pair.clone()], 12)
        .and_then(|_| {
            std::fs::write(folder.path().join("map.tsv.gz"), "").unwrap();
            ExplainedFolder::open(folder.path())?.pairs()?.collect::<Result<Vec<_>>>()
        })
        .unwrap_err();
    assert!(error.to_string().contains("hap1.ohe.npz"), "{error}");
    // An array of another folder.
    write().unwrap();
    let mut array = NpzWriter::<f32>::create(&folder.path().join("hap2.npz"), &[1, 4, 12]).unwrap();
    array.write(&array![[0.0f32; 48]]).unwrap();
    array.complete().unwrap().rename().unwrap();
    let error = ExplainedFolder::open(folder.path()).unwrap().pairs().err().unwrap().to_string();
    assert!(error.contains("hap2.npz") && error.contains("[2, 4, 12]"), "{error}");
    assert!(ExplainedFolder::open(&folder.path().join("logos")).unwrap_err().to_string().contains("is no folder of"));
}
