//! How `deepallele annotate` and `predict` end before they are done: killed, stopped, without room on the disk, without
//! a reader; and what they need and show on the way: memory that does not grow, progress on a terminal alone.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deepallele_tests::*;

const HEADER: &str =
    "##fileformat=VCFv4.2\n##contig=<ID=chr22,length=51304566>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";

/// `count` records of single bases from position `first` (1-based) on, `apart` bases from one to the next.
fn snvs(stretch: &[u8], first: usize, count: usize, apart: usize) -> String {
    let mut lines = String::with_capacity(count * 32);
    for number in 0..count {
        let base = stretch[number * apart % stretch.len()];
        let other = if base == b'A' { 'C' } else { 'A' };
        lines += &format!("chr22\t{}\t.\t{}\t{other}\t.\t.\t.\n", first + number * apart, base as char);
    }
    lines
}

/// Regions that hold nothing, and 100,000 records that go past them.
fn much_to_pass_through(folder: &Path) -> (PathBuf, PathBuf) {
    let content = HEADER.to_owned() + &snvs(&bases(20_000_000, 20_100_000).into_bytes(), 20_000_001, 100_000, 1);
    (put(folder, "nowhere.bed", "chr22\t0\t1\n"), put(folder, "large.vcf", content))
}

/// A command in the middle of its work: it has read what it was given of a stream that goes on.
struct Begun {
    child: Child,
    /// Kept open: the input has not ended.
    input: std::process::ChildStdin,
}

/// Start `command`, which reads stdin, and wait until it has begun a file in `folder`. Signals are as `env` is told.
fn begin(command: &Command, signals: &str, folder: &Path, content: &str) -> Begun {
    let before = listing(folder);
    let mut command = with_signals(signals, command);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
    let mut input = child.stdin.take().expect("a stdin");
    input.write_all(content.as_bytes()).expect("a reader");
    input.flush().unwrap();
    let patience = Instant::now();
    while listing(folder) == before {
        assert!(patience.elapsed() < Duration::from_secs(60), "it has not begun to write");
        assert!(child.try_wait().unwrap().is_none(), "it has ended already");
        std::thread::sleep(Duration::from_millis(20));
    }
    Begun { child, input }
}

/// Names in `folder` that a user would take for a result.
fn results(folder: &Path) -> Vec<String> {
    listing(folder).into_iter().filter(|name| !name.starts_with('.')).collect()
}

#[test]
fn what_is_killed_leaves_nothing_by_the_final_name() {
    let models = scratch();
    let model = imported(models.path(), "mh");
    let folder = scratch();
    let here = folder.path();
    let nowhere = put(models.path(), "nowhere.bed", "chr22\t0\t1\n");
    let content = HEADER.to_owned() + &snvs(&bases(20_000_000, 20_005_000).into_bytes(), 20_000_001, 5_000, 1);
    let all = |input: &str| {
        let mut command = annotate(&model, input.as_ref());
        command.arg("-o").arg(here.join("x.vcf.gz")).arg("-W=tbi").arg("--bedgraph").arg(here.join("x.bedGraph"));
        command.arg("--igv").arg(here.join("x.xml")).arg("--quiet");
        command
    };
    let mut to_nowhere = all("-");
    to_nowhere.arg("-L").arg(&nowhere);
    for (kill, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("KILL", 9)] {
        let mut begun = begin(&to_nowhere, "--default-signal=INT,TERM,HUP", here, &content);
        signal(&begun.child, kill);
        assert_eq!(begun.child.wait().unwrap().signal(), Some(number), "{kill}");
        assert_eq!(results(here), [""; 0], "{kill}");
        // What can tidy up does: only KILL leaves what was being written, under a hidden name.
        assert_eq!(listing(here).len(), usize::from(kill == "KILL"), "{kill}: {:?}", listing(here));
    }
    // Over what is left the next run works as ever, and says nothing of it.
    let output = run(all(phased().to_str().unwrap()).arg("--bigwig").arg(here.join("x.bw")));
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
    assert_eq!(results(here), ["x.bedGraph", "x.bw", "x.vcf.gz", "x.vcf.gz.tbi", "x.xml"]);
    assert_eq!(text(&silently(tool("bcftools", ["index", "-n"]).arg(here.join("x.vcf.gz")))), "623\n");
    // And a killed run harms no earlier result.
    let before = fs::read(here.join("x.vcf.gz")).unwrap();
    let mut begun = begin(&to_nowhere, "--default-signal=INT", here, &content);
    signal(&begun.child, "KILL");
    begun.child.wait().unwrap();
    assert!(before == fs::read(here.join("x.vcf.gz")).unwrap());
    // Under nohup it goes on where the terminal has gone.
    let Begun { mut child, input } = begin(&to_nowhere, "--ignore-signal=HUP", here, &content);
    signal(&child, "HUP");
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(text(&silently(tool("bcftools", ["index", "-n"]).arg(here.join("x.vcf.gz")))), "5000\n");
}

