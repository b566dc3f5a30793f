//! `deepallele train`.

mod models;
mod runs;
