//! The paired network: architecture, weights, checkpoints, ONNX export and inference.
//!
//! | module | what it is about |
//! |---|---|
//! | [`encode`] | bases to byte codes to one-hot |
//! | [`config`] | the shape of a network: its kind, its sizes, the published presets |
//! | [`kmers`] | counts of k-mers, which the dense layer may see beside the tower |
//! | [`weights`] | named tensors, checked against an architecture; safetensors |
//! | [`info`] | what a model file says about itself |
//! | [`onnx`] | the network as an ONNX file |
//! | `predictor` | inference with ONNX Runtime (feature `onnx`) |
//! | `local` | pairs of windows that differ in a few places: only what the places reach is computed (feature `onnx`) |
//! | `sequence_model` | other networks, which read one sequence, by their description (feature `onnx`) |
//! | `sequence_outputs` | what of their outputs is the activity (feature `onnx`) |
//! | `ensemble` | what the networks of one or several files say about the same pairs (feature `onnx`) |
//! | [`onnx_weights`] | the networks inside a model file |
//! | [`published`] | the layout of the published data sets |
//! | [`pickle`], [`checkpoint`] | published Lightning checkpoints, read without executing anything |

pub mod checkpoint;
pub mod config;
pub mod encode;
#[cfg(feature = "onnx")]
pub mod ensemble;
pub mod info;
pub mod kmers;
#[cfg(feature = "onnx")]
pub mod local;
pub mod onnx;
mod onnx_proto;
pub mod onnx_weights;
pub mod pickle;
mod pickle_machine;
#[cfg(feature = "onnx")]
pub mod predictor;
pub mod published;
#[cfg(feature = "onnx")]
pub mod sequence_model;
#[cfg(feature = "onnx")]
pub mod sequence_outputs;
#[cfg(feature = "onnx")]
mod sessions;
pub mod weights;

pub use config::{Architecture, Kind};
pub use info::ModelInfo;
pub use weights::{Tensor, Weights};

#[cfg(feature = "torch")]
pub mod device;
#[cfg(feature = "torch")]
mod layers;
#[cfg(feature = "torch")]
pub mod network;
#[cfg(feature = "torch")]
mod shared_stage;
#[cfg(feature = "torch")]
mod shared_windows;
