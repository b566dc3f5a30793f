//! However a run ends, its set of files is complete or absent, and a full disk is named as the reason.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output as Ended, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use deepallele_tests::*;

use crate::table::{content, tree, Case, CASES};
use crate::INPUTS;

/// The size of the largest file below a folder, and of all together, in bytes.
fn sizes(folder: &Path) -> (u64, u64) {
    let sizes = tree(folder).into_iter().map(|name| folder.join(name)).filter(|path| path.is_file());
    let sizes: Vec<u64> = sizes.map(|path| fs::metadata(path).unwrap().len()).collect();
    (sizes.iter().copied().max().unwrap_or(0), sizes.iter().sum())
}

/// A run without room: it names the reason and a file, and leaves nothing but folders that were there.
fn no_room(ended: &Ended, case: &Case, reasons: &[&str]) {
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{}: {said}", case.name);
    assert_eq!(said.lines().count(), 1, "{}: {said}", case.name);
    assert!(said.starts_with("deepallele ") && !said.contains("internal error"), "{}: {said}", case.name);
    assert!(said.contains('"') && reasons.iter().any(|reason| said.contains(reason)), "{}: {said}", case.name);
}

/// Files of results: neither folders nor what a training resumes from.
fn results(folder: &Path) -> Vec<String> {
    let saved = |name: &String| name.contains("/training.") || name.contains("/finished.");
    tree(folder).into_iter().filter(|name| !name.ends_with('/') && !saved(name)).collect()
}

#[test]
fn a_limit_on_the_size_of_files_leaves_all_or_nothing() {
    let _turn = training_turn();
    for case in CASES {
        let whole = scratch();
        good(&mut case.with(&INPUTS, &case.all(), whole.path()));
        let all = results(whole.path());
        let (largest, _) = sizes(whole.path());
        let enough = u32::try_from(largest.div_ceil(512)).unwrap();
        // A training takes long; its files are tried at fewer sizes.
        let tries = if case.name == "train" { 3 } else { 12 };
        let mut full = 0;
        for number in 1..=tries {
            let blocks = enough * number / (tries + 1);
            let folder = scratch();
            let ended = run(&mut with_room_for(blocks, &case.with(&INPUTS, &case.all(), folder.path())));
            if ended.status.success() {
                assert_eq!(results(folder.path()), all, "{} with {blocks} blocks", case.name);
                continue;
            }
            full += 1;
            no_room(&ended, case, &["File too large"]);
            assert_eq!(results(folder.path()), [""; 0], "{} with {blocks} blocks", case.name);
        }
        assert!(full > 0, "{}: no size was too small", case.name);
    }
}

/// `command` with a file system of `bytes` in `folder`, whose files are listed on stdout at the end; exit code 99 if none
/// can be mounted.
fn on_small_disk(bytes: u64, folder: &Path, command: &Command) -> Command {
    let script = "mount -t tmpfs -o size=$1 none \"$0\" || exit 99; folder=$0; shift; \"$@\"; code=$?; \
                  find \"$folder\" -type f; exit $code";
    let mut shell = tool("unshare", ["-m", "sh", "-c", script]);
    shell.arg(folder).arg(bytes.to_string()).arg(command.get_program()).args(command.get_args());
    without_engines(&mut shell);
    shell
}

#[test]
fn a_full_disk_leaves_all_or_nothing() {
    let probe = scratch();
    if run(&mut on_small_disk(1 << 16, probe.path(), &tool::<&str>("true", []))).status.code() != Some(0) {
        eprintln!("NOT RUN: no file system can be mounted here");
        return;
    }
    let _turn = training_turn();
    for case in CASES {
        let whole = scratch();
        good(&mut case.with(&INPUTS, &case.all(), whole.path()));
        let all = results(whole.path()).len();
        let (_, total) = sizes(whole.path());
        let tries = if case.name == "train" { 4 } else { 16 };
        let mut full = 0;
        for number in 1..=tries {
            // Pages of 4096 bytes.
            let bytes = (total * number / tries).next_multiple_of(4096).max(4096);
            let folder = scratch();
            let command = case.with(&INPUTS, &case.all(), folder.path());
            let ended = run(&mut on_small_disk(bytes, folder.path(), &command));
            let left: Vec<String> = text(&ended.stdout)
                .lines()
                .filter(|line| line.starts_with('/') && !line.contains("/training.") && !line.contains("/finished."))
                .map(String::from)
                .collect();
            if ended.status.success() {
                assert_eq!(left.len(), all, "{} on {bytes} bytes: {left:?}", case.name);
                continue;
            }
            full += 1;
            no_room(&ended, case, &["No space left on device"]);
            assert!(left.is_empty(), "{} on {bytes} bytes: {left:?}", case.name);
        }
        // The smallest disk has one page.
        assert!(full > 0 || total <= 4096, "{}: no disk was too small", case.name);
    }
}

