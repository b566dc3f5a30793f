//! `deepallele evaluate` on designed pairs and on the real count table: figures against those worked out here, the
//! parts of a trained model, replicates, plots, determinism and what it refuses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn on_counts(model: &Path, counts: &Path) -> Command {
    let mut command = deepallele("evaluate");
    command.arg("-m").arg(model).arg(counts).arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "NA12878"]);
    command
}

fn on_pairs(model: &Path, pairs: &Path) -> Command {
    let mut command = deepallele("evaluate");
    command.arg("-m").arg(model).arg("--pairs").arg(pairs);
    command
}

/// The figure of a row, as written.
fn text_of<'a>(table: &'a Table, place: [&str; 4], column: &str) -> &'a str {
    let fits = |row: &usize| ["section", "quantity", "case", "name"].map(|c| table.text(*row, c)) == place;
    let mut rows = (0..table.rows.len()).filter(fits);
    let row = rows.next().unwrap_or_else(|| panic!("no {place:?} in {:?}", table.rows));
    assert!(rows.next().is_none(), "{place:?} twice");
    table.text(row, column)
}

fn figure(table: &Table, place: [&str; 4], column: &str) -> f64 {
    text_of(table, place, column).parse().unwrap_or_else(|_| panic!("{place:?} has no {column}"))
}

/// Alleles, values and standard deviations of designed pairs in groups of two.
struct Pairs {
    table: String,
    alleles: Vec<(String, String)>,
    values: Vec<[f64; 2]>,
    groups: Vec<String>,
}

const SD: f64 = 0.75;

fn pairs(n: usize) -> Pairs {
    let mut chance = ChaCha8Rng::seed_from_u64(17);
    let mut made = Pairs {
        table: String::from("id\tgroup\tallele_a\tallele_b\tvalue_a\tvalue_b\tsd_a\tsd_b\n"),
        alleles: vec![],
        values: vec![],
        groups: vec![],
    };
    for i in 0..n {
        let a: String = (0..100).map(|_| char::from(b"ACGT"[chance.random_range(0..4)])).collect();
        let mut b = a.clone();
        for _ in 0..4 {
            let at = chance.random_range(0..100);
            b.replace_range(at..at + 1, ["A", "C", "G", "T"][chance.random_range(0..4)]);
        }
        let values = [0, 1].map(|_| f64::from(chance.random_range(0..4000)) / 100.0);
        let group = format!("locus{}", i / 2);
        made.table += &format!("p{i}\t{group}\t{a}\t{b}\t{}\t{}\t{SD}\t{SD}\n", values[0], values[1]);
        made.alleles.push((a, b));
        made.values.push(values);
        made.groups.push(group);
    }
    made
}

/// CRC-32 (ISO-HDLC), bit by bit.
fn crc32(text: &str) -> u32 {
    !text.bytes().fold(!0u32, |mut crc, byte| {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
        crc
    })
}

