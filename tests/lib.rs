//! Helpers of the end-to-end tests, and a simulator of crosses with known truth.

// Not published: a helper has a comment where its name does not say it all.
#![allow(missing_docs)]

pub mod helpers;
pub mod simulator;

pub use helpers::*;
