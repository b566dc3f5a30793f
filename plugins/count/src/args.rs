//! The command line of `deepallele count`.

use std::path::PathBuf;

use clap::Parser;
use deepallele_common::{GenomeArgs, HaplotypeArgs, MessageArgs, OutputArgs, ProvenanceArgs, RestrictArgs, ThreadArgs};
use deepallele_core::reads::Filter;

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

    /// Also write a table of fragments at each SNV (may stand alone, without -L)
    #[arg(long, value_name = "FILE")]
    pub per_variant: Option<PathBuf>,

    /// Leave out reads with a mapping quality below this
    #[arg(short = 'q', long = "min-mapq", value_name = "N", default_value_t = 10)]
    min_mapq: u8,

    /// Leave out bases with a quality below this, after overlapping mates are reconciled
    #[arg(short = 'Q', long = "min-baseq", value_name = "N", default_value_t = 13)]
    min_baseq: u8,

    /// Leave out reads with any of these flags [default: unmapped, secondary, QC-fail, duplicate, supplementary]
    #[arg(short = 'F', long = "excl-flags", value_name = "FLAGS", default_value = "3844", value_parser = flags)]
    excluded_flags: u16,

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

impl Args {
    /// Which reads and bases count.
    pub fn filter(&self) -> Filter {
        Filter { mapping_quality: self.min_mapq, base_quality: self.min_baseq, excluded_flags: self.excluded_flags }
    }
}

/// Flags in decimal or, behind 0x, hexadecimal.
fn flags(text: &str) -> Result<u16, String> {
    let value = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    value.map_err(|_| "flags are a number, such as 3844 or 0xF04".into())
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
    fn options_do_not_clash_and_defaults_are_those_of_the_filter() {
        Args::command().debug_assert();
        assert_eq!(parse("a.bam").unwrap().filter(), Filter::default());
        assert_eq!(parse("-F 0x400 -q 0 -Q 20").unwrap().filter().excluded_flags, 0x400);
        assert!(parse("-F x").is_err());
        assert!(parse("-q 300").is_err());
    }
}
