use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use super::*;
use crate::io::text_input::open_text;
use crate::motifs::read_motifs;
use ndarray::Array2;
use proptest::prelude::*;

/// A motif of columns given by the weights of their bases.
pub fn motif(rows: &[[f64; 4]]) -> Motif {
    let matrix = Array2::from_shape_fn((rows.len(), 4), |(i, b)| rows[i][b] / rows[i].iter().sum::<f64>());
    Motif::new("x", matrix).unwrap()
}

/// A motif whose columns have almost only the letters of `best`.
pub fn exact(best: &str) -> Motif {
    let rows: Vec<[f64; 4]> = best
        .bytes()
        .map(|letter| std::array::from_fn(|b| if b == usize::from(code(letter)) { 0.97 } else { 0.01 }))
        .collect();
    motif(&rows)
}

/// Every window scored by itself.
pub fn brute_force(motifs: &[Motif], options: ScanOptions, sequence: &[u8]) -> Vec<Hit> {
    let codes: Vec<u8> = sequence.iter().map(|&letter| code(letter)).collect();
    let mut hits = Vec::new();
    for (place, motif) in motifs.iter().enumerate() {
        let forward = LogOdds::new(motif);
        let reverse = LogOdds::new(&motif.reverse_complement());
        for (strand, scores) in [(Strand::Forward, &forward), (Strand::Reverse, &reverse)] {
            for start in 0..(codes.len() + 1).saturating_sub(scores.width()) {
                let score = scores.score(&codes[start..]);
                let p_value = scores.p_value(score);
                let skipped = strand == Strand::Reverse && !options.both_strands;
                if !skipped && scores.cut(options.threshold).is_some_and(|cut| score > cut) {
                    hits.push(Hit { motif: place, start, end: start + scores.width(), strand, score, p_value });
                }
            }
        }
    }
    hits.sort_by(Hit::order);
    hits
}

pub fn motifs() -> impl Strategy<Value = Vec<Motif>> {
    let row = [0.0..1.0f64, 0.001..1.0f64, 0.0..1.0f64, 0.0..0.1f64];
    prop::collection::vec(prop::collection::vec(row, 1..14).prop_map(|rows| motif(&rows)), 1..4)
}

pub fn options() -> impl Strategy<Value = ScanOptions> {
    let threshold = prop_oneof![Just(1e-4), Just(1e-2), Just(0.2), Just(1.0)];
    (threshold, any::<bool>()).prop_map(|(threshold, both_strands)| ScanOptions { threshold, both_strands })
}

#[test]
fn a_site_on_each_strand() {
    let found = Scanner::new(&[exact("GATTACAT")], ScanOptions::default()).unwrap();
    let hits = &found.scan(&["ccGATTACATgg", "NNATGTAATCA", "GATTACNT", "GNNNACNT", "GATTACA", ""]);
    let places: Vec<Vec<_>> =
        hits.iter().map(|h| h.iter().map(|h| (h.start, h.end, h.strand.symbol())).collect()).collect();
    assert_eq!(places, [vec![(2, 10, '+')], vec![(2, 10, '-')], vec![(0, 8, '+')], vec![], vec![], vec![]]);
    assert_eq!(hits[0][0].score, hits[1][0].score);
    assert_eq!(hits[0][0].p_value, 0.25f64.powi(8));
}

#[test]
fn motifs_without_possible_hits_are_named() {
    let motifs = ["ACGTAC", "ACGTACG", "ACGT"].map(exact);
    let scanner = Scanner::new(&motifs, ScanOptions::default()).unwrap();
    assert_eq!(scanner.unreachable(), [0, 2]);
    assert_eq!(scanner.scan(&["ACGTACGTACG"])[0].len(), 3);
    let all = Scanner::new(&motifs, ScanOptions { threshold: 0.01, both_strands: true }).unwrap();
    assert!(all.unreachable().is_empty());
    for threshold in [0.0, -1.0, 1.01, f64::NAN] {
        assert!(Scanner::new(&motifs, ScanOptions { threshold, both_strands: true }).is_err());
    }
}

