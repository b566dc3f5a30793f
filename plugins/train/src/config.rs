//! Network and training options: a recipe or the file of an earlier run, changed by the options of the command line.

use deepallele_common::usage;
use deepallele_core::model::architecture::Strands;
use deepallele_core::model::window::{Orientation, WindowLayout};
use deepallele_core::model::{Architecture, Kind};
use deepallele_core::training::options::FitOptions;
use deepallele_core::training::report::TrainingConfig;

use crate::args::{Args, Augment, FitArgs, NetworkArgs, Recipe};

/// Preset of the recipes, where none is named.
const PRESET: &str = "small";

/// Network and training options of a run. An option of the command line has precedence over the file of `--config`, the
/// file over the recipe.
///
/// # Errors
/// A file that cannot be read, an unknown preset, or values with which no network can be trained.
pub fn config(args: &Args) -> anyhow::Result<TrainingConfig> {
    let overrides = Overrides::new(args)?;
    let base = match &args.network.config {
        Some(file) => from_file(TrainingConfig::read(file)?, &overrides)?,
        None if args.network.compat == Some(Recipe::Published) => published(&overrides)?,
        None => recommended(&overrides)?,
    };
    let config = overrides.apply(base);
    if config.training.shift > config.architecture.window {
        return Err(usage("--shift must not be larger than the window"));
    }
    if config.orientation == Orientation::Region {
        if config.training.augment_strand {
            return Err(usage(
                "--augment strand reads windows from either strand: it cannot be combined with --orient region",
            ));
        }
        if config.architecture.strands == Strands::Averaged {
            log::warn!("--orient region has no effect with --strands averaged: both strands have the same prediction");
        }
    }
    config.architecture.validate()?;
    config.training.validate()?;
    Ok(config)
}

/// What the file of an earlier run says; only a preset replaces its network.
fn from_file(file: TrainingConfig, overrides: &Overrides) -> anyhow::Result<TrainingConfig> {
    let kind = overrides.network.model.unwrap_or(file.architecture.kind);
    let architecture = match &overrides.network.preset {
        Some(name) => preset(name, kind)?.recommended(),
        None => Architecture { kind, ..file.architecture },
    };
    Ok(TrainingConfig { architecture, ..file })
}

/// The published recipe.
fn published(overrides: &Overrides) -> anyhow::Result<TrainingConfig> {
    Ok(TrainingConfig {
        layout: if overrides.in_genome { WindowLayout::LeftAligned } else { WindowLayout::Centred },
        orientation: Orientation::Forward,
        architecture: overrides.preset()?,
        training: FitOptions::default(),
    })
}

/// The recipe of this suite. Two of its values depend on options: the weight of the ratio on the loss, and the shift on
/// the window and on how it is filled.
fn recommended(overrides: &Overrides) -> anyhow::Result<TrainingConfig> {
    let mut architecture = overrides.preset()?.recommended();
    // Models of expression read genes from their strand.
    let gene_strand = overrides.in_genome && overrides.network.preset.as_deref() == Some("rna");
    let orientation = if gene_strand { Orientation::Region } else { Orientation::Forward };
    if overrides.orient.unwrap_or(orientation) == Orientation::Region {
        // A network that averages the strands cannot tell upstream from downstream.
        architecture.strands = Strands::Joined;
    }
    let layout = WindowLayout::Centred;
    let mut training = FitOptions::recommended();
    training.ratio_weight = FitOptions::recommended_ratio_weight(overrides.fit.loss.unwrap_or(training.loss));
    if overrides.in_genome && overrides.layout.unwrap_or(layout) == WindowLayout::Centred {
        training.shift = FitOptions::recommended_shift(overrides.network.window.unwrap_or(architecture.window));
    }
    Ok(TrainingConfig { layout, orientation, architecture, training })
}

/// The network of a preset, with the published choices.
fn preset(name: &str, kind: Kind) -> anyhow::Result<Architecture> {
    Architecture::preset(name, kind)
        .ok_or_else(|| usage(format!("unknown preset \"{name}\"; presets: {}", Architecture::PRESETS.join(", "))))
}

