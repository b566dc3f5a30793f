//! Sizes, steps and memory of a training, printed without training.

use std::io::Write;
use std::path::Path;

use deepallele_core::error::Error;
use deepallele_core::io::output_file::OutFile;
use deepallele_core::training::folds::Run;
use deepallele_core::training::memory::memory;
use deepallele_core::training::report::TrainingConfig;
use deepallele_core::training::split::Part;

use crate::inputs::Inputs;
use crate::steps_of;

/// Print a table of two columns.
pub fn print(inputs: &Inputs, config: &TrainingConfig, runs: &[Run]) -> anyhow::Result<()> {
    let (architecture, options) = (&config.architecture, &config.training);
    let needed = memory(architecture, options, &inputs.data);
    let count = |part| inputs.splits[0].iter().filter(|p| **p == part).count().to_string();
    let megabytes = |bytes: u64| format!("{} MB", bytes.div_ceil(1_000_000));
    let steps = runs.first().map_or(0, |run| steps_of(run, config));
    let lines = [
        ("windows", inputs.data.len().to_string()),
        ("bases a window", architecture.window.to_string()),
        ("samples", inputs.data.outputs().to_string()),
        ("windows to train on", count(Part::Train)),
        ("windows to validate on", count(Part::Validation)),
        ("windows to test on", count(Part::Test)),
        ("network", architecture.kind.to_string()),
        ("parameters", architecture.parameter_count().to_string()),
        ("networks", runs.len().to_string()),
        ("steps a network, at most", steps.to_string()),
        ("memory of the data", megabytes(needed.data)),
        ("memory of the weights", megabytes(needed.weights)),
        ("memory of a step, about", megabytes(needed.step)),
        ("memory in all, about", megabytes(needed.total())),
    ];
    let mut out = OutFile::create(Path::new("-"))?;
    let fail = |e| Error::io("-", e);
    for (what, value) in lines {
        writeln!(out, "{what}\t{value}").map_err(fail)?;
    }
    Ok(out.finish()?)
}
