//! Predictions compared with measured counts.

use std::collections::HashMap;
use std::path::Path;

use crate::counts::CountTable;
use crate::effects::predictions::RegionPrediction;
use crate::error::{Error, Result};
use crate::evaluation::parts::HeldParts;
use crate::io::regions::Regions;
use crate::model::window::Windows;
use crate::model::ModelInfo;
use crate::stats::correlation::{pearson, spearman};

/// How one predicted quantity agrees with its measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The column compared: `hap1`, `hap2` or `log2_ratio`.
    pub what: &'static str,
    /// Regions compared.
    pub n: usize,
    /// NaN where it has no value.
    pub pearson: f64,
    /// Likewise.
    pub spearman: f64,
}

/// Measured values and their agreement with the predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// For each region haplotype 1, haplotype 2 and log2 ratio; `None` for one that the table does not have.
    pub measured: Vec<Option<[f64; 3]>>,
    /// Both haplotypes over all regions compared, the ratio over those whose alleles differ in the window:
    /// elsewhere there is nothing to predict.
    pub agreement: [Agreement; 3],
    /// The same over the regions that training kept for its test alone; `None` when the model names none of them.
    pub on_test: Option<[Agreement; 3]>,
    /// Lines of the count table without a region.
    pub unused: usize,
}

type Columns = [(Vec<f64>, Vec<f64>); 3];

fn agreement(columns: Columns) -> [Agreement; 3] {
    let mut names = ["hap1", "hap2", "log2_ratio"].into_iter();
    columns.map(|(x, y)| Agreement {
        what: names.next().unwrap_or_default(),
        n: x.len(),
        pearson: pearson(&x, &y),
        spearman: spearman(&x, &y),
    })
}

