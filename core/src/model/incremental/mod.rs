//! Incremental inference: where two windows differ at few positions, only activations inside the receptive field of
//! the differences are recomputed.
//!
//! A variant changes a small part of the input of each layer. The tower runs once over the whole window with the
//! reference allele (the reference window), and the input of each layer is kept. For each alternative window only the
//! positions that its differences can reach are recomputed, layer by layer; pools make them fewer again; the dense
//! layer adds the change to its sums for the reference. The heads run in full. (After fastISM, Nair et al. 2022, and
//! Yuzu, Schreiber et al. 2022.)
//!
//! Reference windows that overlap, such as those centred on neighbouring variants, share the activations before the
//! first pool: these are computed once for the merged sequence, and near the ends of each window for that window.
//! After the pool the positions of each window are its own.
//!
//! Convolutions are matrix products (`product`) over many windows at once, on all threads. A result depends on its
//! pair of windows alone, not on the number of threads or on the pairs predicted with it. It differs from a full pass
//! of ONNX Runtime by rounding, less than 1e-5 of 1 + its absolute value.
//!
//! Windows that differ at many positions (after an insertion, for example) need no other method: the cost grows with
//! the positions reached, up to one pass of the tower for the alternative, in addition to one for the reference, which
//! others share. As measured (docs/benchmarks.md), insertions cost less than full passes even where each has its own
//! reference.
//!
//! | module | what it holds |
//! |---|---|
//! | `engine` | references and alternatives of a call, in batches |
//! | `groups` | pairs grouped by reference window |
//! | `receptive_field` | where windows differ, and how far that reaches |
//! | `overlap` | windows that overlap, merged |
//! | `product` | rows gathered from parts, times a matrix of weights |
//! | `first_convolution` | the first convolution: sums of rows of a table |
//! | `kmer_table` | the contribution of k-mers to the dense layer |
//! | `tower` | convolutions, pools and the dense layer, in full or where something changed |
//! | `heads` | embeddings to counts and ratios |

mod engine;
mod first_convolution;
mod groups;
mod heads;
mod kmer_table;
mod overlap;
pub(in crate::model) mod product;
mod receptive_field;
mod tower;

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::error::{Error, Result};
use crate::model::encode::{as_windows, flat};
use crate::model::incremental::engine::Engine;
use crate::model::onnx::initializers::read_weights;
use crate::model::onnx::predictor::{count_pairs, Prediction, Predictor};
use crate::model::ModelInfo;
use crate::stats::moments::mean_and_deviation;

/// Pairs that take full passes at once, where the model's graph is unknown.
const FULL_PASSES: usize = 256;

/// Passes through the tower, counted once for all members of an ensemble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// Whole windows, or merged windows up to the first pool.
    pub whole: u64,
    /// Whole windows from the first pool on.
    pub overlapping: u64,
    /// Alternatives, recomputed where they differ from their reference.
    pub incremental: u64,
}

/// A model that predicts pairs of windows that differ at few positions.
pub struct IncrementalPredictor {
    info: ModelInfo,
    backend: Backend,
}

enum Backend {
    Incremental(Box<Engine>),
    /// For a graph that this suite did not write.
    Full(Box<Predictor>),
}

impl IncrementalPredictor {
    /// Take over an open model, with the sample chosen in it.
    pub fn new(predictor: Predictor) -> Self {
        let info = predictor.info().clone();
        let engine = read_weights(predictor.model(), &info).and_then(|members| {
            Engine::new(&info.architecture, &members, predictor.sample_number(), predictor.threads())
        });
        let backend = match engine {
            Some(engine) => Backend::Incremental(Box::new(engine)),
            None => Backend::Full(Box::new(predictor)),
        };
        IncrementalPredictor { info, backend }
    }

