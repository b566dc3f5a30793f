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
//! | [`options`] | what can be chosen about a run |
//! | [`estimate`] | the memory a run will need |
//! | `device_data` | a dataset on the network's device, augmentation (feature `torch`, as all below) |
//! | `loss`, `likelihood` | what is made small: squared errors, the likelihood of counts |
//! | `start`, `average` | where training begins, and the moving average of its steps |
//! | `optimiser`, `fit` | Adam and the training loop |
//! | `state` | a run saved so that it can go on |
//! | `runs` | the folds and seeds of one training |
//! | `rivals` | what a model is reported beside |

#[cfg(feature = "torch")]
pub mod average;
pub mod baseline;
pub mod bootstrap;
pub mod ceiling;
pub mod dataset;
#[cfg(feature = "torch")]
pub mod device_data;
pub mod direction;
pub mod estimate;
pub mod evaluate;
#[cfg(feature = "torch")]
pub mod fit;
pub mod kmer_ridge;
pub mod kmers;
#[cfg(feature = "torch")]
pub mod likelihood;
#[cfg(feature = "torch")]
pub mod loss;
pub mod metrics;
#[cfg(feature = "torch")]
pub mod optimiser;
pub mod options;
pub mod paired;
#[cfg(feature = "torch")]
pub mod report;
#[cfg(feature = "torch")]
pub mod rivals;
#[cfg(feature = "torch")]
pub mod runs;
pub mod schedule;
pub mod shifted_solve;
pub mod split;
#[cfg(feature = "torch")]
pub mod start;
#[cfg(feature = "torch")]
pub mod state;
