//! `--hap1-bam` and `--hap2-bam`: reads aligned to the genomes of both haplotypes.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args as ClapArgs;
use deepallele_common::{one_stdin, provenance_of_run, usage, Progress};
use deepallele_core::counts::dual_reference::alignment_score::Scoring;
use deepallele_core::counts::dual_reference::count::{blocks_of, count_two_genomes, merged_header, read_maps};
use deepallele_core::counts::dual_reference::join::{Joining, TwoGenomes};
use deepallele_core::counts::{CountTable, FragmentSink, RegionTallies};
use deepallele_core::error::Error;
use deepallele_core::genome::VariantStream;
use deepallele_core::io::bam::writer::BamWriter;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::{OutFile, TabixFormat};
use deepallele_core::io::regions::Regions;
use deepallele_core::io::text_input::is_stdio;

use crate::args::Args;
use crate::samples;

/// Options of the mode of two genomes.
#[derive(ClapArgs, Clone, Debug)]
pub struct TwoGenomesArgs {
    /// Instead of ALIGNMENTS: the reads aligned to the genome of haplotype 1, as `deepallele haplotypes --fasta`
    /// writes it from the same -f and -v; BAM or SAM in any order
    #[arg(long, value_name = "BAM", requires = "hap2_bam")]
    pub hap1_bam: Option<PathBuf>,

    /// The same reads aligned to the genome of haplotype 2. The better alignment of a fragment wins; a fragment
    /// aligned to one genome only is no evidence and counts as uninformative
    #[arg(long, value_name = "BAM", requires = "hap1_bam")]
    pub hap2_bam: Option<PathBuf>,

    /// likelihood: bases that differ cost by their quality, gaps 45 and 10 a further base, clipped bases as if they
    /// differed; suspenders: as that tool does it, where clipped bases are free, for comparison only
    #[arg(long, value_name = "HOW", default_value = "likelihood", requires = "hap1_bam")]
    pub scoring: Scoring,

    /// Also write the better alignment of each fragment on the reference: tag HP 1 or 2 (absent when not told), tag
    /// po 1, 2 or 3 (not told). Mates stand together; MD and NM are left out
    #[arg(long, value_name = "BAM", requires = "hap1_bam")]
    pub merged_bam: Option<PathBuf>,
}

impl TwoGenomesArgs {
    /// The two files, when they were given.
    pub fn files(&self) -> Option<[&Path; 2]> {
        self.hap1_bam.as_deref().zip(self.hap2_bam.as_deref()).map(|(a, b)| [a, b])
    }
}

