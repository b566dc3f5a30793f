//! The overview of a counting run: classes, chromosomes, reference fraction and p-values; the classes as a
//! custom-content file of MultiQC. [`crate::output::overview_plot`] draws it.

use std::collections::HashMap;

use serde_json::json;

use crate::counts::imbalance::{Histogram, ImbalanceTest, Settings};
use crate::counts::{CountRow, Fragment, FragmentSink, Tally, VariantSink, VariantTally};
use crate::error::Result;
use crate::genome::Variant;
use crate::io::plain_text::plain;
use crate::io::Contigs;
use crate::output::track::{Colour, HAPLOTYPE1, HAPLOTYPE2};

/// Haplotype 1, haplotype 2, conflicting, uninformative.
pub(super) const CLASS_COLOURS: [Colour; 4] = [HAPLOTYPE1, HAPLOTYPE2, (230, 159, 0), (200, 200, 200)];

/// Bars of the histogram of p.
pub const P_BARS: usize = 20;

/// Rows with fewer informative fragments are excluded from the histogram of p: their p has few possible values.
pub const LEAST_FRAGMENTS: u64 = 10;

/// Fragments of a run by sample, contig and class.
#[derive(Clone, Debug)]
pub struct Totals {
    samples: Vec<String>,
    contigs: Vec<String>,
    /// By sample, then contig.
    tallies: Vec<Vec<Tally>>,
}

impl Totals {
    /// Without fragments.
    pub fn new(samples: &[String], contigs: &Contigs) -> Self {
        Self {
            samples: samples.to_vec(),
            contigs: (0..contigs.len()).map(|i| contigs.name(i).to_string()).collect(),
            tallies: vec![vec![Tally::default(); contigs.len()]; samples.len()],
        }
    }

    /// Each sample with its fragments by class.
    pub fn classes(&self) -> Vec<(String, Tally)> {
        self.samples.iter().cloned().zip(self.tallies.iter().map(|t| sum(t.iter()))).collect()
    }

    /// Contigs that have informative fragments, in their order, all samples together.
    pub fn chromosomes(&self) -> Vec<(String, Tally)> {
        let one = |i: usize| (self.contigs[i].clone(), sum(self.tallies.iter().map(|t| &t[i])));
        (0..self.contigs.len()).map(one).filter(|(_, t)| t.hap1 + t.hap2 > 0).collect()
    }
}

fn sum<'a>(tallies: impl Iterator<Item = &'a Tally>) -> Tally {
    tallies.fold(Tally::default(), |a, b| Tally {
        hap1: a.hap1 + b.hap1,
        hap2: a.hap2 + b.hap2,
        uninformative: a.uninformative + b.uninformative,
        conflicting: a.conflicting + b.conflicting,
    })
}

impl FragmentSink for Totals {
    fn add(&mut self, fragment: &Fragment) -> Result<()> {
        if let Some(tally) = self.tallies.get_mut(fragment.sample).and_then(|t| t.get_mut(fragment.contig)) {
            tally.add(fragment.class);
        }
        Ok(())
    }
}

/// Fractions of rows of similar coverage: bin `i` holds 2^i to 2^(i+1) - 1 fragments.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bins(Vec<[f64; 3]>);

impl Bins {
    fn add(&mut self, fraction: f64, coverage: u64) {
        let bin = coverage.max(1).ilog2() as usize;
        if self.0.len() <= bin {
            self.0.resize(bin + 1, [0.0; 3]);
        }
        let [rows, first, second] = &mut self.0[bin];
        *rows += 1.0;
        *first += fraction;
        *second += fraction * fraction;
    }

    fn points(&self) -> Vec<FractionPoint> {
        let point = |(bin, [rows, first, second]): (usize, &[f64; 3])| {
            let mean = first / rows;
            // The variance of a single row is unknown: the largest possible one.
            let variance = if *rows > 1.0 { (second - rows * mean * mean).max(0.0) / (rows - 1.0) } else { 0.25 };
            FractionPoint { from: 1 << bin.min(63), rows: *rows as u64, mean, se: (variance / rows).sqrt() }
        };
        self.0.iter().enumerate().filter(|(_, b)| b[0] > 0.0).map(point).collect()
    }
}

/// Mean fraction of rows with `from` to 2 `from` - 1 informative fragments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FractionPoint {
    /// Smallest number of fragments.
    pub from: u64,
    /// Number of rows.
    pub rows: u64,
    /// Mean fraction.
    pub mean: f64,
    /// Standard error of the mean.
    pub se: f64,
}

/// Fraction of the reference allele by record, and the pairs of counts.
#[derive(Clone, Debug)]
pub struct Shares {
    samples: Vec<String>,
    bins: Vec<Bins>,
    pairs: Vec<HashMap<(u64, u64), u64>>,
}

impl Shares {
    /// Without fragments.
    pub fn new(samples: &[String]) -> Self {
        Self {
            samples: samples.to_vec(),
            bins: vec![Bins::default(); samples.len()],
            pairs: vec![HashMap::new(); samples.len()],
        }
    }
}

