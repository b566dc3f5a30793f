//! Training: dataset, split, schedule, fit, metrics and baselines.
//!
//! | module | what it is about |
//! |---|---|
//! | [`dataset`] | encoded allele pairs with their targets |
//! | [`split`] | train, validation and test |
//! | [`schedule`] | learning rates |
//! | [`metrics`] | agreement of measured and predicted values |
//! | [`baseline`] | what a model must beat |
//! | [`evaluate`] | the figures of a finished model beside those of the baselines |
//! | `optimiser`, `fit` | Adam and the training loop (feature `torch`) |

pub mod baseline;
pub mod dataset;
pub mod evaluate;
#[cfg(feature = "torch")]
pub mod fit;
pub mod metrics;
#[cfg(feature = "torch")]
pub mod optimiser;
#[cfg(feature = "torch")]
pub mod report;
pub mod schedule;
pub mod split;
