//! The output folder of a training, and the table on stdout.

use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use deepallele_common::provenance_of_run;
use deepallele_core::error::{Error, Result};
use deepallele_core::io::output_file::{complete_file, temporary_for, CompleteFiles, OutFile};
use deepallele_core::io::plain_text::Plain;
use deepallele_core::model::onnx::export;
use deepallele_core::model::{ModelInfo, Weights};
use deepallele_core::output::tensorboard;
use deepallele_core::training::baselines::networks::simple;
use deepallele_core::training::baselines::BaselinePredictions;
use deepallele_core::training::fit::Fitted;
use deepallele_core::training::folder_lock::FolderLock;
use deepallele_core::training::folds::{held_out, plan, Run};
use deepallele_core::training::held_out::{evaluate, Agreement, Evaluation};
use deepallele_core::training::report::{
    write_metrics, write_predictions, HeldOutPredictions, RunSummary, Summary, TrainingConfig,
};
use deepallele_core::training::split::Part;

use crate::args::Args;
use crate::inputs::Inputs;
use crate::plots;

/// Create the folder, check that files can be written in it before hours are spent, and lock it: until the lock is
/// dropped, no other training can use the folder.
pub fn prepare(folder: &Path) -> Result<FolderLock> {
    if folder.exists() && !folder.is_dir() {
        return Err(Error::input(folder, "is not a folder; give the name of a folder for the model and its plots"));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    temporary_for(&folder.join("model.onnx"))?;
    FolderLock::acquire(folder)
}

/// The names of all files in the folder of a training of this number of folds and members.
pub fn names(folds: usize, members: usize, tensorboard: bool) -> Vec<String> {
    let fixed = [
        UNJOINED,
        "predictions.tsv.gz",
        "predictions.tsv.gz.tbi",
        METRICS,
        CONFIG,
        SUMMARY,
        "loss.svg",
        "test_counts.svg",
        "test_ratio.svg",
        MODEL,
    ];
    let mut names: Vec<String> = fixed.map(String::from).into();
    for run in plan(&vec![Vec::new(); folds], members, 0) {
        names.push(weights_name(&run));
        if tensorboard {
            names.push(events_name(&run.name));
        }
    }
    names
}

const UNJOINED: &str = "unjoined.tsv";
const METRICS: &str = "metrics.tsv";
const CONFIG: &str = "config.toml";
const SUMMARY: &str = "summary.json";
const MODEL: &str = "model.onnx";

fn weights_name(run: &Run) -> String {
    if run.name.is_empty() {
        "model.safetensors".into()
    } else {
        format!("{}.safetensors", run.name)
    }
}

fn events_name(run: &str) -> String {
    format!("events.out.tfevents.{}", if run.is_empty() { "train" } else { run })
}

/// `cpu` or `cuda:N`.
pub fn device_name(device: tch::Device) -> String {
    match device {
        tch::Device::Cuda(n) => format!("cuda:{n}"),
        _ => "cpu".into(),
    }
}

/// Write everything: all files are complete before the first has its name, and the model comes last. `baselines` returns the
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

    let mut files = write_unjoined(&folder.join(UNJOINED), inputs)?;
    files.add(write_predictions(&folder.join("predictions.tsv.gz"), data, &held, &inputs.scale)?);
    let histories: Vec<_> = runs.iter().zip(fitted).map(|(r, f)| (r.name.as_str(), f.history.as_slice())).collect();
    files.add(write_metrics(&folder.join(METRICS), &histories)?);
    files.add(config.write(&folder.join(CONFIG))?);
    if args.tensorboard {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        for (name, history) in &histories {
            let path = folder.join(events_name(name));
            files.add(tensorboard::write(&path, &tensorboard::of_history(history, now))?);
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
    let summary = Summary {
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
    };
    files.add(summary.write(&folder.join(SUMMARY))?);
    files.add(plots::write(folder, inputs, runs, fitted, evaluated)?);
    for (run, weights) in runs.iter().zip(&members) {
        files.add(weights.write_safetensors(&folder.join(weights_name(run)), &info.to_metadata())?);
    }
    files.and(complete_file(&folder.join(MODEL), &model)?).rename()?;
    report(runs, fitted, &info, inputs, folder);
    print_table(evaluated.part, &table)
}

/// The names of --values and -L without a counterpart, with the reason; nothing where all join.
fn write_unjoined(path: &Path, inputs: &Inputs) -> Result<CompleteFiles> {
    let mut text = String::from("name\treason\n");
    for (reason, name) in inputs.unjoined.names() {
        text += &format!("{}\t{reason}\n", Plain(name));
    }
    match inputs.unjoined.names().next() {
        Some(_) => complete_file(path, text.as_bytes()),
        None => Ok(CompleteFiles::default()),
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
    let mut out = OutFile::create(Path::new("-"))?;
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
                Plain(if evaluation.sample.is_empty() { "." } else { &evaluation.sample }),
            )
            .map_err(fail)?;
        }
    }
    Ok(out.finish()?)
}
