//! The count table and the per-variant table.
pub mod pairs;
