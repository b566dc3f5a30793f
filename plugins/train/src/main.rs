//! `deepallele train`: a paired sequence model from counts, genome and variants.

mod args;
mod config;
mod dry_run;
mod inputs;
mod outputs;
mod plots;
mod splitting;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use args::Args;
use deepallele_common::{check_files, run_main, Interrupt, Progress};
use deepallele_core::model::torch::device;
use deepallele_core::training::baselines::networks::{kmer_ridge, networks, Networks};
use deepallele_core::training::baselines::BaselinePredictions;
use deepallele_core::training::epoch_metrics::EpochMetrics;
use deepallele_core::training::fit::Event;
use deepallele_core::training::folds::{plan, train, Folder, Leftovers, Planned, Run, Trained};
use deepallele_core::training::report::{HeldOutPredictions, TrainingConfig};
use deepallele_core::training::split::Part;

fn main() -> ExitCode {
    run_main("train", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    check_files(&args.files())?;
    device::keep_freed_memory();
    let mut config = config::config(&args)?;
    let processor = device::open_device(args.device)?;
    device::set_threads(args.threads.count());
    let inputs = inputs::read(&args, &config)?;
    config.architecture.outputs = inputs.data.outputs();
    config.architecture.validate()?;
    let runs = plan(&inputs.splits, args.run.members.into(), config.training.seed);
    describe(&inputs, &config, &runs, processor);
    if args.run.dry_run {
        return dry_run::print(&inputs, &config, &runs);
    }
    let lock = outputs::prepare(&args.output)?;
    if lock.replaced() {
        log::info!("\"{}\": an earlier training ended without removing its lock", args.output.display());
    }

    let interrupt = Interrupt::listen();
    let stop = || interrupt.requested();
    let folder = Folder {
        path: &args.output,
        resume: args.run.resume,
        every: Duration::from_secs(60 * args.run.save_minutes.clamp(1, 60 * 24 * 365)),
        stop: &stop,
    };
    let others = match args.run.baselines {
        true => networks(&config.architecture, &config.training, &inputs.splits),
        false => Vec::new(),
    };
    let model = Planned { runs: &runs, architecture: &config.architecture, options: &config.training };
    let all: Vec<Planned> = std::iter::once(model).chain(others.iter().map(Networks::planned)).collect();
    if args.run.resume {
        match folder.keep_own(&all, &inputs.data)? {
            Leftovers { own: 0, .. } => log::warn!(
                "\"{}\" has no interrupted run to resume: training starts from the beginning",
                args.output.display()
            ),
            Leftovers { removed: 0, .. } => {}
            Leftovers { removed, .. } => log::warn!(
                "\"{}\": {removed} files of an earlier, different training are removed",
                args.output.display()
            ),
        }
    } else {
        folder.clear()?;
    }
    let every_run = || runs.iter().chain(others.iter().flat_map(|n| &n.runs));
    let steps = every_run().map(|run| steps_of(run, &config)).sum::<usize>();
    let mut progress = Progress::new("steps", Some(steps as u64));
    let mut report = |runs: &[Run], number: usize, event: Event| match event {
        Event::Batch { .. } => progress.add(1),
        Event::Epoch(m) => {
            let line = epoch_line(&runs[number].name, m);
            progress.message(line.clone());
            log::info!("{line}");
        }
    };
    let outcome = train(
        &runs,
        &config.architecture,
        &inputs.data,
        &config.training,
        processor,
        &folder,
        &mut |number, event| report(&runs, number, event),
    )?;
    let fitted = match outcome {
        Trained::All(fitted) => fitted,
        Trained::Stopped { run, epoch } => {
            let name = &runs[run].name;
            bail!(
                "stopped in epoch {epoch}{}; the state is in \"{}\": the same command with --resume continues from there",
                if name.is_empty() { String::new() } else { format!(" of {name}") },
                args.output.display()
            )
        }
    };
    let mut baselines = |evaluated: &HeldOutPredictions| -> anyhow::Result<Vec<BaselinePredictions>> {
        let mut baselines = Vec::new();
        if args.run.baselines {
            baselines.push(kmer_ridge(&inputs.data, &inputs.splits, evaluated)?);
        }
        for n in &others {
            let mut report = |number: usize, event: Event| report(&n.runs, number, event);
            baselines.push(n.predict(&inputs.data, evaluated.part, processor, &folder, &mut report)?);
        }
        Ok(baselines)
    };
    outputs::write(&args, &config, &inputs, &runs, &fitted, processor, &mut baselines)?;
    folder.clear()?;
    drop(lock);
    Ok(())
}

/// The log line of an epoch.
fn epoch_line(run: &str, m: &EpochMetrics) -> String {
    format!(
        "{}epoch {}: loss {:.4}, validation {:.4}{}",
        if run.is_empty() { String::new() } else { format!("{run}, ") },
        m.epoch,
        m.train_loss,
        m.validation_loss,
        if m.best { " (best)" } else { "" }
    )
}

/// Optimiser steps of a run that is not stopped early.
fn steps_of(run: &Run, config: &TrainingConfig) -> usize {
    let train = run.parts.iter().filter(|p| **p == Part::Train).count();
    train.div_ceil(config.training.batch_size) * config.training.epochs
}

/// Report the data and the network, in one line.
fn describe(inputs: &inputs::Inputs, config: &TrainingConfig, runs: &[Run], device: tch::Device) {
    let first = &inputs.splits[0];
    let count = |part| first.iter().filter(|p| **p == part).count();
    log::info!(
        "{} windows of {} bases: {} train, {} validation, {} test{}; {} network of {} parameters on {}{}",
        inputs.data.len(),
        config.architecture.window,
        count(Part::Train),
        count(Part::Validation),
        count(Part::Test),
        if inputs.splits.len() > 1 { format!(" (the first of {} folds)", inputs.splits.len()) } else { String::new() },
        config.architecture.kind,
        config.architecture.parameter_count(),
        outputs::device_name(device),
        if runs.len() > 1 { format!(", {} times", runs.len()) } else { String::new() },
    );
    if inputs.data.outputs() > 1 {
        log::info!("{} samples: {}", inputs.data.outputs(), inputs.data.samples.join(", "));
    }
}
