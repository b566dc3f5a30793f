//! What users look at: provenance, VCF INFO, bedGraph, bigWig, IGV session, plots.
//!
//! | module | what it is about |
//! |---|---|
//! | [`provenance`] | version and command line in a header |
//! | [`vcf_info`] | the INFO fields of predicted effects |
//! | [`table`] | numbers in tables |
//! | [`evaluation_table`] | the figures of an evaluation |
//! | [`track`] | values along a genome, sorted and without overlaps; bedGraph |
//! | [`bigwig`] | the same as bigWig |
//! | [`igv`] | a session file that opens tracks and VCF in IGV |
//! | [`igv_file`] | how a file of the user's own looks in that session |
//! | [`overview`] | an account of a run of counting, as SVG and for MultiQC |
//! | [`plot`] | scatter plots and learning curves as SVG |
//! | [`tensorboard`] | event files for TensorBoard |

pub mod bigwig;
pub mod evaluation_table;
pub mod igv;
pub mod igv_file;
pub mod overview;
mod overview_plot;
pub mod plot;
pub mod provenance;
pub mod table;
pub mod tensorboard;
pub mod track;
pub mod vcf_info;
