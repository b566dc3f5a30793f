//! `--per-variant --format`: counts per variant.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

/// Formats of the counts per variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VariantFormat {
    /// Table with one line per record and sample
    Tsv,
    /// VCF or BCF with one column per sample: GT, AD, DA_H1, DA_H2, DA_OTHER, DA_CONFLICT
    Vcf,
    /// Columns and rules of GATK's ASEReadCounter
    Gatk,
}

/// `--per-variant --format`
#[derive(Args, Clone, Debug)]
pub struct VariantArgs {
    /// Also write the fragments per allele at each variant (-L is then optional); a name in .gz is written with bgzip
    /// and indexed
    #[arg(long, value_name = "FILE")]
    pub per_variant: Option<PathBuf>,

    /// Format of --per-variant [default: vcf for a name in .vcf, .vcf.gz or .bcf, else tsv]
    ///
    /// gatk is a separate mode, which takes one alignment file and -f, but not -L. It uses every biallelic
    /// heterozygous SNV, phased or not, and every read with a read group, including supplementary and QC-fail reads.
    /// Its defaults are -q 0, -Q 0 and -F 1284.
    #[arg(long, value_name = "FORMAT", value_enum, requires = "per_variant")]
    format: Option<VariantFormat>,
}

impl VariantArgs {
    /// The format, by `--format` or by the name of the file.
    pub fn format(&self) -> VariantFormat {
        let name = self.per_variant.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().to_lowercase());
        let vcf =
            name.is_some_and(|n| [".vcf", ".vcf.gz", ".vcf.bgz", ".bcf"].iter().any(|suffix| n.ends_with(suffix)));
        self.format.unwrap_or(if vcf { VariantFormat::Vcf } else { VariantFormat::Tsv })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct All {
        #[command(flatten)]
        variants: VariantArgs,
    }

    #[test]
    fn the_file_name_determines_the_format_unless_given() {
        let format = |text: &str| {
            let parsed = All::try_parse_from(std::iter::once("x").chain(text.split_whitespace()));
            parsed.ok().map(|a| a.variants.format())
        };
        for (text, expected) in [
            ("", VariantFormat::Tsv),
            ("--per-variant a.tsv.gz", VariantFormat::Tsv),
            ("--per-variant -", VariantFormat::Tsv),
            ("--per-variant a.vcf", VariantFormat::Vcf),
            ("--per-variant a.VCF.gz", VariantFormat::Vcf),
            ("--per-variant a.bcf", VariantFormat::Vcf),
            ("--per-variant - --format vcf", VariantFormat::Vcf),
            ("--per-variant a.vcf --format tsv", VariantFormat::Tsv),
            ("--per-variant a.tsv --format gatk", VariantFormat::Gatk),
        ] {
            assert_eq!(format(text), Some(expected), "{text}");
        }
        assert_eq!(format("--format vcf"), None);
    }
}
