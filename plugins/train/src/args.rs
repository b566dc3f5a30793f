//! The options of `deepallele train`.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Parser, ValueEnum};
use deepallele_common::{choice_parser, GenomeArgs, HaplotypeArgs, Indexed, MessageArgs, RunFiles, ThreadArgs};
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

use crate::outputs;

const EXAMPLES: &str = "Examples:
  # A small network, tested on held-out blocks of the genome
  deepallele train counts.tsv.gz -f ref.fa -v phased.vcf.gz -s NA12878 --window 256 -o model

  # Cross-validation: three networks, each tested on another third of the regions
  deepallele train counts.tsv.gz -f ref.fa -v phased.vcf.gz -s NA12878 --window 256 --folds 3 -o folds

  # Designed pairs, such as those of an MPRA
  deepallele train --pairs pairs.tsv --window 200 --kmers 4 -o mpra";

/// Train the paired sequence model on allele-specific counts
///
/// Reads a count table of deepallele count with the genome and the phased variants that it was made with, or a table of
/// designed pairs (--pairs). One network is trained on all samples of a count table. Writes a folder: model.onnx (all
/// that predict, evaluate and annotate need), model.safetensors, config.toml, metrics.tsv (one line per epoch),
/// predictions.tsv.gz (held-out windows), summary.json and plots.
///
/// The epoch is selected on the validation windows; the test windows are used only for the final evaluation. During the
/// training, its state is saved in the folder: a run that was stopped with Ctrl-C or killed is continued with --resume,
/// and results in the same model.
#[derive(Parser, Debug)]
#[command(
    display_order = 30,
    after_help = EXAMPLES,
    mut_arg("threads", |a| {
        a.help("Number of threads; the same number results in the same model on a CPU [default: all cores]")
    })
)]
pub struct Args {
    /// Count table of deepallele count (.gz allowed; - for standard input)
    #[arg(value_name = "COUNTS", required_unless_present_any = ["pairs", "values"],
          conflicts_with = "pairs")]
    pub counts: Option<PathBuf>,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Table of designed pairs instead of counts, with the columns id, allele_a, allele_b, value_a, value_b, and
    /// optionally group and weight
    #[arg(long, value_name = "TSV", help_heading = "Input")]
    pub pairs: Option<PathBuf>,

    /// Table of external measurements instead of counts, such as normalised allelic expression: the name of a region of
    /// -L in the first column, and two columns for each sample, SAMPLE.hap1 and SAMPLE.hap2
    #[arg(long, value_name = "TSV", requires = "regions", conflicts_with_all = ["counts", "pairs", "cross"],
          help_heading = "Input")]
    pub values: Option<PathBuf>,

    /// Further cross on the same genome, on which the same network is trained: its count table, its variants and its two
    /// haplotypes (ref, SAMPLE, SAMPLE:1 or SAMPLE:2); may be repeated
    #[arg(long, value_name = "COUNTS,VCF,HAP1,HAP2", conflicts_with = "pairs", help_heading = "Input")]
    pub cross: Vec<Cross>,

    /// Output folder, created if missing
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    pub output: PathBuf,

    /// Also write event files for TensorBoard into the folder
    #[arg(long, help_heading = "Output")]
    pub tensorboard: bool,

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

    /// Device to train on: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = "Performance")]
    pub device: DeviceChoice,
    #[command(flatten)]
    pub threads: ThreadArgs,
    #[command(flatten)]
    pub messages: MessageArgs,
}

impl Args {
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        for (option, path) in [
            ("COUNTS", &self.counts),
            ("--pairs", &self.pairs),
            ("--values", &self.values),
            ("-L", &self.windows.regions),
            ("--config", &self.network.config),
        ] {
            path.iter().for_each(|path| files.read(option, path));
        }
        for cross in &self.cross {
            files.read("--cross", &cross.counts);
            files.read_indexed("--cross", &cross.variants, Indexed::Variants);
        }
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        files.write("standard output", Path::new("-"));
        if !self.run.dry_run {
            let folds = self.run.folds.map_or(1, usize::from);
            for name in outputs::names(folds, self.run.members.into(), self.tensorboard) {
                files.write_in_new_folder("-o", &self.output.join(name));
            }
        }
        files
    }
}

/// A cross in addition to the first.
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

