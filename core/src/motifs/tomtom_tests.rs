use std::io::BufRead;
use std::path::Path;

use super::*;
use crate::io::text_input::open_text;
use crate::motifs::read_motifs;
use crate::motifs::scan::tests::{exact, motif};

#[test]
fn the_median_of_few_values() {
    assert_eq!(median(&[3.0; 4]), 3.0);
    assert_eq!(median(&[1.0, 5.0, 2.0]), 2.0);
    assert_eq!(median(&[1.0, 5.0, 2.0, 3.0]), 2.0);
    assert_eq!(median(&[0.0, 1.5, 1.625, 1000.0]), (1.5 + 1.625) / 2.0);
}

fn targets() -> Vec<Motif> {
    ["GATTACA", "CCGGTTAACC", "TTTT", "ACGTCCGA", "CACGTG", "GGGCGGG", "TGACTCA", "A"].map(exact).to_vec()
}

#[test]
fn a_motif_is_found_where_it_lies() {
    let tomtom = Tomtom::new(&targets(), TomtomOptions::default()).unwrap();
    let place = |query: &str, target: usize| {
        let found = tomtom.compare(&exact(query))[target];
        (found.offset, found.overlap, found.strand.symbol())
    };
    assert_eq!(place("GATTACA", 0), (0, 7, '+'));
    assert_eq!(place("TTACA", 0), (2, 5, '+'));
    assert_eq!(place("CCGATTACAC", 0), (-2, 7, '+'));
    assert_eq!(place("TGTAATC", 0), (0, 7, '-'));
    assert_eq!(place("CTGTAATCC", 0), (-1, 7, '-'));
    // A palindrome is equally good on both strands.
    assert_eq!(place("CACGTG", 4), (0, 6, '+'));
    let found = tomtom.compare(&exact("GATTACA"));
    assert!(found[1..].iter().all(|other| other.p_value > found[0].p_value && other.q_value >= found[0].q_value));
    assert_eq!(tomtom.compare_all(&[exact("GATTACA")]), [found]);
}

#[test]
fn one_strand_alone() {
    let options = TomtomOptions { both_strands: false, ..Default::default() };
    let found = Tomtom::new(&targets(), options).unwrap().compare(&exact("TGTAATC"));
    assert!(found.iter().all(|found| found.strand == Strand::Forward) && found[0].p_value > 0.1);
    assert!(Tomtom::new(&[], options).is_err());
}

#[test]
fn columns_that_are_all_alike() {
    let flat = motif(&[[1.0; 4]; 5]);
    for distance in Distance::ALL {
        let tomtom = Tomtom::new(std::slice::from_ref(&flat), TomtomOptions { distance, both_strands: true }).unwrap();
        let found = tomtom.compare(&flat)[0];
        assert_eq!((found.p_value, found.q_value), (1.0, 1.0), "{distance}");
    }
}

#[test]
fn correlation_finds_the_same_motifs() {
    let options = TomtomOptions { distance: Distance::Pearson, both_strands: true };
    let tomtom = Tomtom::new(&targets(), options).unwrap();
    for (i, query) in targets().iter().enumerate().filter(|(_, query)| query.width() > 4) {
        let found = tomtom.compare(query);
        let best = (0..found.len()).min_by(|&a, &b| found[a].p_value.total_cmp(&found[b].p_value));
        assert_eq!((best, found[i].overlap), (Some(i), query.width()));
    }
}

/// Every alignment of column `i` of the query with column `i + offset` of a target: score, overlap, offset, strand.
fn alignments(tomtom: &Tomtom, binned: &Binned, target: usize) -> Vec<(i32, usize, i64, char)> {
    let mut found = Vec::new();
    let n = binned.scores.len() as i64;
    for (columns, strand) in tomtom.targets[target].iter().zip(['+', '-']) {
        for offset in 1 - n..columns.len() as i64 {
            let pairs = (0..n).filter(|i| (0..columns.len() as i64).contains(&(i + offset)));
            let scores = pairs.map(|i| binned.scores[i as usize][columns.start + (i + offset) as usize]);
            let (count, sum) = scores.fold((0, 0), |(count, sum), score| (count + 1, sum + i32::from(score)));
            found.push((sum + n as i32 * binned.distributions.unaligned as i32, count, offset, strand));
        }
    }
    found
}

#[test]
fn as_memelite() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../test-data/motifs"));
    let motifs = read_motifs(&folder.join("jaspar2020_subset.meme")).unwrap();
    let tomtom = Tomtom::new(&motifs, TomtomOptions::default()).unwrap();
    let found = tomtom.compare_all(&motifs);
    let mut lines = open_text(&folder.join("tomtom.tsv.gz")).unwrap().lines().map(|line| line.unwrap());
    assert_eq!(lines.next().unwrap(), "query\ttarget\tp_value\tscore\toffset\toverlap\tstrand");
    let mut unique = 0;
    for (query, matches) in found.iter().enumerate() {
        let binned = tomtom.binned(&motifs[query]);
        for (target, found) in matches.iter().enumerate() {
            let line = lines.next().unwrap();
            let golden: Vec<&str> = line.split('\t').collect();
            assert_eq!((golden[0], golden[1]), (&*query.to_string(), &*target.to_string()));
            let p: f64 = golden[2].parse().unwrap();
            assert!((found.p_value - p).abs() <= 1e-9 * p, "{line}: {found:?}");
            assert_eq!(found.score.to_string(), golden[3], "{line}");
            let place = (golden[5].parse().unwrap(), golden[4].parse().unwrap(), golden[6].parse().unwrap());
            let own = (found.overlap, found.offset, found.strand.symbol());
            let all = alignments(&tomtom, &binned, target);
            let best: Vec<_> = all.iter().filter(|a| a.0 == found.score as i32).map(|a| (a.1, a.2, a.3)).collect();
            assert_eq!(all.iter().map(|a| a.0).max(), Some(found.score as i32));
            assert!(best.contains(&place) && best.contains(&own), "{line}: {found:?}, {best:?}");
            unique += usize::from(best.len() == 1);
            // Forward first, then the largest overlap, then the first.
            let strand = best.iter().filter(|a| a.2 == own.2);
            assert!(own.2 == '+' || best.iter().all(|a| a.2 == '-'));
            assert_eq!(strand.map(|a| (std::cmp::Reverse(a.0), a.1)).min(), Some((std::cmp::Reverse(own.0), own.1)));
        }
    }
    assert!(lines.next().is_none() && unique > 2000, "{unique} with one best alignment");
    for (i, matches) in found.iter().enumerate() {
        assert!(matches.iter().all(|other| other.p_value >= matches[i].p_value));
    }
    // The second best of CTCF.
    let place = |name: &str| motifs.iter().position(|motif| motif.name() == name).unwrap();
    let (ctcf, ctcfl) = (place("CTCF"), place("CTCFL"));
    assert!((0..motifs.len()).all(|i| i == ctcf || found[ctcf][i].p_value >= found[ctcf][ctcfl].p_value));
}
