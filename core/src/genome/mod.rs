//! What the two alleles are: variants, haplotypes with their coordinate maps, allele pairs.
//!
//! All positions are 0-based and all intervals half-open, whatever the convention of the file they come from.
//!
//! | module | contents |
//! |---|---|
//! | [`haplotypes`] | how users name a haplotype: the reference, an inbred strain, one side of a phased sample |
//! | [`alleles`] | the alleles of a record, and the edit that one of them makes to the reference |
//! | `variant` | one variant of two haplotypes |
//! | [`variants`] | the variants of two haplotypes, in memory |
//! | [`variant_stream`], `variant_producer` | the same as a stream, and the thread that reads it |
//! | [`nearby_variants`] | the variants around successive positions, from a stream |
//! | `record_reader` | from a VCF record to a variant of two haplotypes |
//! | [`assembly_check`] | REF of the records against the FASTA, and the verdict that it is the wrong assembly |
//! | `overlapping_records` | which records of a haplotype overlap an earlier one |
//! | [`record_status`] | per-record report: applied or skipped, with the reason |
//! | [`variant_report`] | numbers of used and skipped records, by reason |
//! | [`consensus`] | the sequence of a haplotype along a contig |
//! | [`allele_pair`](mod@allele_pair) | both sequences of one window, with the map between their coordinates |
//! | [`contig_haplotypes`] | one contig in both haplotypes |
//! | [`coordinate_map`], [`haplotype_maps`] | between coordinates of a haplotype and the reference: of a contig, of a genome |
//! | [`chain_file`] | a coordinate map as a UCSC chain file |
//! | [`sequence_alignment`] | which bases of two designed sequences correspond |
//! | [`interval_index`] | which of many intervals overlap a query |

pub mod allele_pair;
pub mod alleles;
pub mod assembly_check;
pub mod chain_file;
pub mod consensus;
pub mod contig_haplotypes;
pub mod coordinate_map;
pub mod haplotype_maps;
pub mod haplotypes;
pub mod interval_index;
pub mod nearby_variants;
mod overlapping_records;
mod record_reader;
pub mod record_status;
pub mod sequence_alignment;
mod variant;
mod variant_producer;
pub mod variant_report;
pub mod variant_stream;
pub mod variants;

pub use allele_pair::{
    allele_pair, edit_within, edited_region, edited_window, region_pair, AllelePair, Haplotype, HaplotypePiece,
    KnownBases, PiecePlace, WindowSpan,
};
pub use alleles::{Alleles, Edit};
pub use assembly_check::{AssemblyCheck, OnMismatch};
pub use chain_file::{chain, ChainDirection};
pub use consensus::Edits;
pub use contig_haplotypes::{ContigHaplotypes, ContigOptions, Masking};
pub use coordinate_map::{CoordinateMap, MapBlock};
pub use haplotype_maps::HaplotypeMaps;
pub use haplotypes::HaplotypeSource;
pub use interval_index::IntervalIndex;
pub use nearby_variants::NearbyVariants;
pub(crate) use record_reader::carried_alleles;
pub use record_status::RECORD_STATUS_HEADER;
#[cfg(test)]
pub(crate) use variant::test_variant;
pub use variant::{Variant, MISSING};
pub use variant_report::VariantReport;
pub use variant_stream::{VariantStream, VariantStreamBuilder};
pub use variants::Variants;
