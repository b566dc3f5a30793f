use super::*;
use crate::genome::test_variant;
use crate::io::fasta::reference::test_reference;
use crate::io::Contigs;
use proptest::prelude::*;

/// A contig for [`any_variants`].
pub(crate) const BASES: &[u8] = b"ACGTTGCAACGGTTAACCGTACGTTAGCATCGGATCCATG";

fn pair(list: Vec<Variant>, centre: u64, length: usize) -> AllelePair {
    let folder = tempfile::tempdir().unwrap();
    let mut reference = test_reference(folder.path(), &[("chr1", BASES)]);
    let variants = Variants::from_list(&Contigs::new(vec![("1".into(), 0)]), vec![list]);
    allele_pair(&mut reference, &variants, 0, WindowSpan::centred(centre, length)).unwrap()
}

#[test]
fn a_snv_changes_one_base() {
    let p = pair(vec![test_variant(20, &["A", "T"], 0, 1)], 20, 11);
    assert_eq!(p.hap1.sequence, BASES[15..26]);
    let mut expected = BASES[15..26].to_vec();
    expected[5] = b'T';
    assert_eq!(p.hap2.sequence, expected);
    assert_eq!((p.variants, p.applied, p.skipped), (1, 1, 0));
    assert_eq!(p.hap2.to_reference(5), Some(20));
    assert_eq!(p.hap2.from_reference(25), Some(10));
    assert_eq!(p.hap2.from_reference(26), None);
}

#[test]
fn deletions_and_insertions_are_refilled_from_the_genome() {
    // CGT at 17 loses GT on haplotype 1; an insertion on haplotype 2 right of the centre.
    let p = pair(vec![test_variant(17, &["CGT", "C"], 1, 0), test_variant(22, &["G", "GAAA"], 0, 1)], 20, 12);
    assert_eq!(p.hap1.sequence, [&BASES[12..18], &BASES[20..26]].concat());
    assert_eq!(p.hap2.sequence, [&BASES[14..23], b"AAA".as_slice()].concat());
    assert_eq!((p.hap1.to_reference(6), p.hap2.to_reference(6)), (Some(20), Some(20)));
    assert_eq!(p.hap1.from_reference(18), None);
    assert_eq!(p.hap2.to_reference(9), None);
    assert_eq!((p.variants, p.applied), (2, 2));
}

#[test]
fn a_deleted_centre_hands_over_to_the_base_on_its_left() {
    let p = pair(vec![test_variant(17, &["CGTA", "C"], 1, 0)], 19, 8);
    assert_eq!(p.hap1.to_reference(4), Some(17));
    assert_eq!(p.hap1.sequence, [&BASES[13..18], &BASES[21..24]].concat());
    assert_eq!(p.hap2.to_reference(4), Some(19));
}

#[test]
fn a_deletion_that_moves_a_narrow_window_counts_as_a_difference() {
    // Of TTGC at 3 haplotype 2 keeps the first base: the window of two bases ends before the deletion shows.
    let p = pair(vec![test_variant(3, &["TTGC", "T"], 0, 1)], 4, 2);
    assert_eq!((&p.hap1.sequence[..], &p.hap2.sequence[..]), (&BASES[3..5], &BASES[2..4]));
    assert_eq!(p.variants, 1);
}

#[test]
fn ends_of_the_contig_are_filled_with_n() {
    let p = pair(vec![test_variant(0, &["AC", "A"], 1, 0)], 2, 10);
    assert_eq!(p.hap1.sequence, [b"NNNNA".as_slice(), &BASES[2..7]].concat());
    assert_eq!((p.hap1.to_reference(3), p.hap1.to_reference(4)), (None, Some(0)));
    let p = pair(vec![], 39, 4);
    assert_eq!(p.hap1.sequence, [&BASES[37..40], b"N"].concat());
    assert_eq!(p.hap1.to_reference(3), None);
}

