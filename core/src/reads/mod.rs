//! What the reads say: fragments, the evidence in them, and the haplotype they are assigned to.
//!
//! | module | what it is about |
//! |---|---|
//! | [`alignments`] | reading BAM, CRAM and SAM in order, with nothing missing at the end |
//! | [`sites`] | the bases that tell the haplotypes apart |
//! | [`evidence`] | what one read or fragment shows at sites, and where it lies |
//! | [`fragments`] | joining the mates of a pair in one pass |
//! | [`read_groups`] | the samples of the read groups |
//! | [`tags`] | optional fields of an alignment |

pub mod alignments;
pub mod evidence;
pub mod fragments;
pub mod read_groups;
pub mod sites;
pub mod tags;

pub use alignments::{Alignment, Alignments};
pub use evidence::{Class, Evidence, Observation, Sweep};
pub use fragments::Fragments;
pub use read_groups::ReadGroups;
pub use sites::{Site, Sites};
pub use tags::Tag;

/// Which reads and bases count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Reads with a mapping quality below this are left out.
    pub mapping_quality: u8,
    /// Bases with a quality below this (after overlapping mates are reconciled) are no evidence.
    pub base_quality: u8,
    /// Reads with any of these flags are left out.
    pub excluded_flags: u16,
}

impl Default for Filter {
    /// Mapping quality 10, base quality 13, and flags 3844: unmapped, secondary, QC-fail, duplicate and
    /// supplementary.
    fn default() -> Self {
        Self { mapping_quality: 10, base_quality: 13, excluded_flags: 3844 }
    }
}
