//! Groups of options, the same letters in every command. Flatten them with `#[command(flatten)]`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use deepallele_core::genome::HaplotypeSource;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::vcf::{IndexKind, VcfFormat};
use deepallele_core::output::provenance::Provenance;

use crate::interval::{self, Interval};
use crate::run::usage;

/// `-f`
#[derive(Args, Clone, Debug)]
pub struct GenomeArgs {
    /// Reference genome: FASTA, plain or bgzip-compressed, with its .fai beside it
    #[arg(short = 'f', long, value_name = "FASTA")]
    pub reference: Option<PathBuf>,
}

impl GenomeArgs {
    /// The file, or a usage error when it was not given.
    pub fn required(&self) -> anyhow::Result<&Path> {
        self.reference.as_deref().ok_or_else(|| usage("needs a reference genome: give -f FASTA"))
    }
}

/// `-m --model-sample`
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// Model file (model.onnx of deepallele train or import)
    #[arg(short = 'm', long, value_name = "ONNX")]
    pub model: PathBuf,

    /// Which sample of a model of several to predict [default: its first]
    #[arg(long, value_name = "NAME")]
    model_sample: Option<String>,
}

impl ModelArgs {
    /// The model, ready to predict the sample that was asked for with `threads` threads.
    #[cfg(feature = "onnx")]
    pub fn open(
        &self,
        threads: usize,
    ) -> deepallele_core::error::Result<deepallele_core::model::onnx::predictor::Predictor> {
        open_model(&self.model, self.model_sample.as_deref(), threads)
    }
}

/// The model in `path`, ready to predict `sample`, or its first, with `threads` threads.
#[cfg(feature = "onnx")]
pub fn open_model(
    path: &Path,
    sample: Option<&str>,
    threads: usize,
) -> deepallele_core::error::Result<deepallele_core::model::onnx::predictor::Predictor> {
    let mut predictor = deepallele_core::model::onnx::predictor::Predictor::open(path, threads)?;
    match sample {
        Some(name) => predictor.choose_sample(name)?,
        None => say_first(path, &predictor.info().samples),
    }
    Ok(predictor)
}

/// Which of several samples is predicted if none was named.
#[cfg(feature = "onnx")]
fn say_first<S: AsRef<str> + std::borrow::Borrow<str>>(path: &Path, samples: &[S]) {
    if let [first, _, ..] = samples {
        log::info!("\"{}\" knows {}; predicted is {}", path.display(), samples.join(", "), first.as_ref());
    }
}

/// The network that the description in `path` is about, ready to predict `sample`, or its first.
#[cfg(feature = "onnx")]
pub fn open_sequence_model(
    path: &Path,
    sample: Option<&str>,
    threads: usize,
) -> deepallele_core::error::Result<deepallele_core::model::onnx::external::SequenceModel> {
    let mut model = deepallele_core::model::onnx::external::SequenceModel::open(path, threads)?;
    match sample {
        Some(name) => model.choose_sample(name)?,
        None => say_first(path, &model.samples()),
    }
    Ok(model)
}

/// `-v -s --strain --hap1 --hap2`
#[derive(Args, Clone, Debug)]
pub struct HaplotypeArgs {
    /// Variants that make the two haplotypes: VCF or BCF
    #[arg(short = 'v', long, value_name = "VCF")]
    pub variants: Option<PathBuf>,

    /// A phased sample: its first alleles are haplotype 1, its second haplotype 2
    #[arg(short = 's', long, value_name = "SAMPLE", conflicts_with_all = ["strain", "hap1", "hap2"])]
    sample: Option<String>,

    /// An inbred strain crossed with the reference: haplotype 1 is the reference, haplotype 2 the strain
    #[arg(long, value_name = "SAMPLE", conflicts_with_all = ["hap1", "hap2"])]
    strain: Option<String>,

    /// Haplotype 1: ref, SAMPLE (inbred), SAMPLE:1 or SAMPLE:2 (phased)
    #[arg(long, value_name = "SPEC", requires = "hap2")]
    hap1: Option<HaplotypeSource>,

    /// Haplotype 2, likewise
    #[arg(long, value_name = "SPEC", requires = "hap1")]
    hap2: Option<HaplotypeSource>,
}

impl HaplotypeArgs {
    /// The variants file, or a usage error when it was not given.
    pub fn required(&self) -> anyhow::Result<&Path> {
        self.variants.as_deref().ok_or_else(|| usage("needs the variants of the two haplotypes: give -v VCF"))
    }

    /// True when nothing about haplotypes was given.
    pub fn is_empty(&self) -> bool {
        self.variants.is_none() && self.sample.is_none() && self.strain.is_none() && self.hap1.is_none()
    }

