//! VCF and BCF as streams of whole records, in and out: plumbing beside [`crate::files`].
//!
//! A record that nobody edits leaves as it came: VCF lines stay lines and are never parsed further than their
//! first columns, BCF records stay BCF records. Only a change between the two goes through htslib's conversion.

mod format;
mod header;
mod reader;
mod record;
mod writer;

pub use format::{IndexKind, VcfFormat};
pub use header::VcfHeader;
pub use reader::{Restriction, VcfReader};
pub use record::{number_in_text, InfoValue, VcfRecord};
pub use writer::{ClosedVcf, VcfWriter};
