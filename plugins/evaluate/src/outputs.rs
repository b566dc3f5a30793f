//! The table, the plots, and the summary on stderr.

use std::io::Write;
use std::path::Path;

use deepallele_core::error::{Error, Result};
use deepallele_core::evaluation::{Evaluation, Row};
use deepallele_core::io::output_file::{CompleteFiles, OutFile};
use deepallele_core::model::ModelInfo;
use deepallele_core::output::evaluation_table;
use deepallele_core::output::plot::{scatter, shares, with_errors, Estimate};
use deepallele_core::output::track::{HAPLOTYPE1, HAPLOTYPE2, RATIO};

use crate::args::{plot_file, Args, PLOTS};
use crate::inputs::Inputs;

/// Write what was requested.
pub fn write(args: &Args, inputs: &Inputs, model: &ModelInfo, found: &Evaluation) -> anyhow::Result<()> {
    for note in &found.notes {
        log::info!("{note}");
    }
    // All files are complete before the first has its name; the table comes last.
    let mut out = OutFile::create(&args.output.output)?;
    let fail = |e| Error::io(&args.output.output, e);
    for line in header(args, inputs, model, found) {
        writeln!(out, "{line}").map_err(fail)?;
    }
    evaluation_table::write(&mut out, &found.rows).map_err(fail)?;
    let table = out.complete()?;
    let plots = match &args.plots {
        Some(prefix) => plots(prefix, &args.part.name(), found)?,
        None => CompleteFiles::default(),
    };
    plots.and(table).rename()?;
    log::info!(
        "{} windows evaluated ({}), in {} the two alleles differ",
        found.windows,
        args.part.name(),
        found.differing
    );
    for quantity in ["hap1", "hap2", "log2_ratio"] {
        if let Some(row) = find(found, "agreement", quantity, "all", "pearson") {
            log::info!("{quantity:<10} Pearson {}", interval(row));
        }
    }
    Ok(())
}

fn header(args: &Args, inputs: &Inputs, model: &ModelInfo, found: &Evaluation) -> Vec<String> {
    let mut lines = args.provenance.header("evaluate");
    for (i, haplotype) in inputs.haplotypes.iter().enumerate() {
        lines.push(format!("##haplotype{}={haplotype}", i + 1));
    }
    lines.extend(inputs.sample.iter().map(|sample| format!("##sample={}", clean(sample))));
    lines.push(format!("##model_kind={}", model.architecture.kind));
    lines.push(format!("##part={}", args.part.name()));
    lines.push(format!("##windows={}", found.windows));
    lines.push(format!("##windows_whose_alleles_differ={}", found.differing));
    lines.push(format!("##resampling_units={}", found.units));
    lines.push(format!("##bootstrap={}", args.bootstrap));
    lines.push(format!("##seed={}", args.seed));
    lines.push(format!("##target_scale={}", inputs.scale.scale));
    lines.push(format!("##pseudocount={}", inputs.scale.pseudocount));
    lines
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn find<'a>(found: &'a Evaluation, section: &str, quantity: &str, case: &str, name: &str) -> Option<&'a Row> {
    let fits = |r: &&Row| r.section == section && r.quantity == quantity && r.case == case && r.name == name;
    found.rows.iter().find(fits)
}

/// A value with its confidence interval, if there is one.
fn interval(row: &Row) -> String {
    match (row.value.is_finite(), row.low.is_finite()) {
        (true, true) => format!("{:.3} ({:.3} to {:.3})", row.value, row.low, row.high),
        (true, false) => format!("{:.3}", row.value),
        (false, _) => ".".into(),
    }
}

fn plots(prefix: &Path, part: &str, found: &Evaluation) -> Result<CompleteFiles> {
    let mut drawn = CompleteFiles::default();
    let windows = format!("{part} windows");
    let names = ["Haplotype 1", "Haplotype 2", "Ratio of the haplotypes"];
    let colours = [HAPLOTYPE1, HAPLOTYPE2, RATIO];
    for (i, quantity) in ["hap1", "hap2", "log2_ratio"].into_iter().enumerate() {
        let of = |name: &str| find(found, "agreement", quantity, "all", name).map_or(".".into(), interval);
        let note = format!("Pearson {}, n = {}", of("pearson"), found.points[i].len());
        let title = format!("{}, {windows}", names[i]);
        let labels = ["measured, log2", "predicted, log2"];
        drawn.add(scatter(&plot_file(prefix, PLOTS[i]), &title, labels, &note, &found.points[i], colours[i])?);
    }
    let rows = |name: &'static str| {
        found.rows.iter().filter(move |r| r.section == "calibration" && r.case != "all" && r.name == name)
    };
    let estimates: Vec<Estimate> = rows("mean_predicted")
        .zip(rows("mean_measured"))
        .map(|(x, y)| Estimate { x: x.value, y: y.value, low: y.low, high: y.high })
        .collect();
    let of = |name: &str| find(found, "calibration", "log2_ratio", "all", name);
    let line = of("slope").zip(of("intercept")).map(|(slope, intercept)| [slope.value, intercept.value]);
    let note = format!("slope {}, dashed; grey: measured = predicted", of("slope").map_or(".".into(), interval));
    drawn.add(with_errors(
        &plot_file(prefix, "calibration"),
        &format!("Calibration of the ratio, tenths of {windows}"),
        ["mean predicted log2 ratio", "mean measured log2 ratio"],
        &note,
        &estimates,
        line,
        RATIO,
    )?);
    let bins: Vec<(String, Estimate)> = found
        .rows
        .iter()
        .filter(|r| r.section == "direction")
        .enumerate()
        .map(|(i, r)| {
            let label = format!("{}\nn = {}", r.case, r.n);
            (label, Estimate { x: i as f64, y: r.value, low: r.low, high: r.high })
        })
        .collect();
    drawn.add(shares(
        &plot_file(prefix, "direction"),
        &format!("Windows whose direction is right, {windows}"),
        ["measured |log2 ratio|", "share with the right sign"],
        "95 % intervals of Wilson; dashed: chance",
        &bins,
        0.5,
        RATIO,
    )?);
    Ok(drawn)
}
