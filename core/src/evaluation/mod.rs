//! How good a model is, on windows it did not learn from: agreement, calibration, direction, what noise allows, and
//! controls that a sound model passes.
//!
//! | module | what it is about |
//! |---|---|
//! | [`parts`] | which windows a model was trained on |
//! | [`examples`] | measured windows and pairs |
//! | [`controls`] | identical, swapped and shuffled alleles; models without sequence |
//! | [`ceiling`](mod@ceiling) | the agreement that measurement noise leaves to a perfect model |
//! | [`report`] | the rows of the result |
//! | `agreement` | predictions compared with measured counts (feature `onnx`) |
//!
//! `docs/evaluation.md` has every figure's definition and source.

#[cfg(feature = "onnx")]
pub mod agreement;
pub mod ceiling;
pub mod controls;
pub mod examples;
pub mod parts;
pub mod report;

#[cfg(test)]
mod tests;

use crate::error::Result;
use crate::evaluation::ceiling::{ceiling, replicate_ceiling};
use crate::stats::bootstrap::Resampling;
use crate::stats::calibration::{by_prediction, by_size, Share, Z95};
use crate::stats::weighted::Paired;
use crate::training::baselines::kmer_ridge::KmerRidge;
use crate::training::split::Part;

pub use examples::{Counts, Examples, Replicate};
pub use report::{Report, Row, QUANTITIES};

/// What predicts: from byte codes of n alleles 1 and n alleles 2 (n × window) for each pair log2 of haplotype 1, of
/// haplotype 2, the log2 ratio, and the log2 ratio with the two exchanged.
pub type Model<'a> = dyn FnMut(&[u8], &[u8]) -> Result<Vec<[f64; 4]>> + 'a;

/// A model file as [`Model`]: its outputs as log2. A prediction that is not finite is an error, since it would spoil every
/// correlation.
#[cfg(feature = "onnx")]
pub fn predict_log2(
    predictor: &mut crate::model::onnx::pair_model::PairModel,
    targets: crate::model::metadata::TargetScale,
) -> impl FnMut(&[u8], &[u8]) -> Result<Vec<[f64; 4]>> + '_ {
    use crate::model::encode::as_windows;
    move |hap1, hap2| {
        let log2 = |output: f32| targets.log2(output.into());
        let window = predictor.window();
        let predictions = predictor.predict(as_windows(hap1, window)?, as_windows(hap2, window)?)?;
        let wrong = crate::effects::predictions::not_finite(predictions.iter());
        if wrong > 0 {
            return Err(crate::error::Error::mismatch(format!(
                "the model predicts no finite number for {wrong} of {} pairs of windows: its activity is not positive; \
                 give the output a pseudocount",
                predictions.len()
            )));
        }
        Ok(predictions.iter().map(|p| [p.count1, p.count2, p.ratio, p.ratio_swapped].map(log2)).collect())
    }
}

/// Parts of the calibration curve.
const DECILES: usize = 10;

/// Windows below this false discovery rate of imbalance have their own line of direction.
const FDR: f64 = 0.05;

/// What to evaluate and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The part; None for all windows.
    pub part: Option<Part>,
    /// Resamples for the intervals.
    pub times: usize,
    /// Seed of the resamples and shuffles.
    pub seed: u64,
    /// Edges of the bins of measured |log2 ratio|, rising.
    pub edges: Vec<f64>,
    /// Fit a k-mer ridge with this k, for reference.
    pub kmer_ridge: Option<usize>,
}

/// The result.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The metrics, in the order of the table.
    pub rows: Vec<Row>,
    /// Windows evaluated.
    pub windows: usize,
    /// Windows whose alleles differ.
    pub differing: usize,
    /// Units that are resampled together.
    pub units: usize,
    /// Measured and predicted log2 of both haplotypes and of the ratio (of windows whose alleles differ).
    pub points: [Vec<(f64, f64)>; 3],
    /// What could not be computed and why.
    pub notes: Vec<String>,
}

