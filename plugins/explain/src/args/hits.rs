//! The options of `explain hits`.

use std::path::{Path, PathBuf};

use clap::Arg;
use deepallele_common::{
    choice_parser, one_stdin, usage, AnchorArgs, GenomeArgs, HaplotypeArgs, Indexed, MessageArgs, ProvenanceArgs,
    RunFiles, ThreadArgs, VcfOutputArgs,
};
use deepallele_core::explanation::hits::Background;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::output::explanation::hit_tables::TABLES;

const EXAMPLES: &str = "Examples:
  # Sites of known motifs in both alleles of explained regions, and the records that change them
  deepallele explain hits explained --motifs jaspar.meme --vcf effects.bcf -o hits.bcf

  # The same against measured ratios
  deepallele explain hits explained --motifs jaspar.meme --compare counts.tsv.gz

  # Without a model
  deepallele explain hits -f ref.fa -v phased.vcf.gz -s NA12878 -L peaks.bed --motifs jaspar.meme -o sites";

/// Binding sites that variants create or destroy
///
/// Scans both alleles of every region for the motifs (scores and p-values are those of FIMO) and joins the sites of both
/// alleles by the map between them. The state of a site, from haplotype 1 to haplotype 2, is kept, strengthened, weakened,
/// created, destroyed or moved (the other allele has it at another place that overlaps). Variants that one window can
/// have together are one change.
///
/// The p-value of a change (p_change) compares log2 of the ratio of the best p-values of both alleles, over all windows
/// around the change and both strands, with those of the same kind of change (transition, transversion, indel of that
/// length, or several in the same arrangement) at random places of the regions and of dinucleotide-shuffled copies of
/// them. q_change is that of Benjamini and Hochberg over all motifs and changes of the run.
///
/// Writes hits.tsv.gz (with a tabix index) and hits.bed, coloured by state. With --vcf, records are written with the
/// INFO fields DA_MOTIF (for bcftools +split-vep -a DA_MOTIF), DA_MOTIF_TOP and, of a folder of contributions, DA_ATTR.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, mut_args(describe_output))]
pub struct HitArgs {
    /// Folder written by explain attributions, which receives the tables; with -L or --pairs the folder to write
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,

    /// Motifs, in MEME or JASPAR format, or the motifs.meme of the folder
    #[arg(long, value_name = "FILE", required = true, help_heading = "Input")]
    pub motifs: PathBuf,

    #[command(flatten)]
    pub genome: GenomeArgs,

    /// Scan the pairs of this table (id, allele_a, allele_b)
    #[arg(long, value_name = "TSV", help_heading = "Input", conflicts_with_all = ["regions", "reference", "variants",
          "sample", "strain", "hap1", "hap2", "anchor", "tss", "window", "vcf", "compare"])]
    pub pairs: Option<PathBuf>,

    /// VCF or BCF whose records are written with the sites that they change
    #[arg(long, value_name = "VCF", help_heading = "Input")]
    pub vcf: Option<PathBuf>,

    /// Count table with the measured ratios of the regions
    #[arg(long, value_name = "COUNTS", help_heading = "Input")]
    pub compare: Option<PathBuf>,

    /// Sample of --compare, where it holds several
    #[arg(long, value_name = "SAMPLE", requires = "compare", help_heading = "Input")]
    pub count_sample: Option<String>,

    #[command(flatten)]
    pub output: VcfOutputArgs,

    #[command(flatten)]
    pub provenance: ProvenanceArgs,

    /// Scan these regions (BED, narrowPeak, count table, GTF, GFF3 or SAF; - for standard input) of -f with the variants
    /// of -v, instead of a folder of contributions
    #[arg(
        short = 'L',
        long = "regions",
        value_name = "FILE",
        requires = "reference",
        help_heading = "Regions and variants"
    )]
    pub regions: Option<PathBuf>,

    /// Bases around the anchor of each region [default: the region itself]
    #[arg(long, value_name = "INT", requires = "regions", help_heading = "Regions and variants",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub window: Option<u32>,

    #[command(flatten)]
    pub windows: AnchorArgs,

    #[command(flatten)]
    pub haplotypes: HaplotypeArgs,

    /// p-value below which a window is a site
    #[arg(long, value_name = "P", default_value_t = 1e-4, help_heading = "Method")]
    pub threshold: f64,

    /// Where changes are placed at random: both (the regions and shuffled copies), regions or shuffled
    #[arg(long, value_name = "WHERE", default_value = "both", help_heading = "Method",
          value_parser = choice_parser!(Background), hide_possible_values = true)]
    pub background: Background,

    /// Seed of shuffled copies and random places
    #[arg(long, value_name = "INT", default_value_t = 1, help_heading = "Method")]
    pub seed: u64,

    #[command(flatten)]
    pub threads: ThreadArgs,

    #[command(flatten)]
    pub messages: MessageArgs,
}

