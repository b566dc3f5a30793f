//! Training: dataset, split, schedule, fit, metrics and baselines.
//!
//! | module | what it is about |
//! |---|---|
//! | [`dataset`] | encoded allele pairs with their targets |
//! | [`split`] | train, validation and test |
//! | [`schedule`] | learning rates |
//! | [`metrics`] | agreement of measured and predicted values |
//! | [`baseline`] | what a model must beat |
//! | [`kmers`], [`kmer_ridge`], [`shifted_solve`] | ridge regression on k-mer counts, the linear reference |
//! | [`paired`], [`bootstrap`] | agreement under resampling, and its intervals |
//! | [`direction`] | right signs, calibration by deciles |
//! | [`ceiling`] | what noise leaves for a perfect model to reach |
//! | [`evaluate`] | the figures of a finished model beside those of the baselines |
//! | `optimiser`, `fit` | Adam and the training loop (feature `torch`) |

pub mod baseline;
pub mod bootstrap;
pub mod ceiling;
pub mod dataset;
pub mod direction;
pub mod evaluate;
#[cfg(feature = "torch")]
pub mod fit;
pub mod kmer_ridge;
pub mod kmers;
pub mod metrics;
#[cfg(feature = "torch")]
pub mod optimiser;
pub mod paired;
#[cfg(feature = "torch")]
pub mod report;
pub mod schedule;
pub mod shifted_solve;
pub mod split;
