//! Which haplotype a fragment belongs to: every phased variant that it covers is scored by the log-likelihood ratio of
//! its bases under the two local haplotype sequences.
//!
//! | module | what it holds |
//! |---|---|
//! | [`variant_source`] | the variants of which sites are made: a stream, or a list |
//! | [`site`] | a site, its alleles and records |
//! | `site_builder` | variants that are not yet sites |
//! | [`site_window`] | the sites around the current position, at which reads are scored |
//! | [`local_haplotypes`] | the sequences of both haplotypes around insertions and deletions |
//! | [`phred`] | Phred-scaled costs of bases and gaps |
//! | [`realign`] | realignment of a part of a read to haplotype sequences |
//! | [`aligned_read`] | the alignment of a read: blocks, exons, soft clips |
//! | [`observe`] | scores a read at the sites it covers, and finds the regions it overlaps |
//! | `region_blocks` | the blocks of regions that sorted reads overlap |
//! | `covered_records` | the set of records of a site that a read covers |
//! | [`evidence`] | the evidence of a read or fragment, and the class that follows |
//! | [`mates`] | joining the mates of a pair in one pass over sorted reads |

pub mod aligned_read;
mod covered_records;
pub mod evidence;
pub mod local_haplotypes;
pub mod mates;
pub mod observe;
pub mod phred;
pub mod realign;
mod region_blocks;
pub mod site;
mod site_builder;
pub mod site_window;
pub mod variant_source;

pub use aligned_read::AlignedRead;
pub use covered_records::CoveredRecords;
pub use evidence::{Class, Evidence, Observation, Support};
pub use mates::{FragmentEvidence, Fragments};
pub use observe::Observer;
pub use phred::{BaseCosts, PhredCost, ASSIGN_LLR, GAP_EXTENSION, GAP_OPENING, MAX_SITE_LLR};
pub use realign::ReadSegment;
pub use site::{Site, SiteAlleles, Unscorable};
pub use site_window::SiteWindow;
pub use variant_source::{ListSource, VariantSource};

/// Which reads and bases are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Reads with a mapping quality below this are excluded.
    pub mapping_quality: u8,
    /// Bases with a quality below this (after overlapping mates are reconciled) are not used as evidence.
    pub base_quality: u8,
    /// Reads with any of these flags are excluded.
    pub excluded_flags: u16,
}

impl Default for Filter {
    /// Mapping quality 10, base quality 13, and flags 3844: unmapped, secondary, QC-fail, duplicate and
    /// supplementary.
    fn default() -> Self {
        Self { mapping_quality: 10, base_quality: 13, excluded_flags: 3844 }
    }
}
