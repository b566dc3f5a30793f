//! The folder that training leaves, and the table it prints.

use std::path::Path;

use anyhow::Context;
use deepallele_common::provenance_of_run;
use deepallele_core::files::{temporary_beside, write_whole};
use deepallele_core::model::network::Network;
use deepallele_core::model::{onnx, ModelInfo};
use deepallele_core::training::evaluate::{evaluate, Agreement, Evaluation};
use deepallele_core::training::fit::{predict, DeviceData, Fitted};
use deepallele_core::training::report::{write_metrics, write_predictions, Summary, TrainingConfig};
use deepallele_core::training::split::Part;
use deepallele_core::{Error, Result};

use crate::args::Args;
use crate::inputs::Inputs;
use crate::plots;

/// Make the folder, or see that files can be written in it, before hours are spent.
pub fn prepare(folder: &Path) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        return Err(Error::input(folder, "is no folder; name one for the model and its figures"));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    temporary_beside(&folder.join("model.onnx")).map(drop)
}

/// `cpu` or `cuda:N`.
pub fn device_name(device: tch::Device) -> String {
    match device {
        tch::Device::Cuda(n) => format!("cuda:{n}"),
        _ => "cpu".into(),
    }
}

/// Write everything; the model comes last, so that a folder with a model is complete.
pub fn write(
    args: &Args,
    config: &TrainingConfig,
    inputs: &Inputs,
    network: &Network,
    fitted: &Fitted,
) -> anyhow::Result<()> {
    let folder = args.output.as_path();
    let data = &inputs.data;
    let rows = |part: Part| -> Vec<usize> { (0..data.len()).filter(|&i| inputs.parts[i] == part).collect() };
    let device_data = DeviceData::new(data, network)?;
    let held: Vec<usize> = (0..data.len()).filter(|&i| inputs.parts[i] != Part::Train).collect();
    let predictions = predict(network, &device_data, &held)?;
    let (test, test_predictions): (Vec<usize>, Vec<[f32; 3]>) =
        held.iter().copied().zip(predictions.iter().copied()).filter(|(i, _)| inputs.parts[*i] == Part::Test).unzip();
    let table = evaluate(data, &inputs.parts, &test, &test_predictions)?;

    write_predictions(&folder.join("predictions.tsv.gz"), data, &inputs.parts, &held, &predictions, &inputs.scale)?;
    write_metrics(&folder.join("metrics.tsv"), &fitted.history)?;
    config.write(&folder.join("config.toml"))?;

    let provenance = provenance_of_run("train");
    let best =
        fitted.history.iter().find(|m| m.epoch == fitted.best_epoch).context("the best epoch is in the history")?;
    Summary {
        version: provenance.version().to_string(),
        command: provenance.command_line().to_string(),
        model: config.architecture.kind.to_string(),
        parameters: config.architecture.parameter_count(),
        device: device_name(network.device()),
        seed: config.training.seed,
        train: rows(Part::Train).len(),
        validation: rows(Part::Validation).len(),
        test: test.len(),
        epochs: fitted.history.len(),
        best_epoch: fitted.best_epoch,
        stopped_early: fitted.stopped_early,
        validation_loss: best.validation_loss,
        skipped_batches: fitted.history.iter().map(|m| m.skipped_batches).sum(),
        on_test: table.clone(),
    }
    .write(&folder.join("summary.json"))?;
    plots::write(folder, inputs, fitted, &test, &test_predictions)?;

    let info = ModelInfo {
        targets: inputs.scale,
        haplotypes: inputs.haplotypes.clone(),
        genome: inputs.genome.clone(),
        held_out: inputs.held_out.clone(),
        command: provenance.command_line().to_string(),
        ..ModelInfo::new(config.architecture.clone())
    };
    fitted.best.write_safetensors(&folder.join("model.safetensors"), &info.to_metadata())?;
    write_whole(&folder.join("model.onnx"), &onnx::export(&info, &fitted.best)?)?;
    log::info!(
        "best epoch {} of {}; model and figures are in \"{}\"",
        fitted.best_epoch,
        fitted.history.len(),
        folder.display()
    );
    print_table(&table)
}

/// The test figures on stdout, a line a model.
fn print_table(table: &[Evaluation]) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let fail = |e| Error::io("-", e);
    writeln!(out, "#on_test\tquantity\twindows\tpearson\tspearman\tmean_squared_error").map_err(fail)?;
    let known = |r: Option<f64>| r.map_or(".".to_string(), |r| format!("{r:.4}"));
    for evaluation in table {
        let quantities: [(&str, &Agreement); 3] =
            [("hap1", &evaluation.hap1), ("hap2", &evaluation.hap2), ("ratio", &evaluation.ratio)];
        for (quantity, a) in quantities {
            writeln!(
                out,
                "{}\t{quantity}\t{}\t{}\t{}\t{}",
                evaluation.name,
                a.n,
                known(a.pearson),
                known(a.spearman),
                known(Some(a.mean_squared_error).filter(|e| e.is_finite())),
            )
            .map_err(fail)?;
        }
    }
    out.flush().map_err(fail)?;
    Ok(())
}
