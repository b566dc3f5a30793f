//! What two alleles share is computed once: outputs, gradients and running statistics are those of the full pass.
#![cfg(feature = "torch")]

use std::sync::{Mutex, MutexGuard, PoisonError};

use deepallele_core::model::architecture::{RatioHead, Strands};
use deepallele_core::model::encode::NOTHING;
use deepallele_core::model::torch::network::{initial_weights, Mode, Network, NetworkOptions, Sharing};
use deepallele_core::model::{Architecture, Kind, Weights};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind as Type, Tensor};

/// libtorch has one generator for dropout: tests that draw from it take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A second allele made of the first in one of the ways in which real ones differ, `way` 0 to 7.
fn second_allele(one: &[u8], way: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let length = one.len();
    let mut two = one.to_vec();
    let mut snvs = Vec::new();
    let at = rng.random_range(0..length);
    match way {
        0 => {}
        1 => snvs.push(at),
        // At both ends and far apart.
        2 => snvs.extend([0, length / 3, length - 1]),
        3 => {
            // A deletion, and the window filled at its end.
            two.remove(at);
            two.push(rng.random_range(0..4));
        }
        4 => {
            two.insert(at, 2);
            two.truncate(length);
        }
        5 => two[at] = 4,
        // A shorter allele: padding after it.
        6 => two[at..].fill(NOTHING),
        _ => two.fill_with(|| rng.random_range(0..4)),
    }
    for at in snvs {
        two[at] = (two[at] + rng.random_range(1u8..4)) % 4;
    }
    two
}

/// Codes of `batch` pairs whose alleles differ in `ways`, one after the other.
fn pairs(batch: usize, window: usize, ways: &[usize], seed: u64) -> [Tensor; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut codes = [Vec::new(), Vec::new()];
    for i in 0..batch {
        let one: Vec<u8> =
            (0..window).map(|_| if rng.random_bool(0.02) { 4 } else { rng.random_range(0..4) }).collect();
        codes[1].extend(second_allele(&one, ways[i % ways.len()], &mut rng));
        codes[0].extend(one);
    }
    codes.map(|c| Tensor::from_slice(&c).view([batch as i64, window as i64]))
}

/// The results of a step: outputs in training, gradients, running statistics, and outputs in evaluation.
struct Step {
    trained: Tensor,
    gradients: Vec<(String, Tensor)>,
    running: Vec<(String, Vec<f32>)>,
    evaluated: Tensor,
}

/// Weights with norms away from 1 and 0, so that their parts count, and running values of their own.
fn weights(architecture: &Architecture, seed: u64) -> Weights {
    let mut weights = initial_weights(architecture, seed);
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 5);
    for (name, tensor) in weights.0.iter_mut().filter(|(name, _)| name.contains(".2.")) {
        let least = if name.ends_with("weight") || name.ends_with("var") { 0.5 } else { -0.5 };
        tensor.data.fill_with(|| least + rng.random_range(0.0..1.0));
    }
    // The single network rectifies its counts: keep them above 0.
    weights.0.get_mut(&format!("{}.0.bias", architecture.count_output_key())).unwrap().data.fill(2.0);
    weights
}

/// Statistics and dropout over both alleles.
fn options(precision: Type, sharing: Sharing) -> NetworkOptions {
    NetworkOptions { per_allele_statistics: false, shared_dropout: true, mixed_precision: false, precision, sharing }
}

fn network(architecture: &Architecture, weights: &Weights, precision: Type, sharing: Sharing) -> Network {
    Network::new(architecture, weights, Device::Cpu, options(precision, sharing)).unwrap()
}

