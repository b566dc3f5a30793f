//! Encoded allele pairs with what was measured on them.

use std::path::Path;

use super::split::Place;
use crate::counts::pairs::PairsTable;
use crate::counts::table::CountTable;
use crate::error::{Error, Result};
use crate::genome::pair::allele_pair;
use crate::genome::reference::Reference;
use crate::genome::variants::Variants;
use crate::model::encode::encode;
use crate::model::info::TargetScale;

/// What becomes of fragments that fit both alleles when counts are turned into targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uninformative {
    /// Half to each allele, as published. Regions without a variant then have equal counts.
    Half,
    /// Left out: counts of the two alleles are those of informative fragments alone.
    Drop,
}

impl std::str::FromStr for Uninformative {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "half" => Ok(Self::Half),
            "drop" => Ok(Self::Drop),
            other => Err(format!("'{other}' is unknown: use half or drop")),
        }
    }
}

/// Examples in the order of their table. Sequences are byte codes (see [`crate::model::encode`]), one example
/// after the other, `window` codes each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dataset {
    pub window: usize,
    pub ids: Vec<String>,
    /// Where on the genome, for examples that lie on one.
    pub places: Vec<Option<Place>>,
    /// Groups for splitting; empty when the table has none.
    pub groups: Vec<String>,
    /// Codes of haplotype 1, n × window.
    pub hap1: Vec<u8>,
    /// Codes of haplotype 2, n × window.
    pub hap2: Vec<u8>,
    /// Measured activity of both alleles, as the user knows it (counts, expression).
    pub values: Vec<[f64; 2]>,
    /// What the network learns: both activities and their difference, in its logarithm.
    pub targets: Vec<[f32; 3]>,
}

impl Dataset {
    /// No examples yet.
    pub fn new(window: usize) -> Self {
        Self { window, ..Self::default() }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without examples.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Codes of example `i`, haplotype 1 and 2.
    pub fn codes(&self, i: usize) -> (&[u8], &[u8]) {
        let range = i * self.window..(i + 1) * self.window;
        (&self.hap1[range.clone()], &self.hap2[range])
    }

    /// Add one example; its targets follow from `values` by `scale`.
    ///
    /// # Errors
    /// A sequence longer than the window, or a value that has no logarithm.
    pub fn push(
        &mut self,
        id: &str,
        place: Option<Place>,
        hap1: &[u8],
        hap2: &[u8],
        values: [f64; 2],
        scale: &TargetScale,
    ) -> Result<()> {
        let targets = values.map(|v| scale.to_network(v));
        if targets.iter().any(|t| !t.is_finite()) {
            return Err(Error::Mismatch(format!(
                "{id}: the values {} and {} have no logarithm with pseudocount {}",
                values[0], values[1], scale.pseudocount
            )));
        }
        let (hap1, hap2) = (encode(hap1, self.window)?, encode(hap2, self.window)?);
        self.ids.push(id.to_string());
        self.places.push(place);
        self.hap1.extend_from_slice(&hap1);
        self.hap2.extend_from_slice(&hap2);
        self.values.push(values);
        self.targets.push([targets[0] as f32, targets[1] as f32, (targets[0] - targets[1]) as f32]);
        Ok(())
    }

    /// The pairs of a table that was read with its values. Sequences are laid at the left of the window.
    ///
    /// # Errors
    /// As [`Dataset::push`], naming the line.
    pub fn from_pairs(table: &PairsTable, window: usize, scale: &TargetScale) -> Result<Self> {
        let mut data = Self::new(window);
        for row in &table.rows {
            let at = |problem: String| Error::input(&table.path, format!("line {}: {problem}", row.line));
            let values = row.values.ok_or_else(|| at("has no measured values".into()))?;
            data.push(&row.id, None, &row.allele_a, &row.allele_b, values, scale).map_err(|e| at(e.to_string()))?;
            if let Some(group) = &row.group {
                data.groups.push(group.clone());
            }
        }
        Ok(data)
    }

    /// The regions of a count table: for each, the allele pair of the window around the region's middle, filled
    /// from the genome on both sides. `path` names the table in messages; `report` is called after each region with the number done.
    ///
    /// # Errors
    /// A contig that the FASTA has not, a region listed twice (several samples in one table), no regions.
    pub fn from_counts(
        path: &Path,
        table: &CountTable,
        reference: &mut Reference,
        variants: &Variants,
        window: usize,
        scale: &TargetScale,
        uninformative: Uninformative,
        report: &mut dyn FnMut(usize),
    ) -> Result<Self> {
        if table.rows.is_empty() {
            return Err(Error::input(path, "holds no regions"));
        }
        let mut data = Self::new(window);
        let sample = &table.rows[0].sample;
        for (i, row) in table.rows.iter().enumerate() {
            let name = format!("{}:{}-{}", row.chrom, row.start + 1, row.end);
            let at = |problem: String| Error::input(path, format!("{name}: {problem}"));
            if row.sample != *sample {
                return Err(at(format!(
                    "holds counts of {} after those of {sample}; train takes one sample",
                    row.sample
                )));
            }
            let contig = reference
                .contigs()
                .find(&row.chrom)
                .ok_or_else(|| at(format!("\"{}\" has no contig {}", reference.path().display(), row.chrom)))?;
            let centre = row.start + (row.end - row.start) / 2;
            let pair = allele_pair(reference, variants, contig, centre, window)?;
            let shared = match uninformative {
                Uninformative::Half => row.uninformative as f64 / 2.0,
                Uninformative::Drop => 0.0,
            };
            let values = [row.hap1 as f64 + shared, row.hap2 as f64 + shared];
            let start = centre as i64 - (window / 2) as i64;
            let place = Place { chrom: row.chrom.clone(), start, end: start + window as i64 };
            let id = if row.name == "." { name.clone() } else { row.name.clone() };
            data.push(&id, Some(place), &pair.hap1.sequence, &pair.hap2.sequence, values, scale)
                .map_err(|e| at(e.to_string()))?;
            report(i + 1);
        }
        Ok(data)
    }
}
