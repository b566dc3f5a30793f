//! Inference with ONNX Runtime.
//!
//! Pairs are cut into chunks of a size that does not depend on the number of threads (`crate::model::onnx::session`), so that
//! memory does not grow with the number of pairs.

use std::path::{Path, PathBuf};

use ndarray::ArrayView2;
use ort::value::{Outlet, TensorRef};

use crate::error::{Error, Result};
use crate::model::encode::{flat, one_hot_into};
use crate::model::onnx::export::{self, INPUTS, OUTPUTS, SPREAD};
use crate::model::onnx::session::{one_line, Graph, Sessions, Shared};
use crate::model::ModelInfo;

/// The outputs of the network for one pair, in its own logarithm (see [`ModelInfo::targets`]).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Signal of haplotype 1.
    pub count1: f32,
    /// Signal of haplotype 2.
    pub count2: f32,
    /// Haplotype 1 over haplotype 2.
    pub ratio: f32,
    /// The same output with the alleles swapped; -`ratio` unless the network has a free ratio head.
    pub ratio_swapped: f32,
    /// Standard deviations of `count1`, `count2` and `ratio` over the members of an ensemble.
    pub spread: Option<[f32; 3]>,
}

impl Prediction {
    /// Half the difference of both directions: swapping the haplotypes gives exactly its negative.
    pub fn antisymmetric_ratio(&self) -> f32 {
        (self.ratio - self.ratio_swapped) / 2.0
    }
}

/// A model file ready to predict.
pub struct Predictor {
    path: PathBuf,
    info: ModelInfo,
    sessions: Sessions,
    /// Number of the sample that is predicted.
    sample: usize,
}

impl Predictor {
    /// Open a model file. `threads` is how many cores to use, at least 1.
    ///
    /// # Errors
    /// The file is not a model of this suite ([`ErrorKind::Format`](crate::error::ErrorKind::Format)), or ONNX Runtime is absent or too old ([`ErrorKind::Engine`](crate::error::ErrorKind::Engine)).
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        let (model, info) = export::read_model_file(path)?;
        let sessions = Sessions::open(path, Graph::Bytes(model), threads)?;
        let predictor = Predictor { path: path.into(), info, sessions, sample: 0 };
        predictor.check(predictor.sessions.shared())?;
        Ok(predictor)
    }

    /// Predict the sample of this name from now on; before, it is the first of the model.
    ///
    /// # Errors
    /// The model has no such sample; the message lists those it has.
    pub fn choose_sample(&mut self, name: &str) -> Result<()> {
        self.sample = self.info.sample_number(name).map_err(|e| Error::input(&self.path, e.to_string()))?;
        Ok(())
    }

    /// Name of the sample that is predicted, if the model knows it.
    pub fn sample(&self) -> Option<&str> {
        self.info.samples.get(self.sample).map(String::as_str)
    }

    /// The metadata of the file.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.info.architecture.window
    }

    /// The bytes of the file.
    pub(crate) fn model(&self) -> &[u8] {
        self.sessions.bytes()
    }

    /// Number of the sample that is predicted among those of the model.
    pub(crate) fn sample_number(&self) -> usize {
        self.sample
    }

    /// Cores to use.
    pub(crate) fn threads(&self) -> usize {
        self.sessions.threads()
    }

    /// A good number of pairs for one call: enough that every thread has several chunks.
    pub fn batch(&self) -> usize {
        self.chunk() * self.threads() * 4
    }

    /// Pairs of one chunk.
    fn chunk(&self) -> usize {
        chunk_of(self.info.architecture.window)
    }

    /// Predict n pairs from the byte codes ([`crate::model::encode`]) of both alleles, (n, [`window`](Self::window)).
    ///
    /// # Errors
    /// The shapes differ or are others; ONNX Runtime failed.
    pub fn predict(&mut self, haplotype1: ArrayView2<u8>, haplotype2: ArrayView2<u8>) -> Result<Vec<Prediction>> {
        let window = self.window();
        let pairs = count_pairs(haplotype1, haplotype2, window)?;
        let (haplotype1, haplotype2) = (flat(haplotype1), flat(haplotype2));
        let chunk = self.chunk();
        let mut out = vec![Prediction::default(); pairs];
        let span = chunk * window;
        let inputs = haplotype1.chunks(span).zip(haplotype2.chunks(span));
        let heads =
            Heads { outputs: self.info.architecture.outputs, sample: self.sample, ensemble: self.info.members > 1 };
        self.sessions.run(
            pairs.div_ceil(chunk),
            inputs.zip(out.chunks_mut(chunk)),
            |graph, buffers: &mut [Vec<f32>; 2], ((one, two), out)| {
                compute(graph, [one, two], window, heads, buffers, out)
            },
        )?;
        Ok(out)
    }

    /// The metadata are of this suite: check that the graph fits them.
    fn check(&self, graph: &Shared) -> Result<()> {
        let shape = |outlets: &[Outlet], name: &str| -> Option<Vec<i64>> {
            let outlet = outlets.iter().find(|outlet| outlet.name() == name)?;
            Some(outlet.dtype().tensor_shape()?.to_vec())
        };
        let fits = INPUTS.iter().all(|name| {
            shape(graph.inputs(), name).is_some_and(|s| s.len() == 3 && s[1..] == [4, self.window() as i64])
        }) && OUTPUTS.iter().all(|name| shape(graph.outputs(), name).is_some())
            && (self.info.members == 1 || shape(graph.outputs(), SPREAD).is_some());
        if !fits || graph.inputs().len() != INPUTS.len() {
            return Err(Error::input(&self.path, "has a graph that does not fit its own metadata; export it again"));
        }
        Ok(())
    }
}

