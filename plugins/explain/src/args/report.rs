//! The options of `explain report`.

use std::path::PathBuf;

use deepallele_common::{MessageArgs, ProvenanceArgs, RunFiles};

const EXAMPLES: &str = "Examples:
  # One page of everything that the steps of explain have written
  deepallele explain report explained -o report.html

  # With measured counts, and only the 200 regions with the strongest evidence
  deepallele explain report explained --compare counts.tsv.gz --regions-at-most 200 -o report.html";

/// One HTML page of all steps
///
/// The page opens from disk in a browser and loads nothing: a table of the regions that can be searched, sorted and
/// filtered; of each region the alleles as letters on one coordinate map, measured and predicted counts, variants and
/// binding sites with their states; the motifs that the model has learned; the tests of motifs across regions; and
/// where every number is from. What explain motifs, hits, mechanisms and cause have written into the folder is shown;
/// what is not there is said, with the command that makes it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Folder written by explain attributions, and by the other steps
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// Count table with the measured counts of the regions, found by place, else by name
    #[arg(long, value_name = "COUNTS", help_heading = "Input")]
    pub compare: Option<PathBuf>,

    /// Sample of --compare, where it holds several
    #[arg(long, value_name = "SAMPLE", requires = "compare", help_heading = "Input")]
    pub count_sample: Option<String>,

    /// Page to write; - for standard output
    #[arg(short = 'o', long, value_name = "HTML", help_heading = "Output")]
    pub output: PathBuf,

    /// Regions with the strongest evidence that the page holds: the least q-value of a changed site, then that of the
    /// measured imbalance, then the largest predicted ratio
    #[arg(long, value_name = "INT", default_value_t = 1000, help_heading = "Output",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub regions_at_most: u32,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl ReportArgs {
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.compare.iter().for_each(|path| files.read("--compare", path));
        let tables = ["explain.json", "regions.tsv", "pairs.tsv", "map.tsv.gz", "hits.tsv.gz", "seqlets.tsv.gz"];
        let more = ["motifs.tsv", "motifs.meme", "motifs.npz", "motif_tree.svg", "mechanisms.tsv"];
        let more = more.iter().chain(&["mechanism_regions.tsv", "cause.tsv"]);
        let arrays = ["hap1.npz", "hap2.npz", "hap1.ohe.npz", "hap2.ohe.npz"];
        for name in tables.iter().chain(more).chain(&arrays) {
            files.read("FOLDER", &self.folder.join(name));
        }
        files.write("-o", &self.output);
        files
    }
}
