//! Networks of other software: an ONNX graph that reads one-hot sequences, with a description in TOML
//! (docs/annotation.md).
//!
//! | module | what it holds |
//! |---|---|
//! | `description` | the keys of a description |
//! | `layout` | the axes of the input |
//! | `input` | windows as the graph reads them, constants for its other inputs |
//! | `tensors` | values of the types that graphs read and return |
//! | `selection`, [`outputs`] | which elements of an output are used, on either strand, and on which scale |
//! | [`profile`] | how the signal is distributed along the window |
//! | `heads` | what is read for each `[[output]]`, in one pass |
//! | `probe` | the first predictions of a graph: shapes, and whether windows influence each other |
//!
//! Every distinct window of a call takes one full pass.

mod description;
mod heads;
mod input;
mod layout;
pub mod outputs;
mod probe;
pub mod profile;
mod selection;
mod tensors;

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::ArrayView2;

use crate::error::{Error, Result};
use crate::model::encode::flat;
use crate::model::onnx::external::description::{Description, StrandsShown};
use crate::model::onnx::external::heads::{Head, Signal, Tensors};
use crate::model::onnx::external::input::Input;
use crate::model::onnx::external::probe::probe;
use crate::model::onnx::session::{Graph, Sessions, Shared};
use crate::stats::divergence::jensen_shannon_distance;

/// A network with its description.
pub struct SequenceModel {
    path: PathBuf,
    sessions: Sessions,
    input: Input,
    strands: StrandsShown,
    tensors: Tensors,
    heads: Vec<Head>,
    /// Heads that are predicted.
    chosen: Range<usize>,
    /// Whether their names are those of fields.
    named: bool,
}

