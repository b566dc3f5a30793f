//! `deepallele explain`.

mod attributions;
mod bad_input;
mod cause;
mod mechanisms;
