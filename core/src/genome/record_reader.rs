//! From the records of a VCF to the [`Variant`]s of two haplotypes.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::genome::record_status::{write_status, Skipped};
use crate::genome::Alleles;
use crate::genome::HaplotypeSource;
use crate::genome::VariantReport;
use crate::genome::{Variant, MISSING};
use crate::io::contigs::too_many;
use crate::io::vcf::genotypes::{Call, GenotypeReader};
use crate::io::Contigs;

/// Reads the records of a VCF in file order and keeps those in which a haplotype differs from REF.
pub(super) struct RecordReader {
    path: PathBuf,
    file: GenotypeReader,
    contigs: Contigs,
    hap1: HaplotypeSource,
    hap2: HaplotypeSource,
    /// Both haplotypes are those of one phased sample.
    one_sample: bool,
    /// For haplotype 1 and 2, the index of its sample in `calls`.
    call: [Option<usize>; 2],
    calls: Vec<Call>,
    /// By the header's number of a contig: not looked up yet, not in `contigs`, or its index there.
    known: Vec<Option<Option<usize>>>,
    /// The first contig name that is not in `contigs`.
    unknown: Option<String>,
    /// The first record beyond the end of its contig, in a sentence.
    past_end: Option<String>,
    /// The alleles of the current record, with commas between them.
    joined: Vec<u8>,
    /// If set: report lines of skipped records, the current one included, since they were last taken.
    pub record_status: Option<Vec<u8>>,
    /// Counts so far, except `used` and `overlapping`, which depend on later records.
    pub report: VariantReport,
}

/// The result of reading one record.
pub(super) enum Step {
    /// A variant, with the index of its contig.
    Variant(usize, Variant),
    /// Both haplotypes are REF, or no allele is usable.
    Nothing,
    /// The file is at its end.
    End,
}

impl RecordReader {
    pub fn open(vcf: &Path, contigs: &Contigs, hap1: &HaplotypeSource, hap2: &HaplotypeSource) -> Result<Self> {
        let mut samples: Vec<&str> = [hap1, hap2].iter().filter_map(|h| h.sample()).collect();
        samples.dedup();
        let call = [hap1, hap2].map(|h| h.sample().and_then(|s| samples.iter().position(|n| *n == s)));
        Ok(Self {
            path: vcf.to_path_buf(),
            file: GenotypeReader::open(vcf, &samples)?,
            contigs: contigs.clone(),
            one_sample: matches!((hap1, hap2),
                (HaplotypeSource::Phased(a, _), HaplotypeSource::Phased(b, _)) if a == b),
            hap1: hap1.clone(),
            hap2: hap2.clone(),
            call,
            calls: Vec::new(),
            known: Vec::new(),
            unknown: None,
            past_end: None,
            joined: Vec::new(),
            record_status: None,
            report: VariantReport::default(),
        })
    }

    /// Read only records on these contigs (indices of those given to [`RecordReader::open`]), if the file has an index.
    pub fn only(&mut self, wanted: &[usize]) {
        let names = self.header_contigs();
        let on = |name: &&String| self.contigs.find(name).is_some_and(|contig| wanted.contains(&contig));
        let names: Vec<&str> = names.iter().filter(on).map(String::as_str).collect();
        self.file.only(&names);
    }

    /// Names of the header's contigs by number, empty for a number that it skips.
    pub fn header_contigs(&self) -> Vec<String> {
        self.file.header_contigs()
    }

    /// Number of the record read last, from 1.
    pub fn number(&self) -> u64 {
        self.report.records
    }

    /// The next variant, with the index of its contig.
    ///
    /// # Errors
    /// As [`RecordReader::step`].
    pub fn next(&mut self) -> Result<Option<(usize, Variant)>> {
        loop {
            match self.step()? {
                Step::Variant(contig, variant) => return Ok(Some((contig, variant))),
                Step::Nothing => {}
                Step::End => return Ok(None),
            }
        }
    }

    /// Read one record.
    ///
    /// # Errors
    /// An unreadable or truncated file; at the end of the file, that no record was on any of the contigs, or too many beyond
    /// the end of theirs.
    pub fn step(&mut self) -> Result<Step> {
        if self.file.next()? {
            self.report.records += 1;
            let Some(contig) = self.contig()? else {
                self.report.other_contigs += 1;
                self.note_unknown_contig()?;
                return Ok(Step::Nothing);
            };
            return Ok(self.variant(contig)?.map_or(Step::Nothing, |variant| Step::Variant(contig, variant)));
        }
        if self.report.records > 0 && self.report.other_contigs == self.report.records {
            return Err(Error::input(
                &self.path,
                format!(
                    "has no record on a contig of the other inputs: it has {}, they have {}",
                    self.unknown.as_deref().unwrap_or("others"),
                    self.contigs.summary()
                ),
            ));
        }
        let placed = self.report.records - self.report.other_contigs;
        match &self.past_end {
            Some(first) if too_many(self.report.past_end, placed) => Err(Error::input(
                &self.path,
                format!("{first}, {} of {placed} records in all: is it the right assembly?", self.report.past_end),
            )),
            _ => Ok(Step::End),
        }
    }

