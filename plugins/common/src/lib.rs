//! What the `deepallele` commands share; nothing of what they compute.
//!
//! | module | subject |
//! |---|---|
//! | [`run`] | the wrapper around `main`: messages, exit codes, closed pipes, `--help` |
//! | [`options`] | groups of options to flatten into a command's arguments |
//! | [`bigwig`] | a track as bigWig, where there is anything to write |
//! | [`files`] | whether the outputs of a run can be written, without loss of an input or of each other |
//! | [`models`] | options that name models, and opening them |
//! | [`interrupt`] | Ctrl-C: ends a command, or asks it to end |
//! | [`interval`] | `chr:from-to` and interval files of `-r -R -t -T` |
//! | `pages` | man page and completion scripts, by a hidden argument of every command |
//! | [`progress`] | a progress bar on a terminal, a log line now and then elsewhere |
//! | [`testing`] | for tests of a command's options |
//! | [`windows`] | options of windows, and the regions that they lie in |
//! | `usage_error` | the error of options that do not fit together |

pub mod bigwig;
pub mod files;
pub mod interrupt;
pub mod interval;
pub mod models;
pub mod options;
mod pages;
pub mod progress;
pub mod run;
pub mod testing;
mod usage_error;
pub mod windows;

pub use bigwig::write_bigwig;
pub use deepallele_core::io::file_identity::{Indexed, RunFiles};
pub use files::check_files;
pub use interrupt::Interrupt;
#[cfg(feature = "onnx")]
pub use models::{is_description, open_ensemble, open_model, open_sequence_model};
pub use models::{read_model, ModelArgs};
pub use options::{
    input_or_stdin, one_stdin, provenance_of_run, write_table, GenomeArgs, HaplotypeArgs, MessageArgs, OutputArgs,
    ProvenanceArgs, RestrictArgs, ThreadArgs, TrackArgs, VcfOutputArgs,
};
pub use progress::Progress;
pub use run::run_main;
pub use usage_error::{usage, UsageError};
pub use windows::{read_regions, report_windows, AnchorArgs};
