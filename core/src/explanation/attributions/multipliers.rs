//! Gradient, integrated gradients and DeepLIFT: multipliers m of the bases of both alleles, by a backward pass
//! ([`crate::model::backward`]), and from them what each base would contribute.
//!
//! A base b contributes h_b = Σ_b' (e_b - r)_b' m_b', where e_b is the base one-hot and r the baseline at that position:
//! the mean over baselines where there are several. Those of present bases, with what padding and N contribute, sum to the
//! difference of the predictions for the pair and for the baseline ([`Delta`]). A gradient has no baseline: h = m.

use std::path::Path;

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::explanation::attributions::methods::{Baseline, Method};
use crate::explanation::attributions::networks::summarise;
use crate::explanation::attributions::{Gauge, Head, PairAttributions};
use crate::model::backward::{as_input, Activations, DifferentiableNetwork, Job, Target, Window, BASES};
use crate::model::encode::{ANY, NOTHING};
use crate::model::metadata::TargetScale;
use crate::model::onnx::export::read_model_file;
use crate::model::onnx::initializers::read_weights;
use crate::model::window::WindowRule;
use crate::model::{ModelInfo, Weights};
use crate::stats::gauss_legendre::gauss_legendre;
use crate::stats::shuffle::shuffle_dinucleotides;

/// Points on the way from the baseline to the pair, as published.
const STEPS: usize = 100;
/// Bytes of activations that are held at once.
const BYTES: usize = 256 << 20;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiplierOptions {
    /// How; not [`Method::Ism`].
    pub method: Method,
    /// Relative to what; a gradient has no baseline.
    pub baseline: Baseline,
    /// Shuffles of each allele, at least 1.
    pub shuffles: usize,
    /// Seed of the shuffles. An allele has the same ones in every pair.
    pub seed: u64,
    /// Which prediction.
    pub head: Head,
    /// What the four bases of a position are relative to.
    pub gauge: Gauge,
}

/// Two numbers that are equal but for rounding, and for integrated gradients for the error of the sum over steps: in log2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delta {
    /// The sum of what is present contributes.
    pub sum: f64,
    /// The prediction for the pair minus that for the baseline.
    pub difference: f64,
}

/// The networks of one or several model files, for gradients.
pub struct DifferentiableModels {
    networks: Vec<Member>,
    rule: WindowRule,
    pool: ThreadPool,
}

struct Member {
    network: DifferentiableNetwork,
    targets: TargetScale,
    /// Of the uniform baseline, once it was needed.
    uniform: Option<Activations>,
}

/// A baseline of a pair: inputs (window, 4), `None` for the allele itself.
struct Reference {
    inputs: [Option<Vec<f32>>; 2],
}

impl Reference {
    fn wanted(&self) -> [bool; 2] {
        self.inputs.each_ref().map(Option::is_some)
    }
}

