//! The variants in which two haplotypes differ from the reference, or from each other.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::genome::record_reader::{fits_reference, judge_reference, reference_contig, RecordReader};
use crate::genome::HaplotypeSource;
use crate::genome::VariantReport;
use crate::genome::{Alleles, Edit};
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Allele index of a haplotype that carries `*` (deleted by another record) or an allele without a sequence.
pub const MISSING: u8 = 255;

/// One record in which a haplotype carries something else than REF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Position of REF's first base, 0-based.
    pub start: u64,
    /// Empty for `.`.
    pub id: Box<str>,
    /// `[0]` is REF.
    pub alleles: Alleles,
    /// Allele index of haplotype 1, or [`MISSING`].
    pub hap1: u8,
    /// Allele index of haplotype 2, or [`MISSING`].
    pub hap2: u8,
    /// False for an unphased heterozygous call: its two alleles are in the order written and belong to no
    /// haplotype. Homozygous calls and strains count as phased.
    pub phased: bool,
    /// Haplotype 1, 2: the record overlaps an earlier one of the same haplotype and is not applied to it.
    pub overlaps: [bool; 2],
}

impl Variant {
    /// End of REF, 0-based exclusive.
    pub fn end(&self) -> u64 {
        self.start + self.alleles[0].len() as u64
    }

    /// Allele index of haplotype 1 or 2.
    pub(super) fn allele(&self, haplotype: usize) -> u8 {
        if haplotype == 1 {
            self.hap1
        } else {
            self.hap2
        }
    }

    pub(super) fn raw_edit(&self, haplotype: usize) -> Option<Edit<'_>> {
        if self.phased {
            self.carried(haplotype)
        } else {
            None
        }
    }

    /// What haplotype 1 or 2 has here instead of the reference, if it has and the record is usable for it.
    pub fn edit(&self, haplotype: usize) -> Option<Edit<'_>> {
        if self.overlaps[(haplotype != 1) as usize] {
            return None;
        }
        self.raw_edit(haplotype)
    }

    /// What the first (1) or second (2) allele of the call has instead of the reference, phased or not.
    pub fn carried(&self, allele: usize) -> Option<Edit<'_>> {
        let allele = self.allele(allele);
        if allele == 0 || allele == MISSING {
            return None;
        }
        Edit::new(self.start, &self.alleles[0], &self.alleles[allele as usize])
    }

    /// True if the two haplotypes differ here.
    pub fn differs(&self) -> bool {
        self.phased && self.edit(1) != self.edit(2)
    }

    /// True if the two haplotypes differ in what they have of reference `start..end` (0-based half-open).
    pub fn differs_within(&self, start: u64, end: u64) -> bool {
        let inside = |e: Edit| match e.start == e.end {
            // Between two bases of the span.
            true => start < e.start && e.start < end,
            false => e.start < end && start < e.end,
        };
        self.differs() && (self.edit(1).is_some_and(inside) || self.edit(2).is_some_and(inside))
    }

    /// The one base in which the two carried alleles differ: position (0-based), base of haplotype 1 and of
    /// haplotype 2 (of the first and second allele of an unphased call). None for indels, substitutions of
    /// several bases and records in which an allele is missing or not applied.
    pub fn single_base(&self) -> Option<(u64, u8, u8)> {
        if self.hap1 == MISSING || self.hap2 == MISSING || self.overlaps != [false; 2] {
            return None;
        }
        let (a, b) = (&self.alleles[self.hap1 as usize], &self.alleles[self.hap2 as usize]);
        if a.len() != b.len() || a.len() != self.alleles[0].len() {
            return None;
        }
        let mut differing = (0..a.len()).filter(|&i| a[i] != b[i]);
        match (differing.next(), differing.next()) {
            (Some(i), None) => Some((self.start + i as u64, a[i], b[i])),
            _ => None,
        }
    }
}

/// The variants of two haplotypes, by contig, sorted by position.
#[derive(Clone, Debug)]
pub struct Variants {
    path: PathBuf,
    contigs: Contigs,
    list: Vec<Vec<Variant>>,
    /// For each variant the furthest end up to and including it, so that a long deletion is not missed.
    reach: Vec<Vec<u64>>,
}

