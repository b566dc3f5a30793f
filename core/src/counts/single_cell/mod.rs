//! Fragments by cell, or by any group that a tag defines.
//!
//! | module | what it holds |
//! |---|---|
//! | [`barcodes`] | groups of fragments within a sample, such as cells |
//! | [`matrix`] | sparse matrices by region and cell |
//! | [`fragments_file`] | fragments files, one for each class |
//! | `position_sort` | sorting of nearly sorted fragments by position |
//! | [`sparse_counts`] | memory-efficient counting by key |

pub mod barcodes;
pub mod fragments_file;
pub mod matrix;
mod position_sort;
pub mod sparse_counts;

pub use barcodes::{Barcodes, Groups};
pub use fragments_file::{FragmentsFiles, FragmentsSummary};
pub use matrix::{CellSummary, Cells, Feature, MatrixFolder};
