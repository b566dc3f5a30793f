//! The networks of one or several model files that read the same windows, as one ensemble.

use ndarray::{concatenate, s, Array2, ArrayView1, ArrayView2, Axis};

use crate::error::{Error, Result};
use crate::model::encode::as_windows;
use crate::model::incremental::IncrementalPredictor;
use crate::model::metadata::TargetScale;
use crate::model::onnx::external::SequenceModel;
use crate::model::onnx::predictor::{count_pairs, Prediction};
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
    /// Jensen-Shannon distance of the profiles of the two windows, for a network that predicts profiles.
    pub distance: Option<f64>,
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

    /// Names of the fields of its outputs; `None` for one without a name.
    fn outputs(&self) -> Vec<Option<&str>> {
        match self {
            Network::Paired(_) => vec![None],
            Network::Sequence(model) => model.outputs(),
        }
    }

    fn has_profile(&self, output: usize) -> bool {
        match self {
            Network::Paired(_) => false,
            Network::Sequence(model) => model.has_profile(output),
        }
    }

    /// Predictions (n, members) of n pairs, for each output.
    fn predict(
        &mut self,
        haplotype1: ArrayView2<u8>,
        haplotype2: ArrayView2<u8>,
    ) -> Result<Vec<Array2<MemberPrediction>>> {
        match self {
            Network::Paired(model) => {
                let targets = model.info().targets;
                let members = model.predict_members(haplotype1, haplotype2)?;
                Ok(vec![members.map(|prediction| in_log2(prediction, &targets))])
            }
            Network::Sequence(model) => {
                let pairs = count_pairs(haplotype1, haplotype2, model.window())?;
                let outputs = model.outputs().len();
                // One call, so that a window that both alleles have is computed once.
                let signals = model.predict(concatenate![Axis(0), haplotype1, haplotype2].view())?;
                let prediction = |pair: usize, output: usize| {
                    let (a, b) = (signals.log2(pair, output), signals.log2(pairs + pair, output));
                    let distance = signals.distance(pair, pairs + pair, output);
                    MemberPrediction { counts: [a, b], ratio: a - b, ratio_swapped: b - a, distance }
                };
                let of = |output| Array2::from_shape_fn((pairs, 1), |(pair, _)| prediction(pair, output));
                Ok((0..outputs).map(of).collect())
            }
        }
    }

    /// Predictions (1 + n, members) of a pair, and of the pair with each of n windows in the place of an allele, for each
    /// output.
    fn predict_changed(
        &mut self,
        pair: [ArrayView1<u8>; 2],
        changed: &[(usize, Vec<u8>)],
    ) -> Result<Vec<Array2<MemberPrediction>>> {
        match self {
            Network::Paired(model) => {
                let targets = model.info().targets;
                let members = model.predict_changed(pair, changed)?;
                Ok(vec![members.map(|prediction| in_log2(prediction, &targets))])
            }
            Network::Sequence(model) => {
                // Each allele once, then what takes its place: the other allele stays as it is.
                let mut windows: Vec<u8> = pair.iter().flat_map(|window| window.iter().copied()).collect();
                changed.iter().for_each(|(_, window)| windows.extend(window));
                let signals = model.predict(as_windows(&windows, model.window())?)?;
                let prediction = |row: usize, output: usize| {
                    let alleles = match row.checked_sub(1).map(|number| (number, changed[number].0)) {
                        None => [0, 1],
                        Some((number, 0)) => [number + 2, 1],
                        Some((number, _)) => [0, number + 2],
                    };
                    let [a, b] = alleles.map(|window| signals.log2(window, output));
                    let distance = signals.distance(alleles[0], alleles[1], output);
                    MemberPrediction { counts: [a, b], ratio: a - b, ratio_swapped: b - a, distance }
                };
                let of = |output| Array2::from_shape_fn((1 + changed.len(), 1), |(row, _)| prediction(row, output));
                Ok((0..model.outputs().len()).map(of).collect())
            }
        }
    }
}

