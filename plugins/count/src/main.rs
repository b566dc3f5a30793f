//! `deepallele count`: fragments of each haplotype by region and variant.

mod args;
mod bias;
mod cells;
mod filter_args;
mod gatk;
mod imbalance;
mod inputs;
mod overview;
mod region_args;
mod samples;
mod two_genomes;
mod variant_output;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use args::Args;
use bias::BiasInputs;
use deepallele_common::{run_main, usage, Progress};
use deepallele_core::assignment::SiteWindow;
use deepallele_core::counts::{
    self, CountRow, CountTable, Counted, Counting, FragmentSink, RegionTallies, VariantSink,
};
use deepallele_core::error::Error;
use deepallele_core::genome::HaplotypeSource;
use deepallele_core::io::output_file::{OutFile, TabixFormat};
use deepallele_core::io::regions::Regions;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::Contigs;
use inputs::Inputs;
use overview::Each;
use variant_output::VariantForm;

fn main() -> ExitCode {
    run_main("count", run)
}

fn run(args: Args) -> Result<()> {
    if args.variant_output.form() == VariantForm::Gatk {
        return gatk::run(&args);
    }
    if let Some(files) = args.two_genomes.files() {
        return two_genomes::run(&args, files);
    }
    check_usage(&args)?;
    let mut inputs = Inputs::open(&args)?;
    let samples = sample_names(&args, &inputs)?;
    args.test.check(&samples, inputs.regions.is_some())?;
    let header = header(&args, &inputs.paths, &inputs.vcf, &inputs.haplotypes);
    let contigs = inputs.alignments.contigs().clone();

    // Opened before the long part, so that a folder that cannot be written is known at once.
    let table_out = inputs.regions.is_some().then(|| OutFile::create(&args.output.output)).transpose()?;
    let mut by_variant = args.variant_output.create(
        &header,
        &contigs,
        &samples,
        inputs.spans.clone(),
        args.threads.count(),
        args.test.settings(),
    )?;
    let strandedness = args.region_options.strandedness;
    let mut by_region = inputs.regions.as_ref().map(|r| RegionTallies::new(r, samples.len(), strandedness));

    let mut by_cell = args.cells.create(&samples, &contigs, inputs.regions.as_ref(), strandedness, &header)?;
    let mut bias = args.bias.create()?;
    let mut overview = args.overview.create(&samples, &contigs, true)?;

    let mut sites = SiteWindow::new(&mut inputs.variants, inputs.reference.take(), &contigs);
    let mut counting = Counting {
        regions: inputs.regions.as_ref(),
        excluded: inputs.excluded.as_ref(),
        filter: args.filter.filter(),
        wasp: args.wasp,
        ..Default::default()
    };
    args.cells.ask(&mut counting);
    let mut sinks: Vec<&mut dyn FragmentSink> = Vec::new();
    sinks.extend(by_cell.sinks());
    sinks.extend(by_region.as_mut().map(|s| s as &mut dyn FragmentSink));
    let (totals, shares) = overview.sinks();
    sinks.extend(totals);
    let mut each = Each(by_variant.iter_mut().map(|v| v as &mut dyn VariantSink).chain(shares).collect());
    let records = (!each.0.is_empty()).then_some(&mut each as &mut dyn VariantSink);
    let mut progress = Progress::new("alignments", None);
    let mut advance = |n| progress.add(n);
    let mut counted = counts::count(&mut inputs.alignments, &mut sites, &counting, &mut sinks, records, &mut advance)?;
    drop(progress);
    let unscorable = sites.unscorable;
    inputs.variants.finish()?.lines().iter().for_each(|line| log::info!("{line}"));
    unscorable.lines().iter().for_each(|line| log::info!("{line}"));
    if counted.summary.at_variants.total() == 0 {
        log::warn!("no fragment covers a variant that tells the haplotypes apart: every fragment is uninformative");
    }
    if let Some(tallies) = &by_region {
        // Those of the strand that counts.
        counted.summary.in_regions = tallies.all();
    }
    counted.summary.lines(inputs.regions.is_some()).iter().for_each(|line| log::info!("{line}"));

    // All are whole before any gets its name.
    let by_cell = by_cell.close(inputs.regions.as_ref(), made_by(&args).as_deref())?;
    args.bias.run(&bias_inputs(&args, &inputs, &contigs, &header), &mut bias)?;
    let by_variant = by_variant.map(|out| out.finish()).transpose()?;
    if let (Some(mut out), Some(regions), Some(tallies)) = (table_out, &inputs.regions, &by_region) {
        let mut rows = rows(regions, &counted, tallies, &samples);
        let lines = header.into_iter().chain(args.region_options.header(regions));
        let header = lines.chain(args.test.test(&mut rows)).collect();
        let table = CountTable { header, rows };
        let path = out.path().to_path_buf();
        table.write(&mut out).and_then(|()| out.flush()).map_err(|e| Error::io(path, e))?;
        overview.run(&table.rows, args.test.settings())?;
        out.finish_indexed(TabixFormat::Bed)?;
    } else {
        overview.run(&[], args.test.settings())?;
    }
    if let Some(done) = by_variant {
        done.persist()?;
    }
    by_cell.persist()?;
    overview.persist()?;
    bias.persist()
}

