//! The output files of a run: created before the reads are counted, so that a folder that cannot be written is an
//! error at once; filled while they are counted; complete before any receives its name.
//!
//! | module | outputs |
//! |---|---|
//! | [`regions`] | the count table |
//! | [`variants`] | the counts per variant, as table or VCF |
//! | [`cells`] | sparse matrices and fragments files |
//! | [`bias`] | the report of reference bias |
//! | [`overview`] | the plots, and the file for MultiQC |
//! | [`imbalance`] | the test of the count table, and messages about tests |

pub mod bias;
mod cells;
mod imbalance;
mod overview;
mod regions;
mod variants;

use anyhow::Result;
use deepallele_core::counts::{CountTable, FragmentSink, Tally, VariantSink, VariantTally};
use deepallele_core::genome::Variant;
use deepallele_core::io::bam::writer::BamWriter;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::io::regions::Regions;
use deepallele_core::io::{Contigs, Spans};

use crate::args::Args;
use bias::BiasReport;
use cells::CellOutput;
use overview::OverviewOutput;
use regions::RegionTable;
use variants::VariantOutput;

/// What the outputs of a run have in common.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub args: &'a Args,
    /// Lines that begin with `##`.
    pub header: &'a [String],
    /// The contigs of the alignments, or of the reference with alignments to two genomes.
    pub contigs: &'a Contigs,
    pub samples: &'a [String],
    /// By `contigs`.
    pub regions: Option<&'a Regions>,
    /// Spans that variants must overlap to be written; by `contigs`.
    pub spans: Option<&'a Spans>,
    /// Whether fragments are also counted by variant.
    pub variants: bool,
}

/// The output files, none of which has its name yet.
pub struct Outputs<'a> {
    run: Run<'a>,
    table: Option<RegionTable<'a>>,
    variants: Option<VariantOutput>,
    cells: CellOutput,
    overview: OverviewOutput,
    pub bias: BiasReport,
    /// The alignments to two genomes, merged.
    pub merged: Option<BamWriter>,
}

/// The outputs that receive fragments, variants and alignments while they are counted.
pub struct Sinks<'s> {
    pub fragments: Vec<&'s mut dyn FragmentSink>,
    pub variants: VariantSinks<'s>,
    pub merged: Option<&'s mut BamWriter>,
}

impl<'a> Outputs<'a> {
    /// Create the files that the options name, except for the merged alignments.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn create(run: Run<'a>) -> Result<Self> {
        let args = run.args;
        Ok(Self {
            table: run.regions.map(|regions| RegionTable::create(&run, regions)).transpose()?,
            variants: VariantOutput::create(&run)?,
            cells: CellOutput::create(&run)?,
            bias: BiasReport::create(&args.bias)?,
            overview: OverviewOutput::create(&run)?,
            merged: None,
            run,
        })
    }

    /// What receives fragments, variants and alignments.
    pub fn sinks(&mut self) -> Sinks<'_> {
        let (fragments, shares) = self.overview.sinks();
        let table = self.table.as_mut().map(|t| t as &mut dyn FragmentSink);
        let variants = self.variants.as_mut().map(|v| v as &mut dyn VariantSink);
        Sinks {
            fragments: self.cells.sinks().chain(table).chain(fragments).collect(),
            variants: VariantSinks(variants.into_iter().chain(shares).collect()),
            merged: self.merged.as_mut(),
        }
    }

    /// Fragments in any region, each once; None without regions.
    pub fn in_regions(&self) -> Option<Tally> {
        self.table.as_ref().map(RegionTable::in_regions)
    }

    /// Write everything that could not be written before all reads were counted, and close all files. They have temporary
    /// names until the returned set is renamed, the count table last. `variants` are, for each region, the records in which
    /// the haplotypes differ.
    ///
    /// # Errors
    /// A file that cannot be written to its end; none receives its name.
    pub fn finish(mut self, variants: &[u64]) -> Result<CompleteFiles> {
        let args = self.run.args;
        let mut files = self.cells.finish(&self.run)?;
        if let Some(merged) = self.merged {
            files.add(merged.finish()?);
        }
        if let Some(by_variant) = self.variants {
            files.add(by_variant.finish()?);
        }
        let mut rows = self.table.as_ref().map(|table| table.rows(variants)).unwrap_or_default();
        if let Some(table) = &mut self.table {
            let anchors = args.region_options.header(table.regions());
            let tests = imbalance::test_table(&mut rows, &args.test);
            let header = self.run.header.iter().cloned().chain(anchors).chain(tests).collect();
            let counts = CountTable { header, rows };
            table.write(&counts)?;
            rows = counts.rows;
        }
        self.overview.write(&rows, args.test.settings())?;
        files.add(self.overview.complete()?);
        files.add(self.bias.complete()?);
        if let Some(table) = self.table {
            files.add(table.complete()?);
        }
        Ok(files)
    }
}

/// Passes records to several sinks.
pub struct VariantSinks<'s>(Vec<&'s mut dyn VariantSink>);

impl<'s> VariantSinks<'s> {
    /// The sinks as one; None if there is none.
    pub fn as_sink(&mut self) -> Option<&mut (dyn VariantSink + 's)> {
        match self.0.is_empty() {
            true => None,
            false => Some(self),
        }
    }
}

impl VariantSink for VariantSinks<'_> {
    fn add(
        &mut self,
        contig: usize,
        variant: &Variant,
        tallies: &[VariantTally],
    ) -> deepallele_core::error::Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.add(contig, variant, tallies))
    }
}
