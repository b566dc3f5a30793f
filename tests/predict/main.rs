//! `deepallele predict`.

mod regions;
mod tracks;
