use std::fs;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::*;
use crate::model::architecture::{same_padding, RatioHead, Strands};
use crate::model::encode::{as_windows, encode};
use crate::model::published::checkpoint::read_checkpoint;
use crate::model::weights::random_weights;
use crate::model::Weights;
use crate::model::{Architecture, Kind};

/// Channels by positions, row after row, in double precision.
struct Map {
    channels: usize,
    length: usize,
    data: Vec<f64>,
}

/// The network written down once more, straight from its description and with nothing folded or batched.
struct Slow<'a> {
    architecture: &'a Architecture,
    weights: &'a Weights,
}

impl Slow<'_> {
    fn tensor(&self, name: &str) -> Vec<f64> {
        self.weights.0[name].data.iter().map(|&x| x as f64).collect()
    }

    fn block(&self, x: &Map, key: &str, dilation: usize) -> Map {
        let shape = &self.weights.0[&format!("{key}.0.weight")].shape;
        let (out, kernel, length) = (shape[0], shape[2], x.length);
        let (w, b) = (self.tensor(&format!("{key}.0.weight")), self.tensor(&format!("{key}.0.bias")));
        let left = same_padding(kernel, dilation).0;
        let mut data = vec![0.0; out * length];
        data.par_chunks_mut(length).enumerate().for_each(|(o, row)| {
            row.fill(b[o]);
            for c in 0..x.channels {
                let source = &x.data[c * length..][..length];
                for k in 0..kernel {
                    let weight = w[(o * x.channels + c) * kernel + k];
                    // Output position p reads source position p + k·dilation - left, zero outside.
                    let shift = (k * dilation) as isize - left as isize;
                    let from = shift.min(0).unsigned_abs().min(length);
                    let to = length.saturating_sub(shift.max(0) as usize);
                    for p in from..to {
                        row[p] += weight * source[(p as isize + shift) as usize];
                    }
                }
            }
            row.iter_mut().for_each(|v| *v = v.max(0.0));
        });
        if self.architecture.batch_norm {
            let part = |name: &str| self.tensor(&format!("{key}.2.{name}"));
            let (gamma, beta) = (part("weight"), part("bias"));
            let (mean, variance) = (part("running_mean"), part("running_var"));
            for (o, row) in data.chunks_mut(length).enumerate() {
                row.iter_mut().for_each(|v| *v = (*v - mean[o]) / (variance[o] + 1e-5).sqrt() * gamma[o] + beta[o]);
            }
        }
        Map { channels: out, length, data }
    }

    fn linear(&self, x: &[f64], key: &str, rectified: bool) -> Vec<f64> {
        let (w, b) = (self.tensor(&format!("{key}.0.weight")), self.tensor(&format!("{key}.0.bias")));
        let sum = |(row, b): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b;
        w.chunks(x.len()).zip(&b).map(sum).map(|v| if rectified { v.max(0.0) } else { v }).collect()
    }

    fn embed(&self, codes: &[u8]) -> Vec<f64> {
        let channel = |code: u8, c: u8| match code {
            0..=3 => (code == c) as u8 as f64,
            4 => 0.25,
            _ => 0.0,
        };
        let forward = |c: u8| codes.iter().map(move |&code| channel(code, c));
        let reverse = |c: u8| codes.iter().rev().map(move |&code| channel(code, 3 - c));
        let counted = self.counted(codes);
        match self.architecture.strands {
            Strands::Joined => self.tower((0..4).flat_map(|c| forward(c).chain(reverse(c))).collect(), &counted),
            Strands::Averaged => {
                let one = self.tower((0..4).flat_map(forward).collect(), &counted);
                let two = self.tower((0..4).flat_map(reverse).collect(), &counted);
                one.iter().zip(&two).map(|(a, b)| (a + b) / 2.0).collect()
            }
        }
    }

    /// What k-mers add to each unit of the dense layer: as letters on both strands, every one compared with all.
    fn counted(&self, codes: &[u8]) -> Vec<f64> {
        let (a, k) = (self.architecture, self.architecture.kmers);
        if k == 0 {
            return vec![0.0; a.hidden];
        }
        let reverse_complement: Vec<u8> = codes.iter().rev().map(|&c| if c < 4 { 3 - c } else { c }).collect();
        let number = 4usize.pow(k as u32);
        let bases = |j: usize| (0..k).map(move |i| (j / 4usize.pow((k - 1 - i) as u32) % 4) as u8);
        let share = |window: &[u8], j: usize| -> f64 {
            let doubtful = window.iter().filter(|&&c| c == 4).count();
            let fits = window.iter().zip(bases(j)).all(|(&c, base)| c == 4 || c == base);
            match (fits, doubtful) {
                (true, 0) => 1.0,
                (true, 1) => 0.25,
                _ => 0.0,
            }
        };
        let places = (codes.len() + 1 - k) as f64;
        let (expected, factor) = (2.0 * places / number as f64, 9.0 / (2.0 * places).sqrt());
        let seen: Vec<f64> = (0..number)
            .map(|j| {
                let count = |strand: &[u8]| strand.windows(k).map(|w| share(w, j)).sum::<f64>();
                (count(codes) + count(&reverse_complement) - expected) * factor
            })
            .collect();
        let weight = self.tensor("kmers.weight");
        weight.chunks(number).map(|row| row.iter().zip(&seen).map(|(w, x)| w * x).sum()).collect()
    }

    /// Embedding of an input of four channels, and of what is added to the dense layer.
    fn tower(&self, data: Vec<f64>, counted: &[f64]) -> Vec<f64> {
        let a = self.architecture;
        let input = Map { channels: 4, length: data.len() / 4, data };
        let mut x = self.block(&self.block(&input, "conv0", 1), "convlayers.0", 1);
        for stage in 0..a.conv_layers {
            for repeat in 0..a.conv_repeat {
                let branch = self.block(&x, &a.residual_key(stage, repeat), a.dilation);
                x.data.iter_mut().zip(&branch.data).for_each(|(x, y)| *x += y);
            }
            let rows = x.data.chunks(x.length);
            let mean = |w: &[f64]| w.iter().sum::<f64>() / w.len() as f64;
            x.data = rows.flat_map(|row| row.chunks(a.pooling_size).map(mean)).collect();
            x.length = x.length.div_ceil(a.pooling_size);
        }
        let sums = self.linear(&x.data, "fc0", false);
        sums.iter().zip(counted).map(|(a, b)| (a + b).max(0.0)).collect()
    }

    fn head(&self, x: &[f64], layers: &str, output: &str, rectified: bool) -> Vec<f64> {
        let mut x = x.to_vec();
        for layer in 0..self.architecture.h_layers {
            x = self.linear(&x, &format!("{layers}.{layer}"), true);
        }
        self.linear(&x, output, rectified)
    }

    /// Counts of both alleles, ratio and swapped ratio of sample `sample`.
    fn predict(&self, one: &[u8], two: &[u8], sample: usize) -> [f64; 4] {
        let a = self.architecture;
        let e = [self.embed(one), self.embed(two)];
        let count = |e: &[f64]| self.head(e, "fclayers", a.count_output_key(), a.kind == Kind::Single)[sample];
        let counts = [count(&e[0]), count(&e[1])];
        let head =
            |i: usize, j: usize| self.head(&[&e[i][..], &e[j]].concat(), "ratio_fclayers", "ratio_out", false)[sample];
        let ratio = |i: usize, j: usize| match (a.kind, a.ratio_head) {
            (Kind::Paired, RatioHead::Free) => head(i, j),
            (Kind::Paired, RatioHead::Antisymmetric) => (head(i, j) - head(j, i)) / 2.0,
            _ => counts[i] - counts[j],
        };
        [counts[0], counts[1], ratio(0, 1), ratio(1, 0)]
    }
}