impl Variants {
    /// Read from `vcf` (VCF or BCF; `-`: standard input) what two haplotypes carry on `contigs`.
    ///
    /// # Errors
    /// An unreadable or cut file, a sample it does not have, a position past the end of its contig, no record
    /// on any of `contigs`.
    pub fn read(
        vcf: &Path,
        contigs: &Contigs,
        hap1: &HaplotypeSource,
        hap2: &HaplotypeSource,
    ) -> Result<(Self, VariantReport)> {
        let mut records = RecordReader::open(vcf, contigs, hap1, hap2)?;
        let mut list = vec![Vec::new(); contigs.len()];
        while let Some((contig, variant)) = records.next()? {
            list[contig].push(variant);
        }
        let mut report = records.report;
        let mut variants = Self { path: vcf.to_path_buf(), contigs: contigs.clone(), list, reach: Vec::new() };
        for list in &mut variants.list {
            list.shrink_to_fit();
            list.sort_by_key(|v| v.start);
        }
        variants.settle(&mut report);
        Ok((variants, report))
    }

    /// From variants already made, which need not be sorted: `list[i]` belongs to contig `i`.
    pub fn from_list(contigs: &Contigs, mut list: Vec<Vec<Variant>>) -> Self {
        list.resize(contigs.len(), Vec::new());
        list.iter_mut().for_each(|l| l.sort_by_key(|v| v.start));
        let mut variants = Self { path: PathBuf::from("-"), contigs: contigs.clone(), list, reach: Vec::new() };
        variants.settle(&mut VariantReport::default());
        variants
    }

    /// Decide which records of a haplotype overlap an earlier one of it: in order of the bases they really
    /// change, first come first served; of those that begin at one base, insertions and then the order of the
    /// file. Settled for the whole contig at once, so that a sequence does not
    /// depend on the window it is cut from.
    fn settle(&mut self, report: &mut VariantReport) {
        report.overlapping = 0;
        self.reach.clear();
        for list in &mut self.list {
            for haplotype in [1, 2] {
                let side = haplotype - 1;
                let mut edits: Vec<(u64, bool, usize, u64)> = list
                    .iter()
                    .enumerate()
                    .filter_map(|(i, v)| v.raw_edit(haplotype).map(|e| (e.start, e.end > e.start, i, e.end)))
                    .collect();
                edits.sort_unstable();
                let mut last: Option<(u64, u64)> = None;
                for (start, _, i, end) in edits {
                    // Two insertions at one place have no order.
                    let clash = last.is_some_and(|(s, e)| start < e || (start == s && end == e));
                    list[i].overlaps[side] = clash;
                    if !clash {
                        last = Some((start, end));
                    }
                }
            }
            report.overlapping += list.iter().filter(|v| v.overlaps != [false; 2]).count() as u64;
            let mut furthest = 0;
            self.reach.push(
                list.iter()
                    .map(|v| {
                        furthest = furthest.max(v.end());
                        furthest
                    })
                    .collect(),
            );
        }
        report.used = self.list.iter().map(|l| l.len() as u64).sum();
    }

    /// The contigs by whose indices the variants are kept.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// The variants of a contig, sorted by start.
    pub fn of(&self, contig: usize) -> &[Variant] {
        self.list.get(contig).map_or(&[], |l| l)
    }

    /// The variants whose REF overlaps `start..end` (0-based half-open), sorted by start.
    pub fn overlapping(&self, contig: usize, start: u64, end: u64) -> impl Iterator<Item = &Variant> {
        let list = self.of(contig);
        let first = self.reach.get(contig).map_or(0, |r| r.partition_point(|&reach| reach <= start));
        list[first..].iter().take_while(move |v| v.start < end).filter(move |v| v.end() > start)
    }

    /// Compare REF with the FASTA: records that differ are dropped, counted and the first of them named in
    /// `report`. N in the FASTA fits any base.
    ///
    /// # Errors
    /// More than 1 % differ (the wrong assembly), or the FASTA lacks a contig.
    pub fn check_reference(&mut self, reference: &mut Reference, report: &mut VariantReport) -> Result<()> {
        for contig in 0..self.list.len() {
            if self.list[contig].is_empty() {
                continue;
            }
            let theirs = reference_contig(reference, &self.contigs, contig)?;
            let name = self.contigs.name(contig);
            let mut kept = Vec::with_capacity(self.list[contig].len());
            for variant in std::mem::take(&mut self.list[contig]) {
                if fits_reference(reference, theirs, name, &variant, report)? {
                    kept.push(variant);
                }
            }
            self.list[contig] = kept;
        }
        judge_reference(reference, &self.path, report)?;
        self.settle(report);
        Ok(())
    }
}

/// A phased variant made in code.
#[cfg(test)]
pub(crate) fn test_variant(start: u64, alleles: &[&str], hap1: u8, hap2: u8) -> Variant {
    let alleles: Vec<&[u8]> = alleles.iter().map(|a| a.as_bytes()).collect();
    let alleles = Alleles::new(&alleles);
    Variant { start, id: "".into(), alleles, hap1, hap2, phased: true, overlaps: [false; 2] }
}

#[cfg(test)]
#[path = "variants_tests.rs"]
mod tests;