#[test]
fn figures_of_pairs_are_those_worked_out_by_hand() {
    let folder = scratch();
    let made = pairs(400);
    let file = put(folder.path(), "measured.tsv", &made.table);
    for network in ["mh", "sh"] {
        let model = imported(folder.path(), network);
        let raw = raw_predictions(folder.path(), &model, &made.alleles);
        let log2 = |v: f64| (v + 1.0).log2();
        for part in ["test", "validation", "train", "all"] {
            let mut command = on_pairs(&model, &file);
            let table = good_text(command.args(["--target-scale", "counts", "--bootstrap", "50", "--part", part]));
            let table = Table::parse(&table);
            assert_eq!(table.columns, ["section", "quantity", "case", "name", "value", "low", "high", "n"]);
            let chosen = |i: &usize| match (part, crc32(&made.groups[*i]) % 10) {
                ("all", _) => true,
                (part, digit) => part == ["train", "validation", "test"][(digit.max(7) - 7) as usize],
            };
            let rows: Vec<usize> = (0..400).filter(chosen).collect();
            let differ: Vec<usize> = rows.iter().copied().filter(|&i| made.alleles[i].0 != made.alleles[i].1).collect();
            let measured: Vec<f64> =
                differ.iter().map(|&i| log2(made.values[i][0]) - log2(made.values[i][1])).collect();
            let predicted: Vec<f64> = differ.iter().map(|&i| raw[i][2] / std::f64::consts::LN_2).collect();
            let place = ["agreement", "log2_ratio", "all", "pearson"];
            let r = pearson(&measured, &predicted);
            close(figure(&table, place, "value"), r, part);
            assert_eq!(figure(&table, place, "n") as usize, differ.len());
            assert!(figure(&table, place, "low") <= r && r <= figure(&table, place, "high"));
            for (k, haplotype) in ["hap1", "hap2"].into_iter().enumerate() {
                let x: Vec<f64> = rows.iter().map(|&i| log2(made.values[i][k])).collect();
                let y: Vec<f64> = rows.iter().map(|&i| raw[i][k] / std::f64::consts::LN_2).collect();
                close(figure(&table, ["agreement", haplotype, "all", "pearson"], "value"), pearson(&x, &y), haplotype);
                let error = x.iter().zip(&y).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / x.len() as f64;
                let place = ["agreement", haplotype, "all", "mean_squared_error"];
                close(figure(&table, place, "value"), error, haplotype);
            }
            // The ceiling of the ratio: delta method on log2(value + 1) of both alleles.
            let noise = |i: &usize| -> f64 {
                made.values[*i].iter().map(|v| (SD / (v + 1.0) / std::f64::consts::LN_2).powi(2)).sum()
            };
            let mean_noise = differ.iter().map(noise).sum::<f64>() / differ.len() as f64;
            let mean = measured.iter().sum::<f64>() / measured.len() as f64;
            let variance = measured.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / measured.len() as f64;
            let ceiling = ((variance - mean_noise) / variance).sqrt();
            close(figure(&table, ["ceiling", "log2_ratio", "spread", "ceiling"], "value"), ceiling, "ceiling");
            close(figure(&table, ["ceiling", "log2_ratio", "spread", "share_reached"], "value"), r / ceiling, "share");
            // Directions: all windows with one are in one of the bins.
            let right = measured.iter().zip(&predicted).filter(|(m, p)| *m * *p > 0.0).count() as f64;
            let with = measured.iter().filter(|m| **m != 0.0).count();
            let place = ["direction", "log2_ratio", "all", "right_sign"];
            close(figure(&table, place, "value"), right / with as f64, "direction");
            let bins = ["0-0.5", "0.5-1", "1-2", ">2"]
                .map(|bin| figure(&table, ["direction", "log2_ratio", bin, "right_sign"], "n"));
            assert_eq!(bins.iter().sum::<f64>() as usize, with);
        }
    }
}

#[test]
fn controls_tell_a_free_ratio_head_from_a_difference() {
    let folder = scratch();
    let made = pairs(300);
    let file = put(folder.path(), "measured.tsv", &made.table);
    let control = |network: &str, case: &str, name: &str| {
        let model = imported(folder.path(), network);
        let table = good_text(on_pairs(&model, &file).args(["--part", "all", "--bootstrap", "0"]));
        figure(&Table::parse(&table), ["controls", "log2_ratio", case, name], "value")
    };
    for case in ["identical_hap1", "identical_hap2", "swapped"] {
        assert!(control("mh", case, "largest_absolute") > 0.1, "{case}");
        assert_eq!(control("cr", case, "largest_absolute"), 0.0, "{case}");
    }
    // Identical alleles against what predict says of them.
    let model = imported(folder.path(), "mh");
    let same: Vec<_> = made.alleles.iter().map(|(a, _)| (a.clone(), a.clone())).collect();
    let told = raw_predictions(folder.path(), &model, &same);
    let sizes = told.iter().map(|r| (r[2] / std::f64::consts::LN_2).abs());
    close(control("mh", "identical_hap1", "mean_absolute"), sizes.clone().sum::<f64>() / 300.0, "mean");
    close(control("mh", "identical_hap1", "largest_absolute"), sizes.fold(0.0, f64::max), "largest");
}

