//! The man page and the completion scripts of a command, from the definitions that `--help` comes from.
//!
//! Every command has a hidden first argument, `deepallele-NAME --generate-pages FOLDER`, for `make build` and for
//! packaging. It writes
//!
//! | file | for |
//! |---|---|
//! | `man/man1/deepallele-NAME.1` | man, which looks there when FOLDER is on PATH |
//! | `completions/bash/deepallele-NAME` | bash |
//! | `completions/zsh/_deepallele-NAME` | zsh, in a folder of `fpath` |
//! | `completions/fish/deepallele-NAME.fish` | fish |
//!
//! The scripts complete `deepallele-NAME`; those of the front door call them for `deepallele NAME`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Arg, Command, ValueHint};
use clap_complete::{generate, Shell};
use clap_mangen::Man;

use crate::usage_error::usage;

/// The hidden argument.
const OPTION: &str = "--generate-pages";

/// Holds for every command.
const EXIT_STATUS: &str = r#".SH "EXIT STATUS"
.TP
0
Success, also when the reader of the output closes the pipe.
.TP
1
Failure; one line on standard error says why and where.
.TP
2
Wrong use of the command line.
"#;

const SEE_ALSO: &str = r#".SH "SEE ALSO"
.BR deepallele (1)
"#;

/// The folder of `--generate-pages FOLDER`, where `arguments` (without the program) begin with it.
pub(crate) fn requested(mut arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> Option<anyhow::Result<PathBuf>> {
    if arguments.next()?.as_ref() != OPTION {
        return None;
    }
    let folder = arguments.next().map(|f| PathBuf::from(f.as_ref()));
    Some(folder.ok_or_else(|| usage(format!("{OPTION} needs a folder"))))
}

/// Write the page and the scripts of the command `name` below `folder`.
pub(crate) fn write(name: &str, command: Command, folder: &Path) -> anyhow::Result<()> {
    // clap wants names that live as long as the program, which ends after this.
    let program: &'static str = format!("deepallele-{name}").leak();
    let command = command.mut_args(with_hint).mut_subcommands(|step| step.mut_args(with_hint));
    put(&folder.join(format!("man/man1/{program}.1")), &page(name, program, command.clone())?)?;
    // What every command has is in the page of a step too.
    let mut built = command.clone();
    built.build();
    for step in built.get_subcommands() {
        let (typed, program) = (format!("{name} {}", step.get_name()), format!("{program}-{}", step.get_name()));
        let page = page(&typed, program.clone().leak(), step.clone())?;
        put(&folder.join(format!("man/man1/{program}.1")), &page)?;
    }
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
    // The name is that of the page; the synopsis shows what is typed.
    let mut command = command.name(program).display_name(program).bin_name(format!("deepallele {name}"));
    let usage = command.render_usage().to_string();
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let command = command.after_help(None::<&str>).override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let mut headings: Vec<String> = Vec::new();
    for heading in command.get_arguments().filter_map(Arg::get_help_heading) {
        if headings.iter().all(|known| known != heading) {
            headings.push(heading.to_owned());
        }
    }
    let man = Man::new(command).title(program.to_uppercase()).source(concat!("deepallele ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.manual("deepallele").render(&mut page).context("the man page cannot be written")?;
    let mut page = with_subsections(String::from_utf8(page)?, &headings);
    page += EXIT_STATUS;
    page += &examples_section(&examples);
    page += SEE_ALSO;
    Ok(page.into_bytes())
}

/// Each heading as a part of the section OPTIONS, where clap_mangen makes it a section by itself.
fn with_subsections(mut page: String, headings: &[String]) -> String {
    for (i, heading) in headings.iter().enumerate() {
        let quoted = |text: &str| if text.contains(' ') { format!("\"{text}\"") } else { text.to_owned() };
        let options = if i == 0 && !page.contains("\n.SH OPTIONS\n") { ".SH OPTIONS\n" } else { "" };
        let section = format!("\n.SH {}\n", quoted(&heading.to_uppercase()));
        page = page.replacen(&section, &format!("\n{options}.SS {}\n", quoted(heading)), 1);
    }
    page
}

/// The examples of help, in the lines that they have there.
fn examples_section(examples: &str) -> String {
    let mut section = String::from(".SH EXAMPLES\n.nf\n");
    let mut lines = examples.lines().skip_while(|line| line.trim() != "Examples:").skip(1).peekable();
    if lines.peek().is_none() {
        return String::new();
    }
    for line in lines {
        let line = line.strip_prefix("  ").unwrap_or(line).replace('\\', "\\e").replace('-', "\\-");
        // A dot or an apostrophe at the beginning would be a command of roff.
        section += &format!("{}{line}\n", if line.starts_with(['.', '\'']) { "\\&" } else { "" });
    }
    section + ".fi\n"
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
    fn the_option_comes_first_and_has_a_folder() {
        assert!(requested(["-m", OPTION].iter()).is_none());
        assert!(requested(std::iter::empty::<&str>()).is_none());
        assert_eq!(requested([OPTION, "x"].iter()).unwrap().unwrap(), Path::new("x"));
        assert!(requested([OPTION].iter()).unwrap().unwrap_err().to_string().contains("folder"));
    }

    #[test]
    fn free_values_are_not_completed_as_files() {
        let path = Arg::new("file").long("file").value_parser(clap::value_parser!(PathBuf));
        assert_eq!(with_hint(path).get_value_hint(), ValueHint::FilePath);
        assert_eq!(with_hint(Arg::new("seed").long("seed")).get_value_hint(), ValueHint::Other);
        let choice = Arg::new("rule").long("rule").value_parser(["half", "drop"]);
        assert_eq!(with_hint(choice).get_value_hint(), ValueHint::Other);
    }

    #[test]
    fn headings_are_parts_of_the_options_and_examples_keep_their_lines() {
        let page = "\n.SH DESCRIPTION\nx\n.SH \"TWO WORDS\"\na\n.SH OTHER\nb\n".to_string();
        let headings = ["Two words".to_string(), "Other".to_string()];
        let expected = "\n.SH DESCRIPTION\nx\n.SH OPTIONS\n.SS \"Two words\"\na\n.SS Other\nb\n";
        assert_eq!(with_subsections(page, &headings), expected);
        let examples = examples_section("Examples:\n  # one\n  deepallele x -o y\n\n  .z");
        assert_eq!(examples, ".SH EXAMPLES\n.nf\n# one\ndeepallele x \\-o y\n\n\\&.z\n.fi\n");
        assert_eq!(examples_section(""), "");
    }
}
