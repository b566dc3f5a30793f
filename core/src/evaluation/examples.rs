//! Measured windows of a count table or pairs of a pairs table, with all that an evaluation asks of them.

use std::collections::HashMap;
use std::path::Path;

use crate::counts::imbalance::{Histogram, ImbalanceTest, Settings, Source};
use crate::counts::{CountRow, CountTable};
use crate::error::{Error, Result};
use crate::evaluation::ceiling::{spread_variance, CountingNoise};
use crate::evaluation::parts::ModelParts;
use crate::genome::sequence_alignment::{align, differing_bases};
use crate::genome::Variants;
use crate::io::allele_pairs_table::PairsTable;
use crate::io::fasta::Reference;
use crate::io::regions::Anchor;
use crate::io::Contigs;
use crate::model::encode::encode;
use crate::model::metadata::{HeldOut, TargetScale};
use crate::model::window::Windows;
use crate::model::ModelInfo;
use crate::stats::bootstrap::{units_of_names, units_of_overlaps};
use crate::training::split::{part_of_group, Part, Place};

/// Noise variance of one quantity, in log2.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// Where it comes from, as the table of results names it.
    pub case: &'static str,
    /// 0, 1 or 2: haplotype 1, haplotype 2 or ratio.
    pub quantity: usize,
    /// One for each example; NaN where it is not known.
    pub variance: Vec<f64>,
}

/// What a model without sequence could know of an allele pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traits {
    /// Records (of a count table's windows) or bases (of designed pairs) in which the alleles differ.
    pub variants: f64,
    /// Records in which haplotype 1 differs from the reference, less those of haplotype 2; NaN for designed pairs,
    /// which have no reference.
    pub signed: f64,
    /// Bases that haplotype 1 has more than haplotype 2.
    pub length: f64,
}

/// Measurements of another sample on the same examples, log2 of both haplotypes and ratio; None where it has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicate {
    /// Name of the sample.
    pub name: String,
    /// For each example log2 of haplotype 1, haplotype 2 and their ratio.
    pub measured: Vec<Option<[f64; 3]>>,
}

