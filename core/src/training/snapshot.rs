//! The saved state from which a training run resumes: written whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Kind as Type, Tensor as Torch};

use crate::error::{Error, Result};
use crate::model::Architecture;
use crate::model::{Tensor, Weights};
use crate::training::dataset::Dataset;
use crate::training::epoch_metrics::EpochMetrics;
use crate::training::options::FitOptions;
use crate::training::schedule::{bits, RateKeeper};
use crate::training::split::Part;

/// Version of the file; a reader refuses others.
const VERSION: u32 = 1;

/// The position of a run between two steps. Floating-point numbers are saved as their bits, so that they are restored
/// exactly, NaN included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    version: u32,
    /// See [`fingerprint`].
    fingerprint: String,
    /// The epoch in training, from 1.
    pub epoch: usize,
    /// Batches of it that are done.
    pub batch: usize,
    /// Optimiser steps done.
    pub steps: u64,
    /// The schedule.
    pub rates: RateKeeper,
    /// Epochs since the best one.
    pub waited: usize,
    /// Score and epoch of the best weights; a lower score is better.
    #[serde(with = "bits_of_best")]
    pub best: Option<(f64, usize)>,
    /// Metrics of the finished epochs.
    pub history: Vec<EpochMetrics>,
    /// Sum of the losses of the epoch so far, each times its number of rows.
    #[serde(with = "bits")]
    pub loss_sum: f64,
    /// Sum of these numbers of rows.
    #[serde(with = "bits")]
    pub loss_weight: f64,
    /// Batches of the epoch that were skipped.
    pub skipped: usize,
    optimiser_steps: i32,
}

impl Position {
    /// The start of a run.
    pub fn start(fingerprint: String, rates: RateKeeper) -> Self {
        Self {
            version: VERSION,
            fingerprint,
            epoch: 1,
            batch: 0,
            steps: 0,
            rates,
            waited: 0,
            best: None,
            history: Vec::new(),
            loss_sum: 0.0,
            loss_weight: 0.0,
            skipped: 0,
            optimiser_steps: 0,
        }
    }

    /// Go on to the next epoch.
    pub fn end_epoch(&mut self, metrics: EpochMetrics) {
        self.rates.epoch_ended(metrics.validation_loss);
        self.waited = if metrics.best { 0 } else { self.waited + 1 };
        self.history.push(metrics);
        (self.epoch, self.batch) = (self.epoch + 1, 0);
        (self.loss_sum, self.loss_weight, self.skipped) = (0.0, 0.0, 0);
    }
}

mod bits_of_best {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<(f64, usize)>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(|(score, epoch)| (score.to_bits(), epoch)).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(f64, usize)>, D::Error> {
        let saved = Option::<(u64, usize)>::deserialize(deserializer)?;
        Ok(saved.map(|(score, epoch)| (f64::from_bits(score), epoch)))
    }
}

/// A checksum of all that must be equal for a run to be resumed: the network, all options except the limits on epochs,
/// the examples, their targets and their parts.
pub fn fingerprint(architecture: &Architecture, options: &FitOptions, data: &Dataset, parts: &[Part]) -> String {
    let limits = FitOptions { epochs: 1, patience: 1, ..options.clone() };
    let mut hash = crc32fast::Hasher::new();
    // `PerAllele` by the name it had when this version of the file was defined.
    let settings = format!("{architecture:?} {limits:?} {} {}", data.window, data.margin).replace("PerAllele", "Apart");
    hash.update(settings.as_bytes());
    hash.update(&data.hap1);
    hash.update(&data.hap2);
    for numbers in data.targets.iter().chain(&data.fragments) {
        numbers.iter().for_each(|n| hash.update(&n.to_bits().to_le_bytes()));
    }
    data.weights.iter().for_each(|w| hash.update(&w.to_bits().to_le_bytes()));
    parts.iter().for_each(|part| hash.update(&[*part as u8]));
    format!("{:08x}-{}", hash.finalize(), data.len())
}

/// The tensors of a run by name: the network's under `model.`, the best under `best.`, their moving average under
/// `average.`, the parameters of the loss under `loss.`, the optimiser's moments under their own names.
pub struct Snapshot {
    /// Where the run is.
    pub position: Position,
    /// The tensors.
    pub tensors: BTreeMap<String, Tensor>,
}

/// A tensor of float32 or float64 on the host. Float64 keeps its bits in two float32 words.
fn to_host(tensor: &Torch) -> Result<Tensor> {
    let tensor = tensor.detach().f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let mut shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
    let count = tensor.numel();
    if tensor.kind() == Type::Double {
        let mut numbers = vec![0f64; count];
        tensor.f_copy_data(&mut numbers, count)?;
        shape.push(2);
        let halves = |x: &f64| [x.to_bits() as u32, (x.to_bits() >> 32) as u32].map(f32::from_bits);
        return Ok(Tensor { shape, data: numbers.iter().flat_map(halves).collect() });
    }
    let mut data = vec![0f32; count];
    tensor.f_copy_data(&mut data, count)?;
    Ok(Tensor { shape, data })
}