fn numbers(p: &Prediction) -> [f64; 4] {
    [p.count1, p.count2, p.ratio, p.ratio_swapped].map(f64::from)
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{what}: {found:?}, expected {expected:?}");
    }
}

/// What the predictor says of pairs of windows that follow one another.
fn predict(predictor: &mut Predictor, one: &[u8], two: &[u8]) -> Vec<Prediction> {
    let window = predictor.window();
    predictor.predict(as_windows(one, window).unwrap(), as_windows(two, window).unwrap()).unwrap()
}

fn opened(info: &ModelInfo, weights: &Weights, threads: usize) -> Predictor {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::write(&path, crate::model::onnx::export::export(info, weights).unwrap()).unwrap();
    Predictor::open(&path, threads).unwrap()
}

/// Random pairs with a few N, some shorter than the window, the second a mutated copy of the first.
fn random_pairs(window: usize, count: usize, seed: u64) -> [Vec<u8>; 2] {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut pairs = [vec![], vec![]];
    for pair in 0..count {
        let bases = window - (pair * window / (3 * count));
        let one: Vec<u8> = (0..bases).map(|_| b"ACGTACGTACGTACGN"[generator.random_range(0..16)]).collect();
        let mut two = one.clone();
        for _ in 0..3 {
            two[generator.random_range(0..bases)] = b"ACGT"[generator.random_range(0..4)];
        }
        two.truncate(bases - bases.min(pair));
        pairs[0].extend(encode(&one, window).unwrap());
        pairs[1].extend(encode(&two, window).unwrap());
    }
    pairs
}

