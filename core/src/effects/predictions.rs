//! What a model predicts for the two alleles of regions and of designed pairs.

use crate::error::{Error, Result};
use crate::genome::Variants;
use crate::io::allele_pairs_table::PairsTable;
use crate::io::fasta::Reference;
use crate::io::regions::Region;
use crate::model::encode::{as_windows, encode};
use crate::model::metadata::TargetScale;
use crate::model::onnx::pair_model::PairModel;
use crate::model::onnx::predictor::Prediction;
use crate::model::window::{in_region, Windows};

/// Windows predicted together. Independent of the number of threads: what the engine computes may depend, in the
/// last digit, on what it is given at once.
const TOGETHER: usize = 512;
/// Bases of one allele predicted together, where windows are long.
const BASES: usize = 16 << 20;

/// Windows of `window` bases predicted together.
fn together(window: usize) -> usize {
    (BASES / window.max(1)).clamp(1, TOGETHER)
}

/// The prediction for one region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionPrediction {
    /// The network's own outputs, in its logarithm.
    pub raw: Prediction,
    /// Records in which the two alleles differ within the window.
    pub variants: usize,
    /// Records not applied because they overlap an earlier one of the same haplotype.
    pub skipped: usize,
}

/// Predicted haplotype 1, haplotype 2 and log2 ratio in the user's units. Counts and other values that cannot be
/// negative are cut at 0; the ratio is that of the ratio head, not of the two values. NaN stays NaN.
pub fn in_units(raw: &Prediction, targets: &TargetScale) -> [f64; 3] {
    let value = |output: f32| if output.is_nan() { f64::NAN } else { targets.in_units(output.into()) };
    [value(raw.count1), value(raw.count2), targets.log2(raw.ratio.into())]
}

/// Standard deviation of the log2 ratio over the members of an ensemble; NaN for a single network.
pub fn ratio_spread(raw: &Prediction, targets: &TargetScale) -> f64 {
    raw.spread.map_or(f64::NAN, |spread| targets.log2(spread[2].into()))
}

/// How many predictions have a part that is not finite: by a network of other software whose output is not positive.
pub fn not_finite<'a>(predictions: impl Iterator<Item = &'a Prediction>) -> usize {
    predictions.filter(|raw| !(raw.count1.is_finite() && raw.count2.is_finite() && raw.ratio.is_finite())).count()
}

/// Predict `regions`, each by its window of `windows`. `done` is called with the number finished.
///
/// # Errors
/// The FASTA cannot be read, a region alone does not fit the window, or ONNX Runtime failed.
pub fn predict_regions(
    regions: &[Region],
    windows: &Windows,
    reference: &mut Reference,
    variants: &Variants,
    model: &mut PairModel,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<RegionPrediction>> {
    let window = model.window();
    let mut out = Vec::with_capacity(regions.len());
    for batch in regions.chunks(together(window)) {
        let (mut hap1, mut hap2) = (Vec::new(), Vec::new());
        let mut records = Vec::with_capacity(batch.len());
        for region in batch {
            let pair = windows.of_checked(region).pair(reference, variants, 0)?;
            for (sequence, codes) in pair.sequences.iter().zip([&mut hap1, &mut hap2]) {
                let encoded = encode(sequence, window).map_err(|e| in_region(&e, reference.contigs(), region))?;
                codes.extend(encoded);
            }
            records.push((pair.variants, pair.skipped));
        }
        let predicted = model.predict(as_windows(&hap1, window)?, as_windows(&hap2, window)?)?;
        out.extend(predicted.into_iter().zip(records).map(|(raw, (variants, skipped))| RegionPrediction {
            raw,
            variants,
            skipped,
        }));
        done(out.len());
    }
    Ok(out)
}

/// Predict the pairs of a table, each allele at the left of the window.
///
/// # Errors
/// A sequence longer than the window, named by its line; ONNX Runtime failed.
pub fn predict_pairs(
    table: &PairsTable,
    model: &mut PairModel,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Prediction>> {
    let window = model.window();
    let mut out = Vec::with_capacity(table.rows.len());
    // All sequences first: a wrong line must be reported before anything is written.
    for row in &table.rows {
        if row.allele_a.len().max(row.allele_b.len()) > window {
            let problem = format!(
                "line {}: alleles of {} and {} bases do not fit the model's window of {window}",
                row.line,
                row.allele_a.len(),
                row.allele_b.len()
            );
            return Err(Error::input(&table.path, problem));
        }
    }
    for batch in table.rows.chunks(together(window)) {
        let (mut hap1, mut hap2) = (Vec::new(), Vec::new());
        for row in batch {
            let at = |e: Error| Error::input(&table.path, format!("line {}: {e}", row.line));
            hap1.extend(encode(&row.allele_a, window).map_err(at)?);
            hap2.extend(encode(&row.allele_b, window).map_err(at)?);
        }
        out.extend(model.predict(as_windows(&hap1, window)?, as_windows(&hap2, window)?)?);
        done(out.len());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::metadata::{LogBase, Scale};

    #[test]
    fn outputs_in_the_units_of_the_user() {
        let raw = Prediction { count1: 2.0, count2: -1.0, ratio: 0.5, ratio_swapped: 0.0, spread: None };
        let [hap1, hap2, ratio] = in_units(&raw, &TargetScale::default());
        assert!((hap1 - (2f64.exp() - 1.0)).abs() < 1e-9);
        assert_eq!(hap2, 0.0);
        assert!((ratio - 0.5 / std::f64::consts::LN_2).abs() < 1e-9);
        let log2 = TargetScale { scale: Scale::Log2, pseudocount: 0.0, log_base: LogBase::Two };
        assert_eq!(in_units(&raw, &log2), [2.0, -1.0, 0.5]);
        let nothing = Prediction { count1: f32::NAN, ..raw };
        assert!(in_units(&nothing, &TargetScale::default())[0].is_nan());
    }
}
