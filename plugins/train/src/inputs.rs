//! From options to encoded windows, their targets and their parts.

use std::path::Path;

use anyhow::Context;
use deepallele_common::{report_windows, usage, Progress};
use deepallele_core::counts::CountTable;
use deepallele_core::error::Error;
use deepallele_core::genome::{HaplotypeSource, Variants};
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::{Anchor, AnnotationOptions, Regions};
use deepallele_core::io::values_table::ValuesTable;
use deepallele_core::model::architecture::Strands;
use deepallele_core::model::metadata::{HeldOut, LogBase, Scale, TargetScale};
use deepallele_core::model::window::{Orientation, WindowLayout, WindowRule};
use deepallele_core::model::{Architecture, Kind};
use deepallele_core::training::dataset::{Dataset, Sequences, Unjoined};
use deepallele_core::training::options::{FitOptions, Loss};
use deepallele_core::training::report::TrainingConfig;
use deepallele_core::training::split::{by_block, by_chromosome, by_group, folds, Part, Place, Together};

use crate::args::{Args, Augment, Cross, Recipe, SplitRule};

/// What training works on.
pub struct Inputs {
    pub data: Dataset,
    /// One way to divide the windows, or one for each fold.
    pub ways: Vec<Vec<Part>>,
    pub scale: TargetScale,
    pub haplotypes: [String; 2],
    pub genome: String,
    pub held_out: HeldOut,
    /// Which bases of a region were read.
    pub windows: WindowRule,
    /// Names of --values and -L without a counterpart.
    pub unjoined: Unjoined,
}

/// Network and training options: the config file or a recipe, the options over it.
pub fn config(args: &Args) -> anyhow::Result<TrainingConfig> {
    let from_file = args.network.config.as_deref().map(TrainingConfig::read).transpose()?;
    let published = args.network.compat == Some(Recipe::Published);
    let kind = args.network.model.or(from_file.as_ref().map(|c| c.architecture.kind)).unwrap_or(Kind::Paired);
    let preset = |name: &str| -> anyhow::Result<Architecture> {
        let sizes = Architecture::preset(name, kind)
            .ok_or_else(|| usage(format!("no preset \"{name}\"; there are {}", Architecture::PRESETS.join(", "))))?;
        Ok(if published { sizes } else { sizes.recommended() })
    };
    let mut architecture = match (&args.network.preset, &from_file) {
        (None, Some(config)) => Architecture { kind, ..config.architecture.clone() },
        (name, _) => preset(name.as_deref().unwrap_or("small"))?,
    };
    let network = &args.network;
    let layout = match (&from_file, published && args.pairs.is_none()) {
        (Some(config), _) => config.layout,
        (None, true) => WindowLayout::LeftAligned,
        (None, false) => WindowLayout::Centred,
    };
    let rna = network.preset.as_deref() == Some("rna");
    let orientation = args.windows.orient.unwrap_or(match &from_file {
        Some(config) => config.orientation,
        None if rna && !published && args.pairs.is_none() => Orientation::Region,
        None => Orientation::Forward,
    });
    let own_recipe = from_file.is_none() && !published;
    if own_recipe && orientation == Orientation::Region {
        // A network that averages the strands cannot tell upstream from downstream.
        architecture.strands = Strands::Joined;
    }
    let mut training = match from_file {
        Some(config) => config.training,
        None if published => FitOptions::default(),
        None => FitOptions::recommended(),
    };
    let fit = &args.fit;
    fn set<T: Clone>(place: &mut T, given: &Option<T>) {
        if let Some(value) = given {
            *place = value.clone();
        }
    }
    set(&mut architecture.window, &network.window);
    set(&mut architecture.strands, &network.strands);
    set(&mut architecture.ratio_head, &network.ratio_head);
    set(&mut architecture.kmers, &network.kmers);
    set(&mut architecture.dropout, &network.dropout);
    set(&mut architecture.tower_dropout, &network.tower_dropout);
    set(&mut training.epochs, &fit.epochs);
    set(&mut training.batch_size, &fit.batch_size);
    set(&mut training.learning_rate, &fit.learning_rate);
    set(&mut training.weight_decay, &fit.weight_decay);
    set(&mut training.decay, &fit.decay);
    set(&mut training.schedule, &fit.schedule);
    set(&mut training.patience, &fit.patience);
    set(&mut training.seed, &fit.seed);
    set(&mut training.loss, &fit.loss);
    if own_recipe {
        training.ratio_weight = FitOptions::recommended_ratio_weight(training.loss);
    }
    set(&mut training.ratio_weight, &fit.ratio_weight);
    set(&mut training.selection, &fit.selection);
    set(&mut training.batch_statistics, &fit.batch_statistics);
    set(&mut training.shared_dropout, &fit.shared_dropout);
    set(&mut training.clip, &fit.clip);
    if orientation == Orientation::Region && architecture.strands == Strands::Averaged {
        log::warn!(
            "with --strands averaged a window and its reverse complement are the same: --orient region has no effect"
        );
    }
    let layout = args.windows.layout.unwrap_or(layout);
    if own_recipe && args.pairs.is_none() && layout == WindowLayout::Centred {
        training.shift = FitOptions::recommended_shift(architecture.window);
    }
    set(&mut training.shift, &fit.shift);
    set(&mut training.not_finite, &fit.not_finite);
    set(&mut training.precision, &fit.precision);
    set(&mut training.first_counts, &fit.first_counts);
    set(&mut training.average, &fit.average);
    if let Some(list) = &fit.augment {
        if list.contains(&Augment::None) && list.len() > 1 {
            return Err(usage("--augment none goes with nothing else"));
        }
        training.augment_strand = list.contains(&Augment::Strand);
        training.augment_swap = list.contains(&Augment::Swap);
    }
    if orientation == Orientation::Region && training.augment_strand {
        return Err(usage("--augment strand reads windows from either strand: it does not go with --orient region"));
    }
    if training.shift > architecture.window {
        return Err(usage("--shift must not be larger than the window"));
    }
    architecture.validate()?;
    training.validate()?;
    Ok(TrainingConfig { layout, orientation, architecture, training })
}

