//! The options of `annotate`.

use std::path::{Path, PathBuf};

use clap::{Arg, Parser};
use deepallele_common::{
    one_stdin, read_model, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, Indexed, MessageArgs, ProvenanceArgs,
    RestrictArgs, RunFiles, ThreadArgs, TrackArgs, VcfOutputArgs,
};
use deepallele_core::genome::OnMismatch;
use deepallele_core::io::text_input::{is_stdio, read_once};
use deepallele_core::io::vcf::{IndexKind, VcfFormat};

const EXAMPLES: &str = "Examples:
  # Effects of all variants, as compressed VCF with an index
  deepallele annotate -m model/model.onnx -f ref.fa -W=tbi -o effects.vcf.gz phased.vcf.gz

  # Effects in peaks, each variant measured in both haplotypes of an individual
  deepallele annotate -m model/model.onnx -f ref.fa -s NA12878 -L peaks.narrowPeak -o effects.bcf phased.vcf.gz

  # Also a track and a session for IGV
  deepallele annotate -m model/model.onnx -f ref.fa --bigwig effects.bw --igv effects.xml -o effects.vcf.gz phased.vcf.gz";

/// Write predicted allelic effects into the records of a VCF or BCF
///
/// Each alternative allele is compared with the reference allele in a window of the reference genome. INFO/DA_LFC is the
/// predicted log2 fold change, ALT over REF, of the ratio head (antisymmetrised); INFO/DA_CLFC is that of the count
/// heads; INFO/DA_REGION lists the regions that contain the record, first the one with the strongest effect, to which
/// the other fields refer. Alleles without a sequence, or longer than the model's window, have a missing value; their
/// number is reported on stderr.
///
/// With several models (-m, --tag), each has its own fields. For an ensemble (--ensemble, or one file of several
/// networks), they are the mean over its networks, and INFO/DA_LFC_SD is the standard deviation of DA_LFC.
///
/// With two haplotypes (-s, --strain, or --hap1 and --hap2), each variant is measured in both haplotypes, with all
/// their other variants in place: INFO/DA_LFC_BG1 and INFO/DA_LFC_BG2, their mean DA_LFC, and INFO/DA_PAIR, the
/// predicted log2 ratio of haplotype 1 over haplotype 2. With -L also the flag DA_MAIN, for the variant of a region with
/// the largest effect on that ratio, and DA_EPI, the part of the ratio that the effects of single variants do not add up
/// to. The input must be sorted in this mode.
///
/// A network of other software (NAME.toml) has DA_LFC without DA_CLFC, for each of its outputs that has a name DA_LFC_NAME,
/// and with a profile INFO/DA_JSD, the Jensen-Shannon distance of the profiles with ALT and with REF.
///
/// With --null, each effect is compared with those of the same change in shuffled windows: INFO/DA_Q and INFO/DA_P.
///
/// Records keep their order. With -L, records outside all regions are written unchanged.
#[derive(Parser)]
#[command(display_order = 60, after_help = EXAMPLES, mut_args(describe_tracks))]
pub struct Args {
    /// VCF or BCF to annotate [default: standard input, also as -]
    #[arg(value_name = "VCF")]
    pub input: Option<PathBuf>,

    #[command(flatten)]
    pub models: SeveralModels,

    #[command(flatten)]
    pub genome: GenomeArgs,

    #[command(flatten)]
    pub output: VcfOutputArgs,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// Annotate only variants in these regions (BED, narrowPeak, count table, GTF, GFF3 or SAF), in the windows on which
    /// the model was trained: around the summit, middle or TSS [default: in a window around each variant]
    #[arg(short = 'L', long = "regions", value_name = "FILE", help_heading = "Regions and variants")]
    pub regions: Option<PathBuf>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    /// Also write INFO/DA_ALL, the values of each allele in every region (for bcftools +split-vep -a DA_ALL)
    #[arg(long, requires = "regions", help_heading = "Regions and variants")]
    pub all_regions: bool,

