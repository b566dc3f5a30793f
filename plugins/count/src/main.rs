//! `deepallele count`: fragments of each haplotype by region and variant.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`] | the options |
//! | [`modes`] | the three kinds of runs, one file each |
//! | [`inputs`] | alignments to the reference, variants and regions, opened |
//! | [`samples`] | the names of the samples |
//! | [`files`] | every file that is read or written |
//! | [`header`] | the `##` lines of the outputs |
//! | [`outputs`] | the output files: created early, complete before any receives its name |

mod args;
mod files;
mod header;
mod inputs;
mod modes;
mod outputs;
mod samples;

use std::process::ExitCode;

use deepallele_common::run_main;

fn main() -> ExitCode {
    run_main("count", modes::run)
}
