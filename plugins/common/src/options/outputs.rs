//! What a command writes.

use std::path::{Path, PathBuf};

use clap::Args;
use deepallele_core::io::file_identity::RunFiles;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::vcf::{IndexKind, VcfFormat};
use deepallele_core::output::provenance::Provenance;

use crate::usage_error::usage;

/// `-o`
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output file; a name ending in .gz is compressed with bgzip and indexed [default: standard output]
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    pub output: PathBuf,
}

impl OutputArgs {
    /// Add the table that is written; a compressed one is `indexed` with tabix or not.
    pub fn files(&self, indexed: bool, files: &mut RunFiles) {
        write_table(files, "-o", &self.output, indexed);
    }
}

/// Add the table `path` of `option`, which is written with a tabix index if it is `indexed` and its name ends in .gz.
pub fn write_table(files: &mut RunFiles, option: &str, path: &Path, indexed: bool) {
    let compressed = path.extension().is_some_and(|end| end == "gz" || end == "bgz");
    files.write_indexed(option, path, if indexed && compressed { &[".tbi"] } else { &[] });
}

/// `-O -o -W` of commands that write VCF or BCF.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct VcfOutputArgs {
    /// Output file [default: standard output]
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    pub output: PathBuf,

    /// u/b: uncompressed/compressed BCF, v/z: uncompressed/compressed VCF; b and z take a compression level 0-9
    /// [default: by the suffix of -o, else v]
    #[arg(short = 'O', long, value_name = "u|b|v|z[0-9]")]
    output_type: Option<VcfFormat>,

    /// Index the output file; -W alone is -W=csi
    #[arg(short = 'W', long, value_name = "csi|tbi", num_args = 0..=1, require_equals = true,
          default_missing_value = "csi")]
    pub write_index: Option<IndexKind>,
}

impl VcfOutputArgs {
    /// The format: `-O`, else the suffix of `-o`, else plain VCF.
    pub fn format(&self) -> VcfFormat {
        self.output_type.unwrap_or_else(|| VcfFormat::from_suffix(&self.output))
    }

    /// Add the files that are written, with an index of kind `index`.
    pub fn files(&self, index: Option<IndexKind>, files: &mut RunFiles) {
        let suffix = index.map(IndexKind::suffix);
        files.write_indexed("-o", &self.output, suffix.as_slice());
    }

    /// Check that an index is possible where one is wanted.
    ///
    /// # Errors
    /// A usage error when it is not.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(kind) = self.write_index else { return Ok(()) };
        if is_stdio(&self.output) {
            return Err(usage("-W needs an output file: give -o FILE"));
        }
        self.format().check_index(kind).map_err(usage)
    }
}

/// `--no-version`
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub struct ProvenanceArgs {
    /// Do not write the version and the command line into the output
    #[arg(long)]
    pub no_version: bool,
}

impl ProvenanceArgs {
    /// The header lines about this run of the command `name`; none with `--no-version`.
    pub fn header(&self, name: &str) -> Vec<String> {
        self.provenance(name).iter().flat_map(Provenance::lines).collect()
    }

    /// Version and command line of this run of the command `name`; `None` with `--no-version`.
    pub fn provenance(&self, name: &str) -> Option<Provenance> {
        (!self.no_version).then(|| provenance_of_run(name))
    }
}

/// Version and command line of this run of the command `name`.
pub fn provenance_of_run(name: &str) -> Provenance {
    let arguments = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned());
    Provenance::new(name, env!("CARGO_PKG_VERSION"), arguments)
}
