//! Pictures of a finished run: learning curves and, on the test windows, measured against predicted.

use std::path::Path;

use deepallele_core::output::plot::{curves, scatter};
use deepallele_core::output::track::{HAPLOTYPE1, RATIO};
use deepallele_core::training::evaluate::Agreement;
use deepallele_core::training::fit::Fitted;
use deepallele_core::Result;

use crate::inputs::Inputs;

/// Write `loss.svg`, `test_counts.svg` and `test_ratio.svg` into `folder`.
pub fn write(folder: &Path, inputs: &Inputs, fitted: &Fitted, rows: &[usize], predictions: &[[f32; 3]]) -> Result<()> {
    let losses = |of: fn(&deepallele_core::training::fit::EpochMetrics) -> f64| -> Vec<(f64, f64)> {
        fitted.history.iter().map(|m| (m.epoch as f64, of(m))).collect()
    };
    curves(
        &folder.join("loss.svg"),
        "Learning curves",
        ["epoch", "mean squared error"],
        &format!("best epoch: {}", fitted.best_epoch),
        &[("training", losses(|m| m.train_loss)), ("validation", losses(|m| m.validation_loss))],
    )?;

    let scale = &inputs.scale;
    let log2 = |value: f32| scale.log2(f64::from(value));
    let pairs = |k: usize, rows: &mut dyn Iterator<Item = (usize, &[f32; 3])>| -> Vec<(f64, f64)> {
        rows.map(|(i, p)| (log2(inputs.data.targets[i][k]), log2(p[k]))).collect()
    };
    let all = || rows.iter().copied().zip(predictions);
    let mut counts = pairs(0, &mut all());
    counts.extend(pairs(1, &mut all()));
    scatter(
        &folder.join("test_counts.svg"),
        "Counts of both haplotypes, test windows",
        ["measured, log2", "predicted, log2"],
        &note(&counts),
        &counts,
        HAPLOTYPE1,
    )?;
    let ratio = pairs(
        2,
        &mut all().filter(|(i, _)| {
            let (a, b) = inputs.data.codes(*i);
            a != b
        }),
    );
    scatter(
        &folder.join("test_ratio.svg"),
        "Ratio of the haplotypes, test windows in which they differ",
        ["measured, log2", "predicted, log2"],
        &note(&ratio),
        &ratio,
        RATIO,
    )
}

fn note(points: &[(f64, f64)]) -> String {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let agreement = Agreement::of(&x, &y);
    match agreement.pearson {
        Some(r) => format!("Pearson {r:.3}, n = {}", agreement.n),
        None => format!("n = {}", agreement.n),
    }
}