    /// Haplotype 1 and 2, or a usage error when they were not named.
    pub fn sources(&self) -> anyhow::Result<(HaplotypeSource, HaplotypeSource)> {
        match (&self.sample, &self.strain, &self.hap1, &self.hap2) {
            (Some(s), ..) => Ok((HaplotypeSource::Phased(s.clone(), 1), HaplotypeSource::Phased(s.clone(), 2))),
            (None, Some(name), ..) => Ok((HaplotypeSource::Reference, HaplotypeSource::Strain(name.clone()))),
            (None, None, Some(hap1), Some(hap2)) => Ok((hap1.clone(), hap2.clone())),
            _ => Err(usage("needs the two haplotypes: give -s SAMPLE, --strain SAMPLE, or --hap1 and --hap2")),
        }
    }
}

/// What becomes of fragments that fit both alleles when counts are compared with predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Uninformative {
    /// Half of them to each allele, as train does by default
    Half,
    /// Left out
    Drop,
}

impl Uninformative {
    /// The share of them that each allele gets.
    pub fn share(self) -> f64 {
        use deepallele_core::training::dataset::Uninformative as Rule;
        match self {
            Self::Half => Rule::Half.share(),
            Self::Drop => Rule::Drop.share(),
        }
    }
}

/// `-o`
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Write here instead of to standard output; a name in .gz is written with bgzip and indexed
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    pub output: PathBuf,
}

/// `-@`
#[derive(Args, Clone, Copy, Debug)]
pub struct ThreadArgs {
    /// Threads; results are the same at any number [default: all cores]
    #[arg(short = '@', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadArgs {
    /// How many threads to use, at least 1.
    pub fn count(&self) -> usize {
        match self.threads {
            Some(n) => n.into(),
            None => std::thread::available_parallelism().map_or(1, |n| n.get()),
        }
    }
}

/// `--quiet`
#[derive(Args, Clone, Copy, Debug)]
pub struct MessageArgs {
    /// Print errors only
    #[arg(long)]
    pub quiet: bool,
}

/// `--no-version`
#[derive(Args, Clone, Copy, Debug)]
pub struct ProvenanceArgs {
    /// Do not write version and command line into the output
    #[arg(long)]
    pub no_version: bool,
}

impl ProvenanceArgs {
    /// What to write into the output about this run; `None` at `--no-version`. `name` is the command's own.
    pub fn provenance(&self, name: &str) -> Option<Provenance> {
        (!self.no_version).then(|| provenance_of_run(name))
    }
}

/// Version and command line of this run of the command `name`.
pub fn provenance_of_run(name: &str) -> Provenance {
    let arguments = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned());
    Provenance::new(name, env!("CARGO_PKG_VERSION"), arguments)
}

/// `-O -o -W` of commands that write VCF or BCF.
#[derive(Args, Clone, Debug)]
pub struct VcfOutputArgs {
    /// Write here instead of to standard output
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-", hide_default_value = true)]
    pub output: PathBuf,

    /// u/b: uncompressed/compressed BCF, v/z: plain/bgzip VCF, with a level 0-9 behind b or z
    /// [default: by the suffix of -o, else v]
    #[arg(short = 'O', long, value_name = "u|b|v|z[0-9]")]
    output_type: Option<VcfFormat>,

    /// Index the output file when it is done
    #[arg(short = 'W', long, value_name = "csi|tbi", num_args = 0..=1, require_equals = true,
          default_missing_value = "csi")]
    pub write_index: Option<IndexKind>,
}

impl VcfOutputArgs {
    /// The format: `-O`, else the suffix of `-o`, else plain VCF.
    pub fn format(&self) -> VcfFormat {
        self.output_type.unwrap_or_else(|| VcfFormat::from_suffix(&self.output))
    }

    /// A usage error when an index is asked of something that can have none.
    pub fn check(&self) -> anyhow::Result<()> {
        let Some(kind) = self.write_index else { return Ok(()) };
        if is_stdio(&self.output) {
            return Err(usage("-W needs an output file: give -o FILE"));
        }
        self.format().check_index(kind).map_err(usage)
    }
}

/// `-r -R -t -T`
#[derive(Args, Clone, Debug)]
pub struct RestrictArgs {
    /// Only these regions (chr, chr:pos, chr:from-to, comma-separated), found by the index
    // `--regions` is the long name of -L, the regions to work on.
    #[arg(short = 'r', long = "region", value_name = "REGION", conflicts_with_all = ["regions_file", "targets", "targets_file"])]
    region: Option<String>,

    /// Only the regions of this file (BED, or contig and 1-based positions), found by the index
    #[arg(short = 'R', long, value_name = "FILE", conflicts_with_all = ["targets", "targets_file"])]
    regions_file: Option<PathBuf>,

    /// As -r, but by reading everything; works on a pipe
    #[arg(short = 't', long, value_name = "REGION", conflicts_with = "targets_file")]
    targets: Option<String>,

    /// As -R, but by reading everything; works on a pipe
    #[arg(short = 'T', long, value_name = "FILE")]
    targets_file: Option<PathBuf>,
}

impl RestrictArgs {
    /// The intervals of `-r` or `-R`, as given.
    pub fn by_index(&self) -> anyhow::Result<Option<Vec<Interval>>> {
        intervals(self.region.as_deref(), self.regions_file.as_deref())
    }

