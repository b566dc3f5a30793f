//! The options of `predict`.

use std::path::{Path, PathBuf};

use clap::Parser;
use deepallele_common::{
    one_stdin, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, MessageArgs, ModelArgs, OutputArgs, ProvenanceArgs,
    ThreadArgs, Uninformative,
};
use deepallele_core::genome::HaplotypeSource;
use deepallele_core::io::text_input::is_stdio;

/// Predict counts of both haplotypes and their ratio, for regions or for designed pairs
///
/// Regions: each is predicted by the window that the model was trained on (around the summit, middle or TSS), with the
/// variants of the two haplotypes put in. The table has #chrom start end name hap1 hap2 log2_ratio variants: values in the units that
/// the model was trained on, log2 of haplotype 1 over haplotype 2 from the ratio head, and the number of records in
/// which the two alleles differ within the window.
///
/// Predictions of an ensemble have log2_ratio_sd too, the standard deviation over its networks.
///
/// Pairs (--pairs): each line of a table `id allele_a allele_b` is predicted; the result has id hap1 hap2 log2_ratio.
#[derive(Parser)]
pub struct Args {
    #[command(flatten)]
    pub model: ModelArgs,

    /// Regions: BED, narrowPeak, count table, GTF, GFF3 or SAF; - for standard input [default: those of --compare]
    #[arg(short = 'L', long = "regions", value_name = "BED")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Predict the pairs of this table instead of regions
    #[arg(long, value_name = "TSV", conflicts_with_all = ["regions", "reference", "variants", "sample", "strain",
          "hap1", "hap2", "compare", "anchor", "tss", "bedgraph", "bigwig", "igv", "igv_tracks"])]
    pub pairs: Option<PathBuf>,

    /// With --pairs: the network's own outputs, unscaled, as id count_a count_b ratio
    #[arg(long, requires = "pairs")]
    pub raw: bool,

    /// Count table to compare with: adds measured values and says Pearson and Spearman on stderr
    #[arg(long, value_name = "COUNTS")]
    pub compare: Option<PathBuf>,

    /// With --compare: fragments that fit both alleles count half for each, or not at all
    #[arg(long, value_name = "RULE", default_value = "half", requires = "compare")]
    pub uninformative: Uninformative,

    #[command(flatten)]
    pub output: OutputArgs,

    /// Also write PREFIX.hap1.bedGraph, PREFIX.hap2.bedGraph and PREFIX.ratio.bedGraph; with --compare what was
    /// measured too, PREFIX.measured.hap1.bedGraph and so on
    #[arg(long, value_name = "PREFIX")]
    pub bedgraph: Option<PathBuf>,

    /// Also write PREFIX.hap1.bw, PREFIX.hap2.bw and PREFIX.ratio.bw; with --compare PREFIX.measured.hap1.bw and so on
    #[arg(long, value_name = "PREFIX")]
    pub bigwig: Option<PathBuf>,

    /// Also write an IGV session that opens these tracks and the variants
    #[arg(long, value_name = "XML")]
    pub igv: Option<PathBuf>,

    /// With --igv: a file that the session opens too, several times (bigWig, bedGraph, BED, narrowPeak, VCF, BAM, CRAM);
    /// graphs named .hap1., .hap2. or .ratio. get the colours of the haplotypes, if no track line says another
    #[arg(long = "igv-track", value_name = "FILE", requires = "igv")]
    pub igv_tracks: Vec<PathBuf>,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

impl Args {
    /// What clap cannot check by itself.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.pairs.is_some() {
            return Ok(());
        }
        // clap does not look at `requires` where something excludes what is required.
        if self.raw {
            return Err(usage("--raw belongs to --pairs TSV"));
        }
        self.regions_file()?;
        self.genome.required()?;
        self.sources()?;
        if self.igv.is_some() && self.bedgraph.is_none() && self.bigwig.is_none() {
            return Err(usage("--igv opens tracks: give --bigwig PREFIX or --bedgraph PREFIX too"));
        }
        if [&self.bedgraph, &self.bigwig, &self.igv].iter().any(|t| t.as_deref().is_some_and(is_stdio)) {
            return Err(usage("tracks and session need file names; standard output is for the table"));
        }
        let inputs = [&self.regions, &self.compare, &self.haplotypes.variants];
        one_stdin(inputs.into_iter().flatten().map(PathBuf::as_path))?;
        if self.regions.is_none() && self.compare.as_deref().is_some_and(is_stdio) {
            return Err(usage("--compare - cannot serve as regions too: give -L BED, or name the count table"));
        }
        Ok(())
    }

    /// `-L`, or the count table to compare with, which has regions too.
    pub fn regions_file(&self) -> anyhow::Result<&Path> {
        self.regions
            .as_deref()
            .or(self.compare.as_deref())
            .ok_or_else(|| usage("needs something to predict: give -L BED, --compare COUNTS or --pairs TSV"))
    }

    /// The two haplotypes, and the variants they need.
    pub fn sources(&self) -> anyhow::Result<(HaplotypeSource, HaplotypeSource)> {
        let (hap1, hap2) = self.haplotypes.sources()?;
        if hap1.sample().or(hap2.sample()).is_some() {
            self.haplotypes.required()?;
        }
        Ok((hap1, hap2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn check(text: &str) -> Result<(), String> {
        let args = Args::try_parse_from(["predict"].into_iter().chain(text.split_whitespace()));
        args.map_err(|e| e.to_string())?.check().map_err(|e| e.to_string())
    }

    #[test]
    fn options_fit_together() {
        Args::command().debug_assert();
        assert_eq!(check("-m m -f f -v v -s S -L r.bed --igv x.xml --bigwig p"), Ok(()));
        assert_eq!(check("-m m -f f -v v --strain S --compare c.tsv"), Ok(()));
        assert_eq!(
            check("-m m -f f -v v -s S -L r.bed --igv x.xml --bigwig p --igv-track a.bw --igv-track b.bam"),
            Ok(())
        );
        assert_eq!(check("-m m -f f --hap1 ref --hap2 ref -L r.bed"), Ok(()));
        assert_eq!(check("-m m --pairs p.tsv --raw"), Ok(()));
        for (wrong, needle) in [
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
        ] {
            let message = check(wrong).unwrap_err();
            assert!(message.contains(needle), "{wrong}: {message}");
        }
    }
}
