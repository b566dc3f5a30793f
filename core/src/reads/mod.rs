//! What the reads say: fragments, the evidence in them, and the haplotype they are assigned to.
//!
//! | module | what it is about |
//! |---|---|
//! | [`alignments`] | reading BAM, CRAM and SAM in order, with nothing missing at the end |
//! | [`alignment_cost`] | what an alignment costs under the genome that it was made with |
//! | [`lifted`] | alignments to a haplotype's genome on the reference |
//! | [`two_genomes`] | alignments of the same reads to two genomes, joined by name |
//! | [`bam_writer`] | writing BAM |
//! | [`merged`] | several alignment files as one |
//! | [`read_groups`] | the samples of the read groups |
//! | [`elsewhere`] | other places of a genome that reads fit |
//! | [`placement`] | where an aligner would put a read of a haplotype |
//! | [`tags`] | optional fields of an alignment |
//! | [`variant_source`] | where sites take their variants from |
//! | `items` | variants on their way into sites |
//! | [`sites`] | where reads can tell the haplotypes apart |
//! | [`local`] | the two sequences around insertions and deletions |
//! | [`likelihood`] | what a stretch of a read costs under a haplotype |
//! | `blocks` | the blocks of regions that reads touch |
//! | [`look`] | what one read shows at sites, and the regions it touches |
//! | [`evidence`] | what a read or fragment shows, and what it amounts to |
//! | [`fragments`] | joining the mates of a pair in one pass |

pub mod alignment_cost;
pub mod alignments;
pub mod bam_writer;
mod blocks;
pub mod elsewhere;
pub mod evidence;
pub mod fragments;
mod items;
pub mod lifted;
pub mod likelihood;
pub mod local;
pub mod look;
pub mod merged;
pub mod placement;
pub mod read_groups;
pub mod sites;
pub mod tags;
#[cfg(test)]
mod test_reads;
pub mod two_genomes;
pub mod variant_source;
mod verdict;

pub use alignments::{Alignment, Alignments};
pub use evidence::{Class, Evidence, Observation, Support};
pub use fragments::{Fragments, Seen};
pub use look::Look;
pub use merged::MergedAlignments;
pub use read_groups::ReadGroups;
pub use sites::{Site, Sites, Tells};
pub use tags::Tag;
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
