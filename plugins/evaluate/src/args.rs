//! The options of `evaluate`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use deepallele_common::{
    one_stdin, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, MessageArgs, ModelArgs, OutputArgs, ProvenanceArgs,
    ThreadArgs, Uninformative,
};
use deepallele_core::evaluation::Options;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::model::metadata::Scale;
use deepallele_core::training::baselines::kmer_counts::MAX_K;
use deepallele_core::training::split;

/// Which windows are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Those that the model was only tested on
    Test,
    /// Those that chose its epoch
    Validation,
    /// Those it learnt from
    Train,
    /// All of the table
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

    pub fn name(self) -> String {
        self.of_split().map_or("all".into(), |part| part.to_string())
    }
}

/// Evaluate a model on windows that it did not learn from
///
/// Reads a count table with the genome and the phased variants it was made with, or a table of designed pairs
/// (--pairs), predicts the windows that the model was only tested on, and writes a table with one figure a line:
/// section quantity case name value low high n. It has the agreement of measured and predicted log2 counts and log2
/// ratio (over windows whose alleles differ), calibration, the share of right directions, the ceiling that noise
/// leaves for a perfect model, and controls: identical, swapped and shuffled alleles, and models that know nothing
/// but the number of variants or the length. low and high are the ends of 95 % intervals.
///
/// Lines with # are about the run: pandas.read_csv(FILE, sep="\t", comment="#", na_values="."), in R
/// read.delim(FILE, comment.char="#", na.strings=".").
#[derive(Parser, Debug)]
pub struct Args {
    #[command(flatten)]
    pub model: ModelArgs,

    /// Count table of deepallele count (.gz allowed, - for stdin)
    #[arg(value_name = "COUNTS", required_unless_present = "pairs", conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    /// Table of designed pairs instead: id, allele_a, allele_b, value_a, value_b and optionally group, sd_a and sd_b
    #[arg(long, value_name = "TSV", conflicts_with_all = ["reference", "variants", "sample", "strain", "hap1", "hap2",
          "count_sample", "replicate", "anchor", "tss"])]
    pub pairs: Option<PathBuf>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// The windows to evaluate, as the model was trained
    #[arg(long, value_name = "PART", default_value = "test")]
    pub part: Part,

    /// The sample of COUNTS to evaluate, where it holds several
    #[arg(long, value_name = "NAME")]
    pub count_sample: Option<String>,

    /// Count table of a replicate, for the ceiling; it may hold several, and may be COUNTS itself
    #[arg(long, value_name = "COUNTS")]
    pub replicate: Vec<PathBuf>,

    /// What becomes of fragments that fit both alleles, as in training
    #[arg(long, value_name = "RULE", default_value = "half", conflicts_with = "pairs")]
    pub uninformative: Uninformative,

    /// What value_a and value_b of --pairs are: counts, linear or log2 [default: the model's]
    #[arg(long, value_name = "SCALE", requires = "pairs")]
    pub target_scale: Option<Scale>,

    /// Added to counts and linear values before the logarithm [default: the model's]
    #[arg(long, value_name = "NUMBER")]
    pub pseudocount: Option<f64>,

    /// Resamples behind the intervals; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub bootstrap: u32,

    /// Seed of resampling and of shuffled partners
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Edges of the bins of measured |log2 ratio| for the direction
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0.5,1,2")]
    pub direction_bins: Vec<f64>,

    /// Also fit a ridge regression on counts of k-mers, on the training windows [k: 6]
    #[arg(long, value_name = "K", num_args = 0..=1, require_equals = true, default_missing_value = "6",
          value_parser = clap::value_parser!(u8).range(1..=MAX_K as i64))]
    pub kmer_ridge: Option<u8>,

    /// Also draw PREFIX.hap1.svg, PREFIX.hap2.svg, PREFIX.ratio.svg, PREFIX.calibration.svg and PREFIX.direction.svg
    #[arg(long, value_name = "PREFIX")]
    pub plots: Option<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl Args {
    /// What clap cannot check by itself.
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
            return Err(usage("--plots needs the beginning of file names; standard output is for the table"));
        }
        if self.pairs.is_some() {
            return Ok(());
        }
        // clap does not look at `requires` where something excludes what is required.
        if self.target_scale.is_some() {
            return Err(usage("--target-scale belongs to --pairs TSV"));
        }
        self.genome.required()?;
        self.haplotypes.required()?;
        self.haplotypes.sources()?;
        let inputs = self.counts.iter().chain(&self.haplotypes.variants).chain(&self.replicate);
        one_stdin(inputs.map(PathBuf::as_path))
    }

    /// Options of the evaluation itself.
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
    use super::*;
    use clap::CommandFactory;

    fn check(text: &str) -> Result<(), String> {
        let args = Args::try_parse_from(["evaluate"].into_iter().chain(text.split_whitespace()));
        args.map_err(|e| e.to_string())?.check().map_err(|e| e.to_string())
    }

    #[test]
    fn options_fit_together() {
        Args::command().debug_assert();
        assert_eq!(check("-m m c.tsv -f f -v v -s S --replicate a --replicate b --kmer-ridge --plots x"), Ok(()));
        assert_eq!(check("-m m --pairs p.tsv --target-scale log2 --kmer-ridge=4 --bootstrap 0"), Ok(()));
        for (wrong, needle) in [
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
        ] {
            let message = check(wrong).unwrap_err();
            assert!(message.contains(needle), "{wrong}: {message}");
        }
    }
}
