//! What a training run leaves beside the model: `config.toml`, `metrics.tsv`, `summary.json`,
//! `predictions.tsv.gz`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dataset::Dataset;
use super::evaluate::Evaluation;
use super::fit::{EpochMetrics, FitOptions};
use super::split::Part;
use crate::error::{Error, Result};
use crate::files::{write_whole, OutFile, TabixFormat};
use crate::model::config::Architecture;
use crate::model::info::TargetScale;

/// All that is needed to train the same network again: written as `config.toml`, read by `--config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    pub architecture: Architecture,
    pub training: FitOptions,
}

impl TrainingConfig {
    /// Read a TOML file.
    ///
    /// # Errors
    /// No TOML, an unknown or missing key, a network that cannot be.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let config: Self = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(0, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            Error::input(path, format!("line {line}: {}", e.message()))
        })?;
        config.architecture.validate().map_err(|e| Error::input(path, e.to_string()))?;
        config.training.validate().map_err(|e| Error::input(path, e.to_string()))?;
        Ok(config)
    }

    /// Write as TOML.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::input(path, e.to_string()))?;
        write_whole(path, text.as_bytes())
    }
}

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub version: String,
    pub command: String,
    pub model: String,
    pub parameters: usize,
    pub device: String,
    pub seed: u64,
    /// Windows in each part.
    pub train: usize,
    pub validation: usize,
    pub test: usize,
    pub epochs: usize,
    pub best_epoch: usize,
    pub stopped_early: bool,
    pub validation_loss: f64,
    pub skipped_batches: usize,
    /// The model and the baselines on the test windows.
    pub on_test: Vec<Evaluation>,
}

impl Summary {
    /// Write as JSON with line breaks.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string_pretty(self).map_err(|e| Error::input(path, e.to_string()))?;
        text.push('\n');
        write_whole(path, text.as_bytes())
    }
}

/// Write `metrics.tsv`: a header line, then a line an epoch; `.` where a number has no value.
pub fn write_metrics(path: &Path, history: &[EpochMetrics]) -> Result<()> {
    let mut text = String::from(
        "epoch\tsteps\tlearning_rate\ttrain_loss\tvalidation_loss\tpearson_hap1\tpearson_hap2\tpearson_ratio\t\
         spearman_hap1\tspearman_hap2\tspearman_ratio\tskipped_batches\tbest\n",
    );
    for m in history {
        let _ = write!(text, "{}\t{}", m.epoch, m.steps);
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
    write_whole(path, text.as_bytes())
}

/// Write the predictions of `rows` (held-out windows) as a table in the user's units: values as measured, the
/// ratio in log2. Windows of a genome give a BED-like file with a tabix index; designed pairs a plain table.
pub fn write_predictions(
    path: &Path,
    data: &Dataset,
    parts: &[Part],
    rows: &[usize],
    predictions: &[[f32; 3]],
    scale: &TargetScale,
) -> Result<()> {
    let mut out = OutFile::create(path)?;
    let fail = |e| Error::io(path, e);
    let on_genome = rows.iter().all(|&i| data.places[i].is_some());
    let values = "part\tmeasured_hap1\tmeasured_hap2\tmeasured_log2_ratio\thap1\thap2\tlog2_ratio";
    let place = if on_genome { "#chrom\tstart\tend\tname" } else { "id" };
    writeln!(out, "{place}\t{values}").map_err(fail)?;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    if on_genome {
        order.sort_by(|&a, &b| {
            let key = |k: usize| data.places[rows[k]].as_ref().map(|p| (&p.chrom, p.start, p.end));
            key(a).cmp(&key(b))
        });
    }
    for k in order {
        let (i, p) = (rows[k], predictions[k]);
        if let (true, Some(place)) = (on_genome, &data.places[i]) {
            write!(out, "{}\t{}\t{}\t", place.chrom, place.start.max(0), place.end).map_err(fail)?;
        }
        let [a, b] = data.values[i];
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            data.ids[i],
            parts[i],
            number(a),
            number(b),
            number(scale.log2(f64::from(data.targets[i][2]))),
            number(scale.in_units(f64::from(p[0]))),
            number(scale.in_units(f64::from(p[1]))),
            number(scale.log2(f64::from(p[2]))),
        )
        .map_err(fail)?;
    }
    if on_genome {
        out.finish_indexed(TabixFormat::Bed)
    } else {
        out.finish()
    }
}

/// Six significant digits, `.` for a value that is none.
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
    use crate::model::config::Kind;

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
        };
        config.write(&path).unwrap();
        assert_eq!(TrainingConfig::read(&path).unwrap(), config);
        let text = std::fs::read_to_string(&path).unwrap().replace("patience", "patients");
        std::fs::write(&path, text).unwrap();
        let message = TrainingConfig::read(&path).unwrap_err().to_string();
        assert!(message.contains("patients"), "{message}");
    }
}
