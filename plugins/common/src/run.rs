//! The wrapper around every command's `main`.

use std::fmt;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{CommandFactory, FromArgMatches};
use deepallele_core::error::Error;

use crate::{interrupt, pages};

/// A wrong combination of options, found after parsing. Exit code 2, as for one that clap finds.
#[derive(Debug)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A usage error that says `message`.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    UsageError(message.into()).into()
}

static NAME: OnceLock<&'static str> = OnceLock::new();

/// `deepallele count`, as it stands before every message.
pub(crate) fn command_name() -> String {
    match NAME.get() {
        Some(name) => format!("deepallele {name}"),
        None => "deepallele".to_owned(),
    }
}

/// Parse the arguments, run the command, and turn what happens into one line on stderr and an exit code:
/// 0 done (or the reader of our output went away), 1 failed, 2 used wrongly.
///
/// `name` is the command's own name, such as `count`.
pub fn run_main<A>(name: &'static str, run: impl FnOnce(A) -> anyhow::Result<()>) -> ExitCode
where
    A: CommandFactory + FromArgMatches,
{
    let _ = NAME.set(name);
    // Rust starts with SIGPIPE ignored, so that a closed pipe comes back as an error we can tell from others.
    silence_htslib();
    panic::set_hook(Box::new(report_panic));

    let command = A::command()
        .name("deepallele")
        .bin_name(format!("deepallele {name}"))
        .version(env!("CARGO_PKG_VERSION"))
        .max_term_width(110);
    if let Some(folder) = pages::asked_for(std::env::args_os().skip(1)) {
        return ended(folder.and_then(|folder| pages::write(name, command, &folder)));
    }
    let matches = command.clone().get_matches();
    let quiet = matches!(matches.try_get_one::<bool>("quiet"), Ok(Some(true)));
    start_log(quiet);
    let arguments = match A::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.format(&mut command.clone()).exit(),
    };

    interrupt::tidy_up_at_the_end();
    // The hook has spoken already; a panic must still end as any other failure does.
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| run(arguments)));
    outcome.map_or(ExitCode::FAILURE, ended)
}

/// Say what went wrong, if anything did, and give the exit code for it.
fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if is_broken_pipe(&error) {
        return ExitCode::SUCCESS;
    }
    crate::progress::clear();
    let _ = writeln!(io::stderr(), "{}: {}", command_name(), one_line(&error));
    if error.is::<UsageError>() {
        return ExitCode::from(2);
    }
    ExitCode::FAILURE
}

/// The whole chain of causes on one line, without saying the same twice.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.contains(&text) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}

/// True when somewhere below, a write failed because nobody reads any more.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<Error>().is_some_and(Error::is_broken_pipe)
            || cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    })
}

fn report_panic(info: &panic::PanicHookInfo<'_>) {
    let text = match info.payload().downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => info.payload().downcast_ref::<String>().cloned().unwrap_or_else(|| "unknown".into()),
    };
    let place = info.location().map(|l| format!(" ({}:{})", l.file(), l.line())).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let _ = writeln!(io::stderr(), "{}: internal error, please report it: {text}{place}", command_name());
}

fn silence_htslib() {
    // htslib writes its own warnings to stderr; ours name the file and what to do.
    deepallele_core::io::silence_htslib();
}

fn start_log(quiet: bool) {
    let fallback = if quiet { "error" } else { "info" };
    let _ = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(fallback))
        .format(|out, record| {
            let mark = match record.level() {
                log::Level::Error => "error: ",
                log::Level::Warn => "warning: ",
                _ => "",
            };
            writeln!(out, "{}: {mark}{}", command_name(), record.args())
        })
        .target(env_logger::Target::Pipe(Box::new(crate::progress::LogPipe)))
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn causes_are_joined_on_one_line_and_not_repeated() {
        let inner = io::Error::other("no space\nleft");
        let error = anyhow::Error::from(Error::io("x.tsv", inner)).context("cannot write");
        assert_eq!(one_line(&error), "cannot write: \"x.tsv\": no space left");
    }

    #[test]
    fn a_closed_pipe_is_recognised_at_any_depth() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(pipe())));
        let nested: anyhow::Result<()> = Err(Error::io("-", pipe())).context("writing the table");
        assert!(is_broken_pipe(&nested.unwrap_err()));
        assert!(!is_broken_pipe(&anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull))));
    }
}
