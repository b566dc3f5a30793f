//! The options of a training run.

use serde::{Deserialize, Serialize};

use crate::choice::choice;
use crate::error::{Error, Result};
#[cfg(feature = "torch")]
use crate::model::torch::network::NetworkOptions;
use crate::training::schedule::Schedule;

choice!(
    /// Loss function.
    #[derive(Default)]
    Loss, "loss",
    /// Mean squared error of logarithms, counts and ratio alike. As published.
    #[default]
    Squared "squared",
    /// Likelihood of the fragments: beta-binomial for the split of the informative ones, negative binomial for the total,
    /// so that depth is the weight. See [`crate::training::likelihood`].
    Counts "counts",
);

choice!(
    /// How weight decay acts.
    #[derive(Default)]
    Decay, "decay",
    /// Added to the gradient, on every parameter (Adam with L2). As published.
    #[default]
    Gradient "gradient",
    /// Subtracted from the weights at each step (AdamW, Loshchilov & Hutter 2019), for weight matrices and kernels only.
    Decoupled "decoupled",
);

choice!(
    /// The criterion on the validation windows by which the epoch is chosen.
    #[derive(Default)]
    Selection, "selection",
    /// The lowest loss.
    #[default]
    Loss "loss",
    /// The highest Pearson correlation of the ratio, as in an early version of the published code.
    Ratio "ratio",
);

choice!(
    /// What to do at a loss that is not finite.
    #[derive(Default)]
    NotFinite, "rule",
    /// Skip the batch and count it. As published.
    #[default]
    Skip "skip",
    /// Stop with an error; the last state before it is kept.
    Stop "stop",
);

choice!(
    /// The statistics of batch norm in training.
    #[derive(Default)]
    BatchStatistics, "kind of statistics",
    /// Over each allele separately, haplotype 1 first: running values are updated twice a step. As published.
    #[default]
    PerAllele "apart",
    /// Over both alleles together: activations of equal sequence are then equal in both.
    Joint "joint",
);

choice!(
    /// The predictions of the count heads before the first step.
    #[derive(Default)]
    FirstCounts, "beginning",
    /// Those of random weights, about 0. As published.
    #[default]
    Random "random",
    /// The median of the training windows; see [`crate::training::bias_init`].
    Median "median",
);

choice!(
    /// Number type of convolutions and of the dense layer in training; everything else is float32.
    #[derive(Default)]
    Precision, "precision",
    /// Single precision.
    #[default]
    Float32 "float32",
    /// For GPUs with matrix units; slower on most CPUs.
    Bfloat16 "bfloat16",
);

/// The options of a training run. [`Default`] is the published recipe, so that a file without newer options keeps its
/// meaning; [`FitOptions::recommended`] is the recipe of this suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Maximum number of epochs.
    pub epochs: usize,
    /// Batch size, in allele pairs.
    pub batch_size: usize,
    /// Nominal learning rate; see [`Schedule`].
    pub learning_rate: f64,
    /// Weight decay; see [`Decay`].
    pub weight_decay: f64,
    /// How weight decay acts.
    pub decay: Decay,
    /// Learning-rate schedule.
    pub schedule: Schedule,
    /// Epochs without improvement on the validation windows after which training stops.
    pub patience: usize,
    /// Seed of the initial weights, the order of batches, augmentation and dropout.
    pub seed: u64,
    /// Loss function.
    pub loss: Loss,
    /// Weight of the ratio in the loss, where each count has 1.
    pub ratio_weight: f64,
    /// How the epoch is chosen.
    pub selection: Selection,
    /// What to do at a loss that is not finite.
    pub not_finite: NotFinite,
    /// Statistics of batch norm.
    pub batch_statistics: BatchStatistics,
    /// Whether dropout drops the same units of both alleles.
    pub shared_dropout: bool,
    /// Number type of convolutions.
    pub precision: Precision,
    /// Largest norm of the gradient of all parameters together (gradient clipping); 0 for no limit.
    pub clip: f64,
    /// Largest number of bases by which windows are shifted, drawn for each batch.
    pub shift: usize,
    /// Whether windows are reverse-complemented at random.
    pub augment_strand: bool,
    /// Whether the alleles of a window are swapped at random.
    pub augment_swap: bool,
    /// Initial predictions of the count heads.
    pub first_counts: FirstCounts,
    /// Decay of the moving average of the weights that is validated and kept instead of the weights themselves; 0 for none.
    /// See [`crate::training::ema`].
    pub average: f64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 32,
            learning_rate: 1e-4,
            weight_decay: 1e-5,
            decay: Decay::Gradient,
            schedule: Schedule::Cycle,
            patience: 4,
            seed: 1,
            loss: Loss::Squared,
            ratio_weight: 1.0,
            selection: Selection::Loss,
            not_finite: NotFinite::Skip,
            batch_statistics: BatchStatistics::PerAllele,
            shared_dropout: false,
            precision: Precision::Float32,
            clip: 0.0,
            shift: 0,
            augment_strand: false,
            augment_swap: false,
            first_counts: FirstCounts::Random,
            average: 0.0,
        }
    }
}

