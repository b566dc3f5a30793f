//! Encoded allele pairs with what was measured on them.

use std::collections::HashMap;
use std::path::Path;

use crate::choice::choice;
use crate::counts::{CountRow, CountTable};
use crate::error::{Error, Result};
use crate::genome::Variants;
use crate::io::allele_pairs_table::PairsTable;
use crate::io::fasta::Reference;
use crate::io::regions::Region;
use crate::model::encode::{encode, NOTHING};
use crate::model::metadata::TargetScale;
use crate::model::window::Windows;
use crate::training::split::Place;

choice!(
    /// How fragments that fit both alleles count when counts are turned into targets.
    Uninformative, "rule for uninformative fragments",
    /// Half to each allele, as published. Regions without a variant then have equal counts.
    Half "half",
    /// Left out: counts of the two alleles are those of informative fragments alone.
    Drop "drop",
);

impl Uninformative {
    /// The share of them that is added to each allele.
    pub fn share(self) -> f64 {
        match self {
            Self::Half => 0.5,
            Self::Drop => 0.0,
        }
    }

    /// The measurement of a row of a count table.
    fn measured(self, row: &CountRow) -> Measured {
        let shared = self.share() * row.uninformative as f64;
        Measured {
            values: [row.hap1 as f64 + shared, row.hap2 as f64 + shared],
            fragments: [row.hap1, row.hap2, row.uninformative].map(|n| n as f32),
            weight: 1.0,
        }
    }
}

/// What was measured on one example in one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Activity of haplotype 1 and 2, as the user knows it (counts, expression).
    pub values: [f64; 2],
    /// Fragments of haplotype 1, of haplotype 2 and uninformative ones; NaN where no fragments were counted.
    pub fragments: [f32; 3],
    /// How much the example counts in training.
    pub weight: f32,
}

impl Measured {
    /// Values that are no counts.
    pub fn of_values(values: [f64; 2]) -> Self {
        Self { values, fragments: [f32::NAN; 3], weight: 1.0 }
    }
}

/// Examples in the order of their table, measured in S samples. Sequences are byte codes (see
/// [`crate::model::encode`]), one example after the other, `window` codes each and `margin` more on both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    /// Bases of one window.
    pub window: usize,
    /// Further bases on both sides of each window, into which training may move it.
    pub margin: usize,
    /// Names of the examples.
    pub ids: Vec<String>,
    /// Where on the genome, for examples that lie on one.
    pub places: Vec<Option<Place>>,
    /// Groups for splitting; empty when the table has none.
    pub groups: Vec<String>,
    /// Codes of haplotype 1, n × (window + 2 margin).
    pub hap1: Vec<u8>,
    /// Codes of haplotype 2, likewise.
    pub hap2: Vec<u8>,
    /// Names of the samples; S is their number.
    pub samples: Vec<String>,
    /// Measured activity of both alleles, n × S, sample fastest; NaN where a sample lacks the example.
    pub values: Vec<[f64; 2]>,
    /// What the network learns, n × S: both activities and their difference, in its logarithm.
    pub targets: Vec<[f32; 3]>,
    /// See [`Measured::fragments`]; n × S.
    pub fragments: Vec<[f32; 3]>,
    /// See [`Measured::weight`]; n × S.
    pub weights: Vec<f32>,
}

impl Dataset {
    /// No examples yet, of one unnamed sample.
    pub fn new(window: usize) -> Self {
        Self { window, samples: vec![String::new()], ..Self::default() }
    }

