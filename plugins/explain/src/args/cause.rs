//! The options of `explain cause`.

use std::path::{Path, PathBuf};

use deepallele_common::{one_stdin, usage, write_table, Indexed, MessageArgs, ProvenanceArgs, RunFiles, ThreadArgs};
use deepallele_core::io::text_input::{is_stdio, read_once};
use deepallele_core::io::vcf::{IndexKind, VcfFormat};

const EXAMPLES: &str = "Examples:
  # Which variant causes the imbalance of each region
  deepallele explain cause --vcf effects.bcf --compare counts.tsv.gz -o cause.tsv

  # The same as INFO/DA_PIP in the VCF, and in the folder of explain attributions
  deepallele explain cause explained --vcf effects.bcf --compare counts.tsv.gz --output-vcf causes.bcf -W";

/// Which variant causes the measured imbalance of a region
///
/// Combines the predicted effects of the variants of each region, in both haplotypes, with its counts: the posterior
/// inclusion probability of a variant is the chance that it changes the log2 ratio by at least --min-effect. Several
/// variants of a region may do so, or none of them. How far predictions are to be trusted is estimated from all regions of
/// the run: use regions that the model was not trained on.
///
/// Writes a table, one line for each variant of each region with counts: probability (posterior inclusion probability),
/// main_probability (that it is the variant with the largest effect; with none_probability it sums to 1 over a region),
/// credible (1 for the smallest set of variants that holds 95 % of the main probabilities), and contribution (posterior
/// mean). All effects in the table are on log2 of haplotype 1 over haplotype 2.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct CauseArgs {
    /// Folder written by explain attributions, which receives cause.tsv where there is no -o
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,

    /// VCF or BCF with effects in both haplotypes of a sample, written by deepallele annotate -s -L
    #[arg(long, value_name = "VCF", required = true, help_heading = "Input")]
    pub vcf: PathBuf,

    /// Count table written by deepallele count, of the same regions and haplotypes
    #[arg(long, value_name = "COUNTS", required = true, help_heading = "Input")]
    pub compare: PathBuf,

    /// Sample of --compare, where it holds several
    #[arg(long, value_name = "SAMPLE", help_heading = "Input")]
    pub count_sample: Option<String>,

    /// Suffix of the fields to use, as in DA_LFC_BG1_TAG
    #[arg(long, value_name = "TAG", help_heading = "Input")]
    pub tag: Option<String>,

    /// Table to write; a name ending in .gz is compressed with bgzip and indexed [default: FOLDER/cause.tsv, else standard
    /// output]
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Also write the VCF with INFO/DA_PIP, the posterior inclusion probability; --vcf is then read twice and cannot be a
    /// pipe
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub output_vcf: Option<PathBuf>,

    /// Of --output-vcf: u/b: uncompressed/compressed BCF, v/z: uncompressed/compressed VCF; b and z take a compression level
    /// 0-9 [default: by the suffix, else v]
    #[arg(short = 'O', long, value_name = "u|b|v|z[0-9]", requires = "output_vcf", help_heading = "Output")]
    output_type: Option<VcfFormat>,

    /// Index the VCF; -W alone is -W=csi
    #[arg(short = 'W', long, value_name = "csi|tbi", num_args = 0..=1, require_equals = true,
          default_missing_value = "csi", requires = "output_vcf", help_heading = "Output")]
    pub write_index: Option<IndexKind>,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// Smallest effect on the log2 ratio that counts as a cause
    #[arg(long, value_name = "FLOAT", default_value_t = 0.1, help_heading = "Method")]
    pub min_effect: f64,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl CauseArgs {
    /// The table.
    pub fn table(&self) -> PathBuf {
        match (&self.output, &self.folder) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => folder.join("cause.tsv"),
            (None, None) => "-".into(),
        }
    }

    /// The format of a VCF.
    pub fn format(&self, path: &Path) -> VcfFormat {
        self.output_type.unwrap_or_else(|| VcfFormat::from_suffix(path))
    }

    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        files.read_indexed("--vcf", &self.vcf, Indexed::Variants);
        files.read("--compare", &self.compare);
        write_table(&mut files, "-o", &self.table(), true);
        if let Some(path) = &self.output_vcf {
            let suffix = self.write_index.map(IndexKind::suffix);
            files.write_indexed("--output-vcf", path, suffix.as_slice());
        }
        files
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        if !(self.min_effect.is_finite() && self.min_effect >= 0.0) {
            return Err(usage("--min-effect is 0 or more"));
        }
        if let Some(output) = &self.output_vcf {
            if read_once(&self.vcf) {
                return Err(usage("--output-vcf needs --vcf twice, a pipe can be read only once: give --vcf a file"));
            }
            if let Some(kind) = self.write_index {
                if is_stdio(output) {
                    return Err(usage("-W needs an output file: give --output-vcf FILE"));
                }
                self.format(output).check_index(kind).map_err(usage)?;
            }
        }
        one_stdin([self.vcf.as_path(), self.compare.as_path()])
    }
}
