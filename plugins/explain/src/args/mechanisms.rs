//! The options of `explain mechanisms`.

use std::path::{Path, PathBuf};

use deepallele_common::{choice_parser, one_stdin, usage, MessageArgs, ProvenanceArgs, RunFiles, ThreadArgs};
use deepallele_core::model::metadata::Scale;
use deepallele_core::output::explanation::mechanism_tables::TABLES;

const EXAMPLES: &str = "Examples:
  # Which known motifs go with the measured imbalance of the explained regions
  deepallele explain mechanisms explained --motifs jaspar.meme --compare counts.tsv.gz

  # Of designed pairs with measured values, without a model
  deepallele explain mechanisms --pairs pairs.tsv --target-scale log2 --motifs jaspar.meme -o tested";

/// Whether motifs explain imbalance across regions
///
/// Tests every motif over all regions whose measured |log2 ratio| is at least --least-ratio: whether the more active allele
/// has the better match (the signed-rank test of MAGGIE), alone and weighted by the predicted ratio; whether the change of
/// the sites of a region goes with its ratio (Pearson's correlation, and Welch's t-test of regions with better sites in
/// either haplotype). Each region is then classified by its sites of significant motifs: same direction as measured,
/// opposite, no change, or no site; and, where explain hits has written into the folder, by the site whose contribution
/// differs most between the alleles. The shares of regions that either way explains have bootstrap intervals.
///
/// Writes mechanisms.tsv, one line a motif, and mechanism_regions.tsv, one line a region. All q-values are those of
/// Benjamini and Hochberg over the motifs.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct MechanismArgs {
    /// Folder written by explain attributions, which receives the tables
    #[arg(value_name = "FOLDER", required_unless_present = "pairs", conflicts_with = "pairs")]
    pub folder: Option<PathBuf>,

    /// Known motifs, in MEME or JASPAR format, or the motifs.meme of the folder
    #[arg(long, value_name = "FILE", required = true, help_heading = "Input")]
    pub motifs: PathBuf,

    /// Test the pairs of this table (id, allele_a, allele_b, value_a, value_b) instead of a folder
    #[arg(long, value_name = "TSV", help_heading = "Input", requires = "output")]
    pub pairs: Option<PathBuf>,

    /// Folder to write, which may exist [default: FOLDER]
    #[arg(short = 'o', long, value_name = "FOLDER", help_heading = "Output")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// Count table with the measured ratios of the regions of the folder
    #[arg(
        long,
        value_name = "COUNTS",
        required_unless_present = "pairs",
        conflicts_with = "pairs",
        help_heading = "Measured values"
    )]
    pub compare: Option<PathBuf>,

    /// Sample of --compare, where it holds several
    #[arg(long, value_name = "SAMPLE", requires = "compare", help_heading = "Measured values")]
    pub count_sample: Option<String>,

    /// Scale of value_a and value_b of --pairs: counts, linear or log2
    #[arg(long, value_name = "SCALE", default_value = "counts", conflicts_with = "compare",
          help_heading = "Measured values", value_parser = choice_parser!(Scale), hide_possible_values = true)]
    pub target_scale: Scale,

    /// Regions whose measured |log2 ratio| is at least this are tested
    #[arg(long, value_name = "FLOAT", default_value_t = 1.0, help_heading = "Measured values")]
    pub least_ratio: f64,

    /// p-value below which a match is a site
    #[arg(long, value_name = "P", default_value_t = 1e-4, help_heading = "Statistics")]
    pub threshold: f64,

    /// Motifs with at most this q-value of the signed-rank test classify regions
    #[arg(long, value_name = "Q", default_value_t = 0.05, help_heading = "Statistics")]
    pub largest_q: f64,

    /// Trusted regions have a predicted ratio of more than this many root mean squares, with the measured sign
    #[arg(long, value_name = "FLOAT", default_value_t = 1.65, help_heading = "Statistics")]
    pub trusted_deviations: f64,

    /// Number of bootstrap resamples for the intervals of shares; 0 for no intervals
    #[arg(long, value_name = "INT", default_value_t = 1000, help_heading = "Statistics",
          value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub bootstrap: u32,

    /// Seed of resampling
    #[arg(long, value_name = "INT", default_value_t = 1, help_heading = "Statistics")]
    pub seed: u64,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl MechanismArgs {
    /// The folder that receives the tables.
    pub fn output(&self) -> anyhow::Result<&Path> {
        let folder = self.output.as_deref().or(self.folder.as_deref());
        folder.ok_or_else(|| usage("needs a folder to write: give -o FOLDER"))
    }

    /// Every file that is read or written.
    pub fn files(&self) -> anyhow::Result<RunFiles> {
        let mut files = RunFiles::default();
        files.read("--motifs", &self.motifs);
        for (option, path) in [("--pairs", &self.pairs), ("--compare", &self.compare)] {
            path.iter().for_each(|path| files.read(option, path));
        }
        let output = self.output()?;
        TABLES.iter().for_each(|name| files.write_in_new_folder("-o", &output.join(name)));
        Ok(files)
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return Err(usage("--threshold is above 0, up to 1"));
        }
        if !(0.0..=1.0).contains(&self.largest_q) {
            return Err(usage("--largest-q is between 0 and 1"));
        }
        let sizes = [("--least-ratio", self.least_ratio), ("--trusted-deviations", self.trusted_deviations)];
        if let Some((option, _)) = sizes.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(usage(format!("{option} is 0 or more")));
        }
        one_stdin([&self.pairs, &self.compare].into_iter().flatten().chain([&self.motifs]).map(PathBuf::as_path))
    }
}