/// Read everything that the options name.
pub fn read(args: &Args, config: &TrainingConfig) -> anyhow::Result<Inputs> {
    let (window, margin) = (config.architecture.window, config.training.shift);
    let scale = target_scale(args, config)?;
    let mut inputs = match &args.pairs {
        Some(path) => {
            let table = PairsTable::read(path, true)?;
            Inputs {
                data: Dataset::from_pairs(&table, window, margin, &scale.of_measurements())?,
                ways: Vec::new(),
                scale,
                haplotypes: ["allele_a".into(), "allele_b".into()],
                genome: String::new(),
                held_out: HeldOut::default(),
                windows: WindowRule { layout: config.layout, ..WindowRule::default() },
                unjoined: Unjoined::default(),
            }
        }
        None if args.values.is_some() => from_values(args, config, scale)?,
        None => from_counts(args, config, scale)?,
    };
    (inputs.ways, inputs.held_out) = split(args, config.training.seed, &inputs.data)?;
    Ok(inputs)
}

fn target_scale(args: &Args, config: &TrainingConfig) -> anyhow::Result<TargetScale> {
    let scale = match args.pairs.is_some() || args.values.is_some() {
        true => args.targets.target_scale.unwrap_or(Scale::Linear),
        false => Scale::Counts,
    };
    let pseudocount = args.targets.pseudocount.unwrap_or(match scale {
        // The likelihood's outputs are logarithms of expected counts themselves.
        Scale::Counts if config.training.loss == Loss::Counts => 0.0,
        scale => scale.usual_pseudocount(),
    });
    if !(pseudocount.is_finite() && pseudocount >= 0.0) {
        return Err(usage("--pseudocount must be 0 or more"));
    }
    Ok(TargetScale { scale, pseudocount, log_base: LogBase::E })
}

