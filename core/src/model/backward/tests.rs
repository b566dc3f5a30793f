use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::architecture::{same_padding, RatioHead};
use crate::model::kmers::{kernels, number, reverse_complement, scale};
use crate::model::weights::random_weights;
use crate::model::Kind;

/// The network written out in float64: channels of positions.
struct Plain<'a> {
    a: &'a Architecture,
    weights: &'a Weights,
}

type Rows = Vec<Vec<f64>>;

impl Plain<'_> {
    fn tensor(&self, name: String) -> Vec<f64> {
        self.weights.get(&name).unwrap().data.iter().map(|&x| f64::from(x)).collect()
    }

    /// Convolution, ReLU, batch norm of (channels, positions).
    fn block(&self, key: &str, x: &Rows, dilation: usize) -> Rows {
        let (weight, bias) = (self.tensor(format!("{key}.0.weight")), self.tensor(format!("{key}.0.bias")));
        let (out, channels, length) = (bias.len(), x.len(), x[0].len());
        let taps = weight.len() / out / channels;
        let left = same_padding(taps, dilation).0 as isize;
        let mut rows = vec![vec![0.0; length]; out];
        for (o, row) in rows.iter_mut().enumerate() {
            for (at, slot) in row.iter_mut().enumerate() {
                let mut sum = bias[o];
                for c in 0..channels {
                    for tap in 0..taps {
                        let from = at as isize + (tap * dilation) as isize - left;
                        if (0..length as isize).contains(&from) {
                            sum += weight[(o * channels + c) * taps + tap] * x[c][from as usize];
                        }
                    }
                }
                *slot = sum.max(0.0);
            }
            if self.a.batch_norm {
                let part = |name: &str| self.tensor(format!("{key}.2.{name}"))[o];
                let (mean, deviation) = (part("running_mean"), (part("running_var") + 1e-5).sqrt());
                row.iter_mut().for_each(|x| *x = (*x - mean) / deviation * part("weight") + part("bias"));
            }
        }
        rows
    }

    fn linear(&self, key: &str, x: &[f64]) -> Vec<f64> {
        let (weight, bias) = (self.tensor(format!("{key}.0.weight")), self.tensor(format!("{key}.0.bias")));
        let dot = |out: usize| weight[out * x.len()..][..x.len()].iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
        bias.iter().enumerate().map(|(out, b)| b + dot(out)).collect()
    }

    /// Sums of the dense layer of one sequence.
    fn tower(&self, x: &Rows) -> Vec<f64> {
        let mut x = self.block("convlayers.0", &self.block("conv0", x, 1), 1);
        for stage in 0..self.a.conv_layers {
            for repeat in 0..self.a.conv_repeat {
                let y = self.block(&self.a.residual_key(stage, repeat), &x, self.a.dilation);
                x.iter_mut().zip(y).for_each(|(x, y)| x.iter_mut().zip(y).for_each(|(x, y)| *x += y));
            }
            let mean = |some: &[f64]| some.iter().sum::<f64>() / some.len() as f64;
            x.iter_mut().for_each(|x| *x = x.chunks(self.a.pooling_size).map(mean).collect());
        }
        self.linear("fc0", &x.concat())
    }

    fn embedding(&self, input: &[f64]) -> Vec<f64> {
        let window = self.a.window;
        let forward: Rows = (0..4).map(|base| (0..window).map(|at| input[at * 4 + base]).collect()).collect();
        let reverse: Rows = (0..4).map(|base| forward[3 - base].iter().rev().copied().collect()).collect();
        let mut sums = match self.a.strands {
            Strands::Joined => {
                vec![self.tower(&forward.iter().zip(&reverse).map(|(a, b)| [&a[..], b].concat()).collect())]
            }
            Strands::Averaged => vec![self.tower(&forward), self.tower(&reverse)],
        };
        if self.a.kmers > 0 {
            let (k, count) = (self.a.kmers, number(self.a.kmers));
            let (kernels, scale) = (kernels(k), scale(window, k));
            let weight = self.tensor("kmers.weight".into());
            let found = |j: usize, x: &Rows| -> f64 {
                (0..=window - k)
                    .map(|at| {
                        let sum: f64 =
                            (0..4 * k).map(|i| f64::from(kernels[j * 4 * k + i]) * x[i / k][at + i % k]).sum();
                        (sum - (k as f64 - 1.0)).max(0.0)
                    })
                    .sum()
            };
            for j in 0..count {
                let n = found(j, &forward) + found(reverse_complement(j, k), &forward);
                let z = (n - scale.expected) * scale.factor;
                for sums in &mut sums {
                    sums.iter_mut().enumerate().for_each(|(unit, sum)| *sum += z * weight[unit * count + j]);
                }
            }
        }
        let strands = sums.len() as f64;
        (0..self.a.hidden).map(|unit| sums.iter().map(|sums| sums[unit].max(0.0)).sum::<f64>() / strands).collect()
    }

    fn head(&self, hidden: &str, last: &str, x: &[f64]) -> Vec<f64> {
        let mut x = x.to_vec();
        for layer in 0..self.a.h_layers {
            x = self.linear(&format!("{hidden}.{layer}"), &x).into_iter().map(|x| x.max(0.0)).collect();
        }
        self.linear(last, &x)
    }

    /// Count 1, count 2, ratio of sample 0.
    fn predict(&self, pair: [&[f64]; 2]) -> [f64; 3] {
        let [a, b] = pair.map(|input| self.embedding(input));
        let count = |x: &[f64]| {
            let value = self.head("fclayers", self.a.count_output_key(), x)[0];
            if self.a.kind == Kind::Single {
                value.max(0.0)
            } else {
                value
            }
        };
        let ratio = |a: &[f64], b: &[f64]| self.head("ratio_fclayers", "ratio_out", &[a, b].concat())[0];
        let counts = [count(&a), count(&b)];
        let ratio = match (self.a.kind, self.a.ratio_head) {
            (Kind::Paired, RatioHead::Free) => ratio(&a, &b),
            (Kind::Paired, RatioHead::Antisymmetric) => (ratio(&a, &b) - ratio(&b, &a)) / 2.0,
            _ => counts[0] - counts[1],
        };
        [counts[0], counts[1], ratio]
    }
}

