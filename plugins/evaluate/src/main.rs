//! `deepallele evaluate`: a model compared with measurements of held-out windows.

mod args;
mod inputs;
mod outputs;

use std::process::ExitCode;

use args::Args;
use deepallele_core::evaluation::{evaluate, predict_log2};

fn main() -> ExitCode {
    deepallele_common::run_main("evaluate", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    deepallele_common::check_files(&args.files())?;
    let mut predictor = args.model.open(args.threads.count())?;
    let inputs = inputs::read(&args, predictor.info())?;
    let options = args.options();
    let targets = predictor.info().targets;
    let mut predict = predict_log2(&mut predictor, targets);
    let mut model = |one: &[u8], two: &[u8]| predict(one, two).map_err(|e| e.in_file(&args.model.model));
    let found = args.threads.install(|| Ok(evaluate(&inputs.examples, &inputs.replicates, &mut model, &options)?))?;
    drop(predict);
    outputs::write(&args, &inputs, predictor.info(), &found)
}
