//! The count table and the per-variant table.
//!
//! | module | what it is about |
//! |---|---|
//! | [`counter`] | one pass over the reads: fragments per region and variant |
//! | [`pairs`] | the table of designed pairs |
//! | [`sink`] | where counting puts its results |
//! | [`table`] | the count table, written and read |
//! | [`variant_table`] | the per-variant table |

pub mod counter;
pub mod pairs;
pub mod sink;
pub mod table;
pub mod variant_table;

pub use counter::{count, Counted, Summary, Tally, VariantTally};
pub use sink::{Fragment, FragmentSink, VariantSink};
pub use table::{CountRow, CountTable};
pub use variant_table::write_variants;
