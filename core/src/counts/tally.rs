//! Counts of fragments by class, and by the allele that they show at a variant.

use crate::assignment::Class;

/// Fragments by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Assigned to haplotype 1.
    pub hap1: u64,
    /// Assigned to haplotype 2.
    pub hap2: u64,
    /// Fit both haplotypes, or not differently enough.
    pub uninformative: u64,
    /// Fit each haplotype in different places.
    pub conflicting: u64,
}

impl Tally {
    /// One more fragment.
    pub fn add(&mut self, class: Class) {
        *match class {
            Class::Hap1 => &mut self.hap1,
            Class::Hap2 => &mut self.hap2,
            Class::Uninformative => &mut self.uninformative,
            Class::Conflicting => &mut self.conflicting,
        } += 1;
    }

    /// The sum of the four classes.
    pub fn total(&self) -> u64 {
        self.hap1 + self.hap2 + self.uninformative + self.conflicting
    }

    /// Total and classes for a message.
    pub(super) fn describe(&self) -> String {
        format!(
            "{} (haplotype 1: {}, haplotype 2: {}, uninformative: {}, conflicting: {})",
            self.total(),
            self.hap1,
            self.hap2,
            self.uninformative,
            self.conflicting
        )
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |a, b| Self {
            hap1: a.hap1 + b.hap1,
            hap2: a.hap2 + b.hap2,
            uninformative: a.uninformative + b.uninformative,
            conflicting: a.conflicting + b.conflicting,
        })
    }
}

/// Fragments by the allele they show at one variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VariantTally {
    /// With the allele of haplotype 1 (first allele of an unphased call).
    pub hap1: u64,
    /// With the allele of haplotype 2 (second allele).
    pub hap2: u64,
    /// With any other allele.
    pub other: u64,
    /// Those of `hap1` and `hap2` whose fragment fits the other haplotype elsewhere.
    pub conflicting: u64,
}
