//! The variants in which two haplotypes differ from the reference, or from each other, in memory.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::genome::assembly_check::reference_contig;
use crate::genome::overlapping_records::OverlapFilter;
use crate::genome::record_reader::RecordReader;
use crate::genome::HaplotypeSource;
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// The variants of two haplotypes, by contig, sorted by position.
#[derive(Clone, Debug)]
pub struct Variants {
    path: PathBuf,
    contigs: Contigs,
    list: Vec<Vec<Variant>>,
    /// For each variant the largest end up to and including it, so that a long deletion is not missed.
    furthest: Vec<Vec<u64>>,
}

impl Variants {
    /// Read the variants of two haplotypes on `contigs` from `vcf` (VCF or BCF; `-`: standard input).
    ///
    /// # Errors
    /// An unreadable or truncated file, a missing sample; no record on any of `contigs`, or too many beyond the end
    /// of theirs.
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
        let mut variants = Self { path: vcf.to_path_buf(), contigs: contigs.clone(), list, furthest: Vec::new() };
        for list in &mut variants.list {
            list.shrink_to_fit();
            list.sort_by_key(|v| v.start);
        }
        variants.mark_overlaps(&mut report);
        Ok((variants, report))
    }

    /// From variants made in code, which need not be sorted: `list[i]` belongs to contig `i`.
    pub fn from_list(contigs: &Contigs, mut list: Vec<Vec<Variant>>) -> Self {
        list.resize(contigs.len(), Vec::new());
        list.iter_mut().for_each(|l| l.sort_by_key(|v| v.start));
        let mut variants = Self { path: PathBuf::from("-"), contigs: contigs.clone(), list, furthest: Vec::new() };
        variants.mark_overlaps(&mut VariantReport::default());
        variants
    }

    /// Find the records of a haplotype that overlap an earlier one of it (see [`OverlapFilter`]), for whole contigs at
    /// once, so that a sequence does not depend on the window for which it is built.
    fn mark_overlaps(&mut self, report: &mut VariantReport) {
        report.overlapping = 0;
        self.furthest.clear();
        for list in &mut self.list {
            let mut filter = OverlapFilter::default();
            let mut marked = Vec::with_capacity(list.len());
            for variant in std::mem::take(list) {
                filter.add(variant);
                marked.extend(std::iter::from_fn(|| filter.next()));
            }
            filter.close();
            marked.extend(std::iter::from_fn(|| filter.next()));
            *list = marked;
            report.overlapping += list.iter().filter(|v| v.overlaps != [false; 2]).count() as u64;
            let furthest = list.iter().scan(0, |furthest, v| {
                *furthest = v.end().max(*furthest);
                Some(*furthest)
            });
            self.furthest.push(furthest.collect());
        }
        report.used = self.list.iter().map(|l| l.len() as u64).sum();
    }

    /// The contigs to whose indices the variants refer.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// The variants of contig `contig`, sorted by start; none for an unknown contig.
    pub fn of(&self, contig: usize) -> &[Variant] {
        self.list.get(contig).map_or(&[], |l| l)
    }

    /// The variants whose REF overlaps `start..end` (0-based half-open), sorted by start.
    pub fn overlapping(&self, contig: usize, start: u64, end: u64) -> impl Iterator<Item = &Variant> {
        let list = self.of(contig);
        let first = self.furthest.get(contig).map_or(0, |r| r.partition_point(|&furthest| furthest <= start));
        list[first..].iter().take_while(move |v| v.start < end).filter(move |v| v.end() > start)
    }

    /// Compare REF with the FASTA ([`Reference::matches`]). Records that differ are dropped and counted, and the first
    /// of them named, in `report`.
    ///
    /// # Errors
    /// It is the wrong assembly ([`AssemblyCheck::verdict`](crate::genome::AssemblyCheck::verdict)), or the FASTA lacks a
    /// contig.
    pub fn check_reference(&mut self, reference: &mut Reference, report: &mut VariantReport) -> Result<()> {
        for contig in 0..self.list.len() {
            if self.list[contig].is_empty() {
                continue;
            }
            let theirs = reference_contig(reference, &self.contigs, contig)?;
            let name = self.contigs.name(contig);
            let mut kept = Vec::with_capacity(self.list[contig].len());
            for variant in std::mem::take(&mut self.list[contig]) {
                let agrees = report.assembly.agrees(reference, theirs, name, variant.start, &variant.alleles[0]);
                if agrees.map_err(|e| e.in_file(&self.path))? {
                    kept.push(variant);
                }
            }
            self.list[contig] = kept;
        }
        report.assembly.verdict(reference.path(), true).map_err(|e| e.in_file(&self.path))?;
        self.mark_overlaps(report);
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests/variants.rs"]
mod tests;
