//! `deepallele count`: fragments of each haplotype by region and variant.

mod args;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use args::Args;
use deepallele_common::interval::Interval;
use deepallele_common::options::input_or_stdin;
use deepallele_common::{run_main, usage, Progress};
use deepallele_core::counts::{self, write_variants, CountRow, CountTable, Counted};
use deepallele_core::files::{is_stdio, OutFile, TabixFormat};
use deepallele_core::genome::{Contigs, HaplotypeSource, Reference, Regions, Variants};
use deepallele_core::reads::alignments::Span;
use deepallele_core::reads::{Alignments, Sites};
use deepallele_core::Error;

fn main() -> ExitCode {
    run_main("count", run)
}

fn run(args: Args) -> Result<()> {
    let input = input_or_stdin(args.alignments.as_deref(), "alignments (BAM, CRAM or SAM)")?;
    let vcf = args.haplotypes.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    check_usage(&args, &input, vcf)?;

    let mut reference = args.genome.reference.as_deref().map(Reference::open).transpose()?;
    let mut alignments = Alignments::open(&input, args.genome.reference.as_deref(), args.threads.count())?;
    let contigs = alignments.contigs().clone();
    let spans = restrict(&args, &mut alignments)?;
    let mut regions = args.regions.as_deref().map(|path| Regions::read(path, &contigs)).transpose()?;
    if let (Some(regions), Some(spans)) = (&mut regions, &spans) {
        regions.list.retain(|r| overlaps(spans, r.contig, r.start, r.end));
        regions.whole_blocks();
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
    let mut variants_out = args.per_variant.as_deref().map(OutFile::create).transpose()?;

    let mut progress = Progress::new("alignments", None);
    let mut advance = |n| progress.add(n);
    let counted = counts::count(&mut alignments, regions.as_ref(), &sites, &args.filter(), &mut advance)?;
    drop(progress);
    counted.summary.lines(regions.is_some()).iter().for_each(|line| log::info!("{line}"));

    let sample = sample_name(&args, &alignments, &input, [&hap1, &hap2]);
    let header = header(&args, &input, vcf, [&hap1, &hap2]);
    // Both are whole before either gets its name.
    if let Some(out) = &mut variants_out {
        let keep = |contig: usize, v: &deepallele_core::genome::Variant| {
            spans.as_ref().is_none_or(|spans| overlaps(spans, contig, v.start, v.end()))
        };
        let path = out.path().to_path_buf();
        write_variants(out, &header, &variants, &sites, &counted.variants, &sample, keep)
            .and_then(|()| out.flush())
            .map_err(|e| Error::io(path, e))?;
    }
    if let (Some(out), Some(regions)) = (&mut table_out, &regions) {
        let table = CountTable { header, rows: rows(regions, &variants, &counted, &sample) };
        let path = out.path().to_path_buf();
        table.write(out).and_then(|()| out.flush()).map_err(|e| Error::io(path, e))?;
    }
    if let Some(out) = table_out {
        out.finish_indexed(TabixFormat::Bed)?;
    }
    if let Some(out) = variants_out {
        out.finish_indexed(TabixFormat::Positions)?;
    }
    Ok(())
}

/// Combinations of options that cannot be.
fn check_usage(args: &Args, input: &Path, vcf: &Path) -> Result<()> {
    let to_stdout = is_stdio(&args.output.output);
    match (&args.regions, &args.per_variant) {
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

fn overlaps(spans: &[Span], contig: usize, start: u64, end: u64) -> bool {
    spans.iter().any(|s| s.0 == contig && s.1 < end && start < s.2)
}

/// What stands in the column `sample`: what was asked for, else the one sample of the read groups, else the
/// name of the file without its ending; for a pipe the sample of the variants.
fn sample_name(args: &Args, alignments: &Alignments, input: &Path, haplotypes: [&HaplotypeSource; 2]) -> String {
    if let Some(name) = args.sample_name.as_deref().or(alignments.sample()) {
        return name.to_string();
    }
    if is_stdio(input) {
        return haplotypes.iter().rev().find_map(|h| h.sample()).unwrap_or(".").to_string();
    }
    let stem = input.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    stem.chars().map(|c| if c.is_control() { '_' } else { c }).collect()
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
