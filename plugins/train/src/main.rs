//! `deepallele train`: counts, genome and variants to a paired sequence model.

mod args;
mod inputs;
mod outputs;
mod plots;

use std::process::ExitCode;

use args::Args;
use deepallele_common::{run_main, Progress};
use deepallele_core::model::device;
use deepallele_core::model::network::{initial_weights, Network};
use deepallele_core::training::fit::{fit, Event};
use deepallele_core::training::split::Part;

fn main() -> ExitCode {
    run_main("train", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    device::keep_freed_memory();
    let config = inputs::config(&args)?;
    let processor = device::open_device(args.device)?;
    device::set_threads(args.threads.count());
    let inputs = inputs::read(&args, &config)?;
    outputs::prepare(&args.output)?;

    let count = |part| inputs.parts.iter().filter(|p| **p == part).count();
    log::info!(
        "{} windows of {} bases: {} train, {} validation, {} test; {} network of {} parameters on {}",
        inputs.data.len(),
        config.architecture.window,
        count(Part::Train),
        count(Part::Validation),
        count(Part::Test),
        config.architecture.kind,
        config.architecture.parameter_count(),
        outputs::device_name(processor),
    );

    let weights = initial_weights(&config.architecture, config.training.seed);
    let mut network = Network::new(&config.architecture, &weights, processor)?;
    let steps = count(Part::Train).div_ceil(config.training.batch_size) * config.training.epochs;
    let mut progress = Progress::new("steps", Some(steps as u64));
    let fitted = fit(&mut network, &inputs.data, &inputs.parts, &config.training, &mut |event| match event {
        Event::Batch { .. } => progress.add(1),
        Event::Epoch(m) => {
            let line = format!(
                "epoch {}: loss {:.4}, validation {:.4}{}",
                m.epoch,
                m.train_loss,
                m.validation_loss,
                if m.best { " (best)" } else { "" }
            );
            progress.message(line.clone());
            log::info!("{line}");
        }
    })?;
    drop(progress);
    outputs::write(&args, &config, &inputs, &network, &fitted)
}
