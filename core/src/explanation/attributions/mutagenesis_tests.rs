use std::path::{Path, PathBuf};

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::explanation::attributions::of_present_bases;
use crate::io::npz::read_member;
use crate::model::encode::{as_windows, encode, NOTHING};
use crate::model::incremental::IncrementalPredictor;
use crate::model::onnx::export::export_ensemble;
use crate::model::onnx::predictor::Predictor;
use crate::model::published::checkpoint::read_checkpoint;
use crate::model::weights::random_weights;
use crate::model::{Architecture, Kind, ModelInfo, Weights};
use crate::stats::correlation::pearson;

fn predictor(info: &ModelInfo, members: &[Weights], threads: usize) -> Predictor {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), export_ensemble(info, members).unwrap()).unwrap();
    Predictor::open(file.path(), threads).unwrap()
}

fn small(kind: Kind) -> Architecture {
    let preset = Architecture::preset("small", kind).unwrap();
    Architecture { window: 26, kernel_number: 6, filter_number: 5, hidden: 7, ..preset }
}

/// Windows with N and, at the end of the second, padding.
fn windows(seed: u64) -> [Vec<u8>; 2] {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = [0; 2].map(|_| (0..26).map(|_| random.random_range(0..4)).collect::<Vec<u8>>());
    pair[0][7] = ANY;
    pair[1][22..].fill(NOTHING);
    pair
}

fn views(pair: &[Vec<u8>; 2]) -> [ArrayView1<'_, u8>; 2] {
    pair.each_ref().map(|codes| ArrayView1::from(&codes[..]))
}

/// Every mutation by a full pass of the whole network.
#[test]
fn contributions_are_differences_of_full_passes() {
    for (seed, kind) in [(1, Kind::Paired), (2, Kind::Difference)] {
        let info = ModelInfo::new(small(kind));
        let weights = random_weights(&info.architecture, seed);
        let mut whole = predictor(&info, std::slice::from_ref(&weights), 1);
        let pair = windows(seed);
        let mut predict = |pair: &[Vec<u8>; 2]| {
            let [one, two] = pair.each_ref().map(|codes| as_windows(codes, 26).unwrap());
            let p = whole.predict(one, two).unwrap()[0];
            [p.count1, p.count2, p.ratio].map(|x| f64::from(x) / std::f64::consts::LN_2)
        };
        let own = predict(&pair);
        for head in Head::ALL {
            let mut models =
                Ensemble::one(IncrementalPredictor::new(predictor(&info, std::slice::from_ref(&weights), 1)));
            let found = mutagenesis(&mut models, 0, views(&pair), head, Gauge::Nothing).unwrap();
            assert!(found.predicted.iter().zip(own).all(|(a, b)| (a - b).abs() < 1e-5));
            assert_eq!((found.agreement, found.not_finite), (None, 0));
            let mut largest: f64 = 0.0;
            for allele in 0..2 {
                for position in 0..26 {
                    for base in 0..4 {
                        let value = f64::from(found.contributions[allele][[base as usize, position]]);
                        if pair[allele][position] >= ANY {
                            assert_eq!(value, 0.0);
                            continue;
                        }
                        let mut mutated = pair.clone();
                        mutated[allele][position] = base;
                        let number = if head == Head::Ratio { 2 } else { allele };
                        let expected = predict(&mutated)[number] - own[number];
                        assert!((value - expected).abs() < 2e-5, "{allele} {position} {base}: {value}, {expected}");
                        largest = largest.max(expected.abs());
                    }
                }
            }
            assert!(largest > 1e-3, "{largest}");
            // The other gauge differs by a constant of each position.
            let zero_sum = mutagenesis(&mut models, 0, views(&pair), head, Gauge::ZeroSum).unwrap();
            for (none, zero_sum) in found.contributions.iter().zip(&zero_sum.contributions) {
                let column = |values: &Array2<f32>, position: usize| values.column(position).to_owned();
                for position in 0..26 {
                    let none = column(none, position);
                    let expected = &none - none.sum() / 4.0;
                    let found = column(zero_sum, position);
                    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found} {expected}");
                }
            }
        }
    }
}

