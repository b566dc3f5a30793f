use std::path::{Path, PathBuf};

use rand::Rng;

use super::*;
use crate::io::npz::read_member;
use crate::model::encode::{complement, encode};
use crate::model::published::checkpoint::read_checkpoint;
use crate::model::weights::random_weights;
use crate::model::{Architecture, Kind};

fn small(kind: Kind) -> Architecture {
    let preset = Architecture::preset("small", kind).unwrap().recommended();
    Architecture { window: 40, kernel_number: 12, filter_number: 10, hidden: 14, kmers: 2, ..preset }
}

fn models(architecture: &Architecture, seeds: &[u64], threads: usize) -> DifferentiableModels {
    let members: Vec<Weights> = seeds.iter().map(|&seed| random_weights(architecture, seed)).collect();
    DifferentiableModels::new(&ModelInfo::new(architecture.clone()), &members, 0, threads).unwrap()
}

/// Windows with N and, at the end of the second, padding.
fn windows(seed: u64) -> [Vec<u8>; 2] {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut pair = [0; 2].map(|_| (0..40).map(|_| random.random_range(0..4)).collect::<Vec<u8>>());
    pair[0][7] = ANY;
    pair[1][36..].fill(NOTHING);
    pair
}

const OPTIONS: MultiplierOptions = MultiplierOptions {
    method: Method::DeepLift,
    baseline: Baseline::Uniform,
    shuffles: 3,
    seed: 1,
    head: Head::Ratio,
    gauge: Gauge::Nothing,
};

fn explain(models: &mut DifferentiableModels, pair: &[Vec<u8>; 2], options: &MultiplierOptions) -> PairAttributions {
    models.explain(pair.each_ref().map(|codes| &codes[..]), options).unwrap().0
}

fn all_options() -> Vec<MultiplierOptions> {
    let mut all = vec![MultiplierOptions { method: Method::Gradient, ..OPTIONS }];
    for method in [Method::DeepLift, Method::IntegratedGradients] {
        all.extend(Baseline::ALL.map(|baseline| MultiplierOptions { method, baseline, ..OPTIONS }));
    }
    all
}

fn largest(values: impl IntoIterator<Item = f32>) -> f32 {
    values.into_iter().fold(0.0, |most, x| most.max(x.abs()))
}

#[test]
fn contributions_sum_to_the_difference_from_the_baseline() {
    for kind in Kind::ALL {
        let mut models = models(&small(kind), &[3, 4], 2);
        for options in all_options() {
            for head in Head::ALL {
                let options = MultiplierOptions { head, ..options };
                let pair = windows(5);
                let pair = pair.each_ref().map(|codes| &codes[..]);
                let (found, deltas) = models.explain(pair, &options).unwrap();
                let expected = match (options.method, options.baseline, head) {
                    (Method::Gradient, ..) => 0,
                    (_, Baseline::Uniform, Head::Ratio) => 2,
                    (_, Baseline::Shuffles, Head::Ratio) => 6,
                    (_, Baseline::Shuffles, Head::Count) => 12,
                    _ => 4,
                };
                assert_eq!(deltas.len(), expected);
                // The derivative by k-mers jumps for many of them at the same point of the way: a step misses up to half a
                // weight, 0.8 % of the jump.
                let limit = if options.method == Method::DeepLift { 1e-4 } else { 2e-2 };
                for delta in &deltas {
                    let error = (delta.sum - delta.difference).abs();
                    assert!(error <= limit * delta.difference.abs().max(1.0), "{options:?} {delta:?}");
                }
                assert_eq!(found.not_finite, 0);
                assert!(largest(found.contributions[0].iter().copied()) > 1e-3);
                assert!(found.contributions[0].column(7).iter().all(|&x| x == 0.0), "N");
                assert!(found.contributions[1].columns().into_iter().skip(36).all(|c| c.iter().all(|&x| x == 0.0)));
            }
        }
    }
}

/// The sum of what present bases contribute, where every position has a base.
#[test]
fn the_baseline_of_the_other_allele_explains_the_ratio_by_the_differences() {
    let mut models = models(&small(Kind::Paired), &[6], 1);
    let mut pair = windows(6);
    pair[0][7] = 2;
    pair[1] = pair[0].clone();
    pair[1][11] = 3 - pair[1][11];
    pair[1][20] = 3 - pair[1][20];
    let found = explain(&mut models, &pair, &MultiplierOptions { baseline: Baseline::OtherAllele, ..OPTIONS });
    for (allele, codes) in pair.iter().enumerate() {
        let present = crate::explanation::attributions::of_present_bases(found.contributions[allele].view(), codes);
        assert!(present.iter().enumerate().all(|(at, &x)| x == 0.0 || [11, 20].contains(&at)), "{present:?}");
        // The model is antisymmetric: equal alleles have a ratio of 0.
        let sum: f64 = present.iter().map(|&x| f64::from(x)).sum();
        assert!((sum - found.predicted[2]).abs() < 1e-5, "{sum} {:?}", found.predicted);
    }
}

#[test]
fn gauges_differ_by_a_constant_of_each_position() {
    let mut models = models(&small(Kind::Paired), &[7], 1);
    for options in all_options() {
        let pair = windows(7);
        let none = explain(&mut models, &pair, &options);
        let zero_sum = explain(&mut models, &pair, &MultiplierOptions { gauge: Gauge::ZeroSum, ..options });
        for (none, zero_sum) in none.contributions.iter().zip(&zero_sum.contributions) {
            for (none, zero_sum) in none.columns().into_iter().zip(zero_sum.columns()) {
                let mean = none.sum() / 4.0;
                assert!(none.iter().zip(zero_sum).all(|(a, b)| (a - mean - b).abs() < 1e-5));
            }
        }
    }
}