#[cfg(feature = "torch")]
impl FitOptions {
    /// How the network to be trained computes.
    pub fn network_options(&self) -> NetworkOptions {
        NetworkOptions {
            per_allele_statistics: self.batch_statistics == BatchStatistics::PerAllele,
            shared_dropout: self.shared_dropout,
            mixed_precision: self.precision == Precision::Bfloat16,
            ..NetworkOptions::default()
        }
    }

    /// Check that `network` agree with [`FitOptions::network_options`], other than in what does not affect training.
    pub(super) fn check_network(&self, network: &NetworkOptions) -> Result<()> {
        let own = NetworkOptions { precision: network.precision, sharing: network.sharing, ..self.network_options() };
        match own == *network {
            true => Ok(()),
            false => Err(Error::mismatch("the network was built with other options than those of the training")),
        }
    }
}

impl FitOptions {
    /// The recommended recipe, chosen by the evidence in `docs/training.md`; for [`Loss::Squared`].
    pub fn recommended() -> Self {
        Self {
            epochs: 15,
            learning_rate: 3e-3,
            weight_decay: 0.01,
            decay: Decay::Decoupled,
            schedule: Schedule::Cosine,
            patience: 6,
            ratio_weight: 5.0,
            not_finite: NotFinite::Stop,
            batch_statistics: BatchStatistics::Joint,
            shared_dropout: true,
            first_counts: FirstCounts::Median,
            average: 0.995,
            ..Self::default()
        }
    }

    /// The recommended shift for windows of a genome, from which shifted windows are filled. A sequence without flanks is
    /// not shifted.
    pub fn recommended_shift(window: usize) -> usize {
        window / 8
    }

    /// The recommended ratio weight for a loss: 1 for a likelihood, whose parts are on the same scale.
    pub fn recommended_ratio_weight(loss: Loss) -> f64 {
        match loss {
            Loss::Squared => Self::recommended().ratio_weight,
            Loss::Counts => 1.0,
        }
    }
}

/// Far beyond any machine, small enough that products do not overflow.
const MAX_COUNT: usize = 1 << 31;

impl FitOptions {
    /// Check that training is possible with these options.
    ///
    /// # Errors
    /// Names the option that is out of range.
    pub fn validate(&self) -> Result<()> {
        for (name, value) in [("epochs", self.epochs), ("batch size", self.batch_size), ("patience", self.patience)] {
            if value == 0 || value > MAX_COUNT {
                return Err(Error::option(format!("the {name} must be 1 to {MAX_COUNT}, not {value}")));
            }
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(Error::option(format!("the learning rate must be above 0, not {}", self.learning_rate)));
        }
        if !(0.0..1.0).contains(&self.average) {
            return Err(Error::option(format!("the decay of averages must be 0 to below 1, not {}", self.average)));
        }
        for (name, value) in
            [("weight decay", self.weight_decay), ("ratio weight", self.ratio_weight), ("gradient limit", self.clip)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::option(format!("the {name} must be 0 or more, not {value}")));
            }
        }
        Ok(())
    }
}
