//! `deepallele annotate`: predicted allelic effects in the records of a VCF or BCF.

mod args;
mod engine;
mod stream;
mod tracks;

use std::process::ExitCode;

fn main() -> ExitCode {
    deepallele_common::run_main("annotate", stream::run)
}
