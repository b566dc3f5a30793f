//! The command line of `deepallele count`.

use std::path::PathBuf;

use clap::Parser;
use deepallele_common::{GenomeArgs, HaplotypeArgs, MessageArgs, OutputArgs, ProvenanceArgs, RestrictArgs, ThreadArgs};

use crate::bias::BiasArgs;
use crate::cells::CellArgs;
use crate::filter_args::FilterArgs;
use crate::imbalance::TestArgs;
use crate::overview::OverviewArgs;
use crate::region_args::RegionArgs;
use crate::two_genomes::TwoGenomesArgs;
use crate::variant_output::VariantOutputArgs;

/// Count the fragments of each haplotype in regions and at variants.
///
/// A fragment is a read pair or a single read. Every phased variant that it covers is asked how much better one
/// local haplotype sequence explains its bases than the other; the fragment goes to the haplotype for which their
/// sum speaks at 95 %. It is conflicting when more speaks for the other than one sequencing error explains, else
/// uninformative. Overlapping mates count once. It belongs to every region that one of its aligned bases touches.
/// Insertions, deletions and what lies within them are told with the reference sequence only: give -f.
#[derive(Parser, Clone, Debug)]
pub struct Args {
    /// Alignments sorted by position: BAM, CRAM (with -f) or SAM, several files for several samples; - or a pipe
    /// is read from standard input
    #[arg(value_name = "ALIGNMENTS")]
    pub alignments: Vec<PathBuf>,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Regions to count in: BED, narrowPeak, a count table, SAF, GTF or GFF3 (exons of a gene are one region), gzip
    /// allowed
    #[arg(short = 'L', long, value_name = "FILE")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub region_options: RegionArgs,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub variant_output: VariantOutputArgs,

    #[command(flatten)]
    pub cells: CellArgs,

    #[command(flatten)]
    pub bias: BiasArgs,

    #[command(flatten)]
    pub filter: FilterArgs,

    /// Leave out reads of which an aligned base lies in one of these regions, such as a blacklist
    #[arg(long, value_name = "FILE")]
    pub exclude: Option<PathBuf>,

    /// Leave out reads whose tag vW (written by STAR with --waspOutputMode SAMtag) is another than 1
    #[arg(long)]
    pub wasp: bool,

    #[command(flatten)]
    pub test: TestArgs,

    #[command(flatten)]
    pub overview: OverviewArgs,

    /// Name in the column `sample`, one for each alignment file, comma-separated or repeated [default: that of
    /// the read groups if they name one and no other file has it, else the file's]
    #[arg(long, value_name = "NAME", value_parser = name, value_delimiter = ',')]
    pub sample_name: Vec<String>,

    #[command(flatten)]
    pub two_genomes: TwoGenomesArgs,

    #[command(flatten)]
    pub restrict: RestrictArgs,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub version: ProvenanceArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// A name that can stand in a column of a table.
pub fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("a name is some text without tabs".into());
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
}
