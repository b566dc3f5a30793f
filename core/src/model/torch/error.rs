//! libtorch's errors as errors of this crate.

use tch::TchError;

use crate::error::Error;

/// The first line of the message alone: what follows it is a C++ stack.
impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        let text = error.to_string();
        Error::engine(format!("libtorch: {}", text.lines().next().unwrap_or("unknown failure")))
    }
}
