//! The count table and the per-variant table.
//!
//! | module | what it is about |
//! |---|---|
//! | [`bias`] | reference bias: what error-free reads of either haplotype would give |
//! | `bias_chunks`, `bias_reads`, `bias_judge` | stretches of the genome, the reads laid over one, and their classes |
//! | [`bias_table`] | its tables |
//! | [`cells`] | sparse matrices by region and cell |
//! | [`counter`] | one pass over the reads: fragments per region and variant |
//! | [`fragments_file`] | one line a fragment, by haplotype |
//! | [`gatk`] | reads by allele as GATK's ASEReadCounter counts them |
//! | [`groups`] | cells and other groups of fragments |
//! | [`imbalance`] | the test of allelic imbalance |
//! | [`pairs`] | the table of designed pairs |
//! | `position_sort` | sorting fragments by position as they come |
//! | [`region_tallies`] | fragments by region, sample and class |
//! | [`sink`] | where counting puts its results |
//! | [`table`] | the count table, written and read |
//! | [`tallies`] | counting by key in little memory |
//! | [`two_genomes`] | fragments that were aligned to the genomes of both haplotypes |
//! | [`variant_table`] | the per-variant table |
//! | [`variant_vcf`] | the same as VCF or BCF |

pub mod bias;
mod bias_chunks;
mod bias_judge;
mod bias_reads;
pub mod bias_table;
pub mod cells;
pub mod counter;
pub mod fragments_file;
pub mod gatk;
pub mod groups;
pub mod imbalance;
pub mod pairs;
mod position_sort;
pub mod region_tallies;
pub mod sink;
pub mod table;
pub mod tallies;
pub mod two_genomes;
pub mod variant_table;
pub mod variant_vcf;

pub use cells::{CellSummary, Cells, Feature, MatrixFolder};
pub use counter::{count, Counted, Counting, Summary, Tally, VariantTally};
pub use fragments_file::{ClosedFragments, FragmentsFiles, FragmentsSummary};
pub use groups::{Barcodes, Groups};
pub use region_tallies::{RegionTallies, Strandedness};
pub use sink::{Fragment, FragmentSink, VariantSink};
pub use table::{CountRow, CountTable};
pub use variant_table::{VariantRow, VariantTable};
pub use variant_vcf::VariantVcf;
