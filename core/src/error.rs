//! The one error type of the library: a sentence that names the file, the place in it, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Result of every fallible call in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, worded for the person at the terminal (one line, no debug output).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file whose content is wrong or missing a part. `problem` names the record or line where there is one.
    #[error("\"{}\": {problem}", file.display())]
    Input { file: PathBuf, problem: String },

    /// The operating system refused to read or write. `file` is `-` for standard input and output.
    #[error("\"{}\": {source}", file.display())]
    Io {
        file: PathBuf,
        #[source]
        source: io::Error,
    },

    /// libtorch or ONNX Runtime is absent or failed.
    #[error("{0}")]
    Engine(String),

    /// Inputs that are each sound but do not fit together (a sample not in a header, an empty region set).
    #[error("{0}")]
    Mismatch(String),
}

impl Error {
    /// A wrong file: `problem` says where in it and what to do.
    pub fn input(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Error::Input { file: file.as_ref().to_path_buf(), problem: problem.into() }
    }

    /// A failed system call on `file`.
    pub fn io(file: impl AsRef<Path>, source: io::Error) -> Self {
        Error::Io { file: file.as_ref().to_path_buf(), source }
    }

    /// True when the reader of our output went away, which is no failure of ours.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}
