//! The command line of `deepallele haplotypes`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;
use deepallele_common::{
    choice_parser, one_stdin, usage, GenomeArgs, HaplotypeArgs, MessageArgs, ProvenanceArgs, RunFiles, ThreadArgs,
};
use deepallele_core::io::regions::{Anchor, TssSource};
use deepallele_core::model::window::Orientation;

const EXAMPLES: &str = "Examples:
  # Both genomes, chain files and a per-record report
  deepallele haplotypes -f ref.fa -v phased.vcf.gz -s NA12878 --fasta genomes -z --chain maps --report status.tsv.gz

  # The reference with N wherever the haplotypes differ, for alignment without reference bias
  deepallele haplotypes -f ref.fa -v phased.vcf.gz -s NA12878 --masked masked.fa.gz --mask-indels

  # Both sequences of each peak, 1000 bases around its summit
  deepallele haplotypes -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak --pairs sequences.tsv --window 1000";

/// Write the sequences of both haplotypes
///
/// Any combination of outputs (genomes, chain files, masked reference, pairs of regions) is written in one pass, contig
/// by contig. Of records that overlap on one haplotype, the first by position of the bases that it changes is applied.
/// Unphased, missing and symbolic alleles are left as reference. --report lists every record with the reason.
#[derive(Parser, Clone, Debug)]
#[command(display_order = 10, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Write the genomes of both haplotypes: PREFIX.hap1.fa and PREFIX.hap2.fa, with .fai; contigs keep their names
    #[arg(long, value_name = "PREFIX", help_heading = "Output")]
    pub fasta: Option<PathBuf>,

    /// Compress the genomes of --fasta with bgzip: PREFIX.hap1.fa.gz, with .fai and .gzi
    #[arg(short = 'z', long, requires = "fasta", help_heading = "Output")]
    pub gzip: bool,

    /// Write the reference with N at every SNV in which the haplotypes differ, phased or not
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub masked: Option<PathBuf>,

    /// With --masked: also N at the reference bases of indels and MNVs, and at the base before an insertion
    #[arg(long, requires = "masked", help_heading = "Output")]
    pub mask_indels: bool,

    /// Write chain files for liftOver and CrossMap: PREFIX.hap1ToRef.chain, PREFIX.refToHap1.chain, and for haplotype 2
    #[arg(long, value_name = "PREFIX", help_heading = "Output")]
    pub chain: Option<PathBuf>,

    /// Write the two sequences of every region of -L: a table with the columns id, allele_a and allele_b, or FASTA if the
    /// name ends in .fa or .fasta, with or without .gz. A region without a name has the id chrom:start-end, as in BED
    #[arg(long, value_name = "FILE", requires = "regions", help_heading = "Output")]
    pub pairs: Option<PathBuf>,

    /// With --pairs: windows of exactly N bases around an anchor of each region, instead of the region itself
    #[arg(long, value_name = "N", requires = "pairs", help_heading = "Windows",
          value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub window: Option<u32>,

    /// Base of a region around which its window lies: summit, middle or tss (5' end by strand) [default: summit if the
    /// file has summits, tss for genes of GTF and GFF3, else middle]
    #[arg(long, value_name = "BASE", requires = "window", help_heading = "Windows",
          value_parser = choice_parser!(Anchor), hide_possible_values = true)]
    pub anchor: Option<Anchor>,

    /// Whose TSS in GTF and GFF3: gene, or canonical (of the transcript tagged MANE_Select or Ensembl_canonical; of the
    /// gene where there is none)
    #[arg(long, value_name = "SOURCE", default_value = "gene", requires = "window", help_heading = "Windows",
          value_parser = choice_parser!(TssSource), hide_possible_values = true)]
    pub tss: TssSource,

    /// Strand from which windows are read: forward, or region (on the minus strand as the reverse complement)
    #[arg(long, value_name = "STRAND", default_value = "forward", requires = "window", help_heading = "Windows",
          value_parser = choice_parser!(Orientation), hide_possible_values = true)]
    pub orient: Orientation,

    /// Write one line per record and haplotype that carries an allele other than REF: applied, or skipped with the reason
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,

    #[command(flatten)]
    pub version: ProvenanceArgs,

    /// Regions of --pairs: BED, narrowPeak or count table, gzip allowed
    #[arg(short = 'L', long, value_name = "FILE", requires = "pairs", help_heading = "Regions and variants")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// `prefix` followed by `suffix`.
pub fn named(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether the pairs are written as FASTA, by their name.
pub fn is_fasta(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".bgz")).unwrap_or(&name);
    name.ends_with(".fa") || name.ends_with(".fasta")
}

impl Args {
    /// The files of --fasta, for haplotype 1 and 2.
    pub fn genomes(&self) -> Option<[PathBuf; 2]> {
        let ending = if self.gzip { "fa.gz" } else { "fa" };
        self.fasta.as_ref().map(|prefix| [1, 2].map(|n| named(prefix, &format!(".hap{n}.{ending}"))))
    }

    /// The files of --chain: for each haplotype to the reference, and from it.
    pub fn chains(&self) -> Option<[[PathBuf; 2]; 2]> {
        let pair = |prefix: &Path, n| {
            [named(prefix, &format!(".hap{n}ToRef.chain")), named(prefix, &format!(".refToHap{n}.chain"))]
        };
        self.chain.as_ref().map(|prefix| [pair(prefix, 1), pair(prefix, 2)])
    }

    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        self.regions.iter().for_each(|path| files.read("-L", path));
        let mut fasta = |option: &str, path: &Path| {
            let compressed = path.extension().is_some_and(|end| end == "gz" || end == "bgz");
            files.write_indexed(option, path, if compressed { &[".fai", ".gzi"] } else { &[".fai"] });
        };
        self.genomes().iter().flatten().for_each(|path| fasta("--fasta", path));
        self.masked.iter().for_each(|path| fasta("--masked", path));
        match &self.pairs {
            Some(path) if is_fasta(path) => fasta("--pairs", path),
            Some(path) => files.write("--pairs", path),
            None => {}
        }
        self.chains().iter().flatten().flatten().for_each(|path| files.write("--chain", path));
        self.report.iter().for_each(|path| files.write("--report", path));
        files
    }

    /// A usage error for combinations that make no sense.
    pub fn check(&self) -> Result<()> {
        if [&self.fasta, &self.masked, &self.chain, &self.pairs, &self.report].into_iter().flatten().next().is_none() {
            return Err(usage("needs an output: give --fasta, --masked, --chain, --pairs or --report"));
        }
        one_stdin([self.haplotypes.variants.as_deref(), self.regions.as_deref()].into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use deepallele_common::check_files;

    fn parse(text: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("haplotypes").chain(text.split_whitespace()))
    }

    #[test]
    fn options_are_consistent_and_require_each_other() {
        Args::command().debug_assert();
        for wrong in ["-z", "--mask-indels", "--pairs p", "-L x", "--window 5", "-L x --pairs p --window 0"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "--masked - --report -", "--masked x --report x", "-v - -L - --pairs p"] {
            let args = parse(wrong).unwrap();
            assert!(args.check().and_then(|()| check_files(&args.files())).is_err(), "{wrong}");
        }
        let args = parse("--fasta x/p -z --chain q").unwrap();
        args.check().unwrap();
        assert_eq!(args.genomes().unwrap()[1], Path::new("x/p.hap2.fa.gz"));
        assert_eq!(args.chains().unwrap()[0][1], Path::new("q.refToHap1.chain"));
    }
}
