//! Controls: what a model must not be able to do, and what it must beat to have read the sequences.

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::evaluation::Report;
use crate::evaluation::{Evaluated, Model, Options};
use crate::stats::weighted::Paired;
use crate::training::split::Part;

/// Windows predicted together, independent of the number of threads as in [`crate::effects::predictions`].
const TOGETHER: usize = 512;

/// Predict `n` pairs of windows.
pub(super) fn predict<'a>(
    model: &mut Model,
    n: usize,
    codes: impl Fn(usize) -> (&'a [u8], &'a [u8]),
) -> Result<Vec<[f64; 4]>> {
    let mut out = Vec::with_capacity(n);
    for start in (0..n).step_by(TOGETHER) {
        let (mut hap1, mut hap2) = (Vec::new(), Vec::new());
        for i in start..(start + TOGETHER).min(n) {
            let (a, b) = codes(i);
            hap1.extend_from_slice(a);
            hap2.extend_from_slice(b);
        }
        out.extend(model(&hap1, &hap2)?);
    }
    Ok(out)
}

/// What the controls found; columns are measured ratios and what the control predicts.
pub(super) struct Controls {
    /// |ratio| of haplotype 1 against itself and of haplotype 2 against itself.
    identical: [Vec<f64>; 2],
    /// |f(a, b) + f(b, a)|.
    swapped: Vec<f64>,
    antisymmetric: Paired,
    /// None with fewer than two windows.
    shuffled: Option<Paired>,
    /// By name; None without training windows or where the trait does not vary among them.
    traits: Vec<(&'static str, Option<Paired>)>,
    differing: usize,
}

/// Run all of them.
pub(super) fn run(set: &Evaluated, model: &mut Model, options: &Options, notes: &mut Vec<String>) -> Result<Controls> {
    let codes = |p: usize| set.examples.codes(set.rows[p]);
    let n = set.rows.len();
    let size = |list: Vec<[f64; 4]>| -> Vec<f64> { list.into_iter().map(|p| p[2].abs()).collect() };
    let first = size(predict(model, n, |p| (codes(p).0, codes(p).0))?);
    let second = size(predict(model, n, |p| (codes(p).1, codes(p).1))?);
    let partners = partners(set, options.seed);
    let shuffled = match &partners {
        Some(partners) => {
            let of = &set.differing;
            let predicted = predict(model, of.len(), |i| (codes(of[i]).0, codes(of[partners[i]]).1))?;
            let by_place: std::collections::HashMap<usize, f64> =
                of.iter().zip(predicted).map(|(&p, predicted)| (p, predicted[2])).collect();
            Some(set.paired(of, 2, |p| by_place.get(&p).copied().unwrap_or(f64::NAN)))
        }
        None => None,
    };
    Ok(Controls {
        identical: [first, second],
        swapped: set.differing.iter().map(|&p| (set.predicted[p][2] + set.predicted[p][3]).abs()).collect(),
        antisymmetric: set.paired(&set.differing, 2, |p| (set.predicted[p][2] - set.predicted[p][3]) / 2.0),
        shuffled,
        traits: without_sequence(set, notes),
        differing: set.differing.len(),
    })
}

/// For each window whose alleles differ another one, of another resampling unit where that can be: the units are
/// shuffled, their windows put one after the other, and each takes the one as far on as the largest unit is long.
fn partners(set: &Evaluated, seed: u64) -> Option<Vec<usize>> {
    let n = set.differing.len();
    if n < 2 {
        return None;
    }
    let mut units: std::collections::BTreeMap<u32, Vec<usize>> = Default::default();
    for (i, &place) in set.differing.iter().enumerate() {
        units.entry(set.units[place]).or_default().push(i);
    }
    let mut units: Vec<Vec<usize>> = units.into_values().collect();
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    units.shuffle(&mut chance);
    let largest = units.iter().map(Vec::len).max().unwrap_or(1);
    units.iter_mut().for_each(|unit| unit.shuffle(&mut chance));
    let order: Vec<usize> = units.concat();
    // One unit alone leaves nothing but its own windows.
    let step = if largest < n { largest } else { 1 };
    let mut partners = vec![0; n];
    for (at, &i) in order.iter().enumerate() {
        partners[i] = order[(at + step) % n];
    }
    Some(partners)
}

/// Least-squares lines of the ratio on one trait, fitted on the training windows.
fn without_sequence(set: &Evaluated, notes: &mut Vec<String>) -> Vec<(&'static str, Option<Paired>)> {
    let examples = set.examples;
    let train: Vec<usize> =
        (0..examples.len()).filter(|&i| examples.parts[i] == Some(Part::Train) && examples.differ(i)).collect();
    if train.is_empty() {
        notes.push("no training windows in the table: no regressions on variants and length".into());
    }
    type Trait = fn(&crate::evaluation::examples::Traits) -> f64;
    let traits: [(&str, Trait); 3] =
        [("variants", |t| t.variants), ("variants_signed", |t| t.signed), ("length_difference", |t| t.length)];
    let mut constant = Vec::new();
    let fitted = traits.map(|(name, of)| {
        let ratios = train.iter().map(|&i| examples.measured[i][2]).collect();
        let values = train.iter().map(|&i| of(&examples.traits[i])).collect();
        let [slope, intercept] = Paired::new(ratios, values, vec![0; train.len()]).line(&[1]);
        if !slope.is_finite() {
            constant.push(name);
            return (name, None);
        }
        let predicted = |p: usize| intercept + slope * of(&examples.traits[set.rows[p]]);
        (name, Some(set.paired(&set.differing, 2, predicted)))
    });
    if !train.is_empty() && !constant.is_empty() {
        notes
            .push(format!("no regression on {}: the same, or not known, in all training windows", constant.join(", ")));
    }
    fitted.into()
}

/// The rows of the controls.
pub(super) fn report<'a>(found: &'a Controls, report: &mut Report<'a>) {
    let (section, quantity) = ("controls", "log2_ratio");
    for (case, list) in ["identical_hap1", "identical_hap2"].into_iter().zip(&found.identical) {
        let mean = list.iter().sum::<f64>() / list.len() as f64;
        report.plain(section, quantity, case, "mean_absolute", mean, list.len());
        report.plain(section, quantity, case, "largest_absolute", largest(list), list.len());
    }
    report.plain(section, quantity, "swapped", "largest_absolute", largest(&found.swapped), found.swapped.len());
    let n = found.differing;
    report.statistic(section, quantity, "antisymmetric", "pearson", n, move |w| found.antisymmetric.pearson(w));
    let columns = std::iter::once(("shuffled_partners", &found.shuffled));
    for (case, column) in columns.chain(found.traits.iter().map(|(name, column)| (*name, column))) {
        match column {
            Some(column) => report.statistic(section, quantity, case, "pearson", n, move |w| column.pearson(w)),
            None => report.plain(section, quantity, case, "pearson", f64::NAN, n),
        }
    }
}

/// The largest of some numbers; NaN for none.
fn largest(list: &[f64]) -> f64 {
    list.iter().copied().fold(f64::NAN, f64::max)
}
