//! `deepallele explain`: what a model has learned of a pair of alleles.

mod args;
mod attributions;
mod cause;
mod mechanisms;

use std::process::ExitCode;

use args::{Args, Step};

fn main() -> ExitCode {
    deepallele_common::run_main("explain", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    match args.step {
        Step::Attributions(args) => attributions::run(&args),
        Step::Mechanisms(args) => mechanisms::run(&args),
        Step::Cause(args) => cause::run(&args),
    }
}
