//! `deepallele train`.

mod models;
mod runs;
mod windows;
