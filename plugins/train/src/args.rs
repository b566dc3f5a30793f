//! The options of `deepallele train`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, ValueEnum};
use deepallele_common::{GenomeArgs, HaplotypeArgs, MessageArgs, ThreadArgs};
use deepallele_core::model::device::DeviceChoice;
use deepallele_core::model::info::Scale;
use deepallele_core::model::Kind;
use deepallele_core::training::dataset::Uninformative;
use deepallele_core::training::schedule::Schedule;

/// Train the paired sequence model on allele-specific counts
///
/// Reads a count table of `deepallele count` with the genome and the phased variants it was made with, or a table
/// of designed pairs (--pairs). Writes a folder: model.onnx (all that predict and annotate need),
/// model.safetensors, config.toml, metrics.tsv (a line an epoch), predictions.tsv.gz (held-out windows),
/// summary.json and plots. The epoch is chosen by the loss on the validation windows; the test windows choose
/// nothing.
#[derive(Parser, Debug)]
#[command(mut_arg("threads", |a| a.help("Threads; the same number gives the same model on a CPU [default: all cores]")))]
pub struct Args {
    /// Count table of deepallele count (.gz allowed, - for stdin)
    #[arg(value_name = "COUNTS", required_unless_present = "pairs", conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    /// Table of designed pairs instead: id, allele_a, allele_b, value_a, value_b and optionally group
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,

    /// Folder for what training makes; created if absent
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,

    #[command(flatten)]
    pub genome: GenomeArgs,
    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub split: SplitArgs,
    #[command(flatten)]
    pub fit: FitArgs,

    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    #[command(flatten)]
    pub threads: ThreadArgs,
    #[command(flatten)]
    pub messages: MessageArgs,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// What the network predicts: paired (counts and ratio), difference (ratio from the two counts) or single
    /// (each allele by itself)
    #[arg(long, value_name = "KIND")]
    pub model: Option<Kind>,
    /// Sizes: atac, chip or rna as published, or small for CPUs [default: small]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Bases the network reads [default: the preset's]
    #[arg(short = 'w', long, value_name = "BASES")]
    pub window: Option<usize>,
    /// Network and training options of an earlier run (its config.toml); options given here come first
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Targets")]
pub struct TargetArgs {
    /// What becomes of fragments that fit both alleles: half (to each) or drop
    #[arg(long, value_name = "RULE", default_value = "half")]
    pub uninformative: Uninformative,
    /// What value_a and value_b of --pairs are: counts, linear or log2 [default: linear]
    #[arg(long, value_name = "SCALE", requires = "pairs")]
    pub target_scale: Option<Scale>,
    /// Added to counts and linear values before the logarithm [default: 1 for counts, 0.1 for linear]
    #[arg(long, value_name = "NUMBER")]
    pub pseudocount: Option<f64>,
}

/// How windows are divided into train, validation and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitRule {
    /// Whole chromosomes, named by --validation-chroms and --test-chroms
    Chrom,
    /// Blocks of a chromosome, shuffled by the seed
    Blocks,
    /// The group column of a pairs table, else its id
    Group,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Split")]
pub struct SplitArgs {
    /// How to divide [default: group for --pairs, chrom when chromosomes are named, else blocks]
    #[arg(long, value_name = "RULE")]
    pub split: Option<SplitRule>,
    /// Chromosomes for validation, comma-separated
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub validation_chroms: Vec<String>,
    /// Chromosomes for the test, comma-separated
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub test_chroms: Vec<String>,
    /// Bases a block
    #[arg(long, value_name = "BASES", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub block_size: u64,
    /// Share of windows for validation, by blocks
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub validation_share: f64,
    /// Share of windows for the test, by blocks
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub test_share: f64,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Training")]
pub struct FitArgs {
    /// Most epochs [default: 100]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Pairs a step [default: 32]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Nominal learning rate [default: 0.0001]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// How the rate moves: cycle (half to twice, 2000 steps up and 2000 down), plateau or constant [default: cycle]
    #[arg(long, value_name = "RULE")]
    pub schedule: Option<Schedule>,
    /// L2 term of the gradient [default: 0.00001]
    #[arg(long, value_name = "NUMBER")]
    pub weight_decay: Option<f64>,
    /// Epochs without a lower validation loss before training stops [default: 4]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// Seed of weights, split by blocks, order of batches and dropout [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}
