//! The loss function.

use tch::{Kind as Type, Tensor};

use crate::error::{Error, Result};
use crate::model::torch::network::Network;
use crate::model::Kind;
use crate::training::device_data::Batch;
use crate::training::likelihood::Dispersions;
use crate::training::options::{FitOptions, Loss};

/// The loss function of a run, with its own learned parameters.
pub struct Objective {
    loss: Loss,
    ratio_weight: f64,
    dispersions: Option<Dispersions>,
}

/// A loss as a weighted sum and the sum of weights, both scalars on the device.
pub struct LossParts {
    /// The weighted sum.
    pub sum: Tensor,
    /// The sum of weights.
    pub weight: Tensor,
}

impl LossParts {
    /// The loss: the weighted mean.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn mean(&self) -> Result<Tensor> {
        Ok(self.sum.f_div(&self.weight)?)
    }
}

impl Objective {
    /// The loss function that `options` name.
    ///
    /// # Errors
    /// The likelihood of counts for data without fragments, or for a single-allele network, which has no ratio head
    /// and cannot be negative.
    pub fn new(options: &FitOptions, network: &Network, has_fragments: bool) -> Result<Self> {
        let architecture = network.architecture();
        let dispersions =
            match options.loss {
                Loss::Squared => None,
                Loss::Counts if !has_fragments => return Err(Error::option(
                    "the likelihood of counts needs counted fragments: train on a count table, or use the squared loss",
                )),
                Loss::Counts if architecture.kind == Kind::Single => {
                    return Err(Error::option("a single network is trained with the squared loss only"))
                }
                Loss::Counts => Some(Dispersions::new(architecture.outputs, network.device())?),
            };
        Ok(Self { loss: options.loss, ratio_weight: options.ratio_weight, dispersions })
    }

    /// The learned parameters of the loss, by name.
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let list = self.dispersions.iter().flat_map(|d| {
            [("log_phi", &d.log_phi), ("logit_rho", &d.logit_rho)].map(|(n, t)| (n.to_string(), t.shallow_clone()))
        });
        list.collect()
    }

    /// Overdispersion of totals and of splits for each sample, if the loss has them.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn dispersions(&self) -> Result<Option<(Vec<f64>, Vec<f64>)>> {
        self.dispersions.as_ref().map(Dispersions::values).transpose()
    }

    /// The loss of `prediction` (B, 3·S), which [`Network::forward`] gave for `batch`.
    ///
    /// Squared: Σ w·v·(prediction - target)² over Σ w, over the outputs that the network is trained on; v is 1 for
    /// counts and the ratio weight for ratios, w the weight of a measurement, 0 where there is none. Counts:
    /// Σ w·(negative log-likelihood) over Σ w.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn of(&self, prediction: &Tensor, batch: &Batch, network: &Network) -> Result<LossParts> {
        let outputs = network.architecture().outputs as i64;
        let ratio = prediction.f_narrow(1, 2 * outputs, outputs)?;
        let ratio = match network.ratio_bias() {
            Some(bias) => ratio.f_add(bias)?,
            None => ratio,
        };
        match (self.loss, &self.dispersions, &batch.fragments) {
            (Loss::Counts, Some(dispersions), Some(fragments)) => {
                let count = |k: i64| prediction.f_narrow(1, k * outputs, outputs);
                let each = dispersions.loss([&count(0)?, &count(1)?, &ratio], fragments, self.ratio_weight)?;
                weighted(&each, batch.weights.as_ref())
            }
            _ => {
                // The single model is trained on its counts alone: its ratio is computed from them.
                let heads = if network.architecture().kind == Kind::Single { 2 } else { 3 };
                let counts = prediction.f_narrow(1, 0, 2 * outputs)?;
                let prediction = if heads == 3 { Tensor::f_cat(&[counts, ratio], 1)? } else { counts };
                let targets = batch.targets.f_narrow(1, 0, heads * outputs)?;
                let mut squares = prediction.f_sub(&targets)?.f_square()?;
                if self.ratio_weight != 1.0 && heads == 3 {
                    let counts = squares.f_narrow(1, 0, 2 * outputs)?;
                    let ratio = squares.f_narrow(1, 2 * outputs, outputs)?.f_mul_scalar(self.ratio_weight)?;
                    squares = Tensor::f_cat(&[counts, ratio], 1)?;
                }
                let weights = batch.weights.as_ref().map(|w| w.f_repeat([1, heads])).transpose()?;
                weighted(&squares, weights.as_ref())
            }
        }
    }
}

fn weighted(each: &Tensor, weights: Option<&Tensor>) -> Result<LossParts> {
    let kind = each.kind();
    match weights {
        Some(weights) => {
            let weights = weights.f_to_kind(kind)?;
            Ok(LossParts {
                sum: each.f_mul(&weights)?.f_sum(kind)?,
                // A batch without measurements has loss 0, not 0/0.
                weight: weights.f_sum(kind)?.f_clamp_min(f64::from(f32::MIN_POSITIVE))?,
            })
        }
        None => Ok(LossParts {
            sum: each.f_sum(kind)?,
            weight: Tensor::f_full([], each.numel() as f64, (kind, each.device()))?,
        }),
    }
}

/// A scalar on the host, in float64.
pub(super) fn host(value: &Tensor) -> Result<f64> {
    Ok(value.f_to_kind(Type::Double)?.f_double_value(&[])?)
}
