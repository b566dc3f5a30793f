//! bcftools as a reader of our variants and as a second opinion on haplotypes.

use std::path::Path;
use std::process::Command;

use super::{feed, silently, text, tool};

/// `format` of every record of a file, by columns, through `bcftools query` without a warning: both a reader of our
/// numbers and a check of the file.
pub fn query(file: &Path, format: &str) -> Vec<Vec<String>> {
    columns(silently(tool("bcftools", ["query", "-f", format]).arg(file)))
}

/// [`query`] of VCF or BCF given as bytes.
pub fn query_bytes(vcf: &[u8], format: &str) -> Vec<Vec<String>> {
    columns(feed(&mut tool("bcftools", ["query", "-f", format, "-"]), vcf))
}

fn columns(table: Vec<u8>) -> Vec<Vec<String>> {
    text(&table).lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// `bcftools consensus` of haplotype `which`, as its `-H` has it.
pub fn consensus(reference: &Path, vcf: &Path, sample: &str, which: &str) -> Command {
    let mut command = tool("bcftools", ["consensus", "-s", sample, "-H", which, "-f"]);
    command.arg(reference).arg(vcf);
    command
}
