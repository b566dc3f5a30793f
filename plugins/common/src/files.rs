//! The one place where a command decides whether its outputs can be written, before anything is read.

use deepallele_core::io::file_identity::RunFiles;
use deepallele_core::io::output_file::expect_outputs;

use crate::usage_error::usage;

/// Check the files of a run: no output is an input or the same file as another output, every output can be begun, and
/// standard output is open if it is one. A closed pipe then ends only its own output.
///
/// # Errors
/// A usage error that names both of two files that are the same; an error for an output that cannot be begun.
pub fn check_files(files: &RunFiles) -> anyhow::Result<()> {
    if let Some(problem) = files.conflict() {
        return Err(usage(problem));
    }
    files.check_folders()?;
    expect_outputs(files.wanted());
    Ok(())
}
