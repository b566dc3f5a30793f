//! What the `deepallele` commands share, and nothing of what they compute:
//!
//! | module | what it is about |
//! |---|---|
//! | [`run`] | the wrapper around `main`: messages, exit codes, closed pipes |
//! | [`options`] | groups of options to flatten into a command's arguments |
//! | [`interrupt`] | Ctrl-C as the end, or as a question |
//! | [`interval`] | `chr:from-to` and interval files of `-r -R -t -T` |
//! | `pages` | man page and completion scripts, by a hidden argument of every command |
//! | [`windows`] | options of windows, and the regions that they lie in |
//! | [`progress`] | a bar on a terminal, a line now and then elsewhere |

pub mod interrupt;
pub mod interval;
pub mod options;
mod pages;
pub mod progress;
pub mod run;
pub mod windows;

pub use interrupt::Interrupt;
pub use options::{
    input_or_stdin, one_stdin, provenance_of_run, GenomeArgs, HaplotypeArgs, MessageArgs, ModelArgs, OutputArgs,
    ProvenanceArgs, RestrictArgs, ThreadArgs, Uninformative, VcfOutputArgs,
};
#[cfg(feature = "onnx")]
pub use options::{open_model, open_sequence_model};
pub use progress::Progress;
pub use run::{run_main, usage, UsageError};
pub use windows::{read_regions, report_windows, AnchorArgs};