/// The inverse of [`to_host`] for a tensor like `like`.
fn from_host(saved: &Tensor, like: &Torch) -> Result<Torch> {
    let tensor = match like.kind() {
        Type::Double => {
            let numbers: Vec<f64> = saved
                .data
                .chunks_exact(2)
                .map(|h| f64::from_bits(u64::from(h[0].to_bits()) | u64::from(h[1].to_bits()) << 32))
                .collect();
            Torch::f_from_slice(&numbers)?
        }
        _ => Torch::f_from_slice(&saved.data)?,
    };
    Ok(tensor.f_view(like.size().as_slice())?.f_to_device(like.device())?)
}

/// The fingerprint of the state at `path`; None if there is no such file.
///
/// # Errors
/// The file is not a saved state.
pub fn saved_fingerprint(path: &Path) -> Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    let (_, metadata) = Weights::read_safetensors(path)?;
    Ok(Some(position(path, &metadata)?.fingerprint))
}

fn position(path: &Path, metadata: &BTreeMap<String, String>) -> Result<Position> {
    let wrong = |what: &str| Error::input(path, format!("is not a saved state of a training run ({what})"));
    let position = metadata.get("position").ok_or_else(|| wrong("it has no position"))?;
    let position: Position = serde_json::from_str(position).map_err(|e| wrong(&e.to_string()))?;
    match position.version {
        VERSION => Ok(position),
        version => Err(wrong(&format!("its version is {version}, expected {VERSION}"))),
    }
}

impl Snapshot {
    /// Collect `position` and the tensors; `optimiser` is the result of [`crate::training::optimiser::Adam::state`].
    ///
    /// # Errors
    /// libtorch fails.
    pub fn new(
        position: &Position,
        model: Weights,
        best: Option<&Weights>,
        average: &[(String, Torch)],
        loss: &[(String, Torch)],
        optimiser: (i32, Vec<(String, Torch)>),
    ) -> Result<Self> {
        let mut tensors = BTreeMap::new();
        tensors.extend(model.0.into_iter().map(|(name, t)| (format!("model.{name}"), t)));
        if let Some(best) = best {
            tensors.extend(best.0.iter().map(|(name, t)| (format!("best.{name}"), t.clone())));
        }
        for (group, list) in [("average", average), ("loss", loss)] {
            for (name, tensor) in list {
                tensors.insert(format!("{group}.{name}"), to_host(tensor)?);
            }
        }
        let (optimiser_steps, moments) = optimiser;
        for (name, tensor) in &moments {
            tensors.insert(name.clone(), to_host(tensor)?);
        }
        Ok(Self { position: Position { optimiser_steps, ..position.clone() }, tensors })
    }

    /// Write to `path`, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let position = serde_json::to_string(&self.position).map_err(|e| Error::input(path, e.to_string()))?;
        let metadata = BTreeMap::from([("position".to_string(), position)]);
        Weights(self.tensors.clone()).write_safetensors(path, &metadata)?.rename()
    }

    /// Read a state that [`Snapshot::write`] wrote, of a run of this `fingerprint`.
    ///
    /// # Errors
    /// The file is not a saved state, is damaged, or belongs to another run.
    pub fn read(path: &Path, fingerprint: &str) -> Result<Self> {
        let (weights, metadata) = Weights::read_safetensors(path)?;
        let position = position(path, &metadata)?;
        if position.fingerprint != fingerprint {
            return Err(Error::input(
                path,
                "is of a run with other data, another network or other options; give those of that run, or leave out \
                 --resume to start again",
            ));
        }
        Ok(Self { position, tensors: weights.0 })
    }

    /// The tensors whose names begin with `prefix`, without it.
    pub fn weights(&self, prefix: &str) -> Weights {
        let named =
            self.tensors.iter().filter_map(|(name, t)| Some((name.strip_prefix(prefix)?.to_string(), t.clone())));
        Weights(named.collect())
    }

    /// Restore the `average` and `loss` tensors in place, and return the optimiser's steps and moments.
    ///
    /// # Errors
    /// A tensor is missing or of another size.
    pub fn restore(
        &self,
        average: &[(String, Torch)],
        loss: &[(String, Torch)],
        moments: &[(String, Torch)],
    ) -> Result<(i32, BTreeMap<String, Torch>)> {
        let _guard = tch::no_grad_guard();
        let saved = |name: &str, like: &Torch| -> Result<Torch> {
            let words = like.numel() * if like.kind() == Type::Double { 2 } else { 1 };
            let tensor = self.tensors.get(name).filter(|t| t.data.len() == words);
            let tensor =
                tensor.ok_or_else(|| Error::mismatch(format!("the saved state has no {name} of the right shape")))?;
            from_host(tensor, like)
        };
        for (group, list) in [("average", average), ("loss", loss)] {
            for (name, tensor) in list {
                tensor.shallow_clone().f_copy_(&saved(&format!("{group}.{name}"), tensor)?)?;
            }
        }
        let moments = moments.iter().map(|(name, like)| Ok((name.clone(), saved(name, like)?)));
        Ok((self.position.optimiser_steps, moments.collect::<Result<_>>()?))
    }
}
