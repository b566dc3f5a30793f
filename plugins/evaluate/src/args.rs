//! The options of `evaluate`.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use deepallele_common::{
    choice_parser, one_stdin, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, MessageArgs, ModelArgs, OutputArgs,
    ProvenanceArgs, RunFiles, ThreadArgs,
};
use deepallele_core::evaluation::Options;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::model::metadata::Scale;
use deepallele_core::training::baselines::kmer_counts::MAX_K;
use deepallele_core::training::dataset::Uninformative;
use deepallele_core::training::split;

const EXAMPLES: &str = "Examples:
  # Held-out test windows of the training, with plots
  deepallele evaluate -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 --plots evaluation -o evaluation.tsv counts.tsv.gz

  # Counts of another experiment, all of its windows
  deepallele evaluate -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 --part all -o evaluation.tsv counts.tsv.gz

  # Measured pairs of designed sequences
  deepallele evaluate -m model/model.onnx --pairs pairs.tsv --target-scale linear --part all -o evaluation.tsv";

/// Part of the data, as divided when the model was trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Held-out test windows
    Test,
    /// Windows on which the epoch was chosen
    Validation,
    /// Windows that the model was trained on
    Train,
    /// All windows of the table
    All,
}

impl Part {
    /// None for all.
    pub fn of_split(self) -> Option<split::Part> {
        match self {
            Part::Test => Some(split::Part::Test),
            Part::Validation => Some(split::Part::Validation),
            Part::Train => Some(split::Part::Train),
            Part::All => None,
        }
    }

    /// Its name in the table.
    pub fn name(self) -> String {
        self.of_split().map_or("all".into(), |part| part.to_string())
    }
}

/// Evaluate a model on held-out windows
///
/// Reads a count table with the genome and the phased variants that it was made with, or a table of designed pairs
/// (--pairs), predicts the held-out test windows, and writes a table with one statistic per line: section quantity case
/// name value low high n. It contains the correlation of measured and predicted log2 counts and log2 ratios (of windows
/// whose alleles differ), calibration, the fraction of correct directions, the highest correlation that the noise of the
/// data permits (ceiling), and controls: identical, swapped and shuffled alleles, and predictions from the number of
/// variants or the length alone. low and high are the limits of 95 % confidence intervals.
///
/// Lines that start with # describe the run. To read the table: pandas.read_csv(FILE, sep="\t", comment="#",
/// na_values="."), or in R read.delim(FILE, comment.char="#", na.strings=".").
#[derive(Parser, Debug)]
#[command(
    display_order = 40,
    after_help = EXAMPLES,
    mut_arg("output", |a| {
        a.help("Output file; a name ending in .gz is compressed with bgzip [default: standard output]")
    })
)]
pub struct Args {
    /// Count table of deepallele count (.gz allowed; - for standard input)
    #[arg(value_name = "COUNTS", required_unless_present = "pairs", conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Table of designed pairs instead of counts, with the columns id, allele_a, allele_b, value_a, value_b, and
    /// optionally group, sd_a and sd_b
    #[arg(long, value_name = "TSV", help_heading = "Input", conflicts_with_all = ["reference", "variants", "sample",
          "strain", "hap1", "hap2", "count_sample", "replicate", "anchor", "tss"])]
    pub pairs: Option<PathBuf>,

    /// Sample of COUNTS to evaluate, if it has several
    #[arg(long, value_name = "SAMPLE", help_heading = "Input")]
    pub count_sample: Option<String>,

    /// Count table of a replicate, for the ceiling; may be repeated, may have several replicates, may be COUNTS itself
    #[arg(long, value_name = "COUNTS", help_heading = "Input")]
    pub replicate: Vec<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Also draw PREFIX.hap1.svg, PREFIX.hap2.svg, PREFIX.ratio.svg, PREFIX.calibration.svg and PREFIX.direction.svg
    #[arg(long, value_name = "PREFIX", help_heading = "Output")]
    pub plots: Option<PathBuf>,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    #[command(flatten)]
    pub windows: AnchorArgs,

    /// Windows to evaluate, as divided when the model was trained
    #[arg(long, value_name = "PART", default_value = "test", help_heading = "Regions and variants")]
    pub part: Part,

    /// How to treat uninformative fragments, as in training: half (count half of them for each haplotype) or drop
    #[arg(long, value_name = "RULE", default_value = "half", conflicts_with = "pairs", help_heading = "Measured values",
          value_parser = choice_parser!(Uninformative), hide_possible_values = true)]
    pub uninformative: Uninformative,

    /// Scale of value_a and value_b of --pairs: counts, linear or log2 [default: as in training]
    #[arg(long, value_name = "SCALE", requires = "pairs", help_heading = "Measured values",
          value_parser = choice_parser!(Scale), hide_possible_values = true)]
    pub target_scale: Option<Scale>,

    /// Pseudocount, added to counts and linear values before the logarithm [default: as in training]
    #[arg(long, value_name = "FLOAT", help_heading = "Measured values")]
    pub pseudocount: Option<f64>,

    /// Number of bootstrap resamples for the confidence intervals; 0 for no intervals
    #[arg(long, value_name = "INT", default_value_t = 1000, help_heading = "Statistics",
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub bootstrap: u32,

    /// Seed of resampling and shuffling
    #[arg(long, value_name = "INT", default_value_t = 1, help_heading = "Statistics")]
    pub seed: u64,

    /// Limits of the bins of measured |log2 ratio| for the fraction of correct directions, comma-separated
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0.5,1,2", help_heading = "Statistics")]
    pub direction_bins: Vec<f64>,

    /// Also evaluate a ridge regression on k-mer counts, fitted on the training windows; --kmer-ridge alone uses k = 6
    #[arg(long, value_name = "INT", num_args = 0..=1, require_equals = true, default_missing_value = "6",
          value_parser = clap::value_parser!(u8).range(1..=MAX_K as i64), help_heading = "Statistics")]
    pub kmer_ridge: Option<u8>,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// The plots: the parts of their names.