/// Count the fragments of `files`.
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
    let blocks = blocks_of(regions.as_ref());
    let mut variants = VariantStream::builder(vcf, &contigs, &haplotypes[0], &haplotypes[1])
        .reference(Reference::open(fasta)?)
        .open()?;
    let (maps, differing) = read_maps(&mut variants, &contigs, regions.as_ref().map_or(0, |r| r.list.len()), &blocks)?;
    variants.finish()?.lines().iter().for_each(|line| log::info!("{line}"));

    let joining = Joining {
        filter: args.filter.filter(),
        scoring: args.two_genomes.scoring,
        blocks,
        excluded: blocks_of(excluded.as_ref()),
        group_by: args.cells.tags().0,
        umi: args.cells.tags().1,
        records: args.two_genomes.merged_bam.is_some(),
    };
    let mut genomes = TwoGenomes::open(files, &maps, joining, threads)?;
    let piped = haplotypes.iter().rev().find_map(|h| h.sample()).unwrap_or(".");
    let samples = samples::sample_names(&args.sample_name, &[(files[0], genomes.files()[0].sample())], piped)?;
    args.test.check(&samples, regions.is_some())?;
    // Opened before the long part, so that a folder that cannot be written is known at once.
    let table_out = regions.is_some().then(|| OutFile::create(&args.output.output)).transpose()?;
    let program = (!args.version.no_version).then(|| {
        let run = provenance_of_run("count");
        format!("@PG\tID:deepallele-count\tPN:deepallele\tVN:{}\tCL:deepallele {}", run.version(), run.command_line())
    });
    let header = merged_header(&genomes, program.as_deref());
    let create = |path: &PathBuf| BamWriter::create(path, &header, &contigs, threads);
    let mut merged = args.two_genomes.merged_bam.as_ref().map(create).transpose()?;

    let mut by_region = regions.as_ref().map(|r| RegionTallies::new(r, 1, args.region_options.strandedness));
    let lines = crate::header(args, &files.map(Path::to_path_buf), vcf, &haplotypes);
    let strandedness = args.region_options.strandedness;
    let mut by_cell = args.cells.create(&samples, &contigs, regions.as_ref(), strandedness, &lines)?;
    let mut overview = args.overview.create(&samples, &contigs, false)?;
    let mut sinks: Vec<&mut dyn FragmentSink> = Vec::new();
    sinks.extend(by_cell.sinks());
    sinks.extend(overview.sinks().0);
    sinks.extend(by_region.as_mut().map(|s| s as &mut dyn FragmentSink));
    let mut progress = Progress::new("alignments", None);
    let mut advance = |n| progress.add(n);
    let mut summary = count_two_genomes(&mut genomes, &mut sinks, merged.as_mut(), &mut advance)?;
    drop(progress);
    if let Some(tallies) = &by_region {
        summary.in_regions = tallies.all();
    }
    summary.lines(regions.is_some()).iter().for_each(|line| log::info!("{line}"));

    // All are whole before any gets its name.
    let by_cell = by_cell.close(regions.as_ref(), crate::made_by(args).as_deref())?;
    let merged = merged.map(BamWriter::finish).transpose()?;
    let mut table_out = table_out;
    if let (Some(out), Some(regions), Some(tallies)) = (&mut table_out, &regions, &by_region) {
        let mut rows = crate::rows(regions, &summary.as_counted(differing), tallies, &samples);
        let lines = lines.into_iter().chain(args.region_options.header(regions));
        let header = lines.chain(args.test.test(&mut rows)).collect();
        let path = out.path().to_path_buf();
        let table = CountTable { header, rows };
        table.write(out).and_then(|()| out.flush()).map_err(|e| Error::io(path, e))?;
        overview.run(&table.rows, args.test.settings())?;
    } else {
        overview.run(&[], args.test.settings())?;
    }
    if let Some(out) = merged {
        out.persist()?;
    }
    if let Some(out) = table_out {
        out.finish_indexed(TabixFormat::Bed)?;
    }
    by_cell.persist()?;
    overview.persist()
}

/// Combinations of options that cannot be.
fn check_usage(args: &Args, files: [&Path; 2], vcf: &Path) -> Result<()> {
    args.cells.check()?;
    args.overview.check()?;
    let merged = args.two_genomes.merged_bam.as_deref();
    let wrong = if !args.alignments.is_empty() {
        "takes either ALIGNMENTS, or --hap1-bam and --hap2-bam"
    } else if args.variant_output.per_variant.is_some() {
        "counts at variants only with one file of alignments to the reference: leave out --per-variant"
    } else if args.restrict.by_index()?.is_some() || args.restrict.by_stream()?.is_some() {
        "cannot restrict reads aligned to two genomes: leave out -r, -R, -t and -T, and choose with -L"
    } else if args.wasp {
        "takes --wasp only with one file of alignments to the reference"
    } else if args.bias.given() {
        "--bias-report is about one file of alignments to the reference: leave it out"
    } else if args.regions.is_none() && merged.is_none() && !args.cells.stands_alone() {
        "has nothing to count: give -L REGIONS, or --merged-bam FILE, or both"
    } else if args.regions.is_none() && !is_stdio(&args.output.output) {
        "-o is the table of regions: give -L REGIONS, or only --merged-bam FILE"
    } else if args.regions.is_some() && merged == Some(&args.output.output) {
        "-o and --merged-bam name the same file, or both standard output"
    } else if files[0] == files[1] {
        "--hap1-bam and --hap2-bam are the same file"
    } else {
        let inputs = [Some(files[0]), Some(files[1]), Some(vcf), args.regions.as_deref(), args.exclude.as_deref()];
        return one_stdin(inputs.into_iter().flatten());
    };
    Err(usage(wrong))
}
