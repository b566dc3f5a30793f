use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::explanation::attributions::base_map::BaseMap;
use crate::explanation::hits::pair::tests::designed;
use crate::genome::{HaplotypePiece, PiecePlace};

/// A motif of one sequence.
fn exact(consensus: &str) -> Motif {
    let matrix = Array2::from_shape_fn((consensus.len(), 4), |(i, b)| f64::from(b"ACGT"[b] == consensus.as_bytes()[i]));
    Motif::new(consensus, matrix).unwrap()
}

/// The last base may be any, but T is best and A next.
fn graded() -> Motif {
    let matrix = Array2::from_shape_fn((8, 4), |(i, b)| match i {
        7 => [0.3, 0.1, 0.1, 0.5][b],
        i => f64::from(b"ACGT"[b] == b"GATTACCT"[i]),
    });
    Motif::new("graded", matrix).unwrap()
}

fn states(motifs: &[Motif], threshold: f64, a: &str, b: &str) -> Vec<(State, Range<usize>, Option<usize>)> {
    let finder = InstanceFinder::new(motifs, threshold).unwrap();
    let found = finder.find(&[designed(a, b)]).unwrap().remove(0);
    found.into_iter().map(|instance| (instance.state, instance.columns, instance.change)).collect()
}

#[test]
fn states_of_a_site() {
    let flanks = |site: &str| format!("CCGCGGCGCCGC{site}CGCCGGCGGGCC");
    let (t, a) = (flanks("GATTACCT"), flanks("GATTACCA"));
    let graded = [graded()];
    assert_eq!(states(&graded, 1e-4, &t, &t), [(State::Kept, 12..20, None)]);
    assert_eq!(states(&graded, 1e-4, &t, &a), [(State::Weakened, 12..20, Some(19))]);
    assert_eq!(states(&graded, 1e-4, &a, &t), [(State::Strengthened, 12..20, Some(19))]);
    // C and G are equally good.
    assert_eq!(states(&graded, 1e-4, &flanks("GATTACCC"), &flanks("GATTACCG")), [(State::Kept, 12..20, Some(19))]);
    assert_eq!(states(&graded, 1e-4, &flanks("GATTGCCT"), &t), [(State::Created, 12..20, Some(16))]);
    assert_eq!(states(&graded, 1e-4, &t, &flanks("GATTGCCT")), [(State::Destroyed, 12..20, Some(16))]);
    // Two changes in one site are one change.
    assert_eq!(states(&graded, 1e-4, &t, &flanks("GCTTACCA")), [(State::Destroyed, 12..20, Some(13))]);
    // A base less in the site.
    assert_eq!(states(&graded, 1e-4, &t, &flanks("GATTCCT")), [(State::Destroyed, 12..20, Some(16))]);
    assert_eq!(states(&[exact("GATTACA")], 1e-4, "CCGCGGC", "CCGCGAC"), []);
}

#[test]
fn a_site_moves_with_an_indel() {
    let (a, b) = ("CCGCGGCGTATATATATACGCCGGCGGGCC", "CCGCGGCGTATATATATATACGCCGGCGGGCC");
    let found = states(&[exact("TATATATATA")], 1e-5, a, b);
    // One site on each strand of the first allele, two in the second.
    assert_eq!(found.len(), 4, "{found:?}");
    let of_first = found.iter().filter(|(state, ..)| *state != State::Created).count();
    assert_eq!(of_first, 2, "{found:?}");
    // GATTACA is inserted within the site: the second allele has the site at its end.
    let [a, b] = ["CCGCGATTACATTGGCG", "CCGCGATTACAGATTACATTGGCG"]
        .map(|letters| -> Vec<u8> { letters.bytes().map(crate::motifs::scan::code).collect() });
    let piece = |start, end, place| HaplotypePiece { start, end, place };
    let pieces = vec![
        piece(0, 11, PiecePlace::Reference(0)),
        piece(11, 18, PiecePlace::Inserted),
        piece(18, 24, PiecePlace::Reference(11)),
    ];
    let maps = [BaseMap::without_reference(17), BaseMap::of_pieces(pieces, 24)];
    let pair = SitePair::new([&a, &b], maps.each_ref(), None);
    let finder = InstanceFinder::new(&[exact("GATTACATT")], 1e-5).unwrap();
    let found = finder.find(&[pair]).unwrap().remove(0);
    let shown: Vec<_> = found.iter().map(|i| (i.state, i.columns.clone(), i.change)).collect();
    assert_eq!(shown, [(State::Moved, 4..20, Some(11))]);
}

#[test]
fn the_other_allele_has_its_score() {
    let finder = InstanceFinder::new(&[exact("GATTACCT")], 1e-4).unwrap();
    let pair = designed("CCGCGGCGCCGCGATTACCTCGCCGGCGGGCC", "CCGCGGCGCCGCGATTGCCTCGCCGGCGGGCC");
    let found = finder.find(&[pair]).unwrap().remove(0).remove(0);
    let [one, two] = found.sites.clone().map(Option::unwrap);
    assert!(one.is_hit && !two.is_hit && one.offsets == two.offsets && two.score < one.score - 10.0);
    assert_eq!(found.best_p(), one.p_value);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Every hit of either allele is in exactly one instance, and exchanging the alleles reverses the states.
    #[test]
    fn nothing_is_lost(
        a in "[ACGT]{25,60}", at in any::<prop::sample::Index>(), removed in 0usize..6, inserted in "[ACGT]{0,6}",
    ) {
        let at = at.index(a.len() - 6);
        let b = [&a[..at], &inserted, &a[at + removed..]].concat();
        let motifs = [exact("GAT"), exact("TATA"), exact("AC")];
        let finder = InstanceFinder::new(&motifs, 0.2).unwrap();
        let pair = designed(&a, &b);
        let other = designed(&b, &a);
        let found = finder.find(&[pair.clone(), other]).unwrap();
        for allele in 0..2 {
            let letters = pair.letters(allele);
            let common = pair.common();
            let scanner = Scanner::new(&motifs, ScanOptions { threshold: 0.2, both_strands: true }).unwrap();
            let hits = scanner.scan(&[letters]).remove(0);
            let mut expected: Vec<_> = hits
                .iter()
                .filter(|h| pair.column(allele, h.start) >= common.start && pair.column(allele, h.end - 1) < common.end)
                .map(|h| (h.start, h.motif, h.strand))
                .collect();
            let mut own: Vec<_> = found[0]
                .iter()
                .filter_map(|i| i.sites[allele].as_ref().filter(|s| s.is_hit).map(|s| (s.offsets.start, i.motif, i.strand)))
                .collect();
            expected.sort_unstable();
            own.sort_unstable();
            prop_assert_eq!(own, expected);
        }
        for instance in &found[0] {
            prop_assert!(instance.change.is_some() || instance.state == State::Kept);
        }
        // The aligner may place gaps elsewhere when alleles are exchanged; of replaced bases alone it cannot.
        if removed == inserted.len() {
            let reversed: Vec<_> = found[1].iter().map(|i| (i.columns.clone(), i.motif, i.strand, i.state.reversed())).collect();
            let own: Vec<_> = found[0].iter().map(|i| (i.columns.clone(), i.motif, i.strand, i.state)).collect();
            if pair.len() == a.len() {
                prop_assert_eq!(own, reversed);
            }
        }
    }
}
