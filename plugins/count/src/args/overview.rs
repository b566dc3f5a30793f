//! `--overview --multiqc`: plots of the run, and its classes for MultiQC.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::io::text_input::is_stdio;

/// `--overview --multiqc`
#[derive(Args, Clone, Debug)]
pub struct OverviewArgs {
    /// Plot the run as SVG: classes, chromosomes, reference fraction by coverage, p-values
    #[arg(long, value_name = "FILE")]
    pub overview: Option<PathBuf>,

    /// Write the classes of each sample for MultiQC, which recognises names that end in _mqc.json
    #[arg(long, value_name = "FILE")]
    pub multiqc: Option<PathBuf>,
}

impl OverviewArgs {
    /// True if either file is written.
    pub fn given(&self) -> bool {
        self.overview.is_some() || self.multiqc.is_some()
    }

    /// Check the names of the files.
    ///
    /// # Errors
    /// A usage error: standard output, where the table goes, or a name that MultiQC does not recognise.
    pub fn check(&self) -> Result<()> {
        if [&self.overview, &self.multiqc].into_iter().flatten().any(|p| is_stdio(p)) {
            return Err(usage("--overview and --multiqc need file names, not standard output"));
        }
        let recognised = |p: &PathBuf| p.to_string_lossy().ends_with("_mqc.json");
        if self.multiqc.as_ref().is_some_and(|p| !recognised(p)) {
            return Err(usage("--multiqc needs a name that ends in _mqc.json, by which MultiQC recognises the file"));
        }
        Ok(())
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
    }
}
