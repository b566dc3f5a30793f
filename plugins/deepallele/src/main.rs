//! The front door: `deepallele NAME …` becomes `deepallele-NAME …` from the folder this program lies in, then
//! from PATH, as git does it. It knows none of the commands, so that a new one needs no change here.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const PREFIX: &str = "deepallele-";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(first) = arguments.next() else {
        return say(&overview(), ExitCode::from(2));
    };
    match first.to_str() {
        Some("--version" | "-V") => say(&format!("deepallele {}\n", env!("CARGO_PKG_VERSION")), ExitCode::SUCCESS),
        Some("help" | "--help" | "-h") => match arguments.next() {
            Some(name) => run(&name, [OsString::from("--help")]),
            None => say(&overview(), ExitCode::SUCCESS),
        },
        Some(option) if option.starts_with('-') => {
            complain(&format!("unknown option \"{option}\"; commands come first: deepallele NAME …"), 2)
        }
        _ => run(&first, arguments),
    }
}

/// Become the command. Returns only when that failed.
fn run(name: &OsStr, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let shown = name.to_string_lossy().into_owned();
    let Some(program) = name.to_str().filter(|n| is_name(n)).and_then(find) else {
        let known = names(&commands());
        return complain(&format!("no command \"{shown}\"; there are: {known}"), 2);
    };
    let error = Command::new(&program).args(arguments).exec();
    complain(&format!("\"{}\" could not be started: {error}", program.display()), 1)
}

/// Letters, digits, `-` and `_`, so that a name never reaches out of the folders searched.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The folders searched: our own, then those of PATH.
fn folders() -> Vec<PathBuf> {
    let own = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf));
    let path = env::var_os("PATH").unwrap_or_default();
    own.into_iter().chain(env::split_paths(&path).filter(|p| p.is_absolute())).collect()
}

fn find(name: &str) -> Option<PathBuf> {
    folders().into_iter().map(|folder| folder.join(format!("{PREFIX}{name}"))).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Every command found, by name; the first folder that has one wins.
fn commands() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in folders() {
        let Ok(entries) = folder.read_dir() else { continue };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let Some(name) = file.to_str().and_then(|f| f.strip_prefix(PREFIX)) else { continue };
            if is_name(name) && is_program(&entry.path()) {
                found.entry(name.to_owned()).or_insert_with(|| entry.path());
            }
        }
    }
    found
}

fn names(found: &BTreeMap<String, PathBuf>) -> String {
    match found.is_empty() {
        true => "none, neither beside this program nor on PATH".to_owned(),
        false => found.keys().cloned().collect::<Vec<_>>().join(", "),
    }
}

fn overview() -> String {
    let found = commands();
    let mut text = String::from(
        "Which variant makes one allele more active than the other?\n\n\
         Usage: deepallele NAME [OPTIONS]\n       deepallele help NAME\n       deepallele --version\n\nCommands:\n",
    );
    // In the order of the work, then whatever else is installed.
    let order = ["haplotypes", "count", "train", "evaluate", "predict", "annotate", "explain", "import", "export"];
    let rest = found.keys().map(String::as_str).filter(|n| !order.contains(n));
    for name in order.into_iter().filter(|n| found.contains_key(*n)).chain(rest) {
        let about = match name {
            "haplotypes" => "sequences of the two haplotypes: FASTA, chain files, region pairs",
            "count" => "allele-specific read counts of regions and variants",
            "train" => "train the paired sequence model on counts",
            "evaluate" => "how good a model is on windows it did not learn from",
            "predict" => "predicted counts and allelic ratio of regions, tracks",
            "annotate" => "predicted allelic effects in VCF/BCF records",
            "import" => "published checkpoints to model.onnx, published data sets to pairs",
            "export" => "published data sets (HDF5) from counts or pairs",
            _ => "",
        };
        text.push_str(format!("  {name:<10} {about}").trim_end());
        text.push('\n');
    }
    if found.is_empty() {
        text.push_str("  none found, neither beside this program nor on PATH\n");
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        assert!(is_name("count") && is_name("my-plugin_2"));
        for wrong in ["", "../x", "a/b", "a b", "é"] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }

    #[test]
    fn only_executable_files_are_commands() {
        let folder = env::temp_dir().join(format!("deepallele-door-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("deepallele-x");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!is_program(&file));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(is_program(&file));
        assert!(!is_program(&folder));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
