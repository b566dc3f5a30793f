//! What the steps of `explain` write.
//!
//! | module | what it is about |
//! |---|---|
//! | [`base_track`] | one value for each base of many windows, as bigWig |
//! | [`attribution_folder`] | the folder of what each base contributes |
//! | [`motif_folder`] | what a model has learned, in that folder |
//! | [`causes`] | candidates from a VCF with effects; the table and the INFO field of the posterior of variants |
//! | [`logo`] | two alleles as letters, as SVG |
//! | [`motif_logo`] | motifs as letters, and in a tree, as SVG |
//! | [`hit_tables`], [`motif_info`] | the tables and INFO fields of `explain hits` |
//! | [`mechanism_tables`] | the tables of `explain mechanisms` |
//! | [`report`] | one page of what the steps of `explain` have written |

pub mod attribution_folder;
pub mod base_track;
pub mod causes;
pub mod hit_tables;
pub mod logo;
pub mod mechanism_tables;
pub mod motif_folder;
pub mod motif_info;
pub mod motif_logo;
pub mod report;
