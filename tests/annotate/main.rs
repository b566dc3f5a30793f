//! `deepallele annotate`.

mod bad_input;
mod cases;
mod effects;
mod endings;
mod files;
mod haplotypes;
mod igv_reports;
mod other_networks;
mod regions;
mod stream;
