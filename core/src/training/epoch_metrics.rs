//! The metrics of one epoch.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::stats::correlation::{pearson, spearman};
use crate::training::dataset::Dataset;
use crate::training::schedule::bits;

/// One line of `metrics.tsv`. Correlations are over the validation windows, the mean over the samples; NaN where none
/// of them has a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Optimiser steps done so far.
    pub steps: u64,
    /// Learning rate of the last step.
    #[serde(with = "bits")]
    pub learning_rate: f64,
    /// Mean loss over the steps of the epoch, each taken before its update.
    #[serde(with = "bits")]
    pub train_loss: f64,
    /// Loss of the validation windows after the epoch.
    #[serde(with = "bits")]
    pub validation_loss: f64,
    /// Pearson correlation of haplotype 1.
    #[serde(with = "bits")]
    pub pearson_hap1: f64,
    /// Pearson correlation of haplotype 2.
    #[serde(with = "bits")]
    pub pearson_hap2: f64,
    /// Pearson correlation of the ratio.
    #[serde(with = "bits")]
    pub pearson_ratio: f64,
    /// Spearman correlation of haplotype 1.
    #[serde(with = "bits")]
    pub spearman_hap1: f64,
    /// Spearman correlation of haplotype 2.
    #[serde(with = "bits")]
    pub spearman_hap2: f64,
    /// Spearman correlation of the ratio.
    #[serde(with = "bits")]
    pub spearman_ratio: f64,
    /// Batches skipped because their loss was not finite.
    pub skipped_batches: usize,
    /// Duration of the epoch, validation included.
    #[serde(with = "bits")]
    pub seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
}

/// Pearson and Spearman correlation of haplotype 1, of haplotype 2 and of the ratio over `rows` of `data`, the mean
/// over the samples that have a value; NaN without one. `predictions`: (rows, samples) in the order of `rows`.
pub(super) fn correlations(data: &Dataset, rows: &[usize], predictions: ArrayView2<[f32; 3]>) -> [[f64; 2]; 3] {
    let outputs = data.outputs();
    [0, 1, 2].map(|head| {
        let (mut sums, mut counted) = ([0.0; 2], [0usize; 2]);
        for sample in 0..outputs {
            let known = rows.iter().enumerate().filter(|(_, &i)| data.has(i, sample));
            let (measured, predicted): (Vec<f64>, Vec<f64>) = known
                .map(|(k, &i)| {
                    let (m, p) = (data.targets[i * outputs + sample], predictions[[k, sample]]);
                    (f64::from(m[head]), f64::from(p[head]))
                })
                .unzip();
            for (k, r) in [pearson(&measured, &predicted), spearman(&measured, &predicted)].into_iter().enumerate() {
                if r.is_finite() {
                    sums[k] += r;
                    counted[k] += 1;
                }
            }
        }
        [0, 1].map(|k| if counted[k] > 0 { sums[k] / counted[k] as f64 } else { f64::NAN })
    })
}
