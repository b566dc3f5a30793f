//! How a training run goes: stopped and taken up again, several folds and seeds, several samples, losses and recipes,
//! and what each leaves in its folder.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deepallele_tests::*;

/// Counts of the CTCF reads in windows of 200 bases around the middle of each region, and with `samples` more than
/// one the same under other names, the first hundred regions only.
pub fn counts(folder: &Path, samples: &[&str]) -> PathBuf {
    let window = |peak: Peak| {
        let middle = (peak.start + peak.end) / 2;
        format!("chr22\t{}\t{}\t{}\n", middle - 100, middle + 100, peak.name)
    };
    let bed = put(folder, "narrow.bed", peaks().into_iter().map(window).collect::<String>());
    let table = good_text(count(&reads(), &bed).arg("--quiet"));
    let mut text = String::new();
    let (mut lines, name) = (0, "ctcf_chip.chr22");
    for line in table.lines() {
        if line.starts_with('#') {
            text += &format!("{line}\n");
            continue;
        }
        lines += 1;
        for (number, sample) in samples.iter().enumerate() {
            if number == 0 || lines <= 100 {
                text += &format!("{}\n", line.replacen(name, sample, 1));
            }
        }
    }
    put(folder, "counts.tsv", text)
}

pub fn short(counts: &Path, output: &Path, more: &[&str]) -> Command {
    short_with_threads("1", counts, output, more)
}

/// Training with small windows.
fn short_with_threads(threads: &str, counts: &Path, output: &Path, more: &[&str]) -> Command {
    let mut command = train(counts, output);
    command.args(["-@", threads, "--window", "128", "--seed", "3"]).args(more);
    command
}

/// The numbers of a safetensors file, without the header, which holds the command line.
pub fn weights(path: &Path) -> Vec<u8> {
    let content = fs::read(path).unwrap();
    let header = u64::from_le_bytes(content[..8].try_into().unwrap()) as usize;
    content[8 + header..].to_vec()
}

fn same_model(one: &Path, two: &Path) {
    assert!(weights(&one.join("model.safetensors")) == weights(&two.join("model.safetensors")), "weights differ");
    for file in ["metrics.tsv", "predictions.tsv.gz"] {
        assert!(fs::read(one.join(file)).unwrap() == fs::read(two.join(file)).unwrap(), "{file} differs");
    }
}