/// The windows evaluated, with what was predicted for them.
pub(crate) struct Evaluated<'a> {
    pub examples: &'a Examples,
    /// Examples evaluated.
    pub rows: Vec<usize>,
    /// Resampling units of `rows`, numbered from 0.
    pub units: Vec<u32>,
    pub predicted: Vec<[f64; 4]>,
    /// Places in `rows` whose alleles differ.
    pub differing: Vec<usize>,
}

impl Evaluated<'_> {
    /// Places in `rows` over which a quantity is compared.
    fn places(&self, quantity: usize) -> Vec<usize> {
        match quantity {
            2 => self.differing.clone(),
            _ => (0..self.rows.len()).collect(),
        }
    }

    /// Measured and other values, of the windows at `places`.
    pub(crate) fn paired(&self, places: &[usize], quantity: usize, other: impl Fn(usize) -> f64) -> Paired {
        Paired::new(
            places.iter().map(|&p| self.measured(p, quantity)).collect(),
            places.iter().map(|&p| other(p)).collect(),
            places.iter().map(|&p| self.units[p]).collect(),
        )
    }

    fn measured(&self, place: usize, quantity: usize) -> f64 {
        self.examples.measured[self.rows[place]][quantity]
    }
}

/// Evaluate `model` on the part of `examples` that the options name.
///
/// # Errors
/// The model failed, or the part has no windows (the caller, who knows the files, words it better: see
/// [`Examples::parts`]).
pub fn evaluate(
    examples: &Examples,
    replicates: &[Replicate],
    model: &mut Model,
    options: &Options,
) -> Result<Evaluation> {
    let chosen = |i: &usize| options.part.is_none() || examples.parts[*i] == options.part;
    let rows: Vec<usize> = (0..examples.len()).filter(chosen).collect();
    let predicted = controls::predict(model, rows.len(), |p| examples.codes(rows[p]))?;
    let (units, unit_count) = compact(rows.iter().map(|&i| examples.units[i]));
    let differing = (0..rows.len()).filter(|&p| examples.differ(rows[p])).collect();
    let set = Evaluated { examples, rows, units, predicted, differing };
    let mut notes = examples.notes.clone();
    let columns: Vec<Paired> = (0..3).map(|q| set.paired(&set.places(q), q, |p| set.predicted[p][q])).collect();
    let columns = &columns;
    if columns[2].is_empty() {
        notes.push("the alleles of no window differ: there is no ratio to evaluate".into());
    }
    let noises = noise_columns(&set);
    if noises.is_empty() {
        notes.push("no ceiling from noise: the pairs have no columns sd_a and sd_b".into());
    }
    let pairs = replicate_columns(&set, replicates);
    let found = controls::run(&set, model, options, &mut notes)?;
    let ridge = options.kmer_ridge.map(|k| kmer_ridge(&set, k));

    let mut report = Report::default();
    for (quantity, column) in QUANTITIES.into_iter().zip(columns) {
        let n = column.len();
        report.statistic("agreement", quantity, "all", "pearson", n, move |w| column.pearson(w));
        report.statistic("agreement", quantity, "all", "spearman", n, move |w| column.spearman(w));
        report.statistic("agreement", quantity, "all", "mean_squared_error", n, move |w| column.mean_squared_error(w));
    }
    calibration(&set, &columns[2], &mut report);
    direction(&set, options, &mut report);
    noise_ceilings(&noises, &mut report);
    replicate_ceilings(&pairs, &mut report);
    controls::report(&found, &mut report);
    match &ridge {
        Some(Ok(ridge)) => ridge_rows(ridge, columns, &mut report),
        Some(Err(problem)) => {
            notes.push(problem.to_string());
            for quantity in QUANTITIES {
                report.plain("kmer_ridge", quantity, "all", "pearson", f64::NAN, 0);
            }
        }
        None => {}
    }
    let rows = report.finish(Resampling { units: unit_count, times: options.times, seed: options.seed });
    let points = [0, 1, 2].map(|q| {
        let point = |p: usize| (set.measured(p, q), set.predicted[p][q]);
        set.places(q).into_iter().map(point).collect()
    });
    Ok(Evaluation { rows, windows: set.rows.len(), differing: set.differing.len(), units: unit_count, points, notes })
}

