//! Helpers of the end-to-end tests, and a simulator of crosses with known truth.

pub mod helpers;
pub mod simulator;

pub use helpers::*;
