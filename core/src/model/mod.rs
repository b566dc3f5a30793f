//! The paired network: architecture, windows, weights, and the engines that run it.
//!
//! n windows of L bases are an array of byte codes (n, L) ([`encode`]); predictions of several quantities per window
//! are arrays, too.
//!
//! | module | what it holds |
//! |---|---|
//! | [`architecture`] | the sizes of a network, the published presets, the tensors it needs |
//! | [`encode`] | bases to byte codes, byte codes to one-hot |
//! | [`kmers`] | k-mer counts as additional input of the dense layer |
//! | [`window`] | which bases of a region a model sees |
//! | [`weights`] | named tensors, checked against an architecture; safetensors |
//! | [`metadata`] | the metadata of a model file |
//! | `torch` | the network on libtorch, for training (feature `torch`) |
//! | [`onnx`] | the network as an ONNX file, and inference with ONNX Runtime |
//! | `backward` | derivatives and DeepLIFT multipliers of the input (feature `onnx`) |
//! | `incremental` | inference that recomputes only what a variant can change (feature `onnx`) |
//! | [`published`] | published checkpoints and data sets |

pub mod architecture;
#[cfg(feature = "onnx")]
pub mod backward;
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
