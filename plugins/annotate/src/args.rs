//! The options of `annotate`.

use std::path::{Path, PathBuf};

use clap::Parser;
use deepallele_common::{
    one_stdin, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, MessageArgs, ProvenanceArgs, RestrictArgs, ThreadArgs,
    VcfOutputArgs,
};
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::vcf::VcfFormat;

/// Write predicted allelic effects into the records of a VCF or BCF
///
/// Each alternative allele is put into the reference window and compared with it. INFO/DA_LFC is the log2 fold
/// change ALT over REF of the ratio head (antisymmetrised), INFO/DA_CLFC that of the count heads, INFO/DA_REGION the
/// regions that hold the record, that with the strongest effect first: the other fields are of that one.
/// With several models (-m, --tag) each has its own fields; of an ensemble (--ensemble, or one file of several networks)
/// they are the mean, and INFO/DA_LFC_SD is the standard deviation of DA_LFC. Alleles without a sequence, or longer
/// than the model's window, get `.` and are counted on stderr.
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
    pub models: SeveralModels,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Only variants in these regions (BED, narrowPeak, count table, GTF, GFF3, SAF), in the windows that the model was
    /// trained on: around the summit, middle or TSS [default: the window around each variant]
    #[arg(short = 'L', long = "regions", value_name = "BED")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    /// Also write INFO/DA_ALL, the values of each allele in every region (bcftools +split-vep -a DA_ALL reads it)
    #[arg(long, requires = "regions")]
    pub all_regions: bool,

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

/// `-m --model-sample --tag`
#[derive(clap::Args, Clone, Debug)]
pub struct SeveralModels {
    /// Model file (model.onnx of deepallele train or import), or the description of another network that reads
    /// sequences (NAME.toml); several times for several models, each with a --tag, or for an --ensemble
    #[arg(short = 'm', long = "model", value_name = "MODEL", required = true)]
    list: Vec<PathBuf>,

    /// Which sample of a model of several to predict, once for all models or once for each [default: its first]
    #[arg(long = "model-sample", value_name = "NAME")]
    samples: Vec<String>,

    /// What the names of a model's INFO fields end with, DA_LFC_NAME and so on; once for each model
    #[arg(long = "tag", value_name = "NAME", conflicts_with = "ensemble")]
    tags: Vec<String>,

    /// The models are one ensemble (seeds, folds): write the mean of their networks, and DA_LFC_SD
    #[arg(long)]
    ensemble: bool,
}

/// A model file, and which of its samples is wanted.
#[derive(Clone, Copy)]
pub struct ModelChoice<'a> {
    pub path: &'a Path,
    pub sample: Option<&'a str>,
}

/// Files that share fields, and how these are told from those of others.
pub struct Tagged<'a> {
    pub files: Vec<ModelChoice<'a>>,
    pub tag: Option<&'a str>,
}

impl SeveralModels {
    /// The models in their order, those of an ensemble together.
    pub fn tagged(&self) -> Vec<Tagged<'_>> {
        let files = self.list.iter().enumerate().map(|(i, path)| ModelChoice {
            path,
            sample: self.samples.get(if self.samples.len() == 1 { 0 } else { i }).map(String::as_str),
        });
        match self.ensemble {
            true => vec![Tagged { files: files.collect(), tag: None }],
            false => {
                let tags = self.tags.iter().map(|tag| Some(tag.as_str())).chain(std::iter::repeat(None));
                files.zip(tags).map(|(file, tag)| Tagged { files: vec![file], tag }).collect()
            }
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let (models, tags, samples) = (self.list.len(), self.tags.len(), self.samples.len());
        if self.ensemble && models == 1 {
            return Err(usage("--ensemble is for several models: give -m more than once"));
        }
        if !self.ensemble && tags != models && (tags > 0 || models > 1) {
            return Err(usage(format!(
                "{models} models and {tags} tags: give each model its --tag NAME, or all --ensemble"
            )));
        }
        if samples > 1 && samples != models {
            return Err(usage(format!(
                "{models} models and {samples} samples: give --model-sample once, or once a model"
            )));
        }
        for (i, tag) in self.tags.iter().enumerate() {
            if tag.is_empty() || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
                return Err(usage(format!(
                    "--tag \"{tag}\" is no end of an INFO field: letters, digits, _ and . only"
                )));
            }
            if self.tags[..i].contains(tag) {
                return Err(usage(format!("--tag {tag} is given twice")));
            }
        }
        Ok(())
    }
}

