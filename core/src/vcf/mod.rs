//! VCF and BCF as streams of whole records, in and out: plumbing beside [`crate::files`].

mod format;

pub use format::{IndexKind, VcfFormat};