#[test]
fn the_count_table_with_counting_noise_and_replicates() {
    let folder = scratch();
    let here = folder.path();
    let counts = counted(here, "counts.tsv");
    let model = imported(here, "mh");
    let table = Table::parse(&good_text(on_counts(&model, &counts).args(["--part", "all"])));
    // As many windows differ as predict finds, and their agreement is that of `predict --compare`.
    let mut command = deepallele("predict");
    command.arg("-m").arg(&model).arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "NA12878", "--compare"]);
    let predicted = Table::parse(&good_text(command.arg(&counts)));
    let rows: Vec<usize> = (0..predicted.rows.len()).collect();
    let column = |rows: &[usize], name: &str| -> Vec<f64> { rows.iter().map(|&r| predicted.number(r, name)).collect() };
    let differ: Vec<usize> = rows.iter().copied().filter(|&r| predicted.number(r, "variants") > 0.0).collect();
    let ratio = ["agreement", "log2_ratio", "all", "pearson"];
    assert_eq!(figure(&table, ratio, "n") as usize, differ.len());
    close(
        figure(&table, ratio, "value"),
        pearson(&column(&differ, "measured_log2_ratio"), &column(&differ, "log2_ratio")),
        "ratio",
    );
    let noise = |kind: &str, name: &str| figure(&table, ["ceiling", "log2_ratio", kind, name], "value");
    assert!(noise("counting_binomial", "noise_variance") < noise("counting_beta_binomial", "noise_variance"));
    assert!(noise("counting_binomial", "ceiling") > noise("counting_beta_binomial", "ceiling"));

    // A replicate that is the table itself under another name correlates by 1.
    let content = fs::read_to_string(&counts).unwrap();
    let again = put(here, "again.tsv", content.replace("\tctcf_chip.chr22\t", "\tagain\t"));
    let with = good_text(on_counts(&model, &counts).args(["--part", "all", "--replicate"]).arg(&again));
    let with = Table::parse(&with);
    for quantity in ["hap1", "hap2", "log2_ratio"] {
        let place = |name| ["ceiling", quantity, "replicate_again", name];
        close(figure(&with, place("pearson_between"), "value"), 1.0, quantity);
        let agreement = figure(&with, ["agreement", quantity, "all", "pearson"], "value");
        close(figure(&with, place("share_reached"), "value"), agreement, quantity);
    }
    // Both samples in one table: one is named, the other is its replicate.
    let body =
        |text: &str| -> String { text.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect() };
    let both = put(here, "both.tsv", content.clone() + &body(&fs::read_to_string(&again).unwrap()));
    let mut command = on_counts(&model, &both);
    command.args(["--part", "all", "--count-sample", "ctcf_chip.chr22", "--replicate"]).arg(&both);
    let together = good_text(&mut command);
    let lines = |text: &str| -> Vec<String> { without_header(text).lines().map(str::to_owned).collect() };
    assert_eq!(lines(&together).len(), with.rows.len() + 1);
    assert_eq!(Table::parse(&together).rows, with.rows);
    refused(&mut on_counts(&model, &both), &["both.tsv", "again", "--count-sample"]);
}

/// A network trained for one epoch, with three tenths of the windows for validation and as many for the test.
fn holding_out(folder: &Path, counts: &Path) -> PathBuf {
    let run = folder.join("run");
    let mut command = train(counts, &run);
    good(command.args(["--window", "128", "--epochs", "1", "--validation-share", "0.3", "--test-share", "0.3"]));
    run
}

#[test]
fn the_windows_of_a_trained_model_are_those_it_held_out() {
    let folder = scratch();
    let here = folder.path();
    let counts = counted(here, "counts.tsv");
    let run = holding_out(here, &counts);
    let model = run.join("model.onnx");
    let held = Table::read(&run.join("predictions.tsv.gz"));
    let part_of = |name: &str| (0..held.rows.len()).filter(|&r| held.text(r, "part") == name).collect::<Vec<_>>();
    let size = |part: &str| {
        let table = good_text(on_counts(&model, &counts).args(["--part", part, "--bootstrap", "20", "--kmer-ridge=3"]));
        (Table::parse(&table), table)
    };
    for part in ["test", "validation"] {
        let rows = part_of(part);
        let (table, _) = size(part);
        assert_eq!(figure(&table, ["agreement", "hap1", "all", "pearson"], "n") as usize, rows.len());
        let log2 = |column: &str| -> Vec<f64> { rows.iter().map(|&r| (held.number(r, column) + 1.0).log2()).collect() };
        let r = pearson(&log2("measured_hap1"), &log2("hap1"));
        close(figure(&table, ["agreement", "hap1", "all", "pearson"], "value"), r, part);
    }
    let (train, text) = size("train");
    let n = figure(&train, ["agreement", "hap1", "all", "pearson"], "n") as usize;
    assert_eq!(n + held.rows.len(), 1304);
    assert!(text.contains("##part=train\n") && text.contains(&format!("##windows={n}\n")), "{text}");
    // Training windows are there, so the controls without sequence and the ridge have figures.
    assert!(figure(&train, ["controls", "log2_ratio", "variants_signed", "pearson"], "value").abs() <= 1.0);
    assert!(figure(&train, ["kmer_ridge", "hap1", "all", "pearson"], "value") > 0.0);
    assert_eq!(text_of(&train, ["controls", "log2_ratio", "length_difference", "pearson"], "value"), ".");
}

