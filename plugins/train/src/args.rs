//! The options of `deepallele train`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, ValueEnum};
use deepallele_common::{GenomeArgs, HaplotypeArgs, MessageArgs, ThreadArgs};
use deepallele_core::genome::HaplotypeSource;
use deepallele_core::io::regions::{Anchor, TssSource};
use deepallele_core::model::architecture::{RatioHead, Strands};
use deepallele_core::model::metadata::Scale;
use deepallele_core::model::torch::device::DeviceChoice;
use deepallele_core::model::window::{Orientation, WindowLayout};
use deepallele_core::model::Kind;
use deepallele_core::training::dataset::Uninformative;
use deepallele_core::training::options::{BatchStatistics, Decay, FirstCounts, Loss, NotFinite, Precision, Selection};
use deepallele_core::training::schedule::Schedule;

/// Train the paired sequence model on allele-specific counts
///
/// Reads a count table of `deepallele count` with the genome and the phased variants it was made with, or a table
/// of designed pairs (--pairs). Several samples in one count table are learned at once. Writes a folder: model.onnx
/// (all that predict and annotate need), model.safetensors, config.toml, metrics.tsv (a line an epoch),
/// predictions.tsv.gz (held-out windows), summary.json and plots. The epoch is chosen on the validation windows; the
/// test windows choose nothing. The state of a run is kept in the folder until the model is there: stopped with
/// Ctrl-C or killed, it goes on with --resume to the model it would have become.
#[derive(Parser, Debug)]
#[command(mut_arg("threads", |a| a.help("Threads; the same number gives the same model on a CPU [default: all cores]")))]
pub struct Args {
    /// Count table of deepallele count (.gz allowed, - for stdin)
    #[arg(value_name = "COUNTS", required_unless_present_any = ["pairs", "values"], conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    /// Table of designed pairs instead: id, allele_a, allele_b, value_a, value_b and optionally
    /// group and weight
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,

    /// External measurements instead, such as normalised allelic expression: a table with a header, the name of a region
    /// of -L in the first column, and two columns for each sample, SAMPLE.hap1 and SAMPLE.hap2
    #[arg(long, value_name = "TABLE", requires = "regions", conflicts_with_all = ["counts", "pairs", "cross"])]
    pub values: Option<PathBuf>,

    /// With --values: the regions (GTF, GFF3, SAF, BED, narrowPeak), joined to it by name; names that do not join are
    /// listed in FOLDER/unjoined.tsv
    #[arg(short = 'L', long, value_name = "FILE", requires = "values")]
    pub regions: Option<PathBuf>,

    /// With --values, GTF and GFF3: the feature (column 3) whose lines make the regions
    #[arg(long, value_name = "TYPE", default_value = "exon", requires = "values")]
    pub feature_type: String,

    /// With --values, GTF and GFF3: the attribute that names the gene [default: gene_id; in GFF3 also that of the parents,
    /// else the gene's ID]
    #[arg(long, value_name = "NAME", requires = "values")]
    pub gene_attribute: Option<String>,

    /// A further cross on the same genome, learned by the same network: its count table, its variants and the two
    /// haplotypes (ref, SAMPLE, SAMPLE:1 or SAMPLE:2), comma-separated; may be given several times
    #[arg(long, value_name = "COUNTS,VCF,HAP1,HAP2", conflicts_with = "pairs")]
    pub cross: Vec<Cross>,

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
    pub windows: WindowArgs,
    #[command(flatten)]
    pub targets: TargetArgs,
    #[command(flatten)]
    pub split: SplitArgs,
    #[command(flatten)]
    pub fit: FitArgs,
    #[command(flatten)]
    pub run: RunArgs,

    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: DeviceChoice,
    #[command(flatten)]
    pub threads: ThreadArgs,
    #[command(flatten)]
    pub messages: MessageArgs,
}

/// What makes a cross.
#[derive(Clone, Debug)]
pub struct Cross {
    pub counts: PathBuf,
    pub variants: PathBuf,
    pub haplotypes: [HaplotypeSource; 2],
}

impl std::str::FromStr for Cross {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let [counts, variants, hap1, hap2] = text.split(',').collect::<Vec<_>>()[..] else {
            return Err("give COUNTS,VCF,HAP1,HAP2".into());
        };
        let source = |name: &str| name.parse::<HaplotypeSource>().map_err(|e| e.to_string());
        Ok(Self { counts: counts.into(), variants: variants.into(), haplotypes: [source(hap1)?, source(hap2)?] })
    }
}

