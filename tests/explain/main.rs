//! `deepallele explain`.

mod attributions;
mod bad_input;
