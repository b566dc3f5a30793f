//! Files of the published tool.
//!
//! | module | what it holds |
//! |---|---|
//! | [`checkpoint`] | Lightning checkpoints |
//! | [`pickle`], `pickle_machine`, `pickle_values` | the pickle inside them, read without executing anything |
//! | [`data_set`] | the layout of the published data sets |

pub mod checkpoint;
pub mod data_set;
pub mod pickle;
mod pickle_machine;
mod pickle_values;
