//! `deepallele explain motifs`: the motifs of toy networks whose answer is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn known() -> PathBuf {
    data("motifs/jaspar2020_subset.meme")
}

/// Probabilities (width, 4) of a motif of a MEME file.
fn matrix(name: &str) -> Vec<[f64; 4]> {
    let text = fs::read_to_string(known()).unwrap();
    let lines = text.lines().skip_while(|line| *line != format!("MOTIF {name}"));
    let rows = lines.skip_while(|line| !line.starts_with("letter-probability")).skip(1);
    rows.map_while(|line| {
        let row: Vec<f64> = line.split_whitespace().filter_map(|p| p.parse().ok()).collect();
        row.try_into().ok()
    })
    .collect()
}

fn instance(matrix: &[[f64; 4]], random: &mut ChaCha8Rng, reverse: bool) -> String {
    let letters: String = matrix
        .iter()
        .map(|row| {
            let mut left = random.random_range(0.0..row.iter().sum());
            let base = row.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            char::from(b"ACGT"[base.unwrap_or(0)])
        })
        .collect();
    match reverse {
        false => letters,
        true => letters
            .chars()
            .rev()
            .map(|c| match c {
                'A' => 'T',
                'C' => 'G',
                'G' => 'C',
                _ => 'A',
            })
            .collect(),
    }
}

/// Designed pairs with an instance of both motifs in allele A; allele B lacks a few bases of every third instance of the
/// first one.
fn pairs(folder: &Path, motifs: [&str; 2], number: usize) -> PathBuf {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let mut table = "id\tallele_a\tallele_b\n".to_owned();
    for i in 0..number {
        let mut bases: String = (0..DETECTOR_WINDOW).map(|_| char::from(b"ACGT"[random.random_range(0..4)])).collect();
        let mut starts = Vec::new();
        for (motif, from) in motifs.iter().zip([0, DETECTOR_WINDOW / 2]) {
            let reverse = random.random_bool(0.5);
            let planted = instance(&matrix(motif), &mut random, reverse);
            let start = from + 4 + random.random_range(0..DETECTOR_WINDOW / 2 - planted.len() - 8);
            bases.replace_range(start..start + planted.len(), &planted);
            starts.push((start, planted.len()));
        }
        let mut other = bases.clone();
        if i % 3 == 0 {
            let (start, length) = starts[0];
            other.replace_range(start + length / 2 - 3..start + length / 2 + 3, "");
        }
        table += &format!("pair{i}\t{bases}\t{other}\n");
    }
    put(folder, "pairs.tsv", table)
}

/// The folder of a network that detects CTCF, which increases, and REST, which decreases the signal.
fn explained(here: &Path, head: &str) -> (PathBuf, PathBuf) {
    let model = detector_network(here, &[(&matrix("CTCF"), 1.0), (&matrix("REST"), -1.0)]);
    let out = here.join(head);
    let mut command = deepallele("explain");
    command.arg("attributions").arg("-m").arg(&model).arg("--pairs").arg(pairs(here, ["CTCF", "REST"], 60));
    good(command.args(["--head", head, "-o"]).arg(&out));
    (model, out)
}

fn motifs(folder: &Path) -> Command {
    let mut command = deepallele("explain");
    command.arg("motifs").arg(folder);
    command
}

fn motif_table(folder: &Path) -> Table {
    Table::parse(&fs::read_to_string(folder.join("motifs.tsv")).unwrap())
}

fn seqlet_table(folder: &Path) -> Table {
    Table::parse(&good_text(tool("bgzip", ["-dc"]).arg(folder.join("seqlets.tsv.gz"))))
}