/// Program and version, for files whose header has a place for them.
fn made_by(args: &Args) -> Option<String> {
    args.version.provenance("count").map(|p| format!("deepallele-{}", p.version()))
}

fn bias_inputs<'a>(args: &'a Args, inputs: &'a Inputs, contigs: &'a Contigs, header: &'a [String]) -> BiasInputs<'a> {
    BiasInputs {
        vcf: &inputs.vcf,
        haplotypes: &inputs.haplotypes,
        contigs,
        regions: inputs.regions.as_ref(),
        within: inputs.spans.as_ref(),
        fasta: args.genome.reference.as_deref(),
        alignments: &inputs.paths[0],
        filter: args.filter.filter(),
        threads: args.threads.count(),
        header,
    }
}

/// Combinations of options that cannot be.
fn check_usage(args: &Args) -> Result<()> {
    args.cells.check()?;
    args.overview.check()?;
    args.bias.check(args.haplotypes.variants.as_deref(), args.genome.reference.as_deref())?;
    let to_stdout = is_stdio(&args.output.output);
    match (&args.regions, &args.variant_output.per_variant) {
        (None, None) if !args.cells.stands_alone() && !args.bias.given() && !args.overview.given() => {
            return Err(usage("has nothing to count: give -L REGIONS, or --per-variant FILE, or both"))
        }
        (None, _) if !to_stdout => {
            return Err(usage("-o is the table of regions: give -L REGIONS, or only --per-variant FILE"))
        }
        (Some(_), Some(file)) if to_stdout && is_stdio(file) => {
            return Err(usage("two tables cannot both go to standard output: give -o FILE"))
        }
        (Some(_), Some(file)) if *file == args.output.output => {
            return Err(usage("-o and --per-variant name the same file"));
        }
        _ => {}
    }
    Ok(())
}

/// What stands in the column `sample` for each file; for a pipe the sample of the variants.
fn sample_names(args: &Args, inputs: &Inputs) -> Result<Vec<String>> {
    let files: Vec<_> = inputs.alignments.files().iter().map(|f| (f.path(), f.sample())).collect();
    let piped = inputs.haplotypes.iter().rev().find_map(|h| h.sample()).unwrap_or(".");
    samples::sample_names(&args.sample_name, &files, piped)
}

fn header(args: &Args, paths: &[PathBuf], vcf: &Path, haplotypes: &[HaplotypeSource; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(provenance) = args.version.provenance("count") {
        lines.extend(provenance.lines());
        lines.extend(paths.iter().map(|p| format!("##alignments={}", p.display())));
        lines.push(format!("##variants={}", vcf.display()));
        if let Some(regions) = &args.regions {
            lines.push(format!("##regions={}", regions.display()));
        }
    }
    for (i, haplotype) in haplotypes.iter().enumerate() {
        lines.push(format!("##haplotype{}={haplotype}", i + 1));
    }
    lines.iter().map(|l| l.chars().map(|c| if c.is_control() { '?' } else { c }).collect()).collect()
}

fn rows(regions: &Regions, counted: &Counted, tallies: &RegionTallies, samples: &[String]) -> Vec<CountRow> {
    let mut rows = Vec::with_capacity(regions.list.len() * samples.len());
    for (i, region) in regions.list.iter().enumerate() {
        for (number, sample) in samples.iter().enumerate() {
            let tally = tallies.tallies(number)[i];
            let ratio = counts::table::log2_ratio(tally.hap1, tally.hap2);
            rows.push(CountRow {
                chrom: regions.contigs.name(region.contig).to_string(),
                start: region.start,
                end: region.end,
                name: region.name.clone(),
                score: region.score.clone(),
                strand: region.strand,
                sample: sample.clone(),
                hap1: tally.hap1,
                hap2: tally.hap2,
                uninformative: tally.uninformative,
                conflicting: tally.conflicting,
                variants: counted.variants[i],
                log2_ratio: ratio.map(|r| r.0),
                se: ratio.map(|r| r.1),
                p_value: None,
                q_value: None,
                shrunk_log2_ratio: None,
                shrunk_se: None,
                anchor: region.anchor(regions.anchor),
            });
        }
    }
    rows
}
