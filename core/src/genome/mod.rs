//! What the two alleles are: reference, variants, haplotypes with their coordinate maps, regions.
//!
//! All positions are 0-based and all spans half-open, whatever the file they came from says.

pub mod alleles;
pub mod annotation;
pub mod chain;
pub mod consensus;
pub mod contig_haplotypes;
pub mod contigs;
pub mod fasta;
pub mod fates;
pub mod finder;
mod gff;
pub mod haplotype_maps;
pub mod haplotypes;
pub mod lift;
pub mod nearby_variants;
pub mod pair;
mod plain_fasta;
mod records;
pub mod reference;
pub mod regions;
pub mod report;
mod settle;
pub mod spans;
pub mod variant_stream;
pub mod variants;
mod vcf;
pub(crate) mod vcf_index;

pub use alleles::{Alleles, Edit};
pub use annotation::AnnotationOptions;
pub use chain::{chain, ChainWay};
pub use consensus::Edits;
pub use contig_haplotypes::{ContigHaplotypes, Gather, Masking};
pub use contigs::Contigs;
pub use fasta::FastaWriter;
pub use fates::FATES_HEADER;
pub use finder::Finder;
pub use haplotype_maps::HaplotypeMaps;
pub use haplotypes::HaplotypeSource;
pub use lift::{Lift, LiftBlock};
pub use nearby_variants::NearbyVariants;
pub use pair::{allele_pair, edited_region, edited_window, region_pair, AllelePair, Haplotype};
pub use reference::Reference;
pub use regions::{Block, Region, Regions};
pub use report::VariantReport;
pub use spans::Spans;
pub use variant_stream::VariantStream;
pub use variants::{Variant, Variants, MISSING};
