//! Help of every command: its options are grouped, and its examples run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// Bases of the part of chr22 that the files of the examples cover, 0-based half-open.
const PART: (u64, u64) = (22_000_000, 27_000_000);
/// Every how many regions of that part are used.
const EVERY: usize = 8;
const SAMPLE: &str = "NA12878";

fn help(name: &str) -> String {
    let mut words = name.split(' ');
    let mut command = deepallele(words.next().expect("a name"));
    good_text(command.args(words).arg("--help"))
}

/// The examples of a help text: the comment above each, and its command line.
fn examples(help: &str) -> Vec<(&str, &str)> {
    let (_, examples) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("no examples in {help}"));
    let lines: Vec<&str> = examples.lines().filter(|line| !line.is_empty()).collect();
    lines
        .chunks(2)
        .map(|pair| match pair {
            [comment, line] if comment.starts_with("  # ") && line.starts_with("  deepallele ") => {
                (&comment[4..], &line[2..])
            }
            other => panic!("not a comment and a command line: {other:?}"),
        })
        .collect()
}

#[test]
fn every_help_is_grouped_and_ends_with_examples() {
    for name in command_lines() {
        let help = help(name);
        let examples = examples(&help);
        assert!((2..=3).contains(&examples.len()), "{name}: {} examples", examples.len());
        for (comment, line) in &examples {
            assert!(comment.starts_with(char::is_uppercase), "{name}: {comment}");
            assert!(line.starts_with(&format!("deepallele {name} ")), "{name}: {line}");
        }
        let (options, _) = help.split_once("\nExamples:\n").expect("examples");
        let headings: Vec<&str> = options
            .lines()
            .filter_map(|line| line.strip_suffix(':').filter(|heading| !heading.starts_with(' ') && heading.len() < 60))
            .collect();
        // Options without a heading are under "Options".
        assert!(!headings.contains(&"Options"), "{name}: {headings:?}");
        assert!(
            headings.len() > 3 && headings.contains(&"Output") && headings.last() == Some(&"Other"),
            "{headings:?}"
        );
    }
}

/// The files that the examples read, from the test data, with a model trained on them.
fn prepare(folder: &Path) {
    let place = format!("chr22:{}-{}", PART.0 + 1, PART.1);
    let path = |name: &str| folder.join(name);
    put(folder, "ref.fa", good(tool("gzip", ["-dc"]).arg(genome())));
    good(tool("samtools", ["faidx"]).arg(path("ref.fa")));
    good(tool("samtools", ["view", "-b", "-o"]).arg(path("sample.bam")).arg(reads()).arg(&place));
    good(tool("samtools", ["index"]).arg(path("sample.bam")));
    good(tool("bcftools", ["view", "-Oz", "-r", &place, "-o"]).arg(path("phased.vcf.gz")).arg(phased()));
    good(tool("tabix", ["-p", "vcf"]).arg(path("phased.vcf.gz")));

    let regions = fs::read_to_string(regions()).expect("the regions");
    let inside = regions.lines().filter(|line| {
        let start: u64 = line.split('\t').nth(1).expect("a start").parse().expect("a number");
        (PART.0 + 10_000..PART.1 - 10_000).contains(&start)
    });
    let peaks: Vec<&str> = inside.step_by(EVERY).collect();
    assert!(peaks.len() > 20, "{}", peaks.len());
    put(folder, "peaks.narrowPeak", peaks.iter().map(|line| format!("{line}\n")).collect::<String>());
    let bed = |line: &&str| line.split('\t').take(4).collect::<Vec<_>>().join("\t") + "\n";
    put(folder, "peaks.bed", peaks.iter().map(bed).collect::<String>());
    put(folder, "genes.gtf", peaks.iter().take(10).enumerate().map(gene).collect::<String>());
    put(folder, "pairs.tsv", pairs());
    symlink(data("parity/mh/model.ckpt"), path("checkpoint.ckpt")).expect("a link");
    symlink(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/import/tests/data/chip.hdf5"),
        path("published.hdf5"),
    )
    .expect("a link");

    let individual = ["-f", "ref.fa", "-v", "phased.vcf.gz", "-s", SAMPLE];
    let mut count = deepallele("count");
    count.arg("sample.bam").args(individual).args(["-L", "peaks.narrowPeak", "-o", "counts.tsv.gz"]);
    good(count.current_dir(folder));
    let mut train = deepallele("train");
    train.arg("counts.tsv.gz").args(individual).args(["--window", "200", "--epochs", "1", "--device", "cpu"]);
    good(train.args(["-o", "model"]).current_dir(folder));

    for motifs in ["jaspar.meme", "mine.meme", "other.meme"] {
        symlink(data("motifs/jaspar2020_subset.meme"), path(motifs)).expect("a link");
    }
    let mut annotate = deepallele("annotate");
    annotate.args(["-m", "model/model.onnx", "-f", "ref.fa", "-s", SAMPLE, "-L", "counts.tsv.gz", "-o", "effects.bcf"]);
    good(annotate.arg("phased.vcf.gz").current_dir(folder));
    let mut explain = deepallele("explain");
    explain
        .args(["attributions", "-m", "model/model.onnx", "-L", "peaks.narrowPeak", "-o", "explained"])
        .args(individual);
    good(explain.current_dir(folder));
}

