//! Reads the windows that the options name, their targets and their parts.

use std::path::Path;

use anyhow::Context;
use deepallele_common::{read_regions, report_windows, usage, Progress};
use deepallele_core::counts::CountTable;
use deepallele_core::error::Error;
use deepallele_core::genome::{HaplotypeSource, Variants};
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::{Anchor, AnnotationOptions};
use deepallele_core::io::values_table::ValuesTable;
use deepallele_core::model::metadata::{HeldOut, LogBase, Scale, TargetScale};
use deepallele_core::model::window::{Orientation, WindowRule};
use deepallele_core::training::dataset::{Dataset, Sequences};
use deepallele_core::training::options::Loss;
use deepallele_core::training::report::TrainingConfig;
use deepallele_core::training::split::Part;
use deepallele_core::training::values::Unjoined;

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
    /// Which bases of a region were read.
    pub windows: WindowRule,
    /// Names of --values and -L without a counterpart.
    pub unjoined: Unjoined,
}

/// Windows of one or several crosses, or of designed pairs.
struct Examples {
    data: Dataset,
    haplotypes: [String; 2],
    genome: String,
    windows: WindowRule,
    unjoined: Unjoined,
}

/// Read the inputs that the options name.
///
/// # Errors
/// Options that do not fit together, or an input that cannot be used.
pub fn read(args: &Args, config: &TrainingConfig) -> anyhow::Result<Inputs> {
    let splitting = Splitting::new(args)?;
    let scale = target_scale(args, config)?;
    let Examples { data, haplotypes, genome, windows, unjoined } = match &args.pairs {
        Some(path) => {
            let table = PairsTable::read(path, true)?;
            let (window, margin) = (config.architecture.window, config.training.shift);
            Examples {
                data: Dataset::from_pairs(&table, window, margin, &scale.of_measurements())?,
                haplotypes: ["allele_a".into(), "allele_b".into()],
                genome: String::new(),
                windows: WindowRule { layout: config.layout, ..WindowRule::default() },
                unjoined: Unjoined::default(),
            }
        }
        None if args.values.is_some() => from_values(args, config, scale)?,
        None => from_counts(args, config, scale)?,
    };
    let (splits, held_out) = splitting.divide(&data, config.training.seed)?;
    Ok(Inputs { data, splits, scale, haplotypes, genome, held_out, windows, unjoined })
}

