//! The library behind the `deepallele` commands: alleles, reads, counts, the paired sequence model and the effects it
//! predicts. It knows no command line.
//!
//! Data flows one way; a module imports only from modules above it in this table:
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`] | the one error type |
//! | [`io`] | formats and nothing else: BAM, VCF, FASTA, regions, tables; output files that are whole or absent |
//! | [`stats`] | numbers without biology: correlation, bootstrap, calibration, ridge regression |
//! | [`genome`] | what the two alleles are: variants, haplotypes, allele pairs, coordinate maps |
//! | [`assignment`] | which haplotype a fragment belongs to |
//! | [`counts`] | count and variant tables, imbalance test, single cells, reference bias, two-genome counting |
//! | [`model`] | the paired network: architecture, windows, weights, libtorch, ONNX, incremental inference |
//! | [`training`] | data set, split, training loop, folds, baselines |
//! | [`effects`] | predicted effects of variants, predictions for regions and pairs |
//! | [`evaluation`] | how good a model is, and the controls it must pass |
//! | [`output`] | provenance, VCF INFO, tracks, IGV sessions, plots |

pub mod assignment;
mod choice;
pub mod counts;
pub mod effects;
pub mod error;
pub mod evaluation;
pub mod genome;
pub mod io;
pub mod model;
pub mod output;
pub mod stats;
pub mod training;

pub use error::{Error, Result};
