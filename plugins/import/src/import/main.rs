//! `deepallele import`: a published checkpoint as a model file, a published data set as a pairs table.

mod checkpoint;
mod data_set;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use deepallele_common::{run_main, usage, MessageArgs, ProvenanceArgs};
use deepallele_core::error::Error;
use deepallele_core::model::metadata::{LogBase, Scale};
use deepallele_core::model::published::data_set::{Assay, Values};
use deepallele_core::model::window::WindowLayout;
use deepallele_import::library;

/// Turn a published checkpoint into a model file, or a published data set into a pairs table
///
/// Reads a Lightning checkpoint of the paired (multi-head), difference (computed-ratio) or single-head network and
/// writes a model file for `predict` and `annotate`. The checkpoint is data: nothing in it is executed, and one that
/// asks for anything but tensors and plain containers is refused.
///
/// Or reads a data set (HDF5) of ATAC, ChIP or RNA and writes the table that `train --pairs` takes: id (the peak name),
/// allele_a (B6), allele_b (Cast), value_a, value_b, group (the chromosome). The first bytes of the file tell which of
/// the two it is.
#[derive(Parser)]
struct Arguments {
    /// Checkpoint or data set to read
    #[arg(value_name = "FILE")]
    input: PathBuf,

    /// Model file or table to write; - for standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    checkpoint: CheckpointArgs,

    #[command(flatten)]
    data_set: DataSetArgs,

    #[command(flatten)]
    version: ProvenanceArgs,

    #[command(flatten)]
    _messages: MessageArgs,
}

#[derive(clap::Args)]
#[command(next_help_heading = "Checkpoints")]
struct CheckpointArgs {
    /// Of an archive of several checkpoints, the one to take: its name inside, or the end of it
    #[arg(long, value_name = "NAME")]
    member: Option<String>,

    /// Also write the weights as safetensors, to train on from
    #[arg(long, value_name = "FILE")]
    safetensors: Option<PathBuf>,

    /// Name of the first allele of training, to be kept in the model
    #[arg(long, value_name = "NAME")]
    hap1: Option<String>,

    /// Name of the second allele of training
    #[arg(long, value_name = "NAME")]
    hap2: Option<String>,

    /// Reference genome of training, by name
    #[arg(long, value_name = "NAME")]
    genome: Option<String>,

    /// What was measured: counts, linear (other values) or log2 (values that were logarithms already)
    /// [default: counts]
    #[arg(long, value_name = "SCALE")]
    target_scale: Option<Scale>,

    /// Added to a value before its logarithm in training; not used with log2 [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pseudocount: Option<f64>,

    /// Base of the logarithms in training: e, or 2 as in the published expression models [default: e]
    #[arg(long, value_name = "BASE")]
    log_base: Option<LogBase>,

    /// How a region is to fill the window: left-aligned (the region alone, as published models were trained; regions
    /// must fit) or centred (filled from the genome) [default: centred]
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<WindowLayout>,
}

impl CheckpointArgs {
    /// The first option given, of those that mean nothing for a data set.
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
    /// Values to take: NAME.B6 and NAME.CAST (sum or sc of ATAC, a condition of RNA) [default: the only ones]
    #[arg(long, value_name = "NAME")]
    batch: Option<String>,

    /// What was measured: atac, chip or rna [default: as the file says]
    #[arg(long, value_name = "ASSAY")]
    assay: Option<Assay>,

    /// What to write: counts, exp(x) - 1 of the natural logarithms in the file, or log, the values as they are
    /// [default: counts, and log for rna, whose values are log2 of expression]
    #[arg(long, value_name = "SCALE")]
    values: Option<Values>,
}

impl DataSetArgs {
    /// The first option given, of those that mean nothing for a checkpoint.
    fn given(&self) -> Option<&'static str> {
        let options =
            [("--batch", self.batch.is_some()), ("--assay", self.assay.is_some()), ("--values", self.values.is_some())];
        options.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }
}

fn main() -> ExitCode {
    run_main("import", run)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let input = &arguments.input;
    match first_bytes(input)? {
        start if start == library::File::MAGIC => match arguments.checkpoint.given() {
            Some(option) => {
                Err(usage(format!("{option} is for checkpoints, and \"{}\" is a data set", input.display())))
            }
            None => data_set::run(&arguments),
        },
        start if start.starts_with(b"PK") => match arguments.data_set.given() {
            Some(option) => {
                Err(usage(format!("{option} is for data sets, and \"{}\" is a checkpoint", input.display())))
            }
            None => checkpoint::run(arguments),
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
        return Err(Error::input(path, "is no regular file"));
    }
    let mut start = Vec::new();
    file.take(8).read_to_end(&mut start).map_err(fail)?;
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn options_fit_together() {
        Arguments::command().debug_assert();
    }

    pub fn import(line: &[&str]) -> anyhow::Result<()> {
        run(Arguments::try_parse_from([&["import"], line].concat())?)
    }
}
