//! `--group-by --matrix --barcodes --umi --fragments --tn5-shift`: single cells.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::io::text_input::is_stdio;

/// `--group-by --matrix --barcodes --umi --fragments --tn5-shift`
#[derive(Args, Clone, Debug)]
pub struct CellArgs {
    /// Group the fragments of --matrix and --fragments by this tag of their reads, such as CB for cell barcodes
    ///
    /// With several alignment files, groups are named SAMPLE_VALUE.
    #[arg(long, value_name = "TAG", value_parser = tag)]
    pub group_by: Option<[u8; 2]>,

    /// Write the fragments by region and group as sparse matrices into this folder (needs -L and --group-by)
    ///
    /// The folder receives the folders hap1, hap2, uninformative and conflicting, each with barcodes.tsv.gz,
    /// features.tsv.gz and matrix.mtx.gz as 10x tools write them. scanpy.read_10x_mtx (with gex_only=False if the
    /// regions are peaks) and Read10X of Seurat read each of them. All four have the same rows, the regions, and the
    /// same columns, the groups with a fragment in a region, sorted. Fragments are counted, not cut sites.
    #[arg(long, value_name = "DIR", requires_all = ["group_by", "regions"])]
    pub matrix: Option<PathBuf>,

    /// Use only the groups of this list, one per line, gzip allowed; they become the columns of the matrices, in this
    /// order
    ///
    /// With several alignment files, an entry applies to each of them, or to one if written as SAMPLE_VALUE.
    #[arg(long, value_name = "FILE", requires = "group_by")]
    pub barcodes: Option<PathBuf>,

    /// In the matrices, count the fragments of one group, region and value of this tag, such as UB, as one molecule
    ///
    /// A molecule has the haplotype of the majority of its informative fragments; it is conflicting if there are as
    /// many of either.
    #[arg(long, value_name = "TAG", requires = "matrix", value_parser = tag)]
    pub umi: Option<[u8; 2]>,

    /// Write PREFIX.hap1.fragments.tsv.gz, and the same for hap2, uninformative and conflicting, each with an index
    ///
    /// Columns are those of the fragments.tsv.gz of 10x tools: contig, start, end (0-based, half-open), group (the
    /// sample without --group-by), and the number of fragments that agree in these four; duplicates are included only
    /// if -F passes them. Sorted and indexed with tabix. Written are pairs whose mates are aligned to one contig, and
    /// unpaired reads.
    #[arg(long, value_name = "PREFIX")]
    pub fragments: Option<PathBuf>,

    /// In --fragments, shift starts by 4 bases to the right and ends by 5 to the left, as cellranger-atac does
    ///
    /// They are then in the middle between the two cuts of the transposase. Not for reads that were shifted before,
    /// nor for assays without transposase.
    #[arg(long, requires = "fragments")]
    pub tn5_shift: bool,
}

/// A tag's name: a letter, and a letter or digit.
fn tag(text: &str) -> Result<[u8; 2], String> {
    match text.as_bytes() {
        [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphanumeric() => Ok([*a, *b]),
        _ => Err("a tag has two characters, such as CB".into()),
    }
}

impl CellArgs {
    /// True if fragments files are written, which a run may do alone.
    pub fn writes_fragments(&self) -> bool {
        self.fragments.is_some()
    }

    /// True if any of these options was given.
    pub fn given(&self) -> bool {
        self.group_by.is_some() || self.fragments.is_some()
    }

    /// Check for options that cannot be combined.
    ///
    /// # Errors
    /// A usage error.
    pub fn check(&self) -> Result<()> {
        if self.group_by.is_some() && self.matrix.is_none() && self.fragments.is_none() {
            return Err(usage("--group-by needs an output by group: give --matrix DIR or --fragments PREFIX"));
        }
        if self.barcodes.as_deref().is_some_and(is_stdio) {
            return Err(usage("--barcodes needs a file, not standard input"));
        }
        if [&self.matrix, &self.fragments].into_iter().flatten().any(|path| is_stdio(path)) {
            return Err(usage("--matrix and --fragments write several files, which cannot go to standard output"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_letter_and_a_letter_or_digit() {
        assert_eq!(tag("CB"), Ok(*b"CB"));
        assert_eq!(tag("X0"), Ok(*b"X0"));
        for wrong in ["", "C", "CBX", "0X", "C-", "é"] {
            assert!(tag(wrong).is_err(), "{wrong}");
        }
    }
}