fn describe_output(option: Arg) -> Arg {
    match option.get_id().as_str() {
        "output" => option.value_name("OUT").help(
            "With --vcf the VCF or BCF to write [default: standard output]; else, with -L or --pairs, the folder",
        ),
        _ => option,
    }
}

impl HitArgs {
    /// Whether sequences come from regions or a table instead of a folder of contributions.
    pub fn without_attributions(&self) -> bool {
        self.regions.is_some() || self.pairs.is_some()
    }

    /// The folder that receives the tables.
    pub fn tables(&self) -> anyhow::Result<&Path> {
        let output = (self.vcf.is_none() && !is_stdio(&self.output.output)).then_some(&self.output.output);
        match (&self.folder, output) {
            (Some(_), Some(_)) => Err(usage("-o is the VCF of --vcf; the tables go into FOLDER")),
            (Some(folder), None) => Ok(folder),
            (None, Some(output)) if self.without_attributions() => Ok(output),
            (None, _) if self.without_attributions() => Err(usage("needs a folder to write: give FOLDER")),
            _ => Err(usage("needs the FOLDER of explain attributions, or -L BED or --pairs TSV")),
        }
    }

    /// Every file that is read or written.
    pub fn files(&self) -> anyhow::Result<RunFiles> {
        let mut files = RunFiles::default();
        files.read("--motifs", &self.motifs);
        self.genome.files(&mut files);
        self.haplotypes.files(&mut files);
        for (option, path) in [("--pairs", &self.pairs), ("--compare", &self.compare), ("-L", &self.regions)] {
            path.iter().for_each(|path| files.read(option, path));
        }
        if let Some(vcf) = &self.vcf {
            files.read_indexed("--vcf", vcf, Indexed::Variants);
            self.output.files(self.output.write_index, &mut files);
        }
        let folder = self.tables()?;
        let names = TABLES.iter().map(|name| (*name).to_owned()).chain([format!("{}.tbi", TABLES[0])]);
        let session = self.regions.is_some().then(|| "igv.xml".to_owned());
        names.chain(session).for_each(|name| files.write_in_new_folder("FOLDER", &folder.join(name)));
        Ok(files)
    }

    /// Check what clap cannot.
    pub fn check(&self) -> anyhow::Result<()> {
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return Err(usage("--threshold is above 0, up to 1"));
        }
        self.tables()?;
        if self.vcf.is_some() {
            self.output.check()?;
        }
        match &self.regions {
            Some(_) => drop(self.haplotypes.complete_sources()?),
            None if !self.haplotypes.is_empty() || self.genome.reference.is_some() => {
                return Err(usage("-f, -v and haplotypes are for regions: give -L BED"));
            }
            None => {}
        }
        let inputs = [&self.pairs, &self.compare, &self.regions, &self.haplotypes.variants, &self.vcf];
        one_stdin(inputs.into_iter().flatten().chain([&self.motifs]).map(PathBuf::as_path))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use deepallele_common::testing::Options;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: HitArgs,
    }

    #[test]
    fn options_fit_together() {
        let options = Options::<Alone>::checked_by(|alone| alone.args.check());
        options.accept(&[
            "x --motifs m",
            "x --motifs m --vcf v -o y.bcf",
            "x --motifs m --vcf - -Oz",
            "--motifs m -f f -v v -s kid -L b -o x",
            "x --motifs m -f f -v v -s kid -L b --vcf v -o y.vcf.gz -W",
            "--motifs m --pairs p -o x",
        ]);
        options.refuse(&[
            ("--motifs m", "FOLDER"),
            ("x", "--motifs"),
            ("x --motifs m -o y", "FOLDER"),
            ("--motifs m -f f -v v -s kid -L b", "FOLDER"),
            ("--motifs m -f f -v v -L b -o x", "-s SAMPLE"),
            ("--motifs m -v v -s kid -L b -o x", "--reference"),
            ("x --motifs m -s kid", "-L BED"),
            ("x --motifs m --threshold 0", "--threshold"),
            ("x --motifs - --vcf -", "only one input"),
            ("x --motifs m --window 100", "--regions"),
            ("--motifs m --pairs p -L b -f f -o x", "cannot be used with"),
        ]);
    }
}
