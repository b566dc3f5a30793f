//! Regions of interest, from BED, narrowPeak, count tables and gene annotation.
//!
//! | module | what it holds |
//! |---|---|
//! | [`bed`] | regions and their blocks; BED, narrowPeak and count tables |
//! | [`gtf`] | genes of SAF, GTF and GFF3: one region each, made of the blocks of its exons |
//! | `lines` | the lines of a file of regions, numbered |
//! | `attributes` | the attributes of GTF and GFF3, and the path from a feature to its gene |

mod attributes;
pub mod bed;
pub mod gtf;
mod lines;

pub use bed::{Block, Region, Regions};
pub use gtf::AnnotationOptions;