    /// No examples yet, of these samples, with `margin` bases on each side of a window.
    pub fn of_samples(window: usize, margin: usize, samples: Vec<String>) -> Self {
        Self { window, margin, samples, ..Self::default() }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without examples.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Number of samples, S.
    pub fn outputs(&self) -> usize {
        self.samples.len()
    }

    /// Codes stored for an example, the margins included.
    pub fn stride(&self) -> usize {
        self.window + 2 * self.margin
    }

    /// Codes of the window of example `i`, haplotype 1 and 2.
    pub fn codes(&self, i: usize) -> (&[u8], &[u8]) {
        let from = i * self.stride() + self.margin;
        let range = from..from + self.window;
        (&self.hap1[range.clone()], &self.hap2[range])
    }

    /// Whether the two alleles of example `i` differ within the window.
    pub fn differs(&self, i: usize) -> bool {
        let (a, b) = self.codes(i);
        a != b
    }

    /// Whether sample `sample` has a measurement of example `i`.
    pub fn has(&self, i: usize, sample: usize) -> bool {
        self.targets[i * self.outputs() + sample].iter().all(|t| t.is_finite())
    }

    /// Add one example of a dataset of one sample; its targets follow from `values` by `scale`.
    ///
    /// # Errors
    /// As [`Dataset::push_measured`].
    pub fn push(
        &mut self,
        id: &str,
        place: Option<Place>,
        hap1: &[u8],
        hap2: &[u8],
        values: [f64; 2],
        scale: &TargetScale,
    ) -> Result<()> {
        self.push_measured(id, place, hap1, hap2, &[Some(Measured::of_values(values))], scale)
    }

    /// Add one example, measured in each sample or not.
    ///
    /// A sequence no longer than the window is placed at its left; one that also fills the margins is taken whole.
    ///
    /// # Errors
    /// A sequence of another length, a value that has no logarithm, or not one measurement a sample.
    pub fn push_measured(
        &mut self,
        id: &str,
        place: Option<Place>,
        hap1: &[u8],
        hap2: &[u8],
        measured: &[Option<Measured>],
        scale: &TargetScale,
    ) -> Result<()> {
        if measured.len() != self.outputs() {
            return Err(Error::mismatch(format!("{id}: {} samples, expected {}", measured.len(), self.outputs())));
        }
        let mut targets = Vec::with_capacity(measured.len());
        for m in measured {
            targets.push(match m {
                Some(m) => target(id, m.values, scale)?,
                None => [f32::NAN; 3],
            });
        }
        let (hap1, hap2) = (self.encoded(hap1)?, self.encoded(hap2)?);
        self.ids.push(id.to_string());
        self.places.push(place);
        self.hap1.extend_from_slice(&hap1);
        self.hap2.extend_from_slice(&hap2);
        self.targets.extend(targets);
        self.values.extend(measured.iter().map(|m| m.map_or([f64::NAN; 2], |m| m.values)));
        self.fragments.extend(measured.iter().map(|m| m.map_or([f32::NAN; 3], |m| m.fragments)));
        self.weights.extend(measured.iter().map(|m| m.map_or(0.0, |m| m.weight)));
        Ok(())
    }

    fn encoded(&self, sequence: &[u8]) -> Result<Vec<u8>> {
        if self.margin > 0 && sequence.len() == self.stride() {
            return encode(sequence, self.stride());
        }
        let mut codes = vec![NOTHING; self.margin];
        codes.extend(encode(sequence, self.window)?);
        codes.resize(self.stride(), NOTHING);
        Ok(codes)
    }

    /// The pairs of a table that was read with its values. Sequences are placed at the left of the window.
    ///
    /// # Errors
    /// As [`Dataset::push`], naming the line.
    pub fn from_pairs(table: &PairsTable, window: usize, margin: usize, scale: &TargetScale) -> Result<Self> {
        let mut data = Self::of_samples(window, margin, vec![String::new()]);
        for row in &table.rows {
            let at = |problem: String| Error::input(&table.path, format!("line {}: {problem}", row.line));
            let values = row.values.ok_or_else(|| at("has no measured values".into()))?;
            let measured = Measured { weight: row.weight as f32, ..Measured::of_values(values) };
            data.push_measured(&row.id, None, &row.allele_a, &row.allele_b, &[Some(measured)], scale)
                .map_err(|e| at(e.to_string()))?;
            if let Some(group) = &row.group {
                data.groups.push(group.clone());
            }
        }
        Ok(data)
    }

    /// The examples of several datasets one after the other, such as those of several crosses, each measured in its own
    /// samples only.
    ///
    /// # Errors
    /// Windows of different length, or two samples of one name.
    pub fn join(list: Vec<Dataset>) -> Result<Self> {
        let mut list = list.into_iter();
        let Some(mut all) = list.next() else { return Ok(Self::default()) };
        for other in list {
            if (other.window, other.margin) != (all.window, all.margin) {
                return Err(Error::mismatch("datasets with windows of different length cannot be joined"));
            }
            if let Some(name) = other.samples.iter().find(|name| all.samples.contains(name)) {
                return Err(Error::mismatch(format!(
                    "two crosses have a sample \"{name}\"; name one of them otherwise"
                )));
            }
            let (ours, theirs) = (all.outputs(), other.outputs());
            fn append_columns<T: Copy>(a: &mut Vec<T>, ours: usize, b: &[T], theirs: usize, none: T) {
                let mut joined = Vec::with_capacity((a.len() / ours + b.len() / theirs) * (ours + theirs));
                for row in a.chunks_exact(ours) {
                    joined.extend_from_slice(row);
                    joined.extend(std::iter::repeat_n(none, theirs));
                }
                for row in b.chunks_exact(theirs) {
                    joined.extend(std::iter::repeat_n(none, ours));
                    joined.extend_from_slice(row);
                }
                *a = joined;
            }
            append_columns(&mut all.values, ours, &other.values, theirs, [f64::NAN; 2]);
            append_columns(&mut all.targets, ours, &other.targets, theirs, [f32::NAN; 3]);
            append_columns(&mut all.fragments, ours, &other.fragments, theirs, [f32::NAN; 3]);
            append_columns(&mut all.weights, ours, &other.weights, theirs, 0.0);
            all.samples.extend(other.samples);
            all.ids.extend(other.ids);
            all.places.extend(other.places);
            all.groups.extend(other.groups);
            all.hap1.extend(other.hap1);
            all.hap2.extend(other.hap2);
        }
        Ok(all)
    }

    /// The regions of a count table, whose samples become those of the dataset. `path` names the table in messages;
    /// `report` is called after each region with the number done.
    ///
    /// # Errors
    /// A contig that the FASTA lacks, a region with two lines of one sample, no regions, a region without the anchor of
    /// the windows, or one that does not fit the window ([`WindowLayout::LeftAligned`]).
    ///
    /// [`WindowLayout::LeftAligned`]: crate::model::window::WindowLayout::LeftAligned
    pub fn from_counts(
        path: &Path,
        table: &CountTable,
        source: &mut Sequences,
        uninformative: Uninformative,
        scale: &TargetScale,
        report: &mut dyn FnMut(usize),
    ) -> Result<Self> {
        let (regions, samples) = regions_of(path, table)?;
        let mut data = Self::of_samples(source.windows.length, source.margin, samples);
        let rule = table.anchor();
        for (done, lines) in regions.iter().enumerate() {
            let row = lines.iter().flatten().next().map(|&i| &table.rows[i]);
            let Some(row) = row else { continue };
            let reference = &source.reference;
            let contig = reference.contigs().find(&row.chrom).ok_or_else(|| {
                let name = format!("{}:{}-{}", row.chrom, row.start + 1, row.end);
                let problem = format!("{name}: \"{}\" has no contig {}", reference.path().display(), row.chrom);
                Error::input(path, problem)
            })?;
            let region = row.region(contig, rule);
            let measured: Vec<_> =
                lines.iter().map(|line| line.map(|i| uninformative.measured(&table.rows[i]))).collect();
            data.push_region(path, &region, &row.chrom, source, &measured, scale)?;
            report(done + 1);
        }
        Ok(data)
    }

    /// Add the window of one region.
    pub(super) fn push_region(
        &mut self,
        path: &Path,
        region: &Region,
        chrom: &str,
        source: &mut Sequences,
        measured: &[Option<Measured>],
        scale: &TargetScale,
    ) -> Result<()> {
        let Sequences { reference, variants, windows, margin } = source;
        let window = windows.of(region, reference.contigs(), path)?;
        let pair = window.pair(reference, variants, *margin)?;
        let positions = window.positions();
        let place = Place { chrom: chrom.to_string(), start: positions.start, end: positions.end };
        let name = format!("{chrom}:{}-{}", region.start + 1, region.end);
        let id = if region.name == "." { &name } else { &region.name };
        let [hap1, hap2] = &pair.sequences;
        self.push_measured(id, Some(place), hap1, hap2, measured, scale)
            .map_err(|e| Error::input(path, format!("{name}: {e}")))
    }
}

/// Where the sequences of windows come from.
pub struct Sequences<'a> {
    /// The genome.
    pub reference: &'a mut Reference,
    /// What the two haplotypes carry.
    pub variants: &'a Variants,
    /// Which bases of a region are read.
    pub windows: Windows,
    /// Further bases on both sides of each window.
    pub margin: usize,
}