/// Whose recipe the defaults are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recipe {
    /// The published network, windows, optimiser, schedule and stopping rule
    Published,
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
    /// Take every default from this recipe instead of those named here; options given here come first
    #[arg(long, value_name = "RECIPE", conflicts_with = "config")]
    pub compat: Option<Recipe>,
    /// How the strands are read: averaged (a sequence and its reverse complement are the same) or joined (published)
    /// [default: averaged; joined with --orient region, where the strands must differ]
    #[arg(long, value_name = "WAY")]
    pub strands: Option<Strands>,
    /// Ratio head of paired networks: antisymmetric (equal alleles have ratio 0) or free (published)
    /// [default: antisymmetric]
    #[arg(long, value_name = "HEAD")]
    pub ratio_head: Option<RatioHead>,
    /// Count k-mers of this length (at most 5) in each allele and show the counts to the dense layer beside the
    /// convolutions: for a few thousand short designed sequences, where 4 is a good choice; 0 for none [default: 0]
    #[arg(long, value_name = "K")]
    pub kmers: Option<usize>,
    /// Share of hidden units dropped in the heads while training [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    pub dropout: Option<f64>,
    /// Share of positions dropped in the tower while training [default: 0]
    #[arg(long, value_name = "SHARE")]
    pub tower_dropout: Option<f64>,
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
    /// What the values of --pairs or --values are: counts, linear or log2 [default: linear]
    #[arg(long, value_name = "SCALE", conflicts_with = "counts")]
    pub target_scale: Option<Scale>,
    /// Added to counts and linear values before the logarithm [default: 1 for counts, 0.1 for linear, 0 with --loss
    /// counts]
    #[arg(long, value_name = "NUMBER")]
    pub pseudocount: Option<f64>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Windows")]
pub struct WindowArgs {
    /// How a region fills the window: centred (filled from the genome) or left-aligned (the region alone, published)
    #[arg(long, value_name = "LAYOUT", conflicts_with = "pairs")]
    pub layout: Option<WindowLayout>,
    /// Base of a region around which a centred window lies: summit, middle or tss (5' end by strand) [default: that of
    /// the count table; of --values what the regions provide]
    #[arg(long, value_name = "BASE", conflicts_with = "pairs")]
    pub anchor: Option<Anchor>,
    /// With --values, whose TSS in GTF and GFF3: gene, or canonical (the transcript tagged MANE_Select or
    /// Ensembl_canonical; the gene where there is none)
    #[arg(long, value_name = "SOURCE", default_value = "gene", requires = "values")]
    pub tss: TssSource,
    /// Strand from which windows are read: forward (plus strand of the genome) or region (on the minus strand as the
    /// reverse complement, so that the anchor has the same side upstream) [default: region with --preset rna, else
    /// forward]
    #[arg(long, value_name = "STRAND", conflicts_with = "pairs")]
    pub orient: Option<Orientation>,
}

/// How windows are divided into train, validation and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitRule {
    /// Whole chromosomes, named by --validation-chroms and --test-chroms; of pairs the group is the chromosome
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
    /// Chromosomes for the test, comma-separated; may be left out with --compat published, which has no test
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
    /// Most epochs [default: 15]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Pairs a step [default: 32]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Nominal learning rate [default: 0.003]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// How the rate moves: cosine (up during a twentieth of all steps, then down), cycle (half to twice, 2000 steps up
    /// and 2000 down, published), plateau or constant [default: cosine]
    #[arg(long, value_name = "RULE")]
    pub schedule: Option<Schedule>,
    /// Weight decay [default: 0.01]
    #[arg(long, value_name = "NUMBER")]
    pub weight_decay: Option<f64>,
    /// How it acts: decoupled (AdamW) or gradient (published) [default: decoupled]
    #[arg(long, value_name = "WAY")]
    pub decay: Option<Decay>,
    /// Epochs without a better validation figure before training stops [default: 6]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// What is made small: squared (errors of logarithms) or counts (beta-binomial and negative binomial likelihood of
    /// the fragments) [default: squared]
    #[arg(long, value_name = "LOSS")]
    pub loss: Option<Loss>,
    /// Weight of the ratio in the loss, where each count has 1 [default: 5, with --loss counts 1]
    #[arg(long, value_name = "NUMBER")]
    pub ratio_weight: Option<f64>,
    /// What chooses the epoch: loss (lowest) or ratio (highest correlation), on the validation windows
    /// [default: loss]
    #[arg(long, value_name = "FIGURE")]
    pub selection: Option<Selection>,
    /// Batch norm over both alleles (joint) or each by itself (apart, published) [default: joint]
    #[arg(long, value_name = "KIND")]
    pub batch_statistics: Option<BatchStatistics>,
    /// Whether dropout takes the same units of both alleles [default: true]
    #[arg(long, value_name = "true|false")]
    pub shared_dropout: Option<bool>,
    /// Largest norm of the gradient; 0 for no limit [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub clip: Option<f64>,
    /// Move windows by up to so many bases, by chance [default: an eighth of the window, for --pairs and left-aligned
    /// regions 0]
    #[arg(long, value_name = "BASES")]
    pub shift: Option<usize>,
    /// Changes by chance: strand (reverse complement), swap (alleles exchanged), none; comma-separated
    /// [default: none]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub augment: Option<Vec<Augment>>,
    /// What a loss that is no number does: stop (with the last good state kept) or skip (the batch, published)
    /// [default: stop]
    #[arg(long, value_name = "RULE")]
    pub not_finite: Option<NotFinite>,
    /// What the count heads give before the first step: median (of the training windows) or random (published)
    /// [default: median]
    #[arg(long, value_name = "RULE")]
    pub first_counts: Option<FirstCounts>,
    /// Decay of a moving average of the weights over the steps, which is judged and kept instead of the last weights; 0
    /// for none (published) [default: 0.995]
    #[arg(long, value_name = "DECAY")]
    pub average: Option<f64>,
    /// Number type of convolutions: float32, or bfloat16 for GPUs with matrix units [default: float32]
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<Precision>,
    /// Seed of weights, split by blocks, order of batches and dropout [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// A change of windows by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Augment {
    Strand,
    Swap,
    None,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Runs")]
