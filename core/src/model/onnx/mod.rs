//! Model files in ONNX, and inference with ONNX Runtime.
//!
//! | module | what it holds |
//! |---|---|
//! | [`export`](mod@export) | a trained network as an ONNX graph with its metadata |
//! | `proto` | the messages of the ONNX format |
//! | [`initializers`] | the weights of the networks in a model file |
//! | `session` | ONNX Runtime: its library, and a graph opened once for all threads (feature `onnx`) |
//! | `predictor` | inference for allele pairs (feature `onnx`) |
//! | `ensemble` | the networks of one or several model files as one prediction (feature `onnx`) |
//! | `pair_model` | a model of either kind as one that predicts pairs (feature `onnx`) |
//! | `external` | networks made by other software, by their description (feature `onnx`) |

#[cfg(feature = "onnx")]
pub mod ensemble;
pub mod export;
#[cfg(feature = "onnx")]
pub mod external;
pub mod initializers;
#[cfg(feature = "onnx")]
pub mod pair_model;
#[cfg(feature = "onnx")]
pub mod predictor;
mod proto;
#[cfg(feature = "onnx")]
mod session;