    /// The metadata of the model file.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.info.architecture.window
    }

    /// Passes so far; `None` if the model's graph is unknown, so that every pair takes two full passes.
    pub fn passes(&self) -> Option<Passes> {
        match &self.backend {
            Backend::Incremental(engine) => Some(engine.passes()),
            Backend::Full(_) => None,
        }
    }

    /// Predict n pairs as [`Predictor::predict`] does, from byte codes (n, window). `haplotype2` holds the reference
    /// windows: each distinct one is computed in full, once, and the windows of `haplotype1` only where they differ.
    ///
    /// # Errors
    /// The shapes differ or are not (n, [`window`](Self::window)); the engine failed.
    pub fn predict(&mut self, haplotype1: ArrayView2<u8>, haplotype2: ArrayView2<u8>) -> Result<Vec<Prediction>> {
        count_pairs(haplotype1, haplotype2, self.window())?;
        match &mut self.backend {
            Backend::Incremental(engine) => {
                let by_pair = engine.predict(&flat(haplotype1), &flat(haplotype2))?;
                Ok(by_pair.iter().map(|members| summarise(members)).collect())
            }
            Backend::Full(predictor) => predictor.predict(haplotype1, haplotype2),
        }
    }

    /// As [`IncrementalPredictor::predict`], but the predictions of each member, (n, [`members`](Self::members)).
    ///
    /// # Errors
    /// As [`IncrementalPredictor::predict`].
    pub fn predict_members(
        &mut self,
        haplotype1: ArrayView2<u8>,
        haplotype2: ArrayView2<u8>,
    ) -> Result<Array2<Prediction>> {
        let pairs = count_pairs(haplotype1, haplotype2, self.window())?;
        let members = self.members();
        match &mut self.backend {
            Backend::Incremental(engine) => {
                let by_pair = engine.predict(&flat(haplotype1), &flat(haplotype2))?;
                Ok(Array2::from_shape_fn((pairs, members), |(pair, member)| prediction(by_pair[pair][member])))
            }
            Backend::Full(predictor) => {
                let predictions = predictor.predict(haplotype1, haplotype2)?;
                Ok(Array2::from_shape_fn((pairs, members), |(pair, _)| predictions[pair]))
            }
        }
    }

    /// The predictions of each member for a pair of windows, byte codes (window), and for the pair with each window of
    /// `changed` in the place of the allele (0 or 1) that it comes with: (1 + changed, [`members`](Self::members)). Only
    /// positions in which a window differs from that allele are computed.
    ///
    /// # Errors
    /// A window has another length; the engine failed.
    pub fn predict_changed(
        &mut self,
        pair: [ArrayView1<u8>; 2],
        changed: &[(usize, Vec<u8>)],
    ) -> Result<Array2<Prediction>> {
        let pair = pair.map(|window| window.to_vec());
        let lengths = pair.iter().chain(changed.iter().map(|(_, window)| window)).map(Vec::len);
        if let Some(other) = { lengths }.find(|length| *length != self.window()) {
            return Err(Error::mismatch(format!("windows of {other} and not of {} bases", self.window())));
        }
        let members = self.members();
        match &mut self.backend {
            Backend::Incremental(engine) => {
                let changed: Vec<(usize, &[u8])> =
                    changed.iter().map(|(allele, window)| (*allele, &window[..])).collect();
                let by_pair = engine.predict_changed([&pair[0], &pair[1]], &changed)?;
                Ok(Array2::from_shape_fn((by_pair.len(), members), |(pair, member)| prediction(by_pair[pair][member])))
            }
            Backend::Full(predictor) => {
                let window = pair[0].len();
                let mut predictions = Vec::with_capacity(1 + changed.len());
                let whole = [(0, pair[0].clone())];
                let all: Vec<&(usize, Vec<u8>)> = whole.iter().chain(changed).collect();
                for some in all.chunks(FULL_PASSES) {
                    let of = |allele: usize| -> Vec<u8> {
                        some.iter()
                            .flat_map(|one| if one.0 == allele { &one.1 } else { &pair[allele] })
                            .copied()
                            .collect()
                    };
                    let [one, two] = [of(0), of(1)];
                    predictions.extend(predictor.predict(as_windows(&one, window)?, as_windows(&two, window)?)?);
                }
                Ok(Array2::from_shape_fn((predictions.len(), members), |(pair, _)| predictions[pair]))
            }
        }
    }

    /// Networks whose predictions are known separately: those of the ensemble, but 1 if the model's graph is unknown.
    pub fn members(&self) -> usize {
        match &self.backend {
            Backend::Incremental(engine) => engine.members(),
            Backend::Full(_) => 1,
        }
    }
}

/// That of one member.
fn prediction([count1, count2, ratio, ratio_swapped]: [f32; 4]) -> Prediction {
    Prediction { count1, count2, ratio, ratio_swapped, spread: None }
}

/// Mean and standard deviation over the members' predictions of a pair.
fn summarise(members: &[[f32; 4]]) -> Prediction {
    let of = |value: usize| mean_and_deviation(members.iter().map(move |member| f64::from(member[value])));
    let ([count1, count2, ratio], ratio_swapped) = ([0, 1, 2].map(of), of(3).0 as f32);
    let spread = match (count1.1, count2.1, ratio.1) {
        (Some(one), Some(two), Some(three)) => Some([one as f32, two as f32, three as f32]),
        _ => None,
    };
    Prediction { count1: count1.0 as f32, count2: count2.0 as f32, ratio: ratio.0 as f32, ratio_swapped, spread }
}

#[cfg(test)]
mod tests;