/// Start in the background and wait until `file` is there.
pub fn started(command: &Command, file: &Path) -> std::process::Child {
    let mut command = with_signals("--default-signal=INT,TERM,HUP", command);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !file.exists() {
        assert!(start.elapsed() < Duration::from_secs(300), "{file:?} does not come");
        assert!(child.try_wait().unwrap().is_none(), "ended before {file:?} was there");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn a_killed_run_goes_on_to_the_same_model() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let options =
        ["--epochs", "4", "--shift", "6", "--augment", "strand,swap", "--clip", "5", "--tower-dropout", "0.1"];
    good(&mut short(&counts, &whole, &options));
    // Killed without notice once a state is there, twice.
    for _ in 0..2 {
        let resume: &[&str] = if broken.exists() { &["--resume"] } else { &[] };
        let state = broken.join("training.state");
        let mut child = started(short(&counts, &broken, &[&options[..], resume].concat()).arg("--quiet"), &state);
        std::thread::sleep(Duration::from_millis(700));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!broken.join("model.onnx").exists());
    }
    // Other options are another run.
    let other = [&options[..], &["--resume", "--learning-rate", "0.5"]].concat();
    refused(&mut short(&counts, &broken, &other), &["training.state", "other options"]);
    good(&mut short(&counts, &broken, &[&options[..], &["--resume"]].concat()));
    same_model(&whole, &broken);
    for run in [&whole, &broken] {
        let left: Vec<String> =
            listing(run).into_iter().filter(|n| n.ends_with("state") || n.starts_with("finished")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let options = ["--epochs", "3", "--members", "2"];
    good(&mut short(&counts, &whole, &options));
    // In the middle of the second member.
    let child = started(&short(&counts, &broken, &options), &broken.join("finished.seed1.safetensors"));
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(last.contains("stopped in epoch") && last.contains("seed2") && last.contains("--resume"), "{last}");
    good(&mut short(&counts, &broken, &[&options[..], &["--resume"]].concat()));
    for member in ["seed1.safetensors", "seed2.safetensors"] {
        assert!(weights(&whole.join(member)) == weights(&broken.join(member)), "{member} differs");
    }
}

/// The numbers of the signals in a mask of `/proc/PID/status`.
fn mask(status: &str, name: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}: {status}"));
    let bits = u64::from_str_radix(line.trim_start_matches(':').trim(), 16).unwrap();
    (1..=64).filter(|signal| bits >> (signal - 1) & 1 == 1).collect()
}

/// Kernels of libtorch keep other things in the stack pointer while they multiply: a handler that runs in such a
/// thread writes its frame over the numbers of a tensor, or over the heap.
#[test]
fn no_signal_interrupts_a_thread_that_computes() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let broken = folder.path().join("broken");
    let train = short_with_threads("2", &counts, &broken, &["--epochs", "50"]);
    let mut child = started(&train, &broken.join("training.state"));
    let ending = [1, 2, 15];
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let tasks: Vec<PathBuf> = tasks.map(|task| task.unwrap().path().join("status")).collect();
    assert!(tasks.len() > 2, "{tasks:?}");
    for task in tasks {
        let status = fs::read_to_string(&task).unwrap();
        let (caught, blocked) = (mask(&status, "SigCgt"), mask(&status, "SigBlk"));
        for signal in ending {
            assert!(!caught.contains(&signal), "{task:?} has a handler of signal {signal}");
            // But the one that waits for them.
            let takes = status.starts_with("Name:\tsignals\n");
            assert!(takes || blocked.contains(&signal), "{task:?} takes signal {signal}");
        }
    }
    // Both are there when it goes on: the first is a wish, the second does not wait for it to be granted.
    for name in ["STOP", "INT", "TERM", "CONT"] {
        signal(&child, name);
    }
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    let left = listing(&broken);
    assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
}

#[test]
fn folds_test_every_window_once_and_their_spread_is_told() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let run = folder.path().join("run");
    let table = good_text(&mut short(&counts, &run, &["--epochs", "1", "--folds", "3", "--tensorboard"]));
    let held = Table::read(&run.join("predictions.tsv.gz"));
    let names = |part: &str| -> Vec<String> {
        let rows = (0..held.rows.len()).filter(|&row| held.text(row, "part") == part);
        let mut names: Vec<String> = rows.map(|row| held.text(row, "name").to_string()).collect();
        names.sort();
        names
    };
    let mut all: Vec<String> = Table::read(&counts).column("name");
    all.sort();
    assert_eq!((names("test"), names("validation")), (all.clone(), all.clone()));
    let table = Table::parse(&table);
    assert_eq!(table.number(0, "windows") as usize, all.len());
    let metrics = Table::read(&run.join("metrics.tsv"));
    assert_eq!(metrics.column("run"), ["fold1", "fold2", "fold3"]);
    for name in ["fold1", "fold2", "fold3"] {
        assert!(run.join(format!("events.out.tfevents.{name}")).is_file(), "{:?}", listing(&run));
        assert!(run.join(format!("{name}.safetensors")).is_file());
    }
    let predicted = Table::parse(&good_text(&mut predict(&run.join("model.onnx"), &counts)));
    let spread: Vec<f64> = (0..predicted.rows.len()).map(|row| predicted.number(row, "log2_ratio_sd")).collect();
    for (row, spread) in spread.iter().enumerate() {
        // Equal alleles have a ratio of 0 in every network.
        if predicted.number(row, "variants") == 0.0 {
            assert_eq!((predicted.text(row, "log2_ratio"), *spread), ("0", 0.0), "row {row}");
        }
    }
    assert!(spread.iter().any(|s| *s > 0.0));
}

