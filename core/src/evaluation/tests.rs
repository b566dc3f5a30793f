use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::io::allele_pairs_table::{PairRow, PairsTable};
use crate::model::metadata::HeldOut;
use crate::model::metadata::{LogBase, Scale, TargetScale};
use crate::training::split::part_of_group;

const WINDOW: usize = 30;

/// Activity in log2 that a toy network reads off a sequence: a quarter of its A.
fn activity(codes: &[u8]) -> f64 {
    0.25 * codes.iter().filter(|c| **c == 0).count() as f64
}

/// A model that adds `bias` to every ratio.
fn toy(bias: f64) -> impl FnMut(&[u8], &[u8]) -> Result<Vec<[f64; 4]>> {
    move |hap1: &[u8], hap2: &[u8]| {
        let pairs = hap1.chunks(WINDOW).zip(hap2.chunks(WINDOW));
        Ok(pairs
            .map(|(a, b)| {
                let (a, b) = (activity(a), activity(b));
                [a, b, a - b + bias, b - a + bias]
            })
            .collect())
    }
}

/// Pairs in groups of two, measured as `measure` makes of the activities, in log2.
fn pairs(n: usize, mut measure: impl FnMut(f64, f64) -> [f64; 2], sd: Option<f64>) -> Examples {
    let mut chance = ChaCha8Rng::seed_from_u64(11);
    let rows = (0..n)
        .map(|i| {
            let bases = |chance: &mut ChaCha8Rng| -> Vec<u8> {
                (0..WINDOW).map(|_| b"ACGT"[chance.random_range(0..4)]).collect()
            };
            let a = bases(&mut chance);
            // One in ten has two equal alleles.
            let b = if i % 10 == 3 { a.clone() } else { bases(&mut chance) };
            let count = |s: &[u8]| 0.25 * s.iter().filter(|c| **c == b'A').count() as f64;
            let values = measure(count(&a), count(&b));
            let (id, group) = (format!("p{i}"), Some(format!("g{}", i / 2)));
            let spread = sd.map(|sd| [sd; 2]);
            PairRow {
                id,
                allele_a: a,
                allele_b: b,
                values: Some(values),
                spread,
                group,
                weight: 1.0,
                line: i as u64 + 2,
            }
        })
        .collect();
    let scale = TargetScale { scale: Scale::Log2, pseudocount: 0.0, log_base: LogBase::Two };
    Examples::from_pairs(&PairsTable { path: "p.tsv".into(), rows }, WINDOW, &scale, &HeldOut::default()).unwrap()
}

fn options(part: Option<Part>) -> Options {
    Options { part, times: 100, seed: 1, edges: vec![0.5, 1.0, 2.0], kmer_ridge: None }
}

fn find<'a>(found: &'a Evaluation, section: &str, quantity: &str, case: &str, name: &str) -> &'a Row {
    let fits = |r: &&Row| r.section == section && r.quantity == quantity && r.case == case && r.name == name;
    found.rows.iter().find(fits).unwrap_or_else(|| panic!("no {section} {quantity} {case} {name}"))
}

fn value(found: &Evaluation, section: &str, case: &str, name: &str) -> f64 {
    find(found, section, "log2_ratio", case, name).value
}

#[test]
fn a_perfect_antisymmetric_model_passes_everything() {
    let examples = pairs(400, |a, b| [a, b], None);
    let found = evaluate(&examples, &[], &mut toy(0.0), &options(None)).unwrap();
    assert_eq!((found.windows, found.differing, found.units), (400, 360, 200));
    for quantity in QUANTITIES {
        let row = find(&found, "agreement", quantity, "all", "pearson");
        assert!(row.value > 1.0 - 1e-12 && row.low > 1.0 - 1e-12);
        assert_eq!(row.n, if quantity == "log2_ratio" { 360 } else { 400 });
        assert_eq!(find(&found, "agreement", quantity, "all", "mean_squared_error").value, 0.0);
    }
    let near = |value: f64, truth: f64| assert!((value - truth).abs() < 1e-9, "{value} against {truth}");
    near(value(&found, "calibration", "all", "slope"), 1.0);
    near(value(&found, "calibration", "all", "intercept"), 0.0);
    near(value(&found, "direction", "all", "right_sign"), 1.0);
    for case in ["identical_hap1", "identical_hap2", "swapped"] {
        near(value(&found, "controls", case, "largest_absolute"), 0.0);
    }
    near(value(&found, "controls", "antisymmetric", "pearson"), 1.0);
    // Another haplotype 2 leaves what haplotype 1 explains: half the variance.
    let shuffled = value(&found, "controls", "shuffled_partners", "pearson");
    assert!((shuffled - 0.5).abs() < 0.12, "{shuffled}");
    let deciles: Vec<f64> = (1..=10).map(|i| value(&found, "calibration", &i.to_string(), "mean_measured")).collect();
    assert!(deciles.windows(2).all(|d| d[0] <= d[1]));
}

