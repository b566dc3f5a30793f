//! Reference bias: the counts that an unbiased experiment would give at each site, from how reads are aligned and
//! assigned.
//!
//! Error-free reads are simulated from the sequence of either haplotype, one for every start at which it covers a site.
//! Each is aligned to the reference as an aligner would do it ([`expected_alignment`]), or lost: where its score is too
//! low, or where another locus matches it as well as its own or better ([`multimapping`]). It is then assigned by
//! the same code that counts real reads. As many reads are simulated from either haplotype, so the assigned ones are the
//! expectation under allelic balance.
//!
//! | module | what it holds |
//! |---|---|
//! | [`outcomes`] | mapping outcomes of reads, and the bias that follows |
//! | [`summary`] | options, and totals over all sites |
//! | [`mod@simulate`] | the simulation over all sites, on several threads |
//! | `chunks` | independent parts of the genome |
//! | `simulated_reads` | the reads of both haplotypes in one chunk, and their mapping outcomes |
//! | [`expected_alignment`] | where an aligner would place a read, and with which CIGAR |
//! | [`multimapping`] | other loci that a read matches |
//! | `assigner` | assigns simulated reads with the code that counts real ones |
//! | [`table`] | the tables of the bias report |

mod assigner;
mod chunks;
pub mod expected_alignment;
pub mod multimapping;
pub mod outcomes;
pub mod simulate;
mod simulated_reads;
pub mod summary;
pub mod table;

pub use outcomes::{reference_fraction, Bias, Outcomes};
pub use simulate::simulate;
pub use summary::{BiasOptions, BiasSummary};
