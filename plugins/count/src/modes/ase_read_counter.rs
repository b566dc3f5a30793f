//! Counts reads by allele with the rules of GATK's ASEReadCounter (`--format gatk`).

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use deepallele_common::{check_files, one_stdin, usage, Progress};
use deepallele_core::counts::ase_read_counter;
use deepallele_core::error::Error;
use deepallele_core::genome::VariantStream;
use deepallele_core::io::bam::Alignments;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::OutFile;
use deepallele_core::io::text_input::is_stdio;

use crate::args::Args;
use crate::inputs::{self, Restriction};

/// Count, and write the table of `--per-variant`.
pub fn run(args: &Args) -> Result<()> {
    let files = inputs::alignment_files(args)?;
    let (input, vcf, output) = check_usage(args, &files)?;
    one_stdin([Some(input), Some(vcf), args.restrict.file()].into_iter().flatten())?;
    check_files(&crate::files::files(args))?;
    let fasta = args.genome.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let mut reference = Reference::open(fasta)?;
    let mut alignments = Alignments::open(input, Some(fasta), args.threads.count())?;
    let within = inputs::restriction(args, alignments.contigs())?;
    match &within {
        Some(Restriction::ByIndex(spans)) => alignments.restrict_by_index(spans)?,
        Some(Restriction::ByReading(spans)) => alignments.restrict_by_reading(spans),
        None => {}
    }
    // A second handle: the stream is ahead of the reads.
    let ahead = Some(Reference::open(fasta)?);
    let wanted = match &within {
        Some(Restriction::ByIndex(spans)) => Some(spans.contigs()),
        _ => None,
    };
    let mut variants = VariantStream::builder(vcf, alignments.contigs(), &hap1, &hap2)
        .reference(ahead)
        .only_contigs(wanted.as_deref())
        .open()?;
    let within = within.as_ref().map(Restriction::spans);
    let mut out = OutFile::create(output)?;
    let write = |e| Error::io(output, e);
    writeln!(out, "{}", ase_read_counter::COLUMNS.join("\t")).map_err(write)?;
    let mut progress = Progress::new("alignments", None);
    let summary = ase_read_counter::count_ase(
        &mut alignments,
        &mut variants,
        &mut reference,
        within,
        &args.filter.ase(),
        &mut |row| row.write(&mut out).map_err(write),
        &mut |n| progress.add(n),
    )?;
    drop(progress);
    variants.finish()?.lines().iter().for_each(|line| log::info!("{line}"));
    summary.lines().iter().for_each(|line| log::info!("{line}"));
    if summary.no_group > 0 && summary.written == 0 {
        log::warn!("reads without a read group are not counted: add one with samtools addreplacerg");
    }
    out.finish()?;
    Ok(())
}

/// The input, the variants and the output, after a check for options that this mode does not have.
fn check_usage<'a>(args: &'a Args, files: &'a [PathBuf]) -> Result<(&'a Path, &'a Path, &'a Path)> {
    let [input] = files else {
        return Err(usage("--format gatk takes one alignment file"));
    };
    let vcf = args.haplotypes.required()?;
    let Some(output) = &args.variants.per_variant else {
        return Err(usage("--format gatk needs --per-variant FILE"));
    };
    let wrong = if args.regions.is_some() {
        "counts at variants only: leave out -L, or count in regions in another run"
    } else if !is_stdio(&args.output.output) {
        "writes to --per-variant FILE: leave out -o, which is the table of regions"
    } else if args.exclude.is_some() || args.wasp {
        "does not have the filters --exclude and --wasp: leave them out"
    } else if args.cells.given() || args.bias.given() {
        "does not have --group-by, --fragments and --bias-report: give them in another run"
    } else if args.two_genomes.files().is_some() || !args.sample_name.is_empty() {
        "takes one alignment file and has no column for a sample: leave out --hap1-bam, --hap2-bam and --sample-name"
    } else if args.test.given() {
        "does not test: leave out --no-test, --dispersion, --expected-fraction and --combine"
    } else if args.overview.given() {
        "does not have --overview and --multiqc: give them in another run"
    } else {
        return Ok((input, vcf, output));
    };
    Err(usage(format!("--format gatk {wrong}")))
}
