//! The options of `explain`: one file for each step.

mod attributions;
mod cause;
mod hits;
mod mechanisms;
mod motifs;
mod report;
mod run;

use clap::{Parser, Subcommand};
use deepallele_common::RunFiles;

pub use attributions::AttributionArgs;
pub use cause::CauseArgs;
pub use hits::HitArgs;
pub use mechanisms::MechanismArgs;
pub use motifs::MotifArgs;
pub use report::ReportArgs;
pub use run::RunArgs;

const EXAMPLES: &str = "Examples:
  # What each base of both alleles of peaks contributes, with tracks of letters for IGV
  deepallele explain attributions -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak -o explained

  # Binding sites that variants create or destroy
  deepallele explain hits explained --motifs jaspar.meme

  # All steps, and one page to read
  deepallele explain run -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak --motifs jaspar.meme --compare counts.tsv.gz -o explained";

/// Explain predictions: contributions of bases, motifs, binding sites that variants change, and causes of imbalance
#[derive(Parser)]
#[command(display_order = 65, after_help = EXAMPLES)]
pub struct Args {
    /// What to explain; deepallele explain STEP --help lists the options
    #[command(subcommand)]
    pub step: Step,
}

#[derive(Subcommand)]
pub enum Step {
    Attributions(Box<AttributionArgs>),
    Motifs(Box<MotifArgs>),
    Hits(Box<HitArgs>),
    Mechanisms(Box<MechanismArgs>),
    Cause(Box<CauseArgs>),
    Report(Box<ReportArgs>),
    Run(Box<RunArgs>),
}

impl Step {
    /// Every file that is read or written.
    pub fn files(&self) -> anyhow::Result<RunFiles> {
        match self {
            Step::Attributions(args) => Ok(args.files()),
            Step::Motifs(args) => Ok(args.files()),
            Step::Hits(args) => args.files(),
            Step::Mechanisms(args) => args.files(),
            Step::Cause(args) => Ok(args.files()),
            Step::Report(args) => Ok(args.files()),
            Step::Run(args) => Ok(args.attributions.files()),
        }
    }
}