prop_compose! {
    fn architectures()(
        kind in prop::sample::select(&Kind::ALL[..]),
        averaged in any::<bool>(),
        antisymmetric in any::<bool>(),
        batch_norm in any::<bool>(),
        window in 9usize..22,
        (conv_layers, conv_repeat, pooling_size) in (0usize..3, 1usize..3, 1usize..5),
        (kernel_length, kernel_size, dilation) in (1usize..7, 1usize..5, 1usize..3),
        (h_layers, outputs, kmers) in (0usize..3, 1usize..3, 0usize..4),
    ) -> Architecture {
        Architecture {
            kind, window, conv_layers, conv_repeat, kernel_number: 5, kernel_length, filter_number: 4, kernel_size,
            pooling_size, dilation, h_layers, hidden: 6, dropout: 0.0, batch_norm,
            strands: if averaged { Strands::Averaged } else { Strands::Joined },
            ratio_head: if antisymmetric { RatioHead::Antisymmetric } else { RatioHead::Free },
            tower_dropout: 0.0, outputs, kmers,
        }
    }
}

/// Random weights, with batch norms of either sign.
fn weights(a: &Architecture, seed: u64) -> Weights {
    let mut weights = random_weights(a, seed);
    for (name, tensor) in &mut weights.0 {
        if name.ends_with(".2.weight") {
            tensor.data.iter_mut().step_by(2).for_each(|x| *x = -*x);
        }
    }
    weights
}

