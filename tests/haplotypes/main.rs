//! `deepallele haplotypes`.

mod genomes;
mod pairs;
mod records;
mod simulated;
