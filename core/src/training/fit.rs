//! The training loop: batches, validation after each epoch, early stopping, the best weights kept, and a state on
//! disk from which an interrupted run resumes with the same result.

use std::path::Path;
use std::time::{Duration, Instant};

use ndarray::Array2;
use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::{Kind as Type, Tensor};

use crate::error::{Error, Result};
use crate::model::torch::network::{to_host, Mode, Network};
use crate::model::Weights;
use crate::training::bias_init::start_at_medians;
use crate::training::dataset::Dataset;
use crate::training::device_data::{Augmentation, Batch, DeviceData};
use crate::training::ema::Average;
use crate::training::epoch_metrics::{correlations, EpochMetrics};
use crate::training::loss::{host, LossParts, Objective};
use crate::training::optimiser::Adam;
use crate::training::options::{FirstCounts, FitOptions, NotFinite, Selection};
use crate::training::schedule::RateKeeper;
use crate::training::snapshot::{fingerprint, Position, Snapshot};
use crate::training::split::Part;

/// Progress of a run, as it is reported to the caller.
pub enum Event<'a> {
    /// A step was made.
    Batch {
        /// Epoch, counted from 1.
        epoch: usize,
        /// Batches done in this epoch.
        done: usize,
        /// Batches of an epoch.
        total: usize,
    },
    /// An epoch ended.
    Epoch(&'a EpochMetrics),
}

/// A trained network. After [`fit`] the network holds the best weights, too.
pub struct Fitted {
    /// Weights of the best epoch.
    pub best: Weights,
    /// Its number, counted from 1.
    pub best_epoch: usize,
    /// Metrics of every epoch.
    pub history: Vec<EpochMetrics>,
    /// True when patience ran out, false when the number of epochs did.
    pub stopped_early: bool,
    /// Overdispersion of totals (φ) and of splits (ρ) by sample, where the loss learns them.
    pub dispersions: Option<(Vec<f64>, Vec<f64>)>,
}

/// Whether and when the state of a run is saved, and how the run can be interrupted.
pub struct Checkpointing<'a> {
    /// The file of the state; none is written without it.
    pub state: Option<&'a Path>,
    /// Resume from `state` if the file exists.
    pub resume: bool,
    /// A state is written after each epoch, and when this much time has passed since the last.
    pub every: Duration,
    /// Called before each step: whether to save the state and stop.
    pub stop: &'a dyn Fn() -> bool,
}

impl Checkpointing<'_> {
    /// No state is written, and the run is not interrupted.
    pub const NONE: Checkpointing<'static> =
        Checkpointing { state: None, resume: false, every: Duration::MAX, stop: &|| false };
}

/// How [`fit`] ended.
pub enum Outcome {
    /// The run is complete.
    Finished(Fitted),
    /// [`Checkpointing::stop`] interrupted it; the state is saved if there is a file for it.
    Stopped {
        /// The epoch in which that was, counted from 1.
        epoch: usize,
    },
}

/// One optimiser step on `rows` with the published loss; returns the loss before the update. A loss that is not
/// finite changes nothing.
///
/// # Errors
/// libtorch fails.
pub fn train_step(
    network: &Network,
    optimiser: &mut Adam,
    data: &DeviceData,
    rows: &[i64],
    learning_rate: f64,
) -> Result<f64> {
    train_step_with(&FitOptions::default(), network, optimiser, data, rows, learning_rate)
}

/// As [`train_step`], with the loss of `options`; `network` was built with [`FitOptions::network_options`].
///
/// # Errors
/// libtorch fails.
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

/// Predictions of `rows` in evaluation mode, in the scale of the targets: both counts and the ratio (without its bias)
/// by row and sample, (rows, S).
///
/// # Errors
/// libtorch fails.
pub fn predict(network: &Network, data: &DeviceData, rows: &[usize]) -> Result<Array2<[f32; 3]>> {
    Ok(evaluate(network, data, rows, None)?.0)
}

