//! Mapping outcomes of simulated reads, and the bias that follows from them.

use crate::genome::Variant;

/// The mapping outcome of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It matches another locus as well as its own, or better.
    Multimapping,
    /// Its alignment scores too low.
    Unaligned,
    /// Assigned to its own haplotype.
    Right,
    /// Assigned to the other haplotype.
    Wrong,
    /// Uninformative or conflicting.
    Unassigned,
}

/// Simulated reads of one haplotype by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// All reads.
    pub simulated: u64,
    /// Match another locus as well as their own, or better.
    pub multimapping: u64,
    /// Aligned to their own locus: the sum of the three below.
    pub aligned: u64,
    /// Assigned to their own haplotype.
    pub right: u64,
    /// Assigned to the other haplotype.
    pub wrong: u64,
    /// Uninformative or conflicting.
    pub unassigned: u64,
}

impl Outcomes {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.simulated += 1;
        self.aligned += matches!(outcome, Outcome::Right | Outcome::Wrong | Outcome::Unassigned) as u64;
        match outcome {
            Outcome::Multimapping => self.multimapping += 1,
            Outcome::Unaligned => {}
            Outcome::Right => self.right += 1,
            Outcome::Wrong => self.wrong += 1,
            Outcome::Unassigned => self.unassigned += 1,
        }
    }

    fn join(&mut self, other: &Outcomes) {
        self.simulated += other.simulated;
        self.multimapping += other.multimapping;
        self.aligned += other.aligned;
        self.right += other.right;
        self.wrong += other.wrong;
        self.unassigned += other.unassigned;
    }
}

/// Simulated reads of both haplotypes at a site or in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bias {
    /// Reads of haplotype 1.
    pub hap1: Outcomes,
    /// Reads of haplotype 2.
    pub hap2: Outcomes,
}

impl Bias {
    /// The reads of haplotype 1 or 2.
    pub(super) fn of(&mut self, haplotype: usize) -> &mut Outcomes {
        if haplotype == 1 {
            &mut self.hap1
        } else {
            &mut self.hap2
        }
    }

    pub(super) fn join(&mut self, other: &Bias) {
        self.hap1.join(&other.hap1);
        self.hap2.join(&other.hap2);
    }

    /// Expected share of haplotype 1 among the assigned reads; None if there are none.
    pub fn hap1_fraction(&self) -> Option<f64> {
        let one = self.hap1.right + self.hap2.wrong;
        let all = one + self.hap2.right + self.hap1.wrong;
        (all > 0).then(|| one as f64 / all as f64)
    }

    /// Reads of either haplotype that match another locus as well as their own, or better.
    pub fn multimapping(&self) -> u64 {
        self.hap1.multimapping + self.hap2.multimapping
    }

    /// `bias` where the expected fraction differs from one half by more than `limit`, `repeat` where reads are
    /// multimapping, `none` where no read is assigned, comma-separated; `.` where nothing is flagged.
    pub fn flags(&self, limit: f64) -> String {
        let mut flags = Vec::new();
        if self.biased(limit) {
            flags.push("bias");
        }
        if self.multimapping() > 0 {
            flags.push("repeat");
        }
        if self.hap1_fraction().is_none() {
            flags.push("none");
        }
        if flags.is_empty() {
            flags.push(".");
        }
        flags.join(",")
    }

    /// True if the expected fraction differs from one half by more than `limit`.
    pub fn biased(&self, limit: f64) -> bool {
        // A little more, so that 0.45 does not differ by more than 0.05 because of its binary digits.
        self.hap1_fraction().is_some_and(|f| (f - 0.5).abs() > limit + 1e-12)
    }
}

/// Expected share of the reference allele among the reads assigned at a record; None if there are none, or unless
/// exactly one haplotype carries the reference allele.
pub fn reference_fraction(variant: &Variant, bias: &Bias) -> Option<f64> {
    let fraction = bias.hap1_fraction()?;
    match (variant.edit(1), variant.edit(2)) {
        (None, Some(_)) if variant.hap1 == 0 => Some(fraction),
        (Some(_), None) if variant.hap2 == 0 => Some(1.0 - fraction),
        _ => None,
    }
}
