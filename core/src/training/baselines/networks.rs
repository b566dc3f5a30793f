//! Baselines trained on the same windows as the model, and their predictions of the windows on which it is judged.

use ndarray::Array2;
use tch::Device;

use crate::error::{Error, Result};
use crate::model::{Architecture, Kind};
use crate::training::baselines::gc_content::simple_baselines;
use crate::training::baselines::kmer_ridge::{KmerRidge, DEFAULT_K};
use crate::training::baselines::BaselinePredictions;
use crate::training::dataset::Dataset;
use crate::training::fit::Fitted;
use crate::training::folds::{held_out, plan, train, Folder, Planned, Report, Run, Trained};
use crate::training::options::{FitOptions, Loss};
use crate::training::report::HeldOutPredictions;
use crate::training::split::Part;

/// GC content and mean, each window predicted by the fit on the training part of the fold in which it is held out.
///
/// # Errors
/// As [`simple_baselines`].
pub fn simple(data: &Dataset, ways: &[Vec<Part>], judged: &HeldOutPredictions) -> Result<Vec<BaselinePredictions>> {
    let outputs = data.outputs();
    let mut baselines: Vec<BaselinePredictions> = Vec::new();
    for parts in ways {
        let here: Vec<usize> = (0..judged.rows.len()).filter(|&k| parts[judged.rows[k]] == judged.part).collect();
        let rows: Vec<usize> = here.iter().map(|&k| judged.rows[k]).collect();
        for (number, BaselinePredictions { name, predictions }) in
            simple_baselines(data, parts, &rows)?.into_iter().enumerate()
        {
            if baselines.len() <= number {
                let predictions = Array2::from_elem((judged.rows.len(), outputs), [f32::NAN; 3]);
                baselines.push(BaselinePredictions { name, predictions });
            }
            for (&k, values) in here.iter().zip(predictions.rows()) {
                baselines[number].predictions.row_mut(k).assign(&values);
            }
        }
    }
    Ok(baselines)
}

/// Ridge regression on k-mer counts ([`KmerRidge`]), fitted and its penalty chosen as the networks are: on the training
/// and validation part of the fold in which a window is held out.
///
/// # Errors
/// As [`KmerRidge::fit`].
pub fn kmer_ridge(data: &Dataset, ways: &[Vec<Part>], judged: &HeldOutPredictions) -> Result<BaselinePredictions> {
    let outputs = data.outputs();
    let mut predictions = Array2::from_elem((judged.rows.len(), outputs), [f32::NAN; 3]);
    for parts in ways {
        for sample in 0..outputs {
            let rows = |part: Part| -> Vec<usize> {
                (0..data.len()).filter(|&i| parts[i] == part && data.has(i, sample)).collect()
            };
            let targets: Vec<[f64; 3]> =
                (0..data.len()).map(|i| data.targets[i * outputs + sample].map(f64::from)).collect();
            let (train, validation) = (rows(Part::Train), rows(Part::Validation));
            let model = KmerRidge::fit(DEFAULT_K, &|i| data.codes(i), &targets, &train, &validation)?;
            for (k, &i) in judged.rows.iter().enumerate().filter(|(_, &i)| parts[i] == judged.part) {
                let (one, two) = data.codes(i);
                predictions[[k, sample]] = model.predict(one, two).map(|p| p as f32);
            }
        }
    }
    Ok(BaselinePredictions { name: "kmer_ridge".into(), predictions })
}

/// Networks of another kind, of the same sizes and with the same recipe, one for each fold.
pub struct Networks {
    /// Their kind.
    pub kind: Kind,
    architecture: Architecture,
    options: FitOptions,
    /// The runs, one for each fold.
    pub runs: Vec<Run>,
}

/// Networks of the kinds other than that of `architecture` that a paired network should exceed.
pub fn networks(architecture: &Architecture, options: &FitOptions, ways: &[Vec<Part>]) -> Vec<Networks> {
    let kinds = [Kind::Single, Kind::Difference].into_iter().filter(|kind| *kind != architecture.kind);
    let make = |kind: Kind| {
        let mut runs = plan(ways, 1, options.seed);
        for run in &mut runs {
            let parts = [kind.name(), run.name.as_str()];
            run.name = parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(".");
        }
        let mut options = options.clone();
        if kind == Kind::Single {
            // Its outputs cannot be negative, but logarithms of expected counts can.
            options.loss = Loss::Squared;
        }
        Networks { kind, architecture: Architecture { kind, ..architecture.clone() }, options, runs }
    };
    kinds.map(make).collect()
}

impl Networks {
    /// What is to be trained.
    pub fn planned(&self) -> Planned<'_> {
        Planned { runs: &self.runs, architecture: &self.architecture, options: &self.options }
    }

    /// Train, and predict the rows that each fold holds out as `part`.
    ///
    /// # Errors
    /// As [`train`]; or the user interrupted it.
    pub fn predict(
        &self,
        data: &Dataset,
        part: Part,
        device: Device,
        folder: &Folder,
        report: &mut Report,
    ) -> Result<BaselinePredictions> {
        let outcome = train(&self.runs, &self.architecture, data, &self.options, device, folder, report)?;
        let fitted: Vec<Fitted> = match outcome {
            Trained::All(fitted) => fitted,
            Trained::Stopped { epoch, .. } => {
                return Err(Error::mismatch(format!(
                    "stopped in epoch {epoch} of the {} network: the same command with --resume continues from there",
                    self.kind
                )))
            }
        };
        let (_, predictions) = held_out(&self.runs, &fitted, &self.architecture, data, device, part)?;
        Ok(BaselinePredictions { name: self.kind.name().into(), predictions })
    }
}