#[test]
fn a_biased_model_is_found_out() {
    let examples = pairs(300, |a, b| [a, b], None);
    let found = evaluate(&examples, &[], &mut toy(0.3), &options(None)).unwrap();
    for (case, name, truth) in [
        ("identical_hap1", "mean_absolute", 0.3),
        ("identical_hap2", "largest_absolute", 0.3),
        ("swapped", "largest_absolute", 0.6),
        ("antisymmetric", "pearson", 1.0),
    ] {
        assert!((value(&found, "controls", case, name) - truth).abs() < 1e-9, "{case} {name}");
    }
    assert!((value(&found, "calibration", "all", "intercept") + 0.3).abs() < 1e-9);
}

#[test]
fn only_the_part_asked_for_is_evaluated() {
    let examples = pairs(300, |a, b| [a, b], None);
    for part in [Part::Train, Part::Validation, Part::Test] {
        let found = evaluate(&examples, &[], &mut toy(0.0), &options(Some(part))).unwrap();
        let n = (0..300).filter(|i| part_of_group(&format!("g{}", i / 2)) == part).count();
        assert!(n > 0 && found.windows == n);
        assert_eq!(found.points.clone().map(|p| p.len()), [n, n, found.differing]);
    }
}

#[test]
fn noise_of_known_size_gives_the_ceiling() {
    let mut chance = ChaCha8Rng::seed_from_u64(5);
    let mut normal = || (0..12).map(|_| chance.random::<f64>()).sum::<f64>() - 6.0;
    let examples = pairs(4000, |a, b| [a + 0.5 * normal(), b + 0.5 * normal()], Some(0.5));
    let found = evaluate(&examples, &[], &mut toy(0.0), &Options { times: 0, ..options(None) }).unwrap();
    let of = |name: &str| value(&found, "ceiling", "spread", name);
    assert!((of("noise_variance") - 0.5).abs() < 1e-9);
    // The toy model knows the truth: it reaches the ceiling, within the chance of 3,600 pairs.
    assert!((of("share_reached") - 1.0).abs() < 0.02, "{}", of("share_reached"));
    let reached = value(&found, "agreement", "all", "pearson");
    assert!((of("ceiling") - reached).abs() < 0.02);
    assert!((find(&found, "ceiling", "hap1", "spread", "noise_variance").value - 0.25).abs() < 1e-9);
}

#[test]
fn a_replicate_gives_the_ceiling() {
    let mut chance = ChaCha8Rng::seed_from_u64(6);
    let mut normal = || (0..12).map(|_| chance.random::<f64>()).sum::<f64>() - 6.0;
    let examples = pairs(3000, |a, b| [a + 0.5 * normal(), b + 0.5 * normal()], None);
    let again = |i: usize| {
        let (a, b) = examples.codes(i);
        let [a, b] = [activity(a), activity(b)].map(|v| v + 0.5 * normal());
        // One in three is missing there.
        (!i.is_multiple_of(3)).then_some([a, b, a - b])
    };
    let measured: Vec<_> = (0..3000).map(again).collect();
    let replicates = [Replicate { name: "two".into(), measured }];
    let found = evaluate(&examples, &replicates, &mut toy(0.0), &Options { times: 0, ..options(None) }).unwrap();
    let of = |name: &str| value(&found, "ceiling", "replicate_two", name);
    assert!((of("ceiling").powi(2) - of("pearson_between")).abs() < 1e-12);
    assert!((of("share_reached") - 1.0).abs() < 0.03, "{}", of("share_reached"));
    assert_eq!(find(&found, "ceiling", "hap1", "replicate_two", "ceiling").n, 2000);
}

#[test]
fn traits_that_explain_the_ratio_are_found() {
    let mut examples = pairs(400, |a, b| [a, b], None);
    for i in 0..400 {
        examples.traits[i].length = (i % 9) as f64;
        examples.measured[i][2] = 3.0 - 0.5 * (i % 9) as f64;
    }
    let found = evaluate(&examples, &[], &mut toy(0.0), &options(Some(Part::Test))).unwrap();
    assert!((value(&found, "controls", "length_difference", "pearson") - 1.0).abs() < 1e-9);
    assert!(value(&found, "controls", "variants", "pearson").abs() < 0.5);
    // Designed pairs have no reference to count records from.
    assert!(value(&found, "controls", "variants_signed", "pearson").is_nan());
    assert!(found.notes.iter().any(|n| n.contains("variants_signed")), "{:?}", found.notes);
    let unknown = Examples { parts: vec![None; 400], ..examples };
    let found = evaluate(&unknown, &[], &mut toy(0.0), &options(None)).unwrap();
    assert!(value(&found, "controls", "length_difference", "pearson").is_nan());
    assert!(found.notes.iter().any(|n| n.contains("no training windows")), "{:?}", found.notes);
}

