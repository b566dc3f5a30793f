//! The front door's own man page and completion scripts, written where each command writes its own (the module `pages`
//! of the commands says which files). It has no options to generate them from: only commands are completed.

use std::fmt::Write;
use std::path::Path;
use std::{fs, io};

use crate::overview::lines;

const BASH: &str = include_str!("completions/deepallele.bash");
const ZSH: &str = include_str!("completions/_deepallele");
const FISH: &str = include_str!("completions/deepallele.fish");

/// Write them below `folder`.
///
/// # Errors
/// The file that cannot be written, and why.
pub fn write(folder: &Path) -> Result<(), String> {
    put(&folder.join("man/man1/deepallele.1"), &page())?;
    put(&folder.join("completions/bash/deepallele"), BASH)?;
    put(&folder.join("completions/zsh/_deepallele"), ZSH)?;
    put(&folder.join("completions/fish/deepallele.fish"), FISH)
}

fn put(file: &Path, content: &str) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let done: io::Result<()> = fs::create_dir_all(folder).and_then(|()| fs::write(file, content));
    done.map_err(|error| format!("\"{}\" cannot be written: {error}", file.display()))
}

fn page() -> String {
    let mut page = format!(
        r#".TH DEEPALLELE 1 "" "deepallele {}" deepallele
.SH NAME
deepallele \- which sequence variant makes one allele more active than the other
.SH SYNOPSIS
.B deepallele
.I NAME
[\fIOPTIONS\fR]
.br
.B deepallele help
[\fINAME\fR]
.br
.B deepallele \-\-version
.SH DESCRIPTION
Counts the reads of each haplotype of an F1 hybrid or a phased individual, trains a network on the two sequences of
every region, and writes the predicted effect of each variant into a VCF.
.PP
.B deepallele
.I NAME
runs the program
.RI deepallele\- NAME
from the folder of
.B deepallele
itself, else the first on PATH; so a program of your own with such a name is a command too.
.B deepallele help
.I NAME
shows its man page if standard output is a terminal and
.BR man (1)
is available, else the same as
.BR \-\-help .
.SH COMMANDS
"#,
        env!("CARGO_PKG_VERSION")
    );
    for (name, about) in lines().iter().filter(|(_, about)| !about.is_empty()) {
        // Writing to a String cannot fail.
        let _ = writeln!(page, ".TP\n.BR deepallele\\-{} (1)\n{}", plain(name), plain(about));
    }
    page + r#".SH OPTIONS
.TP
.BR \-h ", " \-\-help
List the commands found
.TP
.BR \-V ", " \-\-version
Print version
.SH ENVIRONMENT
.TP
.B PATH
Searched for commands that are not in the folder of
.BR deepallele .
.TP
.B ORT_DYLIB_PATH
The library of ONNX Runtime, which predict, evaluate and annotate load; by default libonnxruntime.so in their folder.
.SH "EXIT STATUS"
That of the command; 2 if there is no command of that name, 1 if it cannot be started.
"#
}

/// Text as roff reads it.
fn plain(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