/// The options of the command line that change a recipe or the file of an earlier run. One that was not given changes
/// nothing.
struct Overrides<'a> {
    network: &'a NetworkArgs,
    fit: &'a FitArgs,
    layout: Option<WindowLayout>,
    orient: Option<Orientation>,
    /// Strand and swap augmentation.
    augment: Option<[bool; 2]>,
    /// Windows are regions of a genome, not designed pairs.
    in_genome: bool,
}

impl<'a> Overrides<'a> {
    fn new(args: &'a Args) -> anyhow::Result<Self> {
        let augment = match &args.fit.augment {
            Some(list) if list.contains(&Augment::None) && list.len() > 1 => {
                return Err(usage("--augment none cannot be combined with other changes"));
            }
            list => list.as_ref().map(|list| [Augment::Strand, Augment::Swap].map(|change| list.contains(&change))),
        };
        let in_genome = args.pairs.is_none();
        let windows = &args.windows;
        let (layout, orient) = (windows.layout, windows.orient);
        Ok(Self { network: &args.network, fit: &args.fit, layout, orient, augment, in_genome })
    }

    /// The network of the chosen preset, with the published choices.
    fn preset(&self) -> anyhow::Result<Architecture> {
        preset(self.network.preset.as_deref().unwrap_or(PRESET), self.network.model.unwrap_or(Kind::Paired))
    }

    /// `base` with the values of the options that were given.
    fn apply(&self, base: TrainingConfig) -> TrainingConfig {
        TrainingConfig {
            layout: self.layout.unwrap_or(base.layout),
            orientation: self.orient.unwrap_or(base.orientation),
            architecture: self.architecture(base.architecture),
            training: self.training(base.training),
        }
    }

    fn architecture(&self, base: Architecture) -> Architecture {
        let given = self.network;
        Architecture {
            window: given.window.unwrap_or(base.window),
            strands: given.strands.unwrap_or(base.strands),
            ratio_head: given.ratio_head.unwrap_or(base.ratio_head),
            kmers: given.kmers.unwrap_or(base.kmers),
            dropout: given.dropout.unwrap_or(base.dropout),
            tower_dropout: given.tower_dropout.unwrap_or(base.tower_dropout),
            ..base
        }
    }

    /// Names every field, so that a new one cannot be forgotten.
    fn training(&self, base: FitOptions) -> FitOptions {
        let given = self.fit;
        let [augment_strand, augment_swap] = self.augment.unwrap_or([base.augment_strand, base.augment_swap]);
        FitOptions {
            epochs: given.epochs.unwrap_or(base.epochs),
            batch_size: given.batch_size.unwrap_or(base.batch_size),
            learning_rate: given.learning_rate.unwrap_or(base.learning_rate),
            weight_decay: given.weight_decay.unwrap_or(base.weight_decay),
            decay: given.decay.unwrap_or(base.decay),
            schedule: given.schedule.unwrap_or(base.schedule),
            patience: given.patience.unwrap_or(base.patience),
            seed: given.seed.unwrap_or(base.seed),
            loss: given.loss.unwrap_or(base.loss),
            ratio_weight: given.ratio_weight.unwrap_or(base.ratio_weight),
            selection: given.selection.unwrap_or(base.selection),
            not_finite: given.not_finite.unwrap_or(base.not_finite),
            batch_statistics: given.batch_statistics.unwrap_or(base.batch_statistics),
            shared_dropout: given.shared_dropout.unwrap_or(base.shared_dropout),
            precision: given.precision.unwrap_or(base.precision),
            clip: given.clip.unwrap_or(base.clip),
            shift: given.shift.unwrap_or(base.shift),
            augment_strand,
            augment_swap,
            first_counts: given.first_counts.unwrap_or(base.first_counts),
            average: given.average.unwrap_or(base.average),
        }
    }
}

#[cfg(test)]
mod tests {
    use deepallele_common::testing::parse;
    use deepallele_core::training::options::Decay;

