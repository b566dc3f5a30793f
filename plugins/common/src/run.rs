//! The wrapper around every command's `main`.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};
use deepallele_core::error::Error;
use deepallele_core::io::output_file::standard_output_is_closed;

use crate::usage_error::UsageError;
use crate::{interrupt, pages};

/// Hidden first argument: print the line about the command that `deepallele --help` shows, after its place in the list.
const ABOUT_LINE: &str = "--about-line";

static NAME: OnceLock<&'static str> = OnceLock::new();

/// Whether the program was started with a closed standard output (`>&-`). The standard library opens /dev/null in its
/// place before `main`, so that this is asked earlier, by the loader.
static NO_STANDARD_OUTPUT: AtomicBool = AtomicBool::new(false);

#[used]
#[cfg_attr(target_os = "macos", link_section = "__DATA,__mod_init_func")]
#[cfg_attr(not(target_os = "macos"), link_section = ".init_array")]
static AT_START: extern "C" fn() = {
    extern "C" fn look_at_standard_output() {
        // SAFETY: a query, which fails for a number that is not open.
        let closed = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } < 0;
        NO_STANDARD_OUTPUT.store(closed, Ordering::Relaxed);
    }
    look_at_standard_output
};

/// Whether the program was started with a closed standard output.
pub fn standard_output_was_closed() -> bool {
    NO_STANDARD_OUTPUT.load(Ordering::Relaxed)
}

/// `deepallele count`: how every message begins.
pub(crate) fn command_name() -> String {
    match NAME.get() {
        Some(name) => format!("deepallele {name}"),
        None => "deepallele".to_owned(),
    }
}

/// Parse the arguments, run the command, and report a failure by one line on stderr and the exit code: 0 done (or the
/// reader of the output closed the pipe), 1 failed, 2 used wrongly.
///
/// `name` is the command's own name, such as `count`. `A` has the line about the command (its first line of
/// documentation), its place in the list of commands (`display_order`) and examples (`after_help`), which `--help` shows
/// as they are.
pub fn run_main<A>(name: &'static str, run: impl FnOnce(A) -> anyhow::Result<()>) -> ExitCode
where
    A: CommandFactory + FromArgMatches,
{
    let _ = NAME.set(name);
    // Rust starts with SIGPIPE ignored: a closed pipe is an error like others, which `ended` recognises.
    // htslib writes its own warnings to stderr; ours name the file and what to do.
    deepallele_core::io::silence_htslib();
    deepallele_core::io::bam::watch::end_by(|error| interrupt::end_with(&format!("{}: {error}", command_name())));
    if standard_output_was_closed() {
        standard_output_is_closed();
    }
    panic::set_hook(Box::new(report_panic));

    let command = command_line::<A>(name);
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == OsStr::new(ABOUT_LINE)) {
        return ended(write!(io::stdout(), "{}", about_line(&command)).map_err(Into::into));
    }
    if let Some(folder) = pages::requested(arguments) {
        return ended(folder.and_then(|folder| pages::write(name, command, &folder)));
    }
    let command = with_examples(command);
    let matches = command.clone().get_matches();
    // The option is that of the step, where a command has steps.
    let step = matches.subcommand().map_or(&matches, |(_, step)| step);
    let quiet = matches!(step.try_get_one::<bool>("quiet"), Ok(Some(true)));
    start_log(quiet);
    let arguments = match A::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.format(&mut command.clone()).exit(),
    };

    interrupt::remove_temporary_files_at_signals();
    // The hook has reported a panic already; it must still end the command as any other failure does.
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| run(arguments)));
    outcome.map_or(ExitCode::FAILURE, ended)
}

/// The command line of the command `name`.
fn command_line<A: CommandFactory>(name: &str) -> Command {
    let other = |name: &'static str, short, action, help: &'static str| {
        Arg::new(name).long(name).short(short).action(action).help(help).help_heading("Other").global(true)
    };
    A::command()
        .name("deepallele")
        .bin_name(format!("deepallele {name}"))
        .version(env!("CARGO_PKG_VERSION"))
        .max_term_width(110)
        .propagate_version(true)
        // Those of clap would be the only options without a heading.
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .subcommand_value_name("STEP")
        .subcommand_help_heading("Steps")
        .arg(other("help", 'h', ArgAction::Help, "Print help; -h prints a summary"))
        .arg(other("version", 'V', ArgAction::Version, "Print version"))
}

/// Its place in the list of commands and the line about it.
fn about_line(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    format!("{}\t{}\n", command.get_display_order(), about.trim_end_matches('.'))
}

/// Ends help with the examples as they are: clap would wrap them at the width of the terminal, and a wrapped command
/// cannot be pasted.
fn with_examples(command: Command) -> Command {
    let command = command.mut_subcommands(with_examples);
    let Some(examples) = command.get_after_help().map(ToString::to_string) else { return command };
    let template = format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{{all-args}}\n\n{examples}");
    command.after_help(None::<&str>).help_template(template)
}

/// Report a failure, and the exit code for the outcome.
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

/// The chain of causes on one line, without repetitions.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let text = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
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

/// With control characters escaped: names and records of files are part of messages, and a terminal would obey them.
fn printable(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    text.chars().map(escaped).collect()
}

/// True when one of the causes is a write to a closed pipe.
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

fn start_log(quiet: bool) {
    let fallback = if quiet { "error" } else { "info" };
    let _ = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(fallback))
        .format(|out, record| {
            let mark = match record.level() {
                log::Level::Error => "error: ",
                log::Level::Warn => "warning: ",
                _ => "",
            };
            writeln!(out, "{}: {mark}{}", command_name(), printable(&record.args().to_string()))
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
    fn control_characters_of_a_file_do_not_reach_the_terminal() {
        let error = anyhow::Error::from(Error::input("x.vcf", "contig \"a\u{1b}[2J\u{7}b\u{1c}c\u{9b}d\u{e9}\""));
        assert_eq!(one_line(&error), "\"x.vcf\": contig \"a\\u{1b}[2J\\u{7}b\\u{1c}c\\u{9b}d\u{e9}\"");
    }

    #[test]
    fn a_closed_pipe_is_recognised_at_any_depth() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(pipe())));
        let nested: anyhow::Result<()> = Err(Error::io("-", pipe())).context("writing the table");
        assert!(is_broken_pipe(&nested.unwrap_err()));
        assert!(!is_broken_pipe(&anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull))));
    }

    #[test]
    fn help_ends_with_the_examples_as_they_are() {
        #[derive(clap::Parser)]
        #[command(display_order = 3, after_help = EXAMPLES)]
        /// Does it.
        ///
        /// And more.
        struct Args {}
        let long = "a very long name of a file indeed, ".repeat(6);
        const EXAMPLES: &str = "Examples:\n  # one\n  deepallele it";
        let command = command_line::<Args>("it");
        assert_eq!(about_line(&command), "3\tDoes it\n");
        let examples = format!("{EXAMPLES} {long}end");
        let help = with_examples(command.after_help(&examples)).render_long_help().to_string();
        assert!(help.starts_with("Does it.\n\nAnd more.\n\nUsage: deepallele it\n\nOther:\n"), "{help}");
        assert!(help.trim_end().ends_with(&examples), "{help}");
        assert!(help.contains("-h, --help") && help.contains("-V, --version"), "{help}");
    }
}
