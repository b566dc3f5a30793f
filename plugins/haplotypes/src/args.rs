//! The command line of `deepallele haplotypes`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;
use deepallele_common::{one_stdin, usage, GenomeArgs, HaplotypeArgs, MessageArgs, ProvenanceArgs, ThreadArgs};
use deepallele_core::io::regions::{Anchor, TssSource};
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::model::window::Orientation;

/// Write the sequences of the two haplotypes: whole genomes, chain files, masked reference, region pairs.
///
/// Any combination of outputs is written in one pass, contig by contig. Records that overlap an earlier one of
/// the same haplotype are not applied to it (first come, first served, by the bases they really change); unphased,
/// missing and symbolic alleles leave the reference. --report names each of them.
#[derive(Parser, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Write both genomes: PREFIX.hap1.fa and PREFIX.hap2.fa with their .fai; contigs keep their names
    #[arg(long, value_name = "PREFIX")]
    pub fasta: Option<PathBuf>,

    /// Compress the genomes of --fasta with bgzip: PREFIX.hap1.fa.gz with .fai and .gzi
    #[arg(short = 'z', long, requires = "fasta")]
    pub gzip: bool,

    /// Write the reference with N at every SNV in which the haplotypes differ (unphased ones too)
    #[arg(long, value_name = "FILE")]
    pub masked: Option<PathBuf>,

    /// With --masked: N also at the bases of indels and longer substitutions; of an insertion the base before it
    #[arg(long, requires = "masked")]
    pub mask_indels: bool,

    /// Write chain files for liftOver and CrossMap: PREFIX.hap1ToRef.chain, PREFIX.refToHap1.chain, same for hap2
    #[arg(long, value_name = "PREFIX")]
    pub chain: Option<PathBuf>,

    /// Regions of --pairs: BED, narrowPeak, a count table, GTF, GFF3 or SAF, gzip allowed
    #[arg(short = 'L', long, value_name = "FILE", requires = "pairs")]
    pub regions: Option<PathBuf>,

    /// Write both sequences of every region: a table id, allele_a, allele_b, or FASTA when the name ends in .fa,
    /// .fasta or either with .gz; a region without a name is called chrom:start-end as in BED
    #[arg(long, value_name = "FILE", requires = "regions")]
    pub pairs: Option<PathBuf>,

    /// With --pairs: windows of exactly N bases, filled from the genome, instead of what each haplotype has of the region
    #[arg(long, value_name = "N", requires = "pairs", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub window: Option<u32>,

    /// Base of a region around which its window lies: summit, middle or tss (5' end by strand) [default: summit where
    /// the file has summits, tss for genes of GTF and GFF3, else middle]
    #[arg(long, value_name = "BASE", requires = "window")]
    pub anchor: Option<Anchor>,

    /// Whose TSS in GTF and GFF3: gene, or canonical (the transcript tagged MANE_Select or Ensembl_canonical; the gene
    /// where there is none)
    #[arg(long, value_name = "SOURCE", default_value = "gene", requires = "window")]
    pub tss: TssSource,

    /// Strand from which windows are read: forward, or region (on the minus strand as the reverse complement)
    #[arg(long, value_name = "STRAND", default_value = "forward", requires = "window")]
    pub orient: Orientation,

    /// Write a line for each record and haplotype that carries something else than REF: applied, or why not
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub version: ProvenanceArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// `prefix` with `suffix` behind it.
pub fn named(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Args {
    /// The genomes of --fasta.
    pub fn genomes(&self) -> Option<[PathBuf; 2]> {
        let ending = if self.gzip { "fa.gz" } else { "fa" };
        self.fasta.as_ref().map(|prefix| [1, 2].map(|n| named(prefix, &format!(".hap{n}.{ending}"))))
    }

    /// The chain files of --chain: for each haplotype to the reference and back.
    pub fn chains(&self) -> Option<[[PathBuf; 2]; 2]> {
        let pair = |prefix: &Path, n| {
            [named(prefix, &format!(".hap{n}ToRef.chain")), named(prefix, &format!(".refToHap{n}.chain"))]
        };
        self.chain.as_ref().map(|prefix| [pair(prefix, 1), pair(prefix, 2)])
    }

    /// Combinations that cannot be.
    pub fn check(&self) -> Result<()> {
        let mut outputs: Vec<PathBuf> =
            [&self.masked, &self.pairs, &self.report].into_iter().flatten().cloned().collect();
        outputs.extend(self.genomes().into_iter().flatten());
        outputs.extend(self.chains().into_iter().flatten().flatten());
        if outputs.is_empty() {
            return Err(usage("has nothing to write: give --fasta, --masked, --chain, --pairs or --report"));
        }
        for (i, path) in outputs.iter().enumerate() {
            if outputs[..i].contains(path) && path != Path::new("/dev/null") {
                return Err(usage(match is_stdio(path) {
                    true => "two outputs cannot both go to standard output".to_string(),
                    false => format!("two outputs have the same name, \"{}\"", path.display()),
                }));
            }
        }
        one_stdin([self.haplotypes.variants.as_deref(), self.regions.as_deref()].into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(text: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("haplotypes").chain(text.split_whitespace()))
    }

    #[test]
    fn options_do_not_clash_and_need_each_other() {
        Args::command().debug_assert();
        for wrong in ["-z", "--mask-indels", "--pairs p", "-L x", "--window 5", "-L x --pairs p --window 0"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "--masked - --report -", "--masked x --report x", "-v - -L - --pairs p"] {
            assert!(parse(wrong).unwrap().check().is_err(), "{wrong}");
        }
        let args = parse("--fasta x/p -z --chain q").unwrap();
        args.check().unwrap();
        assert_eq!(args.genomes().unwrap()[1], Path::new("x/p.hap2.fa.gz"));
        assert_eq!(args.chains().unwrap()[0][1], Path::new("q.refToHap1.chain"));
    }
}