    use super::*;

    const COUNTS: &str = "c.tsv -f g.fa -v v.vcf -s F1 -o out --window 400";

    fn made(line: &str) -> TrainingConfig {
        config(&parse(line).unwrap()).unwrap()
    }

    #[test]
    fn defaults_follow_the_options_they_depend_on() {
        let sizes = |line: &str| {
            let made = made(line).training;
            (made.shift, made.ratio_weight)
        };
        assert_eq!(sizes(COUNTS), (50, 5.0));
        assert_eq!(sizes(&format!("{COUNTS} --shift 0 --loss counts")), (0, 1.0));
        assert_eq!(sizes(&format!("{COUNTS} --loss counts --ratio-weight 3")), (50, 3.0));
        assert_eq!(sizes(&format!("{COUNTS} --layout left-aligned")), (0, 5.0));
        assert_eq!(sizes("--pairs p.tsv -o out --window 400"), (0, 5.0));
        let published = made(&format!("{COUNTS} --compat published"));
        assert_eq!(FitOptions { seed: 1, ..published.training }, FitOptions::default());
        assert_eq!(published.layout, WindowLayout::LeftAligned);
        assert_eq!(made("--pairs p.tsv -o out --compat published").layout, WindowLayout::Centred);
    }

    #[test]
    fn genes_are_read_from_their_strand_by_a_network_that_tells_it() {
        let read = |line: &str| {
            let config = made(&format!("{COUNTS} {line}"));
            (config.orientation, config.architecture.strands)
        };
        assert_eq!(read(""), (Orientation::Forward, Strands::Averaged));
        assert_eq!(read("--preset rna"), (Orientation::Region, Strands::Joined));
        assert_eq!(read("--preset rna --orient forward"), (Orientation::Forward, Strands::Averaged));
        assert_eq!(read("--preset rna --compat published"), (Orientation::Forward, Strands::Joined));
        assert_eq!(read("--orient region"), (Orientation::Region, Strands::Joined));
        assert_eq!(read("--orient region --strands averaged"), (Orientation::Region, Strands::Averaged));
        assert_eq!(made("--pairs p.tsv -o out --preset rna").orientation, Orientation::Forward);
    }

    #[test]
    fn options_come_before_the_file_and_the_file_before_the_recipe() {
        let folder = std::env::temp_dir().join(format!("deepallele-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.toml");
        let earlier = made(&format!("{COUNTS} --compat published --epochs 7 --kmers 3 --augment swap --model single"));
        earlier.write(&file).unwrap().rename().unwrap();
        let with =
            |more: &str| made(&format!("c.tsv -f g.fa -v v.vcf -s F1 -o out --config {} {more}", file.display()));
        assert_eq!(with(""), earlier);
        let changed = with("--epochs 9 --window 300 --loss counts --augment none --model difference");
        assert_eq!((changed.training.epochs, changed.architecture.window, changed.architecture.kmers), (9, 300, 3));
        assert_eq!(changed.architecture.kind, Kind::Difference);
        assert!(!changed.training.augment_swap);
        // What follows from other options in the recipe is the file's here.
        assert_eq!((changed.training.ratio_weight, changed.training.shift), (1.0, 0));
        assert_eq!(changed.training.decay, Decay::Gradient);
        // A preset replaces the network of the file, and nothing else.
        let sized = with("--preset atac");
        assert_eq!(sized.architecture, Architecture::preset("atac", Kind::Single).unwrap().recommended());
        assert_eq!(sized.training, earlier.training);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        for (more, words) in [
            ("--preset huge", "presets: "),
            ("--augment none,swap", "--augment none"),
            ("--augment strand --orient region", "--orient region"),
            ("--shift 401", "--shift"),
            ("--epochs 0", "epochs"),
        ] {
            let message = config(&parse(&format!("{COUNTS} {more}")).unwrap()).unwrap_err().to_string();
            assert!(message.contains(words), "{more}: {message}");
        }
    }
}
