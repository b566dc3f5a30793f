//! Binding sites in both alleles of a pair: which of them variants create, destroy, strengthen, weaken or move, and how
//! unusual such a change is.
//!
//! | module | what it holds |
//! |---|---|
//! | [`pair`] | the two alleles side by side, in the direction of the reference, with the columns in which they differ |
//! | [`instances`] | the sites of motifs in both alleles, joined, with the state of each |
//! | [`integer_scores`] | scores of a motif as integers, so that those of many placements of a change are fast and exact |
//! | [`templates`] | changes around which windows of a motif differ, and the class of each |
//! | [`background`] | sequences in which the same change is placed at random |
//! | [`change_test`] | the p-value of each change |
//! | [`concordance`] | whether a change goes with the measured ratio |
//! | [`records`] | which differences of pairs a record of a VCF makes |

pub mod background;
pub mod change_test;
pub mod concordance;
pub mod instances;
pub mod integer_scores;
pub mod pair;
pub mod records;
pub mod templates;

pub use background::{Background, Pool};
pub use change_test::{test_changes, ChangeTests, Tested};
pub use instances::{Instance, InstanceFinder, Site, State};
pub use pair::SitePair;
pub use templates::Locus;
