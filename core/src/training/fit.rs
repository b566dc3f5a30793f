//! The training loop: batches, validation after each epoch, early stopping, the best weights kept, and a state on
//! disk from which a run goes on as if it had never stopped.

use std::path::Path;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Kind as Type, Tensor};

use crate::error::{Error, Result};
use crate::model::torch::network::{Mode, Network};
use crate::model::Weights;
use crate::stats::correlation::{pearson, spearman};
use crate::training::bias_init::start_at_medians;
use crate::training::dataset::Dataset;
use crate::training::device_data::{Augmentation, Batch, DeviceData};
use crate::training::ema::Average;
use crate::training::loss::{host, LossParts, Objective};
use crate::training::optimiser::Adam;
use crate::training::options::{BatchStatistics, FirstCounts, FitOptions, NotFinite, Precision, Selection};
use crate::training::schedule::{bits, RateKeeper};
use crate::training::snapshot::{fingerprint, Position, Snapshot};
use crate::training::split::Part;

/// One line of `metrics.tsv`: an epoch, counted from 1. Correlations are over the validation windows, the mean over
/// the samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    pub epoch: usize,
    /// Optimiser steps done so far.
    pub steps: u64,
    /// Learning rate of the last step.
    #[serde(with = "bits")]
    pub learning_rate: f64,
    /// The mean over the steps, each before it was made.
    #[serde(with = "bits")]
    pub train_loss: f64,
    #[serde(with = "bits")]
    pub validation_loss: f64,
    #[serde(with = "bits")]
    pub pearson_hap1: f64,
    #[serde(with = "bits")]
    pub pearson_hap2: f64,
    #[serde(with = "bits")]
    pub pearson_ratio: f64,
    #[serde(with = "bits")]
    pub spearman_hap1: f64,
    #[serde(with = "bits")]
    pub spearman_hap2: f64,
    #[serde(with = "bits")]
    pub spearman_ratio: f64,
    /// Batches left out because their loss was not a finite number.
    pub skipped_batches: usize,
    #[serde(with = "bits")]
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
    /// Overdispersion of totals (φ) and of splits (ρ) by sample, where the loss learns them.
    pub dispersions: Option<(Vec<f64>, Vec<f64>)>,
}

/// How a run is kept, and how it is ended.
pub struct Keeping<'a> {
    /// The file of the state; none is written without it.
    pub state: Option<&'a Path>,
    /// Go on from `state` if the file is there.
    pub resume: bool,
    /// A state is written when an epoch ends and when this much time has passed since the last.
    pub every: Duration,
    /// Asked before each step: whether to save and end.
    pub stop: &'a dyn Fn() -> bool,
}

impl Keeping<'_> {
    /// Nothing kept, nothing asked.
    pub const NOTHING: Keeping<'static> = Keeping { state: None, resume: false, every: Duration::MAX, stop: &|| false };
}

/// How [`fit`] ended.
pub enum Outcome {
    Finished(Fitted),
    /// [`Keeping::stop`] said so; the state is saved if it was to be.
    Stopped {
        epoch: usize,
    },
}

/// Set the network up as `options` say.
pub fn prepare(network: &mut Network, options: &FitOptions) {
    network.set_statistics_apart(options.batch_statistics == BatchStatistics::Apart);
    network.set_shared_dropout(options.shared_dropout);
    if options.precision == Precision::Bfloat16 {
        network.set_mixed_precision();
    }
}

/// One optimiser step on `rows` with the published loss; returns the loss before it. A loss that is not finite
/// changes nothing.
pub fn train_step(
    network: &Network,
    optimiser: &mut Adam,
    data: &DeviceData,
    rows: &[i64],
    learning_rate: f64,
) -> Result<f64> {
    train_step_with(&FitOptions::default(), network, optimiser, data, rows, learning_rate)
}

