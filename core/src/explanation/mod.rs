//! What a model has learned of a pair of alleles: which bases make the difference, and how certain that is.
//!
//! | module | what it holds |
//! |---|---|
//! | [`attributions`] | what each base of both alleles contributes to a prediction |

#[cfg(feature = "onnx")]
pub mod attributions;