#[test]
fn several_samples_are_outputs_of_one_network() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one", "two, too"]);
    let run = folder.path().join("run");
    let table = Table::parse(&good_text(&mut short(&counts, &run, &["--epochs", "2", "--kmers", "4"])));
    let rows = |sample: &str| (0..table.rows.len()).filter(|&r| table.text(r, "sample") == sample).collect::<Vec<_>>();
    assert_eq!((rows("one").len(), rows("two, too").len()), (9, 9));
    // The second sample has the first hundred regions only.
    assert!(table.number(rows("two, too")[0], "windows") < table.number(rows("one")[0], "windows"));
    let held = Table::read(&run.join("predictions.tsv.gz"));
    assert!((0..held.rows.len()).any(|r| held.text(r, "measured_hap1") == "."));
    let of = |sample: &[&str]| Table::parse(&good_text(predict(&run.join("model.onnx"), &counts).args(sample)));
    let [first, one, two] = [of(&[]), of(&["--model-sample", "one"]), of(&["--model-sample", "two, too"])];
    assert_eq!(first.rows, one.rows);
    assert!(one.column("hap1") != two.column("hap1"));
    // What predict says is what training wrote, for both.
    for (sample, predicted) in [("one", &one), ("two, too", &two)] {
        let row = (0..held.rows.len()).find(|&r| held.text(r, "sample") == sample).unwrap();
        let there = predicted.column("name").iter().position(|n| n == held.text(row, "name")).unwrap();
        for column in ["hap1", "hap2"] {
            let (ours, theirs) = (predicted.number(there, column), held.number(row, column));
            assert!((ours - theirs).abs() <= 2e-3 * (1.0 + theirs.abs()), "{sample}, {column}: {ours}, {theirs}");
        }
    }
    let mut wrong = predict(&run.join("model.onnx"), &counts);
    refused(wrong.args(["--model-sample", "three"]), &["three", "one, two, too"]);
}

#[test]
fn crosses_share_a_network_and_keep_their_haplotypes() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let other = put(folder.path(), "other.tsv", fs::read_to_string(&counts).unwrap().replace("\tone\t", "\ttwo\t"));
    let run = folder.path().join("run");
    // The same reads with the haplotypes exchanged: another cross of the same parents.
    let cross = format!("{},{},NA12878:2,NA12878:1", other.display(), phased().display());
    let table = Table::parse(&good_text(&mut short(&counts, &run, &["--epochs", "1", "--cross", &cross])));
    assert_eq!(table.column("sample").iter().filter(|s| *s == "two").count(), 9);
    let held = Table::read(&run.join("predictions.tsv.gz"));
    // Each window stands there once a cross, measured in its own sample and in no other.
    let of = |sample: &str, known: bool| {
        let rows = (0..held.rows.len()).filter(|&r| held.text(r, "sample") == sample);
        rows.filter(|&r| (held.text(r, "measured_hap1") != ".") == known).count()
    };
    assert_eq!((of("one", true), of("two", true)), (of("two", false), of("one", false)));
    assert!(of("one", true) > 100 && of("one", true) == of("two", true));
    let twice = format!("{},{},ref,NA12878:1", counts.display(), phased().display());
    refused(&mut short(&counts, &folder.path().join("x"), &["--cross", &twice]), &["sample \"one\""]);
    misused(&mut short(&counts, &run, &["--cross", "a,b"]));
}

