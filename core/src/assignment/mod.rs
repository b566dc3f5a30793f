//! Which haplotype a fragment belongs to: every phased variant that it covers is scored by the log-likelihood ratio of
//! its bases under the two local haplotype sequences.
//!
//! | module | what it holds |
//! |---|---|
//! | [`variant_source`] | the variants that sites are made of: a stream, or a list |
//! | `site_builder` | variants that wait to become sites |
//! | [`site_window`] | the sites around the current position, where reads are informative |
//! | [`local_haplotypes`] | the two sequences around insertions and deletions |
//! | [`realign`] | alignment of part of a read to a haplotype, as a phred-scaled cost |
//! | [`observe`] | scores one read at the sites it covers, and finds the regions it overlaps |
//! | `region_blocks` | the blocks of regions that sorted reads overlap |
//! | [`evidence`] | the evidence of a read or fragment, and the class that follows |
//! | [`mates`] | joining the mates of a pair in one pass over sorted reads |

pub mod evidence;
pub mod local_haplotypes;
pub mod mates;
pub mod observe;
pub mod realign;
mod region_blocks;
mod site_builder;
pub mod site_window;
pub mod variant_source;

pub use evidence::{Class, Evidence, Observation, Support};
pub use mates::{Fragments, Seen};
pub use observe::Look;
pub use site_window::{Site, Sites, Tells};
pub use variant_source::{ListSource, VariantSource};

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
