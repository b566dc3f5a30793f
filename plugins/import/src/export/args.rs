//! The options of `deepallele export`.

use std::path::PathBuf;

use clap::Parser;
use deepallele_common::{usage, GenomeArgs, HaplotypeArgs, MessageArgs};
use deepallele_core::io::regions::Anchor;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::model::published::data_set::{Assay, Values, SUM};
use deepallele_core::model::window::{Orientation, WindowLayout};
use deepallele_core::training::dataset::Uninformative;
use deepallele_import::writer::Layout;

/// Write a data set (HDF5) that the published DeepAllele trains on
///
/// Reads a count table of `deepallele count` with the genome and the phased variants it was made with, or a table of
/// pairs (--pairs). Haplotype 1 (allele_a) is written as B6, haplotype 2 (allele_b) as Cast: names, types and attributes
/// are those of the published files. Each row has what the two haplotypes have of the region, on the left, with zeros
/// to its right; values are ln(count + 1) for atac and chip, and left as they are (log2) for rna. Rows of a count table
/// come in the order of the genome's contigs, and are named chrN-start-end, the start counted from 0.
#[derive(Parser, Debug)]
pub struct Args {
    /// Count table of deepallele count (.gz allowed, - for stdin)
    #[arg(value_name = "COUNTS", required_unless_present = "pairs", conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    /// Table of pairs instead: id (written as peak_name), allele_a, allele_b, value_a, value_b
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,

    /// Data set to write
    #[arg(short = 'o', long, value_name = "HDF5")]
    pub output: PathBuf,

    /// Layout to write: atac, chip or rna
    #[arg(long, value_name = "ASSAY")]
    pub assay: Assay,

    /// Name of the values, as in NAME.B6: sum or sc for atac, the condition for rna [default: sum for atac]
    #[arg(long, value_name = "NAME")]
    pub batch: Option<String>,

    /// Positions of a row [default: 330 for atac, 551 for chip, the longest sequence for rna]
    #[arg(long, value_name = "BASES", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub length: Option<u32>,

    /// What value_a and value_b of --pairs are: counts, of which ln(x + 1) is written, or log, written as they are
    /// [default: counts, and log for rna]
    #[arg(long, value_name = "SCALE")]
    pub values: Option<Values>,

    /// What becomes of fragments that fit both alleles: half (to each) or drop
    #[arg(long, value_name = "RULE", default_value = "half")]
    pub uninformative: Uninformative,

    /// How a region fills a row: left-aligned (the region's own bases, as published) or centred (--length bases around
    /// the anchor of the count table)
    #[arg(long = "layout", value_name = "LAYOUT", default_value = "left-aligned")]
    pub window_layout: WindowLayout,

    /// With --layout centred: base of a region in the middle of its row: summit, middle or tss (5' end by strand)
    /// [default: that of the count table]
    #[arg(long, value_name = "BASE")]
    pub anchor: Option<Anchor>,

    /// Strand from which rows are read: forward (as published), or region (on the minus strand as the reverse complement)
    #[arg(long, value_name = "STRAND", default_value = "forward")]
    pub orient: Orientation,

    #[command(flatten)]
    pub genome: GenomeArgs,
    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,
    #[command(flatten)]
    pub messages: MessageArgs,
}

impl Args {
    /// A usage error when options do not fit together.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.assay == Assay::Rna && self.pairs.is_none() {
            return Err(usage("expression is normalised, which counts are not: rna goes with --pairs"));
        }
        match (self.assay, &self.batch) {
            (Assay::Chip, Some(_)) => return Err(usage("chip has no batches: leave --batch out")),
            (Assay::Rna, None) => return Err(usage("rna needs the name of its condition: give --batch NAME")),
            (_, Some(name)) if name.is_empty() || name.contains(|c: char| c == '/' || c == '.' || c.is_control()) => {
                return Err(usage("--batch must be a name without / and ."));
            }
            _ => {}
        }
        match &self.pairs {
            None if self.values.is_some() => Err(usage("--values goes with --pairs")),
            Some(_)
                if self.window_layout != WindowLayout::LeftAligned
                    || self.anchor.is_some()
                    || self.orient != Orientation::Forward =>
            {
                Err(usage("pairs have their sequences: --layout, --anchor and --orient do not go with --pairs"))
            }
            Some(_) if self.genome.reference.is_some() || !self.haplotypes.is_empty() => {
                Err(usage("pairs have their sequences: -f, -v and the haplotypes do not go with --pairs"))
            }
            Some(_) if self.assay == Assay::Rna && self.values == Some(Values::Counts) => {
                Err(usage("values of rna are log2 of expression, not of counts: leave out --values counts"))
            }
            Some(path) if self.assay.length().or(self.length.map(|n| n as usize)).is_none() && is_stdio(path) => {
                Err(usage("the longest sequence of stdin is not known at its start: give --length"))
            }
            _ => Ok(()),
        }
    }

    /// Positions of a row, when they need not be found out.
    pub fn length(&self) -> Option<usize> {
        self.length.map(|n| n as usize).or(self.assay.length())
    }

    /// What to write, in rows of `length` positions for windows of `window_size`.
    pub fn layout(&self, length: usize, window_size: usize) -> Layout {
        Layout {
            assay: self.assay,
            batch: self.batch.clone().unwrap_or_else(|| SUM.into()),
            length,
            window_size,
            values: self.values.unwrap_or(self.assay.values()),
        }
    }
}