/// Examples in the order of their table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    /// Bases of one allele.
    pub window: usize,
    /// Byte codes, n × window.
    pub hap1: Vec<u8>,
    /// Byte codes of haplotype 2, n × window.
    pub hap2: Vec<u8>,
    /// log2 of haplotype 1, haplotype 2 (with the pseudocount) and their ratio.
    pub measured: Vec<[f64; 3]>,
    /// None for a window that belongs to no part, or when parts are not known.
    pub parts: Vec<Option<Part>>,
    /// What is resampled together: groups, or windows that overlap.
    pub units: Vec<u32>,
    /// One for each example.
    pub traits: Vec<Traits>,
    /// False discovery rate of imbalance, where the table has it.
    pub q: Vec<Option<f64>>,
    /// Noise of the measurements, by source and quantity.
    pub noise: Vec<Noise>,
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Examples {
    /// Number of examples.
    pub fn len(&self) -> usize {
        self.measured.len()
    }

    /// True without examples.
    pub fn is_empty(&self) -> bool {
        self.measured.is_empty()
    }

    /// Codes of example `i`, haplotype 1 and 2.
    pub fn codes(&self, i: usize) -> (&[u8], &[u8]) {
        let range = i * self.window..(i + 1) * self.window;
        (&self.hap1[range.clone()], &self.hap2[range])
    }

    /// Whether the alleles of example `i` differ: elsewhere there is no ratio to predict.
    pub fn differ(&self, i: usize) -> bool {
        let (a, b) = self.codes(i);
        a != b
    }

    fn push(&mut self, hap1: &[u8], hap2: &[u8], measured: [f64; 3]) -> Result<()> {
        let codes = (encode(hap1, self.window)?, encode(hap2, self.window)?);
        self.hap1.extend(codes.0);
        self.hap2.extend(codes.1);
        self.measured.push(measured);
        Ok(())
    }

    /// The pairs of a table read with its values, each allele at the left of the window. Parts are those of
    /// training: by the group where the model names the groups (chromosomes) it held out, else by the CRC-32 of the
    /// group or id.
    ///
    /// # Errors
    /// A sequence longer than the window, a value without a logarithm, a negative standard deviation: by line.
    pub fn from_pairs(table: &PairsTable, window: usize, scale: &TargetScale, held_out: &HeldOut) -> Result<Self> {
        let mut out = Self { window, ..Self::default() };
        let grouped = table.rows.iter().all(|row| row.group.is_some());
        let names: Vec<&str> =
            table.rows.iter().map(|r| r.group.as_deref().filter(|_| grouped).unwrap_or(&r.id)).collect();
        let mut noise: [Vec<f64>; 3] = Default::default();
        for row in &table.rows {
            let at = |problem: String| Error::input(&table.path, format!("line {}: {problem}", row.line));
            let values = row.values.ok_or_else(|| at("has no measured values".into()))?;
            let measured = logarithms(values, scale).map_err(at)?;
            out.push(&row.allele_a, &row.allele_b, measured).map_err(|e| at(e.to_string()))?;
            let (variants, length) = difference(&row.allele_a, &row.allele_b);
            out.traits.push(Traits { variants, signed: f64::NAN, length });
            let spread = row.spread.unwrap_or([f64::NAN; 2]);
            if spread.iter().any(|sd| *sd < 0.0) {
                return Err(at("has a negative standard deviation (sd_a, sd_b)".into()));
            }
            let [a, b] = [0, 1].map(|i| spread_variance(values[i], spread[i], scale));
            noise.iter_mut().zip([a, b, a + b]).for_each(|(list, v)| list.push(v));
        }
        let unknown = noise[2].iter().filter(|v| !v.is_finite()).count();
        if unknown < out.len() {
            if unknown > 0 {
                out.notes.push(format!("{unknown} pairs have no sd_a and sd_b: the ceiling is that of the others"));
            }
            let columns = noise.into_iter().enumerate();
            out.noise = columns.map(|(quantity, variance)| Noise { case: "spread", quantity, variance }).collect();
        }
        let plain = |name: &str| name.strip_prefix("chr").unwrap_or(name).to_string();
        let held = |list: &[String], name: &str| list.iter().any(|n| plain(n) == plain(name));
        let by_name = !(held_out.validation.is_empty() && held_out.test.is_empty());
        let part = |name: &&str| match by_name {
            false => part_of_group(name),
            true if held(&held_out.test, name) => Part::Test,
            true if held(&held_out.validation, name) => Part::Validation,
            true => Part::Train,
        };
        out.parts = names.iter().map(|name| Some(part(name))).collect();
        out.units = units_of_names(&names);
        out.q = vec![None; out.len()];
        Ok(out)
    }

    /// The regions of one sample of a count table: the allele pair of each region's window of `windows`. `share` of the
    /// fragments that fit both alleles is added to each. `report` is called with the number done.
    ///
    /// # Errors
    /// The sample is not named though there are several, or is not there; a contig that the FASTA has not; a count
    /// without a logarithm.
    pub fn from_counts(
        counts: &Counts,
        reference: &mut Reference,
        variants: &Variants,
        model: &ModelInfo,
        windows: &Windows,
        report: &mut dyn FnMut(usize),
    ) -> Result<Self> {
        let window = model.architecture.window;
        let mut out = Self { window, ..Self::default() };
        let parts = ModelParts::new(&model.held_out, reference.contigs());
        let mut places = Vec::with_capacity(counts.rows.len());
        for row in &counts.rows {
            let at = |problem: String| counts.wrong(row, problem);
            let contig = reference
                .contigs()
                .find(&row.chrom)
                .ok_or_else(|| at(format!("\"{}\" has no contig {}", reference.path().display(), row.chrom)))?;
            let region = row.region(contig, counts.anchor);
            let window = windows.of(&region, reference.contigs(), counts.path)?;
            let pair = window.pair(reference, variants, 0)?;
            let (start, end) = (window.positions().start, window.positions().end);
            let measured = logarithms(counts.values(row), &counts.scale).map_err(at)?;
            out.push(&pair.sequences[0], &pair.sequences[1], measured).map_err(|e| at(e.to_string()))?;
            let (signed, length) = carried(variants, &row.chrom, start.max(0) as u64, end.max(0) as u64);
            out.traits.push(Traits { variants: pair.variants as f64, signed, length });
            out.parts.push(parts.part(contig, start, end));
            out.q.push(row.q_value);
            places.push(Place { chrom: row.chrom.clone(), start, end });
            report(out.len());
        }
        let spans: Vec<_> = places.iter().map(|p: &Place| (p.chrom.as_str(), p.start, p.end)).collect();
        out.units = units_of_overlaps(&spans);
        counts.add_noise(&mut out);
        Ok(out)
    }
}

