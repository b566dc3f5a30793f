//! `deepallele import` and `deepallele export`.

mod checkpoints;
mod data_sets;