#[test]
fn the_ridge_learns_what_is_linear_and_says_when_it_cannot() {
    let mut examples = pairs(2000, |a, b| [a, b], None);
    // A and T alike: what both strands have is all that the ridge knows.
    for i in 0..2000 {
        let count = |codes: &[u8]| 0.2 * codes.iter().filter(|c| **c == 0 || **c == 3).count() as f64;
        let (a, b) = examples.codes(i);
        let [a, b] = [count(a), count(b)];
        examples.measured[i] = [a, b, a - b];
    }
    let with = Options { kmer_ridge: Some(2), times: 50, ..options(Some(Part::Test)) };
    let found = evaluate(&examples, &[], &mut toy(0.0), &with).unwrap();
    assert!(value(&found, "kmer_ridge", "all", "pearson") > 0.95);
    let less = find(&found, "kmer_ridge", "log2_ratio", "all", "pearson_of_model_less_ridge");
    let difference = value(&found, "agreement", "all", "pearson") - value(&found, "kmer_ridge", "all", "pearson");
    assert!(
        (less.value - difference).abs() < 1e-12 && less.low <= less.value && less.value <= less.high && less.high < 0.0
    );
    let unknown = Examples { parts: vec![None; 2000], ..examples };
    let found = evaluate(&unknown, &[], &mut toy(0.0), &Options { part: None, ..with }).unwrap();
    assert!(value(&found, "kmer_ridge", "all", "pearson").is_nan());
    assert!(found.notes.iter().any(|n| n.contains("k-mer ridge")));
}

#[test]
fn the_same_again_and_other_intervals_of_another_seed() {
    let mut turn = 0;
    let examples = pairs(
        300,
        |a, b| {
            turn += 1;
            [a + f64::from(turn % 7) / 7.0, b]
        },
        None,
    );
    let run = |seed: u64, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let chosen = Options { seed, ..options(None) };
        let found = pool.install(|| evaluate(&examples, &[], &mut toy(0.0), &chosen).unwrap());
        format!("{:?}", found.rows)
    };
    assert_eq!(run(1, 1), run(1, 3));
    assert_ne!(run(1, 1), run(2, 1));
}

#[test]
fn partners_come_from_other_groups() {
    let examples = pairs(300, |a, b| [a, b], None);
    // A model whose output shows which haplotype 2 it read: its first eight bases as a number.
    let number = |codes: &[u8]| codes[..8].iter().fold(0.0, |n, &c| n * 4.0 + f64::from(c));
    let mut seen = Vec::new();
    let mut model = |hap1: &[u8], hap2: &[u8]| -> Result<Vec<[f64; 4]>> {
        let pairs = hap1.chunks(WINDOW).zip(hap2.chunks(WINDOW));
        seen.extend(pairs.clone().map(|(a, b)| (a.to_vec(), b.to_vec())));
        Ok(pairs.map(|(a, b)| [number(a), number(b), 0.0, 0.0]).collect())
    };
    evaluate(&examples, &[], &mut model, &options(None)).unwrap();
    let shuffled = &seen[900..];
    assert_eq!(shuffled.len(), 270);
    let group_of = |codes: &[u8], second: bool| {
        let of = |i: &usize| if second { examples.codes(*i).1 == codes } else { examples.codes(*i).0 == codes };
        (0..300).find(of).map(|i| i / 2).unwrap()
    };
    let mut used: Vec<&Vec<u8>> = shuffled.iter().map(|s| &s.1).collect();
    for (a, b) in shuffled {
        assert_ne!(group_of(a, false), group_of(b, true));
    }
    used.sort();
    used.dedup();
    assert_eq!(used.len(), 270, "every haplotype 2 is used once");
}

#[test]
fn windows_without_a_difference_leave_the_ratio_without_figures() {
    let mut examples = pairs(20, |a, b| [a, b], None);
    examples.hap2 = examples.hap1.clone();
    let found = evaluate(&examples, &[], &mut toy(0.0), &options(None)).unwrap();
    assert!(value(&found, "agreement", "all", "pearson").is_nan());
    assert!(value(&found, "direction", "all", "right_sign").is_nan());
    assert!(value(&found, "controls", "shuffled_partners", "pearson").is_nan());
    assert!(found.notes.iter().any(|n| n.contains("no ratio")), "{:?}", found.notes);
}
