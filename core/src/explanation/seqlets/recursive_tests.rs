use std::io::Read;
use std::path::Path;

use super::*;
use proptest::prelude::*;

/// The generator of scripts/make_seqlet_goldens.py.
struct Generator(u64);

impl Generator {
    fn draw(&mut self) -> i64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 48) as i64
    }
}

fn tracks(number: usize, seed: u64, bumps: usize) -> Vec<Vec<f64>> {
    const LENGTH: usize = 330;
    let mut from = Generator(seed);
    let track = |index: usize| {
        let noise: Vec<i64> = (0..LENGTH + 2).map(|_| from.draw() - from.draw() + from.draw() - from.draw()).collect();
        let mut track: Vec<i64> = match index % 2 {
            0 => noise[..LENGTH].iter().map(|v| 2 * v).collect(),
            _ => noise.windows(3).map(|three| three.iter().sum()).collect(),
        };
        for _ in 0..bumps {
            let width = 6 + (from.draw() % 12) as usize;
            let start = from.draw() as usize % (LENGTH - width);
            let height = 60_000 + 2 * from.draw();
            let sign = if from.draw() % 3 != 0 { 1 } else { -1 };
            track[start..start + width].iter_mut().for_each(|v| *v += sign * height);
        }
        track.into_iter().map(|v| (v >> 4) as f64 / 4096.0).collect()
    };
    (0..number).map(track).collect()
}

fn goldens() -> Vec<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data/seqlets/recursive.tsv.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| line.split('\t').map(String::from).collect()).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

fn agrees(name: &str, called: &[Seqlet], lines: &[Vec<String>]) {
    let sign = if name == "negative" { -1.0 } else { 1.0 };
    let mut wanted: Vec<Seqlet> = lines
        .iter()
        .filter(|line| line[0] == "seqlet" && line[1] == name)
        .map(|line| {
            let [sequence, start, end] = [2, 3, 4].map(|i| line[i].parse::<usize>().unwrap());
            let mean = sign * number(&line[5]) / (end - start) as f64;
            Seqlet { sequence, start, end, mean, p_value: Some(number(&line[6])) }
        })
        .collect();
    sort(&mut wanted);
    let place = |s: &Seqlet| (s.sequence, s.start, s.end);
    assert_eq!(called.iter().map(place).collect::<Vec<_>>(), wanted.iter().map(place).collect::<Vec<_>>(), "{name}");
    let mut worst = 0.0f64;
    for (a, b) in called.iter().zip(&wanted) {
        assert!((a.mean - b.mean).abs() <= 1e-12 * b.mean.abs(), "{a:?} instead of {b:?}");
        worst = worst.max((a.p_value.unwrap() / b.p_value.unwrap() - 1.0).abs());
    }
    assert!(worst < 1e-9, "{name}: p-values differ by {worst}");
}

#[test]
fn seqlets_of_tangermeme() {
    let lines = goldens();
    let (values, control) = (tracks(40, 1, 4), tracks(40, 2, 0));
    let parameters = Recursive::default();
    agrees("positive", &call(&values, &parameters, Sign::Positive).unwrap(), &lines);
    agrees("negative", &call(&values, &parameters, Sign::Negative).unwrap(), &lines);

    let controlled = call_controlled(&values, &control, &parameters, Sign::Positive, 0.1).unwrap();
    agrees("controlled", &controlled.seqlets, &lines);
    let wanted: Vec<&Vec<String>> = lines.iter().filter(|line| line[0] == "fdr").collect();
    assert_eq!(wanted.len(), controlled.estimates.len());
    for (got, line) in controlled.estimates.iter().zip(wanted) {
        let (threshold, fdr) = (number(&line[1]), number(&line[4]));
        assert!((got.threshold / threshold - 1.0).abs() < 1e-12);
        assert_eq!((got.seqlets.to_string(), got.control_seqlets.to_string()), (line[2].clone(), line[3].clone()));
        assert!((got.fdr - fdr).abs() < 1e-12 || got.fdr.is_nan() && fdr.is_nan());
    }
}

/// Of the seqlets called at a target, the share that lies on no bump, over 20 sets of tracks.
#[test]
fn the_false_discovery_rate_is_near_its_target() {
    for target in [0.05, 0.1] {
        let (mut called, mut wrong) = (0, 0);
        for seed in 1..21 {
            let plain = tracks(30, seed, 0);
            let control = tracks(90, 1000 + seed, 0);
            let mut from = Generator(2000 + seed);
            let mut bumps = Vec::new();
            let mut values = plain;
            for (sequence, track) in values.iter_mut().enumerate() {
                let start = 20 + from.draw() as usize % 280;
                track[start..start + 10].iter_mut().for_each(|v| *v += 2.0);
                bumps.push(Seqlet::of(sequence, start, start + 10, track));
            }
            let parameters = Recursive { bins: 100, ..Recursive::default() };
            let found = call_controlled(&values, &control, &parameters, Sign::Positive, target).unwrap().seqlets;
            called += found.len();
            wrong += found.iter().filter(|s| !bumps[s.sequence].overlaps(s)).count();
        }
        assert!(called > 20, "{called} seqlets");
        let realised = wrong as f64 / called as f64;
        assert!(realised <= 1.5 * target, "{realised} instead of {target}");
    }
}

