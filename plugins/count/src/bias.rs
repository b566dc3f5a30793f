//! `--bias-report`: what reference bias to expect at each site and region.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::assignment::Filter;
use deepallele_core::counts::mapping_bias::expected_alignment::Scoring;
use deepallele_core::counts::mapping_bias::table as bias_table;
use deepallele_core::counts::mapping_bias::{self, BiasOptions};
use deepallele_core::error::Error;
use deepallele_core::genome::{HaplotypeSource, VariantStream};
use deepallele_core::io::bam::Alignments;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::{OutFile, TabixFormat};
use deepallele_core::io::regions::Regions;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::{Contigs, Spans};

/// Alignments whose lengths tell the usual one.
const LOOKED_AT: usize = 1000;

/// `--bias-report --bias-regions` and how to lay reads
#[derive(Args, Clone, Debug)]
pub struct BiasArgs {
    /// Write what error-free reads of each haplotype would give at every variant (needs -f)
    ///
    /// From either haplotype's own sequence a read is cut at every offset over the variant. It is put on the
    /// reference as bwa mem would put it, indels near its ends clipped or aligned through; it is lost where it
    /// scores too little, or where another place of the FASTA fits it as well or better, on either strand and without
    /// gaps (found where half of the read is the same there, so always if at most one base differs).
    /// What is left is assigned as real reads are. The table has, of each haplotype, the reads laid, those that fit
    /// elsewhere, aligned, assigned right, wrong, and not at all; the fractions of haplotype 1 and of the reference
    /// to expect among those assigned; and flags: bias (off one half by more than --bias-limit), repeat (reads
    /// fit elsewhere), none (no read is assigned). Reads are single, and laid one by one.
    #[arg(long, value_name = "FILE")]
    bias_report: Option<PathBuf>,

    /// Write the same for each region of -L: reads over the variants in it, each counted once (needs -f)
    #[arg(long, value_name = "FILE", requires = "regions")]
    bias_regions: Option<PathBuf>,

    /// Bases of a read in the bias report [default: the most frequent length of the first 1000 alignments, 100 when
    /// they come from standard input]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=10_000))]
    read_length: Option<u32>,

    /// How far an expected fraction may be off one half before it is flagged
    #[arg(long, value_name = "X", default_value_t = 0.05, value_parser = limit)]
    bias_limit: f64,

    /// Scores of the aligner: match, mismatch, gap opened, each base of a gap, clipped end, least score [default:
    /// 1,4,6,1,5,30 as bwa mem has them; the least score at most three quarters of what a read can reach]
    #[arg(long, value_name = "SCORES", value_parser = scores)]
    bias_scoring: Option<Scoring>,

    /// Take a read for lost when it differs from the reference in more than this many bases
    #[arg(long, value_name = "N")]
    bias_max_differences: Option<u32>,

    /// Do not look for the reads elsewhere in the FASTA, which takes a pass over it for every 10,000 variants or so
    #[arg(long)]
    bias_local: bool,
}

fn limit(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (0.0..=0.5).contains(&x) => Ok(x),
        _ => Err("it is a number from 0 to 0.5".into()),
    }
}

fn scores(text: &str) -> Result<Scoring, String> {
    let wrong = || "it takes six whole numbers from 0 to 1000, the first at least 1, such as 1,4,6,1,5,30".to_string();
    let list: Vec<i32> = text.split(',').map(|n| n.trim().parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    match list[..] {
        [matching, mismatch, gap_open, gap_extend, clip, minimum]
            if matching > 0 && list.iter().all(|n| (0..=1000).contains(n)) =>
        {
            Ok(Scoring { matching, mismatch, gap_open, gap_extend, clip, minimum, differences: None })
        }
        _ => Err(wrong()),
    }
}

/// What the report needs of the run.
pub struct BiasInputs<'a> {
    pub vcf: &'a Path,
    pub haplotypes: &'a [HaplotypeSource; 2],
    pub contigs: &'a Contigs,
    pub regions: Option<&'a Regions>,
    pub within: Option<&'a Spans>,
    pub fasta: Option<&'a Path>,
    /// The first of the alignment files.
    pub alignments: &'a Path,
    pub filter: Filter,
    pub threads: usize,
    /// Lines that begin with `##`.
    pub header: &'a [String],
}

impl BiasArgs {
    /// True if a report is asked for.
    pub fn given(&self) -> bool {
        self.bias_report.is_some() || self.bias_regions.is_some()
    }

    /// Combinations of options that cannot be.
    pub fn check(&self, vcf: Option<&Path>, fasta: Option<&Path>) -> Result<()> {
        let others = self.read_length.is_some()
            || self.bias_scoring.is_some()
            || self.bias_max_differences.is_some()
            || self.bias_local;
        if !self.given() {
            return match others {
                true => Err(usage("--read-length and --bias-... are about --bias-report FILE: give that too")),
                false => Ok(()),
            };
        }
        if fasta.is_none() {
            return Err(usage("--bias-report lays reads on the reference: give -f FASTA"));
        }
        if vcf.is_some_and(is_stdio) {
            return Err(usage("--bias-report reads the variants a second time: name their file"));
        }
        if self.bias_report.is_some() && self.bias_report == self.bias_regions {
            return Err(usage("--bias-report and --bias-regions name the same file"));
        }
        if [&self.bias_report, &self.bias_regions].into_iter().flatten().any(|path| is_stdio(path)) {
            return Err(usage("--bias-report and --bias-regions need names of files"));
        }
        Ok(())
    }

