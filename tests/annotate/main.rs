//! `deepallele annotate`.

mod bad_input;
mod brute_force;
mod cases;
mod effects;
mod endings;
mod files;
mod further_cases;
mod haplotypes;
mod igv_reports;
mod other_networks;
mod regions;
mod stream;