pub const PLOTS: [&str; 5] = ["hap1", "hap2", "ratio", "calibration", "direction"];

/// `PREFIX.name.svg`; dots in the prefix are not suffixes.
pub fn plot_file(prefix: &Path, name: &str) -> PathBuf {
    let mut file = prefix.as_os_str().to_owned();
    file.push(format!(".{name}.svg"));
    file.into()
}

impl Args {
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.model.files(&mut files);
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        self.counts.iter().for_each(|path| files.read("COUNTS", path));
        self.pairs.iter().for_each(|path| files.read("--pairs", path));
        self.replicate.iter().for_each(|path| files.read("--replicate", path));
        self.output.files(false, &mut files);
        if let Some(prefix) = &self.plots {
            PLOTS.iter().for_each(|name| files.write("--plots", &plot_file(prefix, name)));
        }
        files
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.pseudocount.is_some_and(|p| !(p.is_finite() && p >= 0.0)) {
            return Err(usage("--pseudocount must be 0 or more"));
        }
        let edges = &self.direction_bins;
        let rising = edges.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || edges.iter().any(|edge| !(edge.is_finite() && *edge > 0.0)) {
            return Err(usage("--direction-bins must be rising numbers above 0, such as 0.5,1,2"));
        }
        if self.plots.as_deref().is_some_and(is_stdio) {
            return Err(usage("--plots needs a prefix of file names; standard output is for the table"));
        }
        if self.pairs.is_some() {
            return Ok(());
        }
        // clap ignores `requires` where another option excludes the required one.
        if self.target_scale.is_some() {
            return Err(usage("--target-scale needs --pairs TSV"));
        }
        self.genome.required()?;
        self.haplotypes.required()?;
        self.haplotypes.sources()?;
        let inputs = self.counts.iter().chain(&self.haplotypes.variants).chain(&self.replicate);
        one_stdin(inputs.map(PathBuf::as_path))
    }

    /// Options of the evaluation.
    pub fn options(&self) -> Options {
        Options {
            part: self.part.of_split(),
            times: self.bootstrap as usize,
            seed: self.seed,
            edges: self.direction_bins.clone(),
            kmer_ridge: self.kmer_ridge.map(usize::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use deepallele_common::testing;

    use super::*;

    #[test]
    fn options_fit_together() {
        let options = testing::Options::checked_by(Args::check);
        options.accept(&[
            "-m m c.tsv -f f -v v -s S --replicate a --replicate b --kmer-ridge --plots x",
            "-m m --pairs p.tsv --target-scale log2 --kmer-ridge=4 --bootstrap 0",
        ]);
        options.refuse(&[
            ("-m m", "COUNTS"),
            ("c.tsv -f f -v v -s S", "--model"),
            ("-m m c.tsv -v v -s S", "-f FASTA"),
            ("-m m c.tsv -f f -s S", "-v VCF"),
            ("-m m c.tsv -f f -v v", "-s SAMPLE"),
            ("-m m c.tsv --pairs p", "cannot be used with"),
            ("-m m --pairs p --replicate c", "cannot be used with"),
            ("-m m --pairs p -f f", "cannot be used with"),
            ("-m m c.tsv -f f -v v -s S --target-scale log2", "--pairs"),
            ("-m m --pairs p --direction-bins 1,0.5", "rising"),
            ("-m m --pairs p --direction-bins 0,1", "above 0"),
            ("-m m --pairs p --pseudocount=-1", "--pseudocount"),
            ("-m m --pairs p --kmer-ridge=9", "1..=7"),
            ("-m m --pairs p --part some", "possible values"),
            ("-m m --pairs p --plots -", "standard output"),
            ("-m m - -f f -v - -s S", "only one input"),
        ]);
    }
}