#[test]
fn an_ensemble_has_the_mean_and_says_how_its_networks_agree() {
    let info = ModelInfo::new(small(Kind::Paired));
    let members: Vec<Weights> = (0..3).map(|seed| random_weights(&info.architecture, 20 + seed)).collect();
    let pair = windows(4);
    let of = |members: &[Weights], threads: usize| {
        let mut models = Ensemble::one(IncrementalPredictor::new(predictor(&info, members, threads)));
        mutagenesis(&mut models, 0, views(&pair), Head::Ratio, Gauge::ZeroSum).unwrap()
    };
    let all = of(&members, 1);
    let each: Vec<_> = members.iter().map(|weights| of(std::slice::from_ref(weights), 1)).collect();
    for allele in 0..2 {
        let sum = each.iter().fold(Array2::<f32>::zeros((4, 26)), |sum, one| sum + &one.contributions[allele]);
        assert!((sum / 3.0 - &all.contributions[allele]).iter().all(|d| d.abs() < 1e-6));
    }
    let present: Vec<Vec<f64>> = each
        .iter()
        .map(|one| {
            let of = |i: usize| of_present_bases(one.contributions[i].view(), &pair[i]);
            of(0).into_iter().chain(of(1)).map(f64::from).collect()
        })
        .collect();
    let r = |i: usize, j: usize| pearson(&present[i], &present[j]);
    let expected = (r(0, 1) + r(0, 2) + r(1, 2)) / 3.0;
    assert!((all.agreement.unwrap() - expected).abs() < 1e-6, "{:?} {expected}", all.agreement);
    assert_eq!(of(&[members[0].clone(), members[0].clone()], 1).agreement.map(|r| (r * 1e6).round()), Some(1e6));
    assert_eq!(of(&members, 3), all);
}

/// The ratio of a network that is antisymmetric: exchanging the alleles exchanges the maps and their sign.
#[test]
fn exchanged_alleles_have_exchanged_contributions() {
    let info = ModelInfo::new(small(Kind::Paired).recommended());
    let weights = random_weights(&info.architecture, 8);
    let mut models = Ensemble::one(IncrementalPredictor::new(predictor(&info, &[weights], 1)));
    let pair = windows(5);
    let mut of = |pair: &[Vec<u8>; 2]| mutagenesis(&mut models, 0, views(pair), Head::Ratio, Gauge::ZeroSum).unwrap();
    let [one, two] = [of(&pair), of(&[pair[1].clone(), pair[0].clone()])];
    for allele in 0..2 {
        let differences = &one.contributions[allele] + &two.contributions[1 - allele];
        assert!(differences.iter().all(|d| d.abs() < 1e-5));
    }
    // Equal alleles: the same map with either sign.
    let same = of(&[pair[0].clone(), pair[0].clone()]);
    assert!((&same.contributions[0] + &same.contributions[1]).iter().all(|d| d.abs() < 1e-5));
}

fn parity(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data/parity").join(name)
}

/// The golden vectors of the published networks: natural logarithms, the present base as reference.
#[test]
fn published_mutagenesis_is_reproduced() {
    for folder in ["mh", "cr"] {
        let (architecture, weights) = read_checkpoint(&parity(folder).join("model.ckpt")).unwrap();
        let window = architecture.window;
        let expected = read_member::<f32>(&parity(folder).join("ism_ratio.npz"), "effect.npy").unwrap();
        let mut models =
            Ensemble::one(IncrementalPredictor::new(predictor(&ModelInfo::new(architecture), &[weights], 2)));
        let table = std::fs::read_to_string(parity(folder).join("pairs.tsv")).unwrap();
        let mut largest: f32 = 0.0;
        for (row, line) in table.lines().skip(1).take(4).enumerate() {
            let alleles: Vec<&str> = line.split('\t').skip(1).collect();
            let pair = [0, 1].map(|i| encode(alleles[i].as_bytes(), window).unwrap());
            let found = mutagenesis(&mut models, 0, views(&pair), Head::Ratio, Gauge::Nothing).unwrap();
            for (allele, contributions) in found.contributions.iter().enumerate() {
                for ((base, position), value) in contributions.indexed_iter() {
                    let (found, expected) = (value * std::f32::consts::LN_2, expected[[row, position, base, allele]]);
                    assert!((found - expected).abs() < 1e-4, "{folder} {row} {position} {base} {allele}");
                    largest = largest.max(expected.abs());
                }
            }
        }
        assert!(largest > 1e-3, "{largest}");
    }
}