#[test]
fn planted_motifs_are_the_first_matches() {
    let folder = scratch();
    for head in ["ratio", "count"] {
        let (model, out) = explained(folder.path(), head);
        let mut command = motifs(&out);
        command.arg("--motifs").arg(known()).arg("-m").arg(&model).args(["--null-regions", "30"]);
        let stderr = text(&run(&mut command).stderr);
        assert!(stderr.contains("estimated false discovery rate") && !stderr.contains("no error rate"), "{stderr}");
        let table = motif_table(&out);
        for (name, direction) in [("CTCF", "increase"), ("REST", "decrease")] {
            let row = table.column("match1").iter().position(|found| found == name);
            let row = row.unwrap_or_else(|| panic!("{head} {name}: {:?}", table.column("match1")));
            assert!(row < 2 && table.number(row, "match1_q") < 0.01, "{head} {name}");
            assert_eq!(table.text(row, "direction"), direction);
            // Of both alleles; most regions have the motif.
            assert!(table.number(row, "share") > 0.8 && table.number(row, "n") > 90.0, "{head} {name}");
            let (increase, decrease) = (table.number(row, "increase"), table.number(row, "decrease"));
            assert_eq!(increase + decrease, table.number(row, "n"));
            assert_eq!(table.number(row, "mean_effect") > 0.0, direction == "increase");
            assert_eq!(increase > decrease, direction == "increase");
        }
        let seqlets = seqlet_table(&out);
        let n = seqlets.column("motif").len();
        // What is deleted in allele B: no counterpart, and a difference of the whole effect.
        let mut without = 0;
        for row in 0..n {
            let (start, end) = (seqlets.number(row, "start"), seqlets.number(row, "end"));
            assert!(start < end || seqlets.text(row, "haplotype") == "2");
            let (name, score) = (seqlets.text(row, "name"), seqlets.number(row, "score"));
            assert!(name == seqlets.text(row, "motif") && (0.0..=1000.0).contains(&score));
            if seqlets.text(row, "haplotype") == "1" {
                assert_eq!((start, end - start), (seqlets.number(row, "offset"), seqlets.number(row, "length")));
            }
            let region: usize = seqlets.text(row, "region")["pair".len()..].parse().unwrap();
            if !region.is_multiple_of(3) {
                assert_eq!((seqlets.text(row, "common"), seqlets.text(row, "delta")), ("1", "0"));
            } else if seqlets.text(row, "common") == "0" {
                assert!(seqlets.number(row, "delta").abs() > 0.1 * seqlets.number(row, "mean").abs());
                without += 1;
            }
        }
        assert!(without >= 15, "{without} of {n}");
        let total: f64 = table.sum("n");
        assert_eq!(seqlets.column("motif").iter().filter(|name| *name != ".").count(), total as usize);
        // What was written can be compared again, with the same result.
        let mut again = deepallele("explain");
        again.args(["motifs", "--match"]).arg(out.join("motifs.meme")).arg("--motifs").arg(known());
        let again = Table::parse(&good_text(&mut again));
        for row in 0..table.column("match1").len() {
            let name = table.text(row, "motif");
            let same = again.column("motif").iter().position(|found| found.split(' ').next() == Some(name)).unwrap();
            assert_eq!(again.text(same, "match"), table.text(row, "match1"));
            for column in ["p", "q", "offset", "overlap", "strand"] {
                assert_eq!(again.text(same, column), table.text(row, &format!("match1_{column}")), "{name} {column}");
            }
        }
        for name in table.column("motif") {
            let logo = fs::read_to_string(out.join(format!("motif_logos/{name}.svg"))).unwrap();
            assert!(logo.contains("<use") && logo.ends_with("</svg>\n"));
        }
        assert!(fs::read_to_string(out.join("motif_tree.svg")).unwrap().contains("motif_1"));
    }
}

