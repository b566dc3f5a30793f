//! `--anchor` and `--tss`: around which base of a region a model's window lies.

use std::path::Path;

use clap::Args;

use crate::choice_parser;
use deepallele_core::counts::CountTable;
use deepallele_core::error::Result;
use deepallele_core::io::regions::{Anchor, AnnotationOptions, Regions, TssSource};
use deepallele_core::io::Contigs;
use deepallele_core::model::window::WindowRule;

/// `--anchor --tss`
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct AnchorArgs {
    /// Base of a region around which the window lies, instead of the one of the model: summit (narrowPeak), middle, or
    /// tss (5' end by strand; of the gene in GTF and GFF3)
    #[arg(long, value_name = "BASE", help_heading = "Regions and variants",
          value_parser = choice_parser!(Anchor), hide_possible_values = true)]
    pub anchor: Option<Anchor>,

    /// Whose TSS in GTF and GFF3, instead of that of the model: gene, or canonical (the transcript tagged MANE_Select or
    /// Ensembl_canonical; the gene where there is none)
    #[arg(long, value_name = "SOURCE", help_heading = "Regions and variants",
          value_parser = choice_parser!(TssSource), hide_possible_values = true)]
    pub tss: Option<TssSource>,
}

impl AnchorArgs {
    /// The rule of a model with what the options say instead.
    pub fn over(&self, rule: WindowRule) -> WindowRule {
        WindowRule { anchor: self.anchor.or(rule.anchor), tss: self.tss.unwrap_or(rule.tss), ..rule }
    }
}

/// Regions of any format, with what the user should know about them on stderr.
///
/// # Errors
/// As [`Regions::read_any`].
pub fn read_regions(path: &Path, contigs: &Contigs, options: &AnnotationOptions) -> Result<Regions> {
    let regions = Regions::read_any(path, contigs, options)?;
    for line in regions.lines() {
        log::info!("\"{}\": {line}", path.display());
    }
    Ok(regions)
}

/// Say which windows are read, in one line.
pub fn report_windows(length: usize, rule: &WindowRule, anchor: Anchor) {
    let rule = WindowRule { anchor: Some(rule.anchor.unwrap_or(anchor)), ..*rule };
    log::info!("windows of {length} bases, {rule}");
}

/// Warn when the anchors of a count table are another TSS than the one wanted.
pub fn check_tss(table: &CountTable, anchor: Anchor, tss: TssSource, path: &Path) {
    if anchor == Anchor::Tss && table.anchor() == Some(Anchor::Tss) && table.tss() != tss {
        log::warn!(
            "\"{}\": its windows lie around the TSS of the {}, not of the {tss}; count with --tss {tss} for those",
            path.display(),
            table.tss()
        );
    }
}