/// As [`train_step`], with the loss of `options`; `network` is set up as they say already.
pub fn train_step_with(
    options: &FitOptions,
    network: &Network,
    optimiser: &mut Adam,
    data: &DeviceData,
    rows: &[i64],
    learning_rate: f64,
) -> Result<f64> {
    let objective = Objective::new(options, network, data.has_fragments())?;
    let loss = loss_of(network, &objective, &data.batch(rows)?)?.mean()?;
    let value = host(&loss)?;
    if value.is_finite() {
        descend(&loss, optimiser, learning_rate)?;
    }
    Ok(value)
}

fn loss_of(network: &Network, objective: &Objective, batch: &Batch) -> Result<LossParts> {
    objective.of(&network.forward(&batch.hap1, &batch.hap2, Mode::Train)?, batch, network)
}

fn descend(loss: &Tensor, optimiser: &mut Adam, rate: f64) -> Result<()> {
    optimiser.zero_grad();
    loss.f_backward()?;
    optimiser.step(rate)
}

/// Predictions of `rows` in evaluation mode, in the scale of the targets: for each row both counts and the ratio
/// (without its bias) of every sample, sample fastest.
pub fn predict(network: &Network, data: &DeviceData, rows: &[usize]) -> Result<Vec<[f32; 3]>> {
    Ok(evaluate(network, data, rows, None)?.0)
}

/// As [`predict`], with the loss.
fn evaluate(
    network: &Network,
    data: &DeviceData,
    rows: &[usize],
    objective: Option<&Objective>,
) -> Result<(Vec<[f32; 3]>, f64)> {
    const BATCH: usize = 128;
    let _guard = tch::no_grad_guard();
    let outputs = network.architecture().outputs;
    let mut predictions = Vec::with_capacity(rows.len() * outputs);
    let (mut sum, mut weight) = (0.0, 0.0);
    for rows in rows.chunks(BATCH) {
        let rows: Vec<i64> = rows.iter().map(|&r| r as i64).collect();
        let batch = data.batch(&rows)?;
        let out = network.forward(&batch.hap1, &batch.hap2, Mode::Evaluate)?;
        if let Some(objective) = objective {
            // Sums of many windows: in float64.
            let parts = objective.of(&out.f_to_kind(Type::Double)?, &batch, network)?;
            sum += host(&parts.sum)?;
            weight += host(&parts.weight)?;
        }
        let out = out.f_to_device(tch::Device::Cpu)?.f_to_kind(Type::Float)?.f_contiguous()?;
        let mut values = vec![0f32; rows.len() * 3 * outputs];
        let count = values.len();
        out.f_copy_data(&mut values, count)?;
        for row in values.chunks_exact(3 * outputs) {
            predictions.extend((0..outputs).map(|s| [0, 1, 2].map(|head| row[head * outputs + s])));
        }
    }
    Ok((predictions, sum / weight))
}

/// A generator that depends on the seed, an epoch and a step of it alone: whatever was drawn before, a run that goes
/// on draws what it would have drawn.
fn generator(seed: u64, epoch: usize, step: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9).wrapping_add(epoch as u64));
    rng.set_stream(step as u64);
    rng
}

/// Steps between two looks at the loss on a device that the host would have to wait for.
const LOOK_EVERY: usize = 64;

/// Losses that are still on the device.
struct Pending {
    losses: Vec<(Tensor, f64)>,
    /// Batch (from 0) of the first of them.
    first: usize,
    every: usize,
}

impl Pending {
    /// Add what is there to `position`, and see that it is finite.
    fn look(&mut self, position: &mut Position) -> Result<()> {
        for (i, (loss, rows)) in self.losses.drain(..).enumerate() {
            let value = host(&loss)?;
            if !value.is_finite() {
                return Err(Error::mismatch(format!(
                    "the loss is {value} at batch {} of epoch {}; lower the learning rate or look for extreme values",
                    self.first + i + 1,
                    position.epoch
                )));
            }
            position.loss_sum += value * rows;
            position.loss_weight += rows;
        }
        self.first = position.batch;
        Ok(())
    }
}