/// What the network is to predict for `values`: haplotype 1, haplotype 2 and their difference, log2.
///
/// # Errors
/// A value without a logarithm.
pub(super) fn target(id: &str, values: [f64; 2], scale: &TargetScale) -> Result<[f32; 3]> {
    let [a, b] = values.map(|v| scale.to_network(v));
    if !(a.is_finite() && b.is_finite()) {
        return Err(Error::mismatch(format!(
            "{id}: the values {} and {} have no logarithm with pseudocount {}",
            values[0], values[1], scale.pseudocount
        )));
    }
    Ok([a as f32, b as f32, (a - b) as f32])
}

/// For each region, in order of first appearance, the number of its line in each sample; and the samples' names.
type RegionLines = Vec<Vec<Option<usize>>>;

fn regions_of(path: &Path, table: &CountTable) -> Result<(RegionLines, Vec<String>)> {
    let mut samples: Vec<String> = Vec::new();
    let mut sample_of: HashMap<&str, usize> = HashMap::new();
    let mut region_of: HashMap<(&str, u64, u64, &str), usize> = HashMap::new();
    let mut regions: RegionLines = Vec::new();
    for (i, row) in table.rows.iter().enumerate() {
        let sample = *sample_of.entry(&row.sample).or_insert_with(|| {
            samples.push(row.sample.clone());
            samples.len() - 1
        });
        let region = *region_of.entry((&row.chrom, row.start, row.end, &row.name)).or_insert_with(|| {
            regions.push(Vec::new());
            regions.len() - 1
        });
        let lines = &mut regions[region];
        if lines.len() <= sample {
            lines.resize(sample + 1, None);
        }
        if lines[sample].replace(i).is_some() {
            return Err(Error::input(
                path,
                format!("{}:{}-{}: has two lines of sample {}", row.chrom, row.start + 1, row.end, row.sample),
            ));
        }
    }
    if regions.is_empty() {
        return Err(Error::input(path, "holds no regions"));
    }
    regions.iter_mut().for_each(|lines| lines.resize(samples.len(), None));
    Ok((regions, samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::table::test_row;
    use crate::genome::test_variant;
    use crate::io::fasta::reference::test_reference;
    use crate::io::regions::Anchor;
    use crate::io::Contigs;
    use crate::model::window::{Orientation, WindowLayout};

    fn row(start: u64, sample: &str, counts: [u64; 3]) -> CountRow {
        test_row("chr1", (start, start + 6), sample, counts)
    }

    fn read(rows: Vec<CountRow>, windows: Windows, margin: usize) -> Result<Dataset> {
        let folder = tempfile::tempdir().unwrap();
        let mut reference = test_reference(folder.path(), &[("chr1", b"ACGTTGCAACGGTTAACCGT")]);
        let list = vec![test_variant(9, &["C", "CTT"], 0, 1)];
        let variants = Variants::from_list(&Contigs::new(vec![("chr1".into(), 0)]), vec![list]);
        let table = CountTable { header: vec![], rows };
        let scale = TargetScale::default();
        let mut source = Sequences { reference: &mut reference, variants: &variants, windows, margin };
        Dataset::from_counts("t".as_ref(), &table, &mut source, Uninformative::Half, &scale, &mut |_| ())
    }

    const CENTRED: Windows = Windows::centred(6);

    #[test]
    fn samples_share_a_region_and_may_lack_it() {
        let rows = vec![row(6, "a", [1, 2, 4]), row(6, "b", [5, 5, 0]), row(12, "b", [3, 0, 1])];
        let data = read(rows, CENTRED, 2).unwrap();
        assert_eq!((data.len(), data.samples.join(" ").as_str()), (2, "a b"));
        assert_eq!(data.values[..2], [[3.0, 4.0], [5.0, 5.0]]);
        assert_eq!((data.has(0, 0), data.has(1, 0), data.has(1, 1)), (true, false, true));
        assert_eq!((data.fragments[0], data.weights[2]), ([1.0, 2.0, 4.0], 0.0));
        assert!((data.targets[3][2] - (4.5f32 / 1.5).ln()).abs() < 1e-6);
        // The insertion lies behind the centre, 9: both alleles agree up to it.
        assert_eq!(data.stride(), 10);
        assert_eq!(data.codes(0), (encode(b"CAACGG", 6).unwrap().as_slice(), encode(b"CAACTT", 6).unwrap().as_slice()));
        assert!(data.differs(0));
        let twice = read(vec![row(6, "a", [1, 1, 1]), row(6, "a", [1, 1, 1])], CENTRED, 2);
        assert!(twice.unwrap_err().to_string().contains("chr1:7-12: has two lines of sample a"));
    }

    #[test]
    fn crosses_are_joined_each_with_its_own_samples() {
        let one = read(vec![row(6, "a", [1, 2, 4]), row(12, "a", [3, 0, 1])], CENTRED, 2).unwrap();
        let two = read(vec![row(6, "b", [5, 5, 0]), row(6, "c", [9, 1, 0])], CENTRED, 2).unwrap();
        let all = Dataset::join(vec![one.clone(), two.clone()]).unwrap();
        assert_eq!((all.len(), all.samples.join(" ").as_str()), (3, "a b c"));
        let known: Vec<bool> = (0..3).flat_map(|i| (0..3).map(move |s| (i, s))).map(|(i, s)| all.has(i, s)).collect();
        assert_eq!(known, [true, false, false, true, false, false, false, true, true]);
        assert_eq!((all.values[0], all.values[8]), (one.values[0], two.values[1]));
        assert_eq!(all.weights, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!((all.codes(0), all.codes(2)), (one.codes(0), two.codes(0)));
        assert!(Dataset::join(vec![one.clone(), one]).unwrap_err().to_string().contains("sample \"a\""));
    }

    #[test]
    fn published_windows_are_the_region_alone() {
        let windows = Windows { length: 9, layout: WindowLayout::LeftAligned, ..CENTRED };
        let data = read(vec![row(6, "a", [1, 2, 4])], windows, 1).unwrap();
        let expected = (encode(b"CAACGG", 9).unwrap(), encode(b"CAACTTGG", 9).unwrap());
        assert_eq!(data.codes(0), (expected.0.as_slice(), expected.1.as_slice()));
        assert_eq!((data.hap1[0], data.hap2[10]), (NOTHING, NOTHING));
        assert_eq!(data.places[0].as_ref().map(|p| (p.start, p.end)), Some((6, 12)));
        let short = Windows { length: 7, ..windows };
        let message = read(vec![row(6, "a", [1, 2, 4])], short, 1).unwrap_err().to_string();
        assert!(message.contains("chr1:7-12: a sequence of 8 bases does not fit"), "{message}");
    }

    #[test]
    fn windows_lie_around_the_anchor_of_the_table_and_are_read_by_strand() {
        let folder = tempfile::tempdir().unwrap();
        let mut reference = test_reference(folder.path(), &[("chr1", b"ACGTTGCAACGGTTAACCGT")]);
        let variants = Variants::from_list(&Contigs::new(vec![("chr1".into(), 0)]), vec![vec![]]);
        let line = |strand: u8, anchor| CountRow { strand, anchor: Some(anchor), ..row(2, "a", [1, 1, 0]) };
        let rule = |rows| CountTable { header: vec!["##anchor=tss".into()], rows };
        let windows = Windows { anchor: Anchor::Tss, orientation: Orientation::Region, ..CENTRED };
        let mut source = Sequences { reference: &mut reference, variants: &variants, windows, margin: 0 };
        let mut codes = |table: &CountTable| {
            let scale = TargetScale::default();
            Dataset::from_counts("t".as_ref(), table, &mut source, Uninformative::Half, &scale, &mut |_| ())
                .map(|data| (data.codes(0).0.to_vec(), data.places[0].clone().map(|p| (p.start, p.end))))
        };
        // The anchor is at index 3 of both: T at 13 forward, and A of the other strand.
        assert_eq!(codes(&rule(vec![line(b'+', 13)])).unwrap(), (encode(b"GGTTAA", 6).unwrap(), Some((10, 16))));
        assert_eq!(codes(&rule(vec![line(b'-', 13)])).unwrap(), (encode(b"GTTAAC", 6).unwrap(), Some((11, 17))));
        let none = CountTable { header: vec![], rows: vec![row(2, "a", [1, 1, 0])] };
        assert!(codes(&none).unwrap_err().to_string().contains("no strand"));
    }
}
