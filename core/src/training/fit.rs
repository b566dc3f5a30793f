//! The training loop: batches, validation after each epoch, early stopping, the best weights kept.

use std::time::Instant;

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Kind as Type, Tensor};

use super::dataset::Dataset;
use super::metrics::{pearson, spearman};
use super::optimiser::Adam;
use super::schedule::{RateKeeper, Schedule};
use super::split::Part;
use crate::error::{Error, Result};
use crate::model::config::Kind;
use crate::model::network::{Mode, Network};
use crate::model::weights::Weights;

/// What can be chosen about a training run. [`Default`] is the published recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitOptions {
    /// Most passes over the training windows.
    pub epochs: usize,
    /// Allele pairs an optimiser step.
    pub batch_size: usize,
    /// Nominal learning rate; see [`Schedule`].
    pub learning_rate: f64,
    /// L2 term of every parameter's gradient.
    pub weight_decay: f64,
    pub schedule: Schedule,
    /// Epochs without a lower validation loss after which training stops.
    pub patience: usize,
    /// Seed of the first weights, the order of batches and dropout.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            epochs: 100,
            batch_size: 32,
            learning_rate: 1e-4,
            weight_decay: 1e-5,
            schedule: Schedule::Cycle,
            patience: 4,
            seed: 1,
        }
    }
}

impl FitOptions {
    /// # Errors
    /// A number with which no step can be made.
    pub fn validate(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::Mismatch(what.to_string()));
        match () {
            _ if self.epochs == 0 => wrong("the number of epochs must be at least 1"),
            _ if self.batch_size == 0 => wrong("the batch size must be at least 1"),
            _ if self.patience == 0 => wrong("the patience must be at least 1"),
            _ if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) => {
                wrong("the learning rate must be above 0")
            }
            _ if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) => {
                wrong("the weight decay must be 0 or more")
            }
            _ => Ok(()),
        }
    }
}

/// One line of `metrics.tsv`: an epoch, counted from 1. Correlations are over the validation windows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochMetrics {
    pub epoch: usize,
    /// Optimiser steps done so far.
    pub steps: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean squared error over windows and outputs.
    pub train_loss: f64,
    pub validation_loss: f64,
    pub pearson_hap1: f64,
    pub pearson_hap2: f64,
    pub pearson_ratio: f64,
    pub spearman_hap1: f64,
    pub spearman_hap2: f64,
    pub spearman_ratio: f64,
    /// Batches left out because their loss was not a finite number.
    pub skipped_batches: usize,
    pub seconds: f64,
    /// Whether this is the best epoch so far.
    pub best: bool,
}

/// What the caller is told while training goes on.
pub enum Event<'a> {
    /// A step was made: number of batches done in this epoch, and in all.
    Batch {
        epoch: usize,
        done: usize,
        total: usize,
    },
    Epoch(&'a EpochMetrics),
}

/// The outcome of [`fit`]. The network holds the best weights too.
pub struct Fitted {
    pub best: Weights,
    pub best_epoch: usize,
    pub history: Vec<EpochMetrics>,
    /// True when patience ran out, false when the number of epochs did.
    pub stopped_early: bool,
}

/// A dataset on the network's device: sequences as bytes, one-hot only a batch at a time.
pub struct DeviceData {
    hap1: Tensor,
    hap2: Tensor,
    targets: Tensor,
}

impl DeviceData {
    /// Copy `data` to the device of `network`.
    pub fn new(data: &Dataset, network: &Network) -> Result<Self> {
        let (n, window) = (data.len() as i64, data.window as i64);
        let device = network.device();
        let bytes = |codes: &[u8]| -> Result<Tensor> {
            Ok(Tensor::f_from_data_size(codes, &[n, window], Type::Uint8)?.f_to_device(device)?)
        };
        let targets: Vec<f32> = data.targets.iter().flatten().copied().collect();
        Ok(Self {
            hap1: bytes(&data.hap1)?,
            hap2: bytes(&data.hap2)?,
            targets: Tensor::f_from_slice(&targets)?
                .f_view([n, 3])?
                .f_to_kind(network.precision())?
                .f_to_device(device)?,
        })
    }