/// What a network of this suite says, in log2.
fn in_log2(p: &Prediction, targets: &TargetScale) -> MemberPrediction {
    let log2 = |x: f32| targets.log2(x.into());
    MemberPrediction {
        counts: [log2(p.count1), log2(p.count2)],
        ratio: log2(p.ratio),
        ratio_swapped: log2(p.ratio_swapped),
        distance: None,
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
    /// It reads other windows, or has outputs of other names. The message does not name a file; the caller does.
    pub fn with(mut self, model: impl Into<Network>) -> Result<Self> {
        let model = model.into();
        let (window, rule) = model.windows();
        if (window, rule) != (self.window, self.rule) {
            return Err(Error::mismatch(format!(
                "reads windows of {window} bases, {rule}, but the first model of the ensemble {} bases, {}",
                self.window, self.rule
            )));
        }
        if model.outputs() != self.models[0].outputs() {
            let names = |model: &Network| {
                let names: Vec<String> = model.outputs().into_iter().flatten().map(String::from).collect();
                if names.is_empty() {
                    "one without a name".into()
                } else {
                    names.join(", ")
                }
            };
            return Err(Error::mismatch(format!(
                "has the outputs {}, but the first model of the ensemble {}",
                names(&model),
                names(&self.models[0])
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

    /// Names of the fields of the outputs; `None` for one without a name.
    pub fn outputs(&self) -> Vec<Option<&str>> {
        self.models.first().map(Network::outputs).unwrap_or_default()
    }

    /// Whether all networks predict a profile for the output `number`.
    pub fn has_profile(&self, number: usize) -> bool {
        self.models.iter().all(|model| model.has_profile(number))
    }

    /// Whether counts add information to the ratio: not with models of other software, where it is their difference.
    pub fn has_counts(&self) -> bool {
        self.models.iter().all(|model| matches!(model, Network::Paired(_)))
    }

    /// Predict n pairs from byte codes (n, [`window`](Self::window)), as [`IncrementalPredictor::predict`] does. Returns
    /// for each of [`outputs`](Self::outputs) the prediction of each network for each pair,
    /// (n, [`members`](Self::members)).
    ///
    /// # Errors
    /// The shapes differ or are others; an engine failed.
    pub fn predict(
        &mut self,
        haplotype1: ArrayView2<u8>,
        haplotype2: ArrayView2<u8>,
    ) -> Result<Vec<Array2<MemberPrediction>>> {
        let pairs = count_pairs(haplotype1, haplotype2, self.window)?;
        let mut predictions = vec![Array2::default((pairs, self.members())); self.outputs().len()];
        let mut first = 0;
        for model in &mut self.models {
            let of_model = model.predict(haplotype1, haplotype2)?;
            let next = first + model.members();
            for (all, of_model) in predictions.iter_mut().zip(of_model) {
                all.slice_mut(s![.., first..next]).assign(&of_model);
            }
            first = next;
        }
        Ok(predictions)
    }

    /// Predict a pair of windows, byte codes (window), and the pair with each window of `changed` in the place of the allele
    /// (0 or 1) that it comes with. Returns for each of [`outputs`](Self::outputs) an array
    /// (1 + changed, [`members`](Self::members)). In networks of this suite only the positions are computed in which a
    /// window differs from its allele.
    ///
    /// # Errors
    /// A window has another length; an engine failed.
    pub fn predict_changed(
        &mut self,
        pair: [ArrayView1<u8>; 2],
        changed: &[(usize, Vec<u8>)],
    ) -> Result<Vec<Array2<MemberPrediction>>> {
        let mut predictions = vec![Array2::default((1 + changed.len(), self.members())); self.outputs().len()];
        let mut first = 0;
        for model in &mut self.models {
            let of_model = model.predict_changed(pair, changed)?;
            let next = first + model.members();
            for (all, of_model) in predictions.iter_mut().zip(of_model) {
                all.slice_mut(s![.., first..next]).assign(&of_model);
            }
            first = next;
        }
        Ok(predictions)
    }
}
