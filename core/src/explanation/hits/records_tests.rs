use super::*;
use crate::explanation::attributions::base_map::BaseMap;
use crate::genome::{HaplotypePiece, PiecePlace};

/// Reference ACGTACGTACGT at 100; the second allele has G at 102, GG inserted before 104 and lacks 106 and 107.
fn pair() -> SitePair {
    let reference = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3];
    let other = [0, 1, 0, 3, 2, 2, 0, 1, 0, 1, 2, 3];
    let piece = |start, end, place| HaplotypePiece { start, end, place };
    let whole = vec![piece(0, 12, PiecePlace::Reference(100))];
    let pieces = vec![
        piece(0, 4, PiecePlace::Reference(100)),
        piece(4, 6, PiecePlace::Inserted),
        piece(6, 8, PiecePlace::Reference(104)),
        piece(8, 12, PiecePlace::Reference(108)),
    ];
    let maps = [BaseMap::of_pieces(whole, 12), BaseMap::of_pieces(pieces, 12)];
    let values = [vec![1.0; 12], vec![0.5; 12]];
    SitePair::new([&reference, &other], maps.each_ref(), Some(values))
}

#[test]
fn records_find_their_differences() {
    let pair = pair();
    assert_eq!(runs(pair.differing()), [2..3, 4..6, 8..10]);
    let names: Vec<String> = runs(pair.differing()).iter().map(|run| named(&pair, run)).collect();
    assert_eq!(names, ["103:G:A", "104:T:TGG", "106:CGT:C"]);
    let mut differences = Differences::default();
    differences.add("chr1", 7, &pair);
    differences.prepare();
    [(2, 5), (4, 6), (4, 9), (8, 6), (3, 1)].iter().for_each(|&(column, site)| differences.put(7, column, site));
    let find = |start, reference: &str, alternative: &str| {
        let found = differences.find("chr1", start, reference.as_bytes(), alternative.as_bytes());
        found.map(|found| (found.alternative, found.sites, found.attribution))
    };
    assert_eq!(find(102, "G", "A"), Some((1, vec![5], Some(-0.5))));
    // As the first allele has it: the other way round.
    assert_eq!(find(102, "A", "G"), Some((0, vec![5], Some(0.5))));
    assert_eq!(find(102, "G", "C"), None);
    assert_eq!(find(103, "T", "TGG"), Some((1, vec![6, 9], Some(1.0))));
    assert_eq!(find(103, "TA", "TGGA"), Some((1, vec![6, 9], Some(1.0))));
    assert_eq!(find(103, "T", "TGA"), None);
    assert_eq!(find(105, "CGT", "C"), Some((1, vec![6], Some(-2.0))));
    assert_eq!(find(105, "CG", "C"), None);
    // Several differences in one record.
    assert_eq!(find(101, "CGTA", "CATGGA"), Some((1, vec![5, 6, 9], Some(0.5))));
    assert_eq!(find(100, "A", "C"), None);
    assert_eq!(differences.find("chr2", 102, b"G", b"A"), None);
}
