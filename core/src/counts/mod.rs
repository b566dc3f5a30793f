//! Fragments counted by haplotype: per region, variant and cell, with a test of allelic imbalance.
//!
//! | module | what it holds |
//! |---|---|
//! | [`counter`] | one pass over the reads: the class of every fragment, the counts of every variant |
//! | [`tally`] | fragments by class, and by allele at a variant |
//! | [`sinks`] | the traits of what receives fragments and variant counts |
//! | [`summary`] | alignments read and excluded, fragments counted |
//! | [`region_counts`] | fragments by region, sample and class; variants by region |
//! | [`table`] | the count table, written and read |
//! | [`variant_table`] | the per-variant table |
//! | [`variant_vcf`] | counts per variant as VCF or BCF |
//! | [`ase_read_counter`] | reads by allele, with the rules and columns of GATK's ASEReadCounter |
//! | [`imbalance`] | the test of allelic imbalance |
//! | [`sample_rows`] | the rows of one sample of a count table by their place |
//! | [`single_cell`] | matrices by region and cell, fragments files |
//! | [`mapping_bias`] | reference bias: the expected counts of an unbiased experiment |
//! | [`dual_reference`] | fragments aligned to the genomes of both haplotypes |

pub mod ase_read_counter;
pub mod counter;
pub mod dual_reference;
pub mod imbalance;
pub mod mapping_bias;
pub mod region_counts;
pub mod sample_rows;
pub mod single_cell;
pub mod sinks;
pub mod summary;
pub mod table;
pub mod tally;
pub mod variant_table;
pub mod variant_vcf;

pub use counter::{count, Counted, Counting};
pub use region_counts::{RegionTallies, Strandedness};
pub use sinks::{Fragment, FragmentSink, VariantSink};
pub use summary::Summary;
pub use table::{CountRow, CountTable};
pub use tally::{Tally, VariantTally};
pub use variant_table::{VariantRow, VariantTable};
pub use variant_vcf::VariantVcf;