/// One sample of a count table, and how its counts become values.
pub struct Counts<'a> {
    path: &'a Path,
    /// Name of the sample.
    pub sample: String,
    rows: Vec<&'a CountRow>,
    scale: TargetScale,
    share: f64,
    dispersion: Option<f64>,
    /// The rule by which the rows have anchors.
    anchor: Option<Anchor>,
}

impl<'a> Counts<'a> {
    /// Choose the sample: `sample`, or the only one.
    ///
    /// # Errors
    /// Several samples and none named, a sample that is not there, a region twice.
    pub fn new(
        path: &'a Path,
        table: &'a CountTable,
        sample: Option<&str>,
        scale: TargetScale,
        share: f64,
    ) -> Result<Self> {
        let chosen = table.sample(path, sample)?;
        Self::of_sample(path, table, chosen, scale, share)
    }

    /// Regions.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without regions.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn of_sample(path: &'a Path, table: &'a CountTable, sample: &str, scale: TargetScale, share: f64) -> Result<Self> {
        let rows: Vec<&CountRow> = table.rows.iter().filter(|row| row.sample == sample).collect();
        let dispersion = table.header.iter().find_map(|line| {
            line.strip_prefix("##dispersion=")?.strip_prefix(sample)?.strip_prefix(':')?.parse::<f64>().ok()
        });
        let dispersion = dispersion.filter(|rho| (0.0..1.0).contains(rho));
        Ok(Self { path, sample: sample.into(), rows, scale, share, dispersion, anchor: table.anchor() })
    }

    /// Every sample of another table (or of the same) as a replicate of this one, on its regions. A sample that takes
    /// the others together (`count --combine`) is none.
    ///
    /// # Errors
    /// No sample but this one, or none of the regions.
    pub fn replicates(&self, path: &Path, table: &CountTable, contigs: &Contigs) -> Result<Vec<Replicate>> {
        let same_file = path == self.path;
        let mut names: Vec<&str> = Vec::new();
        for row in &table.rows {
            let name = row.sample.as_str();
            let this_one = same_file && name == self.sample;
            if !this_one && !names.contains(&name) && !is_combined(table, name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(Error::input(path, "holds no other sample than the one evaluated; give one of a replicate"));
        }
        let mut out = Vec::new();
        for name in names {
            let other = Counts::of_sample(path, table, name, self.scale, self.share)?;
            let mut lines = HashMap::with_capacity(other.rows.len());
            for row in &other.rows {
                if let Some(contig) = contigs.find(&row.chrom) {
                    let measured = logarithms(other.values(row), &other.scale).map_err(|p| other.wrong(row, p))?;
                    lines.insert((contig, row.start, row.end), measured);
                }
            }
            let find = |row: &&CountRow| lines.get(&(contigs.find(&row.chrom)?, row.start, row.end)).copied();
            let measured: Vec<_> = self.rows.iter().map(find).collect();
            if measured.iter().all(Option::is_none) {
                let problem = format!("sample {name} has none of the regions evaluated (same contig, start and end)");
                return Err(Error::input(path, problem));
            }
            out.push(Replicate { name: name.into(), measured });
        }
        Ok(out)
    }

    fn shared(&self, row: &CountRow) -> f64 {
        self.share * row.uninformative as f64
    }

    fn values(&self, row: &CountRow) -> [f64; 2] {
        [row.hap1 as f64 + self.shared(row), row.hap2 as f64 + self.shared(row)]
    }

    fn wrong(&self, row: &CountRow, problem: String) -> Error {
        Error::input(self.path, format!("{}:{}-{}: {problem}", row.chrom, row.start + 1, row.end))
    }

    /// Noise of the ratio from counting: binomial, and beta-binomial with the sample's dispersion. The true share of
    /// a region is taken from its shrunken ratio, or from its own counts where there are too few regions for a
    /// prior.
    fn add_noise(&self, out: &mut Examples) {
        let mut histogram = Histogram::new();
        for row in &self.rows {
            *histogram.entry((row.hap1, row.hap2)).or_insert(0) += 1;
        }
        let settings = Settings { dispersion: self.dispersion, expectation: 0.5 };
        let test = ImbalanceTest::fit(&histogram, settings);
        if matches!(test.source, Source::TooFew { .. }) {
            out.notes.push("too few fragments to estimate a dispersion: the counting noise is binomial".into());
        }
        let share = |row: &CountRow| -> f64 {
            let n = row.hap1.saturating_add(row.hap2) as f64;
            match test.row(row.hap1, row.hap2).and_then(|r| r.shrunk) {
                Some((ratio, _)) => 1.0 / (1.0 + (-ratio).exp2()),
                None => (row.hap1 as f64 + 0.5) / (n + 1.0),
            }
        };
        let shares: Vec<f64> = self.rows.iter().map(|row| share(row)).collect();
        for (case, rho) in [("counting_binomial", 0.0), ("counting_beta_binomial", test.dispersion)] {
            let mut noise = CountingNoise::new(self.scale.pseudocount, rho);
            let one = |(row, share): (&&CountRow, &f64)| {
                noise.variance(row.hap1.saturating_add(row.hap2), self.shared(row), *share)
            };
            let variance = self.rows.iter().zip(&shares).map(one).collect();
            out.noise.push(Noise { case, quantity: 2, variance });
        }
        out.notes.push(format!("counting noise: {}", test.summary()));
    }
}

