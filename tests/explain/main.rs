//! `deepallele explain`.

mod attributions;
mod bad_input;
mod cause;
mod hits;
mod mechanisms;
mod methods;
mod motifs;
mod report;
