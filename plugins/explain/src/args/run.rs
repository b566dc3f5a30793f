//! The options of `explain run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::AttributionArgs;

const EXAMPLES: &str = "Examples:
  # Everything about peaks, and one page to read
  deepallele explain run -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak --motifs jaspar.meme --compare counts.tsv.gz -o explained

  # Again after it was interrupted, or with another motif file: only what is missing or has changed is done
  deepallele explain run -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak --motifs other.meme --compare counts.tsv.gz -o explained";

/// All steps, one after the other
///
/// attributions, motifs, hits, mechanisms (with --compare), cause (with --compare and --vcf) and report, each with its
/// defaults, into the folder of -o. A step whose options, inputs and outputs are as after an earlier run is not done again:
/// run.json has what each step was given.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    #[command(flatten)]
    pub attributions: AttributionArgs,

    /// Known motifs, in MEME or JASPAR format [default: sites of the motifs that the model has learned]
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub motifs: Option<PathBuf>,

    /// VCF or BCF that annotate -s has written, for cause; hits.bcf in the folder receives its records with the sites that
    /// they change
    #[arg(long, value_name = "VCF", conflicts_with = "pairs", help_heading = "Input")]
    pub vcf: Option<PathBuf>,

    /// Count table with the measured ratios of the regions
    #[arg(long, value_name = "COUNTS", conflicts_with = "pairs", help_heading = "Input")]
    pub compare: Option<PathBuf>,

    /// Sample of --compare, where it holds several
    #[arg(long, value_name = "SAMPLE", requires = "compare", help_heading = "Input")]
    pub count_sample: Option<String>,

    /// Do every step again
    #[arg(long, help_heading = "Method")]
    pub restart: bool,
}

impl RunArgs {
    /// The command lines of the steps after attributions, without the program.
    pub fn later_steps(&self) -> Vec<Vec<OsString>> {
        let folder = &self.attributions.output;
        let known = self.motifs.clone().unwrap_or_else(|| folder.join("motifs.meme"));
        let mut steps =
            vec![Line::new("motifs", folder).option("--motifs", self.motifs.as_deref()).models(self).common(self)];
        let hits = Line::new("hits", folder).option("--motifs", Some(&known)).compare(self);
        let annotated = folder.join("hits.bcf");
        let hits = hits.option("--vcf", self.vcf.as_deref()).option("-o", self.vcf.is_some().then_some(&annotated));
        steps.push(hits.common(self));
        if self.compare.is_some() {
            let line = Line::new("mechanisms", folder).option("--motifs", Some(&known)).compare(self);
            steps.push(line.option("--vcf", self.vcf.as_deref()).common(self));
        }
        if self.compare.is_some() && self.vcf.is_some() {
            let line = Line::new("cause", folder).option("--vcf", self.vcf.as_deref()).compare(self);
            steps.push(line.common(self));
        }
        let page = folder.join("report.html");
        steps.push(Line::new("report", folder).option("-o", Some(&page)).compare(self).shared(self));
        steps
    }
}

/// A command line being made.
struct Line(Vec<OsString>);

impl Line {
    fn new(step: &str, folder: &Path) -> Self {
        Self(vec![step.into(), folder.into()])
    }

    fn option(mut self, option: &str, value: Option<&(impl AsRef<Path> + ?Sized)>) -> Self {
        if let Some(value) = value {
            self.0.extend([option.into(), value.as_ref().into()]);
        }
        self
    }

    fn text(self, option: &str, value: Option<&str>) -> Self {
        self.option(option, value.map(Path::new))
    }

    fn compare(self, args: &RunArgs) -> Self {
        self.option("--compare", args.compare.as_deref()).text("--count-sample", args.count_sample.as_deref())
    }

    /// The models of shuffled sequences, which mutagenesis explains.
    fn models(self, args: &RunArgs) -> Self {
        let models = &args.attributions.models;
        let line = models.iter().fold(self, |line, path| line.option("-m", Some(path.as_path())));
        line.text("--model-sample", args.attributions.model_sample.as_deref())
    }

    fn common(self, args: &RunArgs) -> Vec<OsString> {
        self.text("-@", Some(&args.attributions.threads.count().to_string())).shared(args)
    }

    fn shared(mut self, args: &RunArgs) -> Vec<OsString> {
        if args.attributions.provenance.no_version {
            self.0.push("--no-version".into());
        }
        if args.attributions.messages.quiet {
            self.0.push("--quiet".into());
        }
        self.0
    }
}