fn agrees_with_slow(architecture: Architecture, pairs: usize, tolerance: f64) {
    let mut weights = random_weights(&architecture, 11);
    // Some batch norms with a negative scale: rare in training, but nothing forbids them.
    if let Some(gamma) = weights.0.get_mut("convlayers.1._module.2.weight") {
        gamma.data.iter_mut().step_by(3).for_each(|g| *g = -*g);
    }
    // A rectified output that is zero for every input would agree with anything.
    if let Some(bias) = weights.0.get_mut("out.0.bias") {
        bias.data[0] += 1.0;
    }
    let mut info = ModelInfo::new(architecture.clone());
    info.samples = (0..architecture.outputs).map(|s| format!("sample {s}")).collect();
    let [one, two] = random_pairs(architecture.window, pairs, 5);
    let mut predictor = opened(&info, &weights, 2);
    let slow = Slow { architecture: &architecture, weights: &weights };
    for sample in 0..architecture.outputs {
        predictor.choose_sample(&format!("sample {sample}")).unwrap();
        let found = predict(&mut predictor, &one, &two);
        let (one, two) = (one.chunks(architecture.window), two.chunks(architecture.window));
        for (found, (one, two)) in found.iter().zip(one.zip(two)) {
            let expected = slow.predict(one, two, sample);
            assert_close(&numbers(found), &expected, tolerance, &format!("{architecture:?}"));
            assert_eq!(found.spread, None);
        }
    }
}

#[test]
fn presets_agree_with_the_description() {
    for (name, pairs) in [("atac", 2), ("chip", 1), ("rna", 1), ("small", 5)] {
        agrees_with_slow(Architecture::preset(name, Kind::Paired).unwrap(), pairs, 1e-6);
    }
    for kind in [Kind::Difference, Kind::Single] {
        agrees_with_slow(Architecture::preset("small", kind).unwrap(), 5, 1e-6);
    }
}

#[test]
fn unusual_sizes_agree_with_the_description() {
    let tiny = Architecture {
        window: 37,
        kernel_number: 5,
        filter_number: 7,
        hidden: 6,
        ..Architecture::preset("small", Kind::Paired).unwrap()
    };
    for architecture in [
        Architecture { dilation: 2, kernel_size: 4, kernel_length: 6, ..tiny.clone() },
        Architecture { conv_repeat: 3, conv_layers: 2, ..tiny.clone() },
        Architecture { batch_norm: false, ..tiny.clone() },
        Architecture { conv_layers: 0, h_layers: 0, ..tiny.clone() },
        // Kernels longer than what the pools leave, and pools of a single element.
        Architecture { conv_layers: 6, pooling_size: 3, ..tiny.clone() },
        Architecture { pooling_size: 1, kernel_size: 1, ..tiny.clone() },
        Architecture { window: 1, ..tiny.clone() },
        Architecture { strands: Strands::Averaged, ..tiny.clone() },
        Architecture { kmers: 4, ..tiny.clone() },
        Architecture { strands: Strands::Averaged, kmers: 2, ..tiny.clone() },
        Architecture { window: 5, kmers: 5, ..tiny.clone() },
        Architecture { ratio_head: RatioHead::Antisymmetric, outputs: 3, ..tiny.clone() },
        Architecture {
            strands: Strands::Averaged,
            ratio_head: RatioHead::Antisymmetric,
            outputs: 2,
            kernel_size: 4,
            ..tiny.clone()
        },
    ] {
        for kind in Kind::ALL {
            agrees_with_slow(Architecture { kind, ..architecture.clone() }, 3, 1e-6);
        }
    }
}