impl VariantSink for Shares {
    fn add(&mut self, _: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()> {
        for (i, t) in tallies.iter().enumerate().take(self.samples.len()) {
            let n = t.hap1 + t.hap2;
            if n == 0 {
                continue;
            }
            *self.pairs[i].entry((t.hap1, t.hap2)).or_insert(0) += 1;
            // Only where one of the haplotypes has the reference allele.
            match (variant.hap1, variant.hap2) {
                (0, _) => self.bins[i].add(t.hap1 as f64 / n as f64, n),
                (_, 0) => self.bins[i].add(t.hap2 as f64 / n as f64, n),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The content of an overview.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overview {
    /// Each sample with its fragments by class.
    pub classes: Vec<(String, Tally)>,
    /// Each contig that has informative fragments.
    pub chromosomes: Vec<(String, Tally)>,
    /// Numerator of the fraction and unit of counting: the reference and variants, or haplotype 1 and regions.
    pub fraction_of: [&'static str; 2],
    /// Mean fraction by coverage, one list per sample.
    pub fractions: Vec<(String, Vec<FractionPoint>)>,
    /// The units with p-values: regions or variants.
    pub p_of: &'static str,
    /// Rows with p in each of [`P_BARS`] equal intervals from 0 to 1, one list per sample. Empty without a test.
    pub p: Vec<(String, [u64; P_BARS])>,
}

impl Overview {
    /// The overview of a run: `rows` of the count table, tested or not, and `shares` of its records if they were counted.
    /// Without these, the fraction is that of haplotype 1 by region. p-values are those of the rows, else those of the
    /// records by a test with `settings`.
    pub fn new(totals: &Totals, rows: &[CountRow], shares: Option<&Shares>, settings: Option<Settings>) -> Self {
        let mut overview = Self { classes: totals.classes(), chromosomes: totals.chromosomes(), ..Default::default() };
        match shares {
            Some(shares) => {
                overview.fraction_of = ["Reference", "variants"];
                overview.fractions = shares.samples.iter().cloned().zip(shares.bins.iter().map(Bins::points)).collect();
            }
            None => {
                overview.fraction_of = ["Haplotype 1", "regions"];
                let mut bins: Vec<(String, Bins)> =
                    totals.samples.iter().map(|s| (s.clone(), Bins::default())).collect();
                for row in rows {
                    let n = row.hap1 + row.hap2;
                    if let (true, Some((_, bins))) = (n > 0, bins.iter_mut().find(|(s, _)| *s == row.sample)) {
                        bins.add(row.hap1 as f64 / n as f64, n);
                    }
                }
                overview.fractions = bins.into_iter().map(|(s, b)| (s, b.points())).collect();
            }
        }
        if !rows.is_empty() {
            overview.p_of = "regions";
            for row in rows {
                if let (Some(p), true) = (row.p_value, row.hap1 + row.hap2 >= LEAST_FRAGMENTS) {
                    overview.add_p(&row.sample, p, 1);
                }
            }
        } else if let (Some(shares), Some(settings)) = (shares, settings) {
            overview.p_of = "variants";
            for (sample, pairs) in shares.samples.iter().zip(&shares.pairs) {
                let histogram: Histogram = pairs.iter().map(|(k, v)| (*k, *v)).collect();
                let test = ImbalanceTest::fit(&histogram, settings);
                for (&(hap1, hap2), &count) in &histogram {
                    if let (Some(row), true) = (test.row(hap1, hap2), hap1 + hap2 >= LEAST_FRAGMENTS) {
                        overview.add_p(sample, row.p_value, count);
                    }
                }
            }
        }
        overview
    }

    fn add_p(&mut self, sample: &str, p: f64, rows: u64) {
        let place = match self.p.iter().position(|(s, _)| s == sample) {
            Some(place) => place,
            None => {
                self.p.push((sample.to_string(), [0; P_BARS]));
                self.p.len() - 1
            }
        };
        self.p[place].1[((p * P_BARS as f64) as usize).min(P_BARS - 1)] += rows;
    }

    /// Custom content for MultiQC: one bar per sample, fragments by class. MultiQC finds files whose names end in
    /// `_mqc.json`.
    pub fn multiqc(&self) -> String {
        // Not by serde_json: the order of keys is that of the bars.
        let lines = |list: Vec<(String, serde_json::Value)>| -> String {
            let one = |(key, value): &(String, serde_json::Value)| format!("    {}: {value}", json!(key));
            list.iter().map(one).collect::<Vec<_>>().join(",\n")
        };
        let keys = ["hap1", "hap2", "conflicting", "uninformative"];
        let names = ["Haplotype 1", "Haplotype 2", "Conflicting", "Uninformative"];
        let categories = keys.into_iter().zip(names).zip(CLASS_COLOURS).map(|((key, name), c)| {
            let colour = format!("#{:02x}{:02x}{:02x}", c.0, c.1, c.2);
            (key.to_string(), json!({"name": name, "color": colour}))
        });
        let data = self.classes.iter().map(|(sample, t)| {
            let counts = [t.hap1, t.hap2, t.conflicting, t.uninformative];
            let bar: serde_json::Map<_, _> = keys.map(String::from).into_iter().zip(counts.map(|n| json!(n))).collect();
            (as_text_of_html(sample), json!(bar))
        });
        let config = json!({
            "id": "deepallele_count_classes",
            "title": "deepallele count: fragments by haplotype",
            "ylab": "Fragments",
        });
        format!(
            "{{\n  \"id\": \"deepallele_count\",\n  \"section_name\": \"deepallele count\",\n  \"description\": {},\n  \
             \"plot_type\": \"bargraph\",\n  \"pconfig\": {config},\n  \"categories\": {{\n{}\n  }},\n  \"data\": {{\n{}\n  \
             }}\n}}\n",
            json!(
                "Fragments that touch a region or cover a variant, by the haplotype they fit: only one, both equally \
                 (uninformative), or each in different places (conflicting)."
            ),
            lines(categories.collect()),
            lines(data.collect()),
        )
    }
}

/// A name that is text where a report shows it as HTML, as MultiQC does.
fn as_text_of_html(name: &str) -> String {
    plain(name).replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
#[path = "overview_tests.rs"]
mod tests;
