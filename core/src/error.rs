//! The one error type of the library: a sentence that names the file, the place in it, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of every fallible call in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file whose content is wrong or lacks a part.
    Format,
    /// A file that ends too early.
    Truncated,
    /// An option or parameter outside its range, or options that exclude one another.
    Option,
    /// libtorch or ONNX Runtime is absent or failed.
    Engine,
    /// The operating system refused to read or write.
    Io,
    /// Inputs that are each sound but do not fit together (a sample that a header lacks, an empty set of regions).
    Mismatch,
}

/// What went wrong, worded for the person at the terminal: `Display` is one line, with the file in quotes where one is
/// concerned.
#[derive(Debug)]
#[non_exhaustive]
pub struct Error {
    kind: ErrorKind,
    file: Option<PathBuf>,
    problem: String,
    source: Option<io::Error>,
}

impl Error {
    fn new(kind: ErrorKind, file: Option<&Path>, problem: String) -> Self {
        Self { kind, file: file.map(Path::to_path_buf), problem, source: None }
    }

    /// A file with wrong content ([`ErrorKind::Format`]): `problem` names the record or line and what to do.
    pub fn input(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Format, Some(file.as_ref()), problem.into())
    }

    /// A file that ends too early ([`ErrorKind::Truncated`]).
    pub fn truncated(file: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Truncated, Some(file.as_ref()), problem.into())
    }

    /// An option or parameter that cannot be used ([`ErrorKind::Option`]).
    pub fn option(problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Option, None, problem.into())
    }

    /// An engine that is absent or failed ([`ErrorKind::Engine`]).
    pub fn engine(problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Engine, None, problem.into())
    }

    /// Inputs that do not fit together ([`ErrorKind::Mismatch`]).
    pub fn mismatch(problem: impl Into<String>) -> Self {
        Self::new(ErrorKind::Mismatch, None, problem.into())
    }

    /// A failed system call on `file` ([`ErrorKind::Io`]); `-` is standard input or output.
    pub fn io(file: impl AsRef<Path>, source: io::Error) -> Self {
        let problem = source.to_string();
        Self { source: Some(source), ..Self::new(ErrorKind::Io, Some(file.as_ref()), problem) }
    }

    /// Why the call failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file concerned, if there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The sentence without the name of the file.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// The same error about `file`, unless it names one already.
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        self.file.get_or_insert_with(|| file.as_ref().to_path_buf());
        self
    }

    /// True when the reader of the output closed the pipe, which is not a failure.
    pub fn is_broken_pipe(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "\"{}\": {}", file.display(), self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn the_sentence_names_the_file_once() {
        let error = Error::input("a b.vcf", "line 3: has no contig");
        assert_eq!(error.to_string(), "\"a b.vcf\": line 3: has no contig");
        assert_eq!((error.kind(), error.file()), (ErrorKind::Format, Some(Path::new("a b.vcf"))));
        assert_eq!(error.in_file("other").file(), Some(Path::new("a b.vcf")));
        let error = Error::mismatch("no sample x").in_file("c.vcf");
        assert_eq!((error.to_string().as_str(), error.problem()), ("\"c.vcf\": no sample x", "no sample x"));
        assert_eq!(error.kind(), ErrorKind::Mismatch);
    }

    #[test]
    fn system_calls_keep_their_source() {
        let error = Error::io("-", io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(error.is_broken_pipe() && error.source().is_some() && error.kind() == ErrorKind::Io);
        assert!(!Error::io("-", io::Error::other("x")).is_broken_pipe() && Error::option("x").source().is_none());
    }
}
