//! A checkpoint as a model file.

use deepallele_common::usage;
use deepallele_core::io::output_file::{complete_file, CompleteFiles};
use deepallele_core::model::metadata::{LogBase, Scale, TargetScale};
use deepallele_core::model::onnx::export;
use deepallele_core::model::published::checkpoint::read_member;
use deepallele_core::model::ModelInfo;

use crate::Arguments;

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let options = arguments.checkpoint;
    let pseudocount = options.pseudocount.unwrap_or(1.0);
    if !pseudocount.is_finite() || pseudocount < 0.0 {
        return Err(usage("--pseudocount must be 0 or more"));
    }
    let found = read_member(&arguments.input, options.member.as_deref())?;
    let mut info = ModelInfo::new(found.architecture);
    info.targets = TargetScale {
        scale: options.target_scale.unwrap_or(Scale::Counts),
        pseudocount,
        log_base: options.log_base.unwrap_or(LogBase::E),
    };
    info.haplotypes = [options.hap1.unwrap_or_default(), options.hap2.unwrap_or_default()];
    info.genome = options.genome.unwrap_or_default();
    info.windows.layout = options.layout.unwrap_or_default();
    match arguments.version.provenance("import") {
        Some(made) => info.command = made.command_line().into(),
        None => info.tool_version.clear(),
    }
    let model = export::export(&info, &found.weights)?;
    let weights = match &options.safetensors {
        Some(path) => found.weights.write_safetensors(path, &info.to_metadata())?,
        None => CompleteFiles::default(),
    };
    weights.and(complete_file(&arguments.output, &model)?).rename()?;
    if let Some(member) = &found.member {
        log::info!("{member} was read from the archive");
    }
    if found.masked > 0 {
        log::info!("{} of {} kernels are masked, and remain masked", found.masked, info.architecture.kernel_number);
    }
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
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::tests::import;

    fn parity() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-data/parity")
    }

    #[test]
    fn a_checkpoint_becomes_a_model_with_the_metadata_of_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let checkpoint = parity().join("mh/model.ckpt").display().to_string();
        let (model, weights) = (path("m.onnx"), path("m.safetensors"));
        let line = [&checkpoint, "-o", &model, "--safetensors", &weights, "--hap1", "B6", "--hap2", "CAST"];
        import(&[&line[..], &["--genome", "mm10", "--target-scale", "log2", "--log-base", "2"]].concat()).unwrap();
        let info = export::read_info(&std::fs::read(&model).unwrap()).unwrap();
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

    #[test]
    fn options_of_data_sets_are_a_mistake() {
        let checkpoint = parity().join("mh/model.ckpt").display().to_string();
        let error = import(&[&checkpoint, "-o", "/nowhere/m.onnx", "--batch", "sum"]).unwrap_err();
        assert!(error.is::<deepallele_common::UsageError>() && error.to_string().contains("--batch"), "{error}");
    }
}