/// Numbers from 0 in the order of first appearance, and how many there are.
fn compact(units: impl Iterator<Item = u32>) -> (Vec<u32>, usize) {
    let mut known = std::collections::HashMap::new();
    let units = units
        .map(|unit| {
            let next = known.len() as u32;
            *known.entry(unit).or_insert(next)
        })
        .collect();
    (units, known.len())
}

fn calibration<'a>(set: &Evaluated, ratio: &'a Paired, report: &mut Report<'a>) {
    let n = ratio.len();
    report.statistic("calibration", "log2_ratio", "all", "slope", n, move |w| ratio.line(w)[0]);
    report.statistic("calibration", "log2_ratio", "all", "intercept", n, move |w| ratio.line(w)[1]);
    let (measured, predicted) = ratios(set);
    for (i, d) in by_prediction(&measured, &predicted, DECILES).into_iter().enumerate() {
        let case = (i + 1).to_string();
        report.plain("calibration", "log2_ratio", &case, "mean_predicted", d.mean_predicted, d.n);
        let (low, high) = (d.mean_measured - Z95 * d.se, d.mean_measured + Z95 * d.se);
        report.row(Row {
            section: "calibration",
            quantity: "log2_ratio",
            case: case.clone(),
            name: "mean_measured",
            value: d.mean_measured,
            low,
            high,
            n: d.n,
        });
        report.plain("calibration", "log2_ratio", &case, "se_measured", d.se, d.n);
    }
}

/// Measured and predicted ratios of the windows whose alleles differ.
fn ratios(set: &Evaluated) -> (Vec<f64>, Vec<f64>) {
    set.differing.iter().map(|&p| (set.measured(p, 2), set.predicted[p][2])).unzip()
}

fn direction(set: &Evaluated, options: &Options, report: &mut Report) {
    let (measured, predicted) = ratios(set);
    let windows = || measured.iter().copied().zip(predicted.iter().copied());
    let mut cases = vec![("all".to_owned(), Share::of_right_signs(windows()))];
    cases.extend(by_size(&measured, &predicted, &options.edges));
    let q = |p: &usize| set.examples.q[set.rows[*p]];
    if set.differing.iter().any(|p| q(p).is_some()) {
        let called = set.differing.iter().filter(|p| q(p).is_some_and(|q| q < FDR));
        let windows = called.map(|&p| (set.measured(p, 2), set.predicted[p][2]));
        cases.push((format!("q<{FDR}"), Share::of_right_signs(windows)));
    }
    for (case, s) in cases {
        let (section, quantity, name) = ("direction", "log2_ratio", "right_sign");
        report.row(Row { section, quantity, case, name, value: s.share, low: s.low, high: s.high, n: s.n });
    }
}

/// Windows with a known noise variance: measured and predicted values, and the noise of each.
struct NoiseColumn {
    case: &'static str,
    quantity: usize,
    pair: Paired,
    variance: Vec<f64>,
}

fn noise_columns(set: &Evaluated) -> Vec<NoiseColumn> {
    let column = |noise: &examples::Noise| {
        let known = |p: &usize| noise.variance[set.rows[*p]].is_finite();
        let places: Vec<usize> = set.places(noise.quantity).into_iter().filter(known).collect();
        NoiseColumn {
            case: noise.case,
            quantity: noise.quantity,
            pair: set.paired(&places, noise.quantity, |p| set.predicted[p][noise.quantity]),
            variance: places.iter().map(|&p| noise.variance[set.rows[p]]).collect(),
        }
    };
    set.examples.noise.iter().map(column).collect()
}

fn noise_ceilings<'a>(columns: &'a [NoiseColumn], report: &mut Report<'a>) {
    for column in columns {
        let (quantity, case, n) = (QUANTITIES[column.quantity], column.case, column.pair.len());
        let variance = move |w: &[u32]| column.pair.measured_variance(w);
        let noise = move |w: &[u32]| column.pair.mean_of(w, &column.variance);
        let top = move |w: &[u32]| ceiling(variance(w), noise(w));
        report.statistic("ceiling", quantity, case, "measured_variance", n, variance);
        report.statistic("ceiling", quantity, case, "noise_variance", n, noise);
        report.statistic("ceiling", quantity, case, "ceiling", n, top);
        report.statistic("ceiling", quantity, case, "share_reached", n, move |w| reached(&column.pair, w, top(w)));
    }
}

