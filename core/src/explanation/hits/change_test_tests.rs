use ndarray::Array2;
use proptest::prelude::*;
use rand::Rng;

use super::*;
use crate::explanation::attributions::base_map::BaseMap;
use crate::explanation::hits::background::{Background, PoolBuilder};
use crate::explanation::hits::pair::SitePair;
use crate::genome::{HaplotypePiece, PiecePlace};
use crate::stats::shuffle::shuffle_dinucleotides;

/// A motif that prefers `consensus`, with columns of different weight.
fn motif(name: &str, consensus: &str) -> Motif {
    let consensus = consensus.as_bytes();
    let matrix = Array2::from_shape_fn((consensus.len(), 4), |(i, base)| {
        let strong = 0.55 + 0.4 * (i * 7 % 5) as f64 / 4.0;
        if b"ACGT"[base] == consensus[i] {
            strong
        } else {
            (1.0 - strong) / 3.0
        }
    });
    Motif::new(name, matrix).unwrap()
}

fn motifs() -> Vec<Motif> {
    [("a", "GATTACAGG"), ("b", "TGACTCATTT"), ("c", "CCACTAGAGGGC"), ("d", "GGGGCGGGA")]
        .map(|(name, consensus)| motif(name, consensus))
        .into()
}

/// Regions with unequal dinucleotides, shuffled.
fn regions(count: usize, random: &mut ChaCha8Rng) -> Vec<Vec<u8>> {
    let one = |random: &mut ChaCha8Rng| -> Vec<u8> {
        let mut codes = vec![0u8];
        for i in 1..330 {
            let last = codes[i - 1];
            codes.push(match random.random_range(0..10) {
                0..3 => last,
                3 => 2,
                4..6 => 3 - last,
                _ => random.random_range(0..4),
            });
        }
        shuffle_dinucleotides(&codes, random)
    };
    (0..count).map(|_| one(random)).collect()
}

/// The pair of `codes` and the same with `deleted` bases at `at` replaced by `inserted`.
fn edited(codes: &[u8], at: usize, deleted: usize, inserted: &[u8]) -> SitePair {
    let other = [&codes[..at], inserted, &codes[at + deleted..]].concat();
    let piece = |start, end, place| HaplotypePiece { start, end, place };
    let same = inserted.len().min(deleted);
    let mut pieces = vec![piece(0, at + same, PiecePlace::Reference(0))];
    if inserted.len() > same {
        pieces.push(piece(at + same, at + inserted.len(), PiecePlace::Inserted));
    }
    pieces.push(piece(at + inserted.len(), other.len(), PiecePlace::Reference((at + deleted) as u64)));
    let maps = [BaseMap::without_reference(codes.len()), BaseMap::of_pieces(pieces, other.len())];
    SitePair::new([codes, &other], maps.each_ref(), None)
}

/// With a pool as it is for `expected` motifs.
fn test(motifs: &[Motif], expected: usize, pairs: &[SitePair], seed: u64) -> ChangeTests {
    let widest = motifs.iter().map(Motif::width).max().unwrap();
    let mut pool = PoolBuilder::new(Background::Both, expected, 330 * pairs.len(), seed);
    let mut loci = Vec::new();
    for (number, pair) in pairs.iter().enumerate() {
        pool.add(pair.codes(0));
        loci.extend(Locus::of(number as u32, pair, widest));
    }
    test_changes(motifs, &loci, &pool.finish(), 1e-3, seed)
}

/// How p are distributed: the number of tests, the share of p <= .05, and how far the share of p <= t is above and below t
/// at most, for the t up to .9 that p can have.
fn calibration(tests: &ChangeTests) -> (f64, f64, [f64; 2]) {
    let n = tests.tests as f64;
    let (mut below, mut rejected, mut off) = (0, 0, [0.0f64; 2]);
    for (p, count) in tests.p_values().filter(|(p, _)| *p <= 0.9) {
        below += count;
        let above = below as f64 / n - p;
        off = [off[0].max(above), off[1].max(-above)];
        rejected += if p <= 0.05 { count } else { 0 };
    }
    (n, rejected as f64 / n, off)
}

/// The 1 % point of Kolmogorov's distribution, times the root of the number of values.
const LARGEST: f64 = 1.63;

#[test]
fn p_of_random_changes_is_uniform() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let regions = regions(2500, &mut random);
    // Away from the ends every placement is gone through; near them there are fewer windows, and places are drawn.
    for (transition, near_end) in [(true, false), (false, false), (false, true)] {
        let pairs: Vec<SitePair> = regions
            .iter()
            .map(|codes| {
                // Shuffling keeps the first base, which is no random one.
                let codes = if near_end { &codes[7..] } else { &codes[..] };
                let at = if near_end { random.random_range(0..6) } else { random.random_range(12..codes.len() - 12) };
                let to = codes[at] ^ if transition { 2 } else { [1, 3][random.random_range(0..2)] };
                edited(codes, at, 1, &[to])
            })
            .collect();
        match near_end {
            true => check_drawn("near the end", &pairs),
            // One motif after the other: sites of several are not independent.
            false => motifs().into_iter().for_each(|motif| {
                let (n, share, [above, below]) = calibration(&test(&[motif], 1, &pairs, 1));
                assert_eq!(n, 2500.0);
                assert!((0.04..=0.06).contains(&share), "transition {transition}: {share}");
                assert!(above.max(below) * n.sqrt() < LARGEST, "transition {transition}: {above} {below}");
            }),
        }
    }
    let pairs: Vec<SitePair> = regions
        .iter()
        .map(|codes| {
            let (at, size) = (random.random_range(20..300), random.random_range(1..=10));
            match random.random() {
                true => edited(codes, at, size, &[]),
                // As frequent as the bases of the regions are.
                false => {
                    let from = random.random_range(0..codes.len() - size);
                    edited(&[&codes[..at], &codes[at + size..]].concat(), at, 0, &codes[from..from + size])
                }
            }
        })
        .collect();
    check_drawn("indels", &pairs);
}