fn from_counts(args: &Args, config: &TrainingConfig, scale: TargetScale) -> anyhow::Result<Inputs> {
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
    let genome = genome_name(&reference);
    Ok(Inputs {
        data: Dataset::join(crosses)?,
        ways: Vec::new(),
        scale,
        haplotypes: first.haplotypes.map(|h| h.to_string()),
        genome,
        held_out: HeldOut::default(),
        windows: windows.unwrap_or_default(),
        unjoined: Unjoined::default(),
    })
}

fn genome_name(reference: &Reference) -> String {
    reference.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The haplotypes of a cross, with REF checked against the genome.
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
fn from_values(args: &Args, config: &TrainingConfig, scale: TargetScale) -> anyhow::Result<Inputs> {
    let path = args.values.as_deref().context("--values is needed")?;
    let file = args.regions.as_deref().context("--values needs the regions, -L FILE")?;
    let table = ValuesTable::read(path)?;
    let mut reference = Reference::open(args.genome.required()?)?;
    let tss = args.windows.tss;
    let options =
        AnnotationOptions { feature: args.feature_type.clone(), gene_attribute: args.gene_attribute.clone(), tss };
    let regions = Regions::read_any(file, reference.contigs(), &options)?;
    for line in regions.lines() {
        log::info!("\"{}\": {line}", file.display());
    }
    let (hap1, hap2) = args.haplotypes.sources()?;
    let variants = read_variants(args.haplotypes.required()?, [&hap1, &hap2], &mut reference)?;
    let anchor = Some(args.windows.anchor.unwrap_or(regions.anchor));
    let rule = WindowRule { layout: config.layout, anchor, tss, orientation: config.orientation };
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
    Ok(Inputs {
        data,
        ways: Vec::new(),
        scale,
        haplotypes: [hap1, hap2].map(|h| h.to_string()),
        genome,
        held_out: HeldOut::default(),
        windows: rule,
        unjoined,
    })
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
    let rule =
        WindowRule { layout: config.layout, anchor: Some(anchor), tss: table.tss(), orientation: config.orientation };
    let windows = rule.windows_around(config.architecture.window, anchor);
    report_windows(windows.length, &rule, anchor);
    let minus = table.rows.iter().any(|row| row.strand != b'.');
    if config.orientation == Orientation::Region && !minus {
        log::warn!("\"{}\": no region has a strand: all windows are read from the plus strand", cross.counts.display());
    }
    let mut progress = Progress::new("windows", Some(table.rows.len() as u64));
    let mut source = Sequences { reference, variants: &variants, windows, margin: config.training.shift };
    let (path, measured) = (&cross.counts, scale.of_measurements());
    let mut report = |_| progress.add(1);
    let data = Dataset::from_counts(path, &table, &mut source, args.targets.uninformative, &measured, &mut report)?;
    Ok((data, rule))
}

/// What a split by chromosome needs to know of each example.
fn chromosomes(args: &Args, data: &Dataset) -> anyhow::Result<Vec<Place>> {
    match (&args.pairs, data.groups.is_empty()) {
        (None, _) => Ok(data.places.iter().flatten().cloned().collect()),
        // Pairs lie nowhere, but a table from elsewhere may name the chromosome as the group.
        (Some(_), false) => {
            Ok(data.groups.iter().map(|g| Place { chrom: g.clone(), start: 0, end: data.window as i64 }).collect())
        }
        (Some(_), true) => {
            Err(usage("--split chrom of --pairs needs a column group that holds the chromosome of each pair"))
        }
    }
}

fn split(args: &Args, seed: u64, data: &Dataset) -> anyhow::Result<(Vec<Vec<Part>>, HeldOut)> {
    let options = &args.split;
    let named = !options.validation_chroms.is_empty() || !options.test_chroms.is_empty();
    let rule = options.split.unwrap_or(match (&args.pairs, named) {
        (_, true) => SplitRule::Chrom,
        (Some(_), false) => SplitRule::Group,
        (None, false) => SplitRule::Blocks,
    });
    if rule != SplitRule::Chrom && named {
        return Err(usage("--validation-chroms and --test-chroms belong to --split chrom"));
    }
    if args.pairs.is_some() && rule == SplitRule::Blocks {
        return Err(usage("pairs have no place on a genome: --pairs goes with --split group or chrom"));
    }
    if args.pairs.is_none() && rule == SplitRule::Group {
        return Err(usage("--split group goes with --pairs"));
    }
    let keys = if data.groups.is_empty() { &data.ids } else { &data.groups };
    if let Some(count) = args.run.folds {
        let places;
        let together = match rule {
            SplitRule::Group => Together::Groups(keys),
            SplitRule::Chrom => {
                places = chromosomes(args, data)?;
                Together::Chromosomes(&places)
            }
            SplitRule::Blocks => {
                places = chromosomes(args, data)?;
                Together::Blocks(&places, options.block_size)
            }
        };
        // Every window was trained on by some of the networks: nothing is held out of all.
        return Ok((folds(&together, count.into(), seed)?, HeldOut::default()));
    }
    match rule {
        SplitRule::Chrom => {
            let published = args.network.compat == Some(Recipe::Published);
            if options.validation_chroms.is_empty() || (options.test_chroms.is_empty() && !published) {
                return Err(usage("--split chrom needs --validation-chroms and --test-chroms"));
            }
            let parts = by_chromosome(&chromosomes(args, data)?, &options.validation_chroms, &options.test_chroms)?;
            let held_out = HeldOut { validation: options.validation_chroms.clone(), test: options.test_chroms.clone() };
            Ok((vec![parts], held_out))
        }
        SplitRule::Blocks => {
            let share = |s: f64| (0.0..0.9).contains(&s) && s > 0.0;
            if !share(options.validation_share)
                || !share(options.test_share)
                || options.validation_share + options.test_share > 0.9
            {
                return Err(usage("--validation-share and --test-share must be above 0 and leave windows to train on"));
            }
            let places = chromosomes(args, data)?;
            let parts = by_block(&places, options.block_size, options.validation_share, options.test_share, seed)?;
            let windows = |part| {
                let held = places.iter().zip(&parts).filter(|(_, p)| **p == part);
                held.map(|(place, _)| format!("{}:{}-{}", place.chrom, place.start.max(0) + 1, place.end)).collect()
            };
            let held_out = HeldOut { validation: windows(Part::Validation), test: windows(Part::Test) };
            Ok((vec![parts], held_out))
        }
        SplitRule::Group => Ok((vec![by_group(keys)?], HeldOut::default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn recipe(text: &str) -> FitOptions {
        config(&Args::try_parse_from(["train"].into_iter().chain(text.split_whitespace())).unwrap()).unwrap().training
    }

    #[test]
    fn what_is_not_given_fits_the_rest() {
        let sizes = |text: &str| {
            let made = recipe(text);
            (made.shift, made.ratio_weight)
        };
        let counts = "c.tsv -f g.fa -v v.vcf -s F1 -o out --window 400";
        assert_eq!(sizes(counts), (50, 5.0));
        assert_eq!(sizes(&format!("{counts} --shift 0 --loss counts")), (0, 1.0));
        assert_eq!(sizes(&format!("{counts} --loss counts --ratio-weight 3")), (50, 3.0));
        assert_eq!(sizes(&format!("{counts} --layout left-aligned")), (0, 5.0));
        assert_eq!(sizes("--pairs p.tsv -o out --window 400"), (0, 5.0));
        let published = recipe(&format!("{counts} --compat published"));
        assert_eq!(FitOptions { seed: 1, ..published }, FitOptions::default());
    }
}