fn step(network: &Network, codes: &[Tensor; 2]) -> Step {
    tch::manual_seed(11);
    let trained = network.forward(&codes[0], &codes[1], Mode::Train).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let direction: Vec<f32> = (0..trained.numel()).map(|_| rng.random_range(-1.0..1.0)).collect();
    let direction = Tensor::from_slice(&direction).view(trained.size().as_slice()).to_kind(trained.kind());
    // A square in addition to the linear term: gradients differ by example.
    (&trained * direction + trained.square()).sum(network.precision()).backward();
    let gradients = network.parameters().filter(|(_, t)| t.grad().defined()).map(|(n, t)| (n.clone(), t.grad()));
    let gradients = gradients.collect();
    let running = network.weights().unwrap().0.into_iter().filter(|(name, _)| name.contains("running"));
    let running = running.map(|(name, tensor)| (name, tensor.data)).collect();
    let evaluated = tch::no_grad(|| network.forward(&codes[0], &codes[1], Mode::Evaluate).unwrap());
    Step { trained: trained.detach(), gradients, running, evaluated }
}

/// The largest difference of the results of two steps, and where it is. Gradients that are tiny compared with the others
/// (of a bias before a batch norm, of a channel that is never rectified) are compared with a share of the largest.
fn largest_difference(got: &Step, wanted: &Step) -> (f64, String) {
    let wide = |t: &Tensor| t.to_kind(Type::Double);
    let largest = |t: &Tensor| wide(t).abs().max().double_value(&[]);
    let mut all = Vec::new();
    let mut compare = |what: &str, a: &Tensor, b: &Tensor, least: f64| {
        assert_eq!(a.size(), b.size());
        all.push((largest(&(wide(a) - wide(b))) / largest(b).max(least), what.to_string()));
    };
    assert!(largest(&wanted.trained) > 1e-3);
    compare("outputs", &got.trained, &wanted.trained, 0.0);
    // Running statistics in float64 show in evaluation.
    compare("outputs in evaluation", &got.evaluated, &wanted.evaluated, 1e-3);
    assert_eq!(got.gradients.len(), wanted.gradients.len());
    assert!(wanted.gradients.iter().any(|(name, _)| name == "conv0.0.weight"));
    let least = 1e-3 * wanted.gradients.iter().map(|(_, t)| largest(t)).fold(0.0, f64::max);
    for ((name, a), (_, b)) in got.gradients.iter().zip(&wanted.gradients) {
        compare(name, a, b, least);
    }
    for ((name, a), (_, b)) in got.running.iter().zip(&wanted.running) {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{name}: {a} and not {b}");
        }
    }
    all.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

fn same_bits(a: &Step, b: &Step) -> bool {
    let gradients = a.gradients.iter().zip(&b.gradients).all(|(a, b)| a == b);
    a.trained == b.trained && a.evaluated == b.evaluated && a.running == b.running && gradients
}

const WAYS: [usize; 8] = [1, 0, 2, 3, 5, 4, 6, 7];

fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1);
    turn
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
        kmers in 0usize..4,
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
            kmers,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_step_is_that_of_the_full_pass(architecture in architectures(), batch in 1usize..9, seed in any::<u64>()) {
        let _turn = turn();
        let (weights, codes) = (weights(&architecture, seed), pairs(batch, architecture.window, &WAYS, seed));
        let with = |sharing| step(&network(&architecture, &weights, Type::Double, sharing), &codes);
        let (off, place) = largest_difference(&with(Sharing::Always), &with(Sharing::Never));
        prop_assert!(off < 1e-9, "{place} by {off:e}");
    }
}