/// Whether a sample is the sum of others: `count` writes a prior of its ratios, but no dispersion.
fn is_combined(table: &CountTable, sample: &str) -> bool {
    let says = |key: &str| {
        let of = |line: &String| line.strip_prefix(key)?.strip_prefix(sample)?.starts_with(':').then_some(());
        table.header.iter().any(|line| of(line).is_some())
    };
    says("##imbalance_prior_sd=") && !says("##dispersion=")
}

/// log2 of both values as the scale has them, and their ratio.
fn logarithms(values: [f64; 2], scale: &TargetScale) -> std::result::Result<[f64; 3], String> {
    let [a, b] = values.map(|v| scale.log2(scale.to_network(v)));
    match a.is_finite() && b.is_finite() {
        true => Ok([a, b, a - b]),
        false => Err(format!(
            "the values {} and {} have no logarithm with pseudocount {}",
            values[0], values[1], scale.pseudocount
        )),
    }
}

/// Bases in which two designed alleles differ once aligned (substituted, inserted, deleted), and how many more the first
/// has.
fn difference(a: &[u8], b: &[u8]) -> (f64, f64) {
    (differing_bases(&align(a, b)) as f64, a.len() as f64 - b.len() as f64)
}

/// Records of haplotype 1 less those of haplotype 2, and bases inserted likewise, in reference `start..end`.
fn carried(variants: &Variants, chrom: &str, start: u64, end: u64) -> (f64, f64) {
    let Some(contig) = variants.contigs().find(chrom) else { return (0.0, 0.0) };
    let (mut records, mut bases) = (0.0, 0.0);
    for variant in variants.overlapping(contig, start, end) {
        for (haplotype, sign) in [(1, 1.0), (2, -1.0)] {
            if let Some(edit) = variant.edit(haplotype) {
                records += sign;
                bases += sign * (edit.bases.len() as f64 - (edit.end - edit.start) as f64);
            }
        }
    }
    (records, bases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::table::test_row;
    use crate::io::allele_pairs_table::PairRow;
    use crate::model::metadata::{LogBase, Scale};

    fn count_row(start: u64, sample: &str, hap1: u64, hap2: u64, uninformative: u64) -> CountRow {
        test_row("1", (start, start + 10), sample, [hap1, hap2, uninformative])
    }

    fn pair(id: &str, a: &str, b: &str, values: [f64; 2], spread: Option<[f64; 2]>) -> PairRow {
        let (allele_a, allele_b) = (a.as_bytes().to_vec(), b.as_bytes().to_vec());
        PairRow { id: id.into(), allele_a, allele_b, values: Some(values), spread, group: None, weight: 1.0, line: 2 }
    }

    #[test]
    fn differences_of_designed_alleles() {
        assert_eq!(difference(b"ACGT", b"ATGA"), (2.0, 0.0));
        assert_eq!(difference(b"ACGT", b"AT"), (2.0, 2.0));
        assert_eq!(difference(b"AAA", b"AAAA"), (1.0, -1.0));
        // Two insertions far apart are not all that lies between them.
        let (a, b) = (b"ACGTTGCATGCCGATCGATTACGGAT", b"ACGTTTGCATGCCGATCGATTAACGGAT");
        assert_eq!(difference(a, b), (2.0, -2.0));
    }

    #[test]
    fn pairs_have_values_noise_and_parts() {
        let scale = TargetScale { scale: Scale::Linear, pseudocount: 1.0, log_base: LogBase::E };
        let rows = vec![pair("a", "ACG", "ACT", [3.0, 1.0], Some([0.5, 0.0])), pair("b", "A", "C", [0.0, 7.0], None)];
        let mut table = PairsTable { path: "p.tsv".into(), rows };
        let got = Examples::from_pairs(&table, 4, &scale, &HeldOut::default()).unwrap();
        assert!((got.measured[0][2] - 1.0).abs() < 1e-12 && (got.measured[1][1] - 3.0).abs() < 1e-12);
        assert_eq!(got.units, [0, 1]);
        assert_eq!(got.parts[0], Some(part_of_group("a")));
        let ratio = &got.noise[2];
        assert!((ratio.variance[0] - (0.125 / std::f64::consts::LN_2).powi(2)).abs() < 1e-12);
        assert!(ratio.variance[1].is_nan() && got.notes.len() == 1);
        table.rows[1].values = Some([-2.0, 1.0]);
        let message = Examples::from_pairs(&table, 4, &scale, &HeldOut::default()).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("pseudocount 1"), "{message}");
        table.rows[1] = pair("b", "A", "C", [1.0, 1.0], Some([1.0, -1.0]));
        assert!(Examples::from_pairs(&table, 4, &scale, &HeldOut::default())
            .unwrap_err()
            .to_string()
            .contains("negative"));
        table.rows[1] = pair("b", "ACGTA", "C", [1.0, 1.0], None);
        assert!(Examples::from_pairs(&table, 4, &scale, &HeldOut::default())
            .unwrap_err()
            .to_string()
            .contains("window of 4"));
    }

    #[test]
    fn samples_are_chosen_and_the_others_are_replicates() {
        let rows = vec![
            count_row(0, "a", 7, 1, 0),
            count_row(0, "b", 3, 1, 4),
            count_row(20, "a", 1, 1, 0),
            count_row(40, "b", 1, 1, 0),
        ];
        let table = CountTable { header: vec!["##dispersion=a:0.25".into(), "##dispersion=b:7".into()], rows };
        let path = Path::new("c.tsv");
        let scale = TargetScale::default();
        let new = |sample| Counts::new(path, &table, sample, scale, 0.5);
        assert!(new(None).err().unwrap().to_string().contains("several samples (a, b)"));
        assert!(new(Some("c")).err().unwrap().to_string().contains("no sample c; it has a, b"));
        let counts = new(Some("a")).unwrap();
        assert_eq!((counts.rows.len(), counts.dispersion), (2, Some(0.25)));
        assert_eq!(new(Some("b")).unwrap().dispersion, None);
        let contigs = Contigs::new(vec![("chr1".into(), 1000)]);
        let found = counts.replicates(path, &table, &contigs).unwrap();
        assert_eq!((found.len(), found[0].name.as_str(), found[0].measured[1]), (1, "b", None));
        let [hap1, hap2, ratio] = found[0].measured[0].unwrap();
        assert!(
            (hap1 - 6f64.log2()).abs() < 1e-12 && (hap2 - 2.0).abs() < 1e-12 && (ratio - 1.5f64.log2()).abs() < 1e-12
        );
        let mut with_sum = table.clone();
        with_sum.rows.push(count_row(0, "all", 10, 2, 4));
        assert_eq!(counts.replicates(path, &with_sum, &contigs).unwrap().len(), 2);
        with_sum.header.push("##imbalance_prior_sd=all:0.5".into());
        assert_eq!(counts.replicates(path, &with_sum, &contigs).unwrap().len(), 1);
        let alone = CountTable { header: vec![], rows: vec![count_row(0, "a", 1, 1, 0)] };
        assert!(counts.replicates(path, &alone, &contigs).unwrap_err().to_string().contains("no other sample"));
        assert_eq!(counts.replicates("other.tsv".as_ref(), &alone, &contigs).unwrap().len(), 1);
        let far = CountTable { header: vec![], rows: vec![count_row(500, "x", 1, 1, 0)] };
        assert!(counts.replicates(path, &far, &contigs).unwrap_err().to_string().contains("none of the regions"));
    }
}
