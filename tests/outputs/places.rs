//! Where an output goes: links are followed and stay, standard output, devices and pipes are written through.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{symlink, FileTypeExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use deepallele_tests::*;

use crate::table::{content, tree, Case, Output, CASES};
use crate::INPUTS;

fn fifo(path: &Path) {
    good(&mut tool("mkfifo", [path]));
}

/// The content of the first output of `case`, as it is in a plain file.
fn expected(case: &Case) -> Vec<u8> {
    let folder = scratch();
    good(&mut case.with(&INPUTS, &[&case.outputs[0]], folder.path()));
    content(&folder.path().join(case.outputs[0].files[0]))
}

/// The cases whose first output is one file.
fn files() -> impl Iterator<Item = (&'static Case, &'static Output)> {
    CASES.iter().filter(|case| case.outputs[0].file).map(|case| (case, &case.outputs[0]))
}

/// HDF5 and the index of FASTA need a regular file.
fn needs_file(case: &Case) -> bool {
    case.name.starts_with("export")
}

#[test]
fn links_are_followed_and_stay() {
    for (case, output) in files() {
        let expected = (!case.records_command).then(|| expected(case));
        for exists in [true, false] {
            let folder = scratch();
            let at = |name: &str| folder.path().join(name);
            fs::create_dir(at("elsewhere")).unwrap();
            if exists {
                fs::write(at("elsewhere/target"), "before").unwrap();
            }
            symlink("elsewhere/target", at("middle")).unwrap();
            symlink(at("middle"), at(output.value)).unwrap();
            good(&mut case.with(&INPUTS, &[output], folder.path()));
            assert!(at("middle").is_symlink() && at(output.value).is_symlink(), "{}", case.name);
            let target = at("elsewhere/target");
            assert!(!target.is_symlink() && target.is_file(), "{}", case.name);
            if let Some(expected) = &expected {
                assert!(content(&target) == *expected, "{}", case.name);
            }
            assert_eq!(tree(&at("elsewhere")), ["target"], "{}", case.name);
        }
    }
}

#[test]
fn a_link_to_standard_output_is_standard_output() {
    for (case, output) in files().filter(|(case, _)| !needs_file(case)) {
        let expected = expected(case);
        let folder = scratch();
        let at = |name: &str| folder.path().join(name);
        symlink("/proc/self/fd/1", at("stdout")).unwrap();
        for name in [at("stdout").display().to_string(), "/dev/fd/1".into()] {
            // As `>` of a shell, and as a pipe.
            let mut command = (case.command)(&INPUTS);
            command.args(output.option).arg(&name).stdout(File::create(at("out")).unwrap());
            let run = run(&mut command);
            assert!(run.status.success(), "{}: {}", case.name, text(&run.stderr));
            assert!(content(&at("out")) == expected, "{}", case.name);
            let mut command = (case.command)(&INPUTS);
            let piped = good(command.args(output.option).arg(&name));
            assert!(content(&put(folder.path(), "piped", piped)) == expected, "{}", case.name);
            assert!(at("stdout").is_symlink());
        }
        assert_eq!(tree(folder.path()), ["out", "piped", "stdout"], "{}", case.name);
    }
}

#[test]
fn what_a_shell_appends_to_is_continued() {
    let folder = scratch();
    let out = put(folder.path(), "out", "before\n");
    let mut command = (CASES[0].command)(&INPUTS);
    command.args(["-o", "/dev/stdout"]).stdout(File::options().append(true).open(&out).unwrap());
    assert!(run(&mut command).status.success());
    let written = fs::read_to_string(&out).unwrap();
    assert!(written.starts_with("before\n##haplotype1="), "{written}");
}

#[test]
fn pipes_are_written_through_and_compressed_by_their_names() {
    for (case, output) in files().filter(|(case, _)| !needs_file(case)) {
        let expected = expected(case);
        let folder = scratch();
        let pipe = folder.path().join(output.value);
        fifo(&pipe);
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        let ran = run(&mut case.with(&INPUTS, &[output], folder.path()));
        assert!(ran.status.success(), "{}: {}", case.name, text(&ran.stderr));
        let bytes = reader.join().unwrap();
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(tree(folder.path()), [output.value], "{}", case.name);
        let compressed = bytes.starts_with(&[0x1f, 0x8b]);
        let named = [".gz", ".bcf", ".bam"].iter().any(|end| output.value.ends_with(end));
        assert_eq!(compressed, named, "{}", case.name);
        assert!(content(&put(folder.path(), "read", bytes)) == expected, "{}", case.name);
    }
}

/// Every output of `case` but `unread` must be there and as in a run whose readers stay.
fn others_are_complete(case: &Case, folder: &Path, unread: &Output, reference: &Path) {
    for output in case.outputs.iter().filter(|output| !std::ptr::eq(*output, unread)) {
        for name in output.files {
            assert!(folder.join(name).is_file(), "{}: no {name} next to {}", case.name, unread.value);
            if !case.records_command {
                let (ours, theirs) = (content(&folder.join(name)), content(&reference.join(name)));
                assert!(ours == theirs, "{}: {name} next to {}", case.name, unread.value);
            }
        }
    }
}

