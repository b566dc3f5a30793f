//! `deepallele predict`: predicted counts and allelic ratio of regions or of designed pairs.

mod args;
mod pairs;
mod regions;
mod tracks;

use std::process::ExitCode;

use args::Args;
use deepallele_core::model::predictor::Predictor;

fn main() -> ExitCode {
    deepallele_common::run_main("predict", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    let predictor = Predictor::open(&args.model, args.threads.count())?;
    match &args.pairs {
        Some(table) => pairs::run(&args, table, predictor),
        None => regions::run(&args, predictor),
    }
}