    fn contig(&mut self) -> Result<Option<usize>> {
        let number = self.file.contig()?;
        if let Some(Some(found)) = self.known.get(number) {
            return Ok(*found);
        }
        let name = self.file.contig_name()?;
        let found = self.contigs.find(name);
        if let (Some(i), None) = (found, &self.report.renamed) {
            if self.contigs.name(i) != name {
                self.report.renamed = Some((name.to_string(), self.contigs.name(i).to_string()));
            }
        }
        if found.is_none() && self.unknown.is_none() {
            self.unknown = Some(name.to_string());
        }
        if self.known.len() <= number {
            self.known.resize(number + 1, None);
        }
        self.known[number] = Some(found);
        Ok(found)
    }

    /// Report why the current record is not applied to haplotypes.
    fn note_skipped(&mut self, contig: usize, why: [Option<Skipped>; 2]) -> Result<()> {
        if self.record_status.is_none() || why == [None; 2] {
            return Ok(());
        }
        let name = self.contigs.name(contig);
        note(&mut self.record_status, &self.file, &self.calls, &self.call, name, why, [&self.hap1, &self.hap2])
    }

    /// Report the current record, whose contig the other inputs lack, if a haplotype differs from REF in it.
    fn note_unknown_contig(&mut self) -> Result<()> {
        if self.record_status.is_none() {
            return Ok(());
        }
        self.file.calls(&mut self.calls);
        let call_of = |haplotype: usize| self.call[haplotype].map_or(Call::Missing, |i| self.calls[i]);
        let (mut why, mut unused) = ([None; 2], VariantReport::default());
        if let Some((a1, a2, _)) =
            decide(&self.hap1, &self.hap2, call_of(0), call_of(1), self.one_sample, &mut unused, &mut why)
        {
            why = [a1, a2].map(|a| (a != 0).then_some(Skipped::UnknownContig));
            let name = self.file.contig_name()?;
            note(&mut self.record_status, &self.file, &self.calls, &self.call, name, why, [&self.hap1, &self.hap2])?;
        }
        Ok(())
    }

    /// The current record, which is on `contig`, if a haplotype differs from REF in it.
    fn variant(&mut self, contig: usize) -> Result<Option<Variant>> {
        self.file.calls(&mut self.calls);
        let (file, report) = (&self.file, &mut self.report);
        let length = self.contigs.length(contig);
        let reference_length = file.allele(0).len() as u64;
        let call_of = |haplotype: usize| self.call[haplotype].map_or(Call::Missing, |i| self.calls[i]);
        let Some(start) = u64::try_from(file.position()).ok().filter(|_| reference_length > 0) else {
            // Telomere records (POS 0) and records without REF cannot be applied.
            report.symbolic += 1;
            return Ok(None);
        };
        if length > 0 && start.saturating_add(reference_length) > length {
            report.past_end += 1;
            if self.past_end.is_none() {
                let (name, place) = (self.contigs.name(contig), start.saturating_add(1));
                self.past_end = Some(format!(
                    "record {} ({}:{place}) is past the end of {name} ({length} bases)",
                    report.records,
                    file.contig_name()?
                ));
            }
            return self.note_skipped(contig, [Some(Skipped::PastEnd); 2]).map(|()| None);
        }
        let mut why = [None; 2];
        let decided = decide(&self.hap1, &self.hap2, call_of(0), call_of(1), self.one_sample, report, &mut why);
        let Some((a1, a2, phased)) = decided else {
            return self.note_skipped(contig, why).map(|()| None);
        };
        if a1 == 0 && a2 == 0 {
            report.reference_calls += 1;
            return self.note_skipped(contig, why).map(|()| None);
        }
        let mut usable = |allele: u32, why: &mut Option<Skipped>| match file.allele(allele as usize) {
            bases if !bases.is_empty() && bases.iter().all(u8::is_ascii_alphabetic) && allele < MISSING as u32 => {
                allele as u16
            }
            b"*" => {
                report.starred += 1;
                *why = Some(Skipped::Deleted);
                MISSING
            }
            _ => {
                report.symbolic += 1;
                *why = Some(Skipped::NoSequence);
                MISSING
            }
        };
        let (hap1, hap2) = (usable(a1, &mut why[0]), usable(a2, &mut why[1]));
        self.note_skipped(contig, why)?;
        let (file, report) = (&self.file, &mut self.report);
        let carries = |h: u16| h != 0 && h != MISSING;
        if !carries(hap1) && !carries(hap2) {
            return Ok(None);
        }
        report.unphased += !phased as u64;
        report.not_pass += !file.passes() as u64;
        self.joined.clear();
        for i in 0..file.n_alleles() {
            if i > 0 {
                self.joined.push(b',');
            }
            match file.allele(i) {
                // Carried by neither haplotype.
                odd if odd.is_empty() || odd.contains(&b',') => self.joined.push(b'.'),
                bases => self.joined.extend_from_slice(bases),
            }
        }
        self.joined.make_ascii_uppercase();
        let (id, alleles) = (file.id()?.into(), Alleles::joined(&self.joined));
        Ok(Some(Variant { start, id, alleles, hap1, hap2, phased, overlaps: [false; 2] }))
    }
}

