//! Baselines: what a model must exceed to have learned from the sequences.
//!
//! | module | what it holds |
//! |---|---|
//! | [`gc_content`] | the mean of the training windows, and their GC content |
//! | [`kmer_counts`], [`kmer_ridge`] | ridge regression on k-mer counts |
//! | `networks` | simpler networks trained on the same windows (feature `torch`) |

pub mod gc_content;
pub mod kmer_counts;
pub mod kmer_ridge;
#[cfg(feature = "torch")]
pub mod networks;
