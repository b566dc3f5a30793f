//! Alleles, reads, counts, the paired sequence model and its effects: the library behind the `deepallele`
//! commands. It knows no command line.
//!
//! Data flows one way; a module imports only from those above it:
//!
//! | module | what it is about |
//! |---|---|
//! | [`error`], [`files`], [`vcf`] | one error type; whole files or none; streams of VCF records |
//! | [`genome`] | what the two alleles are: reference, variants, haplotypes with their coordinate maps, regions |
//! | [`reads`] | what the reads say: fragment, evidence, assignment |
//! | [`counts`] | the count table and the variant table |
//! | [`model`] | architecture, weights, network (libtorch), checkpoints, ONNX export and inference |
//! | [`training`] | dataset, split, schedule, fit, metrics, baselines |
//! | [`effects`] | effects of variants |
//! | [`output`] | provenance, VCF INFO, bedGraph, bigWig, IGV session, plots |

mod bgzf;
mod choice;
pub mod counts;
pub mod effects;
pub mod error;
pub mod files;
pub mod genome;
pub mod model;
pub mod output;
pub mod reads;
pub mod training;
pub mod vcf;

pub use error::{Error, Result};