    /// Also write INFO/DA_Q and INFO/DA_P, the quantile and the two-sided p-value of DA_LFC among the effects of the same
    /// change in INT dinucleotide-shuffled windows (INT times the work)
    #[arg(long, value_name = "INT", help_heading = "Null effects", value_parser = clap::value_parser!(u32).range(1..=100_000),
          conflicts_with_all = ["sample", "strain", "hap1", "hap2"])]
    pub null: Option<u32>,

    /// Seed of the shuffled windows
    #[arg(long, value_name = "INT", default_value_t = 1, requires = "null", help_heading = "Null effects")]
    pub seed: u64,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// Records whose REF differs from the FASTA: auto leaves them without an effect and reports them, but stops with an
    /// error if they show a wrong assembly (more than 1 % of the file and at least 10 of them, or most); skip never
    /// stops; stop ends the run at the first
    #[arg(long, value_name = "WHAT", default_value_t = OnMismatch::Auto, help_heading = "Regions and variants")]
    pub on_mismatch: OnMismatch,

    #[command(flatten)]
    pub restrict: RestrictArgs,

    #[command(flatten)]
    pub tracks: TrackArgs,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

/// What the tracks of `annotate` are.
fn describe_tracks(option: Arg) -> Arg {
    match option.get_id().as_str() {
        "bedgraph" => option.help("Also write the effects as bedGraph: DA_LFC, of several alleles the strongest"),
        "bigwig" => option.help("Also write the effects as bigWig"),
        "igv" => option.help(
            "Also write an IGV session that opens the tracks and the VCF (needs -o; a .vcf.gz is indexed for it)",
        ),
        _ => option,
    }
}

/// `-m --model-sample --tag --ensemble`
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct SeveralModels {
    /// Model file (model.onnx) written by deepallele train or import, or the description (NAME.toml) of another network
    /// that reads sequences; may be repeated, each model with its --tag, or all as one --ensemble
    #[arg(short = 'm', long = "model", value_name = "MODEL", required = true)]
    list: Vec<PathBuf>,

    /// Sample to predict, for models of several samples: once for all models, or once per model [default: the first]
    #[arg(long = "model-sample", value_name = "SAMPLE")]
    samples: Vec<String>,

    /// Suffix of the names of a model's INFO fields, as in DA_LFC_TAG; once per model
    #[arg(long = "tag", value_name = "TAG", conflicts_with = "ensemble")]
    tags: Vec<String>,

    /// Use the models as one ensemble (seeds, folds): write the mean over their networks, and DA_LFC_SD
    #[arg(long)]
    ensemble: bool,
}

/// A model file and the sample to predict.
#[derive(Clone, Copy)]
pub struct ModelChoice<'a> {
    pub path: &'a Path,
    /// None for its first.
    pub sample: Option<&'a str>,
}

/// Model files that share INFO fields, and the suffix of these fields.
pub struct Tagged<'a> {
    pub files: Vec<ModelChoice<'a>>,
    pub tag: Option<&'a str>,
}

