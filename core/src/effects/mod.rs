//! What a model predicts: for regions and pairs, and for the effects of variants.
//!
//! | module | what it holds |
//! |---|---|
//! | [`regions`] | the regions that a variant lies in |
//! | `loci` | where a record lies, and which of its alleles can be predicted (feature `onnx`, as all below) |
//! | `reference_effects` | log2 fold change of an alternative allele over REF |
//! | [`null`] | an effect compared with those of the same change in shuffled sequences |
//! | `haplotype_effects` | the same in the two haplotypes of a sample, and the main variant of a region |
//! | `predictions` | both alleles of regions and of designed pairs |

#[cfg(feature = "onnx")]
pub mod haplotype_effects;
#[cfg(feature = "onnx")]
pub mod loci;
pub mod null;
#[cfg(feature = "onnx")]
pub mod predictions;
#[cfg(feature = "onnx")]
pub mod reference_effects;
pub mod regions;
