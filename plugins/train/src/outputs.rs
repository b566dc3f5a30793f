//! The output folder of a training, and the table on stdout.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use deepallele_common::provenance_of_run;
use deepallele_core::error::{Error, Result};
use deepallele_core::io::output_file::{temporary_for, write_whole};
use deepallele_core::model::onnx::export;
use deepallele_core::model::{ModelInfo, Weights};
use deepallele_core::output::tensorboard;
use deepallele_core::training::baselines::networks::simple;
use deepallele_core::training::baselines::BaselinePredictions;
use deepallele_core::training::fit::Fitted;
use deepallele_core::training::folds::{held_out, Run};
use deepallele_core::training::held_out::{evaluate, Agreement, Evaluation};
use deepallele_core::training::report::{
    write_metrics, write_predictions, HeldOutPredictions, RunSummary, Summary, TrainingConfig,
};
use deepallele_core::training::split::Part;

use crate::args::Args;
use crate::inputs::Inputs;
use crate::plots;

/// Create the folder, and check that files can be written in it before hours are spent.
pub fn prepare(folder: &Path) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        return Err(Error::input(folder, "is not a folder; give the name of a folder for the model and its plots"));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    temporary_for(&folder.join("model.onnx")).map(drop)
}

/// `cpu` or `cuda:N`.
pub fn device_name(device: tch::Device) -> String {
    match device {
        tch::Device::Cuda(n) => format!("cuda:{n}"),
        _ => "cpu".into(),
    }
}

/// Write everything; the model comes last, so that a folder with a model is complete. `baselines` returns the
/// predictions of further models for the windows on which the model is evaluated.
pub fn write(
    args: &Args,
    config: &TrainingConfig,
    inputs: &Inputs,
    runs: &[Run],
    fitted: &[Fitted],
    device: tch::Device,
    baselines: &mut dyn FnMut(&HeldOutPredictions) -> anyhow::Result<Vec<BaselinePredictions>>,
) -> anyhow::Result<()> {
    let (folder, data, architecture) = (args.output.as_path(), &inputs.data, &config.architecture);
    let held = |part| -> Result<HeldOutPredictions> {
        let (rows, predictions) = held_out(runs, fitted, architecture, data, device, part)?;
        Ok(HeldOutPredictions { part, rows, predictions })
    };
    let held = [held(Part::Validation)?, held(Part::Test)?];
    // The published method has no test windows: then the figures are those of the validation windows, and say so.
    let evaluated = if held[1].rows.is_empty() { &held[0] } else { &held[1] };
    let mut table = evaluate("model", data, &evaluated.rows, evaluated.predictions.view());
    for baseline in simple(data, &inputs.splits, evaluated)?.into_iter().chain(baselines(evaluated)?) {
        table.extend(evaluate(&baseline.name, data, &evaluated.rows, baseline.predictions.view()));
    }

    write_unjoined(&folder.join("unjoined.tsv"), inputs)?;
    write_predictions(&folder.join("predictions.tsv.gz"), data, &held, &inputs.scale)?;
    let histories: Vec<_> = runs.iter().zip(fitted).map(|(r, f)| (r.name.as_str(), f.history.as_slice())).collect();
    write_metrics(&folder.join("metrics.tsv"), &histories)?;
    config.write(&folder.join("config.toml"))?;
    if args.tensorboard {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        for (name, history) in &histories {
            let name = if name.is_empty() { "train" } else { name };
            let path = folder.join(format!("events.out.tfevents.{name}"));
            tensorboard::write(&path, &tensorboard::of_history(history, now))?;
        }
    }

    let provenance = provenance_of_run("train");
    let members: Vec<Weights> = fitted.iter().map(|f| f.best.clone()).collect();
    let info = ModelInfo {
        targets: inputs.scale,
        samples: data.samples.iter().filter(|s| !s.is_empty()).cloned().collect(),
        windows: inputs.windows,
        haplotypes: inputs.haplotypes.clone(),
        genome: inputs.genome.clone(),
        held_out: inputs.held_out.clone(),
        command: provenance.command_line().to_string(),
        ..ModelInfo::new(architecture.clone())
    };
    let model = export::export_ensemble(&info, &members)?;
    let info = export::read_info(&model)?;
    let dispersions = |which: usize| -> Vec<f64> {
        let of_runs = fitted.iter().filter_map(|f| f.dispersions.as_ref());
        mean_by_sample(of_runs.map(|(total, split)| [total, split][which]).collect())
    };
    Summary {
        version: provenance.version().to_string(),
        command: provenance.command_line().to_string(),
        model: architecture.kind.to_string(),
        parameters: architecture.parameter_count(),
        device: device_name(device),
        windows: data.len(),
        samples: data.samples.clone(),
        ratio_bias_log2: info.ratio_bias.iter().map(|b| inputs.scale.log2(*b)).collect(),
        dispersion_total: dispersions(0),
        dispersion_split: dispersions(1),
        runs: runs.iter().zip(fitted).map(|(run, fitted)| RunSummary::new(run, fitted)).collect(),
        judged_on: evaluated.part,
        on_test: table.clone(),
    }
    .write(&folder.join("summary.json"))?;
    plots::write(folder, inputs, runs, fitted, evaluated)?;
    for (run, weights) in runs.iter().zip(&members) {
        let name = if run.name.is_empty() { "model.safetensors".into() } else { format!("{}.safetensors", run.name) };
        weights.write_safetensors(&folder.join(name), &info.to_metadata())?;
    }
    write_whole(&folder.join("model.onnx"), &model)?;
    report(runs, fitted, &info, inputs, folder);
    print_table(evaluated.part, &table)
}

