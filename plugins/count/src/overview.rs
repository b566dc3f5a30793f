//! `--overview` and `--multiqc`: an account of the run.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::counts::imbalance::Settings;
use deepallele_core::counts::{CountRow, FragmentSink, VariantSink, VariantTally};
use deepallele_core::error::Error;
use deepallele_core::genome::Variant;
use deepallele_core::io::output_file::OutFile;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::Contigs;
use deepallele_core::output::overview::{Overview, Shares, Totals};
use deepallele_core::output::overview_plot;

/// Accounts of a run.
#[derive(Args, Clone, Debug)]
pub struct OverviewArgs {
    /// Draw the run as SVG: classes, chromosomes, reference fraction by coverage, p-values
    #[arg(long, help_heading = "Overview", value_name = "FILE")]
    overview: Option<PathBuf>,

    /// Write the classes of each sample for MultiQC, which finds names that end in _mqc.json
    #[arg(long, help_heading = "Overview", value_name = "FILE")]
    multiqc: Option<PathBuf>,
}

impl OverviewArgs {
    /// True if either is asked for.
    pub fn given(&self) -> bool {
        self.overview.is_some() || self.multiqc.is_some()
    }

    /// Refuse names that MultiQC would not find, and standard output, where the table goes.
    pub fn check(&self) -> Result<()> {
        if [&self.overview, &self.multiqc].into_iter().flatten().any(|p| is_stdio(p)) {
            return Err(usage("--overview and --multiqc take the name of a file"));
        }
        let found = |p: &PathBuf| p.to_string_lossy().ends_with("_mqc.json");
        if self.multiqc.as_ref().is_some_and(|p| !found(p)) {
            return Err(usage("MultiQC finds names that end in _mqc.json: give --multiqc such a name"));
        }
        if self.overview.is_some() && self.overview == self.multiqc {
            return Err(usage("--overview and --multiqc name the same file"));
        }
        Ok(())
    }

    /// Begin, so that a folder that cannot be written is known at once. `records`: fractions come from variants.
    pub fn create(&self, samples: &[String], contigs: &Contigs, records: bool) -> Result<OverviewOutput> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutFile::create).transpose();
        Ok(OverviewOutput {
            svg: create(&self.overview)?,
            multiqc: create(&self.multiqc)?,
            totals: self.given().then(|| Totals::new(samples, contigs)),
            shares: (self.overview.is_some() && records).then(|| Shares::new(samples)),
        })
    }
}

/// The accounts while the run goes on.
pub struct OverviewOutput {
    svg: Option<OutFile>,
    multiqc: Option<OutFile>,
    totals: Option<Totals>,
    shares: Option<Shares>,
}

impl OverviewOutput {
    /// What wants fragments, and what wants records.
    pub fn sinks(&mut self) -> (Option<&mut dyn FragmentSink>, Option<&mut dyn VariantSink>) {
        (
            self.totals.as_mut().map(|s| s as &mut dyn FragmentSink),
            self.shares.as_mut().map(|s| s as &mut dyn VariantSink),
        )
    }

    /// Write everything out; the files wait for their names.
    pub fn run(&mut self, rows: &[CountRow], settings: Option<Settings>) -> Result<()> {
        let Some(totals) = &self.totals else { return Ok(()) };
        let overview = Overview::new(totals, rows, self.shares.as_ref(), settings);
        let write = |out: &mut OutFile, content: &str| {
            let path = out.path().to_path_buf();
            out.write_all(content.as_bytes()).and_then(|()| out.flush()).map_err(|e| Error::io(path, e))
        };
        if let Some(out) = &mut self.svg {
            write(out, &overview_plot::svg(&overview)?)?;
        }
        if let Some(out) = &mut self.multiqc {
            write(out, &overview.multiqc())?;
        }
        Ok(())
    }

    /// Give the files their names.
    pub fn persist(self) -> Result<()> {
        for out in [self.svg, self.multiqc].into_iter().flatten() {
            out.finish()?;
        }
        Ok(())
    }
}

/// Hands records to several.
pub struct Each<'a>(pub Vec<&'a mut dyn VariantSink>);

impl VariantSink for Each<'_> {
    fn add(
        &mut self,
        contig: usize,
        variant: &Variant,
        tallies: &[VariantTally],
    ) -> deepallele_core::error::Result<()> {
        self.0.iter_mut().try_for_each(|sink| sink.add(contig, variant, tallies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let args = |overview: Option<&str>, multiqc: Option<&str>| OverviewArgs {
            overview: overview.map(PathBuf::from),
            multiqc: multiqc.map(PathBuf::from),
        };
        assert!(args(None, None).check().is_ok() && args(Some("a.svg"), Some("a_mqc.json")).check().is_ok());
        assert!(args(None, Some("a.json")).check().is_err() && args(Some("-"), None).check().is_err());
        assert!(args(Some("a_mqc.json"), Some("a_mqc.json")).check().is_err());
    }
}