/// Train `network` on the training part of `data`, choosing the epoch by its figure on the validation part. The test
/// part is not looked at. The same seed, data and number of threads give the same model on a CPU, whether the run was
/// stopped and taken up again or not.
///
/// # Errors
/// libtorch fails, no batch of an epoch has a finite loss, a loss is not finite where that ends the run, or the
/// saved state is that of another run.
pub fn fit(
    network: &mut Network,
    data: &Dataset,
    parts: &[Part],
    options: &FitOptions,
    keeping: &Keeping,
    report: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    options.validate()?;
    prepare(network, options);
    let rows_of = |part| -> Vec<usize> { (0..data.len()).filter(|&i| parts[i] == part).collect() };
    let mut train: Vec<i64> = rows_of(Part::Train).iter().map(|&i| i as i64).collect();
    let validation = rows_of(Part::Validation);
    let device_data = DeviceData::new(data, network)?;
    let objective = Objective::new(options, network, device_data.has_fragments())?;
    let extra = objective.parameters();
    let mut optimiser = Adam::with(network, &extra, options.weight_decay, options.decay, options.clip)?;
    let total = train.len().div_ceil(options.batch_size);
    let rates = RateKeeper::new(options.schedule, options.learning_rate, (total * options.epochs) as u64);
    let identity = fingerprint(network.architecture(), options, data, parts);
    let mut position = Position::start(identity.clone(), rates);
    let mut best: Option<Weights> = None;
    if options.first_counts == FirstCounts::Median {
        start_at_medians(network, data, &train, options.loss)?;
    }
    let mut average = Average::new(network, options.average)?;
    if let Some(path) = keeping.state.filter(|path| keeping.resume && path.exists()) {
        let saved = Snapshot::read(path, &identity)?;
        network.load(&saved.weights("model."))?;
        let (steps, moments) = saved.restore(&average.state(), &extra, &optimiser.state().1)?;
        optimiser.restore(steps, &moments)?;
        best = saved.position.best.is_some().then(|| saved.weights("best."));
        position = saved.position;
    }
    let save = |position: &Position, network: &Network, best: Option<&Weights>, average: &Average, adam: &Adam| {
        let Some(path) = keeping.state else { return Ok(()) };
        Snapshot::new(position, network.weights()?, best, &average.state(), &extra, adam.state())?.write(path)
    };
    let on_host = network.device() == tch::Device::Cpu;
    let every = if on_host || options.not_finite == NotFinite::Skip { 1 } else { LOOK_EVERY };
    let mut stopped_early = position.waited >= options.patience;
    let mut last_saved = Instant::now();
    while position.epoch <= options.epochs && !stopped_early {
        let (epoch, started) = (position.epoch, Instant::now());
        // A generator for each epoch: its order does not depend on how the epochs before it went.
        train.sort_unstable();
        train.shuffle(&mut generator(options.seed, epoch, 0));
        let mut pending = Pending { losses: Vec::new(), first: position.batch, every };
        let batches: Vec<&[i64]> = train.chunks(options.batch_size).skip(position.batch).collect();
        for rows in batches {
            if (keeping.stop)() {
                pending.look(&mut position)?;
                save(&position, network, best.as_ref(), &average, &optimiser)?;
                return Ok(Outcome::Stopped { epoch });
            }
            let mut rng = generator(options.seed, epoch, position.batch + 1);
            let augmentation =
                Augmentation::draw(&mut rng, rows.len(), options.shift, options.augment_strand, options.augment_swap);
            // Dropout draws from libtorch's own generator.
            tch::manual_seed(rand::Rng::random::<i64>(&mut rng));
            let batch = device_data.augmented(rows, &augmentation, network)?;
            let rate = position.rates.rate(position.steps);
            let loss = loss_of(network, &objective, &batch)?.mean()?;
            let rows = rows.len() as f64;
            if options.not_finite == NotFinite::Skip && !host(&loss)?.is_finite() {
                position.skipped += 1;
            } else {
                pending.losses.push((loss.detach(), rows));
                if pending.every == 1 {
                    // Before the step: what is saved is never behind a loss that is none.
                    pending.look(&mut position)?;
                }
                descend(&loss, &mut optimiser, rate)?;
            }
            position.steps += 1;
            position.batch += 1;
            average.step(position.steps)?;
            report(Event::Batch { epoch, done: position.batch, total });
            if pending.losses.len() >= pending.every {
                pending.look(&mut position)?;
            }
            if last_saved.elapsed() > keeping.every {
                pending.look(&mut position)?;
                save(&position, network, best.as_ref(), &average, &optimiser)?;
                last_saved = Instant::now();
            }
        }
        pending.look(&mut position)?;
        if position.loss_weight == 0.0 {
            return Err(Error::mismatch(format!(
                "no batch of epoch {epoch} has a finite loss; lower the learning rate or look for extreme values"
            )));
        }
        average.exchange()?;
        let (predictions, loss) = evaluate(network, &device_data, &validation, Some(&objective))?;
        let mut metrics = validation_metrics(data, &validation, &predictions);
        metrics.epoch = epoch;
        metrics.steps = position.steps;
        metrics.learning_rate = position.rates.rate(position.steps.saturating_sub(1));
        metrics.train_loss = position.loss_sum / position.loss_weight;
        metrics.validation_loss = loss;
        metrics.skipped_batches = position.skipped;
        metrics.seconds = started.elapsed().as_secs_f64();
        let score = match options.selection {
            Selection::Loss => loss,
            Selection::Ratio => -metrics.pearson_ratio,
        };
        metrics.best = score.is_finite() && position.best.is_none_or(|(lowest, _)| score < lowest);
        report(Event::Epoch(&metrics));
        position.rates.epoch_ended(loss);
        if metrics.best {
            position.best = Some((score, epoch));
            best = Some(network.weights()?);
            position.waited = 0;
        } else {
            position.waited += 1;
        }
        average.exchange()?;
        position.history.push(metrics);
        stopped_early = position.waited >= options.patience;
        (position.epoch, position.batch) = (epoch + 1, 0);
        (position.loss_sum, position.loss_weight, position.skipped) = (0.0, 0.0, 0);
        save(&position, network, best.as_ref(), &average, &optimiser)?;
        last_saved = Instant::now();
    }
    let (Some((_, best_epoch)), Some(best)) = (position.best, best) else {
        return Err(Error::mismatch("no epoch has a finite figure on the validation windows; lower the learning rate"));
    };
    network.load(&best)?;
    let dispersions = objective.dispersions()?;
    Ok(Outcome::Finished(Fitted { best, best_epoch, history: position.history, stopped_early, dispersions }))
}

