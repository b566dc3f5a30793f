//! The examples of the library do what the commands do: `count_bam`, `predict_pair`, `annotate_stream`.

use std::fs::{self, File};
use std::process::Command;

use deepallele_tests::*;

/// An example of the library, which the tests of the library leave next to the commands.
fn example(name: &str) -> Command {
    let program = bin_folder().join("examples").join(name);
    assert!(program.is_file(), "no {program:?}: run `make test`, or `cargo test` of the package deepallele-core");
    Command::new(program)
}

/// Tab-separated text without lines of `##`, and of its columns only those at `wanted`.
fn cut(table: &str, wanted: &[usize]) -> Vec<String> {
    let lines = table.lines().filter(|line| !line.starts_with("##"));
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        wanted.iter().map(|&column| columns[column]).collect::<Vec<_>>().join("\t")
    };
    lines.map(row).collect()
}

#[test]
fn count_bam_counts_as_count_does() {
    let ours = good_text(example("count_bam").arg(reads()).arg(phased()).arg("NA12878").arg(regions()));
    let theirs = good_text(&mut count(&reads(), &regions()));
    let all: Vec<&str> = ours.lines().collect();
    assert_eq!(all, cut(&theirs, &[0, 1, 2, 7, 8, 9, 10]));
    assert_eq!(all.len(), peaks().len() + 1);
}

#[test]
fn predict_pair_predicts_as_predict_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = imported(folder.path(), "mh");
    let pairs = fs::read_to_string(data("parity/mh/pairs.tsv")).expect("the pairs");
    let pairs: String = pairs.lines().take(4).map(|line| format!("{line}\n")).collect();
    let table = put(folder.path(), "pairs.tsv", &pairs);
    let theirs = good_text(deepallele("predict").arg("-m").arg(&model).arg("--pairs").arg(table));
    let theirs = cut(&theirs, &[1, 2, 3]);
    for (line, expected) in pairs.lines().zip(&theirs).skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let ours = good_text(example("predict_pair").arg(&model).args(&columns[1..3]));
        assert_eq!(ours.lines().collect::<Vec<_>>(), [&theirs[0], expected]);
    }
}

#[test]
fn annotate_stream_annotates_as_annotate_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = imported(folder.path(), "mh");
    let ours = good_text(
        example("annotate_stream").arg(&model).arg(genome()).stdin(File::open(phased()).expect("the variants")),
    );
    let theirs = good_text(annotate(&model, &phased()).arg("--no-version"));
    assert_eq!(ours, theirs);
    assert!(ours.matches("DA_LFC=").count() > 600);
}

#[test]
fn an_example_without_arguments_shows_its_usage() {
    for name in ["count_bam", "predict_pair", "annotate_stream"] {
        let outcome = example(name).output().expect("it runs");
        assert!(!outcome.status.success());
        assert!(text(&outcome.stderr).contains(&format!("usage: {name} ")), "{}", text(&outcome.stderr));
    }
}
