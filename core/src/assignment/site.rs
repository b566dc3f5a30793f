//! A site: the smallest span at which a read is scored by itself.

use crate::assignment::local_haplotypes::LocalHaplotypes;

/// The alleles of both haplotypes at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteAlleles {
    /// One base: that of haplotype 1 and of haplotype 2 (first and second allele of an unphased call).
    Snv(u8, u8),
    /// Several bases, none inserted or deleted: reference position (0-based), base of haplotype 1, of 2.
    Mnv(Box<[(i64, u8, u8)]>),
    /// Two sequences of any length, around insertions and deletions.
    Local(Box<LocalHaplotypes>),
}

/// A position, or a few that belong together, at which the haplotypes differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// First reference base of the span that a read must cover to be scored, 0-based.
    pub start: i64,
    /// Past its last base.
    pub end: i64,
    /// What each haplotype has there.
    pub alleles: SiteAlleles,
    /// False for an unphased call: its alleles are counted, but do not assign fragments.
    pub phased: bool,
    /// Numbers of its records, see [`crate::assignment::SiteWindow::record`].
    pub records: Records,
}

/// Numbers of records, ascending; most sites have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// A single record.
    One(u64),
    /// Several records.
    Many(Box<[u64]>),
}

impl Records {
    pub(super) fn new(list: Vec<u64>) -> Self {
        match list[..] {
            [one] => Records::One(one),
            _ => Records::Many(list.into()),
        }
    }

    /// The numbers, ascending.
    pub fn as_slice(&self) -> &[u64] {
        match self {
            Records::One(one) => std::slice::from_ref(one),
            Records::Many(list) => list,
        }
    }
}

/// Why variants do not make a site.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    WithoutReference,
    TooLong,
    Same,
}

/// Records that cannot be scored, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unscorable {
    /// Insertions and deletions, and records within them, without a reference sequence.
    pub without_reference: u64,
    /// Records of sites that are too long.
    pub too_long: u64,
    /// Records that together give both haplotypes the same sequence.
    pub same: u64,
}

impl Unscorable {
    pub(super) fn add(&mut self, records: u64, reason: Reason) {
        *match reason {
            Reason::WithoutReference => &mut self.without_reference,
            Reason::TooLong => &mut self.too_long,
            Reason::Same => &mut self.same,
        } += records;
    }

    /// One sentence per reason, for the user.
    pub fn lines(&self) -> Vec<String> {
        let all = [
            (self.without_reference, "insertions, deletions and records within them are not scored: give -f FASTA"),
            (self.too_long, "records longer than 20,000 bases are not scored"),
            (self.same, "records are uninformative: combined, they give both haplotypes the same sequence"),
        ];
        all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
    }
}
