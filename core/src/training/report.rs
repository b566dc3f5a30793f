//! The files of a training run other than the model: `config.toml`, `metrics.tsv`, `summary.json`, `predictions.tsv.gz`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::output_file::{complete_file, CompleteFiles, OutFile, TabixFormat};
use crate::io::plain_text::Plain;
use crate::io::text_input::read_small;
use crate::model::metadata::TargetScale;
use crate::model::window::{Orientation, WindowLayout};
use crate::model::Architecture;
use crate::training::dataset::Dataset;
use crate::training::epoch_metrics::EpochMetrics;
use crate::training::fit::Fitted;
use crate::training::folds::Run;
use crate::training::held_out::Evaluation;
use crate::training::options::FitOptions;
use crate::training::split::Part;

/// Far more bytes than any configuration has.
const LONGEST_CONFIG: u64 = 1 << 20;

/// The settings needed to train the same network again: written as `config.toml`, read by `--config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// How windows are filled. First, since TOML has keys without a table before all tables.
    #[serde(default)]
    pub layout: WindowLayout,
    /// From which strand windows are read.
    #[serde(default)]
    pub orientation: Orientation,
    /// Sizes of the network.
    pub architecture: Architecture,
    /// Options of the training.
    pub training: FitOptions,
}

impl TrainingConfig {
    /// Read a TOML file.
    ///
    /// # Errors
    /// The file is not TOML, a key is unknown or missing, or a value is out of range.
    pub fn read(path: &Path) -> Result<Self> {
        let text = read_small(path, LONGEST_CONFIG)?;
        let config: Self = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(0, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            Error::input(path, format!("line {line}: {}", e.message()))
        })?;
        config.architecture.validate().map_err(|e| Error::input(path, e.to_string()))?;
        config.training.validate().map_err(|e| Error::input(path, e.to_string()))?;
        Ok(config)
    }

    /// Write as TOML. The file has a temporary name until the returned set is renamed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<CompleteFiles> {
        let text = toml::to_string(self).map_err(|e| Error::input(path, e.to_string()))?;
        complete_file(path, text.as_bytes())
    }
}

/// Summary of one network of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its name; empty for a single run.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Training windows.
    pub train: usize,
    /// Validation windows.
    pub validation: usize,
    /// Test windows.
    pub test: usize,
    /// Epochs trained.
    pub epochs: usize,
    /// The epoch whose weights were kept, from 1.
    pub best_epoch: usize,
    /// Whether patience ended the run.
    pub stopped_early: bool,
    /// Validation loss of the best epoch.
    pub validation_loss: f64,
    /// Batches skipped in all epochs.
    pub skipped_batches: usize,
}

impl RunSummary {
    /// The summary of a run.
    pub fn new(run: &Run, fitted: &Fitted) -> Self {
        let count = |part| run.parts.iter().filter(|p| **p == part).count();
        let best = fitted.history.iter().find(|m| m.epoch == fitted.best_epoch);
        Self {
            name: run.name.clone(),
            seed: run.seed,
            train: count(Part::Train),
            validation: count(Part::Validation),
            test: count(Part::Test),
            epochs: fitted.history.len(),
            best_epoch: fitted.best_epoch,
            stopped_early: fitted.stopped_early,
            validation_loss: best.map_or(f64::NAN, |m| m.validation_loss),
            skipped_batches: fitted.history.iter().map(|m| m.skipped_batches).sum(),
        }
    }
}

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Version of the tool.
    pub version: String,
    /// Command line.
    pub command: String,
    /// Kind of the model.
    pub model: String,
    /// Learned parameters of one network.
    pub parameters: usize,
    /// Processor.
    pub device: String,
    /// Windows read.
    pub windows: usize,
    /// Samples predicted; a single one without a name is "".
    pub samples: Vec<String>,
    /// Sequence-independent bias of the ratio by sample, log2: learned with an antisymmetric ratio head and not included
    /// in predictions. Empty for other heads.
    pub ratio_bias_log2: Vec<f64>,
    /// Overdispersion of total fragments by sample, if the loss learns it: the mean over the runs.
    pub dispersion_total: Vec<f64>,
    /// Overdispersion of their split.
    pub dispersion_split: Vec<f64>,
    /// Each network.
    pub runs: Vec<RunSummary>,
    /// The part on which the metrics were computed: test, or validation if there is no test.
    pub judged_on: Part,
    /// Metrics of the model and the baselines on held-out windows.
    pub on_test: Vec<Evaluation>,
}

impl Summary {
    /// Write as JSON with line breaks. The file has a temporary name until the returned set is renamed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<CompleteFiles> {
        let mut text = serde_json::to_string_pretty(self).map_err(|e| Error::input(path, e.to_string()))?;
        text.push('\n');
        complete_file(path, text.as_bytes())
    }
}

