//! `deepallele explain attributions --method`: gradient, integrated gradients and DeepLIFT.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;
use npyz::NpyFile;

/// Contributions of a haplotype, (pairs, 4, window).
fn contributions(folder: &Path, haplotype: usize) -> Vec<f32> {
    let path = folder.join(format!("hap{haplotype}.npz"));
    let mut archive = zip::ZipArchive::new(fs::File::open(path).expect("an archive")).expect("an archive");
    NpyFile::new(archive.by_name("arr_0.npy").expect("arr_0")).expect("an array").into_vec().expect("float32")
}

fn explain(model: &Path, pairs: &Path, folder: &Path, method: &str) -> Command {
    let mut command = deepallele("explain");
    command.arg("attributions").arg("-m").arg(model).arg("--pairs").arg(pairs).arg("-o").arg(folder);
    command.args(["--method", method]);
    command
}

/// The pairs of the golden vectors, and their number.
fn golden_pairs(here: &Path) -> (PathBuf, usize) {
    let table = fs::read_to_string(data("parity/mh/pairs.tsv")).unwrap();
    let rows: Vec<&str> = table.lines().take(5).collect();
    (put(here, "golden.tsv", rows.join("\n") + "\n"), rows.len() - 1)
}

/// The published multipliers less their mean over the bases of a position, in log2, wherever there is a base.
#[test]
fn published_attributions_are_reproduced() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let (pairs, count) = golden_pairs(here);
    let window = WINDOW as usize;
    let table = Table::parse(&fs::read_to_string(&pairs).unwrap());
    for (method, name, limit) in [
        ("gradient", "gradient", 1e-4),
        ("deeplift", "deeplift_multipliers", 1e-4),
        ("integrated-gradients", "integrated_gradients", 1e-3),
    ] {
        let out = here.join(method);
        let output = run(&mut explain(&model, &pairs, &out, method));
        let messages = text(&output.stderr);
        assert!(output.status.success(), "{messages}");
        assert_eq!(messages.contains("sum to the difference"), method != "gradient", "{messages}");
        let mut archive =
            zip::ZipArchive::new(fs::File::open(data("parity/mh/attributions_ratio.npz")).unwrap()).unwrap();
        let golden: Vec<f32> =
            NpyFile::new(archive.by_name(&format!("{name}.npy")).unwrap()).unwrap().into_vec().unwrap();
        let mut compared = 0;
        for (allele, column) in ["allele_a", "allele_b"].into_iter().enumerate() {
            let found = contributions(&out, allele + 1);
            assert_eq!(found.len(), count * 4 * window);
            for pair in 0..count {
                let bases = table.text(pair, column).to_owned();
                for at in 0..window {
                    let of = |base: usize| f64::from(golden[((pair * window + at) * 4 + base) * 2 + allele]);
                    let mean = (0..4).map(of).sum::<f64>() / 4.0;
                    let known = bases.as_bytes().get(at).is_some_and(|base| b"ACGT".contains(base));
                    for base in 0..4 {
                        let value = f64::from(found[(pair * 4 + base) * window + at]) * std::f64::consts::LN_2;
                        let expected = if known { of(base) - mean } else { 0.0 };
                        assert!((value - expected).abs() < limit, "{method} {pair} {allele} {at}: {value} {expected}");
                        compared += usize::from(known);
                    }
                }
            }
        }
        assert!(compared > 2000, "{compared}");
        let settings = fs::read_to_string(out.join("explain.json")).unwrap();
        assert!(settings.contains(&format!("\"method\": \"{method}\"")), "{settings}");
        assert_eq!(settings.contains("\"baseline\": \"uniform\""), method != "gradient", "{settings}");
    }
}

/// Relative to shuffles, contributions do not depend on threads but on the seed, and sum to the differences.
#[test]
fn shuffles_follow_the_seed_and_not_the_threads() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let (pairs, _) = golden_pairs(here);
    let of = |name: &str, more: &[&str]| {
        let out = here.join(name);
        let mut command = explain(&model, &pairs, &out, "deeplift");
        good(command.args(["--no-version", "--baseline", "shuffles", "--shuffles", "3", "--gauge", "none"]).args(more));
        let settings = fs::read_to_string(out.join("explain.json")).unwrap();
        assert!(settings.contains("\"shuffles\": 3"), "{settings}");
        [1, 2].map(|haplotype| contributions(&out, haplotype))
    };
    let one = of("one", &["-@", "1"]);
    assert!(of("three", &["-@", "3"]) == one);
    assert!(of("seed", &["--seed", "2"]) != one);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let pairs = put(here, "pairs.tsv", "id\tallele_a\tallele_b\nx\tACGT\tACG\n");
    let other = linear_network(here, "log2");
    for (model, method, more, words) in [
        (&model, "ism", &["--baseline", "uniform"][..], "no baseline"),
        (&model, "gradient", &["--baseline", "uniform"], "no baseline"),
        (&model, "deeplift", &["--shuffles", "3"], "--baseline shuffles"),
        (&other, "deeplift", &[], "networks of this suite"),
    ] {
        let said = misused(explain(model, &pairs, &here.join("out"), method).args(more));
        assert!(said.contains(words), "{said}");
        assert!(!here.join("out").exists());
    }
    let mut unknown = explain(&model, &pairs, &here.join("out"), "deeplift");
    refused_in(here, unknown.args(["--model-sample", "heart"]), &["heart"]);
}
