//! For tests of a command's options: lines as they are typed, without the name of the command.

use clap::{CommandFactory, Parser};

/// The arguments of `line`, split at spaces.
///
/// # Errors
/// The message of clap.
pub fn parse<A: Parser>(line: &str) -> Result<A, String> {
    A::try_parse_from(std::iter::once("command").chain(line.split_whitespace())).map_err(|e| e.to_string())
}

/// The options of a command: how they are checked after parsing.
pub struct Options<A>(fn(&A) -> anyhow::Result<()>);

impl<A: Parser + CommandFactory> Options<A> {
    /// Options with this check.
    ///
    /// # Panics
    /// When their definitions contradict one another.
    pub fn checked_by(check: fn(&A) -> anyhow::Result<()>) -> Self {
        A::command().debug_assert();
        Self(check)
    }

    /// Parse `line` and check it.
    ///
    /// # Errors
    /// The message of either.
    pub fn check(&self, line: &str) -> Result<(), String> {
        (self.0)(&parse(line)?).map_err(|e| e.to_string())
    }

    /// Each of `lines` is accepted.
    ///
    /// # Panics
    /// When one is refused.
    pub fn accept(&self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.check(line), Ok(()), "{line}");
        }
    }

    /// Each line is refused with a message that contains the words next to it.
    ///
    /// # Panics
    /// When one is accepted, or refused with another message.
    pub fn refuse(&self, lines: &[(&str, &str)]) {
        for (line, words) in lines {
            let message = self.check(line).expect_err(line);
            assert!(message.contains(words), "{line}: {message}");
        }
    }
}
