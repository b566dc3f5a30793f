//! `explain run`: all steps, those that are done left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context;
use clap::Parser;
use deepallele_common::RunFiles;
use deepallele_core::error::Error;
use deepallele_core::io::output_file::write_whole;
use serde::{Deserialize, Serialize};

use crate::args::{Args, RunArgs, Step};

/// The file of the folder that says what each step was given.
const RECORD: &str = "run.json";

/// What a step was given, and what it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    version: String,
    options: String,
    /// Of each file that was read or written its size and time of change; none of one that is not there.
    files: BTreeMap<PathBuf, Option<(u64, u128)>>,
}

impl Done {
    fn now(options: &str, files: &RunFiles) -> Self {
        let state = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            let changed = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            Some((found.len(), changed.as_nanos()))
        };
        let files = files.inputs().chain(files.outputs()).map(|path| (path.to_path_buf(), state(path))).collect();
        Self { version: env!("CARGO_PKG_VERSION").into(), options: options.into(), files }
    }
}

/// Run all steps.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let folder = &args.attributions.output;
    let path = folder.join(RECORD);
    let mut done: BTreeMap<String, Done> = match std::fs::read(&path) {
        // A damaged record counts as none.
        Ok(content) if !args.restart => serde_json::from_slice(&content).unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    let steps = later(args)?;
    args.attributions.check()?;
    let mut perform = |name: &str,
                       options: &str,
                       files: &dyn Fn() -> anyhow::Result<RunFiles>,
                       step: &dyn Fn() -> anyhow::Result<()>| {
        if done.get(name) == Some(&Done::now(options, &files()?)) {
            log::info!("{name}: as it is, from an earlier run");
            return Ok(());
        }
        log::info!("{name}");
        step().with_context(|| format!("explain {name}"))?;
        done.insert(name.into(), Done::now(options, &files()?));
        let record = serde_json::to_string_pretty(&done).map_err(|error| Error::input(&path, error.to_string()))?;
        anyhow::Ok(write_whole(&path, (record + "\n").as_bytes())?)
    };
    let options = args.attributions.described();
    perform("attributions", &options, &|| Ok(args.attributions.files()), &|| {
        crate::attributions::run(&args.attributions)
    })?;
    for (name, options, step) in &steps {
        perform(name, options, &|| step.files(), &|| crate::run_step(step))?;
    }
    Ok(())
}

/// The steps after attributions: name, options and what to run.
fn later(args: &RunArgs) -> anyhow::Result<Vec<(String, String, Step)>> {
    let lines = args.later_steps().into_iter().map(|line| {
        let name = line[0].to_string_lossy().into_owned();
        let options = format!("{line:?}");
        let parsed = Args::try_parse_from(std::iter::once("explain".into()).chain(line));
        let parsed = parsed.with_context(|| format!("the options of {name}"))?;
        Ok((name, options, parsed.step))
    });
    lines.collect()
}
