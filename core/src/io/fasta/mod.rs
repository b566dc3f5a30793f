//! Indexed FASTA: the reference genome, and sequences written with their index.
//!
//! | module | what it holds |
//! |---|---|
//! | [`reference`] | the reference genome, plain or BGZF |
//! | `plain` | bases of a plain FASTA, read at the offset that its index gives |
//! | [`writer`] | writing FASTA and its index |

mod plain;
pub mod reference;
pub mod writer;

pub use reference::Reference;
pub use writer::FastaWriter;
