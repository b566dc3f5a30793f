//! `deepallele import`: a published checkpoint as a model file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use deepallele_common::{run_main, usage, MessageArgs, ProvenanceArgs};
use deepallele_core::files;
use deepallele_core::model::checkpoint::read_checkpoint;
use deepallele_core::model::info::{LogBase, Scale, TargetScale};
use deepallele_core::model::{onnx, ModelInfo};

/// Turn a published checkpoint into a model file
///
/// Reads a Lightning checkpoint of the paired (multi-head), difference (computed-ratio) or single-head network and
/// writes a model file for `predict` and `annotate`. The checkpoint is data: nothing in it is executed, and one that
/// asks for anything but tensors and plain containers is refused.
#[derive(Parser)]
struct Arguments {
    /// Checkpoint to read
    #[arg(value_name = "CKPT")]
    checkpoint: PathBuf,

    /// Model file to write; - for standard output
    #[arg(short = 'o', long, value_name = "ONNX")]
    output: PathBuf,

    /// Also write the weights as safetensors, to train on from
    #[arg(long, value_name = "FILE")]
    safetensors: Option<PathBuf>,

    /// Name of the first allele of training, to be kept in the model
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    hap1: String,

    /// Name of the second allele of training
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    hap2: String,

    /// Reference genome of training, by name
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    genome: String,

    /// What was measured: counts, linear (other values) or log2 (values that were logarithms already)
    #[arg(long, value_name = "SCALE", default_value = "counts")]
    target_scale: Scale,

    /// Added to a value before its logarithm in training; not used with log2
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0)]
    pseudocount: f64,

    /// Base of the logarithms in training: e, or 2 as in the published expression models
    #[arg(long, value_name = "BASE", default_value = "e")]
    log_base: LogBase,

    #[command(flatten)]
    version: ProvenanceArgs,

    #[command(flatten)]
    _messages: MessageArgs,
}

fn main() -> ExitCode {
    run_main("import", run)
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if !arguments.pseudocount.is_finite() || arguments.pseudocount < 0.0 {
        return Err(usage("--pseudocount must be 0 or more"));
    }
    if arguments.safetensors.as_ref() == Some(&arguments.output) {
        return Err(usage("-o and --safetensors name the same file"));
    }
    let (architecture, weights) = read_checkpoint(&arguments.checkpoint)?;
    let mut info = ModelInfo::new(architecture);
    info.targets =
        TargetScale { scale: arguments.target_scale, pseudocount: arguments.pseudocount, log_base: arguments.log_base };
    info.haplotypes = [arguments.hap1, arguments.hap2];
    info.genome = arguments.genome;
    match arguments.version.provenance("import") {
        Some(made) => info.command = made.command_line().into(),
        None => info.tool_version.clear(),
    }
    let model = onnx::export(&info, &weights)?;
    if let Some(path) = &arguments.safetensors {
        weights.write_safetensors(path, &info.to_metadata())?;
    }
    files::write_whole(&arguments.output, &model)?;
    log::info!(
        "a {} network of window {} with {} parameters",
        info.architecture.kind,
        info.architecture.window,
        info.architecture.parameter_count()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::path::Path;

    fn parity() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/parity")
    }

    fn import(line: &[&str]) -> anyhow::Result<()> {
        run(Arguments::try_parse_from([&["import"], line].concat())?)
    }

    #[test]
    fn options_fit_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_checkpoint_becomes_a_model_with_what_was_said_about_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let checkpoint = parity().join("mh/model.ckpt").display().to_string();
        let (model, weights) = (path("m.onnx"), path("m.safetensors"));
        let line = [&checkpoint, "-o", &model, "--safetensors", &weights, "--hap1", "B6", "--hap2", "CAST"];
        import(&[&line[..], &["--genome", "mm10", "--target-scale", "log2", "--log-base", "2"]].concat()).unwrap();
        let info = onnx::read_info(&std::fs::read(&model).unwrap()).unwrap();
        assert_eq!(info.haplotypes, ["B6", "CAST"]);
        assert_eq!(info.genome, "mm10");
        assert_eq!(info.targets.scale, Scale::Log2);
        assert_eq!(info.targets.log2(1.5), 1.5);
        let (read, metadata) = deepallele_core::model::Weights::read_safetensors(Path::new(&weights)).unwrap();
        read.check(&info.architecture).unwrap();
        assert_eq!(ModelInfo::from_metadata(&metadata).unwrap(), info);
    }

    #[test]
    fn a_refused_checkpoint_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let no_checkpoint = parity().join("mh/pairs.tsv").display().to_string();
        let error = import(&[&no_checkpoint, "-o", &path("m.onnx"), "--safetensors", &path("w")]).unwrap_err();
        assert!(error.to_string().contains("not a zip archive"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
