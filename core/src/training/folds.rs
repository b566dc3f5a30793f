//! Several networks trained one after the other: the folds of a cross-validation, the seeds of an ensemble.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ndarray::Array2;
use tch::Device;

use crate::error::{Error, Result};
use crate::model::torch::network::{initial_weights, Network, NetworkOptions};
use crate::model::Architecture;
use crate::model::{Kind, Weights};
use crate::training::dataset::Dataset;
use crate::training::device_data::DeviceData;
use crate::training::epoch_metrics::EpochMetrics;
use crate::training::fit::{fit, predict, Checkpointing, Event, Fitted, Outcome};
use crate::training::options::FitOptions;
use crate::training::snapshot::{fingerprint, saved_fingerprint};
use crate::training::split::Part;

/// One network to train.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name in files and tables, such as `fold2.seed1`; empty for a single run.
    pub name: String,
    /// Number of its fold, from 0.
    pub fold: usize,
    /// Part of each example.
    pub parts: Vec<Part>,
    /// Seed of the run.
    pub seed: u64,
}

/// `members` networks for each fold, which `ways` divides into parts, with seeds from `seed` on.
pub fn plan(ways: &[Vec<Part>], members: usize, seed: u64) -> Vec<Run> {
    let mut runs = Vec::with_capacity(ways.len() * members);
    for (fold, parts) in ways.iter().enumerate() {
        for member in 0..members {
            let fold_name = (ways.len() > 1).then(|| format!("fold{}", fold + 1));
            let seed_name = (members > 1).then(|| format!("seed{}", member + 1));
            let name: Vec<String> = fold_name.into_iter().chain(seed_name).collect();
            runs.push(Run { name: name.join("."), fold, parts: parts.clone(), seed: seed.wrapping_add(member as u64) });
        }
    }
    runs
}

/// The folder of the states and the finished members of a training until all are done.
pub struct Folder<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Resume from the files in it.
    pub resume: bool,
    /// See [`Checkpointing::every`].
    pub every: Duration,
    /// See [`Checkpointing::stop`].
    pub stop: &'a dyn Fn() -> bool,
}

impl Folder<'_> {
    fn state(&self, run: &Run) -> PathBuf {
        self.path.join(file_name("training", run, "state"))
    }

    fn finished(&self, run: &Run) -> PathBuf {
        self.path.join(file_name("finished", run, "safetensors"))
    }

    /// Of the files to resume from, keep those of the runs of `planned` and remove those of an earlier, different training.
    ///
    /// # Errors
    /// All files are of another training, one is damaged, or one cannot be removed.
    pub fn keep_own(&self, planned: &[Planned], data: &Dataset) -> Result<Leftovers> {
        let mut own = 0;
        let mut others = Vec::new();
        for Planned { runs, architecture, options } in planned {
            for run in *runs {
                let (state, finished) = (self.state(run), self.finished(run));
                if !state.exists() && !finished.exists() {
                    continue;
                }
                let options = FitOptions { seed: run.seed, ..(*options).clone() };
                let identity = fingerprint(architecture, &options, data, &run.parts);
                for (path, found) in
                    [(&state, saved_fingerprint(&state)?), (&finished, finished_fingerprint(&finished)?)]
                {
                    match found {
                        Some(found) if found == identity => own += 1,
                        Some(_) => others.push(path.clone()),
                        None => {}
                    }
                }
            }
        }
        if let (0, Some(first)) = (own, others.first()) {
            return Err(of_another_training(first));
        }
        others.iter().try_for_each(|path| remove(path))?;
        Ok(Leftovers { own, removed: others.len() })
    }

    /// Remove all files to resume from, also those of an earlier training with other folds and seeds.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn clear(&self) -> Result<()> {
        let entries = std::fs::read_dir(self.path).map_err(|e| Error::io(self.path, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| Error::io(self.path, e))?;
            if entry.file_name().to_str().is_some_and(is_saved_run) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

/// Networks that a training will fit.
#[derive(Clone, Copy)]
pub struct Planned<'a> {
    /// The runs.
    pub runs: &'a [Run],
    /// Sizes of the networks.
    pub architecture: &'a Architecture,
    /// Options, except for the seed, which each run has.
    pub options: &'a FitOptions,
}

