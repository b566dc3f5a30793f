//! Model files: the options that name them, and opening them.

use std::path::{Path, PathBuf};

use clap::Args;
use deepallele_core::io::file_identity::RunFiles;

#[cfg(feature = "onnx")]
pub use open::{is_description, open_ensemble, open_model, open_sequence_model};

/// `-m --model-sample`
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct ModelArgs {
    /// Model file (model.onnx) written by deepallele train or import, or the description (NAME.toml) of another network
    /// that reads sequences
    #[arg(short = 'm', long, value_name = "MODEL")]
    pub model: PathBuf,

    /// Sample to predict, for a model of several samples [default: its first]
    #[arg(long, value_name = "SAMPLE")]
    model_sample: Option<String>,
}

impl ModelArgs {
    /// Add the file that is read.
    pub fn files(&self, files: &mut RunFiles) {
        read_model(files, &self.model);
    }
}

/// Add the model file `path`; of the description of another network (.toml) also its graph.
pub fn read_model(files: &mut RunFiles, path: &Path) {
    files.read("-m", path);
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml")) {
        // What is wrong with a description is reported when it is opened.
        let text = match path.is_file() {
            true => std::fs::read_to_string(path).unwrap_or_default(),
            false => String::new(),
        };
        let name = text.lines().find_map(|line| {
            let value = line.trim_start().strip_prefix("model")?.trim_start().strip_prefix('=')?.trim_start();
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            value[1..].split(quote).next()
        });
        let graph = name.map_or_else(|| path.with_extension("onnx"), |name| path.with_file_name(name));
        files.read("-m", &graph);
    }
}

#[cfg(feature = "onnx")]
mod open {
    use std::path::Path;

    use deepallele_core::error::{Error, Result};
    use deepallele_core::model::incremental::IncrementalPredictor;
    use deepallele_core::model::onnx::ensemble::{Ensemble, Network};
    use deepallele_core::model::onnx::external::SequenceModel;
    use deepallele_core::model::onnx::pair_model::PairModel;
    use deepallele_core::model::onnx::predictor::Predictor;

    use super::ModelArgs;

    impl ModelArgs {
        /// The model, ready to predict the chosen sample with `threads` threads.
        ///
        /// # Errors
        /// A file that is not a model, a sample that it does not have, or no ONNX Runtime.
        pub fn open(&self, threads: usize) -> Result<PairModel> {
            let sample = self.model_sample.as_deref();
            if !is_description(&self.model) {
                return open_model(&self.model, sample, threads).map(PairModel::from);
            }
            let mut model = SequenceModel::open(&self.model, threads)?;
            let samples: Vec<String> = model.samples().into_iter().map(String::from).collect();
            match (sample, samples.first()) {
                (Some(name), _) => model.choose_sample(name)?,
                (None, Some(first)) => {
                    model.choose_sample(first)?;
                    report_choice(&self.model, &samples);
                }
                (None, None) => {}
            }
            Ok(model.into())
        }
    }

    /// Whether `path` is the description of a network of other software, by its name.
    pub fn is_description(path: &Path) -> bool {
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"))
    }

    /// The model file `path`, ready to predict `sample` (or its first sample) with `threads` threads.
    ///
    /// # Errors
    /// As [`ModelArgs::open`].
    pub fn open_model(path: &Path, sample: Option<&str>, threads: usize) -> Result<Predictor> {
        let mut predictor = Predictor::open(path, threads)?;
        match sample {
            Some(name) => predictor.choose_sample(name)?,
            None => report_choice(path, &predictor.info().samples),
        }
        Ok(predictor)
    }

    /// The sequence-to-activity network that the TOML file `path` describes, ready to predict `sample` (or its first
    /// sample, or all outputs that have names).
    ///
    /// # Errors
    /// As [`ModelArgs::open`].
    pub fn open_sequence_model(path: &Path, sample: Option<&str>, threads: usize) -> Result<SequenceModel> {
        let mut model = SequenceModel::open(path, threads)?;
        match sample {
            Some(name) => model.choose_sample(name)?,
            // Outputs with names are all predicted.
            None if model.outputs().iter().all(Option::is_some) => {}
            None => report_choice(path, &model.samples()),
        }
        Ok(model)
    }

    /// Model files, each with the sample to predict (or its first), as one ensemble.
    ///
    /// # Errors
    /// As [`ModelArgs::open`]; the models read different windows, or there is none.
    pub fn open_ensemble<'a>(
        files: impl IntoIterator<Item = (&'a Path, Option<&'a str>)>,
        threads: usize,
    ) -> Result<Ensemble> {
        let mut ensemble: Option<Ensemble> = None;
        for (path, sample) in files {
            let model: Network = match is_description(path) {
                true => open_sequence_model(path, sample, threads)?.into(),
                false => IncrementalPredictor::new(open_model(path, sample, threads)?).into(),
            };
            ensemble = Some(match ensemble {
                None => Ensemble::one(model),
                Some(others) => others.with(model).map_err(|e| Error::input(path, e.to_string()))?,
            });
        }
        ensemble.ok_or_else(|| Error::option("no model was given"))
    }

    /// Which of several samples is predicted if none was chosen.
    fn report_choice<S: AsRef<str> + std::borrow::Borrow<str>>(path: &Path, samples: &[S]) {
        if let [first, _, ..] = samples {
            log::info!(
                "\"{}\" has the samples {}; predicting {} (choose with --model-sample)",
                path.display(),
                samples.join(", "),
                first.as_ref()
            );
        }
    }
}
