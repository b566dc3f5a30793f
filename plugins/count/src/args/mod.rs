//! The command line of `deepallele count`.
//!
//! | module | options |
//! |---|---|
//! | [`regions`] | regions from annotation, and strand-specific libraries |
//! | [`variants`] | the per-variant table and its format |
//! | [`cells`] | groups of fragments, sparse matrices, fragments files |
//! | [`two_genomes`] | alignments to the genomes of both haplotypes |
//! | [`bias`] | the report of reference bias |
//! | [`imbalance`] | the test of allelic imbalance |
//! | [`overview`] | plots of the run, and a file for MultiQC |
//! | [`filters`] | which reads and bases count |

pub mod bias;
pub mod cells;
pub mod filters;
pub mod imbalance;
pub mod overview;
pub mod regions;
pub mod two_genomes;
pub mod variants;

use std::path::PathBuf;

use clap::Parser;
use deepallele_common::{GenomeArgs, HaplotypeArgs, MessageArgs, OutputArgs, ProvenanceArgs, RestrictArgs, ThreadArgs};

use bias::BiasArgs;
use cells::CellArgs;
use filters::FilterArgs;
use imbalance::TestArgs;
use overview::OverviewArgs;
use regions::RegionArgs;
use two_genomes::TwoGenomesArgs;
use variants::VariantArgs;

const EXAMPLES: &str = "Examples:
  # Fragments of each haplotype in peaks, also across insertions and deletions
  deepallele count sample.bam -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak -o peak_counts.tsv.gz

  # Stranded RNA-seq: fragments in the exons of genes
  deepallele count sample.bam -f ref.fa -v phased.vcf.gz -s NA12878 -L genes.gtf --strandedness reverse -o genes.tsv.gz

  # Fragments per allele at every variant, as VCF
  deepallele count sample.bam -f ref.fa -v phased.vcf.gz -s NA12878 --per-variant allele_counts.vcf.gz";

/// Count the fragments of each haplotype in regions and at variants
///
/// Each fragment (read pair or single read) is scored at every phased variant it covers by the log-likelihood ratio of
/// its bases under the two local haplotype sequences, and assigned to a haplotype when the summed ratio corresponds to
/// at least 95 % posterior probability. It is conflicting when the evidence for the other haplotype exceeds what one
/// sequencing error explains, and uninformative otherwise. Overlapping mates count once. A fragment counts in every
/// region that one of its aligned bases overlaps. Insertions, deletions and the variants within them can only be
/// scored with the reference sequence: give -f.
#[derive(Parser, Clone, Debug)]
#[command(display_order = 20, after_help = EXAMPLES)]
pub struct Args {
    /// Alignments sorted by position: BAM, CRAM (needs -f) or SAM, one file per sample; - or a pipe reads standard
    /// input
    #[arg(value_name = "ALIGNMENTS")]
    pub alignments: Vec<PathBuf>,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Sample names of the alignment files, comma-separated or repeated [default: the sample of the read groups if
    /// the file has only one and no other file has it, else the file name]
    #[arg(long, help_heading = "Input", value_name = "NAME", value_parser = name, value_delimiter = ',')]
    pub sample_name: Vec<String>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten, next_help_heading = "Output")]
    pub variants: VariantArgs,

    #[command(flatten, next_help_heading = "Output")]
    pub overview: OverviewArgs,

    #[command(flatten)]
    pub version: ProvenanceArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Regions to count in: BED, narrowPeak, a count table, SAF, GTF or GFF3 (the exons of a gene are one region);
    /// may be gzip-compressed
    #[arg(short = 'L', long, help_heading = "Regions and variants", value_name = "FILE")]
    pub regions: Option<PathBuf>,

    #[command(flatten, next_help_heading = "Regions and variants")]
    pub region_options: RegionArgs,

    #[command(flatten)]
    pub restrict: RestrictArgs,

    #[command(flatten, next_help_heading = "Single cells")]
    pub cells: CellArgs,

    #[command(flatten, next_help_heading = "Alignments to two genomes")]
    pub two_genomes: TwoGenomesArgs,

    #[command(flatten, next_help_heading = "Reference bias")]
    pub bias: BiasArgs,

    #[command(flatten, next_help_heading = "Imbalance test")]
    pub test: TestArgs,

    #[command(flatten, next_help_heading = "Filtering")]
    pub filter: FilterArgs,

    /// Exclude reads with an aligned base in any of these regions, such as a blacklist
    #[arg(long, help_heading = "Filtering", value_name = "FILE")]
    pub exclude: Option<PathBuf>,

    /// Exclude reads whose vW tag (STAR with --waspOutputMode SAMtag) has a value other than 1
    #[arg(long, help_heading = "Filtering")]
    pub wasp: bool,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// A name that can be written into a column of a table.
pub fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("a name must not be empty or contain tabs".into());
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(text: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(std::iter::once("count").chain(text.split_whitespace()))
    }

    #[test]
    fn options_do_not_clash() {
        Args::command().debug_assert();
        assert!(parse("a.bam").is_ok());
        assert!(parse("a.bam --strandedness forward").is_err(), "without -L");
        assert!(parse("a.bam -L x --strandedness forward --feature-type gene").is_ok());
    }

    #[test]
    fn examples_parse() {
        for line in EXAMPLES.lines().filter_map(|l| l.strip_prefix("  deepallele count ")) {
            assert!(parse(line).is_ok(), "{line}");
        }
    }
}
