//! From options to encoded windows, their targets and their parts.

use anyhow::{bail, Context};
use deepallele_common::{usage, Progress};
use deepallele_core::counts::pairs::PairsTable;
use deepallele_core::counts::table::CountTable;
use deepallele_core::genome::reference::Reference;
use deepallele_core::genome::variants::Variants;
use deepallele_core::model::info::{HeldOut, LogBase, Scale, TargetScale};
use deepallele_core::model::{Architecture, Kind};
use deepallele_core::training::dataset::Dataset;
use deepallele_core::training::fit::FitOptions;
use deepallele_core::training::report::TrainingConfig;
use deepallele_core::training::split::{by_block, by_chromosome, by_group, Part, Place};

use crate::args::{Args, SplitRule};

/// What training works on.
pub struct Inputs {
    pub data: Dataset,
    pub parts: Vec<Part>,
    pub scale: TargetScale,
    pub haplotypes: [String; 2],
    pub genome: String,
    pub held_out: HeldOut,
}

/// Network and training options: the config file, the options over it.
pub fn config(args: &Args) -> anyhow::Result<TrainingConfig> {
    let from_file = args.network.config.as_deref().map(TrainingConfig::read).transpose()?;
    let kind = args.network.model.or(from_file.as_ref().map(|c| c.architecture.kind)).unwrap_or(Kind::Paired);
    let mut architecture = match (&args.network.preset, &from_file) {
        (None, Some(config)) => Architecture { kind, ..config.architecture.clone() },
        (preset, _) => {
            let name = preset.as_deref().unwrap_or("small");
            Architecture::preset(name, kind)
                .ok_or_else(|| usage(format!("no preset \"{name}\"; there are {}", Architecture::PRESETS.join(", "))))?
        }
    };
    if let Some(window) = args.network.window {
        architecture.window = window;
    }
    architecture.validate()?;
    let mut training = from_file.map_or_else(FitOptions::default, |c| c.training);
    let fit = &args.fit;
    training.epochs = fit.epochs.unwrap_or(training.epochs);
    training.batch_size = fit.batch_size.unwrap_or(training.batch_size);
    training.learning_rate = fit.learning_rate.unwrap_or(training.learning_rate);
    training.weight_decay = fit.weight_decay.unwrap_or(training.weight_decay);
    training.schedule = fit.schedule.unwrap_or(training.schedule);
    training.patience = fit.patience.unwrap_or(training.patience);
    training.seed = fit.seed.unwrap_or(training.seed);
    training.validate()?;
    Ok(TrainingConfig { architecture, training })
}

/// Read everything that the options name.
pub fn read(args: &Args, config: &TrainingConfig) -> anyhow::Result<Inputs> {
    let window = config.architecture.window;
    let scale = target_scale(args)?;
    let mut inputs = match &args.pairs {
        Some(path) => {
            let table = PairsTable::read(path, true)?;
            Inputs {
                data: Dataset::from_pairs(&table, window, &scale)?,
                parts: Vec::new(),
                scale,
                haplotypes: ["allele_a".into(), "allele_b".into()],
                genome: String::new(),
                held_out: HeldOut::default(),
            }
        }
        None => from_counts(args, window, scale)?,
    };
    (inputs.parts, inputs.held_out) = split(args, config.training.seed, &inputs.data)?;
    Ok(inputs)
}

fn target_scale(args: &Args) -> anyhow::Result<TargetScale> {
    let scale = match args.pairs {
        Some(_) => args.targets.target_scale.unwrap_or(Scale::Linear),
        None => Scale::Counts,
    };
    let pseudocount = args.targets.pseudocount.unwrap_or(match scale {
        Scale::Counts => 1.0,
        Scale::Linear => 0.1,
        Scale::Log2 => 0.0,
    });
    if !(pseudocount.is_finite() && pseudocount >= 0.0) {
        return Err(usage("--pseudocount must be 0 or more"));
    }
    Ok(TargetScale { scale, pseudocount, log_base: LogBase::E })
}

fn from_counts(args: &Args, window: usize, scale: TargetScale) -> anyhow::Result<Inputs> {
    let path = args.counts.as_deref().context("a count table or --pairs is needed")?;
    let table = CountTable::read(path)?;
    let mut reference = Reference::open(args.genome.required()?)?;
    let vcf = args.haplotypes.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let (mut variants, mut report) = Variants::read(vcf, reference.contigs(), &hap1, &hap2)?;
    variants.check_reference(&mut reference, &mut report)?;
    for line in report.lines() {
        log::info!("{line}");
    }
    let mut progress = Progress::new("windows", Some(table.rows.len() as u64));
    let data = Dataset::from_counts(
        path,
        &table,
        &mut reference,
        &variants,
        window,
        &scale,
        args.targets.uninformative,
        &mut |_| progress.add(1),
    )?;
    drop(progress);
    let genome = reference.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Inputs {
        data,
        parts: Vec::new(),
        scale,
        haplotypes: [hap1.to_string(), hap2.to_string()],
        genome,
        held_out: HeldOut::default(),
    })
}

fn split(args: &Args, seed: u64, data: &Dataset) -> anyhow::Result<(Vec<Part>, HeldOut)> {
    let options = &args.split;
    let named = !options.validation_chroms.is_empty() || !options.test_chroms.is_empty();
    let rule = options.split.unwrap_or(match (&args.pairs, named) {
        (Some(_), _) => SplitRule::Group,
        (None, true) => SplitRule::Chrom,
        (None, false) => SplitRule::Blocks,
    });
    if rule != SplitRule::Chrom && named {
        return Err(usage("--validation-chroms and --test-chroms belong to --split chrom"));
    }
    if args.pairs.is_some() && rule != SplitRule::Group {
        return Err(usage("pairs have no place on a genome: --pairs goes with --split group"));
    }
    let places = || -> Vec<Place> { data.places.iter().flatten().cloned().collect() };
    match rule {
        SplitRule::Chrom => {
            if options.validation_chroms.is_empty() || options.test_chroms.is_empty() {
                return Err(usage("--split chrom needs --validation-chroms and --test-chroms"));
            }
            let parts = by_chromosome(&places(), &options.validation_chroms, &options.test_chroms)?;
            let held_out = HeldOut { validation: options.validation_chroms.clone(), test: options.test_chroms.clone() };
            Ok((parts, held_out))
        }
        SplitRule::Blocks => {
            let share = |s: f64| (0.0..0.9).contains(&s) && s > 0.0;
            if !share(options.validation_share)
                || !share(options.test_share)
                || options.validation_share + options.test_share > 0.9
            {
                return Err(usage("--validation-share and --test-share must be above 0 and leave windows to train on"));
            }
            let places = places();
            let parts = by_block(&places, options.block_size, options.validation_share, options.test_share, seed)?;
            let windows = |part| {
                let held = places.iter().zip(&parts).filter(|(_, p)| **p == part);
                held.map(|(place, _)| format!("{}:{}-{}", place.chrom, place.start.max(0) + 1, place.end)).collect()
            };
            let held_out = HeldOut { validation: windows(Part::Validation), test: windows(Part::Test) };
            Ok((parts, held_out))
        }
        SplitRule::Group => {
            if args.pairs.is_none() {
                bail!(usage("--split group goes with --pairs"));
            }
            let keys = if data.groups.is_empty() { &data.ids } else { &data.groups };
            Ok((by_group(keys)?, HeldOut::default()))
        }
    }
}
