use proptest::prelude::*;

use super::*;
use crate::genome::allele_pair::tests::{any_variants, BASES};
use crate::genome::{allele_pair, Variants, WindowSpan};
use crate::io::fasta::reference::test_reference;
use crate::io::Contigs;

proptest! {
    /// Every base of either allele is in one column; columns hold the same base of the reference; what only one allele
    /// has is in a separate column.
    #[test]
    fn columns_hold_what_belongs_together(
        list in any_variants(), centre in 0u64..41, length in 1usize..60, reverse in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut reference = test_reference(folder.path(), &[("chr1", BASES)]);
        let variants = Variants::from_list(&Contigs::new(vec![("1".into(), 0)]), vec![list]);
        let pair = allele_pair(&mut reference, &variants, 0, WindowSpan::centred(centre, length)).unwrap();
        let maps = [&pair.hap1, &pair.hap2].map(|haplotype| BaseMap::of(haplotype, reverse));
        for (map, haplotype) in maps.iter().zip([&pair.hap1, &pair.hap2]) {
            let mut expected: Vec<_> = (0..length).map(|i| haplotype.to_reference(i)).collect();
            if reverse {
                expected.reverse();
            }
            prop_assert_eq!(map.positions(), expected);
            // Pieces follow each other, in the window as in the reference.
            let pieces = map.pieces();
            prop_assert_eq!(pieces.iter().map(|p| p.length).sum::<usize>(), length);
            for (before, after) in pieces.iter().zip(&pieces[1..]) {
                prop_assert_eq!(before.offset + before.length, after.offset);
                if let (Some(a), Some(b)) = (before.reference, after.reference) {
                    prop_assert!(if reverse { b.1 <= a.0 } else { a.1 <= b.0 }, "{:?}", pieces);
                }
            }
        }
        let columns = side_by_side(maps.each_ref());
        for (allele, map) in maps.iter().enumerate() {
            let offsets: Vec<usize> = columns.iter().filter_map(|column| column[allele]).collect();
            prop_assert_eq!(offsets, (0..map.bases()).collect::<Vec<_>>());
        }
        let positions = maps.each_ref().map(BaseMap::positions);
        for column in &columns {
            match *column {
                [Some(i), Some(j)] => prop_assert_eq!(positions[0][i], positions[1][j]),
                [Some(i), None] => prop_assert!(positions[0][i].is_none_or(|p| !positions[1].contains(&Some(p)))),
                [None, Some(j)] => prop_assert!(positions[1][j].is_none_or(|p| !positions[0].contains(&Some(p)))),
                [None, None] => prop_assert!(false, "an empty column"),
            }
        }
    }
}
