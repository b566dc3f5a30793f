//! A model of either kind as one that predicts pairs of windows.

use ndarray::{concatenate, ArrayView2, Axis};

use crate::error::Result;
use crate::model::metadata::{LogBase, Scale, TargetScale};
use crate::model::onnx::external::SequenceModel;
use crate::model::onnx::predictor::{count_pairs, Prediction, Predictor};
use crate::model::{Architecture, Kind, ModelInfo};

/// What predicts pairs, by full passes.
pub struct PairModel {
    network: Network,
    info: ModelInfo,
}

enum Network {
    Paired(Box<Predictor>),
    Sequence(Box<SequenceModel>),
}

impl From<Predictor> for PairModel {
    fn from(predictor: Predictor) -> Self {
        PairModel { info: predictor.info().clone(), network: Network::Paired(Box::new(predictor)) }
    }
}

impl From<SequenceModel> for PairModel {
    /// The first of the model's outputs. Its counts are those of the two sequences, its ratio is their difference, and its
    /// metadata say what is known of it: the window, and that its logarithms are to base 2.
    fn from(model: SequenceModel) -> Self {
        // Of the sizes of the network only the window is known and used.
        let sizes = Architecture::preset("small", Kind::Single).unwrap_or_else(|| unreachable!("a preset of ours"));
        let mut info = ModelInfo::new(Architecture { window: model.window(), ..sizes });
        info.targets = TargetScale { scale: Scale::Counts, pseudocount: model.pseudocount(), log_base: LogBase::Two };
        info.tool_version = String::new();
        PairModel { info, network: Network::Sequence(Box::new(model)) }
    }
}

impl PairModel {
    /// What is known of the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.info.architecture.window
    }

    /// Predict n pairs from the byte codes ([`crate::model::encode`]) of both alleles, (n, [`window`](Self::window)).
    ///
    /// # Errors
    /// The shapes differ or are others; ONNX Runtime failed.
    pub fn predict(&mut self, haplotype1: ArrayView2<u8>, haplotype2: ArrayView2<u8>) -> Result<Vec<Prediction>> {
        match &mut self.network {
            Network::Paired(predictor) => predictor.predict(haplotype1, haplotype2),
            Network::Sequence(model) => {
                let pairs = count_pairs(haplotype1, haplotype2, model.window())?;
                let signals = model.predict(concatenate![Axis(0), haplotype1, haplotype2].view())?;
                let prediction = |pair: usize| {
                    let (one, two) = (signals.log2(pair, 0), signals.log2(pairs + pair, 0));
                    Prediction {
                        count1: one as f32,
                        count2: two as f32,
                        ratio: (one - two) as f32,
                        ratio_swapped: (two - one) as f32,
                        spread: None,
                    }
                };
                Ok((0..pairs).map(prediction).collect())
            }
        }
    }
}
