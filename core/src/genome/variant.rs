//! One variant of two haplotypes.

use crate::genome::{Alleles, Edit};

/// Allele index of a haplotype that carries `*` (deleted by another record) or an allele without a sequence (`<DEL>`,
/// breakends).
pub const MISSING: u16 = u16::MAX;

/// One record in which at least one haplotype carries an allele other than REF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Position of REF's first base, 0-based.
    pub start: u64,
    /// ID of the record, empty for `.`.
    pub id: Box<str>,
    /// All alleles of the record; `[0]` is REF.
    pub alleles: Alleles,
    /// Allele index of haplotype 1, or [`MISSING`].
    pub hap1: u16,
    /// Allele index of haplotype 2, or [`MISSING`].
    pub hap2: u16,
    /// False for an unphased heterozygous call: its two alleles are in the order written and are not assigned to a
    /// haplotype. Homozygous calls and strains count as phased.
    pub phased: bool,
    /// For haplotype 1 and 2: the record overlaps an earlier one of the same haplotype and is not applied to it.
    pub overlaps: [bool; 2],
}

impl Variant {
    /// End of REF, 0-based exclusive.
    pub fn end(&self) -> u64 {
        self.start + self.alleles[0].len() as u64
    }

    /// Allele index of haplotype 1 or 2.
    pub(super) fn allele(&self, haplotype: usize) -> u16 {
        if haplotype == 1 {
            self.hap1
        } else {
            self.hap2
        }
    }

    /// What haplotype 1 or 2 has here instead of the reference, whether or not it overlaps another record.
    pub(super) fn phased_edit(&self, haplotype: usize) -> Option<Edit<'_>> {
        if self.phased {
            self.carried(haplotype)
        } else {
            None
        }
    }

    /// What haplotype 1 or 2 has here instead of the reference; `None` if it has the reference, or if the record is
    /// unphased or overlaps an earlier one of the haplotype.
    pub fn edit(&self, haplotype: usize) -> Option<Edit<'_>> {
        if self.overlaps[(haplotype != 1) as usize] {
            return None;
        }
        self.phased_edit(haplotype)
    }

    /// What the first (1) or second (2) allele of the call has instead of the reference, phased or not.
    pub fn carried(&self, allele: usize) -> Option<Edit<'_>> {
        let allele = self.allele(allele);
        if allele == 0 || allele == MISSING {
            return None;
        }
        Edit::new(self.start, &self.alleles[0], &self.alleles[allele as usize])
    }

    /// True if the two haplotypes differ here.
    pub fn differs(&self) -> bool {
        self.phased && self.edit(1) != self.edit(2)
    }

    /// The one base in which the two carried alleles differ: position (0-based), base of haplotype 1 and of
    /// haplotype 2 (of the first and second allele of an unphased call). None for indels, substitutions of
    /// several bases and records in which an allele is missing or not applied.
    pub fn single_base(&self) -> Option<(u64, u8, u8)> {
        if self.hap1 == MISSING || self.hap2 == MISSING || self.overlaps != [false; 2] {
            return None;
        }
        let (a, b) = (&self.alleles[self.hap1 as usize], &self.alleles[self.hap2 as usize]);
        if a.len() != b.len() || a.len() != self.alleles[0].len() {
            return None;
        }
        let mut differing = (0..a.len()).filter(|&i| a[i] != b[i]);
        match (differing.next(), differing.next()) {
            (Some(i), None) => Some((self.start + i as u64, a[i], b[i])),
            _ => None,
        }
    }
}

/// A phased variant made in code.
#[cfg(test)]
pub(crate) fn test_variant(start: u64, alleles: &[&str], hap1: u16, hap2: u16) -> Variant {
    let alleles: Vec<&[u8]> = alleles.iter().map(|a| a.as_bytes()).collect();
    let alleles = Alleles::new(&alleles);
    Variant { start, id: "".into(), alleles, hap1, hap2, phased: true, overlaps: [false; 2] }
}
