//! The programs under test and others: where they are, and with which environment they start.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use super::{good, good_text, put};

/// The names of all commands: the programs `deepallele-NAME` of the packages in `plugins/`, in alphabetical order.
pub fn commands() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
        let folders = fs::read_dir(&plugins).expect("the plugins").map(|entry| entry.expect("an entry").path());
        let mut names: Vec<String> = folders.flat_map(|folder| programs_of(&folder)).collect();
        names.sort();
        assert!(names.len() >= 8, "{names:?}");
        names
    });
    &NAMES
}

/// The commands as they are typed after `deepallele`; of those with steps each step: `explain attributions`.
pub fn command_lines() -> &'static [String] {
    static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut lines = Vec::new();
        for name in commands() {
            let help = super::good_text(deepallele(name).arg("--help"));
            match help.split_once("\nSteps:\n") {
                None => lines.push(name.clone()),
                Some((_, steps)) => {
                    let steps = steps.lines().take_while(|line| line.starts_with("  "));
                    lines.extend(
                        steps.map(|line| format!("{name} {}", line.split_whitespace().next().expect("a step"))),
                    );
                }
            }
        }
        lines
    });
    &LINES
}

/// The commands that the package in `folder` makes: its `[[bin]]` sections, else the package, if it has a `main.rs`.
fn programs_of(folder: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a package");
    let names = |text: &str| -> Vec<String> {
        let name = |line: &str| Some(line.strip_prefix("name = \"deepallele-")?.strip_suffix('"')?.to_owned());
        text.lines().filter_map(name).collect()
    };
    match manifest.split_once("[[bin]]") {
        Some((_, programs)) => names(programs),
        None if folder.join("src/main.rs").is_file() => names(&manifest),
        None => Vec::new(),
    }
}

/// The folder of the built commands: `$DEEPALLELE_BIN`, else the one this test was built into.
pub fn bin_folder() -> PathBuf {
    let folder = match std::env::var_os("DEEPALLELE_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let test = std::env::current_exe().expect("a running test has a path");
            // target/release/deps/count-0123 -> target/release
            test.parent().and_then(Path::parent).expect("a test is in target/PROFILE/deps").to_path_buf()
        }
    };
    assert!(folder.join("deepallele").is_file(), "no commands in {folder:?}: run `make build`, or `make test`");
    folder
}

/// `deepallele NAME`, through the front door, without the variables that name an engine: the commands must find
/// their engines themselves.
pub fn deepallele(name: &str) -> Command {
    let mut command = Command::new(bin_folder().join("deepallele"));
    command.arg(name).stdin(Stdio::null());
    without_engines(&mut command);
    command
}

/// The environment of [`deepallele`] for another program that starts ours.
pub fn without_engines(command: &mut Command) -> &mut Command {
    for variable in ["ORT_DYLIB_PATH", "LD_LIBRARY_PATH", "LIBTORCH", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// `command` with the signal dispositions of `how`, an option of `env`: the tests may run where some signals are
/// ignored.
pub fn with_signals(how: &str, command: &Command) -> Command {
    let mut env = tool("env", [how]);
    env.arg(command.get_program()).args(command.get_args());
    without_engines(&mut env);
    env
}

/// `command` with room for `blocks` times 512 bytes in each file, as on a disk that is then full.
pub fn with_room_for(blocks: u32, command: &Command) -> Command {
    let mut shell = tool("sh", ["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""]);
    shell.arg(blocks.to_string()).arg(command.get_program()).args(command.get_args());
    without_engines(&mut shell);
    shell
}

/// Another program, such as samtools.
pub fn tool<I: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Send a running program a signal, by its name without SIG. The shell has a `kill` where the system has none.
pub fn signal(child: &Child, name: &str) {
    good(&mut tool("sh", ["-c", "kill -s \"$0\" \"$1\"", name, &child.id().to_string()]));
}

/// The shared libraries that a program is linked against, as `ldd` names and finds them. Without their addresses,
/// which change from run to run and whose digits can spell a name.
pub fn libraries(program: &Path) -> String {
    let listing = good_text(&mut tool("ldd", [program]));
    listing.lines().map(|line| format!("{}\n", without_address(line))).collect()
}

fn without_address(line: &str) -> &str {
    line.split_once(" (0x").map_or(line, |(name, _)| name)
}

/// A copy of the executable `program` in `folder`, under the same name.
///
/// Another process writes it. If this one did, a child that another test starts at that moment would inherit the
/// open file, and the copy could not be executed ("text file busy").
pub fn copied(program: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join(program.file_name().expect("a program has a name"));
    good(tool("install", ["-m", "755"]).arg(program).arg(&copy));
    copy
}

/// An executable shell script at `folder/name`, in a folder that is made when missing. Written as in [`copied`].
pub fn shell_script(folder: &Path, name: &str, lines: &str) -> PathBuf {
    fs::create_dir_all(folder).expect("a folder");
    let draft = put(folder, &format!("{name}.draft"), format!("#!/bin/sh\n{lines}"));
    let script = folder.join(name);
    good(tool("install", ["-m", "755"]).arg(&draft).arg(&script));
    fs::remove_file(draft).expect("the draft");
    script
}

/// A folder `folder/name` for PATH that holds these installed programs and nothing else.
pub fn path_of_only(folder: &Path, name: &str, programs: &[&str]) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(&path).expect("a folder");
    for program in programs {
        let found = good_text(&mut tool("sh", ["-c", &format!("command -v {program}")]));
        symlink(found.trim(), path.join(program)).expect("a link");
    }
    path
}

#[test]
fn an_address_is_no_part_of_a_library() {
    assert_eq!(without_address("\tlibm.so.6 => /lib/libm.so.6 (0x00007f03cc10f000)"), "\tlibm.so.6 => /lib/libm.so.6");
    assert_eq!(without_address("\tlibc10.so => not found"), "\tlibc10.so => not found");
}
