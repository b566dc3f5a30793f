//! Regions: the table, the comparison with measured counts.

use std::io::Write;

use deepallele_common::{read_regions, report_windows, Progress};
use deepallele_core::counts::CountTable;
use deepallele_core::effects::predictions::{in_units, predict_regions, ratio_spread, RegionPrediction};
use deepallele_core::error::Error;
use deepallele_core::evaluation::agreement::{compare, Agreement, Comparison};
use deepallele_core::genome::{HaplotypeSource, Variants};
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::{CompleteFiles, OutFile, TabixFormat};
use deepallele_core::io::plain_text::Plain;
use deepallele_core::io::regions::{AnnotationOptions, Regions};
use deepallele_core::io::Contigs;
use deepallele_core::model::metadata::TargetScale;
use deepallele_core::model::onnx::pair_model::PairModel;
use deepallele_core::output::table::number;

use crate::args::Args;
use crate::tracks;
use crate::{report_not_finite, SPREAD_COLUMN};

/// Predict the regions of `-L`.
pub fn run(args: &Args, mut predictor: PairModel) -> anyhow::Result<()> {
    let mut reference = Reference::open(args.genome.required()?)?;
    let contigs = reference.contigs().clone();
    let file = args.regions_file()?;
    let rule = args.windows.over(predictor.info().windows);
    let regions = read_regions(file, &contigs, &AnnotationOptions::with_tss(rule.tss))?;
    let windows = rule.windows(predictor.window(), &regions, file)?;
    report_windows(windows.length, &rule, windows.anchor);
    let added = args.tracks.added()?;
    let counts = args.compare.as_deref().map(CountTable::read).transpose()?;
    let (hap1, hap2) = args.haplotypes.complete_sources()?;
    let variants = variants(args, &contigs, &mut reference, [&hap1, &hap2])?;

    let mut progress = Progress::new("regions", Some(regions.list.len() as u64));
    let mut before = 0;
    let predictions =
        predict_regions(&regions.list, &windows, &mut reference, &variants, &mut predictor, &mut |done| {
            progress.add((done - before) as u64);
            before = done;
        })?;
    drop(progress);
    let targets = predictor.info().targets;
    let comparison = match (&args.compare, &counts) {
        (Some(path), Some(counts)) => {
            let share = args.uninformative.share();
            Some(compare(&regions, &windows, &predictions, counts, path, predictor.info(), share)?)
        }
        _ => None,
    };
    // All files are complete before the first has its name; the table comes last.
    let table = write_table(args, &regions, &predictions, &targets, comparison.as_ref(), [&hap1, &hap2])?;
    let tracks = tracks::write(args, &regions, &predictions, comparison.as_ref(), &targets, [&hap1, &hap2], added)?;
    tracks.and(table).rename()?;
    report(args, &predictions, comparison.as_ref());
    Ok(())
}

fn variants(
    args: &Args,
    contigs: &Contigs,
    reference: &mut Reference,
    sources: [&HaplotypeSource; 2],
) -> anyhow::Result<Variants> {
    if sources.iter().all(|s| s.sample().is_none()) {
        log::warn!("both haplotypes are the reference: every predicted ratio is that of identical alleles");
        return Ok(Variants::from_list(contigs, vec![Vec::new(); contigs.len()]));
    }
    args.haplotypes.read_variants(sources, reference)
}

fn write_table(
    args: &Args,
    regions: &Regions,
    predictions: &[RegionPrediction],
    targets: &TargetScale,
    comparison: Option<&Comparison>,
    sources: [&HaplotypeSource; 2],
) -> anyhow::Result<CompleteFiles> {
    let mut out = OutFile::create(&args.output.output)?;
    let fail = |e| Error::io(&args.output.output, e);
    for line in args.provenance.header("predict") {
        writeln!(out, "{line}").map_err(fail)?;
    }
    writeln!(out, "##haplotype1={}\n##haplotype2={}", sources[0], sources[1]).map_err(fail)?;
    let more = if comparison.is_some() { "\tmeasured_hap1\tmeasured_hap2\tmeasured_log2_ratio" } else { "" };
    let ensemble = predictions.first().is_some_and(|p| p.raw.spread.is_some());
    let spread = if ensemble { SPREAD_COLUMN } else { "" };
    writeln!(out, "#chrom\tstart\tend\tname\thap1\thap2\tlog2_ratio\tvariants{more}{spread}").map_err(fail)?;
    for (i, (region, prediction)) in regions.list.iter().zip(predictions).enumerate() {
        let [hap1, hap2, ratio] = in_units(&prediction.raw, targets).map(number);
        let (chrom, name) = (Plain(regions.contigs.name(region.contig)), Plain(&region.name));
        let (start, end, count) = (region.start, region.end, prediction.variants);
        write!(out, "{chrom}\t{start}\t{end}\t{name}\t{hap1}\t{hap2}\t{ratio}\t{count}").map_err(fail)?;
        if let Some(comparison) = comparison {
            let [a, b, c] = comparison.measured[i].unwrap_or([f64::NAN; 3]).map(number);
            write!(out, "\t{a}\t{b}\t{c}").map_err(fail)?;
        }
        if ensemble {
            write!(out, "\t{}", number(ratio_spread(&prediction.raw, targets))).map_err(fail)?;
        }
        writeln!(out).map_err(fail)?;
    }
    Ok(out.complete_indexed(TabixFormat::Bed)?)
}

fn report(args: &Args, predictions: &[RegionPrediction], comparison: Option<&Comparison>) {
    let differing = predictions.iter().filter(|p| p.variants > 0).count();
    log::info!("{} regions predicted; in {differing} the two alleles differ", predictions.len());
    let skipped: usize = predictions.iter().map(|p| p.skipped).sum();
    if skipped > 0 {
        log::info!("in {skipped} cases a record was not applied because it overlaps an earlier one of its haplotype");
    }
    report_not_finite(predictions.iter().map(|p| &p.raw));
    let (Some(comparison), Some(path)) = (comparison, &args.compare) else { return };
    let missing = comparison.measured.iter().filter(|m| m.is_none()).count();
    if missing > 0 || comparison.unused > 0 {
        log::warn!(
            "\"{}\": {missing} regions are not in it, {} of its lines have no region",
            path.display(),
            comparison.unused
        );
    }
    let known = if comparison.on_test.is_some() { " (including regions of the training)" } else { "" };
    log::info!("measured and predicted, all regions compared{known}:");
    comparison.agreement.iter().for_each(agreement);
    if let Some(on_test) = &comparison.on_test {
        log::info!("measured and predicted, held-out test regions:");
        on_test.iter().for_each(agreement);
    }
}

fn agreement(one: &Agreement) {
    let (pearson, spearman) = (correlation(one.pearson), correlation(one.spearman));
    let over = if one.what == "log2_ratio" { "regions whose alleles differ" } else { "regions" };
    log::info!("{:<10} Pearson {pearson}  Spearman {spearman}  ({} {over})", one.what, one.n);
}

fn correlation(value: f64) -> String {
    match value.is_finite() {
        true => format!("{value:6.3}"),
        false => "     .".into(),
    }
}
