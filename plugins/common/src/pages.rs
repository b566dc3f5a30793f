//! The man page and the completion scripts of a command, from the definitions that `--help` comes from.
//!
//! Every command has a hidden first argument, `deepallele-NAME --generate-pages FOLDER`, for `make build` and for those
//! who package the commands. It writes
//!
//! | file | for |
//! |---|---|
//! | `man/man1/deepallele-NAME.1` | man, which looks there by itself when FOLDER is on PATH |
//! | `completions/bash/deepallele-NAME` | bash |
//! | `completions/zsh/_deepallele-NAME` | zsh, in a folder of `fpath` |
//! | `completions/fish/deepallele-NAME.fish` | fish |
//!
//! The scripts complete `deepallele-NAME`; those of the front door hand `deepallele NAME` on to them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Arg, Command, ValueHint};
use clap_complete::{generate, Shell};
use clap_mangen::Man;

use crate::run::usage;

/// The hidden argument.
const OPTION: &str = "--generate-pages";

/// What holds for every command, behind its options.
const ENDING: &str = r#".SH "EXIT STATUS"
.TP
0
Done, or nobody reads the output any more.
.TP
1
Failed; one line on standard error says why and where.
.TP
2
Used wrongly.
.SH "SEE ALSO"
"#;

/// The folder of `--generate-pages FOLDER`, where `arguments` (without the program) begin with it.
pub(crate) fn asked_for(mut arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> Option<anyhow::Result<PathBuf>> {
    if arguments.next()?.as_ref() != OPTION {
        return None;
    }
    let folder = arguments.next().map(|f| PathBuf::from(f.as_ref()));
    Some(folder.ok_or_else(|| usage(format!("{OPTION} needs a folder"))))
}

/// Write the page and the scripts of the command `name` below `folder`.
pub(crate) fn write(name: &str, command: Command, folder: &Path) -> anyhow::Result<()> {
    // clap wants names that live as long as the program, which ends behind this.
    let program: &'static str = format!("deepallele-{name}").leak();
    let command = command.mut_args(with_hint);
    put(&folder.join(format!("man/man1/{program}.1")), &page(name, program, command.clone())?)?;
    for (shell, file) in [
        (Shell::Bash, format!("bash/{program}")),
        (Shell::Zsh, format!("zsh/_{program}")),
        (Shell::Fish, format!("fish/{program}.fish")),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut command.clone().name(program), program, &mut script);
        put(&folder.join("completions").join(file), &script)?;
    }
    Ok(())
}

/// Paths are completed as files, with what a shell does at folders and spaces; other free values not at all.
fn with_hint(argument: Arg) -> Arg {
    match argument.get_value_hint() {
        ValueHint::AnyPath => argument.value_hint(ValueHint::FilePath),
        ValueHint::Unknown if argument.get_action().takes_values() => argument.value_hint(ValueHint::Other),
        _ => argument,
    }
}

fn page(name: &str, program: &'static str, command: Command) -> anyhow::Result<Vec<u8>> {
    // The name is that of the page, the synopsis says what is typed.
    let mut command = command.name(program).display_name(program).bin_name(format!("deepallele {name}"));
    let usage = command.render_usage().to_string();
    let command = command.override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let man = Man::new(command).title(program.to_uppercase()).source(concat!("deepallele ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.manual("deepallele").render(&mut page).context("the man page cannot be written")?;
    page.extend_from_slice(ENDING.as_bytes());
    page.extend_from_slice(b".BR deepallele (1)\n");
    Ok(page)
}

fn put(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, content))
        .with_context(|| format!("\"{}\" cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_stands_first_and_has_a_folder() {
        assert!(asked_for(["-m", OPTION].iter()).is_none());
        assert!(asked_for(std::iter::empty::<&str>()).is_none());
        assert_eq!(asked_for([OPTION, "x"].iter()).unwrap().unwrap(), Path::new("x"));
        assert!(asked_for([OPTION].iter()).unwrap().unwrap_err().to_string().contains("folder"));
    }

    #[test]
    fn free_values_are_not_completed_as_files() {
        let path = Arg::new("file").long("file").value_parser(clap::value_parser!(PathBuf));
        assert_eq!(with_hint(path).get_value_hint(), ValueHint::FilePath);
        assert_eq!(with_hint(Arg::new("seed").long("seed")).get_value_hint(), ValueHint::Other);
        let choice = Arg::new("rule").long("rule").value_parser(["half", "drop"]);
        assert_eq!(with_hint(choice).get_value_hint(), ValueHint::Other);
    }
}
