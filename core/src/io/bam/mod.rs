//! BAM, CRAM and SAM: read in order of position, with a check that the file is complete; BAM written.
//!
//! | module | contents |
//! |---|---|
//! | [`reader`] | alignments in order of position, and the check that the file is complete |
//! | [`merge`] | several alignment files read as one |
//! | [`tags`] | optional fields of an alignment |
//! | [`read_groups`] | the sample of each read group |
//! | [`watch`] | notices that reading a damaged file makes no progress |
//! | [`writer`] | writing BAM |

pub mod merge;
pub mod read_groups;
pub mod reader;
pub mod tags;
#[cfg(test)]
pub(crate) mod test_reads;
pub mod watch;
pub mod writer;

pub use merge::MergedAlignments;
pub use read_groups::ReadGroups;
pub use reader::{Alignment, Alignments};
pub use tags::Tag;
