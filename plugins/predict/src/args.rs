//! The options of `predict`.

use std::path::{Path, PathBuf};

use clap::{Arg, Parser};
use deepallele_common::{
    choice_parser, one_stdin, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, MessageArgs, ModelArgs, OutputArgs,
    ProvenanceArgs, RunFiles, ThreadArgs, TrackArgs,
};
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::training::dataset::Uninformative;

const EXAMPLES: &str = "Examples:
  # Counts and allelic ratio of peaks
  deepallele predict -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.narrowPeak -o predicted.tsv.gz

  # Compared with the measured counts, with tracks and a session for IGV
  deepallele predict -m model/model.onnx -f ref.fa -v phased.vcf.gz -s NA12878 --compare counts.tsv.gz --bigwig tracks --igv session.xml -o predicted.tsv

  # Designed pairs of sequences
  deepallele predict -m model/model.onnx --pairs pairs.tsv -o predicted.tsv";

/// Predict counts of both haplotypes and their ratio
///
/// For regions (-L), each is predicted from the window on which the model was trained (around the summit, middle or TSS),
/// with the variants of each haplotype applied. The table has the columns #chrom start end name hap1 hap2 log2_ratio variants: counts in the
/// units of the training data, log2 of haplotype 1 over haplotype 2 from the ratio head, and the number of records in
/// which the two alleles differ within the window.
///
/// For designed pairs (--pairs), each line of a table with the columns id, allele_a and allele_b is predicted; the table
/// has the columns id hap1 hap2 log2_ratio.
///
/// Predictions of an ensemble also have log2_ratio_sd, the standard deviation over its networks.
#[derive(Parser)]
#[command(display_order = 50, after_help = EXAMPLES, mut_args(describe_tracks))]
pub struct Args {
    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Predict the pairs of this table instead of regions
    #[arg(long, value_name = "TSV", help_heading = "Input", conflicts_with_all = ["regions", "reference", "variants",
          "sample", "strain", "hap1", "hap2", "compare", "anchor", "tss", "bedgraph", "bigwig", "igv", "igv_tracks"])]
    pub pairs: Option<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    /// With --pairs: write the outputs of the network, not converted, as id count_a count_b ratio
    #[arg(long, requires = "pairs", help_heading = "Output")]
    pub raw: bool,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// Regions: BED, narrowPeak, count table, GTF, GFF3 or SAF; - for standard input [default: those of --compare]
    #[arg(short = 'L', long = "regions", value_name = "FILE", help_heading = "Regions and variants")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Count table to compare with: adds the measured values to the table, reports Pearson and Spearman correlations on
    /// stderr
    #[arg(long, value_name = "COUNTS", help_heading = "Comparison")]
    pub compare: Option<PathBuf>,

    /// How to treat uninformative fragments of --compare: half (count half of them for each haplotype) or drop
    #[arg(long, value_name = "RULE", default_value = "half", requires = "compare", help_heading = "Comparison",
          value_parser = choice_parser!(Uninformative), hide_possible_values = true)]
    pub uninformative: Uninformative,

    #[command(flatten)]
    pub tracks: TrackArgs,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// What the tracks of `predict` are.
fn describe_tracks(option: Arg) -> Arg {
    match option.get_id().as_str() {
        "bedgraph" => option.value_name("PREFIX").help(
            "Also write PREFIX.hap1.bedGraph, PREFIX.hap2.bedGraph and PREFIX.ratio.bedGraph; with --compare also the \
             measured values, PREFIX.measured.hap1.bedGraph and so on",
        ),
        "bigwig" => option.value_name("PREFIX").help(
            "Also write PREFIX.hap1.bw, PREFIX.hap2.bw and PREFIX.ratio.bw; with --compare also \
             PREFIX.measured.hap1.bw and so on",
        ),
        "igv" => option.help("Also write an IGV session that opens these tracks and the variants"),
        _ => option,
    }
}

/// The parts of the names of tracks: of the predicted and the measured values of both haplotypes and their ratio.
pub const TRACKS: [[&str; 3]; 2] = [["hap1", "hap2", "ratio"], ["measured.hap1", "measured.hap2", "measured.ratio"]];

