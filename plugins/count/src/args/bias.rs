//! `--bias-report --bias-regions` and how reads are simulated and aligned for them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::counts::mapping_bias::expected_alignment::Scoring;
use deepallele_core::io::text_input::{is_stdio, read_once};

/// `--bias-report --bias-regions` and how reads are simulated
#[derive(Args, Clone, Debug)]
pub struct BiasArgs {
    /// Report the reference bias expected at every variant from simulated error-free reads (needs -f)
    ///
    /// Reads are simulated from the sequence of either haplotype, as single-end, one per start position that covers the
    /// variant. Each is aligned to the reference as bwa mem would do it, with indels near its ends clipped or aligned
    /// through. It is lost if its score is too low, or if another locus of the FASTA matches it as well or better, on
    /// either strand and without gaps (found if half of the read matches exactly, so always with at most one mismatch).
    /// The others are assigned like real reads. The table has, for each haplotype, the reads simulated (laid),
    /// multimapping (elsewhere), aligned, assigned right, assigned wrong and unassigned; the fractions of haplotype 1
    /// and of the reference allele to expect among those assigned; and flags: bias (further from one half than
    /// --bias-limit), repeat (some reads are multimapping), none (no read is assigned).
    #[arg(long, value_name = "FILE")]
    pub bias_report: Option<PathBuf>,

    /// Report the same for each region of -L, from the reads over its variants, each counted once (needs -f)
    #[arg(long, value_name = "FILE", requires = "regions")]
    pub bias_regions: Option<PathBuf>,

    /// Length of the simulated reads [default: the most frequent length of the first 1000 alignments, 100 if they
    /// come from standard input]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=10_000))]
    pub read_length: Option<u32>,

    /// Flag sites whose expected fraction differs from one half by more than this
    #[arg(long, value_name = "X", default_value_t = 0.05, value_parser = limit)]
    pub bias_limit: f64,

    /// Scores of the aligner: match, mismatch, gap open, gap extension, clipping, minimum score [default:
    /// 1,4,6,1,5,30 as in bwa mem; the minimum is at most three quarters of the read length]
    #[arg(long, value_name = "SCORES", value_parser = scores)]
    pub bias_scoring: Option<Scoring>,

    /// Leave reads unaligned that differ from the reference in more than this many bases
    #[arg(long, value_name = "N")]
    pub bias_max_differences: Option<u32>,

    /// Do not search the FASTA for multimapping reads, which takes one pass over it for about every 10,000 variants
    #[arg(long)]
    pub bias_local: bool,
}

fn limit(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (0.0..=0.5).contains(&x) => Ok(x),
        _ => Err("the limit must be a number from 0 to 0.5".into()),
    }
}

fn scores(text: &str) -> Result<Scoring, String> {
    let wrong = || "scores are six integers from 0 to 1000, the first at least 1, such as 1,4,6,1,5,30".to_string();
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

impl BiasArgs {
    /// True if a report is written.
    pub fn given(&self) -> bool {
        self.bias_report.is_some() || self.bias_regions.is_some()
    }

    /// The scores of the aligner for reads of this length.
    pub fn scoring(&self, read_length: usize) -> Scoring {
        let mut scoring = self.bias_scoring.unwrap_or_default();
        if self.bias_scoring.is_none() {
            scoring.minimum = scoring.minimum.min(read_length as i32 * 3 / 4);
        }
        scoring.differences = self.bias_max_differences;
        scoring
    }

    /// Check for options that cannot be combined, or need another.
    ///
    /// # Errors
    /// A usage error.
    pub fn check(&self, vcf: Option<&Path>, fasta: Option<&Path>) -> Result<()> {
        let others = self.read_length.is_some()
            || self.bias_scoring.is_some()
            || self.bias_max_differences.is_some()
            || self.bias_local;
        if !self.given() {
            return match others {
                true => {
                    Err(usage("--read-length and --bias-... have no effect without --bias-report FILE: give it too"))
                }
                false => Ok(()),
            };
        }
        if fasta.is_none() {
            return Err(usage("--bias-report aligns reads to the reference: give -f FASTA"));
        }
        if vcf.is_some_and(read_once) {
            return Err(usage("--bias-report reads the variants a second time: name a file, not a pipe"));
        }
        if [&self.bias_report, &self.bias_regions].into_iter().flatten().any(|path| is_stdio(path)) {
            return Err(usage("--bias-report and --bias-regions need file names, not standard output"));
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
