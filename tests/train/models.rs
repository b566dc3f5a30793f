//! `deepallele train` on the real windows: the same seed gives the same model, the held-out figures beat the
//! baselines, the files it leaves serve the other commands, and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};

use deepallele_tests::*;

/// The same command but for its folder, so that the command line inside the model is no difference.
fn trained_in(place: &Path, counts: &Path, name: &str, more: &[&str]) -> PathBuf {
    let folder = place.join(name);
    fs::create_dir(&folder).unwrap();
    good(train(counts, "run".as_ref()).args(more).current_dir(&folder));
    folder.join("run")
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counted(folder.path(), "counts.tsv.gz");
    let short = ["--window", "128", "--epochs", "2", "--seed", "5"];
    let first = trained_in(folder.path(), &counts, "first", &short);
    let again = trained_in(folder.path(), &counts, "again", &short);
    for file in ["model.onnx", "model.safetensors", "metrics.tsv", "predictions.tsv.gz", "summary.json"] {
        let same = fs::read(first.join(file)).unwrap() == fs::read(again.join(file)).unwrap();
        assert!(same, "{file} differs between two runs of one seed");
    }
    let other = trained_in(folder.path(), &counts, "other", &["--window", "128", "--epochs", "2", "--seed", "6"]);
    assert!(fs::read(first.join("metrics.tsv")).unwrap() != fs::read(other.join("metrics.tsv")).unwrap());
    assert!(fs::read(first.join("model.onnx")).unwrap() != fs::read(other.join("model.onnx")).unwrap());
}

/// The figures that training prints: one line a model and quantity.
fn figure(table: &Table, model: &str, quantity: &str, column: &str) -> f64 {
    let row = (0..table.rows.len())
        .find(|row| table.text(*row, "on_test") == model && table.text(*row, "quantity") == quantity)
        .unwrap_or_else(|| panic!("no {quantity} of {model} in {:?}", table.rows));
    table.number(row, column)
}

#[test]
fn predicted_counts_beat_gc_content_and_the_mean_on_held_out_blocks() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counted(folder.path(), "counts.tsv.gz");
    let run = folder.path().join("run");
    let table = Table::parse(&good_text(train(&counts, &run).args(TRAINING)));
    for haplotype in ["hap1", "hap2"] {
        let of = |model: &str, column: &str| figure(&table, model, haplotype, column);
        assert!(of("model", "pearson") > of("gc", "pearson") + 0.1, "{:?}", table.rows);
        assert!(of("model", "spearman") > of("gc", "spearman"), "{:?}", table.rows);
        for baseline in ["gc", "mean"] {
            let (ours, theirs) = (of("model", "mean_squared_error"), of(baseline, "mean_squared_error"));
            assert!(ours < theirs, "{haplotype}: {ours} against {theirs} of {baseline}");
        }
    }
    for file in ["model.onnx", "model.safetensors", "config.toml", "metrics.tsv", "summary.json", "predictions.tsv.gz"]
    {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    assert!(listing(&run).iter().any(|name| name.ends_with(".svg")), "no plot in {:?}", listing(&run));
    assert!(listing(&run).iter().all(|name| !name.starts_with(".tmp")), "{:?}", listing(&run));

    // No window of one block is in two parts, and the table of held-out windows has no training window.
    let held = Table::read(&run.join("predictions.tsv.gz"));
    let (mut test, mut validation) = (Vec::new(), Vec::new());
    for row in 0..held.rows.len() {
        let block = (held.number(row, "start") + held.number(row, "end")) as u64 / 2 / 500_000;
        match held.text(row, "part") {
            "test" => test.push(block),
            "validation" => validation.push(block),
            other => panic!("a {other} window among those held out"),
        }
    }
    assert!(test.len() > 50 && validation.len() > 50);
    assert!(test.iter().all(|block| !validation.contains(block)), "a block in two parts");

    // The model serves the other commands, and the held-out table holds what predict predicts.
    same_predictions(&held, &Table::parse(&good_text(&mut predict(&run.join("model.onnx"), &counts))));
    let annotated = good_text(&mut annotate(&run.join("model.onnx"), &phased()));
    assert_eq!(annotated.matches("DA_LFC=").count(), 623);
}

/// The options of `make demo` with fewer epochs.
const TRAINING: [&str; 8] = ["--window", "256", "--learning-rate", "0.001", "--epochs", "10", "--seed", "1"];

#[test]
fn all_three_networks_train_on_pairs() {
    let _turn = training_turn();
    let folder = scratch();
    let pairs = fs::read_to_string(data("parity/mh/train_pairs.tsv")).unwrap();
    let pairs = pairs.replace("target_a\ttarget_b", "value_a\tvalue_b");
    let pairs = put(folder.path(), "designed.tsv", pairs);
    for kind in ["paired", "difference", "single"] {
        let run = folder.path().join(kind);
        let mut train = deepallele("train");
        train.arg("--pairs").arg(&pairs).args(["--target-scale", "log2", "--window", "110", "--epochs", "1"]);
        good(train.args(["--device", "cpu", "--model", kind]).arg("-o").arg(&run));
        let table = predict_raw(&run.join("model.onnx"), &data("parity/mh/pairs.tsv"));
        assert!(table.rows.len() >= 8);
        for row in 0..table.rows.len() {
            let of = |column: &str| table.number(row, column);
            if kind != "paired" {
                close(of("ratio"), of("count_a") - of("count_b"), kind);
            }
        }
    }
}

#[test]
fn bad_input() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counted(folder.path(), "counts.tsv.gz");
    let run = folder.path().join("run");
    let words = put(folder.path(), "words.tsv", "these are words\n");
    refused(&mut train(&words, &run), &["words.tsv"]);
    let empty = put(folder.path(), "empty.tsv", "");
    refused(&mut train(&empty, &run), &["empty.tsv"]);
    let table = unpacked(&counts);
    let broken =
        put(folder.path(), "broken.tsv", table.replacen("ctcf_peak_1\t195\t.\t", "ctcf_peak_1\t195\t.\tx\t", 1));
    refused(&mut train(&broken, &run), &["broken.tsv", "line "]);
    let mut other = deepallele("train");
    other.arg(&counts).arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "nobody", "-o"]).arg(&run);
    refused(&mut other, &["nobody", "NA12878"]);
    let mut chromosomes = train(&counts, &run);
    refused(chromosomes.args(["--split", "chrom", "--test-chroms", "chrQ", "--validation-chroms", "chr22"]), &["chrQ"]);
    assert!(!run.join("model.onnx").exists());
    misused(train(&counts, &run).args(["--preset", "huge"]));
}