    /// Begin the files.
    pub fn create(&self) -> Result<BiasOutput> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutFile::create).transpose();
        Ok(BiasOutput { sites: create(&self.bias_report)?, regions: create(&self.bias_regions)? })
    }

    /// Lay reads and write the report into `out`.
    pub fn run(&self, inputs: &BiasInputs, out: &mut BiasOutput) -> Result<()> {
        let (true, Some(fasta)) = (self.given(), inputs.fasta) else { return Ok(()) };
        let read_length = match self.read_length {
            Some(n) => n as usize,
            None => usual_length(inputs.alignments, fasta)?,
        };
        let mut scoring = self.bias_scoring.unwrap_or_default();
        if self.bias_scoring.is_none() {
            scoring.minimum = scoring.minimum.min(read_length as i32 * 3 / 4);
        }
        scoring.differences = self.bias_max_differences;
        let options = BiasOptions {
            read_length,
            scoring,
            genome_wide: !self.bias_local,
            limit: self.bias_limit,
            filter: inputs.filter,
            threads: inputs.threads,
        };
        let [hap1, hap2] = inputs.haplotypes;
        let open = || Reference::open(fasta);
        let mut stream = VariantStream::builder(inputs.vcf, inputs.contigs, hap1, hap2).reference(open()?).open()?;
        let mut lines = inputs.header.to_vec();
        let s = scoring;
        lines.push(format!(
            "##bias=read length {read_length}; match {}, mismatch {}, gap {} and {} a base, clip {}, least score {}; {}",
            s.matching,
            s.mismatch,
            s.gap_open,
            s.gap_extend,
            s.clip,
            s.minimum,
            if self.bias_local { "not looked for elsewhere" } else { "looked for elsewhere in the FASTA" }
        ));
        if let Some(sites) = &mut out.sites {
            bias_table::begin_sites(sites, &lines).map_err(|e| Error::io(sites.path(), e))?;
        }
        let mut site = |contig: usize, variant: &_, bias: &_| match &mut out.sites {
            Some(sites) => bias_table::write_site(sites, inputs.contigs.name(contig), variant, bias, options.limit)
                .map_err(|e| Error::io(sites.path(), e)),
            None => Ok(()),
        };
        let (summary, of_regions) = mapping_bias::lay(
            &mut stream,
            open()?,
            inputs.contigs,
            inputs.regions,
            inputs.within,
            &options,
            &mut site,
        )?;
        if let (Some(table), Some(regions)) = (&mut out.regions, inputs.regions) {
            bias_table::write_regions(table, &lines, regions, inputs.contigs, &of_regions, options.limit)
                .map_err(|e| Error::io(table.path(), e))?;
        }
        summary.lines(&options).iter().for_each(|line| log::info!("{line}"));
        for file in [&mut out.sites, &mut out.regions].into_iter().flatten() {
            let path = file.path().to_path_buf();
            file.flush().map_err(|e| Error::io(path, e))?;
        }
        Ok(())
    }
}

/// The most frequent length of the first reads, the longer of equals.
fn usual_length(alignments: &Path, fasta: &Path) -> Result<usize> {
    const UNKNOWN: usize = 100;
    if is_stdio(alignments) {
        return Ok(UNKNOWN);
    }
    let mut file = Alignments::open(alignments, Some(fasta), 1)?;
    let mut lengths = std::collections::BTreeMap::new();
    let mut seen = 0;
    while seen < LOOKED_AT {
        let Some(read) = file.next_read()? else { break };
        // Those without bases say nothing; secondary and supplementary ones may be cut.
        if !read.qualities.is_empty() && read.flags & 0x900 == 0 {
            *lengths.entry(read.qualities.len()).or_insert(0) += 1;
            seen += 1;
        }
    }
    let usual = lengths.into_iter().max_by_key(|&(length, n)| (n, length)).map_or(UNKNOWN, |(length, _)| length);
    Ok(usual.clamp(20, 10_000))
}

/// The report being written.
pub struct BiasOutput {
    sites: Option<OutFile>,
    regions: Option<OutFile>,
}

impl BiasOutput {
    /// Give the files their names.
    pub fn persist(self) -> Result<()> {
        if let Some(sites) = self.sites {
            sites.finish_indexed(TabixFormat::Positions)?;
        }
        if let Some(regions) = self.regions {
            regions.finish_indexed(TabixFormat::Bed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_six_numbers() {
        assert_eq!(scores("1,4,6,1,5,30"), Ok(Scoring::default()));
        assert_eq!(scores("2, 6,5,3,0,20").unwrap().minimum, 20);
        for wrong in
            ["", "1,4,6,1,5", "1,4,6,1,5,30,1", "0,4,6,1,5,30", "1,-4,6,1,5,30", "1,x,6,1,5,30", "1,4,6,1,5,2000"]
        {
            assert!(scores(wrong).is_err(), "{wrong}");
        }
        assert!(limit("0.6").is_err() && limit("x").is_err() && limit("0.1") == Ok(0.1));
    }
}