#[test]
fn one_alternative_in_a_reference_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut r = test_reference(folder.path(), &[("chr1", BASES)]);
    let mut window = |contig, alternative: &[u8]| {
        edited_window(
            &mut r,
            contig,
            Edit::new(20, b"A", alternative).as_slice(),
            KnownBases::default(),
            WindowSpan::centred(20, 10),
        )
    };
    assert_eq!(window(0, b"A").unwrap(), BASES[15..25]);
    assert_eq!(window(0, b"ATT").unwrap(), [&BASES[15..21], b"TT", &BASES[21..23]].concat());
    assert!(window(7, b"T").is_err());
}

#[test]
fn one_alternative_in_a_region_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut r = test_reference(folder.path(), &[("chr1", BASES)]);
    let mut made = |alternative: &[u8], from, to| {
        edited_region(&mut r, 0, Edit::new(20, b"A", alternative).as_slice(), KnownBases::default(), (from, to))
            .unwrap()
    };
    assert_eq!(made(b"A", 15, 25), BASES[15..25]);
    assert_eq!(made(b"ATT", 15, 25), [&BASES[15..21], b"TT", &BASES[21..25]].concat());
    assert_eq!(made(b"T", 20, 22), [b"T", &BASES[21..22]].concat());
    // What reaches out of the region is not applied; who cannot do with that asks first.
    assert_eq!(made(b"T", 21, 25), BASES[21..25]);
    assert_eq!(made(b"A", 21, 25), BASES[21..25]);
}

#[test]
fn a_region_by_itself_grows_and_shrinks() {
    let folder = tempfile::tempdir().unwrap();
    let mut reference = test_reference(folder.path(), &[("chr1", BASES)]);
    let list = vec![
        // Begins before the region, and one that ends after it: not applied.
        test_variant(8, &["AAC", "A"], 1, 0),
        test_variant(12, &["G", "T"], 0, 1),
        test_variant(17, &["CGT", "C"], 1, 0),
        test_variant(22, &["G", "GAAA"], 0, 1),
        test_variant(24, &["TTA", "T"], 0, 1),
    ];
    let variants = Variants::from_list(&Contigs::new(vec![("1".into(), 0)]), vec![list]);
    let p = region_pair(&mut reference, &variants, 0, 10, 26).unwrap();
    assert_eq!(p.hap1.sequence, [&BASES[10..18], &BASES[20..26]].concat());
    assert_eq!(p.hap2.sequence, [&BASES[10..12], b"T", &BASES[13..23], b"AAA", &BASES[23..26]].concat());
    assert_eq!((p.variants, p.applied, p.skipped), (3, 3, 2));
    assert_eq!(region_pair(&mut reference, &variants, 0, 0, 4).unwrap().hap2.sequence, BASES[..4]);
}

/// Substitutions, insertions and deletions close to each other.
pub(crate) fn any_variants() -> impl Strategy<Value = Vec<Variant>> {
    let one = (0u64..36, 1usize..5, "[ACGT]{0,4}", 0u16..2, 0u16..2);
    prop::collection::vec(one, 0..8).prop_map(|list| {
        let record = |(start, n, inserted, hap1, hap2): (u64, usize, String, u16, u16)| {
            let reference = std::str::from_utf8(&BASES[start as usize..start as usize + n]).unwrap();
            let alternative = format!("{}{inserted}", &reference[..1]);
            test_variant(start, &[reference, &alternative], hap1, hap2)
        };
        list.into_iter().map(record).collect()
    })
}