#[test]
fn a_closed_pipe_ends_only_its_own_output() {
    for case in CASES.iter().filter(|case| case.outputs.len() > 1) {
        let reference = scratch();
        good(&mut case.with(&INPUTS, &case.all(), reference.path()));
        for unread in case.outputs.iter().filter(|output| output.file) {
            if unread.value.ends_with(".bw") {
                continue; // a bigWig needs a regular file
            }
            let folder = scratch();
            let pipe = folder.path().join(unread.value);
            fifo(&pipe);
            let reader = thread::spawn({
                let pipe = pipe.clone();
                // Gone as soon as it is opened.
                move || drop(File::open(pipe).unwrap())
            });
            let ran = run(&mut case.with(&INPUTS, &case.all(), folder.path()));
            reader.join().unwrap();
            let said = text(&ran.stderr);
            assert_eq!(ran.status.code(), Some(0), "{} {}: {said}", case.name, unread.value);
            others_are_complete(case, folder.path(), unread, reference.path());
        }
        // The reader of standard output has gone.
        if case.to_stdout {
            let folder = scratch();
            let others: Vec<_> = case.outputs[1..].iter().filter(|o| o.option != ["--igv"]).collect();
            let mut command = case.with(&INPUTS, &others, folder.path());
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            let ran = child.wait_with_output().unwrap();
            assert_eq!((ran.status.code(), text(&ran.stderr)), (Some(0), String::new()), "{}", case.name);
            for name in others.iter().flat_map(|output| output.files) {
                assert!(content(&folder.path().join(name)) == content(&reference.path().join(name)), "{name}");
            }
        }
    }
}

#[test]
fn a_training_whose_reader_has_gone_leaves_its_model_and_no_state() {
    let _turn = training_turn();
    let case = CASES.iter().find(|case| case.name == "train").unwrap();
    let folder = scratch();
    ends_quietly_unread(&mut case.with(&INPUTS, &case.all(), folder.path()));
    for name in case.files() {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    let left = tree(folder.path());
    assert!(!left.iter().any(|name| name.contains("finished") || name.contains("training.")), "{left:?}");
}

/// `command` with a closed standard output, as by `>&-`.
fn without_stdout(command: &Command) -> Command {
    let mut shell = tool("sh", ["-c", "exec \"$0\" \"$@\" >&-"]);
    shell.arg(command.get_program()).args(command.get_args());
    without_engines(&mut shell);
    shell
}

#[test]
fn a_closed_standard_output_is_an_error_where_it_is_written() {
    for case in CASES {
        let folder = scratch();
        if case.to_stdout {
            for others in [Vec::new(), case.outputs[1..].iter().filter(|o| o.option != ["--igv"]).collect()] {
                let command = case.with(&INPUTS, &others, folder.path());
                let ran = run(&mut without_stdout(&command));
                let said = text(&ran.stderr);
                assert_eq!(ran.status.code(), Some(1), "{}: {said}", case.name);
                assert!(said.contains("standard output is closed"), "{}: {said}", case.name);
                assert_eq!(tree(folder.path()), [""; 0], "{}", case.name);
            }
        }
        // Where it is not used, all is well.
        if case.name != "train" {
            good(&mut without_stdout(&case.with(&INPUTS, &[&case.outputs[0]], folder.path())));
            assert!(folder.path().join(case.outputs[0].files[0]).is_file(), "{}", case.name);
        }
    }
    let train = CASES.iter().find(|case| case.name == "train").unwrap();
    let folder = scratch();
    let ran = run(&mut without_stdout(&train.with(&INPUTS, &train.all(), folder.path())));
    assert_eq!(ran.status.code(), Some(1));
    assert!(text(&ran.stderr).contains("standard output is closed"), "{}", text(&ran.stderr));
}

#[test]
fn only_output_gone_the_run_ends_early() {
    // An input that never ends: the run ends because nobody reads what it writes.
    let folder = scratch();
    let mut command = deepallele("annotate");
    command.arg("-m").arg(INPUTS.path("model.onnx")).arg("-f").arg(INPUTS.path("ref.fa")).args(["--quiet", "-"]);
    command.arg("-L").arg(put(folder.path(), "nowhere.bed", "chr1\t0\t1\n"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut some = [0; 10];
    let writer = thread::spawn(move || {
        use std::io::Write;
        let (head, records) =
            cells::vcf().split_once("chr1\t").map(|(h, r)| (h.to_owned(), format!("chr1\t{r}"))).unwrap();
        let first: String = records.lines().filter(|l| l.starts_with("chr1\t")).map(|l| format!("{l}\n")).collect();
        let mut done = input.write_all(head.as_bytes());
        while done.is_ok() {
            done = input.write_all(first.as_bytes());
        }
    });
    child.stdout.as_mut().unwrap().read_exact(&mut some).unwrap();
    drop(child.stdout.take());
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), text(&ran.stderr)), (Some(0), String::new()));
    writer.join().unwrap();
}
