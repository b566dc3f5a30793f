//! What the page shows besides the alleles. Numbers are the texts of the tables, so that the page has the same digits.

use serde::Serialize;

/// The block that the page reads first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReportData {
    /// How the contributions were made.
    pub settings: ShownSettings,
    /// The table of regions or of designed pairs.
    pub table: &'static str,
    /// Regions or pairs of the folder.
    pub all_regions: usize,
    /// Sentences about the whole.
    pub notes: Vec<String>,
    /// What is not there.
    pub absent: Vec<Absence>,
    /// Whether a count table was given.
    pub has_counts: bool,
    /// Whether there are seqlets.
    pub has_seqlets: bool,
    /// States of sites.
    pub states: Vec<ShownState>,
    /// Outlines of letters.
    pub letters: Vec<Letter>,
    /// Of haplotype 1 and haplotype 2.
    pub colours: [String; 2],
    /// The regions of the page, the strongest evidence first.
    pub regions: Vec<RegionLine>,
    /// Motifs of the sites.
    pub motif_names: Vec<String>,
    /// Names of the columns of a site.
    pub site_columns: &'static [&'static str],
    /// [`PACKED_SITE_COLUMNS`].
    pub packed_site_columns: usize,
    /// Motifs that the model has learned.
    pub motifs: Vec<ShownMotif>,
    /// The drawing of the tree of motifs, in base64.
    pub tree: Option<String>,
    /// Tests of motifs over all regions.
    pub mechanisms: Option<Mechanisms>,
    /// What is shown, the file, the columns.
    pub origins: Vec<[String; 3]>,
    /// The files that were read.
    pub files: Vec<Source>,
    /// Version of this program.
    pub version: String,
    /// Command line that made the page.
    pub command: String,
}

/// Of `explain.json`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ShownSettings {
    /// `ism` and others.
    pub method: String,
    /// `ratio` or `count`.
    pub head: String,
    /// `zero-sum` or `none`.
    pub gauge: String,
    /// Bases of a window.
    pub window: usize,
    /// Names of the haplotypes.
    pub haplotypes: [String; 2],
    /// Files of the models.
    pub models: Vec<String>,
    /// Whether the pairs are designed, and have no place in a genome.
    pub designed: bool,
}

/// A sentence about what is not in the folder, and the command that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Absence {
    /// `counts`, `motifs`, `hits`, `mechanisms` or `cause`.
    pub what: &'static str,
    /// The sentence.
    pub sentence: String,
    /// The command.
    pub command: String,
}

/// A state in the legend.
#[derive(Clone, Debug, Serialize)]
pub struct ShownState {
    /// Its name in the tables.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// `rgb(…)`, that of `hits.bed`.
    pub colour: String,
}

/// A letter of logos.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// The letter.
    pub letter: char,
    /// Its outline in a box of 100 by 100.
    pub outline: &'static str,
    /// Its colour.
    pub colour: String,
}

/// A region in the table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RegionLine {
    /// Number in the folder, from 0.
    pub number: usize,
    /// Name.
    pub name: String,
    /// Contig; none of designed pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chrom: Option<String>,
    /// Start, 0-based.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// End, exclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Predicted log2 of the counts of haplotype 1.
    pub hap1: String,
    /// Of haplotype 2.
    pub hap2: String,
    /// Their ratio, log2.
    pub ratio: String,
    /// Records in which the alleles differ.
    pub variants: String,
    /// Sum of the contributions of haplotype 1.
    pub sum1: String,
    /// Of haplotype 2.
    pub sum2: String,
    /// Agreement of the networks.
    pub agreement: String,
    /// Counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
    /// Sites that are not kept.
    pub changed: usize,
    /// The changed site with the least q-value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<BestSite>,
    /// For each site number of its motif times the number of states plus that of its state, and the q-value of its
    /// change.
    pub sites: Vec<(usize, Option<String>)>,
    /// The likeliest variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<LikeliestVariant>,
    /// Its class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<RegionMechanism>,
}

/// A line of a count table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Fragments of haplotype 1.
    pub hap1: String,
    /// Of haplotype 2.
    pub hap2: String,
    /// log2 ratio.
    pub ratio: String,
    /// Its standard error.
    pub se: String,
    /// p-value of the imbalance.
    pub p: String,
    /// q-value of the imbalance.
    pub q: String,
}

/// The strongest change of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BestSite {
    /// Motif.
    pub motif: String,
    /// State.
    pub state: &'static str,
    /// q-value of the change.
    pub q: String,
}

/// The variant with the highest posterior probability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LikeliestVariant {
    /// Its name, position and alleles.
    pub variant: String,
    /// Its probability.
    pub probability: String,
}

/// The line of a region in `mechanism_regions.tsv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegionMechanism {
    /// Motif that decides.
    pub motif: String,
    /// By how many bits it is better in haplotype 1.
    pub motif_change: String,
    /// Class by motifs alone.
    pub class: String,
    /// Motif whose contributions decide.
    pub model_motif: String,
    /// By how much more it contributes in haplotype 1, log2.
    pub model_change: String,
    /// Class by the model.
    pub model_class: String,
}

/// A learned motif.
#[derive(Clone, Debug, Serialize)]
pub struct ShownMotif {
    /// Name.
    pub name: String,
    /// Number of seqlets.
    pub n: String,
    /// Regions with one.
    pub regions: String,
    /// Their share.
    pub share: String,
    /// `increase` or `decrease`.
    pub direction: String,
    /// Mean contribution of its seqlets.
    pub mean_effect: String,
    /// Seqlets that increase.
    pub increase: String,
    /// Seqlets that decrease.
    pub decrease: String,
    /// Share of seqlets with a counterpart in the other allele.
    pub common: String,
    /// Known motifs that it resembles.
    pub matches: Vec<ShownMatch>,
    /// Contributions, four for each column.
    pub contributions: Option<Vec<[f32; 4]>>,
    /// Base frequencies, four for each column.
    pub frequencies: Option<Vec<[f32; 4]>>,
}

/// A known motif.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownMatch {
    /// Name.
    pub name: String,
    /// p-value.
    pub p: String,
    /// q-value.
    pub q: String,
    /// Offset.
    pub offset: String,
    /// Overlap.
    pub overlap: String,
    /// Strand.
    pub strand: String,
}

/// The tables of `explain mechanisms`.
#[derive(Clone, Debug, Serialize)]
pub struct Mechanisms {
    /// Columns of `mechanisms.tsv`.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
    /// Regions by class.
    pub classes: Classes,
}

/// How many regions are of each class.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Classes {
    /// `class`, and by what.
    pub columns: Vec<String>,
    /// A class and its counts.
    pub rows: Vec<Vec<String>>,
    /// What was counted.
    pub note: String,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its name.
    pub file: String,
    /// Version of the program that wrote it.
    pub version: String,
    /// Command line that wrote it.
    pub command: String,
}

/// Names of the columns of a site, as in `hits.tsv.gz`.
pub const SITE_COLUMNS: [&str; 18] = [
    "start",
    "end",
    "motif",
    "strand",
    "hap1_score",
    "hap1_p",
    "hap1_attribution",
    "hap2_score",
    "hap2_p",
    "hap2_attribution",
    "state",
    "delta_score",
    "delta_attribution",
    "effect",
    "p_change",
    "q_change",
    "variants",
    "concordance",
];

/// How many of them, from the first on, are in the first text of a site, separated by spaces: numbers of motif and state
/// in place of their names, and `=` for a value of haplotype 2 that haplotype 1 has as well.
pub const PACKED_SITE_COLUMNS: usize = 16;
