//! Counting fragments whose reads were aligned to the genomes of both haplotypes.
//!
//! | module | what it holds |
//! |---|---|
//! | [`fragment`] | a fragment in both genomes: what was read of it, and how it is assigned |
//! | [`join`] | alignments of the same reads to two genomes, joined by name in one pass |
//! | `read_names` | keys for read names |
//! | [`alignment_score`] | the cost of an alignment under the genome that it was made with |
//! | [`liftover`] | alignments to the genome of a haplotype, in reference coordinates |
//! | `assign` | which genome the reads of a fragment fit better |
//! | [`count`](mod@count) | counting the joined fragments |

pub mod alignment_score;
mod assign;
pub mod count;
pub mod fragment;
pub mod join;
pub mod liftover;
mod read_names;