/// The names of --values and -L without a counterpart, with the reason; nothing where all join.
fn write_unjoined(path: &Path, inputs: &Inputs) -> Result<()> {
    let mut text = String::from("name\treason\n");
    for (reason, name) in inputs.unjoined.names() {
        text += &format!("{name}\t{reason}\n");
    }
    match inputs.unjoined.names().next() {
        Some(_) => write_whole(path, text.as_bytes()),
        None => Ok(()),
    }
}

/// The mean over `runs`, for each sample.
fn mean_by_sample(runs: Vec<&Vec<f64>>) -> Vec<f64> {
    let samples = runs.first().map_or(0, |run| run.len());
    (0..samples).map(|s| runs.iter().map(|run| run[s]).sum::<f64>() / runs.len() as f64).collect()
}

/// Report the result on stderr.
fn report(runs: &[Run], fitted: &[Fitted], info: &ModelInfo, inputs: &Inputs, folder: &Path) {
    for (sample, bias) in inputs.data.samples.iter().zip(&info.ratio_bias) {
        log::info!(
            "sequence-independent ratio bias (not included in predictions): log2 {:.4}{}",
            inputs.scale.log2(*bias),
            if sample.is_empty() { String::new() } else { format!(" ({sample})") }
        );
    }
    match (runs, fitted) {
        ([_], [only]) => log::info!(
            "best epoch {} of {}; the model and its plots are in \"{}\"",
            only.best_epoch,
            only.history.len(),
            folder.display()
        ),
        _ => log::info!("{} networks; the model and its plots are in \"{}\"", runs.len(), folder.display()),
    }
}

/// Print the table on stdout: one line per model, sample and quantity.
fn print_table(part: Part, table: &[Evaluation]) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let fail = |e| Error::io("-", e);
    writeln!(out, "#on_{part}\tquantity\twindows\tpearson\tspearman\tmean_squared_error\tsample").map_err(fail)?;
    let known = |r: Option<f64>| r.map_or(".".to_string(), |r| format!("{r:.4}"));
    for evaluation in table {
        let quantities: [(&str, &Agreement); 3] =
            [("hap1", &evaluation.hap1), ("hap2", &evaluation.hap2), ("ratio", &evaluation.ratio)];
        for (quantity, a) in quantities {
            writeln!(
                out,
                "{}\t{quantity}\t{}\t{}\t{}\t{}\t{}",
                evaluation.name,
                a.n,
                known(a.pearson),
                known(a.spearman),
                known(Some(a.mean_squared_error).filter(|e| e.is_finite())),
                if evaluation.sample.is_empty() { "." } else { &evaluation.sample },
            )
            .map_err(fail)?;
        }
    }
    out.flush().map_err(fail)?;
    Ok(())
}