#[test]
fn a_full_standard_output_leaves_no_other_file() {
    for case in CASES.iter().filter(|case| case.to_stdout) {
        let folder = scratch();
        let others: Vec<_> = case.outputs[1..].iter().filter(|output| output.option != ["--igv"]).collect();
        let said = refused_by_full_stdout(&mut case.with(&INPUTS, &others, folder.path()));
        assert!(said.contains("No space left on device"), "{}: {said}", case.name);
        assert_eq!(tree(folder.path()), [""; 0], "{}", case.name);
    }
}

/// Runs that read standard input, and so can be held before they end: command, outputs in the order in which they receive
/// their names (the main one last), and the input.
fn held(case: &str, folder: &Path) -> (Command, Vec<u8>) {
    let case = CASES.iter().find(|c| c.name == case).unwrap();
    let mut command = case.with(&INPUTS, &case.all(), folder);
    let (file, input) = match case.name {
        "annotate" => (INPUTS.path("in.vcf.gz"), cells::vcf().into_bytes()),
        _ => (INPUTS.path("in.bam"), fs::read(INPUTS.path("in.bam")).unwrap()),
    };
    let arguments: Vec<_> = command.get_args().map(|a| if a == file { "-".into() } else { a.to_owned() }).collect();
    command = Command::new(command.get_program());
    without_engines(&mut command);
    command.args(arguments);
    (command, input)
}

#[test]
fn a_rename_that_fails_undoes_the_others() {
    for (name, last) in [("annotate", "a.vcf.gz"), ("annotate", "a.xml"), ("count", "o.tsv.gz"), ("count", "o.svg")] {
        let folder = scratch();
        let at = |name: &str| folder.path().join(name);
        // What an earlier run has left stays.
        let before: &[&str] = if name == "annotate" { &["a.bedGraph"] } else { &["v.tsv.gz"] };
        for file in before {
            fs::write(at(file), "before").unwrap();
        }
        let (mut command, input) = held(name, folder.path());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let (start, rest) = input.split_at(1000);
        stdin.write_all(start).unwrap();
        stdin.flush().unwrap();
        // The files have been looked at by the time when the input is read.
        thread::sleep(Duration::from_millis(500));
        fs::create_dir(at(last)).unwrap();
        stdin.write_all(rest).unwrap();
        drop(stdin);
        let ended = child.wait_with_output().unwrap();
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{name} {last}: {said}");
        assert!(said.contains(last), "{name} {last}: {said}");
        for file in before {
            assert_eq!(fs::read(at(file)).unwrap(), b"before", "{name} {last}");
        }
        let left: Vec<_> = tree(folder.path()).into_iter().filter(|file| !before.contains(&file.as_str())).collect();
        assert_eq!(left, [format!("{last}/")], "{name} {last}");
    }
}

#[test]
fn a_killed_run_leaves_all_or_nothing() {
    for name in ["count", "predict", "haplotypes", "evaluate", "annotate"] {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let whole = scratch();
        let start = Instant::now();
        good(&mut case.with(&INPUTS, &case.all(), whole.path()));
        let time = start.elapsed();
        let all = results(whole.path());
        let mut parts = 0;
        for number in 0..24u32 {
            let folder = scratch();
            let mut command = case.with(&INPUTS, &case.all(), folder.path());
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // Most of them close to the end, where the files receive their names.
            thread::sleep(time * (8 + number) / 30);
            // The signal that can be caught, and the one that cannot.
            signal(&child, if number % 2 == 0 { "TERM" } else { "KILL" });
            let ended = child.wait().unwrap();
            let left: Vec<String> =
                results(folder.path()).into_iter().filter(|file| !file.contains(".deepallele-")).collect();
            if ended.success() {
                assert_eq!(left, all, "{name}");
            } else if !left.is_empty() && left != all {
                // Only between the first rename and the last, and only by the signal that cannot wait.
                assert_eq!(number % 2, 1, "{name}: {left:?}");
                parts += 1;
            }
            for file in left {
                let (ours, theirs) = (content(&folder.path().join(&file)), content(&whole.path().join(&file)));
                assert!(ours == theirs, "{name}: {file} is not complete");
            }
        }
        assert!(parts <= 2, "{name}: {parts} of 12 killed runs left a part of their files");
    }
}