#[test]
fn threads_callers_and_runs() {
    let folder = scratch();
    let (model, out) = explained(folder.path(), "ratio");
    let files =
        ["motifs.meme", "motifs.tsv", "motifs.npz", "seqlets.tsv.gz", "motif_tree.svg", "motif_logos/motif_1.svg"];
    let read = || -> Vec<Vec<u8>> { files.iter().map(|name| fs::read(out.join(name)).unwrap()).collect() };
    let with = |more: &[&str]| -> (Vec<Vec<u8>>, String) {
        let mut command = motifs(&out);
        command.arg("--motifs").arg(known()).args(["--no-version"]).args(more);
        let stderr = text(&run(&mut command).stderr);
        (read(), stderr)
    };
    let model = as_str(&model).to_owned();
    let (one, _) = with(&["-@", "1", "-m", &model, "--null-regions", "10"]);
    assert!(with(&["-@", "2", "-m", &model, "--null-regions", "10"]).0 == one);
    let (plain, stderr) = with(&["-@", "2"]);
    assert!(stderr.contains("no error rate of seqlets is controlled"), "{stderr}");
    assert!(plain != one && with(&["-@", "1"]).0 == plain);
    // The published way: clusters of seqlets as they are, Pearson correlation of columns.
    with(&["--caller", "published", "--distance", "pearson"]);
    let table = motif_table(&out);
    for name in ["CTCF", "REST"] {
        let row = table.column("match1").iter().position(|found| found == name);
        assert!(row.is_some_and(|row| table.number(row, "match1_q") < 0.01), "{name}: {:?}", table.column("match1"));
    }
    assert!(seqlet_table(&out).column("p_value").iter().all(|p| p == "."));
    // Nothing is found: valid files of an empty result, and a sentence.
    let (_, stderr) = {
        let mut command = motifs(&out);
        command.args(["--threshold", "0", "--no-version"]);
        let stderr = text(&run(&mut command).stderr);
        ((), stderr)
    };
    assert!(stderr.contains("there are no seqlets"), "{stderr}");
    assert_eq!(fs::read_to_string(out.join("motifs.tsv")).unwrap().lines().count(), 1);
    assert!(!out.join("motif_tree.svg").exists() && !out.join("motif_logos/motif_1.svg").exists());
}

#[test]
fn what_motifs_cannot_be_made_of_is_named() {
    let folder = scratch();
    let here = folder.path();
    let (model, out) = explained(here, "ratio");
    let empty = here.join("empty");
    fs::create_dir(&empty).unwrap();
    refused(&mut motifs(&empty), &["empty", "explain.json"]);
    refused(&mut motifs(&here.join("none")), &["none"]);
    put(here, "no.meme", "MEME version 4\n\nALPHABET= ACGT\n");
    refused(motifs(&out).arg("--motifs").arg(here.join("no.meme")), &["no.meme", "holds no motifs"]);
    put(here, "blank.meme", "");
    refused(motifs(&out).arg("--motifs").arg(here.join("blank.meme")), &["blank.meme", "is empty"]);
    let mut matching = deepallele("explain");
    matching.args(["motifs", "--match"]).arg(here.join("blank.meme")).arg("--motifs").arg(known());
    refused(&mut matching, &["blank.meme", "is empty"]);
    // Another model, of other windows and of other predictions.
    let other = here.join("other");
    fs::create_dir(&other).unwrap();
    let linear = linear_network(&other, "log2");
    let sample = ["--model-sample", "brain"];
    refused(motifs(&out).arg("-m").arg(linear).args(sample), &["reads windows of 64 bases", "linear.toml"]);
    let swapped = detector_network(&other, &[(&matrix("REST"), 1.0), (&matrix("CTCF"), -1.0)]);
    refused(motifs(&out).arg("-m").arg(swapped), &["is not the model of the folder", "pair0"]);
    // Damaged arrays.
    let whole = fs::read(out.join("hap2.npz")).unwrap();
    for (content, words) in [(&whole[..whole.len() / 2], &["hap2.npz"][..]), (&b"PK"[..], &["hap2.npz", "npz"])] {
        fs::write(out.join("hap2.npz"), content).unwrap();
        refused(&mut motifs(&out), words);
    }
    let written: Vec<String> = listing(&out).into_iter().filter(|name| name.contains("motif")).collect();
    assert!(written.is_empty(), "{written:?}");
    fs::write(out.join("hap2.npz"), &whole).unwrap();
    good(&mut motifs(&out));
    let usage = misused(motifs(&out).args(["--fdr", "0.1"]));
    assert!(usage.contains("--model"), "{usage}");
    misused(motifs(&out).arg("-m").arg(&model).args(["--fdr", "0.1", "--threshold", "0.1"]));
    misused(motifs(&out).args(["--threshold", "1.5"]));
    misused(motifs(&out).args(["--caller", "published", "--threshold", "0.1"]));
    misused(deepallele("explain").arg("motifs"));
}
