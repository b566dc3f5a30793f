//! `--per-variant` and `--format`: the counts of records, as a table, as VCF, or as GATK's ASEReadCounter has them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, ValueEnum};
use deepallele_common::usage;
use deepallele_core::counts::imbalance::{Settings, TestedVariants};
use deepallele_core::counts::{VariantSink, VariantTable, VariantTally, VariantVcf};
use deepallele_core::error::Error;
use deepallele_core::genome::Variant;
use deepallele_core::io::output_file::{OutFile, TabixFormat};
use deepallele_core::io::vcf::{ClosedVcf, VcfFormat};
use deepallele_core::io::{Contigs, Spans};

use crate::imbalance::say;

/// How the counts of records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VariantForm {
    /// Our table, a line a record and sample
    Tsv,
    /// VCF or BCF, a column a sample: GT, AD, DA_H1, DA_H2, DA_OTHER, DA_CONFLICT
    Vcf,
    /// The columns and rules of GATK's ASEReadCounter
    Gatk,
}

/// `--per-variant --format`
#[derive(Args, Clone, Debug)]
pub struct VariantOutputArgs {
    /// Also write the fragments at each variant (may stand alone, without -L); a name in .gz is written with bgzip
    /// and indexed
    #[arg(long, value_name = "FILE")]
    pub per_variant: Option<PathBuf>,

    /// Form of --per-variant [default: vcf for a name in .vcf, .vcf.gz or .bcf, else tsv]
    ///
    /// gatk is a count of its own, which takes one alignment file, -f, and no -L. It uses every biallelic
    /// heterozygous SNV, phased or not, and every read with a read group, supplementary and QC-fail ones
    /// included. Its -q and -Q are 0 unless given, and its -F is 1284.
    #[arg(long, value_name = "FORM", value_enum, requires = "per_variant")]
    format: Option<VariantForm>,
}

impl VariantOutputArgs {
    /// The form asked for, by `--format` or by the name of the file.
    pub fn form(&self) -> VariantForm {
        let name = self.per_variant.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().to_lowercase());
        let vcf =
            name.is_some_and(|n| [".vcf", ".vcf.gz", ".vcf.bgz", ".bcf"].iter().any(|suffix| n.ends_with(suffix)));
        self.format.unwrap_or(if vcf { VariantForm::Vcf } else { VariantForm::Tsv })
    }

    /// Begin writing, if it is asked for; not for `gatk`, which is a run of its own. `header` are `##` lines. A
    /// table is tested for imbalance with `test`.
    pub fn create(
        &self,
        header: &[String],
        contigs: &Contigs,
        samples: &[String],
        within: Option<Spans>,
        threads: usize,
        test: Option<Settings>,
    ) -> Result<Option<VariantOutput>> {
        let Some(path) = &self.per_variant else { return Ok(None) };
        Ok(Some(match self.form() {
            VariantForm::Gatk => return Err(usage("--format gatk is a count of its own")),
            VariantForm::Tsv => {
                let out = OutFile::create(path)?;
                if let Some(settings) = test {
                    let rows = TestedVariants::begin(path, header, contigs, samples, within)?;
                    return Ok(Some(VariantOutput::Tested(Box::new(rows), out, settings)));
                }
                VariantOutput::Table(VariantTable::begin(out, path, header, contigs, samples, within)?)
            }
            VariantForm::Vcf => {
                let format = VcfFormat::from_suffix(path);
                VariantOutput::Vcf(VariantVcf::create(path, format, header, contigs, samples, within, threads)?)
            }
        }))
    }
}

/// The counts of records being written. Nothing has its final name before [`Finished::persist`].
pub enum VariantOutput {
    Table(VariantTable<OutFile>),
    Tested(Box<TestedVariants>, OutFile, Settings),
    Vcf(VariantVcf),
}

impl VariantSink for VariantOutput {
    fn add(
        &mut self,
        contig: usize,
        variant: &Variant,
        tallies: &[VariantTally],
    ) -> deepallele_core::error::Result<()> {
        match self {
            VariantOutput::Table(table) => table.add(contig, variant, tallies),
            VariantOutput::Tested(rows, ..) => rows.add(contig, variant, tallies),
            VariantOutput::Vcf(vcf) => vcf.add(contig, variant, tallies),
        }
    }
}

impl VariantOutput {
    /// Write everything out; the files wait for their names.
    pub fn finish(self) -> Result<Finished> {
        Ok(match self {
            VariantOutput::Table(table) => {
                let mut out = table.into_inner();
                let path = out.path().to_path_buf();
                out.flush().map_err(|e| Error::io(path, e))?;
                Finished::Table(out)
            }
            VariantOutput::Tested(rows, mut out, settings) => {
                for (sample, test) in rows.finish(&mut out, settings)? {
                    say(&format!("{sample}, by variant: "), &test);
                }
                let path = out.path().to_path_buf();
                out.flush().map_err(|e| Error::io(path, e))?;
                Finished::Table(out)
            }
            VariantOutput::Vcf(vcf) => Finished::Vcf(vcf.close()?),
        })
    }
}

/// Counts of records that are whole.
pub enum Finished {
    Table(OutFile),
    Vcf(ClosedVcf),
}

impl Finished {
    /// Give the file its name, and its index beside it.
    pub fn persist(self) -> Result<()> {
        match self {
            Finished::Table(out) => out.finish_indexed(TabixFormat::Positions)?,
            Finished::Vcf(vcf) => vcf.persist()?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct All {
        #[command(flatten)]
        variants: VariantOutputArgs,
    }

    #[test]
    fn the_name_of_the_file_says_its_form_unless_told() {
        let form = |text: &str| {
            let parsed = All::try_parse_from(std::iter::once("x").chain(text.split_whitespace()));
            parsed.ok().map(|a| a.variants.form())
        };
        for (text, expected) in [
            ("", VariantForm::Tsv),
            ("--per-variant a.tsv.gz", VariantForm::Tsv),
            ("--per-variant -", VariantForm::Tsv),
            ("--per-variant a.vcf", VariantForm::Vcf),
            ("--per-variant a.VCF.gz", VariantForm::Vcf),
            ("--per-variant a.bcf", VariantForm::Vcf),
            ("--per-variant - --format vcf", VariantForm::Vcf),
            ("--per-variant a.vcf --format tsv", VariantForm::Tsv),
            ("--per-variant a.tsv --format gatk", VariantForm::Gatk),
        ] {
            assert_eq!(form(text), Some(expected), "{text}");
        }
        assert_eq!(form("--format vcf"), None);
    }
}
