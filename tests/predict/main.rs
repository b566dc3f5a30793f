//! `deepallele predict`.

mod other_networks;
mod regions;
mod tracks;