#[test]
fn long_sequences_are_scanned_in_pieces() {
    // A site across every border of pieces, and one on a border of chunks.
    let mut sequence = vec![b'T'; 3 * BATCH + 77];
    let starts = [CHUNK - 3, BATCH - 8, BATCH, 2 * BATCH - 1, 3 * BATCH - 4, 3 * BATCH + 69];
    starts.iter().for_each(|&start| sequence[start..start + 8].copy_from_slice(b"GATTACAC"));
    let motifs = [exact("GATTACAC"), exact("GTGTAATC")];
    let scanner = Scanner::new(&motifs, ScanOptions::default()).unwrap();
    let short = vec![b'A'; 20];
    let found = scanner.scan(&[&short[..], &sequence, &short]);
    assert!(found[0].is_empty() && found[2].is_empty());
    let places: Vec<usize> = found[1].iter().map(|hit| hit.start).collect();
    assert_eq!(places, starts.iter().flat_map(|&s| [s, s]).collect::<Vec<_>>());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    assert_eq!(pool.install(|| scanner.scan(&[&short[..], &sequence, &short])), found);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn as_every_window_scored_exactly(
        motifs in motifs(), options in options(), sequences in prop::collection::vec("[ACGTNacgtnR]{0,60}", 0..4),
    ) {
        let found = Scanner::new(&motifs, options).unwrap().scan(&sequences);
        let expected: Vec<_> = sequences.iter().map(|s| brute_force(&motifs, options, s.as_bytes())).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn only_hits_that_touch(
        motifs in motifs(), options in options(), sequence in "[ACGTN]{0,40}",
        mut ends in prop::collection::vec(0..40usize, 0..8),
    ) {
        ends.sort_unstable();
        let ranges: Vec<_> = ends.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
        let part = Touching { sequence: sequence.as_bytes(), ranges: &ranges };
        let found = Scanner::new(&motifs, options).unwrap().scan_touching(&[part]).remove(0);
        let mut expected = brute_force(&motifs, options, sequence.as_bytes());
        expected.retain(|hit| ranges.iter().any(|r| hit.start < r.end && hit.end > r.start));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn as_memelite() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../test-data/motifs"));
    let lines = |name: &str| open_text(&folder.join(name)).unwrap().lines().map(|line| line.unwrap());
    let motifs = read_motifs(&folder.join("jaspar2020_subset.meme")).unwrap();
    let sequences: Vec<String> = lines("sequences.txt.gz").collect();
    assert!(sequences.iter().any(|sequence| sequence.contains('N')));
    let scanner = Scanner::new(&motifs, ScanOptions::default()).unwrap();
    let mut found = HashMap::new();
    for (sequence, hits) in scanner.scan(&sequences).iter().enumerate() {
        assert!(hits.is_sorted_by(|a, b| a.order(b).is_lt()));
        for hit in hits {
            let key = format!("{sequence}\t{}\t{}\t{}\t{}", hit.start, hit.end, hit.motif, hit.strand.symbol());
            found.insert(key, *hit);
        }
    }
    let mut without_p = 0;
    for line in lines("fimo.tsv.gz").skip(1) {
        let columns: Vec<&str> = line.rsplitn(3, '\t').collect();
        let hit = found.remove(columns[2]).unwrap_or_else(|| panic!("{line} is not found"));
        let [p, score] = [0, 1].map(|i| columns[i].parse::<f64>().unwrap());
        assert!((hit.score - score).abs() < 1e-12, "{line}: {hit:?}");
        if p > 0.0 {
            assert!((hit.p_value / p - 1.0).abs() < 1e-12, "{line}: {hit:?}");
        } else {
            // The score rounds to more than all rounded scores together: the best sequences of the motif.
            let scores = LogOdds::new(&motifs[hit.motif]);
            assert_eq!(hit.p_value, scores.least_p_value(), "{line}");
            without_p += 1;
        }
    }
    assert!(found.is_empty(), "memelite does not find {found:?}");
    assert!(without_p > 0);
    // No sequence is rare enough for motifs of six bases.
    let short: Vec<usize> = (0..motifs.len()).filter(|&i| motifs[i].width() < 7).collect();
    assert!(!short.is_empty() && short.iter().all(|i| scanner.unreachable().contains(i)));
}
