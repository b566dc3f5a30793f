//! Regions of interest, from BED, narrowPeak, count tables and gene annotation.
//!
//! | module | what it holds |
//! |---|---|
//! | [`anchor`] | the base around which a model's window lies: summit, middle or TSS |
//! | [`bed`] | regions and their blocks; BED, narrowPeak and count tables |
//! | [`gtf`] | genes of SAF, GTF and GFF3: one region each, made of the blocks of its exons |
//! | `canonical` | transcription start sites of genes and of their canonical transcripts |
//! | [`left_out`] | lines that do not fit the contigs |
//! | `lines` | the lines of a file of regions, numbered |
//! | `attributes` | the attributes of GTF and GFF3, and the path from a feature to its gene |

pub mod anchor;
mod attributes;
pub mod bed;
mod canonical;
pub mod gtf;
pub mod left_out;
mod lines;

pub use anchor::{Anchor, TssSource};
pub use bed::{Block, Region, Regions};
pub use gtf::AnnotationOptions;
pub use left_out::LeftOut;
