//! How a command ends: what it must print, and with which status.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::listing;

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Run to the end; returns exit status, stdout and stderr.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{:?} does not start: {e}", command.get_program()))
}

/// Run and expect success; returns stdout.
pub fn good(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{command:?} ended with {}: {}", output.status, text(&output.stderr));
    output.stdout
}

/// [`good`], as text.
pub fn good_text(command: &mut Command) -> String {
    text(&good(command))
}

/// Run and expect success with an empty stderr; returns stdout.
pub fn silently(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{command:?} ended with {}: {}", output.status, text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "{command:?}");
    output.stdout
}

/// Run with `--quiet` and expect a runtime error: exit 1, nothing on stdout, and one line on stderr that starts with
/// the command's name and contains every one of `words`. Returns that line.
pub fn refused(command: &mut Command, words: &[&str]) -> String {
    let name = command.get_args().next().expect("a command").to_string_lossy().into_owned();
    let output = run(command.arg("--quiet"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
    assert!(output.stdout.is_empty(), "{command:?} wrote {} bytes to stdout", output.stdout.len());
    assert_eq!(said.lines().count(), 1, "one line, not: {said:?}");
    assert!(said.starts_with(&format!("deepallele {name}: ")), "{said:?}");
    assert!(!said.contains("internal error"), "a panic: {said:?}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    said
}

/// [`refused`], with nothing new in `folder`: neither the output nor a temporary file.
pub fn refused_in(folder: &Path, command: &mut Command, words: &[&str]) -> String {
    let before = listing(folder);
    let said = refused(command, words);
    assert_eq!(before, listing(folder), "something was left behind");
    said
}

/// Run and expect a usage error: exit 2 with nothing on stdout. Returns stderr.
pub fn misused(command: &mut Command) -> String {
    let output = run(command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
    assert!(output.stdout.is_empty(), "{command:?} wrote {} bytes to stdout", output.stdout.len());
    said
}

/// Run with stdout on a full disk, and expect an error of one line. Returns that line.
pub fn refused_by_full_stdout(command: &mut Command) -> String {
    command.stdout(File::options().write(true).open("/dev/full").expect("/dev/full"));
    let output = run(command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// Run into a pipe that nobody reads, and expect success with an empty stderr.
pub fn ends_quietly_unread(command: &mut Command) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("output");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{command:?}");
}

/// Give `content` to `command` on stdin; returns its stdout.
pub fn feed(command: &mut Command, content: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child");
    let mut sink = child.stdin.take().expect("a stdin");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = sink.write_all(content);
        });
        let output = child.wait_with_output().expect("output");
        assert!(output.status.success(), "{command:?} ended with {}", output.status);
        output.stdout
    })
}

/// Run `commands` as a pipeline, all of which must succeed; returns the last one's stdout.
pub fn pipeline(commands: &mut [Command]) -> Vec<u8> {
    let mut running = Vec::new();
    let mut input = None;
    for command in commands.iter_mut() {
        if let Some(from) = input.take() {
            command.stdin(from);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{:?} does not start: {e}", command.get_program()));
        input = child.stdout.take().map(Stdio::from);
        running.push(child);
        // Only the last command's stdout is read here; the others' went to their successor.
    }
    let last = running.len() - 1;
    let mut result = Vec::new();
    if let Some(from) = input {
        // Hand the last stdout back through a child that copies it, so that no pipe fills up.
        let copied = run(Command::new("cat").stdin(from));
        result = copied.stdout;
    }
    for (number, child) in running.into_iter().enumerate() {
        let output = child.wait_with_output().expect("a child to wait for");
        assert!(
            output.status.success(),
            "command {number} of {last} in the pipe ended with {}: {}",
            output.status,
            text(&output.stderr)
        );
    }
    result
}
