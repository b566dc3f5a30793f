//! `-r -R -t -T`, as bcftools has them.

use std::path::{Path, PathBuf};

use clap::Args;
use deepallele_core::io::file_identity::RunFiles;
use deepallele_core::io::Contigs;

use crate::interval::{self, Interval};
use crate::usage_error::usage;

/// `-r -R -t -T`
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Regions and variants")]
pub struct RestrictArgs {
    /// Restrict to comma-separated regions (chr, chr:pos, chr:from-to), using the index
    // `--regions` is the long name of -L, the regions to work on.
    #[arg(short = 'r', long = "region", value_name = "REGION", conflicts_with_all = ["regions_file", "targets", "targets_file"])]
    region: Option<String>,

    /// Restrict to the regions in a file (BED, or contig and 1-based positions), using the index
    #[arg(short = 'R', long, value_name = "FILE", conflicts_with_all = ["targets", "targets_file"])]
    regions_file: Option<PathBuf>,

    /// Like -r, but reads the whole input instead of using an index; works on a pipe
    #[arg(short = 't', long, value_name = "REGION", conflicts_with = "targets_file")]
    targets: Option<String>,

    /// Like -R, but reads the whole input instead of using an index; works on a pipe
    #[arg(short = 'T', long, value_name = "FILE")]
    targets_file: Option<PathBuf>,
}

impl RestrictArgs {
    /// The intervals of `-r` or `-R`, in the order given; `contigs` are those of the file to which they apply.
    ///
    /// # Errors
    /// Text that is not a region, or a file that cannot be read.
    pub fn by_index(&self, contigs: &Contigs) -> anyhow::Result<Option<Vec<Interval>>> {
        intervals(self.region.as_deref(), self.regions_file.as_deref(), contigs)
    }

    /// The intervals of `-t` or `-T`, in the order given.
    ///
    /// # Errors
    /// As [`RestrictArgs::by_index`].
    pub fn by_stream(&self, contigs: &Contigs) -> anyhow::Result<Option<Vec<Interval>>> {
        intervals(self.targets.as_deref(), self.targets_file.as_deref(), contigs)
    }

    /// Whether any of these options was given.
    pub fn is_empty(&self) -> bool {
        self.region.is_none() && self.targets.is_none() && self.file().is_none()
    }

    /// Add the file that is read.
    pub fn files(&self, files: &mut RunFiles) {
        self.regions_file.iter().for_each(|path| files.read("-R", path));
        self.targets_file.iter().for_each(|path| files.read("-T", path));
    }

    /// The file of `-R` or `-T`.
    pub fn file(&self) -> Option<&Path> {
        self.regions_file.as_deref().or(self.targets_file.as_deref())
    }
}

fn intervals(text: Option<&str>, file: Option<&Path>, contigs: &Contigs) -> anyhow::Result<Option<Vec<Interval>>> {
    match (text, file) {
        (Some(text), _) => interval::parse_list(text, contigs).map(Some).map_err(usage),
        (None, Some(file)) => Ok(Some(interval::read(file)?)),
        (None, None) => Ok(None),
    }
}
