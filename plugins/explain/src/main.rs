//! `deepallele explain`: what a model has learned of a pair of alleles.

mod args;
mod attributions;
mod cause;
mod explainer;
mod hits;
mod mechanisms;
mod motifs;
mod report;
mod run_all;

use std::process::ExitCode;

use args::{Args, Step};

fn main() -> ExitCode {
    deepallele_common::run_main("explain", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    run_step(&args.step)
}

fn run_step(step: &Step) -> anyhow::Result<()> {
    match step {
        Step::Attributions(args) => attributions::run(args),
        Step::Motifs(args) => motifs::run(args),
        Step::Hits(args) => hits::run(args),
        Step::Mechanisms(args) => mechanisms::run(args),
        Step::Cause(args) => cause::run(args),
        Step::Report(args) => report::run(args),
        Step::Run(args) => run_all::run(args),
    }
}