#[test]
fn the_same_bytes_at_any_number_of_threads_and_from_a_pipe() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let file = put(folder.path(), "measured.tsv", pairs(300).table);
    let with = |more: &[&str]| {
        let mut command = on_pairs(&model, &file);
        without_header(&good_text(command.args(["--kmer-ridge=4", "--bootstrap", "100"]).args(more)))
    };
    let one = with(&["-@", "1"]);
    assert!(one == with(&["-@", "2"]) && one == with(&["-@", "5"]));
    let other = with(&["--seed", "2"]);
    assert!(one != other);
    // Another seed changes intervals and shuffled partners, no other value.
    let values = |text: &str| -> Vec<String> {
        let table = Table::parse(text);
        let kept = table.rows.iter().filter(|row| row[2] != "shuffled_partners");
        kept.map(|row| format!("{:?}{}", &row[..5], row[7])).collect()
    };
    assert_eq!(values(&one), values(&other));
    let mut piped = on_pairs(&model, "-".as_ref());
    let piped = feed(piped.args(["--kmer-ridge=4", "--bootstrap", "100"]), &fs::read(&file).unwrap());
    assert!(one == without_header(&text(&piped)));
    let counts = counted(folder.path(), "counts.tsv");
    let on = |threads: &str| {
        without_header(&good_text(on_counts(&model, &counts).args([
            "--part",
            "all",
            "--bootstrap",
            "50",
            "-@",
            threads,
        ])))
    };
    assert!(on("1") == on("3"));
}

