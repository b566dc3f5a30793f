//! Fragments counted by haplotype: per region, per variant, per cell, and tested for imbalance.
//!
//! | module | what it holds |
//! |---|---|
//! | [`counter`] | one pass over the reads: the class of every fragment, the counts of every variant |
//! | [`sinks`] | where the counter puts its results |
//! | [`region_counts`] | fragments by region, sample and class |
//! | [`table`] | the count table, written and read |
//! | [`variant_table`] | the per-variant table |
//! | [`variant_vcf`] | the same as VCF or BCF |
//! | [`ase_read_counter`] | reads by allele, with the rules and columns of GATK's ASEReadCounter |
//! | [`imbalance`] | the test of allelic imbalance |
//! | [`single_cell`] | matrices by region and cell, fragments files |
//! | [`mapping_bias`] | reference bias: the expected counts of an unbiased experiment |
//! | [`dual_reference`] | fragments aligned to the genomes of both haplotypes |

pub mod ase_read_counter;
pub mod counter;
pub mod dual_reference;
pub mod imbalance;
pub mod mapping_bias;
pub mod region_counts;
pub mod single_cell;
pub mod sinks;
pub mod table;
pub mod variant_table;
pub mod variant_vcf;

pub use counter::{count, Counted, Counting, Summary, Tally, VariantTally};
pub use region_counts::{RegionTallies, Strandedness};
pub use sinks::{Fragment, FragmentSink, VariantSink};
pub use table::{CountRow, CountTable};
pub use variant_table::{VariantRow, VariantTable};
pub use variant_vcf::VariantVcf;