/// As [`predict`], with the loss.
fn evaluate(
    network: &Network,
    data: &DeviceData,
    rows: &[usize],
    objective: Option<&Objective>,
) -> Result<(Array2<[f32; 3]>, f64)> {
    const BATCH: usize = 128;
    let _guard = tch::no_grad_guard();
    let outputs = network.architecture().outputs;
    let mut predictions = Array2::from_elem((rows.len(), outputs), [0.0; 3]);
    let mut places = predictions.rows_mut().into_iter();
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
        let values = to_host(&out)?;
        for (row, mut place) in values.chunks_exact(3 * outputs).zip(&mut places) {
            place.iter_mut().enumerate().for_each(|(s, p)| *p = [0, 1, 2].map(|head| row[head * outputs + s]));
        }
    }
    Ok((predictions, sum / weight))
}

/// A generator that depends only on the seed, the epoch and the step, so that a resumed run draws the same random
/// numbers.
fn generator(seed: u64, epoch: usize, step: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9).wrapping_add(epoch as u64));
    rng.set_stream(step as u64);
    rng
}

/// Steps between two reads of the loss from a device that the host would have to wait for.
const READ_EVERY: usize = 64;

/// Losses that are still on the device: the loss, its batch (from 1) and the number of rows.
#[derive(Default)]
struct Pending(Vec<(Tensor, usize, usize)>);

impl Pending {
    /// Add the losses to the sums in `position`.
    ///
    /// # Errors
    /// One is not finite.
    fn read(&mut self, position: &mut Position) -> Result<()> {
        for (loss, batch, rows) in self.0.drain(..) {
            let value = host(&loss)?;
            if !value.is_finite() {
                return Err(Error::mismatch(format!(
                    "the loss is {value} at batch {batch} of epoch {}; lower the learning rate or look for extreme \
                     values",
                    position.epoch
                )));
            }
            position.loss_sum += value * rows as f64;
            position.loss_weight += rows as f64;
        }
        Ok(())
    }
}