impl DifferentiableModels {
    /// Open model files, each with the sample to explain (or its first).
    ///
    /// # Errors
    /// A file is not a model of this suite, has other layers or another window than the first, or no such sample.
    pub fn open<'a>(files: impl IntoIterator<Item = (&'a Path, Option<&'a str>)>, threads: usize) -> Result<Self> {
        let mut all: Option<(Vec<Member>, WindowRule)> = None;
        for (path, sample) in files {
            let (model, info) = read_model_file(path)?;
            let members = read_weights(&model, &info).ok_or_else(|| {
                Error::input(
                    path,
                    "has a graph that this version does not write, and no gradient is known: use --method ism",
                )
            })?;
            let networks = of_file(&info, &members, number_of_sample(path, &info, sample)?);
            let networks = networks.map_err(|e| Error::input(path, e.to_string()))?;
            match &mut all {
                None => all = Some((networks, info.windows)),
                Some((all, rule)) => {
                    let (window, first) = (info.architecture.window, all[0].network.window());
                    if (window, info.windows) != (first, *rule) {
                        return Err(Error::input(path, format!(
                            "reads windows of {window} bases, {}, but the first model of the ensemble {first} bases, {rule}",
                            info.windows
                        )));
                    }
                    all.extend(networks);
                }
            }
        }
        let (networks, rule) = all.ok_or_else(|| Error::option("no model was given"))?;
        Self::of(networks, rule, threads)
    }

    /// Networks of one architecture, by their output number `sample`.
    ///
    /// # Errors
    /// Weights do not fit; the threads cannot be started.
    pub fn new(info: &ModelInfo, members: &[Weights], sample: usize, threads: usize) -> Result<Self> {
        Self::of(of_file(info, members, sample)?, info.windows, threads)
    }

    fn of(networks: Vec<Member>, rule: WindowRule, threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Error::engine(format!("cannot start {threads} threads: {e}")))?;
        if networks.is_empty() {
            return Err(Error::option("no model was given"));
        }
        Ok(Self { networks, rule, pool })
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.networks[0].network.window()
    }

    /// Which bases of a region the window holds.
    pub fn rule(&self) -> WindowRule {
        self.rule
    }

    /// Networks.
    pub fn members(&self) -> usize {
        self.networks.len()
    }

    /// The contributions of both alleles of a pair of windows, byte codes (window): the mean over the networks. Also, for
    /// each network and baseline, what they sum to; nothing for a gradient.
    ///
    /// # Errors
    /// A window has another length than the models read, or the method is mutagenesis.
    pub fn explain(&mut self, pair: [&[u8]; 2], options: &MultiplierOptions) -> Result<(PairAttributions, Vec<Delta>)> {
        let window = self.window();
        if let Some(other) = pair.iter().find(|codes| codes.len() != window) {
            return Err(Error::mismatch(format!("a window of {} and not of {window} bases", other.len())));
        }
        if options.method == Method::Ism {
            return Err(Error::mismatch("mutagenesis has no multipliers"));
        }
        let codes = pair.map(<[u8]>::to_vec);
        let references = references(&codes, options);
        let (mut contributions, mut predicted, mut deltas) = (Vec::new(), Vec::new(), Vec::new());
        for member in &mut self.networks {
            let (of_pair, prediction, delta) = self.pool.install(|| member.explain(&codes, &references, options));
            contributions.push(of_pair);
            predicted.push(prediction);
            deltas.extend(delta);
        }
        let mut not_finite = 0;
        for (number, allele) in contributions.iter_mut().flat_map(|alleles| alleles.iter_mut().enumerate()) {
            allele.iter_mut().filter(|value| !value.is_finite()).for_each(|value| {
                *value = 0.0;
                not_finite += 1;
            });
            match options.gauge {
                Gauge::ZeroSum => options.gauge.apply(allele, &codes[number]),
                Gauge::Nothing => {
                    let without = allele.columns_mut().into_iter().zip(&codes[number]).filter(|(_, &code)| code >= ANY);
                    without.for_each(|(mut column, _)| column.fill(0.0));
                }
            }
        }
        Ok((PairAttributions { not_finite, ..summarise(&contributions, &codes, &predicted) }, deltas))
    }
}

/// The number of the sample of this name among those of a model, or of its first.
fn number_of_sample(path: &Path, info: &ModelInfo, name: Option<&str>) -> Result<usize> {
    let Some(name) = name else {
        if let [first, _, ..] = &info.samples[..] {
            log::info!("\"{}\" has several samples; explaining {first} (choose with --model-sample)", path.display());
        }
        return Ok(0);
    };
    info.sample_number(name).map_err(|e| Error::input(path, e.to_string()))
}

fn of_file(info: &ModelInfo, members: &[Weights], sample: usize) -> Result<Vec<Member>> {
    let member = |weights: &Weights| {
        let network = DifferentiableNetwork::new(&info.architecture, weights, sample)?;
        Ok(Member { network, targets: info.targets, uniform: None })
    };
    members.iter().map(member).collect()
}

/// The baselines of a pair; one without inputs for a gradient.
fn references(codes: &[Vec<u8>; 2], options: &MultiplierOptions) -> Vec<Reference> {
    let [a, b] = codes;
    if !options.method.has_baseline() {
        return Vec::new();
    }
    match options.baseline {
        Baseline::Uniform => {
            let uniform = || Some(vec![0.25; BASES * a.len()]);
            vec![Reference { inputs: [uniform(), uniform()] }]
        }
        Baseline::OtherAllele => {
            vec![Reference { inputs: [Some(as_input(b)), None] }, Reference { inputs: [None, Some(as_input(a))] }]
        }
        Baseline::Shuffles => (0..options.shuffles.max(1) as u64)
            .map(|number| Reference {
                inputs: [a, b].map(|codes| Some(as_input(&shuffled(codes, options.seed, number)))),
            })
            .collect(),
    }
}