/// The share of a ceiling that a model reaches; no number when the ceiling is 0.
fn reached(pair: &Paired, weights: &[u32], ceiling: f64) -> f64 {
    match ceiling > 0.0 {
        true => pair.pearson(weights) / ceiling,
        false => f64::NAN,
    }
}

/// Windows that a replicate has too: the evaluated measurement with that of the replicate, and with that of the model.
struct ReplicateColumn {
    case: String,
    quantity: usize,
    between: Paired,
    model: Paired,
}

fn replicate_columns(set: &Evaluated, replicates: &[Replicate]) -> Vec<ReplicateColumn> {
    let mut out = Vec::new();
    for replicate in replicates {
        for quantity in 0..3 {
            let theirs = |p: usize| replicate.measured[set.rows[p]].map(|m| m[quantity]);
            let places: Vec<usize> = set.places(quantity).into_iter().filter(|&p| theirs(p).is_some()).collect();
            out.push(ReplicateColumn {
                case: format!("replicate_{}", replicate.name),
                quantity,
                between: set.paired(&places, quantity, |p| theirs(p).unwrap_or(f64::NAN)),
                model: set.paired(&places, quantity, |p| set.predicted[p][quantity]),
            });
        }
    }
    out
}

fn replicate_ceilings<'a>(columns: &'a [ReplicateColumn], report: &mut Report<'a>) {
    for c in columns {
        let (quantity, n) = (QUANTITIES[c.quantity], c.between.len());
        let top = move |w: &[u32]| replicate_ceiling(c.between.pearson(w));
        report.statistic("ceiling", quantity, &c.case, "pearson_between", n, move |w| c.between.pearson(w));
        report.statistic("ceiling", quantity, &c.case, "ceiling", n, top);
        report.statistic("ceiling", quantity, &c.case, "share_reached", n, move |w| reached(&c.model, w, top(w)));
    }
}

/// The linear reference on the evaluated windows.
struct Ridge {
    columns: Vec<Paired>,
    penalties: [f64; 2],
    with_allele_a: bool,
}

fn kmer_ridge(set: &Evaluated, k: usize) -> Result<Ridge> {
    let of = |part: Part| -> Vec<usize> {
        (0..set.examples.len()).filter(|&i| set.examples.parts[i] == Some(part)).collect()
    };
    let codes = |i: usize| set.examples.codes(i);
    let model = KmerRidge::fit(k, &codes, &set.examples.measured, &of(Part::Train), &of(Part::Validation))?;
    let predicted: Vec<[f64; 3]> = set
        .rows
        .iter()
        .map(|&i| {
            let (a, b) = codes(i);
            model.predict(a, b)
        })
        .collect();
    let columns = (0..3).map(|q| set.paired(&set.places(q), q, |p| predicted[p][q])).collect();
    Ok(Ridge { columns, penalties: model.penalties, with_allele_a: model.with_allele_a })
}

fn ridge_rows<'a>(ridge: &'a Ridge, model: &'a [Paired], report: &mut Report<'a>) {
    for (q, (column, own)) in ridge.columns.iter().zip(model).enumerate() {
        let (section, quantity, n) = ("kmer_ridge", QUANTITIES[q], column.len());
        report.statistic(section, quantity, "all", "pearson", n, move |w| column.pearson(w));
        report.statistic(section, quantity, "all", "spearman", n, move |w| column.spearman(w));
        report.statistic(section, quantity, "all", "mean_squared_error", n, move |w| column.mean_squared_error(w));
        report.statistic(section, quantity, "all", "pearson_of_model_less_ridge", n, move |w| {
            own.pearson(w) - column.pearson(w)
        });
        report.plain(section, quantity, "all", "penalty", ridge.penalties[usize::from(q == 2)], n);
    }
    let with = f64::from(u8::from(ridge.with_allele_a));
    report.plain("kmer_ridge", QUANTITIES[2], "all", "with_allele_a", with, model[2].len());
}