/// Exit 1, one line that names `file` and the reason, nothing on stdout, nothing left in `folder`.
fn no_room(command: &mut Command, folder: &Path, file: &str) {
    let output = run(command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {} {said}", output.status);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("deepallele ") && !said.contains("internal error"), "{said}");
    assert!(said.contains(file), "{file} is not in {said}");
    assert!(said.contains("File too large") || said.contains("No space left") || said.contains("disk full"), "{said}");
    assert_eq!(listing(folder), [""; 0], "{command:?}");
}

#[test]
fn a_disk_that_fills_up_is_an_error() {
    let models = scratch();
    let model = imported(models.path(), "mh");
    let (nowhere, large) = much_to_pass_through(models.path());
    let folder = scratch();
    let here = folder.path();
    let out = |name: &str| here.join(name);
    for (name, kind) in [("x.vcf", "-Ov"), ("x.vcf.gz", "-Oz"), ("x.bcf", "-Ob"), ("x.bcf", "-Ou")] {
        for threads in ["1", "4"] {
            let mut command = annotate(&model, &large);
            command.args([kind, "-@", threads, "--quiet", "-L"]).arg(&nowhere).arg("-o").arg(out(name));
            no_room(&mut with_room_for(64, &command), here, name);
        }
    }
    for (option, name, blocks) in [("--bedgraph", "x.bedGraph", 16), ("--bigwig", "x.bw", 8)] {
        let mut command = annotate(&model, &phased());
        command.args(["--quiet", "-o", "/dev/null", option]).arg(out(name));
        no_room(&mut with_room_for(blocks, &command), here, name);
    }
    for (name, option, suffix) in [
        ("x.tsv", "-o", ""),
        ("x.tsv.gz", "-o", ""),
        ("x", "--bedgraph", ".hap1.bedGraph"),
        ("x", "--bigwig", ".hap1.bw"),
    ] {
        let mut command = predict(&model, &regions());
        command.args(["--quiet", option]).arg(out(name));
        if option != "-o" {
            command.args(["-o", "/dev/null"]);
        }
        no_room(&mut with_room_for(16, &command), here, &format!("{name}{suffix}"));
    }
}

/// A small file system of its own, where the tests may mount one.
#[test]
fn a_small_file_system_that_is_full() {
    let mut probe = tool("unshare", ["-m", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]);
    if !probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        eprintln!("no file system can be mounted here: not tested with one");
        return;
    }
    let models = scratch();
    let model = imported(models.path(), "mh");
    let (nowhere, large) = much_to_pass_through(models.path());
    let folder = scratch();
    for (name, kind) in [("x.vcf", "-Ov"), ("x.vcf.gz", "-Oz"), ("x.bcf", "-Ob")] {
        let mut command = annotate(&model, &large);
        command.args([kind, "-W", "--quiet", "-L"]).arg(&nowhere).arg("-o").arg(folder.path().join(name));
        if kind == "-Ov" {
            command = annotate(&model, &large);
            command.args(["--quiet", "-L"]).arg(&nowhere).arg("-o").arg(folder.path().join(name));
        }
        let script = "mount -t tmpfs -o size=64k none \"$0\" && \"$@\"; code=$?; ls -A \"$0\"; exit $code";
        let mut shell = tool("unshare", ["-m", "sh", "-c", script]);
        shell.arg(folder.path()).arg(command.get_program()).args(command.get_args());
        without_engines(&mut shell);
        no_room(&mut shell, folder.path(), name);
        let output = run(&mut shell);
        assert_eq!(text(&output.stdout), "", "{name} left something on the small file system");
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let (nowhere, large) = much_to_pass_through(folder.path());
    for kind in ["-Ov", "-Oz", "-Ob", "-Ou"] {
        for threads in ["1", "4"] {
            let mut command = annotate(&model, &large);
            command.args([kind, "-@", threads, "--quiet", "-L"]).arg(&nowhere);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut some = [0; 100];
            child.stdout.take().unwrap().read_exact(&mut some).unwrap();
            // The pipe is closed now.
            let output = child.wait_with_output().unwrap();
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{kind} -@{threads}");
        }
    }
}

/// The most memory that a process had, in MB, by what Linux keeps of it; asked for while it runs.
fn peak(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a running process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line of memory");
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Peak memory of `command` at each of `marks` records that went through it, from a generator.
fn growth(command: &mut Command, marks: &[usize]) -> Vec<f64> {
    let stretch = bases(20_000_000, 20_100_000).into_bytes();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(HEADER.as_bytes()).unwrap();
    let mut peaks = Vec::new();
    let mut written = 0;
    for &mark in marks {
        while written < mark {
            let offset = written % 100_000;
            let count = (mark - written).min(10_000);
            input.write_all(snvs(&stretch[offset..], 20_000_001 + offset, count, 1).as_bytes()).expect("a reader");
            written += count;
        }
        // All but what a pipe holds has been read.
        peaks.push(peak(&child));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    peaks
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    // 1 of 10,000 records is in a region.
    let bed = put(folder.path(), "few.bed", "chr22\t20050000\t20050010\n");
    for kind in ["-Ov", "-Ob"] {
        let mut command = annotate(&model, "-".as_ref());
        command.args([kind, "--quiet", "-@", "2", "-L"]).arg(&bed);
        let peaks = growth(&mut command, &[100_000, 1_000_000]);
        assert!(peaks[1] - peaks[0] < 5.0, "{kind}: {peaks:?} MB");
        assert!(peaks[1] < 500.0, "{kind}: {peaks:?} MB");
    }
}

/// `command` with stderr on a terminal; gives back what was shown there.
fn on_a_terminal(command: &Command, input: &Path, scratch: &Path) -> String {
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_string_lossy());
    let words: Vec<String> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let line =
        format!("{} <{} >{}", words.join(" "), quoted(input.as_os_str()), quoted(scratch.join("out").as_os_str()));
    let mut script = tool("script", ["-qec", &line, "/dev/null"]);
    text(&good(without_engines(&mut script).env("TERM", "xterm").env_remove("NO_COLOR")))
}

#[test]
fn progress_is_shown_on_a_terminal_alone() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let (nowhere, large) = much_to_pass_through(here);
    let mut plain = annotate(&model, "-".as_ref());
    plain.arg("-L").arg(&nowhere);
    let shown = on_a_terminal(&plain, &large, here);
    assert!(shown.contains("records"), "{shown:?}");
    assert!(shown.contains('\u{1b}') && shown.contains('\r'), "no bar in {shown:?}");
    // The last word stands alone on its line.
    let last = shown.lines().find(|line| line.contains("0 of 100000 records annotated")).expect("a summary");
    assert!(last.trim_end().ends_with("records annotated"), "{last:?}");
    let control = |said: &str| said.chars().any(|c| c.is_control() && c != '\n');
    // Neither with --quiet, nor in a file or a pipe.
    let mut quiet = annotate(&model, "-".as_ref());
    quiet.arg("--quiet").arg("-L").arg(&nowhere);
    assert_eq!(on_a_terminal(&quiet, &large, here), "");
    let log = File::create(here.join("log")).unwrap();
    let mut logged = annotate(&model, &large);
    assert!(logged.arg("-L").arg(&nowhere).stdout(Stdio::null()).stderr(log).status().unwrap().success());
    let log = fs::read_to_string(here.join("log")).unwrap();
    assert!(log.contains("0 of 100000 records annotated") && !control(&log), "{log:?}");
    let mut piped = annotate(&model, &large);
    let piped = run(piped.arg("-L").arg(&nowhere));
    assert_eq!(text(&piped.stderr), log);
    assert!(run(annotate(&model, &large).arg("--quiet").arg("-L").arg(&nowhere)).stderr.is_empty());
}

#[test]
fn a_closed_pipe_ends_quietly_with_0() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    for kind in ["-Ov", "-Ob"] {
        ends_quietly_unread(annotate(&model, &phased()).args([kind, "--quiet"]));
    }
}

#[test]
fn a_full_disk() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    for kind in ["-Ov", "-Oz", "-Ob"] {
        let mut command = annotate(&model, &phased());
        refused_in(folder.path(), command.args([kind, "-o", "/dev/full"]), &["/dev/full"]);
        let said = refused_by_full_stdout(annotate(&model, &phased()).args([kind, "--quiet"]));
        assert!(said.contains("No space left") || said.contains("disk full"), "{said}");
    }
}

#[test]
fn without_the_engine_it_says_what_to_do() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let mut command = Command::new(copied(&bin_folder().join("deepallele-annotate"), folder.path()));
    command.env_clear().stdin(Stdio::null()).arg("-m").arg(model).arg("-f").arg(genome()).arg(phased());
    let output = run(command.arg("--quiet"));
    if output.status.success() {
        return; // the system has an ONNX Runtime of its own
    }
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("ORT_DYLIB_PATH"), "{said}");
    assert!(output.stdout.is_empty());
}
