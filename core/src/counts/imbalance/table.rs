//! The test of the rows of a count table.

use std::collections::{HashMap, HashSet};

use crate::counts::imbalance::{combine, q_values, shrinkage, Histogram, ImbalanceTest, Prior, Replicate, Settings};
use crate::counts::CountRow;

/// The estimates from the rows of a count table.
#[derive(Clone, Debug, Default)]
pub struct TableTest {
    /// The samples, in order of first occurrence, with their tests.
    pub samples: Vec<(String, ImbalanceTest)>,
    /// Name of the combined sample, and the prior of its ratios.
    pub combined: Option<(String, Option<Prior>)>,
}

impl TableTest {
    /// Lines for the header of the table: `##dispersion=SAMPLE:VALUE` and `##imbalance_prior_sd=SAMPLE:VALUE`, `.` without
    /// a prior.
    pub fn header(&self) -> Vec<String> {
        let prior_sd = |name: &str, prior: &Option<Prior>| {
            let sd = prior.as_ref().map_or(".".into(), |p| format!("{:.6}", p.sd()));
            format!("##imbalance_prior_sd={}:{sd}", clean(name))
        };
        let mut lines = Vec::new();
        for (name, test) in &self.samples {
            lines.push(format!("##dispersion={}:{:.6}", clean(name), test.dispersion));
            lines.push(prior_sd(name, &test.prior));
        }
        lines.extend(self.combined.iter().map(|(name, prior)| prior_sd(name, prior)));
        lines
    }
}

