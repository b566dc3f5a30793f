//! The front door: `deepallele NAME …` runs `deepallele-NAME …` from the folder of this program, else from PATH, as git
//! does. It has no list of commands: a new one needs no change here.
//!
//! Two options are not in its help: `--list-commands`, with which the completion scripts list the commands found (with
//! `names`, the names alone, which starts no program), and `--generate-pages FOLDER`, which writes man page and
//! completion scripts (`make build`).

mod manual;
mod overview;
mod pages;
mod search;
mod standard_output;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use overview::overview;
use search::{find, is_name};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(first) = arguments.next() else {
        return say(&overview(), ExitCode::from(2));
    };
    match first.to_str() {
        Some("--version" | "-V") => say(&format!("deepallele {}\n", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
        Some("help" | "--help" | "-h") => match arguments.next() {
            Some(name) => help(&name),
            None => say(&overview(), ExitCode::SUCCESS),
        },
        Some("--list-commands") => match arguments.next() {
            Some(names) if names == "names" => say(&overview::list_of_names(), ExitCode::SUCCESS),
            _ => say(&overview::list(), ExitCode::SUCCESS),
        },
        Some("--generate-pages") => match arguments.next().map(|folder| pages::write(folder.as_ref())) {
            Some(Ok(())) => ExitCode::SUCCESS,
            Some(Err(message)) => complain(&message, 1),
            None => complain("--generate-pages needs a folder", 2),
        },
        Some(option) if option.starts_with('-') => {
            complain(&format!("unknown option \"{option}\"; commands come first: deepallele NAME …"), 2)
        }
        _ => run(&first, arguments),
    }
}

/// Show the man page of the command, else its own help.
fn help(name: &OsStr) -> ExitCode {
    if let Some(known) = name.to_str().filter(|n| is_name(n) && find(n).is_some()) {
        manual::show(known);
    }
    run(name, [OsString::from("--help")])
}

/// Replace this process by the command. Returns only when that fails.
fn run(name: &OsStr, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let shown = name.to_string_lossy().into_owned();
    let Some(program) = name.to_str().filter(|n| is_name(n)).and_then(find) else {
        return complain(&format!("unknown command \"{shown}\"; commands: {}", overview::names()), 2);
    };
    let mut command = Command::new(&program);
    standard_output::leave_closed();
    let error = command.args(arguments).exec();
    complain(&format!("\"{}\" cannot be started: {error}", program.display()), 1)
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => code,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&format!("\"-\": {error}"), 1),
    }
}

fn complain(message: &str, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "deepallele: {message}");
    ExitCode::from(code)
}
