//! `deepallele explain`.

mod attributions;
mod bad_input;
mod hits;
mod mechanisms;
mod motifs;
mod report;