/// Shuffle number `number` of an allele, a function of the allele alone: equal alleles have equal shuffles. Padding stays.
fn shuffled(codes: &[u8], seed: u64, number: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    let length = codes.iter().position(|&code| code == NOTHING).unwrap_or(codes.len());
    let mut shuffled = shuffle_dinucleotides(&codes[..length], &mut random);
    shuffled.extend(&codes[length..]);
    shuffled
}

/// Of a network: contributions (4, window) of each allele, the prediction for the pair, and what they sum to.
type Explained = ([Array2<f64>; 2], [f64; 3], Vec<Delta>);

impl Member {
    /// In log2.
    fn explain(&mut self, codes: &[Vec<u8>; 2], references: &[Reference], options: &MultiplierOptions) -> Explained {
        let inputs = codes.each_ref().map(|codes| as_input(codes));
        let pair = self.network.forward(inputs.concat());
        let own = [0, 1].map(|number| Window { of: &pair, number });
        let factor = self.targets.log2(1.0);
        let target = match options.head {
            Head::Ratio => Target::Ratio,
            Head::Count => Target::Counts,
        };
        let network = &self.network;
        let uniform = match (options.method, options.baseline) {
            (Method::DeepLift, Baseline::Uniform) => {
                Some(&*self.uniform.get_or_insert_with(|| network.forward(vec![0.25; inputs[0].len()])))
            }
            _ => None,
        };
        let prediction = network.predict(&[own])[0].map(f64::from);
        let mut sums = [0, 1].map(|_| Array2::<f64>::zeros((BASES, codes[0].len())));
        let mut counts = [0.0f64; 2];
        let mut deltas = Vec::new();
        let mut add = |multipliers: &[Option<Vec<f32>>; 2], reference: Option<(&Reference, [f64; 3])>| {
            let mut of_alleles = [0.0; 2];
            for allele in 0..2 {
                let Some(m) = &multipliers[allele] else { continue };
                let r = reference.and_then(|(reference, _)| reference.inputs[allele].as_deref());
                of_alleles[allele] = add_contributions(&mut sums[allele], m, &inputs[allele], r) * factor;
                counts[allele] += 1.0;
            }
            let Some((reference, at_reference)) = reference else { return };
            let difference = |value: usize| (prediction[value] - at_reference[value]) * factor;
            match target {
                Target::Ratio => deltas.push(Delta { sum: of_alleles[0] + of_alleles[1], difference: difference(2) }),
                Target::Counts => (0..2)
                    .filter(|&allele| reference.wanted()[allele])
                    .for_each(|allele| deltas.push(Delta { sum: of_alleles[allele], difference: difference(allele) })),
            }
        };
        match options.method {
            Method::DeepLift => {
                let at_once = (BYTES / (2 * network.bytes()).max(1)).max(1);
                for references in references.chunks(at_once) {
                    // The uniform baseline is passed through once for all pairs, others here, in order.
                    let all: Vec<f32> = match uniform {
                        Some(_) => Vec::new(),
                        None => references.iter().flat_map(|r| r.inputs.iter().flatten().flatten()).copied().collect(),
                    };
                    let passed = network.forward(all);
                    let mut next = 0..;
                    let pairs: Vec<[Window; 2]> = references
                        .iter()
                        .map(|reference| {
                            [0, 1].map(|allele| match (&reference.inputs[allele], uniform) {
                                (None, _) => own[allele],
                                (Some(_), Some(of)) => Window { of, number: 0 },
                                (Some(_), None) => Window { of: &passed, number: next.next().unwrap_or(0) },
                            })
                        })
                        .collect();
                    let job = |(r, pair): (&Reference, _)| Job { pair: own, reference: Some(pair), wanted: r.wanted() };
                    let jobs: Vec<Job> = references.iter().zip(pairs.iter().copied()).map(job).collect();
                    let at_references = network.predict(&pairs);
                    for ((m, r), at) in network.backward(&jobs, target).iter().zip(references).zip(at_references) {
                        add(m, Some((r, at.map(f64::from))));
                    }
                }
            }
            Method::IntegratedGradients => {
                for reference in references {
                    let (m, at_reference) = integrate(network, own, &inputs, reference, target);
                    add(&m, Some((reference, at_reference)));
                }
            }
            Method::Gradient | Method::Ism => {
                let job = Job { pair: own, reference: None, wanted: [true; 2] };
                network.backward(&[job], target).iter().for_each(|m| add(m, None));
            }
        }
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum *= factor / count.max(1.0);
        }
        (sums, prediction.map(|value| value * factor), deltas)
    }
}

