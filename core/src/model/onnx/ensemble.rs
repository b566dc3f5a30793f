//! The networks of one or several model files that read the same windows, as one ensemble.

use ndarray::{concatenate, s, Array2, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::model::incremental::IncrementalPredictor;
use crate::model::onnx::external::SequenceModel;
use crate::model::onnx::predictor::count_pairs;
use crate::model::window::WindowRule;

/// The prediction of one network for a pair of windows, in log2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MemberPrediction {
    /// Signal of haplotype 1 and of haplotype 2.
    pub counts: [f64; 2],
    /// Haplotype 1 over haplotype 2.
    pub ratio: f64,
    /// The same output with the alleles swapped.
    pub ratio_swapped: f64,
}

impl MemberPrediction {
    /// Half the difference of both directions: swapping the haplotypes gives exactly its negative.
    pub fn antisymmetric_ratio(&self) -> f64 {
        (self.ratio - self.ratio_swapped) / 2.0
    }
}

/// A model of either kind.
pub enum Network {
    /// Made by this suite: it reads pairs.
    Paired(Box<IncrementalPredictor>),
    /// Made by other software: it reads one sequence, and a ratio is the difference of two predictions.
    Sequence(Box<SequenceModel>),
}

impl From<IncrementalPredictor> for Network {
    fn from(model: IncrementalPredictor) -> Self {
        Network::Paired(Box::new(model))
    }
}

impl From<SequenceModel> for Network {
    fn from(model: SequenceModel) -> Self {
        Network::Sequence(Box::new(model))
    }
}

impl Network {
    /// Bases of a window, and which bases of a region they are.
    fn windows(&self) -> (usize, WindowRule) {
        match self {
            Network::Paired(model) => (model.window(), model.info().windows),
            Network::Sequence(model) => (model.window(), WindowRule::default()),
        }
    }

    fn members(&self) -> usize {
        match self {
            Network::Paired(model) => model.members(),
            Network::Sequence(_) => 1,
        }
    }

    /// Predictions (n, members) of n pairs.
    fn predict(&mut self, haplotype1: ArrayView2<u8>, haplotype2: ArrayView2<u8>) -> Result<Array2<MemberPrediction>> {
        match self {
            Network::Paired(model) => {
                let targets = model.info().targets;
                let log2 = |x: f32| targets.log2(x.into());
                Ok(model.predict_members(haplotype1, haplotype2)?.map(|p| MemberPrediction {
                    counts: [log2(p.count1), log2(p.count2)],
                    ratio: log2(p.ratio),
                    ratio_swapped: log2(p.ratio_swapped),
                }))
            }
            Network::Sequence(model) => {
                let pairs = count_pairs(haplotype1, haplotype2, model.window())?;
                // One call, so that a window that both alleles have is computed once.
                let values = model.predict(concatenate![Axis(0), haplotype1, haplotype2].view())?;
                Ok(Array2::from_shape_fn((pairs, 1), |(pair, _)| {
                    let (a, b) = (values[pair], values[pairs + pair]);
                    MemberPrediction { counts: [a, b], ratio: a - b, ratio_swapped: b - a }
                }))
            }
        }
    }
}

/// Models that read windows of the same length and layout.
pub struct Ensemble {
    models: Vec<Network>,
    window: usize,
    rule: WindowRule,
}

impl Ensemble {
    /// An ensemble of a single model.
    pub fn one(model: impl Into<Network>) -> Self {
        let model = model.into();
        let (window, rule) = model.windows();
        Ensemble { models: vec![model], window, rule }
    }

    /// Add a model; all networks have equal weight.
    ///
    /// # Errors
    /// It reads other windows. The message does not name a file; the caller does.
    pub fn with(mut self, model: impl Into<Network>) -> Result<Self> {
        let model = model.into();
        let (window, rule) = model.windows();
        if (window, rule) != (self.window, self.rule) {
            return Err(Error::mismatch(format!(
                "reads windows of {window} bases, {rule}, but the first model of the ensemble {} bases, {}",
                self.window, self.rule
            )));
        }
        self.models.push(model);
        Ok(self)
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Which bases of a region the window holds.
    pub fn rule(&self) -> &WindowRule {
        &self.rule
    }

    /// Networks whose predictions are known separately. A file that is an ensemble, but of which only the mean is known,
    /// counts as one.
    pub fn members(&self) -> usize {
        self.models.iter().map(Network::members).sum()
    }

    /// The model files.
    pub fn models(&self) -> &[Network] {
        &self.models
    }

    /// Whether counts add information to the ratio: not with models of other software, where it is their difference.
    pub fn has_counts(&self) -> bool {
        self.models.iter().all(|model| matches!(model, Network::Paired(_)))
    }

    /// Predict n pairs from byte codes (n, [`window`](Self::window)), as [`IncrementalPredictor::predict`] does. Returns
    /// the prediction of each network for each pair, (n, [`members`](Self::members)).
    ///
    /// # Errors
    /// The shapes differ or are others; an engine failed.
    pub fn predict(
        &mut self,
        haplotype1: ArrayView2<u8>,
        haplotype2: ArrayView2<u8>,
    ) -> Result<Array2<MemberPrediction>> {
        let pairs = count_pairs(haplotype1, haplotype2, self.window)?;
        let mut predictions = Array2::default((pairs, self.members()));
        let mut first = 0;
        for model in &mut self.models {
            let of_model = model.predict(haplotype1, haplotype2)?;
            let next = first + of_model.ncols();
            predictions.slice_mut(s![.., first..next]).assign(&of_model);
            first = next;
        }
        Ok(predictions)
    }
}
