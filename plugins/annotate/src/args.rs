//! The options of `annotate`.

use std::path::{Path, PathBuf};

use clap::Parser;
use deepallele_common::{
    one_stdin, usage, GenomeArgs, HaplotypeArgs, MessageArgs, ModelArgs, ProvenanceArgs, RestrictArgs, ThreadArgs,
    VcfOutputArgs,
};
use deepallele_core::files::is_stdio;
use deepallele_core::vcf::VcfFormat;

/// Write predicted allelic effects into the records of a VCF or BCF
///
/// Each alternative allele is put into the reference window and compared with it. INFO/DA_LFC is the log2 fold
/// change ALT over REF of the ratio head (antisymmetrised), INFO/DA_CLFC that of the count heads, INFO/DA_REGION the
/// region used. Alleles without a sequence, or longer than the model's window, get `.` and are counted on stderr.
///
/// With two haplotypes (-s, --strain or --hap1 and --hap2) each variant is measured in both of them, all their other
/// variants in place: INFO/DA_LFC_BG1 and INFO/DA_LFC_BG2, their mean DA_LFC, and the predicted log2 ratio of the whole
/// pair, INFO/DA_PAIR. With -L also the flag DA_MAIN for the variant of a region with the largest effect on that ratio,
/// and DA_EPI, what the sum of the effects of single variants leaves of it. The input must be sorted then.
///
/// Records keep their order; with -L, those outside every region pass through untouched.
#[derive(Parser)]
pub struct Args {
    /// VCF or BCF to annotate; - or nothing: standard input
    #[arg(value_name = "VCF")]
    pub input: Option<PathBuf>,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Only variants in these regions (BED, narrowPeak, count table), in the window around the region's summit or
    /// middle; of several regions, the one whose centre is nearest [default: the window around each variant]
    #[arg(short = 'L', long = "regions", value_name = "BED")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub restrict: RestrictArgs,

    #[command(flatten)]
    pub output: VcfOutputArgs,

    /// Also write the effects (DA_LFC; of several alleles the strongest) as bedGraph
    #[arg(long, value_name = "FILE")]
    pub bedgraph: Option<PathBuf>,

    /// Also write them as bigWig
    #[arg(long, value_name = "FILE")]
    pub bigwig: Option<PathBuf>,

    /// Also write an IGV session that opens the tracks and the VCF (needs -o; a .vcf.gz is indexed for it)
    #[arg(long, value_name = "XML")]
    pub igv: Option<PathBuf>,

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
        self.output.check()?;
        self.genome.required()?;
        if !self.haplotypes.is_empty() {
            let (hap1, hap2) = self.haplotypes.sources()?;
            if hap1 == hap2 {
                return Err(usage(format!("both haplotypes are {hap1}: there is no pair to measure variants in")));
            }
            if self.haplotypes.variants.is_none() && self.input.as_deref().is_none_or(is_stdio) {
                return Err(usage("a piped VCF is read once: name the file of the two haplotypes with -v VCF"));
            }
        }
        if self.igv.is_some() {
            if is_stdio(&self.output.output) {
                return Err(usage("--igv opens the VCF by its name: give -o FILE"));
            }
            if matches!(self.output.format(), VcfFormat::Bcf(_) | VcfFormat::BcfUncompressed) {
                return Err(usage("IGV reads VCF, not BCF: give --igv with -Oz or -Ov"));
            }
        }
        let tracks = [&self.bedgraph, &self.bigwig, &self.igv];
        if tracks.iter().any(|t| t.as_deref().is_some_and(is_stdio)) {
            return Err(usage("tracks and session need file names; standard output is for the VCF"));
        }
        let input = self.input.as_deref().unwrap_or(Path::new("-"));
        let files = [Some(input), self.regions.as_deref(), self.restrict.file(), self.haplotypes.variants.as_deref()];
        one_stdin(files.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn check(text: &str) -> Result<(), String> {
        let args = Args::try_parse_from(["annotate"].into_iter().chain(text.split_whitespace()));
        args.map_err(|e| e.to_string())?.check().map_err(|e| e.to_string())
    }

    #[test]
    fn options_fit_together() {
        Args::command().debug_assert();
        assert_eq!(check("-m m -f f -o x.vcf.gz --igv s.xml -L r.bed in.vcf"), Ok(()));
        assert!(check("-m m").unwrap_err().contains("-f"));
        assert!(check("-f f").unwrap_err().contains("--model"));
        assert!(check("-m m -f f --igv s.xml").unwrap_err().contains("-o FILE"));
        assert!(check("-m m -f f --igv s.xml -o x.bcf").unwrap_err().contains("BCF"));
        assert!(check("-m m -f f --bigwig -").unwrap_err().contains("file names"));
        assert_eq!(check("-m m -f f -L - in.vcf"), Ok(()));
        assert_eq!(check("-m m -f f -s kid in.vcf"), Ok(()));
        assert_eq!(check("-m m -f f --strain CAST -v cross.bcf"), Ok(()));
        for (wrong, words) in [
            ("-m m -f f -s kid", "-v VCF"),
            ("-m m -f f --strain CAST -", "-v VCF"),
            ("-m m -f f -v cross.bcf in.vcf", "two haplotypes"),
            ("-m m -f f --hap1 A:1 --hap2 A:1 in.vcf", "both haplotypes are A:1"),
        ] {
            assert!(check(wrong).unwrap_err().contains(words), "{wrong}");
        }
        for wrong in ["-m m -f f -L -", "-m m -f f -L - -", "-m m -f f -T -", "-m m -f f -L - -R - in.vcf"] {
            assert!(check(wrong).unwrap_err().contains("only one input"), "{wrong}");
        }
    }
}