/// `prefix` followed by `.name.ending`; dots in `prefix` are not suffixes.
pub fn track_file(prefix: &Path, name: &str, ending: &str) -> PathBuf {
    let mut file = prefix.as_os_str().to_owned();
    file.push(format!(".{name}.{ending}"));
    file.into()
}

impl Args {
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        self.model.files(&mut files);
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        for (option, path) in [("--pairs", &self.pairs), ("-L", &self.regions), ("--compare", &self.compare)] {
            path.iter().for_each(|path| files.read(option, path));
        }
        self.tracks.added_files(&mut files);
        self.output.files(self.pairs.is_none(), &mut files);
        let sets = if self.compare.is_some() { &TRACKS[..] } else { &TRACKS[..1] };
        for (option, prefix, ending) in
            [("--bedgraph", &self.tracks.bedgraph, "bedGraph"), ("--bigwig", &self.tracks.bigwig, "bw")]
        {
            if let Some(prefix) = prefix {
                sets.iter().flatten().for_each(|name| files.write(option, &track_file(prefix, name, ending)));
            }
        }
        self.tracks.igv.iter().for_each(|path| files.write("--igv", path));
        files
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.pairs.is_some() {
            return Ok(());
        }
        // clap ignores `requires` where another option excludes the required one.
        if self.raw {
            return Err(usage("--raw needs --pairs TSV"));
        }
        self.regions_file()?;
        self.genome.required()?;
        self.haplotypes.complete_sources()?;
        if self.tracks.igv.is_some() && self.tracks.bedgraph.is_none() && self.tracks.bigwig.is_none() {
            return Err(usage("--igv opens tracks: give --bigwig PREFIX or --bedgraph PREFIX too"));
        }
        self.tracks.check("table")?;
        let inputs = [&self.regions, &self.compare, &self.haplotypes.variants];
        one_stdin(inputs.into_iter().flatten().map(PathBuf::as_path))?;
        if self.regions.is_none() && self.compare.as_deref().is_some_and(is_stdio) {
            return Err(usage("--compare - cannot also provide the regions: give -L BED, or name the count table"));
        }
        Ok(())
    }

    /// The file of regions: `-L`, else the count table of `--compare`.
    pub fn regions_file(&self) -> anyhow::Result<&Path> {
        self.regions
            .as_deref()
            .or(self.compare.as_deref())
            .ok_or_else(|| usage("needs something to predict: give -L BED, --compare COUNTS or --pairs TSV"))
    }
}

#[cfg(test)]
mod tests {
    use deepallele_common::testing::Options;

    use super::*;

    #[test]
    fn options_fit_together() {
        let options = Options::checked_by(Args::check);
        options.accept(&[
            "-m m -f f -v v -s S -L r.bed --igv x.xml --bigwig p",
            "-m m -f f -v v --strain S --compare c.tsv --uninformative drop",
            "-m m -f f -v v -s S -L r.bed --igv x.xml --bigwig p --igv-track a.bw --igv-track b.bam",
            "-m m -f f --hap1 ref --hap2 ref -L r.bed",
            "-m m --pairs p.tsv --raw",
        ]);
        options.refuse(&[
            ("-m m -f f -v v -s S", "-L BED"),
            ("-m m -L r -v v -s S", "-f FASTA"),
            ("-m m -L r -f f -s S", "-v VCF"),
            ("-m m -L r -f f -v v", "-s SAMPLE"),
            ("-m m -L r -f f -v v -s S --raw", "--pairs"),
            ("-m m --pairs p -L r", "cannot be used with"),
            ("-m m -L r -f f -v v -s S --igv x", "--bigwig PREFIX"),
            ("-m m -L r -f f -v v -s S --igv-track a.bw", "--igv <XML>"),
            ("-m m --pairs p --igv-track a.bw", "cannot be used with"),
            ("-m m -L - -f f -v - -s S", "only one input"),
            ("-m m -f f -v v -s S --compare c --uninformative some", "half, drop"),
        ]);
    }
}