/// Published sets of defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Recipe {
    /// Network, windows, optimiser, schedule and stopping rule as published
    Published,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Outputs of the network: paired (counts and ratio), difference (the ratio as difference of the counts) or single
    /// (counts of each allele from its sequence alone) [default: paired]
    #[arg(long, value_name = "KIND", value_parser = choice_parser!(Kind), hide_possible_values = true)]
    pub model: Option<Kind>,
    /// Network size: atac, chip or rna as published, or small, for CPUs [default: small]
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Window length in bases [default: that of the preset, 512 for small]
    #[arg(short = 'w', long, value_name = "INT")]
    pub window: Option<usize>,
    /// Use the defaults of another recipe instead of those listed here; options of the command line have precedence
    #[arg(long, value_name = "RECIPE", conflicts_with = "config")]
    pub compat: Option<Recipe>,
    /// How the two strands are combined: averaged (a sequence and its reverse complement have the same prediction) or
    /// joined (published) [default: averaged; joined with --orient region, which needs strands that differ]
    #[arg(long, value_name = "MODE", value_parser = choice_parser!(Strands), hide_possible_values = true)]
    pub strands: Option<Strands>,
    /// Ratio head of paired networks: antisymmetric (identical alleles have ratio 0) or free (published)
    /// [default: antisymmetric]
    #[arg(long, value_name = "HEAD", value_parser = choice_parser!(RatioHead), hide_possible_values = true)]
    pub ratio_head: Option<RatioHead>,
    /// Length of k-mers (at most 5) whose counts in each allele are inputs of the dense layer, in addition to the
    /// convolutions; recommended for a few thousand short designed sequences, with 4; 0 for none [default: 0]
    #[arg(long, value_name = "INT")]
    pub kmers: Option<usize>,
    /// Dropout rate of hidden units in the heads [default: 0.2]
    #[arg(long, value_name = "FLOAT")]
    pub dropout: Option<f64>,
    /// Dropout rate of positions after each pooling layer [default: 0]
    #[arg(long, value_name = "FLOAT")]
    pub tower_dropout: Option<f64>,
    /// Use the network and training options of an earlier run (its config.toml); options of the command line have
    /// precedence
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Targets")]
pub struct TargetArgs {
    /// How to treat uninformative fragments: half (count half of them for each haplotype) or drop
    #[arg(long, value_name = "RULE", default_value = "half", value_parser = choice_parser!(Uninformative),
          hide_possible_values = true)]
    pub uninformative: Uninformative,
    /// Scale of the values of --pairs or --values: counts, linear or log2 [default: linear]
    #[arg(long, value_name = "SCALE", conflicts_with = "counts", value_parser = choice_parser!(Scale),
          hide_possible_values = true)]
    pub target_scale: Option<Scale>,
    /// Pseudocount, added to counts and linear values before the logarithm [default: 1 for counts, 0.1 for linear, 0
    /// with --loss counts]
    #[arg(long, value_name = "FLOAT")]
    pub pseudocount: Option<f64>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Regions and windows")]
pub struct WindowArgs {
    /// With --values: regions (GTF, GFF3, SAF, BED or narrowPeak), joined to it by name; names that do not join are
    /// listed in unjoined.tsv of the output folder
    #[arg(short = 'L', long, value_name = "FILE", requires = "values")]
    pub regions: Option<PathBuf>,
    /// With --values, GTF and GFF3: feature (column 3) whose lines make the regions
    #[arg(long, value_name = "TYPE", default_value = "exon", requires = "values")]
    pub feature_type: String,
    /// With --values, GTF and GFF3: attribute with the name of the gene [default: gene_id; in GFF3 also that of the
    /// parents, else the ID of the gene]
    #[arg(long, value_name = "NAME", requires = "values")]
    pub gene_attribute: Option<String>,
    /// How a region fills the window: centred (filled from the genome) or left-aligned (the region alone, published)
    /// [default: centred]
    #[arg(long, value_name = "LAYOUT", conflicts_with = "pairs", value_parser = choice_parser!(WindowLayout),
          hide_possible_values = true)]
    pub layout: Option<WindowLayout>,
    /// Base of a region around which a centred window lies: summit, middle or tss (5' end by strand) [default: that of
    /// the count table; with --values, what the regions provide]
    #[arg(long, value_name = "BASE", conflicts_with = "pairs", value_parser = choice_parser!(Anchor),
          hide_possible_values = true)]
    pub anchor: Option<Anchor>,
    /// With --values, whose TSS in GTF and GFF3: gene, or canonical (of the transcript tagged MANE_Select or
    /// Ensembl_canonical; of the gene where there is none)
    #[arg(long, value_name = "SOURCE", default_value = "gene", requires = "values",
          value_parser = choice_parser!(TssSource), hide_possible_values = true)]
    pub tss: TssSource,
    /// Strand from which windows are read: forward (plus strand of the genome), or region (on the minus strand as the
    /// reverse complement, so that upstream is on the same side) [default: region with --preset rna, else forward]
    #[arg(long, value_name = "STRAND", conflicts_with = "pairs", value_parser = choice_parser!(Orientation),
          hide_possible_values = true)]
    pub orient: Option<Orientation>,
}