/// Every base of the contig with its reference position, and the position at which what it belongs to begins, by
/// applying one edit after the other from the right.
fn brute_force(variants: &Variants, haplotype: usize) -> Vec<(u8, Option<i64>, i64)> {
    let pad = 100;
    let mut all: Vec<_> = (-pad..BASES.len() as i64 + pad)
        .map(|i| (if (0..BASES.len() as i64).contains(&i) { BASES[i as usize] } else { b'N' }, Some(i), i))
        .collect();
    let mut edits: Vec<Edit> = variants.of(0).iter().filter_map(|v| v.edit(haplotype)).collect();
    edits.sort_by_key(|e| (e.start, e.end));
    for e in edits.iter().rev() {
        let (start, end) = ((e.start as i64 + pad) as usize, (e.end as i64 + pad) as usize);
        let keep = e.bases.len() == end - start;
        let at = |i: usize| e.start as i64 + i as i64;
        let new: Vec<_> = (e.bases.iter().enumerate())
            .map(|(i, b)| if keep { (*b, Some(at(i)), at(i)) } else { (*b, None, e.start as i64) })
            .collect();
        all.splice(start..end, new);
    }
    all
}

#[test]
fn a_deleted_centre_is_the_base_left_of_it_whatever_follows_the_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let mut reference = test_reference(folder.path(), &[("chr1", BASES)]);
    // The deletion of two bases, and immediately after it another record that replaces one by two.
    let text = |from: usize, to: usize| std::str::from_utf8(&BASES[from..to]).unwrap();
    let (second, third) = (text(22, 24), format!("{}{}", text(22, 23), if text(23, 24) == "C" { "GA" } else { "CA" }));
    let list = vec![test_variant(20, &[text(20, 23), text(20, 21)], 0, 1), test_variant(22, &[second, &third], 0, 1)];
    let variants = Variants::from_list(&Contigs::new(vec![("1".into(), 0)]), vec![list]);
    for length in 1..30 {
        let p = allele_pair(&mut reference, &variants, 0, WindowSpan::centred(21, length)).unwrap();
        assert_eq!(p.hap2.to_reference(length / 2), Some(20), "{length}");
    }
}

proptest! {
    #[test]
    fn windows_equal_brute_force(list in any_variants(), centre in 0u64..40, length in 1usize..60) {
        let folder = tempfile::tempdir().unwrap();
        let mut reference = test_reference(folder.path(), &[("chr1", BASES)]);
        let variants = Variants::from_list(&Contigs::new(vec![("1".into(), 0)]), vec![list]);
        let p = allele_pair(&mut reference, &variants, 0, WindowSpan::centred(centre, length)).unwrap();
        for (haplotype, got) in [(1, &p.hap1), (2, &p.hap2)] {
            let all = brute_force(&variants, haplotype);
            let anchor = match all.iter().position(|b| b.1 == Some(centre as i64)) {
                Some(i) => i,
                None => {
                    // What stands in the place of the edit that took it away, or the base left of that.
                    let edits = variants.of(0).iter().filter_map(|v| v.edit(haplotype));
                    let end = edits.filter(|e| e.start <= centre && centre < e.end).map(|e| e.end).next().unwrap();
                    all.iter().position(|b| b.2 >= end as i64).unwrap() - 1
                }
            };
            let window = &all[anchor - length / 2..anchor - length / 2 + length];
            prop_assert_eq!(&got.sequence, &window.iter().map(|b| b.0).collect::<Vec<_>>());
            for (i, (_, position, _)) in window.iter().enumerate() {
                let position = position.and_then(|p| u64::try_from(p).ok()).filter(|p| *p < BASES.len() as u64);
                prop_assert_eq!(got.to_reference(i), position);
                if let Some(p) = position {
                    prop_assert_eq!(got.from_reference(p), Some(i));
                }
            }
            let mut positions: Vec<Option<u64>> = Vec::new();
            for piece in got.pieces() {
                prop_assert!(piece.start == positions.len() && piece.start < piece.end, "{:?}", piece);
                positions.extend((0..(piece.end - piece.start) as u64).map(|offset| match piece.place {
                    PiecePlace::Reference(first) => Some(first + offset),
                    PiecePlace::Inserted | PiecePlace::Outside => None,
                }));
            }
            prop_assert_eq!(positions, (0..window.len()).map(|i| got.to_reference(i)).collect::<Vec<_>>());
        }
        if p.variants == 0 {
            prop_assert_eq!(&p.hap1.sequence, &p.hap2.sequence);
        }
    }
}