/// The files to resume from that [`Folder::keep_own`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// Those of this training.
    pub own: usize,
    /// Those of another training, which were removed.
    pub removed: usize,
}

/// Whether a file name is one of [`Folder::state`] or [`Folder::finished`], of any run.
fn is_saved_run(name: &str) -> bool {
    let run = match (name.strip_prefix("training."), name.strip_prefix("finished.")) {
        (Some(rest), _) => rest.strip_suffix("state"),
        (_, Some(rest)) => rest.strip_suffix("safetensors"),
        _ => None,
    };
    let numbered = |part: &str, word: &str| {
        part.strip_prefix(word).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let known = |part: &str| {
        numbered(part, "fold") || numbered(part, "seed") || Kind::ALL.iter().any(|kind| kind.name() == part)
    };
    run.is_some_and(|run| run.is_empty() || run.strip_suffix('.').is_some_and(|run| run.split('.').all(known)))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, e)),
        _ => Ok(()),
    }
}

fn of_another_training(path: &Path) -> Error {
    Error::input(
        path,
        "is of a training with other data, another network or other options; give those, or leave out --resume",
    )
}

/// The fingerprint of a finished run; None if there is no such file.
fn finished_fingerprint(path: &Path) -> Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    let (_, metadata) = Weights::read_safetensors(path)?;
    let found = metadata.get("fingerprint").cloned();
    let wrong = || Error::input(path, "is not a finished training run (it has no fingerprint)");
    found.map(Some).ok_or_else(wrong)
}

fn file_name(kind: &str, run: &Run, ending: &str) -> String {
    match run.name.is_empty() {
        true => format!("{kind}.{ending}"),
        false => format!("{kind}.{}.{ending}", run.name),
    }
}

/// Receives progress: the number of the run, and what happens in it.
pub type Report<'a> = dyn FnMut(usize, Event) + 'a;

/// How [`train`] ended.
pub enum Trained {
    /// The network of each run.
    All(Vec<Fitted>),
    /// Interrupted; the states are saved.
    Stopped {
        /// Number of the run that was interrupted.
        run: usize,
        /// Its epoch.
        epoch: usize,
    },
}

/// Train `runs` one after the other. With `folder.resume`, finished ones are read and the one in progress is resumed.
///
/// # Errors
/// As [`fit`].
pub fn train(
    runs: &[Run],
    architecture: &Architecture,
    data: &Dataset,
    options: &FitOptions,
    device: Device,
    folder: &Folder,
    report: &mut Report,
) -> Result<Trained> {
    let mut all = Vec::with_capacity(runs.len());
    for (number, run) in runs.iter().enumerate() {
        let options = FitOptions { seed: run.seed, ..options.clone() };
        let identity = fingerprint(architecture, &options, data, &run.parts);
        let finished = folder.finished(run);
        if folder.resume && finished.exists() {
            all.push(read_finished(&finished, &identity, architecture)?);
            continue;
        }
        let mut network =
            Network::new(architecture, &initial_weights(architecture, run.seed), device, options.network_options())?;
        let state = folder.state(run);
        let checkpointing =
            Checkpointing { state: Some(&state), resume: folder.resume, every: folder.every, stop: folder.stop };
        match fit(&mut network, data, &run.parts, &options, &checkpointing, &mut |event| report(number, event))? {
            Outcome::Stopped { epoch } => return Ok(Trained::Stopped { run: number, epoch }),
            Outcome::Finished(fitted) => {
                write_finished(&finished, &identity, &fitted)?;
                std::fs::remove_file(&state).map_err(|e| Error::io(&state, e))?;
                all.push(fitted);
            }
        }
    }
    Ok(Trained::All(all))
}

