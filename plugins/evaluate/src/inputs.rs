//! Reads the measured windows that the options name.

use anyhow::Context;
use deepallele_common::windows::check_tss;
use deepallele_common::{report_windows, Progress};
use deepallele_core::counts::CountTable;
use deepallele_core::error::Error;
use deepallele_core::evaluation::{Counts, Examples, Replicate};
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::Anchor;
use deepallele_core::model::metadata::TargetScale;
use deepallele_core::model::ModelInfo;

use crate::args::{Args, Part};

/// What is evaluated.
pub struct Inputs {
    pub examples: Examples,
    pub replicates: Vec<Replicate>,
    /// How measured values are converted to logarithms.
    pub scale: TargetScale,
    /// The haplotypes; empty for pairs.
    pub haplotypes: Vec<String>,
    /// The sample of the count table; None for pairs.
    pub sample: Option<String>,
}

/// Read the inputs that the options name.
pub fn read(args: &Args, model: &ModelInfo) -> anyhow::Result<Inputs> {
    let inputs = match &args.pairs {
        Some(path) => {
            let scale = scale_of_pairs(args, &model.targets);
            let table = PairsTable::read(path, true)?;
            let examples = Examples::from_pairs(&table, model.architecture.window, &scale, &model.held_out)?;
            Inputs { examples, replicates: Vec::new(), scale, haplotypes: Vec::new(), sample: None }
        }
        None => from_counts(args, model)?,
    };
    let file = args.pairs.as_deref().or(args.counts.as_deref()).context("a count table or --pairs is needed")?;
    check_part(args.part, &inputs.examples, model).map_err(|problem| Error::input(file, problem))?;
    Ok(inputs)
}

/// The scale of the options, else that of the model.
fn scale_of_pairs(args: &Args, model: &TargetScale) -> TargetScale {
    let scale = args.target_scale.unwrap_or(model.scale);
    let usual = match scale == model.scale {
        true => model.of_measurements().pseudocount,
        false => scale.usual_pseudocount(),
    };
    TargetScale { scale, pseudocount: args.pseudocount.unwrap_or(usual), log_base: model.log_base }
}

fn from_counts(args: &Args, model: &ModelInfo) -> anyhow::Result<Inputs> {
    let path = args.counts.as_deref().context("a count table or --pairs is needed")?;
    let mut scale = model.targets.of_counts();
    scale.pseudocount = args.pseudocount.unwrap_or(scale.pseudocount);
    let share = args.uninformative.share();
    let table = CountTable::read(path)?;
    let counts = Counts::new(path, &table, args.count_sample.as_deref(), scale, share)?;
    let mut reference = Reference::open(args.genome.required()?)?;
    let mut replicates = Vec::new();
    for other in &args.replicate {
        replicates.extend(match other == path {
            true => counts.replicates(other, &table, reference.contigs())?,
            false => counts.replicates(other, &CountTable::read(other)?, reference.contigs())?,
        });
    }
    let (hap1, hap2) = args.haplotypes.sources()?;
    let variants = args.haplotypes.read_variants([&hap1, &hap2], &mut reference)?;
    let rule = args.windows.over(model.windows);
    let windows = rule.windows_around(model.architecture.window, table.anchor().unwrap_or(Anchor::Middle));
    report_windows(windows.length, &rule, windows.anchor);
    check_tss(&table, windows.anchor, rule.tss, path);
    let mut progress = Progress::new("windows", Some(counts.len() as u64));
    let mut report = |_| progress.add(1);
    let examples = Examples::from_counts(&counts, &mut reference, &variants, model, &windows, &mut report)?;
    drop(progress);
    let haplotypes = vec![hap1.to_string(), hap2.to_string()];
    Ok(Inputs { examples, replicates, scale, haplotypes, sample: Some(counts.sample) })
}

/// The problem, where the part to evaluate is empty.
fn check_part(part: Part, examples: &Examples, model: &ModelInfo) -> Result<(), String> {
    let Some(wanted) = part.of_split() else { return Ok(()) };
    if examples.parts.contains(&Some(wanted)) {
        return Ok(());
    }
    if examples.parts.iter().all(Option::is_none) && model.held_out.test.is_empty() {
        return Err("the model file does not name its held-out windows: give --part all, and keep in mind that the \
                    results then include windows that the model was trained on"
            .into());
    }
    Err(format!("contains no window of the model's {wanted} part; give another table or --part"))
}
