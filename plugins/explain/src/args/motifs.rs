//! The options of `explain motifs`.

use std::path::{Path, PathBuf};

use deepallele_common::{
    choice_parser, one_stdin, read_model, usage, MessageArgs, ProvenanceArgs, RunFiles, ThreadArgs,
};
use deepallele_core::explanation::learned_motifs::MotifOptions;
use deepallele_core::explanation::seqlets::of_pairs::{Caller, CallerName};
use deepallele_core::explanation::seqlets::published::Published;
use deepallele_core::explanation::seqlets::recursive::Recursive;
use deepallele_core::motifs::columns::Distance;
use deepallele_core::motifs::tomtom::TomtomOptions;
use deepallele_core::output::explanation::motif_folder::FILES;

const EXAMPLES: &str = "Examples:
  # The motifs of the seqlets at a false discovery rate of 10 %, and known motifs that they resemble
  deepallele explain motifs explained -m model/model.onnx --motifs jaspar.meme

  # Seqlets and clusters as in the published DeepAllele
  deepallele explain motifs explained --caller published --distance pearson --motifs jaspar.meme

  # Compare any motifs with known ones
  deepallele explain motifs --match mine.meme --motifs jaspar.meme -o matches.tsv";

/// The motifs that a model has learned
///
/// Reads the folder of explain attributions. Seqlets are short spans whose bases contribute much, called in both alleles
/// and for both signs, each with its place in the other allele. Clusters of seqlets that are alike (complete linkage, both
/// strands) are the motifs. The folder receives motifs.meme (base frequencies), motifs.tsv (number of seqlets, share of the
/// regions, direction, known motifs that it resembles), motifs.npz (contributions: arr_0, float32, motifs x 4 x longest),
/// seqlets.tsv.gz, motif_logos/ and motif_tree.svg.
///
/// With -m seqlets have a controlled false discovery rate: the same model explains shuffled sequences, in which every
/// seqlet is a false one.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct MotifArgs {
    /// Folder written by explain attributions, which receives the files
    #[arg(value_name = "FOLDER", required_unless_present = "matched", conflicts_with = "matched")]
    pub folder: Option<PathBuf>,

    /// Known motifs, in MEME or JASPAR format
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub motifs: Option<PathBuf>,

    /// Model that the folder was made with, to explain shuffled sequences; if repeated, one ensemble
    #[arg(short = 'm', long = "model", value_name = "MODEL", help_heading = "Input", conflicts_with = "matched")]
    pub models: Vec<PathBuf>,

    /// Sample that the folder explains, for models of several samples [default: the first]
    #[arg(long, value_name = "SAMPLE", requires = "models", help_heading = "Input")]
    pub model_sample: Option<String>,

    /// Only compare the motifs of this file with the known ones: a table of matches with a q-value of at most 0.5, or the
    /// best one
    #[arg(long = "match", id = "matched", value_name = "FILE", requires = "motifs", help_heading = "Input")]
    pub matched: Option<PathBuf>,

    /// Table of --match; - for standard output
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-", requires = "matched", help_heading = "Output")]
    pub output: PathBuf,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// How seqlets are called: recursive (spans of which every part is improbable, as tangermeme calls them) or published
    /// (runs of attributions above 1.96 times their root mean square)
    #[arg(long, value_name = "CALLER", default_value = "recursive", help_heading = "Seqlets",
          value_parser = choice_parser!(CallerName), hide_possible_values = true)]
    pub caller: CallerName,

    /// p-value below which all parts of a recursive seqlet are, instead of a false discovery rate [default without -m: 0.01]
    #[arg(long, value_name = "P", help_heading = "Seqlets")]
    pub threshold: Option<f64>,

    /// False discovery rate of recursive seqlets, of each sign [default with -m: 0.1]
    #[arg(long, value_name = "RATE", requires = "models", conflicts_with = "threshold", help_heading = "Seqlets")]
    pub fdr: Option<f64>,

    /// Regions, chosen at random, whose shuffled sequences are explained
    #[arg(long, value_name = "INT", default_value_t = 100, requires = "models", help_heading = "Seqlets",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub null_regions: u32,

    /// Seed of the chosen regions and of their shuffled sequences
    #[arg(long, value_name = "INT", default_value_t = 1, help_heading = "Seqlets")]
    pub seed: u64,

    /// Bases on either side of a seqlet that are compared and put into motifs as well [default: 8; 0 with --caller published]
    #[arg(long, value_name = "INT", help_heading = "Motifs", value_parser = clap::value_parser!(u16).range(..=100))]
    flanks: Option<u16>,

    /// Seqlets that a motif needs
    #[arg(long, value_name = "INT", default_value_t = 20, help_heading = "Motifs",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub least_seqlets: u32,

    /// Seqlets of a motif are closer to each other than this: the p-value of their correlation, corrected for its best
    /// alignment
    #[arg(long, value_name = "P", default_value_t = 0.05, help_heading = "Motifs")]
    pub cluster_distance: f64,

    /// How columns of motifs are compared with known ones: euclidean or pearson (as published)
    #[arg(long, value_name = "DISTANCE", default_value = "euclidean", help_heading = "Motifs",
          value_parser = choice_parser!(Distance), hide_possible_values = true)]
    pub distance: Distance,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl MotifArgs {
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.models.iter().for_each(|path| read_model(&mut files, path));
        for (option, path) in [("--motifs", &self.motifs), ("--match", &self.matched)] {
            path.iter().for_each(|path| files.read(option, path));
        }
        match &self.folder {
            Some(folder) => FILES.iter().for_each(|name| files.write_in_new_folder("FOLDER", &folder.join(name))),
            None => files.write("-o", &self.output),
        }
        files
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        let rates = [("--threshold", self.threshold), ("--fdr", self.fdr)];
        for (option, value) in rates.into_iter().chain([("--cluster-distance", Some(self.cluster_distance))]) {
            if value.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
                return Err(usage(format!("{option} is between 0 and 1")));
            }
        }
        if self.caller == CallerName::Published && (self.threshold.is_some() || self.fdr.is_some()) {
            return Err(usage("--threshold and --fdr are of recursive seqlets: leave out --caller published"));
        }
        one_stdin([&self.motifs, &self.matched].into_iter().flatten().map(PathBuf::as_path))
    }

    /// The folder.
    pub fn folder(&self) -> anyhow::Result<&Path> {
        self.folder.as_deref().ok_or_else(|| usage("needs the folder of explain attributions"))
    }

    /// How seqlets are called.
    pub fn seqlets(&self) -> Caller {
        let recursive = Recursive::default();
        match self.caller {
            CallerName::Published => Caller::Published(Published::default()),
            CallerName::Recursive => {
                Caller::Recursive(Recursive { threshold: self.threshold.unwrap_or(recursive.threshold), ..recursive })
            }
        }
    }

    /// The false discovery rate of seqlets; `None` where a threshold was given.
    pub fn target(&self) -> Option<f64> {
        match self.threshold {
            Some(_) => None,
            None => Some(self.fdr.unwrap_or(0.1)),
        }
    }

    /// Bases on either side of seqlets.
    pub fn flanks(&self) -> usize {
        let published = self.caller == CallerName::Published;
        self.flanks.unwrap_or(if published { 0 } else { 8 }).into()
    }

    /// How motifs are made.
    pub fn options(&self) -> MotifOptions {
        let least_seqlets = self.least_seqlets as usize;
        MotifOptions { distance: self.cluster_distance, least_seqlets, ..MotifOptions::default() }
    }

    /// How motifs are compared.
    pub fn tomtom(&self) -> TomtomOptions {
        TomtomOptions { distance: self.distance, ..TomtomOptions::default() }
    }
}
