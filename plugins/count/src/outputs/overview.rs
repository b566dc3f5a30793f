//! The plots of a run, and its classes for MultiQC.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use deepallele_core::counts::imbalance::Settings;
use deepallele_core::counts::{CountRow, FragmentSink, VariantSink};
use deepallele_core::error::Error;
use deepallele_core::io::output_file::{CompleteFiles, OutFile};
use deepallele_core::output::overview::{Overview, Shares, Totals};
use deepallele_core::output::overview_plot;

use super::Run;

/// The files of `--overview` and `--multiqc`, and what is counted for them.
pub struct OverviewOutput {
    svg: Option<OutFile>,
    multiqc: Option<OutFile>,
    totals: Option<Totals>,
    shares: Option<Shares>,
}

impl OverviewOutput {
    /// Create the files that the options name.
    pub fn create(run: &Run) -> Result<Self> {
        let args = &run.args.overview;
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutFile::create).transpose();
        Ok(Self {
            svg: create(&args.overview)?,
            multiqc: create(&args.multiqc)?,
            totals: args.given().then(|| Totals::new(run.samples, run.contigs)),
            shares: (args.overview.is_some() && run.variants).then(|| Shares::new(run.samples)),
        })
    }

    /// What receives fragments, and what receives records.
    pub fn sinks(&mut self) -> (Option<&mut dyn FragmentSink>, Option<&mut dyn VariantSink>) {
        (
            self.totals.as_mut().map(|s| s as &mut dyn FragmentSink),
            self.shares.as_mut().map(|s| s as &mut dyn VariantSink),
        )
    }

    /// Write both files; `rows` are those of the count table.
    pub fn write(&mut self, rows: &[CountRow], settings: Option<Settings>) -> Result<()> {
        let Some(totals) = &self.totals else { return Ok(()) };
        let overview = Overview::new(totals, rows, self.shares.as_ref(), settings);
        let write = |out: &mut OutFile, content: &str| {
            out.write_all(content.as_bytes()).and_then(|()| out.flush()).map_err(|e| Error::io(out.path(), e))
        };
        if let Some(out) = &mut self.svg {
            write(out, &overview_plot::svg(&overview)?)?;
        }
        if let Some(out) = &mut self.multiqc {
            write(out, &overview.multiqc())?;
        }
        Ok(())
    }

    /// Close the files.
    pub fn complete(self) -> Result<CompleteFiles> {
        let mut files = CompleteFiles::default();
        for out in [self.svg, self.multiqc].into_iter().flatten() {
            files.add(out.complete()?);
        }
        Ok(files)
    }
}
