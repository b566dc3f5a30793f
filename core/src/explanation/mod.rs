//! Why a model predicts what it predicts: short spans that drive a prediction, and the motifs they are instances of.
//!
//! | module | what it holds |
//! |---|---|
//! | [`seqlets`] | spans of high attribution in a sequence |
//! | [`clusters`] | seqlets that are alike, and the motif of each cluster |
//! | [`motif_differences`] | best matches of a motif in both alleles of many pairs, and a test of their difference |

pub mod clusters;
pub mod motif_differences;
pub mod seqlets;