#[test]
fn negative_seqlets_are_those_of_the_negated_tracks() {
    let negated = |tracks: &[Vec<f64>]| -> Vec<Vec<f64>> {
        tracks.iter().map(|track| track.iter().map(|v| -v).collect()).collect()
    };
    let (values, control) = (tracks(8, 3, 4), tracks(8, 4, 0));
    let parameters = Recursive { max_length: 12, ..Recursive::default() };
    let negative = call_controlled(&values, &control, &parameters, Sign::Negative, 0.3).unwrap();
    let positive = call_controlled(&negated(&values), &negated(&control), &parameters, Sign::Positive, 0.3).unwrap();
    assert!(!negative.seqlets.is_empty() && negative.seqlets.iter().all(|s| s.mean < 0.0));
    assert_eq!(negative.threshold, positive.threshold);
    let mirrored: Vec<Seqlet> = positive.seqlets.into_iter().map(|s| Seqlet { mean: -s.mean, ..s }).collect();
    assert_eq!(negative.seqlets, mirrored);
}

#[test]
fn parameters_outside_their_range() {
    let tracks = [vec![0.0, 1.0, 2.0, 3.0, 4.0]];
    let refused = |parameters: Recursive| call(&tracks, &parameters, Sign::Positive).is_err();
    assert!(!refused(Recursive::default()));
    assert!(refused(Recursive { min_length: 0, ..Recursive::default() }));
    assert!(refused(Recursive { max_length: 3, ..Recursive::default() }));
    assert!(refused(Recursive { bins: 1, ..Recursive::default() }));
    assert!(refused(Recursive { threshold: f64::NAN, ..Recursive::default() }));
    assert!(call(&[vec![0.0, f64::INFINITY]], &Recursive::default(), Sign::Positive).is_err());
    let controlled =
        |control: &[Vec<f64>], target| call_controlled(&tracks, control, &Recursive::default(), Sign::Positive, target);
    assert!(controlled(&[], 0.1).is_err() && controlled(&tracks, 1.5).is_err());
    assert!(controlled(&tracks, 0.1).unwrap().threshold.is_none());
}

#[test]
fn tracks_without_a_difference_have_no_seqlets() {
    let none: [Vec<f64>; 0] = [];
    for tracks in [&none[..], &[vec![]], &[vec![1.0; 30]], &[vec![1.0, 2.0]]] {
        assert!(call(tracks, &Recursive::default(), Sign::Positive).unwrap().is_empty());
    }
}

/// Whether every part of `start..end` is improbable, from the probability of its summed bins by enumeration.
fn improbable(bins: &[usize], one: &[f64], start: usize, end: usize, parameters: &Recursive) -> bool {
    (start..end).all(|from| {
        (from + parameters.min_length..=end)
            .all(|to| tail(bins[from..to].iter().sum(), to - from, one) < parameters.threshold)
    })
}

fn tail(sum: usize, length: usize, one: &[f64]) -> f64 {
    match length {
        0 => f64::from(sum == 0),
        _ => (0..one.len()).map(|bin| one[bin] * tail(sum.saturating_sub(bin), length - 1, one)).sum(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With a few whole numbers as attributions the bins are the numbers.
    #[test]
    fn every_part_of_a_seqlet_is_improbable(
        mut track in prop::collection::vec(prop::sample::select(vec![0usize, 0, 0, 1, 1, 2]), 6..30),
        threshold in 0.02f64..0.5,
    ) {
        track.extend([0, 1, 2, 2]);
        let parameters = Recursive { threshold, min_length: 2, max_length: 5, bins: 3 };
        let values: Vec<f64> = track.iter().map(|v| *v as f64).collect();
        let share = |bin: usize| track.iter().filter(|v| **v == bin).count() as f64 / track.len() as f64;
        let one = [share(0), share(1), share(2)];
        let seqlets = call(&[values], &parameters, Sign::Positive).unwrap();
        for seqlet in &seqlets {
            prop_assert!(improbable(&track, &one, seqlet.start, seqlet.end, &parameters));
            let p = tail(track[seqlet.start..seqlet.end].iter().sum(), seqlet.length(), &one);
            prop_assert!((p - seqlet.p_value.unwrap()).abs() < 1e-12);
        }
        // Nothing else could be added.
        for start in 0..track.len() {
            for end in start + 2..=track.len().min(start + 5) {
                let free = seqlets.iter().all(|s| s.end <= start || end <= s.start);
                prop_assert!(!free || !improbable(&track, &one, start, end, &parameters));
            }
        }
    }
}
