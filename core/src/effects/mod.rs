//! What a model says: predictions for regions and pairs, and the effects of variants.
//!
//! | module | what it is about |
//! |---|---|
//! | [`regions`] | which region a variant belongs to |
//! | `sites` | where a record lies, and which of its alleles can be predicted (feature `onnx`) |
//! | `variants` | log2 fold change of an alternative allele over REF (feature `onnx`) |
//! | `backgrounds` | the same in the two haplotypes of a sample, and the main variant of a region (feature `onnx`) |
//! | `windows` | both alleles of regions and of designed pairs (feature `onnx`) |
//! | [`evaluation`] | how good a model is, and the controls it must pass |
//! | `compare` | predictions beside measured counts (feature `onnx`) |

#[cfg(feature = "onnx")]
pub mod backgrounds;
#[cfg(feature = "onnx")]
pub mod compare;
pub mod evaluation;
pub mod regions;
#[cfg(feature = "onnx")]
pub mod sites;
#[cfg(feature = "onnx")]
pub mod variants;
#[cfg(feature = "onnx")]
pub mod windows;