/// Compare `predictions` (one for each of `regions`, by their windows) with the lines of `counts` that have the same contig, start
/// and end. Each allele gets `share` of the fragments that fit both, and correlations are those of logarithms,
/// as in training: with 1/2, targets are those of the published method.
///
/// # Errors
/// The table has several samples, or none of the regions.
pub fn compare(
    regions: &Regions,
    windows: &Windows,
    predictions: &[RegionPrediction],
    counts: &CountTable,
    path: &Path,
    model: &ModelInfo,
    share: f64,
) -> Result<Comparison> {
    let mut lines = HashMap::with_capacity(counts.rows.len());
    for row in &counts.rows {
        if row.sample != counts.rows[0].sample {
            let (a, b) = (&counts.rows[0].sample, &row.sample);
            return Err(Error::input(path, format!("holds several samples ({a}, {b}); give a table of one")));
        }
        if let Some(contig) = regions.contigs.find(&row.chrom) {
            let shared = share * row.uninformative as f64;
            lines.insert((contig, row.start, row.end), [row.hap1 as f64 + shared, row.hap2 as f64 + shared]);
        }
    }
    let scale = model.targets.of_counts();
    let test = HeldParts::new(&model.held_out.test, &regions.contigs);
    let (mut all, mut tested): (Columns, Columns) = Default::default();
    let mut measured = Vec::with_capacity(regions.list.len());
    let mut used = 0;
    for (region, prediction) in regions.list.iter().zip(predictions) {
        let Some(values) = lines.get(&(region.contig, region.start, region.end)) else {
            measured.push(None);
            continue;
        };
        used += 1;
        let [a, b] = values.map(|v| scale.to_network(v));
        let raw = &prediction.raw;
        let pairs = [(a, raw.count1), (b, raw.count2), (a - b, raw.ratio)];
        let read = windows.of_checked(region).positions();
        let held_out = test.hold(region.contig, read.start, read.end);
        for (i, (x, y)) in pairs.into_iter().enumerate() {
            // NaN would spoil every correlation.
            if (i == 2 && prediction.variants == 0) || !y.is_finite() {
                continue;
            }
            for columns in std::iter::once(&mut all).chain(held_out.then_some(&mut tested)) {
                columns[i].0.push(x);
                columns[i].1.push(y.into());
            }
        }
        measured.push(Some([values[0], values[1], scale.log2(a - b)]));
    }
    if used == 0 {
        return Err(Error::input(path, "has none of the regions predicted (same contig, start and end)"));
    }
    let on_test = (!tested[0].0.is_empty()).then(|| agreement(tested));
    let distinct: std::collections::HashSet<_> = regions.list.iter().map(|r| (r.contig, r.start, r.end)).collect();
    let unused = lines.keys().filter(|key| !distinct.contains(key)).count();
    Ok(Comparison { measured, agreement: agreement(all), on_test, unused })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::table::test_row;
    use crate::counts::CountRow;
    use crate::io::regions::bed::test_region;
    use crate::io::Contigs;
    use crate::model::onnx::predictor::Prediction;
    use crate::model::{Architecture, Kind};

    const WINDOWS: Windows = Windows::centred(10);

    fn row(start: u64, hap1: u64, hap2: u64, uninformative: u64, sample: &str) -> CountRow {
        test_row("1", (start, start + 10), sample, [hap1, hap2, uninformative])
    }

    fn setting(starts: &[u64]) -> (Regions, Vec<RegionPrediction>) {
        let region = |&start: &u64| test_region(0, start, start + 10);
        let contigs = Contigs::new(vec![("chr1".into(), 1000)]);
        let list: Vec<_> = starts.iter().map(region).collect();
        let predict = |(i, _)| {
            let i = i as f32;
            let raw = Prediction { count1: i, count2: -i, ratio: 2.0 * i, ratio_swapped: 0.0, spread: None };
            RegionPrediction { raw, variants: usize::from(i != 1.0), skipped: 0 }
        };
        let predictions = starts.iter().enumerate().map(predict).collect();
        (Regions::from_list(contigs, list), predictions)
    }

    fn model(test: &[&str]) -> ModelInfo {
        let mut architecture = Architecture::preset("small", Kind::Paired).unwrap();
        architecture.window = 10;
        let mut info = ModelInfo::new(architecture);
        info.held_out.test = test.iter().map(|t| t.to_string()).collect();
        info
    }

    #[test]
    fn regions_that_training_never_saw_are_told_apart() {
        let (regions, predictions) = setting(&[0, 20, 40, 60]);
        let rows = [0, 20, 40, 60].map(|start| row(start, start, 5, 1, "s")).to_vec();
        let table = CountTable { header: vec![], rows };
        let tested = |test: &[&str]| {
            let got = compare(&regions, &WINDOWS, &predictions, &table, "c.tsv".as_ref(), &model(test), 0.5).unwrap();
            assert_eq!(got.agreement[0].n, 4);
            got.on_test.map(|t| (t[0].n, t[2].n))
        };
        assert_eq!(tested(&[]), None);
        assert_eq!(tested(&["chr9", "1:500-600"]), None);
        assert_eq!(tested(&["chr1"]), Some((4, 3)));
        // Windows are 0..10, 20..30, 40..50, 60..70; the second interval cuts its window short.
        assert_eq!(tested(&["1:21-30", "1:42-50", "1:61-70"]), Some((2, 1)));
    }

    #[test]
    fn lines_are_matched_by_place_and_shared_fragments_divided() {
        let (regions, predictions) = setting(&[0, 20, 40, 60]);
        let rows = vec![row(0, 1, 7, 2, "s"), row(20, 3, 3, 0, "s"), row(60, 7, 1, 2, "s"), row(80, 1, 1, 1, "s")];
        let table = CountTable { header: vec![], rows };
        let got = compare(&regions, &WINDOWS, &predictions, &table, "c.tsv".as_ref(), &model(&[]), 0.5).unwrap();
        let [hap1, hap2, ratio] = got.measured[0].unwrap();
        assert_eq!((hap1, hap2), (2.0, 8.0));
        assert!((ratio - (3f64 / 9.0).log2()).abs() < 1e-12);
        assert_eq!((got.measured[2], got.unused), (None, 1));
        let [hap1, hap2, ratio] = &got.agreement;
        assert_eq!((hap1.n, hap2.n, ratio.n), (3, 3, 2));
        assert!(hap1.spearman > 0.99 && hap2.spearman > 0.99 && ratio.pearson > 0.99);
        let dropped = compare(&regions, &WINDOWS, &predictions, &table, "c.tsv".as_ref(), &model(&[]), 0.0);
        assert_eq!(dropped.unwrap().measured[0].map(|m| [m[0], m[1]]), Some([1.0, 7.0]));
    }

    #[test]
    fn tables_that_do_not_fit_are_refused() {
        let (regions, predictions) = setting(&[0]);
        let fail = |rows: Vec<CountRow>| {
            let table = CountTable { header: vec![], rows };
            compare(&regions, &WINDOWS, &predictions, &table, "c.tsv".as_ref(), &model(&[]), 0.5)
                .unwrap_err()
                .to_string()
        };
        assert!(fail(vec![row(0, 1, 1, 0, "a"), row(0, 1, 1, 0, "b")]).contains("several samples (a, b)"));
        assert!(fail(vec![row(500, 1, 1, 0, "a")]).contains("none of the regions"));
    }
}
