//! Training: data set, split, training loop, folds and baselines.
//!
//! | module | what it holds |
//! |---|---|
//! | [`dataset`] | encoded allele pairs with their targets |
//! | [`values`] | external measurements joined to regions by name |
//! | [`split`] | training, validation and test sets |
//! | [`options`] | the options of a run |
//! | [`schedule`] | learning rates |
//! | [`memory`](mod@memory) | the memory that a run needs |
//! | [`folder_lock`] | one training at a time in a folder |
//! | [`held_out`] | metrics of a trained model on held-out windows, and of simple baselines |
//! | [`baselines`] | simpler models trained on the same windows |
//! | `device_data` | a data set on the network's device, augmentation (feature `torch`, as all of the following) |
//! | `loss`, `likelihood` | loss functions: squared errors, the likelihood of counts |
//! | `bias_init`, `ema` | initial bias of the count heads, exponential moving average of the weights |
//! | `optimiser`, `fit`, `epoch_metrics` | Adam, the training loop, the metrics of an epoch |
//! | `snapshot` | a run saved so that it can be resumed |
//! | `folds` | the folds and seeds of one training |
//! | `report` | the files of a run: metrics, summary, predictions |

pub mod baselines;
#[cfg(feature = "torch")]
pub mod bias_init;
pub mod dataset;
#[cfg(feature = "torch")]
pub mod device_data;
#[cfg(feature = "torch")]
pub mod ema;
#[cfg(feature = "torch")]
pub mod epoch_metrics;
#[cfg(feature = "torch")]
pub mod fit;
pub mod folder_lock;
#[cfg(feature = "torch")]
pub mod folds;
pub mod held_out;
#[cfg(feature = "torch")]
pub mod likelihood;
#[cfg(feature = "torch")]
pub mod loss;
pub mod memory;
#[cfg(feature = "torch")]
pub mod optimiser;
pub mod options;
#[cfg(feature = "torch")]
pub mod report;
pub mod schedule;
#[cfg(feature = "torch")]
pub mod snapshot;
pub mod split;
pub mod values;
