//! `deepallele predict`: predicted counts and allelic ratio of regions or of designed pairs.

mod args;
mod pairs;
mod regions;
mod tracks;

use std::process::ExitCode;

use args::Args;
use deepallele_core::effects::predictions::not_finite;
use deepallele_core::model::onnx::predictor::Prediction;

/// The last column of predictions of an ensemble.
const SPREAD_COLUMN: &str = "\tlog2_ratio_sd";

fn main() -> ExitCode {
    deepallele_common::run_main("predict", run)
}

/// Report predictions that are written as missing values.
fn report_not_finite<'a>(predictions: impl Iterator<Item = &'a Prediction>) {
    let count = not_finite(predictions);
    if count > 0 {
        log::warn!("{count} predictions are not finite numbers and are written as . (activity not positive)");
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    deepallele_common::check_files(&args.files())?;
    let predictor = args.model.open(args.threads.count())?;
    match &args.pairs {
        Some(table) => pairs::run(&args, table, predictor),
        None => regions::run(&args, predictor),
    }
}
