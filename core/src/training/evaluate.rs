//! The figures of a finished model on windows that training did not see, beside those of the baselines.

use serde::Serialize;

use super::baseline::{gc_share, GcModel};
use super::dataset::Dataset;
use super::metrics::{mean, mean_squared_error, pearson, spearman};
use super::split::Part;
use crate::error::Result;

/// Agreement of one predicted quantity with its measurement, in the network's logarithm. A correlation is
/// absent where it has no value (a constant prediction, fewer than two windows).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Windows compared.
    pub n: usize,
    pub pearson: Option<f64>,
    pub spearman: Option<f64>,
    pub mean_squared_error: f64,
}

impl Agreement {
    /// Compare `predicted` with `measured`.
    pub fn of(measured: &[f64], predicted: &[f64]) -> Self {
        let known = |r: f64| r.is_finite().then_some(r);
        Self {
            n: measured.len(),
            pearson: known(pearson(measured, predicted)),
            spearman: known(spearman(measured, predicted)),
            mean_squared_error: mean_squared_error(measured, predicted),
        }
    }
}

/// One model's agreement on one part of the split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// `model`, `gc` or `mean`.
    pub name: String,
    pub hap1: Agreement,
    pub hap2: Agreement,
    /// Over the windows whose two alleles differ in sequence: elsewhere there is nothing to predict.
    pub ratio: Agreement,
}

/// Evaluate `predictions` (one for every row of `rows`) and the baselines, which learn from the training part
/// only. The GC content is that of the reference-like first allele.
///
/// # Errors
/// There is no training window.
pub fn evaluate(data: &Dataset, parts: &[Part], rows: &[usize], predictions: &[[f32; 3]]) -> Result<Vec<Evaluation>> {
    let train: Vec<usize> = (0..data.len()).filter(|&i| parts[i] == Part::Train).collect();
    let target =
        |rows: &[usize], k: usize| -> Vec<f64> { rows.iter().map(|&i| f64::from(data.targets[i][k])).collect() };
    let gc = |rows: &[usize]| -> Vec<f64> { rows.iter().map(|&i| gc_share(data.codes(i).0)).collect() };
    let train_gc = gc(&train);
    let rows_gc = gc(rows);
    let mut by_gc: Vec<Vec<f64>> = Vec::new();
    let mut by_mean: Vec<Vec<f64>> = Vec::new();
    for k in 0..3 {
        let values = target(&train, k);
        let model = GcModel::fit(&train_gc, &values)?;
        by_gc.push(rows_gc.iter().map(|&g| model.predict(g)).collect());
        by_mean.push(vec![mean(&values); rows.len()]);
    }
    let by_model: Vec<Vec<f64>> = (0..3).map(|k| predictions.iter().map(|p| f64::from(p[k])).collect()).collect();
    let differ: Vec<bool> = rows
        .iter()
        .map(|&i| {
            let (a, b) = data.codes(i);
            a != b
        })
        .collect();
    let measured: Vec<Vec<f64>> = (0..3).map(|k| target(rows, k)).collect();
    let only = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(&differ).filter(|(_, keep)| **keep).map(|(v, _)| *v).collect()
    };
    Ok([("model", by_model), ("gc", by_gc), ("mean", by_mean)]
        .into_iter()
        .map(|(name, predicted)| Evaluation {
            name: name.to_string(),
            hap1: Agreement::of(&measured[0], &predicted[0]),
            hap2: Agreement::of(&measured[1], &predicted[1]),
            ratio: Agreement::of(&only(&measured[2]), &only(&predicted[2])),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::info::TargetScale;

    #[test]
    fn a_perfect_model_and_its_baselines() {
        let scale = TargetScale::default();
        let mut data = Dataset::new(4);
        let sequences: [&[u8]; 6] = [b"AAAA", b"CAAA", b"CGAA", b"CGGA", b"CGGC", b"ACAC"];
        for (i, sequence) in sequences.iter().enumerate() {
            let mut other = sequence.to_vec();
            if i % 2 == 0 {
                other[3] = b'T';
            }
            data.push(&i.to_string(), None, sequence, &other, [i as f64, (i * i) as f64], &scale).unwrap();
        }
        let parts = [Part::Train, Part::Train, Part::Train, Part::Validation, Part::Test, Part::Test];
        let rows = [2, 4, 5, 3];
        let predictions: Vec<[f32; 3]> = rows.iter().map(|&i| data.targets[i]).collect();
        let table = evaluate(&data, &parts, &rows, &predictions).unwrap();
        assert_eq!(table.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["model", "gc", "mean"]);
        assert_eq!(table[0].hap1.mean_squared_error, 0.0);
        assert_eq!((table[0].hap1.n, table[0].ratio.n), (4, 2));
        assert!((table[0].hap2.pearson.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(table[2].hap1.pearson, None);
        assert!(table[1].hap1.mean_squared_error > 0.0);
    }
}