fn target_scale(args: &Args, config: &TrainingConfig) -> anyhow::Result<TargetScale> {
    let scale = match args.pairs.is_some() || args.values.is_some() {
        true => args.targets.target_scale.unwrap_or(Scale::Linear),
        false => Scale::Counts,
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

fn from_counts(args: &Args, config: &TrainingConfig, scale: TargetScale) -> anyhow::Result<Examples> {
    let path = args.counts.as_deref().context("a count table or --pairs is needed")?;
    let mut reference = Reference::open(args.genome.required()?)?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let first = Cross { counts: path.into(), variants: args.haplotypes.required()?.into(), haplotypes: [hap1, hap2] };
    let mut crosses = Vec::with_capacity(1 + args.cross.len());
    let mut windows: Option<WindowRule> = None;
    for cross in std::iter::once(&first).chain(&args.cross) {
        let (data, rule) = read_cross(cross, args, config, scale, &mut reference)?;
        if windows.is_some_and(|first| first != rule) {
            let problem = format!("its windows are {rule}, those of \"{}\" are not", first.counts.display());
            return Err(Error::input(&cross.counts, format!("{problem}; choose one anchor for all by --anchor")).into());
        }
        windows = Some(rule);
        crosses.push(data);
    }
    Ok(Examples {
        data: Dataset::join(crosses)?,
        haplotypes: first.haplotypes.map(|h| h.to_string()),
        genome: genome_name(&reference),
        windows: windows.unwrap_or_default(),
        unjoined: Unjoined::default(),
    })
}

fn genome_name(reference: &Reference) -> String {
    reference.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What the haplotypes of a cross carry, with REF checked against the genome.
fn read_variants(
    path: &Path,
    [hap1, hap2]: [&HaplotypeSource; 2],
    reference: &mut Reference,
) -> anyhow::Result<Variants> {
    let (mut variants, mut report) = Variants::read(path, reference.contigs(), hap1, hap2)?;
    variants.check_reference(reference, &mut report)?;
    for line in report.lines() {
        log::info!("{line}");
    }
    Ok(variants)
}

/// The regions of -L with the measurements of --values.
fn from_values(args: &Args, config: &TrainingConfig, scale: TargetScale) -> anyhow::Result<Examples> {
    let path = args.values.as_deref().context("--values is needed")?;
    let options = &args.windows;
    let file = options.regions.as_deref().context("--values needs the regions, -L FILE")?;
    let table = ValuesTable::read(path)?;
    let mut reference = Reference::open(args.genome.required()?)?;
    let annotation = AnnotationOptions {
        feature: options.feature_type.clone(),
        gene_attribute: options.gene_attribute.clone(),
        tss: options.tss,
    };
    let regions = read_regions(file, reference.contigs(), &annotation)?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let variants = read_variants(args.haplotypes.required()?, [&hap1, &hap2], &mut reference)?;
    let rule = WindowRule {
        layout: config.layout,
        anchor: Some(options.anchor.unwrap_or(regions.anchor)),
        tss: options.tss,
        orientation: config.orientation,
    };
    let windows = rule.windows(config.architecture.window, &regions, file)?;
    report_windows(windows.length, &rule, windows.anchor);
    let genome = genome_name(&reference);
    let mut progress = Progress::new("windows", Some(regions.list.len() as u64));
    let mut source =
        Sequences { reference: &mut reference, variants: &variants, windows, margin: config.training.shift };
    let measured = scale.of_measurements();
    let mut report = |_| progress.add(1);
    let (data, unjoined) = Dataset::from_values(file, &regions, &table, &mut source, &measured, &mut report)?;
    drop(progress);
    log::info!("\"{}\": {} regions have measurements", path.display(), data.len());
    for line in unjoined.messages() {
        log::warn!("{line}");
    }
    let haplotypes = [hap1, hap2].map(|h| h.to_string());
    Ok(Examples { data, haplotypes, genome, windows: rule, unjoined })
}

/// The windows of one cross with its counts, and the rule by which they lie.
fn read_cross(
    cross: &Cross,
    args: &Args,
    config: &TrainingConfig,
    scale: TargetScale,
    reference: &mut Reference,
) -> anyhow::Result<(Dataset, WindowRule)> {
    let table = CountTable::read(&cross.counts)?;
    let [hap1, hap2] = &cross.haplotypes;
    let variants = read_variants(&cross.variants, [hap1, hap2], reference)?;
    let anchor = args.windows.anchor.or(table.anchor()).unwrap_or(Anchor::Middle);
    let orientation = config.orientation;
    let rule = WindowRule { layout: config.layout, anchor: Some(anchor), tss: table.tss(), orientation };
    let windows = rule.windows_around(config.architecture.window, anchor);
    report_windows(windows.length, &rule, anchor);
    if orientation == Orientation::Region && table.rows.iter().all(|row| row.strand == b'.') {
        log::warn!("\"{}\": no region has a strand: all windows are read from the plus strand", cross.counts.display());
    }
    let mut progress = Progress::new("windows", Some(table.rows.len() as u64));
    let mut source = Sequences { reference, variants: &variants, windows, margin: config.training.shift };
    let (path, measured) = (&cross.counts, scale.of_measurements());
    let mut report = |_| progress.add(1);
    let uninformative = args.targets.uninformative;
    let data = Dataset::from_counts(path, &table, &mut source, uninformative, &measured, &mut report)?;
    Ok((data, rule))
}