#[test]
fn exchanged_and_equal_alleles_and_reverse_complements() {
    let mut models = models(&small(Kind::Paired), &[8], 1);
    for options in all_options() {
        let options = MultiplierOptions { gauge: Gauge::ZeroSum, ..options };
        let mut of = |pair: &[Vec<u8>; 2]| explain(&mut models, pair, &options).contributions;
        let pair = windows(8);
        let one = of(&pair);
        let two = of(&[pair[1].clone(), pair[0].clone()]);
        let most = largest(one.iter().flatten().copied());
        for allele in 0..2 {
            assert!(largest(&one[allele] + &two[1 - allele]) < 1e-5 * most.max(1.0), "{options:?}");
        }
        let same = of(&[pair[0].clone(), pair[0].clone()]);
        assert!(largest(&same[0] + &same[1]) < 1e-5 * most.max(1.0), "{options:?}");
        // Shuffles of a reverse complement are others.
        if options.method.has_baseline() && options.baseline == Baseline::Shuffles {
            continue;
        }
        let reversed = |codes: &Vec<u8>| codes.iter().rev().map(|&code| complement(code)).collect::<Vec<u8>>();
        let back = of(&pair.each_ref().map(reversed));
        for allele in 0..2 {
            let mirrored = back[allele].slice(ndarray::s![..;-1, ..;-1]);
            assert!(largest(&one[allele] - &mirrored) < 1e-5 * most.max(1.0), "{options:?}");
        }
    }
}

#[test]
fn an_ensemble_has_the_mean_and_threads_do_not_matter() {
    let architecture = small(Kind::Paired);
    let pair = windows(9);
    for options in all_options() {
        let all = explain(&mut models(&architecture, &[1, 2], 1), &pair, &options);
        let [one, two] = [1, 2].map(|seed| explain(&mut models(&architecture, &[seed], 1), &pair, &options));
        for allele in 0..2 {
            let mean = (&one.contributions[allele] + &two.contributions[allele]) / 2.0;
            assert!(largest(mean - &all.contributions[allele]) < 1e-6);
        }
        assert!(all.agreement.is_some() && one.agreement.is_none());
        assert_eq!(explain(&mut models(&architecture, &[1, 2], 3), &pair, &options), all);
    }
}

#[test]
fn shuffles_follow_the_seed_and_their_number() {
    let mut models = models(&small(Kind::Paired), &[10], 1);
    let pair = windows(10);
    let options = MultiplierOptions { baseline: Baseline::Shuffles, ..OPTIONS };
    let mut of = |options: MultiplierOptions| explain(&mut models, &pair, &options);
    let one = of(options);
    assert_eq!(one, of(options));
    assert_ne!(one, of(MultiplierOptions { seed: 2, ..options }));
    assert_ne!(one, of(MultiplierOptions { shuffles: 4, ..options }));
    let codes = shuffled(&pair[1], 1, 0);
    assert_ne!(codes, pair[1]);
    assert_eq!(codes[36..], [NOTHING; 4]);
}

fn parity(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data/parity/mh").join(name)
}

/// The golden vectors of the published network: multipliers, in natural logarithms, also where there is no base.
#[test]
fn published_attributions_are_reproduced() {
    let (architecture, weights) = read_checkpoint(&parity("model.ckpt")).unwrap();
    let window = architecture.window;
    let network = DifferentiableNetwork::new(&architecture, &weights, 0).unwrap();
    let table = std::fs::read_to_string(parity("pairs.tsv")).unwrap();
    let [gradient, deeplift, integrated] = ["gradient", "deeplift_multipliers", "integrated_gradients"]
        .map(|name| read_member::<f32>(&parity("attributions_ratio.npz"), &format!("{name}.npy")).unwrap());
    let mut most: f32 = 0.0;
    for (row, line) in table.lines().skip(1).take(4).enumerate() {
        let alleles: Vec<&str> = line.split('\t').skip(1).collect();
        let inputs = [0, 1].map(|i| as_input(&encode(alleles[i].as_bytes(), window).unwrap()));
        let passed = network.forward(inputs.concat());
        let uniform = network.forward(vec![0.25; BASES * window]);
        let own = [0, 1].map(|number| Window { of: &passed, number });
        let base = Window { of: &uniform, number: 0 };
        let jobs = [None, Some([base; 2])].map(|reference| Job { pair: own, reference, wanted: [true; 2] });
        let found = network.backward(&jobs, Target::Ratio);
        let reference = Reference { inputs: [0; 2].map(|_| Some(vec![0.25; BASES * window])) };
        let by_steps = integrate(&network, own, &inputs, &reference, Target::Ratio).0;
        for (found, golden, limit) in
            [(&found[0], &gradient, 1e-4), (&found[1], &deeplift, 1e-4), (&by_steps, &integrated, 1e-3)]
        {
            for allele in 0..2 {
                for (i, m) in found[allele].as_ref().unwrap().iter().enumerate() {
                    let expected = golden[[row, i / BASES, i % BASES, allele]];
                    assert!((m - expected).abs() < limit, "{row} {i} {allele}: {m} {expected}");
                    most = most.max(expected.abs());
                }
            }
        }
    }
    assert!(most > 1e-2, "{most}");
}