#[test]
fn counts_are_fitted_by_their_likelihood() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let run = folder.path().join("run");
    let table = Table::parse(&good_text(&mut short(&counts, &run, &["--epochs", "6", "--loss", "counts"])));
    let summary: String = fs::read_to_string(run.join("summary.json")).unwrap();
    assert!(summary.contains("\"dispersion_split\"") && summary.contains("\"ratio_bias_log2\""));
    let metrics = Table::read(&run.join("metrics.tsv"));
    assert!(metrics.number(5, "train_loss") < metrics.number(0, "train_loss"));
    let of = |model: &str| {
        (0..table.rows.len())
            .find(|&r| table.text(r, "on_test") == model && table.text(r, "quantity") == "hap1")
            .map(|r| table.number(r, "pearson"))
            .unwrap()
    };
    assert!(of("model") > of("gc"), "{:?}", table.rows);
    let pairs = put(folder.path(), "p.tsv", "id\tallele_a\tallele_b\tvalue_a\tvalue_b\na\tACGT\tACGA\t1\t2\n");
    let mut designed = deepallele("train");
    designed.arg("--pairs").arg(pairs).args(["--loss", "counts", "-o"]).arg(folder.path().join("x"));
    assert_eq!(deepallele_tests::run(&mut designed).status.code(), Some(1));
}

#[test]
fn published_windows_are_predicted_as_they_were_trained() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let run = folder.path().join("run");
    let options = ["--compat", "published", "--window", "220", "--epochs", "1", "--baselines"];
    let table = Table::parse(&good_text(train(&counts, &run).args(["-@", "1", "--seed", "3"]).args(options)));
    let models = table.column("on_test");
    for name in ["model", "gc", "mean", "kmer_ridge", "single", "difference"] {
        assert_eq!(models.iter().filter(|m| *m == name).count(), 3, "{name} in {models:?}");
    }
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    for line in ["layout = \"left-aligned\"", "strands = \"joined\"", "ratio_head = \"free\"", "schedule = \"cycle\""] {
        assert!(config.contains(line), "{line} is not in {config}");
    }
    let held = Table::read(&run.join("predictions.tsv.gz"));
    same_predictions(&held, &Table::parse(&good_text(&mut predict(&run.join("model.onnx"), &counts))));
    // A region that does not fit the window is told by name.
    let long = put(folder.path(), "long.bed", "chr22\t20000000\t20000400\n");
    let mut too_long = predict(&run.join("model.onnx"), &long);
    refused(&mut too_long, &["chr22:20000001-20000400", "window of 220"]);
}

#[test]
fn a_dry_run_tells_what_would_be_and_leaves_nothing() {
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let run = folder.path().join("run");
    let said = good_text(&mut short(&counts, &run, &["--dry-run", "--epochs", "7", "--members", "2"]));
    let value = |what: &str| {
        let line = said.lines().find(|l| l.starts_with(what)).unwrap_or_else(|| panic!("no {what} in {said}"));
        line.split('\t').nth(1).unwrap().to_string()
    };
    let number = |what: &str| value(what).parse::<f64>().unwrap();
    assert_eq!((value("bases a window"), value("networks"), value("samples")), ("128".into(), "2".into(), "1".into()));
    let parts = ["windows to train on", "windows to validate on", "windows to test on"].map(number);
    assert_eq!(parts.iter().sum::<f64>(), value("windows").parse::<f64>().unwrap());
    assert_eq!(number("steps a network"), (parts[0] / 32.0).ceil() * 7.0);
    assert!(value("memory in all").ends_with(" MB"));
    assert!(!run.exists());
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let run = folder.path().join("run");
    for (options, word) in [
        (&["--folds", "2"][..], "3..=64"),
        (&["--folds", "3", "--test-chroms", "1"], "cannot be used with"),
        (&["--augment", "none,swap"], "--augment none"),
        (&["--shift", "500"], "--shift"),
        (&["--ratio-head", "odd"], "antisymmetric"),
        (&["--loss", "absolute"], "squared"),
        (&["--compat", "tomorrow"], "published"),
        (&["--split", "group"], "--pairs"),
    ] {
        let said = misused(&mut short(&counts, &run, options));
        assert!(said.contains(word), "{options:?}: {said}");
    }
    let many = short(&counts, &run, &["--folds", "64", "--block-size", "50000000"]);
    refused(&mut { many }, &["64 folds"]);
    assert!(!run.join("model.onnx").exists());
}
