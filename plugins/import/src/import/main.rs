//! `deepallele import`: a published checkpoint as a model file, a published data set as a pairs table.

mod checkpoint;
mod data_set;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use deepallele_common::{check_files, choice_parser, run_main, usage, MessageArgs, ProvenanceArgs, RunFiles};
use deepallele_core::error::Error;
use deepallele_core::model::metadata::{LogBase, Scale};
use deepallele_core::model::published::data_set::{Assay, Values};
use deepallele_core::model::window::WindowLayout;
use deepallele_import::library;

const EXAMPLES: &str = "Examples:
  # A published checkpoint as model file for predict, evaluate and annotate
  deepallele import checkpoint.ckpt --hap1 B6 --hap2 CAST --genome mm10 --layout left-aligned -o published.onnx

  # A published data set as table of pairs, on which train --pairs can train
  deepallele import published.hdf5 -o published.tsv.gz";

/// Import a published checkpoint as a model, or a data set as a table
///
/// Reads a Lightning checkpoint of the paired (multi-head), difference (computed-ratio) or single-head network and
/// writes a model file for predict, evaluate and annotate. Nothing in the checkpoint is executed; a checkpoint that
/// contains anything but tensors and plain containers is refused.
///
/// Or reads a data set (HDF5) of ATAC, ChIP or RNA and writes a table for train --pairs, with the columns id (the peak
/// name), allele_a (B6), allele_b (Cast), value_a, value_b and group (the chromosome).
///
/// The kind of input is recognised from its first bytes.
#[derive(Parser)]
#[command(display_order = 70, after_help = EXAMPLES)]
struct Arguments {
    /// Checkpoint or data set
    #[arg(value_name = "FILE")]
    input: PathBuf,

    /// Model file or table to write; - for standard output
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,

    #[command(flatten)]
    version: ProvenanceArgs,

    #[command(flatten)]
    checkpoint: CheckpointArgs,

    #[command(flatten)]
    data_set: DataSetArgs,

    #[command(flatten)]
    _messages: MessageArgs,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Checkpoints")]
struct CheckpointArgs {
    /// Checkpoint to read from an archive of several: its name in the archive, or the end of the name
    #[arg(long, value_name = "NAME")]
    member: Option<String>,

    /// Also write the weights as safetensors
    #[arg(long, value_name = "FILE")]
    safetensors: Option<PathBuf>,

    /// Name of the first allele in training, for the model file
    #[arg(long, value_name = "NAME")]
    hap1: Option<String>,

    /// Name of the second allele in training, for the model file
    #[arg(long, value_name = "NAME")]
    hap2: Option<String>,

    /// Name of the reference genome in training, for the model file
    #[arg(long, value_name = "NAME")]
    genome: Option<String>,

    /// Scale of the measurements: counts, linear (other values) or log2 (values that were logarithms already)
    /// [default: counts]
    #[arg(long, value_name = "SCALE", value_parser = choice_parser!(Scale), hide_possible_values = true)]
    target_scale: Option<Scale>,

    /// Pseudocount, added to values before the logarithm in training; not used with log2 [default: 1]
    #[arg(long, value_name = "FLOAT")]
    pseudocount: Option<f64>,

    /// Base of the logarithms in training: e, or 2 for the published expression models [default: e]
    #[arg(long, value_name = "BASE", value_parser = choice_parser!(LogBase), hide_possible_values = true)]
    log_base: Option<LogBase>,

    /// How a region fills the window: left-aligned (the region alone, as the published models were trained; regions
    /// must not be longer than the window) or centred (filled from the genome) [default: centred]
    #[arg(long, value_name = "LAYOUT", value_parser = choice_parser!(WindowLayout), hide_possible_values = true)]
    layout: Option<WindowLayout>,
}

impl CheckpointArgs {
    /// The first option given, none of which applies to a data set.
    fn given(&self) -> Option<&'static str> {
        let options = [
            ("--member", self.member.is_some()),
            ("--safetensors", self.safetensors.is_some()),
            ("--hap1", self.hap1.is_some()),
            ("--hap2", self.hap2.is_some()),
            ("--genome", self.genome.is_some()),
            ("--target-scale", self.target_scale.is_some()),
            ("--pseudocount", self.pseudocount.is_some()),
            ("--log-base", self.log_base.is_some()),
            ("--layout", self.layout.is_some()),
        ];
        options.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

#[derive(clap::Args)]
#[command(next_help_heading = "Data sets")]
struct DataSetArgs {
    /// Values to read, NAME.B6 and NAME.CAST: sum or sc for ATAC, a condition for RNA [default: the only ones]
    #[arg(long, value_name = "NAME")]
    batch: Option<String>,

    /// Assay: atac, chip or rna [default: recognised from the file]
    #[arg(long, value_name = "ASSAY", value_parser = choice_parser!(Assay), hide_possible_values = true)]
    assay: Option<Assay>,

    /// Scale of the values to write: counts (exp(x) - 1 of the natural logarithms in the file) or log (as in the file)
    /// [default: counts; log for rna, whose values are log2 of expression]
    #[arg(long, value_name = "SCALE", value_parser = choice_parser!(Values), hide_possible_values = true)]
    values: Option<Values>,
}

impl DataSetArgs {
    /// The first option given, none of which applies to a checkpoint.
    fn given(&self) -> Option<&'static str> {
        let options =
            [("--batch", self.batch.is_some()), ("--assay", self.assay.is_some()), ("--values", self.values.is_some())];
        options.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

fn main() -> ExitCode {
    run_main("import", run)
}

impl Arguments {
    /// Every file that is read or written.
    fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        files.read("FILE", &self.input);
        files.write("-o", &self.output);
        self.checkpoint.safetensors.iter().for_each(|path| files.write("--safetensors", path));
        files
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let input = &arguments.input;
    match first_bytes(input)? {
        start if start == library::File::MAGIC => match arguments.checkpoint.given() {
            Some(option) => {
                Err(usage(format!("{option} applies to checkpoints, but \"{}\" is a data set", input.display())))
            }
            None => {
                check_files(&arguments.files())?;
                data_set::run(&arguments)
            }
        },
        start if start.starts_with(b"PK") => match arguments.data_set.given() {
            Some(option) => {
                Err(usage(format!("{option} applies to data sets, but \"{}\" is a checkpoint", input.display())))
            }
            None => {
                check_files(&arguments.files())?;
                checkpoint::run(arguments)
            }
        },
        _ => {
            Err(Error::input(input, "is neither a data set (not an HDF5 file) nor a checkpoint (not a zip archive)")
                .into())
        }
    }
}

/// The first eight bytes of a file, or fewer.
fn first_bytes(path: &Path) -> deepallele_core::error::Result<Vec<u8>> {
    let fail = |e| Error::io(path, e);
    let file = File::open(path).map_err(fail)?;
    if !file.metadata().map_err(fail)?.is_file() {
        return Err(Error::input(path, "is not a regular file"));
    }
    let mut start = Vec::new();
    file.take(8).read_to_end(&mut start).map_err(fail)?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use deepallele_common::testing::Options;

    use super::*;

    #[test]
    fn options_fit_together() {
        let options = Options::<Arguments>::checked_by(|_| Ok(()));
        options.accept(&["x.ckpt -o m.onnx --log-base 2 --layout left-aligned", "x.h5 -o - --values log --assay rna"]);
        options.refuse(&[("x.ckpt", "--output"), ("x.h5 -o x --assay dnase", "atac, chip, rna")]);
    }

    pub fn import(line: &[&str]) -> anyhow::Result<()> {
        run(Arguments::try_parse_from([&["import"], line].concat())?)
    }
}
