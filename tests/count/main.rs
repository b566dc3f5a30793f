//! `deepallele count`.

mod bad_input;
mod behaviour;
mod bias;
mod cells;
mod gatk;
mod hostile;
mod imbalance;
mod null;
mod regions;
mod samples;
mod simulated;
mod truth;
mod two_genomes;