    /// The intervals of `-t` or `-T`, as given.
    pub fn by_stream(&self) -> anyhow::Result<Option<Vec<Interval>>> {
        intervals(self.targets.as_deref(), self.targets_file.as_deref())
    }

    /// The file of `-R` or `-T`.
    pub fn file(&self) -> Option<&Path> {
        self.regions_file.as_deref().or(self.targets_file.as_deref())
    }
}

fn intervals(text: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<Vec<Interval>>> {
    match (text, file) {
        (Some(text), _) => interval::parse_list(text).map(Some).map_err(usage),
        (None, Some(file)) => Ok(Some(interval::read(file)?)),
        (None, None) => Ok(None),
    }
}

/// The input to read: what was named, else a piped standard input, else a usage error instead of a wait at
/// the terminal.
pub fn input_or_stdin(named: Option<&Path>, what: &str) -> anyhow::Result<PathBuf> {
    match named {
        Some(path) => Ok(path.to_path_buf()),
        None if !std::io::stdin().is_terminal() => Ok("-".into()),
        None => Err(usage(format!("needs {what}: name a file, or pipe it in"))),
    }
}

/// A usage error when more than one of `inputs` is standard input.
pub fn one_stdin<'a>(inputs: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
    match inputs.into_iter().filter(|path| is_stdio(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(usage("only one input can come from standard input")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct All {
        #[command(flatten)]
        genome: GenomeArgs,
        #[command(flatten)]
        haplotypes: HaplotypeArgs,
        #[command(flatten)]
        threads: ThreadArgs,
        #[command(flatten)]
        output: VcfOutputArgs,
        #[command(flatten)]
        restrict: RestrictArgs,
        #[command(flatten)]
        _messages: MessageArgs,
        #[command(flatten)]
        version: ProvenanceArgs,
    }

    fn parse(text: &str) -> Result<All, clap::Error> {
        All::try_parse_from(std::iter::once("x").chain(text.split_whitespace()))
    }

    #[test]
    fn groups_fit_together_without_a_clash() {
        use clap::CommandFactory;
        All::command().debug_assert();
    }

    #[test]
    fn shorthands_name_both_haplotypes() {
        let sources = |text: &str| {
            let (hap1, hap2) = parse(text).ok()?.haplotypes.sources().ok()?;
            Some(format!("{hap1} {hap2}"))
        };
        assert_eq!(sources("-s NA12878").as_deref(), Some("NA12878:1 NA12878:2"));
        assert_eq!(sources("--strain CAST").as_deref(), Some("ref CAST"));
        assert_eq!(sources("--hap1 B:2 --hap2 C").as_deref(), Some("B:2 C"));
        for wrong in ["", "--hap1 ref", "-s A --strain B", "-s A --hap1 ref --hap2 B"] {
            assert_eq!(sources(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn output_type_wins_over_the_suffix() {
        assert_eq!(parse("-o a.bcf -O v").unwrap().output.format(), VcfFormat::Vcf);
        assert_eq!(parse("-o a.bcf").unwrap().output.format(), VcfFormat::Bcf(None));
        assert_eq!(parse("-Oz1 -o a").unwrap().output.format(), VcfFormat::VcfGz(Some(1)));
        assert_eq!(parse("-o a.txt").unwrap().output.format(), VcfFormat::Vcf);
        assert!(parse("-O q").is_err());
    }

    #[test]
    fn an_index_needs_a_compressed_file() {
        assert!(parse("-W").unwrap().output.check().is_err());
        assert!(parse("-W -o a.vcf").unwrap().output.check().is_err());
        assert!(parse("-W=tbi -o a.bcf").unwrap().output.check().is_err());
        assert!(parse("-W=tbi -o a.vcf.gz").unwrap().output.check().is_ok());
        assert_eq!(parse("-W -o a.bcf").unwrap().output.write_index, Some(IndexKind::Csi));
    }

    #[test]
    fn standard_input_is_read_once() {
        assert!(one_stdin(["-", "a", "b"].map(Path::new)).is_ok());
        assert!(one_stdin(["a", "a"].map(Path::new)).is_ok());
        assert!(one_stdin(["-", "a", "-"].map(Path::new)).unwrap_err().is::<crate::UsageError>());
    }

    #[test]
    fn restrictions_exclude_each_other_and_threads_start_at_one() {
        assert!(parse("-r 1 -t 2").is_err());
        assert!(parse("-@ 0").is_err());
        assert_eq!(parse("-@ 3").unwrap().threads.count(), 3);
        assert_eq!(parse("-t 1:5-9").unwrap().restrict.by_stream().unwrap().unwrap().len(), 1);
        assert_eq!(parse("-R a.bed").unwrap().restrict.file(), Some(Path::new("a.bed")));
        assert_eq!(parse("-T -").unwrap().restrict.file(), Some(Path::new("-")));
        assert_eq!(parse("-t 1").unwrap().restrict.file(), None);
        assert!(parse("-f x").unwrap().genome.required().is_ok());
        assert!(parse("").unwrap().genome.required().is_err());
        assert!(parse("--no-version").unwrap().version.provenance("count").is_none());
    }
}