    fn batch(&self, rows: &[i64]) -> Result<(Tensor, Tensor, Tensor)> {
        let rows = Tensor::f_from_slice(rows)?.f_to_device(self.targets.device())?;
        Ok((
            self.hap1.f_index_select(0, &rows)?,
            self.hap2.f_index_select(0, &rows)?,
            self.targets.f_index_select(0, &rows)?,
        ))
    }
}

/// One optimiser step on `rows`; returns the loss before it. A loss that is not finite changes nothing.
pub fn train_step(
    network: &Network,
    optimiser: &mut Adam,
    data: &DeviceData,
    rows: &[i64],
    learning_rate: f64,
) -> Result<f64> {
    let (hap1, hap2, targets) = data.batch(rows)?;
    let outputs = outputs_of(network.architecture().kind);
    let prediction = network.forward(&hap1, &hap2, Mode::Train)?;
    let difference = prediction.f_narrow(1, 0, outputs)?.f_sub(&targets.f_narrow(1, 0, outputs)?)?;
    let loss = difference.f_square()?.f_mean(network.precision())?;
    let value = loss.f_double_value(&[])?;
    if value.is_finite() {
        optimiser.zero_grad();
        loss.f_backward()?;
        optimiser.step(learning_rate)?;
    }
    Ok(value)
}

/// Predictions of `rows` in evaluation mode, in the scale of the targets.
pub fn predict(network: &Network, data: &DeviceData, rows: &[usize]) -> Result<Vec<[f32; 3]>> {
    const BATCH: usize = 128;
    let _guard = tch::no_grad_guard();
    let mut predictions = Vec::with_capacity(rows.len());
    for rows in rows.chunks(BATCH) {
        let rows: Vec<i64> = rows.iter().map(|&r| r as i64).collect();
        let (hap1, hap2, _) = data.batch(&rows)?;
        let out = network
            .forward(&hap1, &hap2, Mode::Evaluate)?
            .f_to_device(tch::Device::Cpu)?
            .f_to_kind(Type::Float)?
            .f_contiguous()?;
        let mut values = vec![0f32; rows.len() * 3];
        let count = values.len();
        out.f_copy_data(&mut values, count)?;
        predictions.extend(values.chunks_exact(3).map(|v| [v[0], v[1], v[2]]));
    }
    Ok(predictions)
}

/// The outputs that the loss compares: both counts and the ratio, or the counts alone.
fn outputs_of(kind: Kind) -> i64 {
    match kind {
        Kind::Single => 2,
        Kind::Paired | Kind::Difference => 3,
    }
}