/// Lines of a tab-separated file below its header, split.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(String::from).collect()).collect()
}

#[test]
fn published_predictions_are_reproduced() {
    for folder in ["mh", "cr", "sh"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data/parity").join(folder);
        let (architecture, weights) = read_checkpoint(&folder.join("model.ckpt")).unwrap();
        let mut predictor = opened(&ModelInfo::new(architecture.clone()), &weights, 2);
        let mut alleles = [vec![], vec![]];
        for line in table(&folder.join("pairs.tsv")) {
            for (allele, codes) in line[1..].iter().zip(&mut alleles) {
                codes.extend(encode(allele.as_bytes(), architecture.window).unwrap());
            }
        }
        let expected = table(&folder.join("predictions.tsv"));
        let found = predict(&mut predictor, &alleles[0], &alleles[1]);
        let exchanged = predict(&mut predictor, &alleles[1], &alleles[0]);
        assert_eq!(found.len(), expected.len());
        assert!(!found.is_empty());
        for ((found, exchanged), line) in found.iter().zip(&exchanged).zip(&expected) {
            let expected: Vec<f64> = line[1..].iter().map(|n| n.parse().unwrap()).collect();
            assert_close(&numbers(found)[..expected.len()], &expected, 1e-4, &format!("{folder:?} {}", line[0]));
            assert!((found.ratio_swapped - exchanged.ratio).abs() < 1e-5);
            assert!((found.antisymmetric_ratio() + exchanged.antisymmetric_ratio()).abs() < 1e-5);
        }
    }
}

#[test]
fn threads_and_company_do_not_change_a_prediction() {
    let info = ModelInfo::new(Architecture::preset("small", Kind::Paired).unwrap());
    let weights = random_weights(&info.architecture, 1);
    let [one, two] = random_pairs(info.architecture.window, 67, 2);
    let by_threads = |threads| predict(&mut opened(&info, &weights, threads), &one, &two);
    let alone = by_threads(1);
    assert_eq!(by_threads(2), alone);
    assert_eq!(by_threads(5), alone);
    let mut predictor = opened(&info, &weights, 1);
    for (i, (one, two)) in one.chunks(512).zip(two.chunks(512)).enumerate() {
        let single = predict(&mut predictor, one, two)[0];
        assert_eq!(single, alone[i]);
    }
    assert!(predict(&mut predictor, &[], &[]).is_empty());
    let windows = |count: usize, length: usize| as_windows(&one[..count * length], length).unwrap();
    assert!(predictor.predict(windows(2, 512), windows(1, 512)).is_err());
    assert!(predictor.predict(windows(1, 100), windows(1, 100)).is_err());
}

#[test]
fn files_that_are_no_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let complaint = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        let message = Predictor::open(&path, 1).err().expect("refused").to_string();
        assert!(!message.contains('\n') && message.contains("model.onnx"), "{message}");
        message
    };
    assert!(complaint(b"").contains("not an ONNX model"));
    assert!(complaint(b"hello").contains("not an ONNX model"));
    let info = ModelInfo::new(Architecture::preset("small", Kind::Paired).unwrap());
    let good = crate::model::onnx::export::export(&info, &random_weights(&info.architecture, 1)).unwrap();
    complaint(&good[..good.len() / 2]);
    complaint(&good[..good.len() - 1]);
    // Metadata of one network on the graph of another.
    let other = ModelInfo::new(Architecture { window: 300, ..info.architecture.clone() });
    let mut mixed = good.clone();
    let at = good.windows(3).rposition(|w| w == b"512").unwrap();
    mixed[at..at + 3].copy_from_slice(b"300");
    assert_eq!(crate::model::onnx::export::read_info(&mixed).unwrap(), other);
    assert!(complaint(&mixed).contains("does not fit its own metadata"));
    assert!(Predictor::open(folder.path(), 1).err().unwrap().to_string().contains("not a regular file"));
    assert!(Predictor::open(&folder.path().join("none"), 1).is_err());
}

