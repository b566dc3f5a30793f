//! Metrics of a trained model on held-out windows, and of simple baselines.

use ndarray::ArrayView2;
use serde::Serialize;

use crate::stats::correlation::{mean_squared_error, pearson, spearman};
use crate::training::dataset::Dataset;

/// Agreement of one predicted quantity with its measurement, in the network's logarithm. A correlation is
/// absent where it has no value (a constant prediction, fewer than two windows).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Windows compared.
    pub n: usize,
    /// Pearson correlation.
    pub pearson: Option<f64>,
    /// Spearman correlation.
    pub spearman: Option<f64>,
    /// Mean squared error.
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

/// One model's agreement with the measurements of one sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// `model`, or the name of a baseline.
    pub name: String,
    /// Name of the sample; empty if samples have no names.
    pub sample: String,
    /// Haplotype 1.
    pub hap1: Agreement,
    /// Haplotype 2.
    pub hap2: Agreement,
    /// The ratio, over the windows whose alleles differ in sequence.
    pub ratio: Agreement,
}

/// Compare `predictions`, (rows, samples) in the order of `rows`, with the measurements, sample by sample; windows that
/// a sample lacks are left out.
pub fn evaluate(name: &str, data: &Dataset, rows: &[usize], predictions: ArrayView2<[f32; 3]>) -> Vec<Evaluation> {
    let outputs = data.outputs();
    let of_sample = |(sample, sample_name): (usize, &String)| {
        let agreement = |head: usize, only_differing: bool| {
            let known = rows.iter().enumerate().filter(|(_, &i)| data.has(i, sample));
            let (measured, predicted): (Vec<f64>, Vec<f64>) = known
                .filter(|(_, &i)| !only_differing || data.differs(i))
                .map(|(k, &i)| {
                    let (m, p) = (data.targets[i * outputs + sample], predictions[[k, sample]]);
                    (f64::from(m[head]), f64::from(p[head]))
                })
                .unzip();
            Agreement::of(&measured, &predicted)
        };
        Evaluation {
            name: name.to_string(),
            sample: sample_name.clone(),
            hap1: agreement(0, false),
            hap2: agreement(1, false),
            ratio: agreement(2, true),
        }
    };
    data.samples.iter().enumerate().map(of_sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::metadata::TargetScale;
    use crate::training::baselines::gc_content::simple_baselines;
    use crate::training::dataset::Measured;
    use crate::training::split::Part;
    use ndarray::Array2;

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
        let predictions = Array2::from_shape_fn((4, 1), |(k, _)| data.targets[rows[k]]);
        let mut table = evaluate("model", &data, &rows, predictions.view());
        for baseline in simple_baselines(&data, &parts, &rows).unwrap() {
            table.extend(evaluate(&baseline.name, &data, &rows, baseline.predictions.view()));
        }
        assert_eq!(table.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["model", "gc", "mean"]);
        assert_eq!(table[0].hap1.mean_squared_error, 0.0);
        assert_eq!((table[0].hap1.n, table[0].ratio.n), (4, 2));
        assert!((table[0].hap2.pearson.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(table[2].hap1.pearson, None);
        assert!(table[1].hap1.mean_squared_error > 0.0);
    }

    #[test]
    fn samples_are_compared_where_they_are_measured() {
        let scale = TargetScale::default();
        let mut data = Dataset::of_samples(4, 0, vec!["a".into(), "b".into()]);
        for i in 0..4 {
            let of = |v: f64| Some(Measured::of_values([v, 1.0]));
            let measured = [of(f64::from(i)), if i < 3 { of(f64::from(i * i)) } else { None }];
            data.push_measured("x", None, b"ACGT", b"ACGA", &measured, &scale).unwrap();
        }
        let rows = [3, 0, 2, 1];
        // Sample a is predicted as measured, of sample b nothing but the first two heads exchanged.
        let predictions = Array2::from_shape_fn((4, 2), |(k, sample)| match data.targets[2 * rows[k] + sample] {
            target if sample == 0 => target,
            [a, b, _] => [b, a, 0.0],
        });
        let table = evaluate("m", &data, &rows, predictions.view());
        assert_eq!(table.iter().map(|e| (e.sample.as_str(), e.hap1.n)).collect::<Vec<_>>(), [("a", 4), ("b", 3)]);
        assert!((table[0].ratio.pearson.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(table[1].ratio.pearson, None);
    }
}