fn close(found: f64, expected: f64, limit: f64) -> bool {
    (found - expected).abs() <= limit * expected.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Predictions, derivatives and multipliers of any architecture against the network written out in float64.
    #[test]
    fn passes_agree_with_the_network_written_out(a in architectures(), seed in 0u64..1000) {
        let weights = weights(&a, seed);
        let network = DifferentiableNetwork::new(&a, &weights, 0).unwrap();
        let plain = Plain { a: &a, weights: &weights };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let size = 4 * a.window;
        let inputs: Vec<f32> = (0..4 * size).map(|_| random.random_range(0.0..1.0)).collect();
        let exact: Vec<f64> = inputs.iter().map(|&x| f64::from(x)).collect();
        let activations = network.forward(inputs.clone());
        let windows = [0, 1, 2, 3].map(|number| Window { of: &activations, number });
        let (pair, reference) = ([windows[0], windows[1]], [windows[2], windows[3]]);
        let own = plain.predict([&exact[..size], &exact[size..2 * size]]);
        let at_reference = plain.predict([&exact[2 * size..3 * size], &exact[3 * size..]]);
        let found = network.predict(&[pair, reference]);
        for value in 0..3 {
            prop_assert!(close(found[0][value].into(), own[value], 1e-4), "{found:?} {own:?}");
            prop_assert!(close(found[1][value].into(), at_reference[value], 1e-4));
        }
        for target in [Target::Ratio, Target::Counts] {
            let jobs = [None, Some(reference)].map(|reference| Job { pair, reference, wanted: [true; 2] });
            let [derivatives, multipliers] = &network.backward(&jobs, target)[..] else { panic!() };
            let mut sums = [0.0; 2];
            for allele in 0..2 {
                let value = if target == Target::Ratio { 2 } else { allele };
                let m = multipliers[allele].as_ref().unwrap();
                for (i, m) in m.iter().enumerate() {
                    sums[allele] += f64::from(*m) * (exact[allele * size + i] - exact[(2 + allele) * size + i]);
                }
                for _ in 0..6 {
                    let i = random.random_range(0..size);
                    let step = 1e-6;
                    let moved = |by: f64| {
                        let mut moved = exact[..2 * size].to_vec();
                        moved[allele * size + i] += by;
                        plain.predict([&moved[..size], &moved[size..]])[value]
                    };
                    let expected = (moved(step) - moved(-step)) / (2.0 * step);
                    let found = f64::from(derivatives[allele].as_ref().unwrap()[i]);
                    prop_assert!(close(found, expected, 1e-3), "{target:?} {allele} {i}: {found} {expected}");
                }
                if target == Target::Counts {
                    prop_assert!(close(sums[allele], own[allele] - at_reference[allele], 1e-4));
                }
            }
            if target == Target::Ratio {
                prop_assert!(close(sums[0] + sums[1], own[2] - at_reference[2], 1e-4), "{sums:?}");
            }
        }
    }

    /// A job does not depend on those it is computed with, nor on threads.
    #[test]
    fn jobs_are_independent(a in architectures(), seed in 0u64..1000) {
        let network = DifferentiableNetwork::new(&a, &weights(&a, seed), 0).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let inputs: Vec<f32> = (0..20 * a.window).map(|_| random.random_range(0.0..1.0)).collect();
        let all = network.forward(inputs.clone());
        let window = |number| Window { of: &all, number };
        let jobs: Vec<Job> = (0..4)
            .map(|i| {
                let wanted = [i != 1, i != 2];
                Job { pair: [window(i), window(0)], reference: Some([window(4), window(i)]), wanted }
            })
            .collect();
        let together = network.backward(&jobs, Target::Ratio);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for (job, expected) in jobs.iter().zip(&together) {
            prop_assert_eq!(&pool.install(|| network.backward(&[*job], Target::Ratio))[0], expected);
            prop_assert_eq!(job.wanted, expected.each_ref().map(Option::is_some));
        }
    }
}

#[test]
fn codes_as_numbers() {
    assert_eq!(as_input(&[1, 4, 5]), [0.0, 1.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn slopes() {
    assert_eq!([slope(2.0, None), slope(0.0, None), slope(-1.0, None)], [1.0, 0.0, 0.0]);
    assert_eq!([slope(3.0, Some(-1.0)), slope(-1.0, Some(3.0)), slope(1.0, Some(1.0))], [0.75, 0.75, 1.0]);
}
