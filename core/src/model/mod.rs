//! The paired network: architecture, windows, weights, and the engines that run it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`architecture`] | the shape of a network: its kind, its sizes, the published presets |
//! | [`encode`] | bases to byte codes to one-hot |
//! | [`kmers`] | k-mer counts as additional input of the dense layer |
//! | [`window`] | which bases of a region a model sees |
//! | [`weights`] | named tensors, checked against an architecture; safetensors |
//! | [`metadata`] | what a model file says about itself |
//! | `torch` | the network on libtorch, for training (feature `torch`) |
//! | [`onnx`] | the network as an ONNX file, and inference with ONNX Runtime |
//! | `incremental` | inference that recomputes only what a variant can change (feature `onnx`) |
//! | [`published`] | published checkpoints and data sets |

pub mod architecture;
pub mod encode;
#[cfg(feature = "onnx")]
pub mod incremental;
pub mod kmers;
pub mod metadata;
pub mod onnx;
pub mod published;
#[cfg(feature = "torch")]
pub mod torch;
pub mod weights;
pub mod window;

pub use architecture::{Architecture, Kind};
pub use metadata::ModelInfo;
pub use weights::{Tensor, Weights};