fn clean(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Fit the test to each sample of `rows`, and fill in p-value, q-value and shrunken ratio of every row with an informative
/// fragment. With `combined`, a row of that sample name follows the rows of each region: the sums of the counts, ratio and
/// p-value of [`combine`](fn@combine), and the q-value over the combined rows.
///
/// The rows of a region must be adjacent, each sample once.
pub fn test_rows(rows: &mut Vec<CountRow>, settings: Settings, combined: Option<&str>) -> TableTest {
    let mut histograms: Vec<(String, Histogram)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in rows.iter() {
        let place = match places.get(&row.sample) {
            Some(&place) => place,
            None => {
                places.insert(row.sample.clone(), histograms.len());
                histograms.push((row.sample.clone(), Histogram::new()));
                histograms.len() - 1
            }
        };
        *histograms[place].1.entry((row.hap1, row.hap2)).or_insert(0) += 1;
    }
    let samples: Vec<(String, ImbalanceTest)> =
        histograms.into_iter().map(|(name, h)| (name, ImbalanceTest::fit(&h, settings))).collect();
    for row in rows.iter_mut() {
        let Some((_, test)) = places.get(&row.sample).and_then(|&place| samples.get(place)) else { continue };
        let Some(result) = test.row(row.hap1, row.hap2) else { continue };
        row.p_value = Some(result.p_value);
        row.q_value = test.q(row.hap1, row.hap2);
        row.shrunk_log2_ratio = result.shrunk.map(|s| s.0);
        row.shrunk_se = result.shrunk.map(|s| s.1);
    }
    let mut test = TableTest { samples, combined: None };
    if let Some(name) = combined {
        let dispersion: HashMap<&str, f64> = test.samples.iter().map(|(n, t)| (n.as_str(), t.dispersion)).collect();
        let mut sums: Vec<CountRow> = Vec::new();
        let mut ends = Vec::new();
        for (group, end) in groups(rows) {
            sums.push(combined_row(group, name, &dispersion, settings));
            ends.push(end);
        }
        let prior = test_combined(&mut sums, settings);
        let mut all = Vec::with_capacity(rows.len() + sums.len());
        let mut sums = sums.into_iter().zip(ends).peekable();
        for (i, row) in rows.drain(..).enumerate() {
            all.push(row);
            if let Some((sum, _)) = sums.next_if(|(_, end)| *end == i + 1) {
                all.push(sum);
            }
        }
        *rows = all;
        test.combined = Some((name.to_string(), prior));
    }
    test
}

/// The rows of each region, and the index past them.
fn groups(rows: &[CountRow]) -> Vec<(&[CountRow], usize)> {
    let same = |a: &CountRow, b: &CountRow| {
        (a.start, a.end, a.strand, &a.chrom, &a.name) == (b.start, b.end, b.strand, &b.chrom, &b.name)
    };
    let mut groups = Vec::new();
    let mut from = 0;
    let mut seen = HashSet::new();
    for i in 0..=rows.len() {
        // Two regions may have the same position and name: a sample that occurs again starts the next.
        let new = i == rows.len() || (i > from && (!same(&rows[from], &rows[i]) || seen.contains(&rows[i].sample)));
        if new && i > from {
            groups.push((&rows[from..i], i));
            from = i;
            seen.clear();
        }
        if i < rows.len() {
            seen.insert(&rows[i].sample);
        }
    }
    groups
}

/// The combined row of the rows of one region, without q-value and shrunken ratio.
fn combined_row(group: &[CountRow], name: &str, dispersion: &HashMap<&str, f64>, settings: Settings) -> CountRow {
    let replicates: Vec<Replicate> = group
        .iter()
        .map(|r| {
            let rho = dispersion.get(r.sample.as_str()).copied().unwrap_or(0.0);
            Replicate { hap1: r.hap1, hap2: r.hap2, rho }
        })
        .collect();
    let result = combine(&replicates, settings.expectation);
    let sum = |f: fn(&CountRow) -> u64| group.iter().map(f).fold(0, u64::saturating_add);
    CountRow {
        sample: name.to_string(),
        hap1: sum(|r| r.hap1),
        hap2: sum(|r| r.hap2),
        uninformative: sum(|r| r.uninformative),
        conflicting: sum(|r| r.conflicting),
        log2_ratio: result.map(|c| c.log2_ratio),
        se: result.map(|c| c.se),
        p_value: result.map(|c| c.p_value),
        q_value: None,
        shrunk_log2_ratio: None,
        shrunk_se: None,
        anchor: None,
        ..group[0].clone()
    }
}

/// Fill in q-values and shrunken ratios of the combined rows.
fn test_combined(sums: &mut [CountRow], settings: Settings) -> Option<Prior> {
    let p: Vec<(f64, u64)> = sums.iter().filter_map(|r| Some((r.p_value?, 1))).collect();
    let mut q = q_values(&p).into_iter();
    let deep = |r: &&CountRow| r.hap1.saturating_add(r.hap2) >= shrinkage::MIN_FRAGMENTS;
    let estimates: Vec<(f64, f64)> = sums.iter().filter(deep).filter_map(|r| Some((r.log2_ratio?, r.se?))).collect();
    let middle = (settings.expectation / (1.0 - settings.expectation)).log2();
    let prior = Prior::fit_estimates(&estimates, middle);
    for row in sums {
        if row.p_value.is_some() {
            row.q_value = q.next();
        }
        if let (Some(prior), Some(ratio), Some(se)) = (&prior, row.log2_ratio, row.se) {
            let (mean, sd) = prior.shrink_estimate(ratio, se);
            row.shrunk_log2_ratio = Some(mean);
            row.shrunk_se = Some(sd);
        }
    }
    prior
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Tally;

    fn row(start: u64, sample: &str, hap1: u64, hap2: u64) -> CountRow {
        let region = crate::io::regions::bed::test_region(0, start, start + 10);
        let tally = Tally { hap1, hap2, uninformative: 3, conflicting: 1 };
        CountRow { variants: 2, ..CountRow::new("1", &region, sample, tally) }
    }

    #[test]
    fn samples_are_tested_separately_and_empty_rows_are_not() {
        let mut rows = Vec::new();
        for i in 0..40 {
            rows.push(row(i * 20, "a", 50, 50 + i % 3));
            rows.push(row(i * 20, "b", if i % 2 == 0 { 90 } else { 30 }, 60));
        }
        rows.push(row(900, "a", 0, 0));
        rows.push(row(900, "b", 5, 0));
        let plain = rows.clone();
        let test = test_rows(&mut rows, Settings::default(), None);
        assert_eq!(test.samples[0].1.dispersion, 0.0);
        assert!(test.samples[1].1.dispersion > 0.02);
        assert_eq!(rows[80], plain[80], "no fragment, no test");
        assert!(rows[..80].iter().chain(&rows[81..]).all(|r| r.p_value.is_some() && r.q_value.is_some()));
        assert!(rows.iter().zip(&plain).all(|(a, b)| (a.log2_ratio, a.se) == (b.log2_ratio, b.se)));
        let header = test.header();
        assert_eq!(header[0], "##dispersion=a:0.000000");
        assert!(header[1].starts_with("##imbalance_prior_sd=a:") && header[3].starts_with("##imbalance_prior_sd=b:"));
    }

    #[test]
    fn combined_rows_follow_the_rows_of_their_region() {
        let mut rows = Vec::new();
        for i in 0..30 {
            // The same position twice is two regions.
            let start = if i == 7 { 120 } else { i * 20 };
            rows.push(row(start, "a", 50 + i, 50));
            rows.push(row(start, "b", 40 + i, 40));
        }
        rows.push(row(900, "a", 0, 0));
        rows.push(row(900, "b", 0, 0));
        let test = test_rows(&mut rows, Settings::default(), Some("both"));
        assert_eq!(rows.len(), 93);
        for three in rows.chunks(3) {
            assert_eq!([0, 1, 2].map(|i| three[i].sample.as_str()), ["a", "b", "both"]);
            assert_eq!(three[2].hap1, three[0].hap1 + three[1].hap1);
            assert_eq!((three[2].uninformative, three[2].conflicting, three[2].variants), (6, 2, 2));
        }
        assert_eq!((rows[92].p_value, rows[92].q_value, rows[92].log2_ratio), (None, None, None));
        let last = &rows[89];
        assert!(last.p_value.unwrap() < rows[87].p_value.unwrap() && last.q_value >= last.p_value);
        assert!(last.shrunk_log2_ratio.unwrap() < last.log2_ratio.unwrap());
        assert!(test.header()[4].starts_with("##imbalance_prior_sd=both:"));
    }
}
