//! The options of `deepallele export`.

use std::path::PathBuf;

use clap::Parser;
use deepallele_common::{choice_parser, usage, GenomeArgs, HaplotypeArgs, MessageArgs, RunFiles};
use deepallele_core::io::regions::Anchor;
use deepallele_core::io::text_input::read_once;
use deepallele_core::model::published::data_set::{Assay, Values, SUM};
use deepallele_core::model::window::{Orientation, WindowLayout};
use deepallele_core::training::dataset::Uninformative;
use deepallele_import::writer::Layout;

const EXAMPLES: &str = "Examples:
  # Counts of peaks of up to 2000 bases, as data set of ATAC-seq
  deepallele export counts.tsv.gz -f ref.fa -v phased.vcf.gz -s NA12878 --assay atac --length 2000 -o atac.hdf5

  # Designed pairs, whose values are log2 of expression
  deepallele export --pairs pairs.tsv --assay rna --batch liver -o rna.hdf5";

/// Export counts or pairs as a data set for the published DeepAllele
///
/// Reads a count table of deepallele count with the genome and the phased variants that it was made with, or a table of
/// pairs (--pairs), and writes HDF5 with the names, types and attributes of the published files. Haplotype 1 (allele_a)
/// is written as B6, haplotype 2 (allele_b) as Cast. Each row has the sequences of the two haplotypes in the region,
/// left-aligned, with zeros to the right. Values are ln(count + 1) for atac and chip, and unchanged (log2) for rna. Rows
/// of a count table are in the order of the contigs of the genome and are named chrN-start-end, with a 0-based start.
#[derive(Parser, Debug)]
#[command(display_order = 80, after_help = EXAMPLES)]
pub struct Args {
    /// Count table of deepallele count (.gz allowed; - for standard input)
    #[arg(value_name = "COUNTS", required_unless_present = "pairs", conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Table of pairs instead of counts, with the columns id (written as peak_name), allele_a, allele_b, value_a, value_b
    #[arg(long, value_name = "TSV", help_heading = "Input")]
    pub pairs: Option<PathBuf>,

    /// Data set to write
    #[arg(short = 'o', long, value_name = "HDF5", help_heading = "Output")]
    pub output: PathBuf,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Layout to write: atac, chip or rna
    #[arg(long, value_name = "ASSAY", help_heading = "Layout", value_parser = choice_parser!(Assay),
          hide_possible_values = true)]
    pub assay: Assay,

    /// Name of the values, as in NAME.B6: sum or sc for atac, the condition for rna [default: sum for atac]
    #[arg(long, value_name = "NAME", help_heading = "Layout")]
    pub batch: Option<String>,

    /// Bases of a row [default: 330 for atac, 551 for chip, the longest sequence for rna]
    #[arg(long, value_name = "INT", value_parser = clap::value_parser!(u32).range(1..=1_048_576),
          help_heading = "Layout")]
    pub length: Option<u32>,

    /// Scale of value_a and value_b of --pairs: counts (written as ln(x + 1)) or log (written unchanged)
    /// [default: counts; log for rna]
    #[arg(long, value_name = "SCALE", help_heading = "Measured values", value_parser = choice_parser!(Values),
          hide_possible_values = true)]
    pub values: Option<Values>,

    /// How to treat uninformative fragments: half (count half of them for each haplotype) or drop
    #[arg(long, value_name = "RULE", default_value = "half", help_heading = "Measured values",
          value_parser = choice_parser!(Uninformative), hide_possible_values = true)]
    pub uninformative: Uninformative,

    /// How a region fills a row: left-aligned (the region's own bases, as published) or centred (--length bases around
    /// the anchor of the count table)
    #[arg(long = "layout", value_name = "LAYOUT", default_value = "left-aligned", help_heading = "Layout",
          value_parser = choice_parser!(WindowLayout), hide_possible_values = true)]
    pub window_layout: WindowLayout,

    /// With --layout centred: base of a region in the middle of its row: summit, middle or tss (5' end by strand)
    /// [default: that of the count table]
    #[arg(long, value_name = "BASE", help_heading = "Layout", value_parser = choice_parser!(Anchor),
          hide_possible_values = true)]
    pub anchor: Option<Anchor>,

    /// Strand from which rows are read: forward (as published), or region (on the minus strand as the reverse complement)
    #[arg(long, value_name = "STRAND", default_value = "forward", help_heading = "Layout",
          value_parser = choice_parser!(Orientation), hide_possible_values = true)]
    pub orient: Orientation,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl Args {
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.counts.iter().for_each(|path| files.read("COUNTS", path));
        self.pairs.iter().for_each(|path| files.read("--pairs", path));
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        files.write("-o", &self.output);
        files
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.assay == Assay::Rna && self.pairs.is_none() {
            return Err(usage("expression values are normalised and counts are not: --assay rna needs --pairs"));
        }
        match (self.assay, &self.batch) {
            (Assay::Chip, Some(_)) => return Err(usage("chip has no batches: omit --batch")),
            (Assay::Rna, None) => return Err(usage("rna needs the name of its condition: give --batch NAME")),
            (_, Some(name)) if name.is_empty() || name.contains(|c: char| c == '/' || c == '.' || c.is_control()) => {
                return Err(usage("--batch must be a name without / and ."));
            }
            _ => {}
        }
        match &self.pairs {
            None if self.values.is_some() => Err(usage("--values needs --pairs")),
            Some(_)
                if self.window_layout != WindowLayout::LeftAligned
                    || self.anchor.is_some()
                    || self.orient != Orientation::Forward =>
            {
                Err(usage("a table of pairs has sequences: omit --layout, --anchor and --orient with --pairs"))
            }
            Some(_) if self.genome.reference.is_some() || !self.haplotypes.is_empty() => {
                Err(usage("a table of pairs has sequences: omit -f, -v and the haplotypes with --pairs"))
            }
            Some(_) if self.assay == Assay::Rna && self.values == Some(Values::Counts) => {
                Err(usage("values of rna are log2 of expression, not of counts: omit --values counts"))
            }
            Some(path) if self.assay.length().or(self.length.map(|n| n as usize)).is_none() && read_once(path) => {
                Err(usage("the longest sequence of a pipe is not known when writing starts: give --length"))
            }
            _ => Ok(()),
        }
    }

    /// Bases of a row, where the input is not needed to know them.
    pub fn length(&self) -> Option<usize> {
        self.length.map(|n| n as usize).or(self.assay.length())
    }

    /// What to write, in rows of `length` bases for windows of `window_size` bases.
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