/// Train `network` on the training part of `data`, choosing the epoch by the loss on the validation part.
/// The test part is not looked at. The same seed, data and number of threads give the same model on a CPU.
///
/// # Errors
/// libtorch fails, or no batch of an epoch has a finite loss.
pub fn fit(
    network: &mut Network,
    data: &Dataset,
    parts: &[Part],
    options: &FitOptions,
    report: &mut dyn FnMut(Event),
) -> Result<Fitted> {
    options.validate()?;
    let rows_of = |part| -> Vec<usize> { (0..data.len()).filter(|&i| parts[i] == part).collect() };
    let mut train: Vec<i64> = rows_of(Part::Train).iter().map(|&i| i as i64).collect();
    let validation = rows_of(Part::Validation);
    let device_data = DeviceData::new(data, network)?;
    let mut optimiser = Adam::new(network, options.weight_decay)?;
    let mut rates = RateKeeper::new(options.schedule, options.learning_rate);
    tch::manual_seed(options.seed as i64);
    let outputs = outputs_of(network.architecture().kind) as usize;

    let mut history: Vec<EpochMetrics> = Vec::new();
    let mut best: Option<(f64, usize, Weights)> = None;
    let mut steps = 0u64;
    let mut waited = 0;
    let mut stopped_early = false;
    for epoch in 1..=options.epochs {
        let started = Instant::now();
        // A generator for each epoch: its order does not depend on how the epochs before it went.
        train.sort_unstable();
        train
            .shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed.wrapping_mul(0x9E37_79B9).wrapping_add(epoch as u64)));
        let total = train.len().div_ceil(options.batch_size);
        let (mut loss_sum, mut loss_rows, mut skipped, mut rate) = (0.0, 0usize, 0, 0.0);
        for (batch, rows) in train.chunks(options.batch_size).enumerate() {
            rate = rates.rate(steps);
            let loss = train_step(network, &mut optimiser, &device_data, rows, rate)?;
            steps += 1;
            if loss.is_finite() {
                loss_sum += loss * rows.len() as f64;
                loss_rows += rows.len();
            } else {
                skipped += 1;
            }
            report(Event::Batch { epoch, done: batch + 1, total });
        }
        if loss_rows == 0 {
            return Err(Error::Mismatch(format!(
                "no batch of epoch {epoch} has a finite loss; lower the learning rate or look for extreme values"
            )));
        }
        let predictions = predict(network, &device_data, &validation)?;
        let mut metrics = validation_metrics(data, &validation, &predictions, outputs);
        metrics.epoch = epoch;
        metrics.steps = steps;
        metrics.learning_rate = rate;
        metrics.train_loss = loss_sum / loss_rows as f64;
        metrics.skipped_batches = skipped;
        metrics.seconds = started.elapsed().as_secs_f64();
        let loss = metrics.validation_loss;
        metrics.best = loss.is_finite() && best.as_ref().is_none_or(|(lowest, ..)| loss < *lowest);
        report(Event::Epoch(&metrics));
        rates.epoch_ended(loss);
        if metrics.best {
            best = Some((loss, epoch, network.weights()?));
            waited = 0;
        } else {
            waited += 1;
        }
        history.push(metrics);
        if waited >= options.patience {
            stopped_early = true;
            break;
        }
    }
    let Some((_, best_epoch, best)) = best else {
        return Err(Error::Mismatch("no epoch has a finite validation loss; lower the learning rate".into()));
    };
    network.load(&best)?;
    Ok(Fitted { best, best_epoch, history, stopped_early })
}

fn validation_metrics(data: &Dataset, rows: &[usize], predictions: &[[f32; 3]], outputs: usize) -> EpochMetrics {
    let measured = |k: usize| -> Vec<f64> { rows.iter().map(|&i| f64::from(data.targets[i][k])).collect() };
    let predicted = |k: usize| -> Vec<f64> { predictions.iter().map(|p| f64::from(p[k])).collect() };
    let columns: Vec<(Vec<f64>, Vec<f64>)> = (0..3).map(|k| (measured(k), predicted(k))).collect();
    let errors: f64 =
        columns[..outputs].iter().flat_map(|(m, p)| m.iter().zip(p)).map(|(m, p)| (m - p) * (m - p)).sum();
    EpochMetrics {
        epoch: 0,
        steps: 0,
        learning_rate: 0.0,
        train_loss: 0.0,
        validation_loss: errors / (rows.len() * outputs) as f64,
        pearson_hap1: pearson(&columns[0].0, &columns[0].1),
        pearson_hap2: pearson(&columns[1].0, &columns[1].1),
        pearson_ratio: pearson(&columns[2].0, &columns[2].1),
        spearman_hap1: spearman(&columns[0].0, &columns[0].1),
        spearman_hap2: spearman(&columns[1].0, &columns[1].1),
        spearman_ratio: spearman(&columns[2].0, &columns[2].1),
        skipped_batches: 0,
        seconds: 0.0,
        best: false,
    }
}