/// In the number type that networks are trained in. Rounding can put an activation on the other side of a ReLU's
/// corner, where the gradient jumps, in either pass: hence the median of seeds, compared with float64.
#[test]
fn a_step_in_float32_is_that_of_the_full_pass() {
    let _turn = turn();
    for strands in [Strands::Averaged, Strands::Joined] {
        let architecture = Architecture {
            window: 160,
            kernel_number: 24,
            filter_number: 16,
            // In float64 dropout takes other units.
            dropout: 0.0,
            tower_dropout: 0.0,
            strands,
            ..Architecture::preset("small", Kind::Paired).unwrap().recommended()
        };
        for ways in [&[0][..], &[1], &WAYS] {
            let mut differences: Vec<f64> = (0..5)
                .map(|seed| {
                    let (weights, codes) = (weights(&architecture, seed), pairs(8, architecture.window, ways, seed));
                    let with = |precision, sharing| step(&network(&architecture, &weights, precision, sharing), &codes);
                    let shared = with(Type::Float, Sharing::Always);
                    assert!(same_bits(&shared, &with(Type::Float, Sharing::Always)), "a second run differs");
                    largest_difference(&shared, &with(Type::Double, Sharing::Never)).0
                })
                .collect();
            differences.sort_by(f64::total_cmp);
            assert!(differences[2] < 1e-4, "{strands}, {ways:?}: {differences:?}");
        }
    }
}

/// Activations far from 0 with little spread: sums of squares would lose in float32 what their difference needs.
#[test]
fn statistics_hold_where_the_mean_is_far_above_the_spread() {
    let _turn = turn();
    let architecture = Architecture {
        window: 100,
        dropout: 0.0,
        tower_dropout: 0.0,
        ..Architecture::preset("small", Kind::Paired).unwrap().recommended()
    };
    let mut weights = weights(&architecture, 3);
    for (name, tensor) in weights.0.iter_mut() {
        if name.starts_with("conv") && name.ends_with(".0.bias") {
            tensor.data.fill(300.0);
        }
    }
    let codes = pairs(8, architecture.window, &WAYS, 3);
    let with = |precision, sharing| step(&network(&architecture, &weights, precision, sharing), &codes);
    let exact = with(Type::Double, Sharing::Never);
    let error = |step: &Step| {
        let off = (step.trained.to_kind(Type::Double) - &exact.trained).abs().max() / exact.trained.abs().max();
        off.double_value(&[])
    };
    let (shared, full) = (error(&with(Type::Float, Sharing::Always)), error(&with(Type::Float, Sharing::Never)));
    assert!(shared < 2.0 * full + 1e-6, "off by {shared:e}, the full pass by {full:e}");
    assert!(shared < 1e-2, "off by {shared:e}");
}

#[test]
fn the_full_pass_is_taken_where_sharing_does_not_pay_or_is_not_the_same() {
    let _turn = turn();
    let architecture =
        Architecture { window: 200, ..Architecture::preset("small", Kind::Paired).unwrap().recommended() };
    let weights = weights(&architecture, 4);
    let with = |sharing, per_allele_statistics, codes: &[Tensor; 2]| {
        let options = NetworkOptions { per_allele_statistics, ..options(Type::Float, sharing) };
        step(&Network::new(&architecture, &weights, Device::Cpu, options).unwrap(), codes)
    };
    // Alleles with an SNV share, alleles with nothing in common do not.
    let close = pairs(4, architecture.window, &[1], 5);
    let chosen = with(Sharing::WherePaying, false, &close);
    assert!(same_bits(&chosen, &with(Sharing::Always, false, &close)));
    assert!(!same_bits(&chosen, &with(Sharing::Never, false, &close)));
    let far = pairs(4, architecture.window, &[7], 5);
    let chosen = with(Sharing::WherePaying, false, &far);
    assert!(same_bits(&chosen, &with(Sharing::Never, false, &far)));
    assert!(!same_bits(&chosen, &with(Sharing::Always, false, &far)));
    // Statistics by allele: only evaluation shares.
    let (always, never) = (with(Sharing::Always, true, &close), with(Sharing::Never, true, &close));
    assert!(always.trained == never.trained && always.running == never.running);
    assert!(always.gradients == never.gradients);
    // No pooled stage: nothing to share.
    let bare = Architecture { conv_layers: 0, window: 20, ..architecture.clone() };
    let weights = initial_weights(&bare, 1);
    let codes = pairs(4, 20, &[1], 5);
    let with = |sharing| step(&network(&bare, &weights, Type::Float, sharing), &codes);
    assert!(same_bits(&with(Sharing::Always), &with(Sharing::Never)));
}
