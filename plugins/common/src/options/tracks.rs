//! Tracks for genome browsers.

use std::path::{Path, PathBuf};

use clap::Args;
use deepallele_core::error::Result;
use deepallele_core::io::file_identity::RunFiles;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::output::igv_track::IgvTrack;

use crate::usage_error::usage;

/// `--bedgraph --bigwig --igv --igv-track`. What the tracks show depends on the command, which says so in their help
/// (`mut_arg`).
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tracks")]
pub struct TrackArgs {
    /// Also write bedGraph
    #[arg(long, value_name = "FILE")]
    pub bedgraph: Option<PathBuf>,

    /// Also write bigWig
    #[arg(long, value_name = "FILE")]
    pub bigwig: Option<PathBuf>,

    /// Also write an IGV session
    #[arg(long, value_name = "XML")]
    pub igv: Option<PathBuf>,

    /// Further file for the session of --igv to open (bigWig, bedGraph, BED, narrowPeak, VCF, BAM, CRAM); may be
    /// repeated. Graphs named .hap1., .hap2. or .ratio. have the colours of the haplotypes unless their track line
    /// sets others
    #[arg(long = "igv-track", value_name = "FILE", requires = "igv")]
    pub igv_tracks: Vec<PathBuf>,
}

impl TrackArgs {
    /// The names given for outputs: files, or prefixes of files.
    pub fn outputs(&self) -> impl Iterator<Item = &Path> {
        [&self.bedgraph, &self.bigwig, &self.igv].into_iter().flatten().map(PathBuf::as_path)
    }

    /// Add the files that are read and written, where the names are those of files.
    pub fn files(&self, files: &mut RunFiles) {
        for (option, path) in [("--bedgraph", &self.bedgraph), ("--bigwig", &self.bigwig), ("--igv", &self.igv)] {
            path.iter().for_each(|path| files.write(option, path));
        }
        self.added_files(files);
    }

    /// Add the files that the session opens.
    pub fn added_files(&self, files: &mut RunFiles) {
        self.igv_tracks.iter().for_each(|path| files.read("--igv-track", path));
    }

    /// True when no track and no session is to be written.
    pub fn is_empty(&self) -> bool {
        self.outputs().next().is_none()
    }

    /// Check that none goes to standard output, which is for `what`.
    ///
    /// # Errors
    /// A usage error when one does.
    pub fn check(&self, what: &str) -> anyhow::Result<()> {
        match self.outputs().any(is_stdio) {
            true => Err(usage(format!("tracks and session need file names; standard output is for the {what}"))),
            false => Ok(()),
        }
    }

    /// The files of `--igv-track`, each opened to see what it is.
    ///
    /// # Errors
    /// A file that cannot be read or is of none of the formats.
    pub fn added(&self) -> Result<Vec<IgvTrack>> {
        self.igv_tracks.iter().map(|path| IgvTrack::of_file(path)).collect()
    }
}