/// Pairs of windows in two arrays of codes.
pub(crate) fn count_pairs(haplotype1: ArrayView2<u8>, haplotype2: ArrayView2<u8>, window: usize) -> Result<usize> {
    if haplotype1.dim() != haplotype2.dim() || haplotype1.ncols() != window {
        return Err(Error::mismatch(format!(
            "arrays of shape {:?} and {:?} are not pairs of windows of {window} bases",
            haplotype1.dim(),
            haplotype2.dim()
        )));
    }
    Ok(haplotype1.nrows())
}

/// See [`Predictor::chunk`]. The speed hardly depends on it (within 20 % from 1 to 32 pairs of 330 bases, on cores
/// with AVX-512), so it is chosen for memory: some ten megabytes for the widest tensor of the largest preset.
fn chunk_of(window: usize) -> usize {
    (2640 / window).max(1)
}

/// Which values are taken from a model's outputs.
#[derive(Clone, Copy)]
struct Heads {
    /// Samples the model predicts.
    outputs: usize,
    /// Number of the sample that is predicted.
    sample: usize,
    ensemble: bool,
}

fn compute(
    graph: &Shared,
    codes: [&[u8]; 2],
    window: usize,
    heads: Heads,
    buffers: &mut [Vec<f32>; 2],
    out: &mut [Prediction],
) -> std::result::Result<(), String> {
    let pairs = out.len();
    for (codes, buffer) in codes.iter().zip(buffers.iter_mut()) {
        buffer.resize(pairs * 4 * window, 0.0);
        for (codes, rows) in codes.chunks(window).zip(buffer.chunks_mut(4 * window)) {
            one_hot_into(codes, rows);
        }
    }
    let text = |e: ort::Error| one_line(&e.to_string());
    let [one, two] = &*buffers;
    let one = TensorRef::from_array_view(([pairs, 4, window], &one[..])).map_err(text)?;
    let two = TensorRef::from_array_view(([pairs, 4, window], &two[..])).map_err(text)?;
    let Heads { outputs, sample, ensemble } = heads;
    let wanted = [OUTPUTS[0], OUTPUTS[1], SPREAD];
    let wanted = if ensemble { &wanted[..] } else { &wanted[..2] };
    let results = graph.run(&[(INPUTS[0], one.into()), (INPUTS[1], two.into())], wanted)?;
    let read = |number: usize, width: usize| {
        let name = wanted[number];
        let (_, numbers) = results.list()[number].try_extract_tensor::<f32>().map_err(text)?;
        match numbers.len() == pairs * width {
            true => Ok(numbers),
            false => Err(format!("output {name} has {} numbers for {pairs} pairs", numbers.len())),
        }
    };
    let (predicted, swapped) = (read(0, 3 * outputs)?, read(1, outputs)?);
    let spread = ensemble.then(|| read(2, 3 * outputs)).transpose()?;
    let three = |values: &[f32], i: usize| [0, 1, 2].map(|head| values[(3 * i + head) * outputs + sample]);
    for (i, slot) in out.iter_mut().enumerate() {
        let [count1, count2, ratio] = three(predicted, i);
        let spread = spread.map(|s| three(s, i));
        *slot = Prediction { count1, count2, ratio, ratio_swapped: swapped[i * outputs + sample], spread };
    }
    Ok(())
}

#[cfg(test)]
#[path = "predictor_tests.rs"]
mod tests;