fn sound(window: usize) -> Architecture {
    Architecture {
        window,
        kernel_number: 8,
        filter_number: 6,
        hidden: 5,
        strands: Strands::Averaged,
        ratio_head: RatioHead::Antisymmetric,
        outputs: 2,
        kmers: 3,
        ..Architecture::preset("small", Kind::Paired).unwrap()
    }
}

#[test]
fn an_antisymmetric_head_on_averaged_strands_keeps_its_promises() {
    let architecture = sound(60);
    let mut weights = random_weights(&architecture, 4);
    weights.0.get_mut("ratio_bias").unwrap().data = vec![0.5, -0.25];
    let mut info = ModelInfo::new(architecture);
    info.samples = vec!["a".into(), "b".into()];
    let mut predictor = opened(&info, &weights, 1);
    assert_eq!(predictor.info().ratio_bias, [0.5, -0.25]);
    let [one, two] = random_pairs(60, 6, 9);
    let reverse_complement = |codes: &[u8]| -> Vec<u8> {
        let strand = |w: &[u8]| w.iter().rev().map(|&c| if c < 4 { 3 - c } else { c }).collect::<Vec<u8>>();
        codes.chunks(60).flat_map(strand).collect()
    };
    for sample in ["a", "b"] {
        predictor.choose_sample(sample).unwrap();
        let given = predict(&mut predictor, &one, &two);
        let exchanged = predict(&mut predictor, &two, &one);
        let same = predict(&mut predictor, &one, &one);
        let opposite = predict(&mut predictor, &reverse_complement(&one), &reverse_complement(&two));
        assert!(given.iter().any(|p| p.ratio.abs() > 1e-5));
        for (((g, e), s), o) in given.iter().zip(&exchanged).zip(&same).zip(&opposite) {
            assert_eq!(g.ratio, -e.ratio);
            assert_eq!((g.ratio_swapped, g.count1), (-g.ratio, e.count2));
            assert_eq!(s.ratio, 0.0);
            assert_close(&numbers(o), &numbers(g), 1e-5, "reverse complements");
        }
    }
    let refused = predictor.choose_sample("c").unwrap_err().to_string();
    assert!(refused.contains("\"c\" (it has a, b)"), "{refused}");
}

#[test]
fn an_ensemble_is_the_mean_and_spread_of_its_members() {
    let architecture = sound(45);
    let members: Vec<Weights> = (1..=3).map(|seed| random_weights(&architecture, seed)).collect();
    let info = ModelInfo::new(architecture);
    let [one, two] = random_pairs(45, 5, 2);
    let alone: Vec<Vec<Prediction>> = members.iter().map(|w| predict(&mut opened(&info, w, 1), &one, &two)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::write(&path, crate::model::onnx::export::export_ensemble(&info, &members).unwrap()).unwrap();
    let mut predictor = Predictor::open(&path, 2).unwrap();
    assert_eq!(predictor.info().members, 3);
    for (i, found) in predict(&mut predictor, &one, &two).iter().enumerate() {
        let each: Vec<[f64; 4]> = alone.iter().map(|p| numbers(&p[i])).collect();
        let mean: Vec<f64> = (0..4).map(|k| each.iter().map(|e| e[k]).sum::<f64>() / 3.0).collect();
        let spread = |k: usize| (each.iter().map(|e| (e[k] - mean[k]).powi(2)).sum::<f64>() / 2.0).sqrt();
        assert_close(&numbers(found), &mean, 1e-5, "mean");
        let found = found.spread.expect("an ensemble has a spread").map(f64::from);
        assert_close(&found, &[spread(0), spread(1), spread(2)], 1e-5, "spread");
    }
    assert!(crate::model::onnx::export::export_ensemble(&info, &[]).is_err());
}