pub struct RunArgs {
    /// Networks of different seeds in the model, whose mean is predicted and whose spread is the uncertainty
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub members: u16,
    /// Cross-validation: train as many times, each time testing on another part (chromosomes, blocks or groups), so
    /// that every window is tested on once; all networks go into the model
    #[arg(long, value_name = "K", conflicts_with_all = ["validation_chroms", "test_chroms"],
          value_parser = clap::value_parser!(u16).range(3..=64))]
    pub folds: Option<u16>,
    /// Also report a k-mer ridge regression, a single and a difference network, trained beside the model (GC content and
    /// the mean are reported always)
    #[arg(long)]
    pub baselines: bool,
    /// Go on from what an earlier run left in the folder
    #[arg(long)]
    pub resume: bool,
    /// Save the state when so many minutes have passed since the last time, beside at the end of every epoch
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub save_minutes: u64,
    /// Also write event files for TensorBoard, into the folder
    #[arg(long)]
    pub tensorboard: bool,
    /// Print sizes, steps and memory, and train nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use deepallele_core::model::Architecture;
    use deepallele_core::training::options::FitOptions;

    #[test]
    fn options_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_that_help_names_are_those_taken() {
        let command = Args::command();
        let told = |name: &str| {
            let option = command.get_arguments().find(|a| a.get_long() == Some(name)).unwrap();
            let help = option.get_help().unwrap().to_string();
            let (_, default) = help.split_once("[default: ").unwrap_or_else(|| panic!("{name}: {help}"));
            default.trim_end_matches(']').to_string()
        };
        let sizes = Architecture::preset("small", Kind::Paired).unwrap().recommended();
        let fit = FitOptions::recommended();
        for (name, value) in [
            ("strands", sizes.strands.to_string()),
            ("ratio-head", sizes.ratio_head.to_string()),
            ("kmers", sizes.kmers.to_string()),
            ("dropout", sizes.dropout.to_string()),
            ("tower-dropout", sizes.tower_dropout.to_string()),
            ("epochs", fit.epochs.to_string()),
            ("batch-size", fit.batch_size.to_string()),
            ("learning-rate", fit.learning_rate.to_string()),
            ("weight-decay", fit.weight_decay.to_string()),
            ("decay", fit.decay.to_string()),
            ("patience", fit.patience.to_string()),
            ("loss", fit.loss.to_string()),
            (
                "ratio-weight",
                format!(
                    "{}, with --loss counts {}",
                    fit.ratio_weight,
                    FitOptions::recommended_ratio_weight(Loss::Counts)
                ),
            ),
            ("selection", fit.selection.to_string()),
            ("batch-statistics", fit.batch_statistics.to_string()),
            ("shared-dropout", fit.shared_dropout.to_string()),
            ("clip", fit.clip.to_string()),
            ("shift", "an eighth of the window, for --pairs and left-aligned regions 0".to_string()),
            ("first-counts", fit.first_counts.to_string()),
            ("average", fit.average.to_string()),
            ("not-finite", fit.not_finite.to_string()),
            ("precision", fit.precision.to_string()),
            ("seed", fit.seed.to_string()),
        ] {
            assert_eq!(told(name), value, "--{name}");
        }
    }
}