/// Write `metrics.tsv`: a header line, then one line per epoch and run; `.` for missing values, and as the name of a
/// single run. The file has a temporary name until the returned set is renamed.
///
/// # Errors
/// The file cannot be written.
pub fn write_metrics(path: &Path, runs: &[(&str, &[EpochMetrics])]) -> Result<CompleteFiles> {
    let mut text = String::from(
        "run\tepoch\tsteps\tlearning_rate\ttrain_loss\tvalidation_loss\tpearson_hap1\tpearson_hap2\tpearson_ratio\t\
         spearman_hap1\tspearman_hap2\tspearman_ratio\tskipped_batches\tbest\n",
    );
    for (name, history) in runs {
        for m in *history {
            let _ = write!(text, "{}\t{}\t{}", if name.is_empty() { "." } else { name }, m.epoch, m.steps);
            for value in [
                m.learning_rate,
                m.train_loss,
                m.validation_loss,
                m.pearson_hap1,
                m.pearson_hap2,
                m.pearson_ratio,
                m.spearman_hap1,
                m.spearman_hap2,
                m.spearman_ratio,
            ] {
                let _ = write!(text, "\t{}", number(value));
            }
            let _ = writeln!(text, "\t{}\t{}", m.skipped_batches, u8::from(m.best));
        }
    }
    complete_file(path, text.as_bytes())
}

/// Predictions of held-out windows, as [`crate::training::folds::held_out`] gives them.
pub struct HeldOutPredictions {
    /// The part.
    pub part: Part,
    /// Its rows in the data set.
    pub rows: Vec<usize>,
    /// Both counts and the ratio, (rows, samples).
    pub predictions: Array2<[f32; 3]>,
}

/// Write held-out predictions as a table in the user's units: values as measured, the ratio in log2, one line per window
/// and sample. For windows of a genome, a BED-like file with a tabix index; for designed pairs, a plain table. The files
/// have temporary names until the returned set is renamed.
///
/// # Errors
/// The file cannot be written.
pub fn write_predictions(
    path: &Path,
    data: &Dataset,
    held_out: &[HeldOutPredictions],
    scale: &TargetScale,
) -> Result<CompleteFiles> {
    let mut out = OutFile::create(path)?;
    let fail = |e| Error::io(path, e);
    let outputs = data.outputs();
    // Part, window and its predictions.
    let mut order: Vec<(Part, usize, ArrayView1<[f32; 3]>)> = Vec::new();
    for held in held_out {
        let each = held.rows.iter().zip(held.predictions.rows());
        order.extend(each.map(|(&row, predictions)| (held.part, row, predictions)));
    }
    let on_genome = order.iter().all(|(_, i, _)| data.places[*i].is_some());
    let values = "part\tsample\tmeasured_hap1\tmeasured_hap2\tmeasured_log2_ratio\thap1\thap2\tlog2_ratio";
    let place = if on_genome { "#chrom\tstart\tend\tname" } else { "id" };
    writeln!(out, "{place}\t{values}").map_err(fail)?;
    let key = |i: usize| data.places[i].as_ref().map(|p| (&p.chrom, p.start, p.end));
    order.sort_by(|a, b| if on_genome { (key(a.1), a.0).cmp(&(key(b.1), b.0)) } else { (a.1, a.0).cmp(&(b.1, b.0)) });
    for (part, i, predictions) in order {
        for (sample, p) in predictions.iter().enumerate() {
            if let (true, Some(place)) = (on_genome, &data.places[i]) {
                write!(out, "{}\t{}\t{}\t", Plain(&place.chrom), place.start.max(0), place.end).map_err(fail)?;
            }
            let at = i * outputs + sample;
            let [a, b] = data.values[at];
            let name = data.samples[sample].as_str();
            writeln!(
                out,
                "{}\t{part}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                Plain(&data.ids[i]),
                Plain(if name.is_empty() { "." } else { name }),
                number(a),
                number(b),
                number(scale.log2(f64::from(data.targets[at][2]))),
                number(scale.in_units(f64::from(p[0]))),
                number(scale.in_units(f64::from(p[1]))),
                number(scale.log2(f64::from(p[2]))),
            )
            .map_err(fail)?;
        }
    }
    if on_genome {
        out.complete_indexed(TabixFormat::Bed)
    } else {
        out.complete()
    }
}

/// Six significant digits, `.` for a value that is not finite.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return ".".into();
    }
    let digits = (5 - value.abs().max(1e-300).log10().floor() as i64).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(0.5), "0.5");
        assert_eq!(number(1234567.0), "1234567");
        assert_eq!(number(5.0075e-5), "0.000050075");
        assert_eq!(number(f64::NAN), ".");
        assert_eq!(number(0.0), "0");
    }

    #[test]
    fn config_reads_back_and_refuses_unknown_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let config = TrainingConfig {
            architecture: Architecture::preset("small", Kind::Paired).unwrap(),
            training: FitOptions::default(),
            layout: WindowLayout::LeftAligned,
            orientation: Orientation::Region,
        };
        config.write(&path).unwrap().rename().unwrap();
        assert_eq!(TrainingConfig::read(&path).unwrap(), config);
        let text = std::fs::read_to_string(&path).unwrap().replace("patience", "patients");
        std::fs::write(&path, text).unwrap();
        let message = TrainingConfig::read(&path).unwrap_err().to_string();
        assert!(message.contains("patients"), "{message}");
    }
}
