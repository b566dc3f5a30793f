//! A network that sees k-mers is the same in training and in its model file.
#![cfg(all(feature = "torch", feature = "onnx"))]

use deepallele_core::model::architecture::Strands;
use deepallele_core::model::encode::{ANY, NOTHING};
use deepallele_core::model::incremental::IncrementalPredictor;
use deepallele_core::model::onnx::export::export;
use deepallele_core::model::onnx::predictor::Predictor;
use deepallele_core::model::torch::network::{initial_weights, Network, NetworkOptions};
use deepallele_core::model::{Architecture, Kind, ModelInfo, Weights};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

#[test]
fn what_was_trained_is_what_the_file_predicts() {
    const WINDOW: usize = 70;
    const PAIRS: usize = 6;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    // With ambiguous bases, and padding after them.
    let mut alleles = || -> Array2<u8> {
        let base = |rng: &mut ChaCha8Rng| if rng.random_bool(0.05) { ANY } else { rng.random_range(0..4) };
        let pair = |number: usize, rng: &mut ChaCha8Rng| -> Vec<u8> {
            (0..WINDOW).map(|at| if at + 7 * number < WINDOW { base(rng) } else { NOTHING }).collect()
        };
        let rows = (0..PAIRS).flat_map(|number| pair(number, &mut rng)).collect();
        Array2::from_shape_vec((PAIRS, WINDOW), rows).unwrap()
    };
    let codes = [alleles(), alleles()];
    let folder = tempfile::tempdir().unwrap();
    for strands in [Strands::Averaged, Strands::Joined] {
        for kmers in [1, 4, 5] {
            let small = Architecture::preset("small", Kind::Paired).unwrap().recommended();
            let architecture = Architecture { window: WINDOW, strands, kmers, ..small };
            let weights = initial_weights(&architecture, 7);
            let network = Network::new(&architecture, &weights, Device::Cpu, NetworkOptions::default()).unwrap();
            let [one, two] = codes.each_ref().map(|codes| codes.view());
            let trained = network.predict(one, two).unwrap();
            let path = folder.path().join("model.onnx");
            let open = |weights: &Weights| {
                std::fs::write(&path, export(&ModelInfo::new(architecture.clone()), weights).unwrap()).unwrap();
                Predictor::open(&path, 1).unwrap()
            };
            let found = open(&weights).predict(one, two).unwrap();
            let mut incremental = IncrementalPredictor::new(open(&weights));
            let near = incremental.predict(one, two).unwrap();
            assert!(incremental.passes().is_some());
            for (found, wanted) in found.iter().chain(&near).zip(trained.rows().into_iter().cycle()) {
                for (found, wanted) in [found.count1, found.count2, found.ratio].into_iter().zip(wanted) {
                    assert!((found - wanted).abs() < 1e-5, "{strands}, {kmers}: {found}, {wanted}");
                }
            }
            // What they add can be seen.
            let mut others = weights.clone();
            others.0.get_mut("kmers.weight").unwrap().data.fill(0.0);
            let without = open(&others).predict(one, two).unwrap();
            assert!(found.iter().zip(&without).any(|(a, b)| (a.count1 - b.count1).abs() > 1e-3));
        }
    }
}
