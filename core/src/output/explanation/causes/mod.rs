//! The posterior of variants in files: candidates from a VCF with effects, the table, and the INFO field `DA_PIP`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`candidates`] | the variants of each region with their effects, as `annotate` wrote them |
//! | [`record_effects`] | the effects in one record |
//! | [`table`] | the table of regions and variants |
//! | [`inclusion`] | the field in the VCF |

pub mod candidates;
pub mod inclusion;
pub mod record_effects;
pub mod table;

pub use candidates::{Candidate, CandidateRegion, Candidates};
