//! VCF and BCF: whole records read and written, and the genotypes of chosen samples.
//!
//! A record that is not edited is written as it was read: VCF lines stay lines and are parsed no further than their
//! first columns, BCF records stay BCF records. Only a conversion between the two goes through htslib.
//!
//! | module | contents |
//! |---|---|
//! | `format` | the output formats |
//! | `header` | the header as text and as htslib's dictionary, kept in step |
//! | `source` | an open file: opening, header, truncation, index |
//! | `index` | TBI and CSI indexes, and the records that they find |
//! | `reader` | whole records, on a `source` |
//! | `genotypes` | the genotypes of chosen samples, on a `source` |
//! | `restriction` | intervals to which reading is restricted |
//! | `record` | one record, as a line of text or as BCF |
//! | `lines` | reading lines of text, up to a limit |
//! | `kstring` | htslib's growing string |
//! | `writer` | records to a file that appears whole, or to standard output |
//! | `bcf_file` | htslib's writer of BCF |

mod bcf_file;
mod format;
pub(crate) mod genotypes;
mod header;
mod index;
mod kstring;
mod lines;
mod reader;
mod record;
mod restriction;
mod source;
mod writer;

pub use format::{IndexKind, VcfFormat};
pub use header::VcfHeader;
pub use reader::VcfReader;
pub use record::{number_in_text, InfoValue, VcfRecord};
pub use restriction::Restriction;
pub use writer::VcfWriter;