/// Train `network` on the training part of `data`, choosing the epoch by its validation part. The test part is not
/// used. The same seed, data and number of threads give the same model on a CPU, also when the run was interrupted
/// and resumed. See [`Trainer`].
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::run`].
pub fn fit(
    network: &mut Network,
    data: &Dataset,
    parts: &[Part],
    options: &FitOptions,
    checkpointing: &Checkpointing,
    report: &mut dyn FnMut(Event),
) -> Result<Outcome> {
    Trainer::new(network, data, parts, options, checkpointing)?.run(report)
}

/// A run of training: the network with all that changes from step to step.
pub struct Trainer<'a> {
    network: &'a mut Network,
    options: &'a FitOptions,
    checkpointing: &'a Checkpointing<'a>,
    data: &'a Dataset,
    device_data: DeviceData,
    /// Rows of `data`, in the order of the epoch.
    train: Vec<i64>,
    validation: Vec<usize>,
    objective: Objective,
    optimiser: Adam,
    average: Average,
    position: Position,
    best: Option<Weights>,
    pending: Pending,
    last_saved: Instant,
}

impl<'a> Trainer<'a> {
    /// A run at its beginning, or, if it is to resume, where the saved state left it. `network` was built with
    /// [`FitOptions::network_options`]; `parts` has the part of each row of `data`.
    ///
    /// # Errors
    /// The options are invalid, the network was built with others, or the saved state belongs to another run.
    pub fn new(
        network: &'a mut Network,
        data: &'a Dataset,
        parts: &[Part],
        options: &'a FitOptions,
        checkpointing: &'a Checkpointing<'a>,
    ) -> Result<Self> {
        options.validate()?;
        options.check_network(network.options())?;
        let rows_of = |part| (0..data.len()).filter(move |&i| parts[i] == part);
        let train: Vec<i64> = rows_of(Part::Train).map(|i| i as i64).collect();
        let device_data = DeviceData::new(data, network)?;
        let objective = Objective::new(options, network, device_data.has_fragments())?;
        let learned = objective.parameters();
        let mut optimiser = Adam::with(network, &learned, options.weight_decay, options.decay, options.clip)?;
        let steps = train.len().div_ceil(options.batch_size) * options.epochs;
        let rates = RateKeeper::new(options.schedule, options.learning_rate, steps as u64);
        let identity = fingerprint(network.architecture(), options, data, parts);
        let mut position = Position::start(identity.clone(), rates);
        let mut best = None;
        if options.first_counts == FirstCounts::Median {
            start_at_medians(network, data, &train, options.loss)?;
        }
        let average = Average::new(network, options.average)?;
        if let Some(path) = checkpointing.state.filter(|path| checkpointing.resume && path.exists()) {
            let saved = Snapshot::read(path, &identity)?;
            network.load(&saved.weights("model."))?;
            let (steps, moments) = saved.restore(&average.state(), &learned, &optimiser.state().1)?;
            optimiser.restore(steps, &moments)?;
            best = saved.position.best.is_some().then(|| saved.weights("best."));
            position = saved.position;
        }
        Ok(Self {
            network,
            options,
            checkpointing,
            data,
            device_data,
            train,
            validation: rows_of(Part::Validation).collect(),
            objective,
            optimiser,
            average,
            position,
            best,
            pending: Pending::default(),
            last_saved: Instant::now(),
        })
    }

    /// Train to the end, or until [`Checkpointing::stop`].
    ///
    /// # Errors
    /// libtorch fails, a loss is not finite where that ends the run, no batch of an epoch has a finite loss, no epoch
    /// has finite validation metrics, or the state cannot be written.
    pub fn run(mut self, report: &mut dyn FnMut(Event)) -> Result<Outcome> {
        while self.position.epoch <= self.options.epochs && !self.is_out_of_patience() {
            if !self.epoch(report)? {
                return Ok(Outcome::Stopped { epoch: self.position.epoch });
            }
        }
        let stopped_early = self.is_out_of_patience();
        let (Some((_, best_epoch)), Some(best)) = (self.position.best, self.best) else {
            return Err(Error::mismatch(
                "no epoch has a finite figure on the validation windows; lower the learning rate",
            ));
        };
        self.network.load(&best)?;
        let dispersions = self.objective.dispersions()?;
        let history = self.position.history;
        Ok(Outcome::Finished(Fitted { best, best_epoch, history, stopped_early, dispersions }))
    }

    fn is_out_of_patience(&self) -> bool {
        self.position.waited >= self.options.patience
    }

    /// Batches whose losses are read together. Where a loss that is not finite only skips its batch, each one is read.
    fn read_every(&self) -> usize {
        let on_host = self.network.device() == tch::Device::Cpu;
        if on_host || self.options.not_finite == NotFinite::Skip {
            1
        } else {
            READ_EVERY
        }
    }

    /// The rest of the present epoch. False if it was interrupted.
    fn epoch(&mut self, report: &mut dyn FnMut(Event)) -> Result<bool> {
        let (epoch, started) = (self.position.epoch, Instant::now());
        // A generator for each epoch: its order does not depend on the epochs before it.
        self.train.sort_unstable();
        self.train.shuffle(&mut generator(self.options.seed, epoch, 0));
        let size = self.options.batch_size;
        let total = self.train.len().div_ceil(size);
        for batch in self.position.batch..total {
            if (self.checkpointing.stop)() {
                self.checkpoint()?;
                return Ok(false);
            }
            let rows = self.train[batch * size..].iter().take(size).copied().collect::<Vec<_>>();
            self.step(&rows)?;
            report(Event::Batch { epoch, done: self.position.batch, total });
            if self.pending.0.len() >= self.read_every() {
                self.pending.read(&mut self.position)?;
            }
            if self.last_saved.elapsed() > self.checkpointing.every {
                self.checkpoint()?;
            }
        }
        self.pending.read(&mut self.position)?;
        if self.position.loss_weight == 0.0 {
            return Err(Error::mismatch(format!(
                "no batch of epoch {epoch} has a finite loss; lower the learning rate or look for extreme values"
            )));
        }
        let metrics = self.validate(started)?;
        report(Event::Epoch(&metrics));
        self.position.end_epoch(metrics);
        self.checkpoint()?;
        Ok(true)
    }

    /// One optimiser step on `rows`.
    fn step(&mut self, rows: &[i64]) -> Result<()> {
        let (options, position) = (self.options, &mut self.position);
        let mut rng = generator(options.seed, position.epoch, position.batch + 1);
        let augmentation =
            Augmentation::draw(&mut rng, rows.len(), options.shift, options.augment_strand, options.augment_swap);
        // Dropout draws from libtorch's own generator.
        tch::manual_seed(rand::Rng::random::<i64>(&mut rng));
        let batch = self.device_data.augmented(rows, &augmentation, self.network)?;
        let rate = position.rates.rate(position.steps);
        let loss = loss_of(self.network, &self.objective, &batch)?.mean()?;
        if options.not_finite == NotFinite::Skip && !host(&loss)?.is_finite() {
            position.skipped += 1;
        } else {
            self.pending.0.push((loss.detach(), position.batch + 1, rows.len()));
            if self.read_every() == 1 {
                // Before the update: no state is saved after a loss that is not finite.
                self.pending.read(&mut self.position)?;
            }
            descend(&loss, &mut self.optimiser, rate)?;
        }
        self.position.steps += 1;
        self.position.batch += 1;
        self.average.step(self.position.steps)
    }

    /// Metrics of the epoch on the validation windows, by the moving average of the weights if there is one. Keeps
    /// the weights if they are the best so far.
    fn validate(&mut self, started: Instant) -> Result<EpochMetrics> {
        self.average.exchange()?;
        let (predictions, loss) = evaluate(self.network, &self.device_data, &self.validation, Some(&self.objective))?;
        let [hap1, hap2, ratio] = correlations(self.data, &self.validation, predictions.view());
        let position = &mut self.position;
        let score = match self.options.selection {
            Selection::Loss => loss,
            Selection::Ratio => -ratio[0],
        };
        let metrics = EpochMetrics {
            epoch: position.epoch,
            steps: position.steps,
            learning_rate: position.rates.rate(position.steps.saturating_sub(1)),
            train_loss: position.loss_sum / position.loss_weight,
            validation_loss: loss,
            pearson_hap1: hap1[0],
            pearson_hap2: hap2[0],
            pearson_ratio: ratio[0],
            spearman_hap1: hap1[1],
            spearman_hap2: hap2[1],
            spearman_ratio: ratio[1],
            skipped_batches: position.skipped,
            seconds: started.elapsed().as_secs_f64(),
            best: score.is_finite() && position.best.is_none_or(|(lowest, _)| score < lowest),
        };
        if metrics.best {
            position.best = Some((score, position.epoch));
            self.best = Some(self.network.weights()?);
        }
        self.average.exchange()?;
        Ok(metrics)
    }

    /// Write the state, if there is a file for it.
    fn checkpoint(&mut self) -> Result<()> {
        self.pending.read(&mut self.position)?;
        if let Some(path) = self.checkpointing.state {
            let (weights, best) = (self.network.weights()?, self.best.as_ref());
            let (average, learned) = (self.average.state(), self.objective.parameters());
            let optimiser = self.optimiser.state();
            Snapshot::new(&self.position, weights, best, &average, &learned, optimiser)?.write(path)?;
        }
        self.last_saved = Instant::now();
        Ok(())
    }
}
