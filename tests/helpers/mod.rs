//! What the tests share, by subject. Fixtures of one subject are modules of their own; all else is at the top.

pub mod cells;
pub mod edits;
pub mod spliced;

mod bcftools;
mod commands;
mod data;
mod files;
mod kid;
mod networks;
mod numbers;
mod outcomes;
mod programs;
mod tables;

pub use bcftools::*;
pub use commands::*;
pub use data::*;
pub use files::*;
pub use kid::*;
pub use networks::*;
pub use numbers::*;
pub use outcomes::*;
pub use programs::*;
pub use tables::*;
