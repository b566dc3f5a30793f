//! What the two alleles are: variants, haplotypes with their coordinate maps, allele pairs.
//!
//! All positions are 0-based and all spans half-open, whatever the convention of the file they came from.
//!
//! | module | what it holds |
//! |---|---|
//! | [`haplotypes`] | how users name a haplotype: the reference, an inbred strain, one side of a phased sample |
//! | [`alleles`] | the alleles of a record, and the edit that one of them makes to the reference |
//! | [`variants`] | the variants of two haplotypes, in memory |
//! | [`variant_stream`] | the same as a stream |
//! | [`nearby_variants`] | the variants around one position after the other, of a stream |
//! | `record_reader` | from a VCF record to a variant of two haplotypes |
//! | `overlapping_records` | which records of a haplotype overlap an earlier one |
//! | [`record_status`] | per-record report: applied or skipped, with the reason |
//! | [`variant_report`] | the same in numbers |
//! | [`consensus`] | the sequence of a haplotype along a contig |
//! | [`allele_pair`](mod@allele_pair) | both sequences of one window, with the map between their coordinates |
//! | [`contig_haplotypes`] | one contig in both haplotypes |
//! | [`coordinate_map`], [`haplotype_maps`] | between coordinates of a haplotype and the reference: a contig, a genome |
//! | [`chain_file`] | the same as a UCSC chain file |
//! | [`interval_index`] | overlap queries in any order |

pub mod allele_pair;
pub mod alleles;
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
pub mod variant_report;
pub mod variant_stream;
pub mod variants;

pub use allele_pair::{
    allele_pair, edit_within, edited_region, edited_window, region_pair, AllelePair, Haplotype, WindowSpan,
};
pub use alleles::{Alleles, Edit};
pub use chain_file::{chain, ChainWay};
pub use consensus::Edits;
pub use contig_haplotypes::{ContigHaplotypes, Gather, Masking};
pub use coordinate_map::{Lift, LiftBlock};
pub use haplotype_maps::HaplotypeMaps;
pub use haplotypes::HaplotypeSource;
pub use interval_index::Finder;
pub use nearby_variants::NearbyVariants;
pub use record_status::FATES_HEADER;
pub use variant_report::VariantReport;
pub use variant_stream::VariantStream;
pub use variants::{Variant, Variants, MISSING};
