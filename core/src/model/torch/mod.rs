//! The paired network on libtorch.
//!
//! | module | what it holds |
//! |---|---|
//! | [`network`] | the network, arranged for speed |
//! | `layers` | the layers of the tower and the heads |
//! | `shared_stage` | the first stage of the tower, computed once where both alleles agree |
//! | `shared_windows` | where the alleles of a pair can differ after that stage |
//! | `loader` | weights onto a device |
//! | [`device`] | the processor to compute on, and its set-up |
//! | `error` | libtorch's errors as errors of this crate |

pub mod device;
mod error;
mod layers;
mod loader;
pub mod network;
mod shared_stage;
mod shared_windows;
