//! Outputs for users: provenance, VCF INFO, bedGraph, bigWig, IGV session, plots.
//!
//! | module | what it is about |
//! |---|---|
//! | [`provenance`] | version and command line in a header |
//! | [`vcf_info`] | the INFO fields of predicted effects |
//! | [`table`] | how a table begins, and numbers in it |
//! | [`evaluation_table`] | the table of an evaluation |
//! | [`track`] | values along a genome, sorted and without overlaps; bedGraph |
//! | [`bigwig`] | the same as bigWig |
//! | [`explanation`] | what `explain` writes: folders, tables, letters, INFO fields, a page |
//! | [`igv`] | a session file that opens tracks and VCF in IGV |
//! | [`igv_track`] | the kind, name and colours of a file in that session |
//! | [`overview`], [`overview_plot`] | summary of a counting run, for MultiQC and as SVG |
//! | [`plot`] | scatter plots, learning curves, calibration and shares as SVG |
//! | `panel` | the set-up that charts share |
//! | `xml` | text in XML |
//! | [`tensorboard`] | event files for TensorBoard |

pub mod bigwig;
pub mod evaluation_table;
pub mod explanation;
pub mod igv;
pub mod igv_track;
pub mod overview;
pub mod overview_plot;
mod panel;
pub mod plot;
pub mod provenance;
pub mod table;
pub mod tensorboard;
pub mod track;
pub mod vcf_info;
mod xml;
