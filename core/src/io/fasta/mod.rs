//! Indexed FASTA: the reference genome, and sequences written with their index.
//!
//! | module | contents |
//! |---|---|
//! | [`reference`](mod@reference) | the reference genome, plain or BGZF |
//! | `plain` | bases of an uncompressed FASTA, read at the offset given by the index |
//! | [`writer`] | writing FASTA and its index |

mod plain;
pub mod reference;
pub mod writer;

pub use reference::Reference;
pub use writer::FastaWriter;