impl SequenceModel {
    /// Open the network of the description `path`, to be computed by up to `threads` threads.
    ///
    /// # Errors
    /// The description is wrong, or does not fit the graph, or the prediction of a window depends on the windows that are
    /// predicted together with it ([`ErrorKind::Format`](crate::error::ErrorKind::Format)); ONNX Runtime is absent or
    /// failed.
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        let description = Description::read(path)?;
        let channels = description.channels().ok_or_else(|| {
            Error::input(path, "bases must name each of A, C, G and T once, in the order of the channels")
        })?;
        let graph = description.graph(path);
        let file = fs::metadata(&graph).map_err(|e| Error::io(&graph, e))?;
        if !file.is_file() {
            return Err(Error::input(&graph, "is not a regular file, so it cannot be a model file"));
        }
        let sessions = Sessions::open(&graph, Graph::File, threads)?;
        let shared = sessions.shared();
        let of_graph = |problem: String| Error::input(&graph, problem);
        let mut input = Input::find(shared, &description, channels, path).map_err(of_graph)?;
        let tensors = Tensors::find(&description, path, shared, &graph)?;
        let probed = probe(shared, &input, &tensors.names(), &graph)?;
        if probed.one_by_one {
            (input.batch, input.chunk) = (Some(1), 1);
        }
        let heads = Head::all(&description, path, &tensors, &probed.shapes)?;
        let named = heads.iter().all(|head| head.is_field);
        let chosen = if named { 0..heads.len() } else { 0..1 };
        let strands = description.strands;
        Ok(SequenceModel { path: path.into(), sessions, input, strands, tensors, heads, chosen, named })
    }

    /// Predict the sample or output of this name from now on, and nothing else; before, it is all outputs that have a
    /// name, or the first sample of the description.
    ///
    /// # Errors
    /// There is no such sample; the message lists the samples.
    pub fn choose_sample(&mut self, name: &str) -> Result<()> {
        let number = self.heads.iter().position(|head| head.name == name).ok_or_else(|| {
            Error::input(&self.path, format!("describes no sample \"{name}\" (it has {})", self.samples().join(", ")))
        })?;
        (self.chosen, self.named) = (number..number + 1, false);
        Ok(())
    }

    /// Names of the samples or outputs.
    pub fn samples(&self) -> Vec<&str> {
        self.heads.iter().map(|head| head.name.as_str()).collect()
    }

    /// The outputs that are predicted: the name of their fields, or `None` for one that has none.
    pub fn outputs(&self) -> Vec<Option<&str>> {
        self.heads[self.chosen.clone()].iter().map(|head| self.named.then_some(head.name.as_str())).collect()
    }

    /// Whether a profile is predicted for the output `number` of [`outputs`](Self::outputs).
    pub fn has_profile(&self, number: usize) -> bool {
        self.heads[self.chosen.clone()].get(number).is_some_and(Head::has_profile)
    }

    /// What is added to the activity of the first of [`outputs`](Self::outputs) before its logarithm.
    pub fn pseudocount(&self) -> f64 {
        self.heads.get(self.chosen.start).map_or(0.0, Head::pseudocount)
    }

    /// Bases of a window.
    pub fn window(&self) -> usize {
        self.input.window
    }

    /// Predict the outputs of n windows in one pass, from byte codes ([`crate::model::encode`])
    /// (n, [`window`](Self::window)).
    ///
    /// # Errors
    /// The shape is another; ONNX Runtime failed, or its output is not of the size it had at first.
    pub fn predict(&mut self, windows: ArrayView2<u8>) -> Result<WindowSignals> {
        if windows.ncols() != self.window() {
            let (found, wanted) = (windows.dim(), self.window());
            return Err(Error::mismatch(format!("an array of shape {found:?} is not windows of {wanted} bases")));
        }
        let windows = flat(windows);
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut distinct: Vec<&[u8]> = Vec::new();
        let mut number = |window| {
            *numbers.entry(window).or_insert_with(|| {
                distinct.push(window);
                distinct.len() - 1
            })
        };
        let order: Vec<usize> = windows.chunks(self.window()).map(&mut number).collect();
        let heads = &self.heads[self.chosen.clone()];
        let mut signals: Vec<Vec<Signal>> = vec![heads.iter().map(Head::nothing).collect(); distinct.len()];
        let (input, tensors, chunk) = (&self.input, &self.tensors, self.input.chunk);
        let wanted = tensors.names();
        let shown: &[bool] = match self.strands {
            StrandsShown::Forward => &[false],
            StrandsShown::Both => &[false, true],
        };
        let weight = 1.0 / shown.len() as f64;
        let compute = |graph: &Shared, buffer: &mut Vec<f32>, (windows, out): (&[&[u8]], &mut [Vec<Signal>])| {
            let rows = if input.batch.is_some() { chunk } else { windows.len() };
            buffer.resize(rows * input.size(), 0.0);
            for &reverse in shown {
                for (codes, row) in windows.iter().zip(buffer.chunks_mut(input.size())) {
                    input.encode(codes, reverse, row);
                }
                let values = input.pass(graph, &wanted, rows, buffer)?;
                for (number, head) in heads.iter().enumerate() {
                    head.check_size(&values, tensors, rows)?;
                    for (row, signals) in out.iter_mut().enumerate() {
                        head.add(&values, row, reverse, weight, &mut signals[number])?;
                    }
                }
            }
            for signals in out {
                heads.iter().zip(signals).for_each(|(head, signal)| head.finish(signal));
            }
            Ok(())
        };
        let work = distinct.chunks(chunk).zip(signals.chunks_mut(chunk));
        self.sessions.run(distinct.len().div_ceil(chunk), work, compute)?;
        Ok(WindowSignals { order, signals })
    }
}

/// What a network predicts for windows.
pub struct WindowSignals {
    /// For each window the number of its signals: equal windows have the same.
    order: Vec<usize>,
    /// By output.
    signals: Vec<Vec<Signal>>,
}

impl WindowSignals {
    /// log2 of the activity of the window `number` by the output `output`; not finite where activity is not positive.
    ///
    /// # Panics
    /// There is no such window or output.
    pub fn log2(&self, number: usize, output: usize) -> f64 {
        self.signals[self.order[number]][output].activity
    }

    /// Jensen-Shannon distance of the profiles of two windows; `None` without a profile.
    ///
    /// # Panics
    /// As [`log2`](Self::log2).
    pub fn distance(&self, one: usize, two: usize, output: usize) -> Option<f64> {
        let profile = |number: usize| &self.signals[self.order[number]][output].profile;
        let (one, two) = (profile(one), profile(two));
        (!one.is_empty()).then(|| jensen_shannon_distance(one, two))
    }
}

#[cfg(test)]
mod tests;
