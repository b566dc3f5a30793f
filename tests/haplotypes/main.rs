//! `deepallele haplotypes`.

mod genomes;
mod simulated;
