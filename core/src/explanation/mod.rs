//! Why a model predicts what it predicts: what each base of both alleles contributes, the spans that drive a prediction, and
//! the motifs they are instances of.
//!
//! | module | what it holds |
//! |---|---|
//! | [`attributions`] | what each base of both alleles contributes to a prediction |
//! | [`seqlets`] | spans of high attribution in a sequence |
//! | [`cause`] | which variant causes a measured imbalance: a posterior |
//! | [`clusters`] | seqlets that are alike, and the motif of each cluster |
//! | [`learned_motifs`] | the motifs of clusters of seqlets, and known ones that resemble them |
//! | [`hits`] | sites of motifs in both alleles, their states, and the p-value of a change |
//! | [`hit_table`] | reads the table of binding sites in both alleles |
//! | [`mechanisms`] | whether a motif explains allelic imbalance across many regions |

pub mod attributions;
pub mod cause;
pub mod clusters;
pub mod hit_table;
pub mod hits;
pub mod learned_motifs;
pub mod mechanisms;
pub mod seqlets;
