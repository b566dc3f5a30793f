//! Baselines: what a model must exceed to have learned from the sequences.
//!
//! | module | what it holds |
//! |---|---|
//! | [`gc_content`] | prediction from the GC content, and the mean |
//! | [`kmer_counts`], [`kmer_ridge`] | ridge regression on k-mer counts |
//! | `networks` | simpler networks trained on the same windows (feature `torch`) |

pub mod gc_content;
pub mod kmer_counts;
pub mod kmer_ridge;
#[cfg(feature = "torch")]
pub mod networks;

use ndarray::Array2;

/// The predictions of a baseline.
pub struct BaselinePredictions {
    /// Name of the baseline.
    pub name: String,
    /// Both counts and the ratio, (rows, samples).
    pub predictions: Array2<[f32; 3]>,
}