fn write_finished(path: &Path, identity: &str, fitted: &Fitted) -> Result<()> {
    let text = |value: serde_json::Result<String>| value.map_err(|e| Error::input(path, e.to_string()));
    let dispersions: Option<Vec<[u64; 2]>> = (fitted.dispersions.as_ref())
        .map(|(phi, rho)| phi.iter().zip(rho).map(|(a, b)| [a.to_bits(), b.to_bits()]).collect());
    let metadata = BTreeMap::from([
        ("fingerprint".to_string(), identity.to_string()),
        ("best_epoch".to_string(), fitted.best_epoch.to_string()),
        ("stopped_early".to_string(), fitted.stopped_early.to_string()),
        ("history".to_string(), text(serde_json::to_string(&fitted.history))?),
        ("dispersions".to_string(), text(serde_json::to_string(&dispersions))?),
    ]);
    fitted.best.write_safetensors(path, &metadata)?.rename()
}

fn read_finished(path: &Path, identity: &str, architecture: &Architecture) -> Result<Fitted> {
    let (best, metadata) = Weights::read_safetensors(path)?;
    best.check(architecture).map_err(|e| Error::input(path, e.to_string()))?;
    let get = |key: &str| {
        metadata.get(key).ok_or_else(|| Error::input(path, format!("is not a finished training run (it has no {key})")))
    };
    if get("fingerprint")? != identity {
        return Err(of_another_training(path));
    }
    let wrong = |_| Error::input(path, "is not a finished training run (its record is damaged)");
    let history: Vec<EpochMetrics> = serde_json::from_str(get("history")?).map_err(wrong)?;
    let dispersions: Option<Vec<[u64; 2]>> = serde_json::from_str(get("dispersions")?).map_err(wrong)?;
    let best_epoch: usize = serde_json::from_str(get("best_epoch")?).map_err(wrong)?;
    let stopped_early: bool = serde_json::from_str(get("stopped_early")?).map_err(wrong)?;
    let dispersions = dispersions.map(|d| d.iter().map(|&[a, b]| (f64::from_bits(a), f64::from_bits(b))).unzip());
    Ok(Fitted { best, best_epoch, history, stopped_early, dispersions })
}

/// The rows that runs of a fold hold out as `part`, in ascending order, and their predictions, (rows, samples) as
/// [`predict`] gives them: the mean over the members of the fold.
///
/// # Errors
/// libtorch fails.
pub fn held_out(
    runs: &[Run],
    fitted: &[Fitted],
    architecture: &Architecture,
    data: &Dataset,
    device: Device,
    part: Part,
) -> Result<(Vec<usize>, Array2<[f32; 3]>)> {
    let outputs = data.outputs();
    let mut sums = Array2::from_elem((data.len(), outputs), [0f64; 3]);
    let mut members = vec![0usize; data.len()];
    let mut device_data = None;
    for (run, fitted) in runs.iter().zip(fitted) {
        let network = Network::new(architecture, &fitted.best, device, NetworkOptions::default())?;
        let data = match &device_data {
            Some(data) => data,
            None => device_data.insert(DeviceData::new(data, &network)?),
        };
        let rows: Vec<usize> = (0..run.parts.len()).filter(|&i| run.parts[i] == part).collect();
        for (values, &row) in predict(&network, data, &rows)?.rows().into_iter().zip(&rows) {
            for (sum, value) in sums.row_mut(row).iter_mut().zip(values) {
                sum.iter_mut().zip(value).for_each(|(s, v)| *s += f64::from(*v));
            }
            members[row] += 1;
        }
    }
    let rows: Vec<usize> = (0..data.len()).filter(|&i| members[i] > 0).collect();
    let mean = |(k, sample): (usize, usize)| {
        let row = rows[k];
        sums[[row, sample]].map(|s| (s / members[row] as f64) as f32)
    };
    let predictions = Array2::from_shape_fn((rows.len(), outputs), mean);
    Ok((rows, predictions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_runs_are_recognised_by_their_names() {
        let runs = plan(&[Vec::new(), Vec::new()], 2, 1).into_iter().chain(plan(&[Vec::new()], 1, 1));
        for run in runs {
            for (kind, ending) in [("training", "state"), ("finished", "safetensors")] {
                let name = file_name(kind, &run, ending);
                assert!(is_saved_run(&name), "{name}");
            }
        }
        assert!(is_saved_run("finished.single.fold1.safetensors") && is_saved_run("training.difference.state"));
        for other in ["model.safetensors", "finished.mine.safetensors", "training.lock", "finished.foldx.safetensors"] {
            assert!(!is_saved_run(other), "{other}");
        }
    }
}