impl SeveralModels {
    /// The models in the order given; those of an ensemble are one entry.
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
                "{models} models and {samples} samples: give --model-sample once, or once per model"
            )));
        }
        for (i, tag) in self.tags.iter().enumerate() {
            if tag.is_empty() || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.') {
                return Err(usage(format!(
                    "--tag \"{tag}\" cannot be part of an INFO field: use letters, digits, _ and ."
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
    /// Every file that is read or written.
    pub fn files(&self) -> RunFiles {
        let mut files = RunFiles::default();
        files.read_indexed("VCF", self.input.as_deref().unwrap_or(Path::new("-")), Indexed::Variants);
        self.models.list.iter().for_each(|path| read_model(&mut files, path));
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        self.restrict.files(&mut files);
        self.regions.iter().for_each(|path| files.read("-L", path));
        self.output.files(self.index(), &mut files);
        self.tracks.files(&mut files);
        files
    }

    /// The index of the output. IGV opens a compressed VCF only with its index.
    pub fn index(&self) -> Option<IndexKind> {
        let for_igv = self.tracks.igv.is_some() && matches!(self.output.format(), VcfFormat::VcfGz(_));
        self.output.write_index.or(for_igv.then_some(IndexKind::Tbi))
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        self.output.check()?;
        self.models.check()?;
        self.genome.required()?;
        if !self.haplotypes.is_empty() {
            self.check_haplotypes()?;
        }
        self.check_tracks()?;
        let input = self.input.as_deref().unwrap_or(Path::new("-"));
        let files = [Some(input), self.regions.as_deref(), self.restrict.file(), self.haplotypes.variants.as_deref()];
        one_stdin(files.into_iter().flatten())
    }

    fn check_haplotypes(&self) -> anyhow::Result<()> {
        let (hap1, hap2) = self.haplotypes.sources()?;
        if hap1 == hap2 {
            return Err(usage(format!("both haplotypes are {hap1}; variants are measured in two different ones")));
        }
        if self.haplotypes.variants.is_none() && self.input.as_deref().is_none_or(read_once) {
            return Err(usage("a piped VCF can be read only once: name the file of the two haplotypes with -v VCF"));
        }
        if self.models.tagged().len() > 1 && self.haplotypes.variants.as_deref().is_some_and(read_once) {
            return Err(usage(
                "each model reads the variants of the haplotypes, a pipe only one can read: give -v a file",
            ));
        }
        Ok(())
    }

    fn check_tracks(&self) -> anyhow::Result<()> {
        if self.tracks.igv.is_some() {
            if is_stdio(&self.output.output) {
                return Err(usage("--igv opens the VCF by its name: give -o FILE"));
            }
            if matches!(self.output.format(), VcfFormat::Bcf(_) | VcfFormat::BcfUncompressed) {
                return Err(usage("IGV reads VCF, not BCF: use --igv with -Oz or -Ov"));
            }
            if self.output.write_index == Some(IndexKind::Csi) {
                return Err(usage("IGV reads a .tbi index of a VCF, not .csi: use -W=tbi with --igv"));
            }
        }
        if self.models.list.len() > 1 && !self.models.ensemble && !self.tracks.is_empty() {
            return Err(usage("tracks and session can show only one model"));
        }
        self.tracks.check("VCF")
    }
}

#[cfg(test)]
mod tests {
    use deepallele_common::check_files;
    use deepallele_common::testing::Options;

    use super::*;

    #[test]
    fn options_fit_together() {
        let options = Options::<Args>::checked_by(|args| args.check().and_then(|()| check_files(&args.files())));
        options.accept(&[
            "-m m -f f -o x.vcf.gz --igv s.xml -L r.bed in.vcf",
            "-m m -f f -L - in.vcf",
            "-m m -f f -s kid in.vcf",
            "-m m -f f --strain CAST -v cross.bcf",
            "-m a -m b --tag liver --tag brain -f f in.vcf",
            "-m a -m b --ensemble -f f --bigwig t.bw in.vcf",
            "-m m -f f -L r.bed --all-regions in.vcf",
            "-m m -f f --null 100 --seed 7 in.vcf",
            "-m a -m b --ensemble -f f -s kid -v - in.vcf",
            "-m a -m a --tag x --tag y --model-sample x --model-sample y -f f in.vcf",
        ]);
        options.refuse(&[
            ("-m m", "-f"),
            ("-f f", "--model"),
            ("-m m -f f --igv s.xml", "-o FILE"),
            ("-m m -f f --igv s.xml -o x.bcf", "BCF"),
            ("-m m -f f --igv s.xml -W -o x.vcf.gz", "-W=tbi"),
            ("-m m -f f --bigwig -", "file names"),
            ("-m a -m b -f f in.vcf", "2 models and 0 tags"),
            ("-m a --tag x --tag y -f f in.vcf", "1 models and 2 tags"),
            ("-m a --ensemble -f f in.vcf", "several models"),
            ("-m a -m b --ensemble --tag x --tag y -f f in.vcf", "cannot be used with"),
            ("-m m --all-regions -f f in.vcf", "--regions <FILE>"),
            ("-m m -f f --null 0 in.vcf", "1..=100000"),
            ("-m m -f f --seed 7 in.vcf", "--null <INT>"),
            ("-m m -f f --null 10 -s kid in.vcf", "cannot be used with"),
            ("-m a -m b --tag x --tag x -f f in.vcf", "twice"),
            ("-m a --tag x;y -f f in.vcf", "cannot be part of an INFO field"),
            ("-m a -m b -m c --tag x --tag y --tag z --model-sample u --model-sample v -f f in.vcf", "2 samples"),
            ("-m a -m b --tag x --tag y --bedgraph t -f f in.vcf", "one model"),
            ("-m m -f f -o x.vcf --bedgraph x.vcf in.vcf", "two outputs"),
            ("-m m -f f --bigwig x --bedgraph x in.vcf", "two outputs"),
            ("-m m -f f -s kid", "-v VCF"),
            ("-m m -f f --strain CAST -", "-v VCF"),
            ("-m m -f f -v cross.bcf in.vcf", "two haplotypes"),
            ("-m a -m b --tag x --tag y -f f -s kid -v - in.vcf", "-v a file"),
            ("-m m -f f --hap1 A:1 --hap2 A:1 in.vcf", "both haplotypes are A:1"),
            ("-m m -f f -L -", "only one input"),
            ("-m m -f f -L - -", "only one input"),
            ("-m m -f f -T -", "only one input"),
            ("-m m -f f -L - -R - in.vcf", "only one input"),
        ]);
    }
}
