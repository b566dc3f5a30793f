//! The test of allelic imbalance: does the share of haplotype 1 differ from the expected one?
//!
//! Everything works on a histogram of pairs of counts, so that millions of variants are cheap.
//! `docs/statistics.md` has the formulas and their sources.
//!
//! | module | what it holds |
//! |---|---|
//! | [`pairs`] | histograms and maps by pair of counts |
//! | [`beta_binomial`] | the distribution under the null hypothesis, and p-values |
//! | [`dispersion`] | variation of balanced regions beyond binomial sampling |
//! | [`shrinkage`] | the prior of the true ratios, and shrunken ratios |
//! | [`sample_test`] | the test of one sample, and q-values |
//! | [`mod@combine`] | replicates tested together |
//! | [`table`] | the test of the rows of a count table |
//! | [`variant_rows`] | the test of the records of the per-variant table |
//! | [`search`] | maximum of a function of one scale parameter |

pub mod beta_binomial;
pub mod combine;
pub mod dispersion;
pub mod pairs;
pub mod sample_test;
pub mod search;
pub mod shrinkage;
pub mod table;
pub mod variant_rows;

pub use beta_binomial::BetaBinomial;
pub use combine::{combine, Combined, Replicate};
pub use pairs::Histogram;
pub use sample_test::{ImbalanceTest, Row, Settings, Source};
pub use shrinkage::Prior;
pub use table::{test_rows, TableTest};
pub use variant_rows::TestedVariants;

pub use crate::stats::false_discovery::q_values;

#[cfg(test)]
mod tests;
