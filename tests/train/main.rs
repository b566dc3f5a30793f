//! `deepallele train`.

mod folder;
mod models;
mod runs;
mod windows;
