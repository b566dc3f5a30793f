//! Plots of a finished run: learning curves, and measured against predicted values of the held-out windows.

use std::path::Path;

use deepallele_core::error::Result;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::output::plot::{curves, scatter};
use deepallele_core::output::track::{HAPLOTYPE1, RATIO};
use deepallele_core::training::epoch_metrics::EpochMetrics;
use deepallele_core::training::fit::Fitted;
use deepallele_core::training::folds::Run;
use deepallele_core::training::held_out::Agreement;
use deepallele_core::training::report::HeldOutPredictions;

use crate::inputs::Inputs;

/// Runs drawn at most: more lines could not be distinguished.
const MAX_RUNS: usize = 3;

/// Write `loss.svg`, `test_counts.svg` and `test_ratio.svg` into `folder`, for the windows `evaluated`. The files have
/// temporary names until the returned set is renamed.
pub fn write(
    folder: &Path,
    inputs: &Inputs,
    runs: &[Run],
    fitted: &[Fitted],
    evaluated: &HeldOutPredictions,
) -> Result<CompleteFiles> {
    let mut series = Vec::new();
    for (run, fitted) in runs.iter().zip(fitted).take(MAX_RUNS) {
        for (what, of) in
            [("training", (|m| m.train_loss) as fn(&EpochMetrics) -> f64), ("validation", |m| m.validation_loss)]
        {
            let points: Vec<(f64, f64)> = fitted.history.iter().map(|m| (m.epoch as f64, of(m))).collect();
            let name = if run.name.is_empty() { what.to_string() } else { format!("{what}, {}", run.name) };
            series.push((name, points));
        }
    }
    let series: Vec<(&str, Vec<(f64, f64)>)> = series.iter().map(|(n, p)| (n.as_str(), p.clone())).collect();
    let note = match (fitted, runs.len()) {
        ([only], _) => format!("best epoch: {}", only.best_epoch),
        (_, n) if n > MAX_RUNS => format!("the first {MAX_RUNS} of {n} runs"),
        _ => String::new(),
    };
    let mut files = curves(&folder.join("loss.svg"), "Learning curves", ["epoch", "loss"], &note, &series)?;

    let (data, scale) = (&inputs.data, &inputs.scale);
    let outputs = data.outputs();
    let log2 = |value: f32| scale.log2(f64::from(value));
    let pairs = |head: usize, only_differing: bool| -> Vec<(f64, f64)> {
        let rows = evaluated.rows.iter().zip(evaluated.predictions.rows());
        rows.filter(|(&i, _)| !only_differing || data.differs(i))
            .flat_map(|(&i, p)| (0..outputs).map(move |s| (i, s, p[s])))
            .filter(|&(i, s, _)| data.has(i, s))
            .map(|(i, s, p)| (log2(data.targets[i * outputs + s][head]), log2(p[head])))
            .collect()
    };
    let mut counts = pairs(0, false);
    counts.extend(pairs(1, false));
    let part = evaluated.part;
    files.add(scatter(
        &folder.join("test_counts.svg"),
        &format!("Counts of both haplotypes, {part} windows"),
        ["measured, log2", "predicted, log2"],
        &note_of(&counts),
        &counts,
        HAPLOTYPE1,
    )?);
    let ratio = pairs(2, true);
    files.add(scatter(
        &folder.join("test_ratio.svg"),
        &format!("Ratio of the haplotypes, {part} windows in which they differ"),
        ["measured, log2", "predicted, log2"],
        &note_of(&ratio),
        &ratio,
        RATIO,
    )?);
    Ok(files)
}

fn note_of(points: &[(f64, f64)]) -> String {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let agreement = Agreement::of(&x, &y);
    match agreement.pearson {
        Some(r) => format!("Pearson {r:.3}, n = {}", agreement.n),
        None => format!("n = {}", agreement.n),
    }
}
