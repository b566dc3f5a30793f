//! The counts per variant, as table or VCF.

use anyhow::Result;
use deepallele_core::counts::imbalance::{Settings, TestedVariants};
use deepallele_core::counts::{VariantSink, VariantTable, VariantTally, VariantVcf};
use deepallele_core::genome::Variant;
use deepallele_core::io::output_file::{CompleteFiles, OutFile, TabixFormat};
use deepallele_core::io::vcf::VcfFormat;

use super::imbalance::report;
use super::Run;
use crate::args::variants::VariantFormat;

/// The file of `--per-variant` being written.
pub enum VariantOutput {
    Table(VariantTable<OutFile>),
    /// A table with the imbalance test, for which all counts must be known.
    Tested(Box<TestedVariants>, OutFile, Settings),
    Vcf(VariantVcf),
}

impl VariantOutput {
    /// Create the file, if the options name one.
    pub fn create(run: &Run) -> Result<Option<Self>> {
        let Some(path) = &run.args.variants.per_variant else { return Ok(None) };
        let (header, contigs, samples, within) = (run.header, run.contigs, run.samples, run.spans.cloned());
        if run.args.variants.format() == VariantFormat::Vcf {
            let (format, threads) = (VcfFormat::from_suffix(path), run.args.threads.count());
            return Ok(Some(Self::Vcf(VariantVcf::create(path, format, header, contigs, samples, within, threads)?)));
        }
        let out = OutFile::create(path)?;
        Ok(Some(match run.args.test.settings() {
            Some(settings) => {
                let rows = TestedVariants::begin(path, header, contigs, samples, within)?;
                Self::Tested(Box::new(rows), out, settings)
            }
            None => Self::Table(VariantTable::begin(out, path, header, contigs, samples, within)?),
        }))
    }

    /// Write the rest of the file, and its index.
    pub fn finish(self) -> Result<CompleteFiles> {
        let out = match self {
            Self::Vcf(vcf) => return Ok(vcf.close()?),
            Self::Table(table) => table.into_inner(),
            Self::Tested(rows, mut out, settings) => {
                for (sample, test) in rows.finish(&mut out, settings)? {
                    report(&format!("{sample}, by variant"), &test);
                }
                out
            }
        };
        Ok(out.complete_indexed(TabixFormat::Positions)?)
    }
}

impl VariantSink for VariantOutput {
    fn add(
        &mut self,
        contig: usize,
        variant: &Variant,
        tallies: &[VariantTally],
    ) -> deepallele_core::error::Result<()> {
        match self {
            Self::Table(table) => table.add(contig, variant, tallies),
            Self::Tested(rows, ..) => rows.add(contig, variant, tallies),
            Self::Vcf(vcf) => vcf.add(contig, variant, tallies),
        }
    }
}
