//! `--format gatk`: a pass of its own with the rules of ASEReadCounter.

use std::io::Write;

use anyhow::Result;
use deepallele_common::{one_stdin, usage, Progress};
use deepallele_core::counts::ase_read_counter;
use deepallele_core::error::Error;
use deepallele_core::genome::VariantStream;
use deepallele_core::io::bam::Alignments;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::OutFile;
use deepallele_core::io::text_input::is_stdio;

use crate::args::Args;
use crate::inputs::{self, Restriction};

/// Count at the variants and write the table of `--per-variant`.
pub fn run(args: &Args) -> Result<()> {
    let [input] = &inputs::alignment_files(args)?[..] else {
        return Err(usage("--format gatk takes one alignment file"));
    };
    let vcf = args.haplotypes.required()?;
    let Some(output) = &args.variant_output.per_variant else {
        return Err(usage("--format gatk needs --per-variant FILE"));
    };
    if args.regions.is_some() {
        return Err(usage("--format gatk counts at variants only: leave out -L, or count the regions in another run"));
    }
    if !is_stdio(&args.output.output) {
        return Err(usage("-o is the table of regions; --format gatk writes to --per-variant FILE"));
    }
    if args.exclude.is_some() || args.wasp {
        return Err(usage("--exclude and --wasp are not among the rules of --format gatk: leave them out"));
    }
    if args.cells.given() || args.bias.given() {
        return Err(usage(
            "--format gatk takes neither --group-by, --fragments nor --bias-report: give them in another run",
        ));
    }
    if args.two_genomes.files().is_some() || !args.sample_name.is_empty() {
        let why = "has no column for a sample: leave out --hap1-bam, --hap2-bam and --sample-name";
        return Err(usage(format!("--format gatk takes one alignment file and {why}")));
    }
    if args.test.given() {
        let options = "--no-test, --dispersion, --expected-fraction and --combine";
        return Err(usage(format!("--format gatk tests nothing: leave out {options}")));
    }
    if args.overview.given() {
        return Err(usage("--format gatk takes neither --overview nor --multiqc: give them in another run"));
    }
    one_stdin([Some(input.as_path()), Some(vcf), args.restrict.file()].into_iter().flatten())?;
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
    // A second handle: the stream reads ahead of the reads.
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
        log::warn!("reads without a read group do not count here: add one with samtools addreplacerg");
    }
    out.finish()?;
    Ok(())
}