impl Args {
    /// Every file that is written.
    pub fn outputs(&self) -> impl Iterator<Item = &Path> {
        let tracks = [&self.bedgraph, &self.bigwig, &self.igv];
        std::iter::once(self.output.output.as_path()).chain(tracks.into_iter().flatten().map(PathBuf::as_path))
    }

    /// What clap cannot check by itself.
    pub fn check(&self) -> anyhow::Result<()> {
        self.output.check()?;
        self.models.check()?;
        self.genome.required()?;
        if !self.haplotypes.is_empty() {
            let (hap1, hap2) = self.haplotypes.sources()?;
            if hap1 == hap2 {
                return Err(usage(format!("both haplotypes are {hap1}: there is no pair to measure variants in")));
            }
            if self.haplotypes.variants.is_none() && self.input.as_deref().is_none_or(is_stdio) {
                return Err(usage("a piped VCF is read once: name the file of the two haplotypes with -v VCF"));
            }
            if self.models.tagged().len() > 1 && self.haplotypes.variants.as_deref().is_some_and(is_stdio) {
                return Err(usage("each model reads the two haplotypes: a pipe is read once, give -v a file"));
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
        if self.models.list.len() > 1 && !self.models.ensemble && tracks.iter().any(|t| t.is_some()) {
            return Err(usage("tracks and session are those of one model"));
        }
        if tracks.iter().any(|t| t.as_deref().is_some_and(is_stdio)) {
            return Err(usage("tracks and session need file names; standard output is for the VCF"));
        }
        let outputs: Vec<&Path> = self.outputs().filter(|path| !path.exists() || path.is_file()).collect();
        if let Some(twice) = outputs.iter().enumerate().find(|(i, path)| outputs[..*i].contains(path)) {
            return Err(usage(format!("\"{}\" is the name of two outputs", twice.1.display())));
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
        assert_eq!(check("-m a -m b --tag liver --tag brain -f f in.vcf"), Ok(()));
        assert_eq!(check("-m a -m b --ensemble -f f --bigwig t.bw in.vcf"), Ok(()));
        assert_eq!(check("-m m -f f -L r.bed --all-regions in.vcf"), Ok(()));
        assert_eq!(check("-m a -m b --ensemble -f f -s kid -v - in.vcf"), Ok(()));
        assert_eq!(check("-m a -m a --tag x --tag y --model-sample x --model-sample y -f f in.vcf"), Ok(()));
        for (wrong, words) in [
            ("-m a -m b -f f in.vcf", "2 models and 0 tags"),
            ("-m a --tag x --tag y -f f in.vcf", "1 models and 2 tags"),
            ("-m a --ensemble -f f in.vcf", "several models"),
            ("-m a -m b --ensemble --tag x --tag y -f f in.vcf", "cannot be used with"),
            ("-m m --all-regions -f f in.vcf", "--regions <BED>"),
            ("-m a -m b --tag x --tag x -f f in.vcf", "twice"),
            ("-m a --tag x;y -f f in.vcf", "no end of an INFO field"),
            ("-m a -m b -m c --tag x --tag y --tag z --model-sample u --model-sample v -f f in.vcf", "2 samples"),
            ("-m a -m b --tag x --tag y --bedgraph t -f f in.vcf", "one model"),
            ("-m m -f f -o x.vcf --bedgraph x.vcf in.vcf", "two outputs"),
            ("-m m -f f --bigwig x --bedgraph x in.vcf", "two outputs"),
            ("-m m -f f -s kid", "-v VCF"),
            ("-m m -f f --strain CAST -", "-v VCF"),
            ("-m m -f f -v cross.bcf in.vcf", "two haplotypes"),
            ("-m a -m b --tag x --tag y -f f -s kid -v - in.vcf", "-v a file"),
            ("-m m -f f --hap1 A:1 --hap2 A:1 in.vcf", "both haplotypes are A:1"),
        ] {
            assert!(check(wrong).unwrap_err().contains(words), "{wrong}");
        }
        for wrong in ["-m m -f f -L -", "-m m -f f -L - -", "-m m -f f -T -", "-m m -f f -L - -R - in.vcf"] {
            assert!(check(wrong).unwrap_err().contains("only one input"), "{wrong}");
        }
    }
}