/// Append a line for each haplotype with a reason in `why`.
fn note(
    record_status: &mut Option<Vec<u8>>,
    file: &GenotypeReader,
    calls: &[Call],
    call: &[Option<usize>; 2],
    name: &str,
    why: [Option<Skipped>; 2],
    sources: [&HaplotypeSource; 2],
) -> Result<()> {
    let Some(text) = record_status else { return Ok(()) };
    for (i, skipped) in why.into_iter().enumerate() {
        if skipped.is_none() {
            continue;
        }
        let allele = match (call[i].map_or(Call::Missing, |c| calls[c]), sources[i]) {
            (Call::Haploid(a), _) => file.allele(a as usize),
            (Call::Diploid(a, b, _), _) if a == b => file.allele(a as usize),
            (Call::Diploid(a, _, true), HaplotypeSource::Phased(_, 1)) => file.allele(a as usize),
            (Call::Diploid(_, b, true), HaplotypeSource::Phased(_, _)) => file.allele(b as usize),
            _ => b"",
        };
        let alleles = (0..file.n_alleles()).map(|i| file.allele(i));
        write_status(text, (name, file.position(), file.id()?), alleles, i + 1, allele, skipped);
    }
    Ok(())
}

/// Allele indices of the two haplotypes by the calls of their samples (of the reference any); `None` where they are not
/// known: not called, or heterozygous without phase.
pub(crate) fn carried_alleles(haplotypes: [&HaplotypeSource; 2], calls: [Call; 2]) -> Option<[u32; 2]> {
    let [hap1, hap2] = haplotypes;
    let one_sample = matches!((hap1, hap2), (HaplotypeSource::Phased(a, _), HaplotypeSource::Phased(b, _)) if a == b);
    let (mut report, mut why) = (VariantReport::default(), [None; 2]);
    let decided = decide(hap1, hap2, calls[0], calls[1], one_sample, &mut report, &mut why);
    decided.filter(|(_, _, phased)| *phased && why == [None; 2]).map(|(a, b, _)| [a, b])
}

/// Allele indices of the two haplotypes and whether they are phased; `None` for a call that is not usable at all. Alleles
/// left as reference are counted in `report`, with the reason in `why`.
fn decide(
    hap1: &HaplotypeSource,
    hap2: &HaplotypeSource,
    call1: Call,
    call2: Call,
    one_sample: bool,
    report: &mut VariantReport,
    why: &mut [Option<Skipped>; 2],
) -> Option<(u32, u32, bool)> {
    if one_sample {
        let side = |h: &HaplotypeSource, a, b| if matches!(h, HaplotypeSource::Phased(_, 2)) { b } else { a };
        return match call1 {
            Call::Missing => {
                report.missing += 1;
                *why = [Some(Skipped::Missing); 2];
                None
            }
            Call::Haploid(a) => Some((a, a, true)),
            Call::Diploid(a, b, phased) => Some((side(hap1, a, b), side(hap2, a, b), phased || a == b)),
        };
    }
    let mut of = |source: &HaplotypeSource, call: Call, why: &mut Option<Skipped>| match (source, call) {
        (HaplotypeSource::Reference, _) => 0,
        (_, Call::Missing) => {
            report.missing += 1;
            *why = Some(Skipped::Missing);
            0
        }
        (_, Call::Haploid(a)) => a,
        (_, Call::Diploid(a, b, _)) if a == b => a,
        (HaplotypeSource::Strain(_), Call::Diploid(..)) => {
            report.heterozygous_strain += 1;
            *why = Some(Skipped::Heterozygous);
            0
        }
        (HaplotypeSource::Phased(_, side), Call::Diploid(a, b, true)) => {
            if *side == 1 {
                a
            } else {
                b
            }
        }
        (HaplotypeSource::Phased(..), Call::Diploid(_, _, false)) => {
            // Two haplotypes of different samples: an unphased allele cannot be assigned.
            report.missing += 1;
            *why = Some(Skipped::Unphased);
            0
        }
    };
    Some((of(hap1, call1, &mut why[0]), of(hap2, call2, &mut why[1]), true))
}
