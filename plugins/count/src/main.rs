//! `deepallele count`: fragments of each haplotype by region and variant.

mod args;
mod filter_args;
mod gatk;
mod samples;
mod variant_output;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use args::Args;
use deepallele_common::interval::Interval;
use deepallele_common::options::input_or_stdin;
use deepallele_common::{run_main, usage, Progress};
use deepallele_core::counts::{self, CountRow, CountTable, Counted, VariantSink, VariantTally};
use deepallele_core::files::{is_stdio, OutFile, TabixFormat};
use deepallele_core::genome::{Contigs, HaplotypeSource, Reference, Regions, Spans, Variants};
use deepallele_core::reads::alignments::Span;
use deepallele_core::reads::{Alignments, Sites};
use deepallele_core::Error;
use variant_output::VariantForm;

fn main() -> ExitCode {
    run_main("count", run)
}

fn run(args: Args) -> Result<()> {
    let input = input_or_stdin(args.alignments.as_deref(), "alignments (BAM, CRAM or SAM)")?;
    let vcf = args.haplotypes.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    if args.variant_output.form() == VariantForm::Gatk {
        return gatk::run(&args, &input, vcf);
    }
    check_usage(&args, &input, vcf)?;

    let mut reference = args.genome.reference.as_deref().map(Reference::open).transpose()?;
    let mut alignments = Alignments::open(&input, args.genome.reference.as_deref(), args.threads.count())?;
    let contigs = alignments.contigs().clone();
    let spans = restrict(&args, &mut alignments)?;
    let mut regions = args.regions.as_deref().map(|path| Regions::read(path, &contigs)).transpose()?;
    if let (Some(regions), Some(spans)) = (&mut regions, &spans) {
        let spans = Spans::new(spans.clone());
        regions.retain(|r| spans.overlap(r.contig, r.start, r.end));
    }
    if let Some((theirs, ours)) = regions.as_ref().and_then(|r| r.renamed.as_ref()) {
        log::info!("contig names of the regions were matched with or without chr ({theirs} is {ours})");
    }
    let (mut variants, mut report) = Variants::read(vcf, &contigs, &hap1, &hap2)?;
    if let Some(reference) = &mut reference {
        variants.check_reference(reference, &mut report)?;
    }
    report.lines().iter().for_each(|line| log::info!("{line}"));
    let sites = Sites::new(&variants);
    if sites.not_single > 0 {
        log::info!(
            "{} indels and substitutions of several bases assign no reads (bcftools norm -a splits the latter)",
            sites.not_single
        );
    }
    if sites.is_empty() {
        log::warn!("no SNV tells the haplotypes apart: every fragment is uninformative");
    }

    // Opened before the long part, so that a folder that cannot be written is known at once.
    let mut table_out = regions.is_some().then(|| OutFile::create(&args.output.output)).transpose()?;
    let sample = sample_name(&args, &alignments, &input, [&hap1, &hap2])?;
    let header = header(&args, &input, vcf, [&hap1, &hap2]);
    let samples = std::slice::from_ref(&sample);
    let within = spans.clone().map(Spans::new);
    let mut variants_out =
        args.variant_output.create(&header, &contigs, samples, within.clone(), args.threads.count())?;

    let mut progress = Progress::new("alignments", None);
    let mut advance = |n| progress.add(n);
    let counted = counts::count(&mut alignments, regions.as_ref(), &sites, &args.filter.filter(), &mut advance)?;
    drop(progress);
    counted.summary.lines(regions.is_some()).iter().for_each(|line| log::info!("{line}"));

    // Both are whole before either gets its name.
    let mut variants_done = None;
    if let Some(mut out) = variants_out.take() {
        hand_over(&variants, &sites, &counted.variants, &mut out)?;
        variants_done = Some(out.finish()?);
    }
    if let (Some(out), Some(regions)) = (&mut table_out, &regions) {
        let table = CountTable { header, rows: rows(regions, &variants, &counted, &sample) };
        let path = out.path().to_path_buf();
        table.write(out).and_then(|()| out.flush()).map_err(|e| Error::io(path, e))?;
    }
    if let Some(out) = table_out {
        out.finish_indexed(TabixFormat::Bed)?;
    }
    if let Some(done) = variants_done {
        done.persist()?;
    }
    Ok(())
}

