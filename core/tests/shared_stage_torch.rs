//! What two alleles share is computed once: outputs, gradients and running statistics are those of the full pass.
#![cfg(feature = "torch")]

use std::sync::{Mutex, PoisonError};

use deepallele_core::model::config::{RatioHead, Strands};
use deepallele_core::model::encode::NOTHING;
use deepallele_core::model::network::{initial_weights, Mode, Network, Sharing};
use deepallele_core::model::{Architecture, Kind};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind as Type, Tensor};

/// libtorch has one generator for dropout: tests that draw from it take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A second allele made of the first in one of the ways in which real ones differ.
fn second_allele(one: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let length = one.len();
    let mut two = one.to_vec();
    let mut snv = |two: &mut Vec<u8>, at: usize| two[at] = (two[at] + rng.random_range(1u8..4)) % 4;
    match snv_kind(one) {
        0 => {}
        1 => snv(&mut two, one[0] as usize * (length - 1) / 5),
        2 => [0, length / 3, length - 1].into_iter().for_each(|at| snv(&mut two, at)),
        3 => {
            // A deletion, and the window filled from behind.
            let at = rng.random_range(0..length);
            two.remove(at);
            two.push(rng.random_range(0..4));
        }
        4 => {
            let at = rng.random_range(0..length);
            two.insert(at, 2);
            two.truncate(length);
        }
        5 => {
            let at = rng.random_range(0..length);
            two[at] = 4;
        }
        6 => {
            // A shorter allele: padding behind it.
            let end = rng.random_range(0..=length);
            two[end..].fill(NOTHING);
        }
        _ => two.fill_with(|| rng.random_range(0..4)),
    }
    two
}

/// Which way, from what the allele is, so that every batch has several.
fn snv_kind(one: &[u8]) -> u32 {
    one.iter().map(|&c| u32::from(c)).sum::<u32>() % 8
}

fn pairs(batch: usize, window: usize, seed: u64) -> [Tensor; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut codes = [Vec::new(), Vec::new()];
    for _ in 0..batch {
        let one: Vec<u8> =
            (0..window).map(|_| if rng.random_bool(0.02) { 4 } else { rng.random_range(0..4) }).collect();
        codes[1].extend(second_allele(&one, &mut rng));
        codes[0].extend(one);
    }
    codes.map(|c| Tensor::from_slice(&c).view([batch as i64, window as i64]))
}

/// All that a step leaves behind: outputs in training, gradients, running statistics, and outputs in evaluation.
struct Step {
    trained: Tensor,
    gradients: Vec<(String, Tensor)>,
    running: Vec<(String, Vec<f32>)>,
    evaluated: Tensor,
}

fn step(architecture: &Architecture, precision: Type, sharing: Sharing, codes: &[Tensor; 2], seed: u64) -> Step {
    let mut weights = initial_weights(architecture, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 5);
    // Norms away from 1 and 0, so that their parts count; running values of their own.
    for (name, tensor) in weights.0.iter_mut().filter(|(name, _)| name.contains(".2.")) {
        let least = if name.ends_with("weight") || name.ends_with("var") { 0.5 } else { -0.5 };
        tensor.data.fill_with(|| least + rng.random_range(0.0..1.0));
    }
    // The single network rectifies its counts: keep them above 0.
    weights.0.get_mut(&format!("{}.0.bias", architecture.count_output_key())).unwrap().data.fill(2.0);
    let mut network = Network::with_precision(architecture, &weights, Device::Cpu, precision).unwrap();
    network.set_statistics_apart(false);
    network.set_shared_dropout(true);
    network.set_sharing(sharing);
    tch::manual_seed(11);
    let trained = network.forward(&codes[0], &codes[1], Mode::Train).unwrap();
    tch::manual_seed(12);
    let direction = trained.randn_like();
    // A square beside the linear term: gradients differ by example.
    (&trained * direction + trained.square()).sum(precision).backward();
    let gradients = network.parameters().filter(|(_, t)| t.grad().defined()).map(|(n, t)| (n.clone(), t.grad()));
    let gradients = gradients.collect();
    let running = network.weights().unwrap().0.into_iter().filter(|(name, _)| name.contains("running"));
    let running = running.map(|(name, tensor)| (name, tensor.data)).collect();
    let evaluated = tch::no_grad(|| network.forward(&codes[0], &codes[1], Mode::Evaluate).unwrap());
    Step { trained: trained.detach(), gradients, running, evaluated }
}

/// Largest difference beside the size of what is compared.
fn off(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[]) / b.abs().max().double_value(&[]).max(1e-3)
}

fn compare(architecture: &Architecture, batch: usize, seed: u64, precision: Type, most: f64) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1);
    let codes = pairs(batch, architecture.window, seed);
    let [full, shared] = [Sharing::Never, Sharing::Always].map(|s| step(architecture, precision, s, &codes, seed));
    assert!(full.trained.abs().max().double_value(&[]) > 1e-3);
    assert!(off(&shared.trained, &full.trained) < most, "outputs: {}", off(&shared.trained, &full.trained));
    assert!(off(&shared.evaluated, &full.evaluated) < most, "evaluated: {}", off(&shared.evaluated, &full.evaluated));
    assert_eq!(shared.gradients.len(), full.gradients.len());
    assert!(full.gradients.iter().any(|(name, _)| name == "conv0.0.weight"));
    // Beside the gradient of the whole block: that of a bias before a batch norm can be next to nothing.
    for ((name, got), (_, wanted)) in shared.gradients.iter().zip(&full.gradients) {
        assert!(off(got, wanted) < most, "gradient of {name}: {}", off(got, wanted));
    }
    for ((name, got), (_, wanted)) in shared.running.iter().zip(&full.running) {
        for (a, b) in got.iter().zip(wanted) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{name}: {a} and not {b}");
        }
    }
    let again = step(architecture, precision, Sharing::Always, &codes, seed);
    assert!(again.trained == shared.trained && again.evaluated == shared.evaluated);
    assert!(again.gradients.iter().zip(&shared.gradients).all(|(a, b)| a.1 == b.1));
}

prop_compose! {
    fn architectures()(
        kind in prop::sample::select(&Kind::ALL[..]),
        window in 12usize..70,
        conv_layers in 1usize..4,
        conv_repeat in 1usize..3,
        kernel_length in 1usize..9,
        kernel_size in 1usize..6,
        pooling_size in 1usize..6,
        dilation in 1usize..4,
        batch_norm in prop::bool::weighted(0.8),
        joined in any::<bool>(),
        free in any::<bool>(),
    ) -> Architecture {
        Architecture {
            kind, window, conv_layers, conv_repeat, kernel_length, kernel_size, pooling_size, dilation, batch_norm,
            kernel_number: 6,
            filter_number: 5,
            hidden: 8,
            h_layers: 1,
            dropout: 0.2,
            tower_dropout: 0.15,
            strands: if joined { Strands::Joined } else { Strands::Averaged },
            ratio_head: if free { RatioHead::Free } else { RatioHead::Antisymmetric },
            outputs: 2,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_step_is_that_of_the_full_pass(architecture in architectures(), batch in 1usize..9, seed in any::<u64>()) {
        compare(&architecture, batch, seed, Type::Double, 1e-9);
    }
}
