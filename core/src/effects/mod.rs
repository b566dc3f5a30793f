//! Effects of variants on the predicted activity.
//!
//! | module | what it is about |
//! |---|---|
//! | [`regions`] | which region a variant belongs to |
//! | `variants` | log2 fold change of an alternative allele over REF (feature `onnx`) |

pub mod regions;
#[cfg(feature = "onnx")]
pub mod variants;
