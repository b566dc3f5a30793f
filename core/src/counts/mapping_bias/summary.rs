//! Options of the bias report, and its totals over all sites.

use crate::assignment::Filter;
use crate::counts::mapping_bias::expected_alignment::Scoring;
use crate::counts::mapping_bias::outcomes::{reference_fraction, Bias, Outcomes};
use crate::genome::Variant;

/// How reads are simulated, aligned and assigned.
#[derive(Clone, Copy, Debug)]
pub struct BiasOptions {
    /// Bases per read.
    pub read_length: usize,
    /// Scores of the aligner.
    pub scoring: Scoring,
    /// Search the whole FASTA for other loci that the reads match.
    pub genome_wide: bool,
    /// How far the expected fraction may differ from one half before a site is flagged.
    pub limit: f64,
    /// Base quality from which bases count.
    pub filter: Filter,
    /// Number of threads; results do not depend on it.
    pub threads: usize,
}

/// Totals over all sites.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BiasSummary {
    /// SiteWindow under which reads were simulated.
    pub sites: u64,
    /// SiteWindow with an expected reference fraction.
    pub with_fraction: u64,
    /// Sum of the expected reference fractions.
    pub fractions: f64,
    /// SiteWindow whose expected fraction differs from one half by more than the limit.
    pub biased: u64,
    /// SiteWindow with multimapping reads.
    pub repeat: u64,
    /// SiteWindow without an assigned read.
    pub none: u64,
    /// Reads, each counted once however many sites it covers.
    pub reads: Bias,
}

impl BiasSummary {
    pub(super) fn add(&mut self, variant: &Variant, bias: &Bias, limit: f64) {
        self.sites += 1;
        self.biased += bias.biased(limit) as u64;
        self.repeat += (bias.multimapping() > 0) as u64;
        self.none += bias.hap1_fraction().is_none() as u64;
        if let Some(fraction) = reference_fraction(variant, bias) {
            self.with_fraction += 1;
            self.fractions += fraction;
        }
    }

    /// Messages for the user, one per line.
    pub fn lines(&self, options: &BiasOptions) -> Vec<String> {
        let share = |of: &Outcomes| 100.0 * of.right as f64 / (of.simulated.max(1)) as f64;
        let mut lines = vec![format!(
            "bias: {} sites under error-free reads of {} bases; assigned right: {:.2} % of haplotype 1, {:.2} % of haplotype 2",
            self.sites,
            options.read_length,
            share(&self.reads.hap1),
            share(&self.reads.hap2)
        )];
        if self.with_fraction > 0 {
            lines.push(format!(
                "bias: expected reference fraction {:.4}, mean over {} sites",
                self.fractions / self.with_fraction as f64,
                self.with_fraction
            ));
        }
        lines.push(format!(
            "bias: sites with an expected fraction further than {} from one half: {}; with multimapping reads: {}; without assigned reads: {}",
            options.limit, self.biased, self.repeat, self.none
        ));
        lines
    }
}