/// Correlations on the validation windows, the mean over the samples that have one.
fn validation_metrics(data: &Dataset, rows: &[usize], predictions: &[[f32; 3]]) -> EpochMetrics {
    let outputs = data.outputs();
    let mut figures = [[0.0; 2]; 3];
    for (head, figures) in figures.iter_mut().enumerate() {
        let mut counted = [0usize; 2];
        for sample in 0..outputs {
            let known = rows.iter().enumerate().filter(|(_, &i)| data.has(i, sample));
            let (measured, predicted): (Vec<f64>, Vec<f64>) = known
                .map(|(k, &i)| {
                    let (m, p) = (data.targets[i * outputs + sample], predictions[k * outputs + sample]);
                    (f64::from(m[head]), f64::from(p[head]))
                })
                .unzip();
            for (k, r) in [pearson(&measured, &predicted), spearman(&measured, &predicted)].into_iter().enumerate() {
                if r.is_finite() {
                    figures[k] += r;
                    counted[k] += 1;
                }
            }
        }
        for (figure, counted) in figures.iter_mut().zip(counted) {
            *figure = if counted > 0 { *figure / counted as f64 } else { f64::NAN };
        }
    }
    let [hap1, hap2, ratio] = figures;
    EpochMetrics {
        epoch: 0,
        steps: 0,
        learning_rate: 0.0,
        train_loss: 0.0,
        validation_loss: 0.0,
        pearson_hap1: hap1[0],
        pearson_hap2: hap2[0],
        pearson_ratio: ratio[0],
        spearman_hap1: hap1[1],
        spearman_hap2: hap2[1],
        spearman_ratio: ratio[1],
        skipped_batches: 0,
        seconds: 0.0,
        best: false,
    }
}