/// Give the counts of all records to a sink, in the order of the VCF.
fn hand_over(variants: &Variants, sites: &Sites, tallies: &[VariantTally], sink: &mut impl VariantSink) -> Result<()> {
    // Sites are in the order of the base that differs, which padded alleles may put behind POS.
    let mut order: Vec<usize> = (0..sites.records.len()).collect();
    order.sort_by_key(|&i| (sites.contigs[i], sites.records[i].variant));
    for i in order {
        let contig = sites.contigs[i];
        if let Some(variant) = variants.of(contig).get(sites.records[i].variant) {
            sink.add(contig, variant, &tallies[i..=i])?;
        }
    }
    Ok(())
}

/// Combinations of options that cannot be.
fn check_usage(args: &Args, input: &Path, vcf: &Path) -> Result<()> {
    let to_stdout = is_stdio(&args.output.output);
    match (&args.regions, &args.variant_output.per_variant) {
        (None, None) => return Err(usage("has nothing to count: give -L REGIONS, or --per-variant FILE, or both")),
        (None, Some(_)) if !to_stdout => {
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
    let inputs = [Some(input), Some(vcf), args.regions.as_deref()];
    if inputs.iter().flatten().filter(|p| is_stdio(p)).count() > 1 {
        return Err(usage("only one input can come from standard input"));
    }
    Ok(())
}

/// Apply -r, -R, -t or -T; gives back the spans.
fn restrict(args: &Args, alignments: &mut Alignments) -> Result<Option<Vec<Span>>> {
    let resolve = |list: Vec<Interval>, contigs: &Contigs| -> Result<Vec<Span>> {
        let one = |i: Interval| match contigs.find(&i.contig) {
            Some(contig) => Ok((contig, i.start, i.end)),
            None => Err(Error::Mismatch(format!(
                "region on \"{}\", which the alignments do not have (they have {})",
                i.contig,
                contigs.summary()
            ))
            .into()),
        };
        list.into_iter().map(one).collect()
    };
    if let Some(list) = args.restrict.by_index()? {
        let spans = resolve(list, alignments.contigs())?;
        alignments.restrict_by_index(spans.clone())?;
        return Ok(Some(spans));
    }
    if let Some(list) = args.restrict.by_stream()? {
        let spans = resolve(list, alignments.contigs())?;
        alignments.restrict_by_reading(spans.clone());
        return Ok(Some(spans));
    }
    Ok(None)
}

/// What stands in the column `sample`; for a pipe the sample of the variants.
fn sample_name(
    args: &Args,
    alignments: &Alignments,
    input: &Path,
    haplotypes: [&HaplotypeSource; 2],
) -> Result<String> {
    let given: Vec<String> = args.sample_name.iter().cloned().collect();
    let piped = haplotypes.iter().rev().find_map(|h| h.sample()).unwrap_or(".");
    Ok(samples::sample_names(&given, &[(input, alignments.sample())], piped)?.remove(0))
}

fn header(args: &Args, input: &Path, vcf: &Path, haplotypes: [&HaplotypeSource; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(provenance) = args.version.provenance("count") {
        lines.extend(provenance.lines());
        lines.push(format!("##alignments={}", input.display()));
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

fn rows(regions: &Regions, variants: &Variants, counted: &Counted, sample: &str) -> Vec<CountRow> {
    let row = |(region, tally): (&deepallele_core::genome::Region, &counts::Tally)| {
        let ratio = counts::table::log2_ratio(tally.hap1, tally.hap2);
        let (start, end) = (region.start, region.end);
        let differing = variants.overlapping(region.contig, start, end).filter(|v| v.differs_within(start, end));
        CountRow {
            chrom: regions.contigs.name(region.contig).to_string(),
            start,
            end,
            name: region.name.clone(),
            score: region.score.clone(),
            strand: region.strand,
            sample: sample.to_string(),
            hap1: tally.hap1,
            hap2: tally.hap2,
            uninformative: tally.uninformative,
            conflicting: tally.conflicting,
            variants: differing.count() as u64,
            log2_ratio: ratio.map(|r| r.0),
            se: ratio.map(|r| r.1),
            p_value: None,
            q_value: None,
            shrunk_log2_ratio: None,
            shrunk_se: None,
        }
    };
    regions.list.iter().zip(&counted.regions).map(row).collect()
}
