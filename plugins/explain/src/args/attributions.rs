//! The options of `explain attributions`.

use std::path::{Path, PathBuf};

use deepallele_common::{
    choice_parser, is_description, one_stdin, read_model, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, MessageArgs,
    ProvenanceArgs, RunFiles, ThreadArgs,
};
use deepallele_core::explanation::attributions::methods::{Baseline, Method};
use deepallele_core::explanation::attributions::{Gauge, Head};

const EXAMPLES: &str = "Examples:
  # Contributions of the bases of both alleles of peaks, with tracks of letters for IGV
  deepallele explain attributions -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak -o explained

  # The same by DeepLIFT, many times as fast, relative to 20 dinucleotide shuffles of each allele
  deepallele explain attributions -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak --method deeplift --baseline shuffles -o explained

  # Of designed pairs of sequences, with a drawing of each
  deepallele explain attributions -m model/model.onnx --pairs pairs.tsv --logos -o explained";

/// Contribution of each base of both alleles
///
/// By default every base of either allele is replaced by every other one, the other allele unchanged (in-silico saturation
/// mutagenesis), with the variants of each haplotype applied. --method deeplift, integrated-gradients or gradient take a
/// backward pass through the network instead of one prediction for each base. The folder has, for each haplotype, the contributions of all
/// four bases as NumPy arrays (hap1.npz, hap2.npz: arr_0, float32, regions x 4 x window) and the sequences one-hot
/// (hap1.ohe.npz, hap2.ohe.npz), as modisco-lite, finemo and tangermeme read them; regions.tsv, one line a region in the
/// order of the arrays; map.tsv.gz, where the bases of each allele are in the reference, insertions and deletions included;
/// hap1.bw and hap2.bw, one value a base, which igv.xml draws as letters.
///
/// Contributions are log2. Those to the ratio are effects on log2 of haplotype 1 over haplotype 2 in the arrays of either
/// haplotype; tracks and logos show haplotype 2 with the other sign, so that what makes the own haplotype more active is
/// above zero.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct AttributionArgs {
    /// Model file (model.onnx) written by deepallele train or import, or the description (NAME.toml) of another network
    /// that reads sequences; if repeated, one ensemble
    #[arg(short = 'm', long = "model", value_name = "MODEL", required = true, help_heading = "Input")]
    pub models: Vec<PathBuf>,

    /// Sample to explain, for models of several samples [default: the first]
    #[arg(long, value_name = "SAMPLE", help_heading = "Input")]
    pub model_sample: Option<String>,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Explain the pairs of this table (id, allele_a, allele_b) instead of regions
    #[arg(long, value_name = "TSV", help_heading = "Input", conflicts_with_all = ["regions", "reference", "variants",
          "sample", "strain", "hap1", "hap2", "anchor", "tss"])]
    pub pairs: Option<PathBuf>,

    /// Folder to write, which may exist
    #[arg(short = 'o', long, value_name = "FOLDER", help_heading = "Output")]
    pub output: PathBuf,

    /// Also draw both alleles of each region as letters, side by side: logos/0.svg and so on, in the order of regions.tsv
    #[arg(long, help_heading = "Output")]
    pub logos: bool,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// Regions: BED, narrowPeak, count table, GTF, GFF3 or SAF; - for standard input
    #[arg(short = 'L', long = "regions", value_name = "FILE", help_heading = "Regions and variants")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// How contributions are computed: ism (every base replaced by every other one), deeplift (Rescale rule),
    /// integrated-gradients (100 steps) or gradient; all but ism for networks of this suite alone
    #[arg(long, value_name = "METHOD", default_value = "ism", help_heading = "Method",
          value_parser = choice_parser!(Method), hide_possible_values = true)]
    pub method: Method,

    /// What deeplift and integrated-gradients compare the pair with: uniform (a quarter of each base), other-allele (each
    /// allele with the other one in its place) or shuffles (the mean over dinucleotide shuffles of both alleles)
    /// [default: uniform]
    #[arg(long, value_name = "BASELINE", help_heading = "Method", value_parser = choice_parser!(Baseline),
          hide_possible_values = true)]
    pub baseline: Option<Baseline>,

    /// Shuffles of each allele, for --baseline shuffles [default: 20]
    #[arg(long, value_name = "INT", help_heading = "Method", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub shuffles: Option<u32>,

    /// Seed of the shuffles
    #[arg(long, value_name = "INT", default_value_t = 1, help_heading = "Method")]
    pub seed: u64,

    /// Prediction to explain: ratio (log2 of haplotype 1 over haplotype 2) or count (log2 of the counts of each haplotype
    /// separately)
    #[arg(long, value_name = "HEAD", default_value = "ratio", help_heading = "Method",
          value_parser = choice_parser!(Head), hide_possible_values = true)]
    pub head: Head,

    /// What the contributions of the four bases of a position are relative to: zero-sum (their mean) or none (as the
    /// method has it: with ism the base that is there, which has 0, else the baseline)
    #[arg(long, value_name = "GAUGE", default_value = "zero-sum", help_heading = "Method",
          value_parser = choice_parser!(Gauge), hide_possible_values = true)]
    pub gauge: Gauge,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl AttributionArgs {
    /// What the contributions depend on, apart from the content of files.
    pub fn described(&self) -> String {
        let inputs = (&self.models, &self.model_sample, &self.genome, &self.pairs, &self.regions);
        let places = (&self.windows, &self.haplotypes, self.logos);
        let method = (self.method, self.baseline, self.shuffles, self.seed, self.head, self.gauge);
        format!("{inputs:?} {places:?} {method:?}")
    }

    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.models.iter().for_each(|path| read_model(&mut files, path));
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        for (option, path) in [("--pairs", &self.pairs), ("-L", &self.regions)] {
            path.iter().for_each(|path| files.read(option, path));
        }
        let table = if self.pairs.is_some() { "pairs.tsv" } else { "regions.tsv" };
        let arrays = ["hap1.npz", "hap2.npz", "hap1.ohe.npz", "hap2.ohe.npz", "map.tsv.gz", table, "explain.json"];
        let of_regions = ["hap1.bw", "hap2.bw", "igv.xml"];
        let of_regions = if self.pairs.is_some() { &[][..] } else { &of_regions };
        arrays.iter().chain(of_regions).for_each(|name| files.write_in_new_folder("-o", &self.output.join(name)));
        files
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        let method = self.method;
        if method != Method::Ism && self.models.iter().any(|path| is_description(path)) {
            return Err(usage(format!(
                "--method {method} needs networks of this suite; those of other software are explained by --method ism"
            )));
        }
        if self.baseline.is_some() && !method.has_baseline() {
            return Err(usage(format!("--method {method} has no baseline: leave out --baseline")));
        }
        if self.shuffles.is_some() && self.baseline != Some(Baseline::Shuffles) {
            return Err(usage("--shuffles needs --baseline shuffles"));
        }
        if self.pairs.is_some() {
            return Ok(());
        }
        self.regions_file()?;
        self.genome.required()?;
        self.haplotypes.complete_sources()?;
        one_stdin([&self.regions, &self.haplotypes.variants].into_iter().flatten().map(PathBuf::as_path))
    }

    /// The baseline, for a method that has one.
    pub fn baseline(&self) -> Option<Baseline> {
        self.method.has_baseline().then(|| self.baseline.unwrap_or(Baseline::Uniform))
    }

    /// Shuffles of each allele, if they are the baseline.
    pub fn shuffles(&self) -> Option<usize> {
        (self.baseline() == Some(Baseline::Shuffles)).then(|| self.shuffles.unwrap_or(20) as usize)
    }

    /// The file of regions.
    pub fn regions_file(&self) -> anyhow::Result<&Path> {
        self.regions.as_deref().ok_or_else(|| usage("needs something to explain: give -L BED or --pairs TSV"))
    }
}
