//! Outputs for users: provenance, VCF INFO, bedGraph, bigWig, IGV session, plots.
//!
//! | module | what it is about |
//! |---|---|
//! | [`provenance`] | version and command line in a header |
//! | [`vcf_info`] | the INFO fields of predicted effects |
//! | [`table`] | numbers in tables |
//! | [`evaluation_table`] | the table of an evaluation |
//! | [`track`] | values along a genome, sorted and without overlaps; bedGraph |
//! | [`bigwig`] | the same as bigWig |
//! | [`base_track`] | one value for each base of many windows, as bigWig |
//! | [`attribution_folder`] | the folder of what each base contributes |
//! | [`motif_folder`] | what a model has learned, in that folder |
//! | [`causes`] | candidates from a VCF with effects; the table and the INFO field of the posterior of variants |
//! | [`logo`] | two alleles as letters, as SVG |
//! | [`motif_logo`] | motifs as letters, and in a tree, as SVG |
//! | [`igv`] | a session file that opens tracks and VCF in IGV |
//! | [`igv_track`] | the kind, name and colours of a file in that session |
//! | [`hit_tables`], [`motif_info`] | the tables and INFO fields of `explain hits` |
//! | [`mechanism_tables`] | the tables of `explain mechanisms` |
//! | [`report`] | one page of what the steps of `explain` have written |
//! | [`overview`], [`overview_plot`] | summary of a counting run, for MultiQC and as SVG |
//! | [`plot`] | scatter plots, learning curves, calibration and shares as SVG |
//! | `panel` | the set-up that charts share |
//! | `xml` | text in XML |
//! | [`tensorboard`] | event files for TensorBoard |

pub mod attribution_folder;
pub mod base_track;
pub mod bigwig;
pub mod causes;
pub mod evaluation_table;
pub mod hit_tables;
pub mod igv;
pub mod igv_track;
pub mod logo;
pub mod mechanism_tables;
pub mod motif_folder;
pub mod motif_info;
pub mod motif_logo;
pub mod overview;
pub mod overview_plot;
mod panel;
pub mod plot;
pub mod provenance;
pub mod report;
pub mod table;
pub mod tensorboard;
pub mod track;
pub mod vcf_info;
mod xml;