/// How windows are divided into training, validation and test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitRule {
    /// Whole chromosomes (--validation-chroms, --test-chroms); the chromosome of a pair is its group
    Chrom,
    /// Blocks of chromosomes, shuffled by the seed
    Blocks,
    /// Groups of pairs: the column group, else the id
    Group,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Training, validation and test windows")]
pub struct SplitArgs {
    /// How to divide the windows [default: group with --pairs, chrom if chromosomes are given, else blocks]
    #[arg(long, value_name = "RULE")]
    pub split: Option<SplitRule>,
    /// Validation chromosomes, comma-separated
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub validation_chroms: Vec<String>,
    /// Test chromosomes, comma-separated; optional with --compat published, which has no test windows
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub test_chroms: Vec<String>,
    /// Block length in bases
    #[arg(long, value_name = "INT", default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub block_size: u64,
    /// Fraction of windows for validation, with --split blocks
    #[arg(long, value_name = "FLOAT", default_value_t = 0.1)]
    pub validation_share: f64,
    /// Fraction of windows for the test, with --split blocks
    #[arg(long, value_name = "FLOAT", default_value_t = 0.1)]
    pub test_share: f64,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Optimisation")]
pub struct FitArgs {
    /// Maximum number of epochs [default: 15]
    #[arg(long, value_name = "INT")]
    pub epochs: Option<usize>,
    /// Batch size, in allele pairs [default: 32]
    #[arg(long, value_name = "INT")]
    pub batch_size: Option<usize>,
    /// Learning rate, varied by the schedule [default: 0.003]
    #[arg(long, value_name = "FLOAT")]
    pub learning_rate: Option<f64>,
    /// Learning rate schedule: cosine (warm-up during 5 % of the steps, then decay), cycle (between half and twice the
    /// rate, 2000 steps up and 2000 down, published), plateau or constant [default: cosine]
    #[arg(long, value_name = "RULE")]
    pub schedule: Option<Schedule>,
    /// Weight decay [default: 0.01]
    #[arg(long, value_name = "FLOAT")]
    pub weight_decay: Option<f64>,
    /// Kind of weight decay: decoupled (AdamW) or gradient (L2 penalty, published) [default: decoupled]
    #[arg(long, value_name = "KIND", value_parser = choice_parser!(Decay), hide_possible_values = true)]
    pub decay: Option<Decay>,
    /// Stop after this number of epochs without improvement on the validation windows [default: 6]
    #[arg(long, value_name = "INT")]
    pub patience: Option<usize>,
    /// Loss function: squared (squared errors of the logarithms) or counts (negative log-likelihood of the fragments:
    /// negative binomial for the total, beta-binomial for its split) [default: squared]
    #[arg(long, value_name = "LOSS", value_parser = choice_parser!(Loss), hide_possible_values = true)]
    pub loss: Option<Loss>,
    /// Weight of the ratio in the loss, relative to each count [default: 5, with --loss counts 1]
    #[arg(long, value_name = "FLOAT")]
    pub ratio_weight: Option<f64>,
    /// Select the epoch by the lowest validation loss (loss) or the highest validation correlation of the ratio (ratio)
    /// [default: loss]
    #[arg(long, value_name = "CRITERION", value_parser = choice_parser!(Selection), hide_possible_values = true)]
    pub selection: Option<Selection>,
    /// Batch normalisation over both alleles (joint) or each allele separately (apart, published) [default: joint]
    #[arg(long, value_name = "KIND", value_parser = choice_parser!(BatchStatistics), hide_possible_values = true)]
    pub batch_statistics: Option<BatchStatistics>,
    /// Drop the same units for both alleles of a pair [default: true]
    #[arg(long, value_name = "true|false")]
    pub shared_dropout: Option<bool>,
    /// Maximum gradient norm (gradient clipping); 0 for no limit [default: 0]
    #[arg(long, value_name = "FLOAT")]
    pub clip: Option<f64>,
    /// Augmentation: shift windows randomly by up to this number of bases [default: an eighth of the window, for --pairs
    /// and left-aligned regions 0]
    #[arg(long, value_name = "INT")]
    pub shift: Option<usize>,
    /// Random augmentation: strand (reverse complement), swap (alleles exchanged) or none; comma-separated
    /// [default: none]
    #[arg(long, value_name = "LIST", value_delimiter = ',', hide_possible_values = true)]
    pub augment: Option<Vec<Augment>>,
    /// On a non-finite loss: stop, keeping the last good state, or skip the batch (published) [default: stop]
    #[arg(long, value_name = "RULE", value_parser = choice_parser!(NotFinite), hide_possible_values = true)]
    pub not_finite: Option<NotFinite>,
    /// Initial output of the count heads: median (of the training windows) or random (published) [default: median]
    #[arg(long, value_name = "RULE", value_parser = choice_parser!(FirstCounts), hide_possible_values = true)]
    pub first_counts: Option<FirstCounts>,
    /// Decay of the exponential moving average of the weights, which is validated and saved instead of the last weights;
    /// 0 for none (published) [default: 0.995]
    #[arg(long, value_name = "FLOAT")]
    pub average: Option<f64>,
    /// Precision of the convolutions: float32, or bfloat16 for GPUs with tensor cores [default: float32]
    #[arg(long, value_name = "TYPE", value_parser = choice_parser!(Precision), hide_possible_values = true)]
    pub precision: Option<Precision>,
    /// Seed of initial weights, blocks, batch order and dropout [default: 1]
    #[arg(long, value_name = "INT")]
    pub seed: Option<u64>,
}

/// A random change of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Augment {
    Strand,
    Swap,
    None,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Runs")]
pub struct RunArgs {
    /// Number of networks in the model, trained with different seeds: an ensemble, which predicts their mean and its
    /// uncertainty
    #[arg(long, value_name = "INT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub members: u16,
    /// Number of folds of a cross-validation: in each fold another part of the windows (chromosomes, blocks or groups) is
    /// the test, so that every window is tested once; the networks of all folds form the model
    #[arg(long, value_name = "INT", conflicts_with_all = ["validation_chroms", "test_chroms"],
          value_parser = clap::value_parser!(u16).range(3..=64))]
    pub folds: Option<u16>,
    /// Also report a ridge regression on k-mer counts, a single and a difference network, trained on the same windows (GC
    /// content and the mean are always reported)
    #[arg(long)]
    pub baselines: bool,
    /// Continue the interrupted run in the output folder
    #[arg(long)]
    pub resume: bool,
    /// Save the state of the run every INT minutes, in addition to the end of each epoch
    #[arg(long, value_name = "INT", default_value_t = 10)]
    pub save_minutes: u64,
    /// Print sizes, steps and memory without training
    #[arg(long)]
    pub dry_run: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use deepallele_core::model::Architecture;
    use deepallele_core::training::options::FitOptions;

    use super::*;

    #[test]
    fn options_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_in_help_are_those_of_the_recipe() {
        let command = Args::command();
        let documented = |name: &str| {
            let option = command.get_arguments().find(|a| a.get_long() == Some(name)).unwrap();
            let help = option.get_help().unwrap().to_string();
            let (_, default) = help.split_once("[default: ").unwrap_or_else(|| panic!("{name}: {help}"));
            default.trim_end_matches(']').to_string()
        };
        let sizes = Architecture::preset("small", Kind::Paired).unwrap().recommended();
        let fit = FitOptions::recommended();
        for (name, value) in [
            ("model", sizes.kind.to_string()),
            ("window", format!("that of the preset, {} for small", sizes.window)),
            ("strands", format!("{}; joined with --orient region, which needs strands that differ", sizes.strands)),
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
            assert_eq!(documented(name), value, "--{name}");
        }
    }
}
