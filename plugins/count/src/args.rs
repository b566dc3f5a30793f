//! The command line of `deepallele count`.

use std::path::PathBuf;

use clap::Parser;
use deepallele_common::{GenomeArgs, HaplotypeArgs, MessageArgs, OutputArgs, ProvenanceArgs, RestrictArgs, ThreadArgs};

use crate::filter_args::FilterArgs;
use crate::variant_output::VariantOutputArgs;

/// Count the fragments of each haplotype in regions and at variants.
///
/// A fragment is a read pair or a single read. It goes to haplotype 1 or 2 when the SNV bases of all its reads
/// fit only that one; it is conflicting when they fit both in different places, else uninformative. Overlapping
/// mates count once. It belongs to every region that one of its aligned bases touches.
#[derive(Parser, Clone, Debug)]
pub struct Args {
    /// Alignments sorted by position: BAM, CRAM (with -f) or SAM; - or a pipe is read from standard input
    #[arg(value_name = "ALIGNMENTS")]
    pub alignments: Option<PathBuf>,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Regions to count in: BED, narrowPeak or a count table, gzip allowed
    #[arg(short = 'L', long, value_name = "FILE")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub variant_output: VariantOutputArgs,

    #[command(flatten)]
    pub filter: FilterArgs,

    /// Name in the column `sample` [default: that of the read groups if they name one, else the file's]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub sample_name: Option<String>,

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

fn name(text: &str) -> Result<String, String> {
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
    }
}