#[test]
fn plots_are_drawn_beside_the_table() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let file = put(here, "measured.tsv", pairs(200).table);
    let out = here.join("figures.tsv");
    good(on_pairs(&model, &file).args(["--part", "all", "--plots"]).arg(here.join("a.b")).arg("-o").arg(&out));
    assert!(fs::read_to_string(&out).unwrap().starts_with("##deepallele_evaluateVersion="));
    for name in ["hap1", "hap2", "ratio", "calibration", "direction"] {
        let svg = fs::read_to_string(here.join(format!("a.b.{name}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
        let points = svg.matches("<circle").count();
        let least = if name == "calibration" { 10 } else { 5 };
        assert!(points >= least, "{points} points in {name}");
    }
    assert!(listing(here).iter().all(|name| !name.starts_with(".deepallele")));
}

#[test]
fn bad_input_leaves_nothing() {
    let models = scratch();
    let model = imported(models.path(), "mh");
    let counts = counted(models.path(), "counts.tsv");
    let content = fs::read_to_string(&counts).unwrap();
    let folder = scratch();
    let here = folder.path();
    let out = |command: &mut Command| {
        let mut again = Command::new(command.get_program());
        again.args(command.get_args()).arg("-o").arg(here.join("out.tsv")).arg("--plots").arg(here.join("plot"));
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => again.env(key, value),
                None => again.env_remove(key),
            };
        }
        again
    };
    let head = "id\tallele_a\tallele_b\tvalue_a\tvalue_b\tsd_a\tsd_b\n";
    for (name, table, words) in [
        ("header.tsv", "id\tallele_a\tallele_b\nx\tA\tC\n".to_owned(), vec!["header.tsv", "value_a"]),
        ("empty.tsv", head.to_owned(), vec!["empty.tsv", "no pairs"]),
        ("word.tsv", format!("{head}x\tA\tC\t1\tmany\t1\t1\n"), vec!["word.tsv", "line 2", "many"]),
        ("long.tsv", format!("{head}x\t{0}\t{0}\t1\t1\t1\t1\n", "A".repeat(111)), vec!["long.tsv", "line 2", "111"]),
        ("minus.tsv", format!("{head}x\tA\tC\t-7\t1\t1\t1\n"), vec!["minus.tsv", "line 2", "logarithm"]),
        ("sd.tsv", format!("{head}x\tA\tC\t7\t1\t1\t-1\n"), vec!["sd.tsv", "line 2", "standard deviation"]),
    ] {
        let pairs = put(here, name, table);
        refused_in(here, out(&mut on_pairs(&model, &pairs)).args(["--part", "all"]), &words);
    }
    // One pair is in one part only.
    let digit = crc32("x") % 10;
    let part = if digit == 9 { "train" } else { "test" };
    let alone = put(here, "alone.tsv", format!("{head}x\tA\tC\t7\t1\t1\t1\n"));
    refused_in(here, out(&mut on_pairs(&model, &alone)).args(["--part", part]), &["alone.tsv", part]);
    refused_in(here, &mut out(&mut on_counts(&model, &counts)), &["counts.tsv", "--part all"]);
    let all = ["--part", "all"];
    let words = put(here, "words.onnx", "these are words");
    refused_in(here, out(&mut on_counts(&words, &counts)).args(all), &["words.onnx"]);
    refused_in(here, out(&mut on_counts("nowhere.onnx".as_ref(), &counts)).args(all), &["\"nowhere.onnx\""]);
    refused_in(here, out(&mut on_counts(&model, &regions())).args(all), &["regions.narrowPeak", "line 1"]);
    let lost = put(here, "lost.tsv", content.replace("chr22\t", "chrQ\t"));
    refused_in(here, out(&mut on_counts(&model, &lost)).args(all), &["lost.tsv", "chrQ"]);
    let sample = ["--part", "all", "--count-sample", "nobody"];
    refused_in(here, out(&mut on_counts(&model, &counts)).args(sample), &["nobody", "ctcf_chip.chr22"]);
    let mut command = out(&mut on_counts(&model, &counts));
    refused_in(here, command.args(all).arg("--replicate").arg(&counts), &["no other sample"]);
    let far = content.replace("\tctcf_chip.chr22\t", "\tfar\t");
    let far: String = far.lines().filter(|l| l.starts_with('#')).map(|l| format!("{l}\n")).collect::<String>()
        + "chr22\t5\t9\t.\t.\t.\tfar\t1\t2\t3\t4\t5\t.\t.\t.\t.\n";
    let far = put(here, "far.tsv", far);
    let mut command = out(&mut on_counts(&model, &counts));
    refused_in(here, command.args(all).arg("--replicate").arg(&far), &["far.tsv", "none of the regions"]);
    // A full disk, and no folder for the plots' table.
    refused_in(here, on_counts(&model, &counts).args(all).args(["-o", "/dev/full"]), &["/dev/full", "No space left"]);
    refused_in(here, on_counts(&model, &counts).args(all).args(["-o", "/nowhere/x.tsv"]), &["/nowhere/x.tsv"]);
}

#[test]
fn a_network_of_other_software_is_evaluated() {
    let folder = scratch();
    let model = linear_network(folder.path(), "log2");
    let mut table = String::from("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n");
    let mut chance = ChaCha8Rng::seed_from_u64(17);
    let mut sequence = || -> String { (0..64).map(|_| char::from(b"ACGT"[chance.random_range(0..4)])).collect() };
    for i in 0..40 {
        let (one, two) = (sequence(), sequence());
        // What the network says, doubled.
        let [a, b] = [&one, &two].map(|s| 2.0 * linear_value(s, 1));
        table += &format!("p{i}\t{one}\t{two}\t{a}\t{b}\n");
    }
    let pairs = put(folder.path(), "pairs.tsv", table);
    let more = ["--target-scale", "log2", "--model-sample", "brain", "--bootstrap", "0"];
    let found = good_text(on_pairs(&model, &pairs).args(more).args(["--part", "all"]));
    let found = Table::parse(&found);
    for quantity in ["hap1", "hap2", "log2_ratio"] {
        let place = |row: &usize| found.text(*row, "quantity") == quantity && found.text(*row, "name") == "pearson";
        let rows: Vec<usize> = (0..found.rows.len()).filter(place).collect();
        assert!(!rows.is_empty(), "{quantity}: {:?}", found.rows);
        close(found.number(rows[0], "value"), 1.0, quantity);
    }
    // Activity itself is negative for some.
    let linear = linear_network(folder.path(), "linear");
    let mut command = on_pairs(&linear, &pairs);
    refused(command.args(more).args(["--part", "all"]), &["linear.toml", "no finite number", "pseudocount"]);
}