/// A gene with one exon and one transcript.
fn gene((number, peak): (usize, &&str)) -> String {
    let columns: Vec<&str> = peak.split('\t').collect();
    let start: u64 = columns[1].parse().expect("a number");
    let strand = ['+', '-'][number % 2];
    let line = |kind: &str, more: &str| {
        format!("chr22\ttest\t{kind}\t{}\t{}\t.\t{strand}\t.\tgene_id \"G{number}\"; {more}\n", start + 1, columns[2])
    };
    let transcript = format!("transcript_id \"T{number}\"; tag \"Ensembl_canonical\";");
    line("gene", "") + &line("transcript", &transcript) + &line("exon", &transcript)
}

/// Designed pairs: sequences of the genome and the same with one other base.
fn pairs() -> String {
    let bases = bases(PART.0, PART.0 + 20_000);
    let mut table = String::from("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n");
    for (number, start) in (0..20_000 - 150).step_by(600).enumerate() {
        let allele = &bases[start..start + 150];
        let other = if &allele[75..76] == "A" { "C" } else { "A" };
        let changed = format!("{}{other}{}", &allele[..75], &allele[76..]);
        let value = |bases: &str| 1.0 + bases.bytes().filter(|b| b"GC".contains(b)).count() as f64 / 10.0;
        table += &format!("p{number}\t{allele}\t{changed}\t{}\t{}\n", value(allele), value(&changed));
    }
    table
}

/// Every file of `from` in the new folder `to`, as links; those of a folder as copies.
fn linked(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let source = entry.expect("an entry").path();
        let target = to.join(source.file_name().expect("a name"));
        match source.is_dir() {
            true => drop(good(tool("cp", ["-r"]).arg(&source).arg(&target))),
            false => symlink(&source, &target).expect("a link"),
        }
    }
}

#[test]
fn every_example_runs() {
    let scratch = scratch();
    let prepared = scratch.path().join("prepared");
    fs::create_dir(&prepared).expect("a new folder");
    prepare(&prepared);
    let path = format!("{}:{}", bin_folder().display(), std::env::var("PATH").expect("a PATH"));
    let mut ran = 0;
    for name in command_lines() {
        for (number, (comment, line)) in examples(&help(name)).into_iter().enumerate() {
            let folder = scratch.path().join(format!("{name}{number}"));
            linked(&prepared, &folder);
            // What the examples of others read is not there before it is made.
            let words: Vec<&str> = line.split(' ').collect();
            let made = words.iter().position(|word| *word == "-o").map(|at| folder.join(words[at + 1]));
            match made.filter(|made| made.exists() && !line.ends_with("-o model")) {
                Some(made) if made.is_dir() => fs::remove_dir_all(made).expect("a folder"),
                Some(made) => fs::remove_file(made).expect("a file"),
                None => {}
            }
            let explained = folder.join("explained");
            let list = || [listing(&folder), if explained.is_dir() { listing(&explained) } else { Vec::new() }];
            let before = list();
            // The device depends on the machine, not on the example.
            let mut shell = Command::new("sh");
            shell.args(["-ec", line]).current_dir(&folder).env("PATH", &path).stdin(Stdio::null());
            shell.env("CUDA_VISIBLE_DEVICES", "");
            let output = run(without_engines(&mut shell));
            assert!(output.status.success(), "{name}, {comment}: {line}\n{}", text(&output.stderr));
            // Something is written: on stdout, or into a file.
            let written = !output.stdout.is_empty() || list() != before || line.ends_with("-o model");
            assert!(written, "{name}: {line}");
            ran += 1;
        }
    }
    assert!(ran >= 2 * command_lines().len());
}
