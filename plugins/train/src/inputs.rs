//! Reads the windows that the options name, their targets and their parts.

use anyhow::Context;
use deepallele_common::{usage, Progress};
use deepallele_core::counts::CountTable;
use deepallele_core::genome::Variants;
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::fasta::Reference;
use deepallele_core::model::metadata::{HeldOut, LogBase, Scale, TargetScale};
use deepallele_core::training::dataset::{Dataset, WindowOptions};
use deepallele_core::training::options::Loss;
use deepallele_core::training::report::TrainingConfig;
use deepallele_core::training::split::Part;

use crate::args::{Args, Cross};
use crate::splitting::Splitting;

/// What a network is trained on.
pub struct Inputs {
    /// Encoded windows and their measurements.
    pub data: Dataset,
    /// The part of each window, for each fold; without cross-validation, of one division.
    pub splits: Vec<Vec<Part>>,
    /// How measurements are converted to targets.
    pub scale: TargetScale,
    /// Names of haplotype 1 and 2.
    pub haplotypes: [String; 2],
    /// File name of the FASTA; empty for pairs.
    pub genome: String,
    /// What no network of the model is trained on.
    pub held_out: HeldOut,
}

/// Windows of one or several crosses, or of designed pairs.
struct Windows {
    data: Dataset,
    haplotypes: [String; 2],
    genome: String,
}

/// Read the inputs that the options name.
///
/// # Errors
/// Options that do not fit together, or an input that cannot be used.
pub fn read(args: &Args, config: &TrainingConfig) -> anyhow::Result<Inputs> {
    let splitting = Splitting::new(args)?;
    let scale = target_scale(args, config)?;
    let Windows { data, haplotypes, genome } = match &args.pairs {
        Some(path) => {
            let table = PairsTable::read(path, true)?;
            let (window, margin) = (config.architecture.window, config.training.shift);
            Windows {
                data: Dataset::from_pairs(&table, window, margin, &scale.of_measurements())?,
                haplotypes: ["allele_a".into(), "allele_b".into()],
                genome: String::new(),
            }
        }
        None => from_counts(args, config, scale)?,
    };
    let (splits, held_out) = splitting.divide(&data, config.training.seed)?;
    Ok(Inputs { data, splits, scale, haplotypes, genome, held_out })
}

fn target_scale(args: &Args, config: &TrainingConfig) -> anyhow::Result<TargetScale> {
    let scale = match args.pairs {
        Some(_) => args.targets.target_scale.unwrap_or(Scale::Linear),
        None => Scale::Counts,
    };
    let pseudocount = args.targets.pseudocount.unwrap_or(match scale {
        // With the likelihood, outputs are logarithms of expected counts themselves.
        Scale::Counts if config.training.loss == Loss::Counts => 0.0,
        scale => scale.usual_pseudocount(),
    });
    if !(pseudocount.is_finite() && pseudocount >= 0.0) {
        return Err(usage("--pseudocount must be 0 or more"));
    }
    Ok(TargetScale { scale, pseudocount, log_base: LogBase::E })
}

fn from_counts(args: &Args, config: &TrainingConfig, scale: TargetScale) -> anyhow::Result<Windows> {
    let path = args.counts.as_deref().context("a count table or --pairs is needed")?;
    let mut reference = Reference::open(args.genome.required()?)?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let first = Cross { counts: path.into(), variants: args.haplotypes.required()?.into(), haplotypes: [hap1, hap2] };
    let mut crosses = Vec::with_capacity(1 + args.cross.len());
    for cross in std::iter::once(&first).chain(&args.cross) {
        crosses.push(read_cross(cross, args, config, scale, &mut reference)?);
    }
    Ok(Windows {
        data: Dataset::join(crosses)?,
        haplotypes: first.haplotypes.map(|h| h.to_string()),
        genome: reference.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
    })
}

/// The windows of one cross with its counts.
fn read_cross(
    cross: &Cross,
    args: &Args,
    config: &TrainingConfig,
    scale: TargetScale,
    reference: &mut Reference,
) -> anyhow::Result<Dataset> {
    let table = CountTable::read(&cross.counts)?;
    let [hap1, hap2] = &cross.haplotypes;
    let (mut variants, mut report) = Variants::read(&cross.variants, reference.contigs(), hap1, hap2)?;
    variants.check_reference(reference, &mut report)?;
    for line in report.lines() {
        log::info!("{line}");
    }
    let mut progress = Progress::new("windows", Some(table.rows.len() as u64));
    let windows = WindowOptions {
        length: config.architecture.window,
        margin: config.training.shift,
        layout: config.layout,
        uninformative: args.targets.uninformative,
    };
    let (path, measured) = (&cross.counts, scale.of_measurements());
    let mut report = |_| progress.add(1);
    Ok(Dataset::from_counts(path, &table, reference, &variants, &windows, &measured, &mut report)?)
}