/// The mean of derivatives on the straight way from the baseline to the pair, by Gauss-Legendre quadrature, and the
/// prediction for the baseline.
fn integrate(
    network: &DifferentiableNetwork,
    own: [Window; 2],
    inputs: &[Vec<f32>; 2],
    reference: &Reference,
    target: Target,
) -> ([Option<Vec<f32>>; 2], [f64; 3]) {
    let moving: Vec<(&[f32], &[f32])> =
        (0..2).filter_map(|allele| Some((&inputs[allele][..], reference.inputs[allele].as_deref()?))).collect();
    let between = |share: f64| {
        let point = |(x, r): &(&[f32], &[f32])| -> Vec<f32> {
            let number = |(x, r): (&f32, &f32)| (f64::from(*r) + share * f64::from(x - r)) as f32;
            x.iter().zip(*r).map(number).collect()
        };
        moving.iter().flat_map(point).collect::<Vec<f32>>()
    };
    let start = network.forward(between(0.0));
    let at_reference = network.predict(&[pair_of(own, reference, &start, 0)])[0].map(f64::from);
    let mut sums = inputs.each_ref().map(|input| vec![0.0f64; input.len()]);
    let points = gauss_legendre(STEPS);
    for some in points.chunks((BYTES / (2 * network.bytes()).max(1)).max(1)) {
        let passed = network.forward(some.iter().flat_map(|(share, _)| between(*share)).collect());
        let jobs: Vec<Job> = (0..some.len())
            .map(|number| Job {
                pair: pair_of(own, reference, &passed, number),
                reference: None,
                wanted: reference.wanted(),
            })
            .collect();
        for (found, (_, weight)) in network.backward(&jobs, target).iter().zip(some) {
            for (sum, m) in sums.iter_mut().zip(found) {
                sum.iter_mut().zip(m.iter().flatten()).for_each(|(sum, m)| *sum += weight * f64::from(*m));
            }
        }
    }
    let wanted = reference.wanted();
    let mut sums = sums.into_iter().zip(wanted);
    let mut next = || {
        let (sum, wanted) = sums.next()?;
        wanted.then(|| sum.into_iter().map(|x| x as f32).collect())
    };
    ([next(), next()], at_reference)
}

/// Pair number `number` of `of`, which holds the alleles that the reference replaces.
fn pair_of<'a>(own: [Window<'a>; 2], reference: &Reference, of: &'a Activations, number: usize) -> [Window<'a>; 2] {
    let mut next = number * reference.inputs.iter().flatten().count()..;
    [0, 1].map(|allele| match reference.inputs[allele] {
        Some(_) => Window { of, number: next.next().unwrap_or(0) },
        None => own[allele],
    })
}

/// Add to `sums` (4, window) what each base contributes, and return the sum of what the input contributes: of multipliers,
/// input and baseline (window, 4).
fn add_contributions(sums: &mut Array2<f64>, m: &[f32], input: &[f32], reference: Option<&[f32]>) -> f64 {
    let mut total = 0.0;
    for (position, mut column) in sums.columns_mut().into_iter().enumerate() {
        let span = position * BASES..(position + 1) * BASES;
        let (m, x) = (&m[span.clone()], &input[span.clone()]);
        let r = reference.map_or([0.0; BASES], |r| [0, 1, 2, 3].map(|base| r[span.start + base]));
        let of_reference: f64 = m.iter().zip(r).map(|(m, r)| f64::from(m * r)).sum();
        for base in 0..BASES {
            column[base] += f64::from(m[base]) - of_reference;
            total += f64::from(m[base]) * f64::from(x[base] - r[base]);
        }
    }
    total
}

#[cfg(test)]
#[path = "multipliers_tests.rs"]
mod tests;
