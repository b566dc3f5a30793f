//! Counts the fragments of reads aligned to the genomes of both haplotypes.

use std::path::Path;

use anyhow::Result;
use deepallele_common::{check_files, one_stdin, provenance_of_run, usage, Progress};
use deepallele_core::counts::dual_reference::count::{count_two_genomes, merged_header, read_maps};
use deepallele_core::counts::dual_reference::join::{JoinOptions, TwoGenomes};
use deepallele_core::counts::region_counts::index_blocks;
use deepallele_core::genome::VariantStream;
use deepallele_core::io::bam::writer::BamWriter;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::Regions;
use deepallele_core::io::text_input::is_stdio;

use crate::args::Args;
use crate::header;
use crate::outputs::{Outputs, Run};
use crate::samples::sample_names;

/// Count the fragments of `files`, aligned to the genomes of haplotype 1 and 2, and write all outputs.
pub fn run(args: &Args, files: [&Path; 2]) -> Result<()> {
    let vcf = args.haplotypes.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let haplotypes = [hap1, hap2];
    check_usage(args, files, vcf)?;
    let fasta = args.genome.required()?;
    let contigs = Reference::open(fasta)?.contigs().clone();
    let threads = args.threads.count();

    let regions = args.regions.as_deref().map(|p| args.region_options.read(p, &contigs)).transpose()?;
    let excluded = args.exclude.as_deref().map(|path| Regions::read(path, &contigs)).transpose()?;
    for regions in [&regions, &excluded].into_iter().flatten() {
        regions.lines().iter().for_each(|line| log::info!("{line}"));
    }
    let mut stream = VariantStream::builder(vcf, &contigs, &haplotypes[0], &haplotypes[1])
        .reference(Reference::open(fasta)?)
        .open()?;
    let (maps, variants) = read_maps(&mut stream, &contigs, regions.as_ref())?;
    stream.finish()?.lines().iter().for_each(|line| log::info!("{line}"));

    let options = JoinOptions {
        filter: args.filter.filter(),
        scoring: args.two_genomes.scoring,
        blocks: index_blocks(regions.as_ref()),
        excluded: index_blocks(excluded.as_ref()),
        group_by: args.cells.group_by,
        umi: args.cells.umi,
        records: args.two_genomes.merged_bam.is_some(),
    };
    let mut genomes = TwoGenomes::open(files, &maps, options, threads)?;
    let piped = haplotypes.iter().rev().find_map(|h| h.sample()).unwrap_or(".");
    let samples = sample_names(&args.sample_name, &[(files[0], genomes.files()[0].sample())], piped)?;
    args.test.check(&samples, regions.is_some())?;
    let run = Run {
        args,
        header: &header::lines(args, &files.map(Path::to_path_buf), vcf, &haplotypes),
        contigs: &contigs,
        samples: &samples,
        regions: regions.as_ref(),
        spans: None,
        variants: false,
    };
    let mut outputs = Outputs::create(run)?;
    if let Some(path) = &args.two_genomes.merged_bam {
        let header = merged_header(&genomes, program_line(args).as_deref());
        outputs.merged = Some(BamWriter::create(path, &header, &contigs, threads)?);
    }
    let mut progress = Progress::new("alignments", None);
    let mut advance = |n| progress.add(n);
    let mut sinks = outputs.sinks();
    let mut summary = count_two_genomes(&mut genomes, &mut sinks.fragments, sinks.merged, &mut advance)?;
    drop(progress);
    if let Some(tally) = outputs.in_regions() {
        // Of the strand that counts.
        summary.in_regions = tally;
    }
    summary.lines(regions.is_some()).iter().for_each(|line| log::info!("{line}"));
    Ok(outputs.finish(&variants)?.rename()?)
}

/// The `@PG` line of this run; None with `--no-version`.
fn program_line(args: &Args) -> Option<String> {
    (!args.version.no_version).then(|| {
        let run = provenance_of_run("count");
        format!("@PG\tID:deepallele-count\tPN:deepallele\tVN:{}\tCL:deepallele {}", run.version(), run.command_line())
    })
}

/// Check for options that cannot be combined, and for outputs.
fn check_usage(args: &Args, files: [&Path; 2], vcf: &Path) -> Result<()> {
    args.cells.check()?;
    args.overview.check()?;
    let merged = args.two_genomes.merged_bam.as_deref();
    let wrong = if !args.alignments.is_empty() {
        "takes either ALIGNMENTS, or --hap1-bam and --hap2-bam"
    } else if args.variants.per_variant.is_some() {
        "--per-variant needs alignments to the reference: leave it out with --hap1-bam"
    } else if !args.restrict.is_empty() {
        "cannot restrict reads aligned to two genomes: leave out -r, -R, -t and -T, and select regions with -L"
    } else if args.wasp {
        "--wasp needs alignments to the reference: leave it out with --hap1-bam"
    } else if args.bias.given() {
        "--bias-report and --bias-regions are about alignments to the reference: leave them out with --hap1-bam"
    } else if args.regions.is_none() && merged.is_none() && !args.cells.writes_fragments() {
        "has nothing to count: give -L REGIONS, --merged-bam FILE, or both"
    } else if args.regions.is_none() && !is_stdio(&args.output.output) {
        "-o is the table of regions: give -L REGIONS, or only --merged-bam FILE"
    } else if files[0] == files[1] {
        "--hap1-bam and --hap2-bam are the same file"
    } else {
        let inputs = [Some(files[0]), Some(files[1]), Some(vcf), args.regions.as_deref(), args.exclude.as_deref()];
        one_stdin(inputs.into_iter().flatten())?;
        return check_files(&crate::files::files(args));
    };
    Err(usage(wrong))
}