/// Of changes whose placements are drawn. Their classes have different p near 1, where many statistics are 0: between those
/// of one class, the share of smaller p is less than p. It must not be more.
fn check_drawn(what: &str, pairs: &[SitePair]) {
    let (mut all, mut rejected) = (0.0, 0.0);
    for motif in motifs() {
        let (n, share, [above, below]) = calibration(&test(&[motif], 1, pairs, 1));
        println!("{what}: {share} {above} {below}");
        assert!(n > 2400.0 && above * n.sqrt() < LARGEST, "{what}: {above} of {n}");
        (all, rejected) = (all + n, rejected + share * n);
    }
    let share = rejected / all;
    assert!((0.04..=0.06).contains(&share), "{what}: {share} of {all}");
}

#[test]
fn few_null_runs_have_a_significant_change() {
    let mut significant = 0;
    for seed in 0..60 {
        let mut random = ChaCha8Rng::seed_from_u64(100 + seed);
        let pairs: Vec<SitePair> = regions(40, &mut random)
            .iter()
            .map(|codes| {
                let at = random.random_range(12..300);
                match random.random_range(0..3) {
                    0 => edited(codes, at, random.random_range(1..6), &[]),
                    _ => edited(codes, at, 1, &[(codes[at] + random.random_range(1..4)) % 4]),
                }
            })
            .collect();
        let tests = test(&motifs(), 1000, &pairs, seed);
        let p: Vec<(f64, u64)> = tests.p_values().collect();
        significant += usize::from(q_values(&p).iter().any(|q| *q < 0.05));
    }
    // The 99 % point of a binomial of 60 with probability .05.
    assert!(significant <= 8, "{significant} of 60");
}

#[test]
fn a_broken_site_is_significant_and_order_and_seed_do_not_matter() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let site = b"TGACTCATTT".map(crate::motifs::scan::code);
    let mut pairs: Vec<SitePair> =
        regions(40, &mut random).iter().map(|codes| edited(codes, 200, 1, &[codes[200] ^ 1])).collect();
    for (i, mut codes) in regions(20, &mut random).into_iter().enumerate() {
        codes.splice(100..110, site);
        pairs.push(match i % 2 {
            0 => edited(&codes, 102, 1, &[1]),
            _ => edited(&codes, 102, 3, &[]),
        });
    }
    let tests = test(&motifs()[1..2], 1000, &pairs, 1);
    for pair in 40..60 {
        let tested = tests.get(pair, 0, 102).unwrap();
        assert!(tested.p_value.unwrap() < 0.01 && tested.q_value.unwrap() < 0.05, "{pair} {tested:?}");
        assert!(tested.log2_p[1] - tested.log2_p[0] > 4.0);
    }
    let tests = test(&motifs(), 1000, &pairs, 1);
    // Motifs in another order, and one thread.
    let mut others = motifs();
    others.reverse();
    let reversed = test(&others, 1000, &pairs, 1);
    assert_eq!(tests.p_values().collect::<Vec<_>>(), reversed.p_values().collect::<Vec<_>>());
    assert!(tests.get(41, 1, 102).is_some());
    assert_eq!(tests.get(41, 1, 102), reversed.get(41, 2, 102));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = pool.install(|| test(&motifs(), 1000, &pairs, 1));
    assert_eq!(tests.p_values().collect::<Vec<_>>(), alone.p_values().collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Every replaced base of a pool, tried one by one.
    #[test]
    fn p_of_a_replaced_base_counts_all(codes in prop::collection::vec(0u8..4, 60..120), at in 12usize..40, by in 1u8..4) {
        let motif = motif("x", "GATTACAGG");
        let mut builder = PoolBuilder::new(Background::Regions, 1, codes.len(), 1);
        builder.add(&codes);
        let pool = builder.finish();
        let pair = edited(&codes, at, 1, &[codes[at] ^ by]);
        let loci = Locus::of(0, &pair, 9);
        let scores = IntegerScores::new(&LogOdds::new(&motif), 0.9).unwrap();
        let tests = test_changes(&[motif], &loci, &pool, 0.9, 1);
        let log2_p = |codes: &[u8]| scores.log2_p(scores.best(codes));
        let statistic = |at: usize, by: u8| {
            let window = &codes[at - 8..at + 9];
            let mut changed = window.to_vec();
            changed[8] ^= by;
            log2_p(window).abs_diff(log2_p(&changed))
        };
        let own = statistic(at, by);
        let kinds: &[u8] = if by == 2 { &[2] } else { &[1, 3] };
        let all: Vec<u32> = (8..codes.len() - 8).flat_map(|i| kinds.iter().map(move |by| (i, *by))).map(|(i, by)| statistic(i, by)).collect();
        let k = all.iter().filter(|s| **s >= own).count();
        let expected = (k + 1) as f64 / (all.len() + 1) as f64;
        prop_assert_eq!(tests.p_values().collect::<Vec<_>>(), [(expected, 1)]);
    }
}
