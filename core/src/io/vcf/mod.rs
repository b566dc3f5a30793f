//! VCF and BCF: streams of whole records, in and out, and the genotypes of chosen samples.
//!
//! A record that is not edited is written as it was read: VCF lines stay lines and are parsed no further than their
//! first columns, BCF records stay BCF records. Only a conversion between the two goes through htslib.
//!
//! | module | what it holds |
//! |---|---|
//! | `format` | the output formats |
//! | `header` | the header as text and as htslib's dictionary, kept in step |
//! | `reader` | records one by one, from the start or by the index |
//! | `record` | one record, as a line of text or as BCF |
//! | `genotypes` | the genotypes of chosen samples |
//! | `index` | TBI and CSI indexes |
//! | `writer` | records to a file that appears whole, or to standard output |

mod format;
pub(crate) mod genotypes;
mod header;
pub(crate) mod index;
mod reader;
mod record;
mod writer;

pub use format::{IndexKind, VcfFormat};
pub use header::VcfHeader;
pub use reader::{Restriction, VcfReader};
pub use record::{number_in_text, InfoValue, VcfRecord};
pub use writer::{ClosedVcf, VcfWriter};
