//! Variants in several regions, and what an ensemble says about them: `deepallele annotate -L`, `--all-regions` and
//! `--ensemble`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deepallele_tests::*;

/// Positions of substitutions that lie far from each other.
fn places() -> Vec<u64> {
    let table = good_text(tool("bcftools", ["query", "-f", "%POS\n"]).arg(phased()));
    let mut places: Vec<u64> = Vec::new();
    for pos in table.lines().map(|line| line.parse::<u64>().unwrap()) {
        if places.last().is_none_or(|last| pos > last + 2000) {
            places.push(pos);
        }
    }
    assert!(places.len() > 50, "{}", places.len());
    places
}

/// BED files with one region around each place, and one with all of them.
fn bed_files(folder: &Path, places: &[u64]) -> (Vec<PathBuf>, PathBuf) {
    let spans = [(30, 50), (75, 15), (400, 330), (3, 90)];
    let line = |pos: &u64, (before, behind): (u64, u64)| format!("chr22\t{}\t{}\n", pos - before, pos + behind);
    let bed = |span| places.iter().map(|pos| line(pos, span)).collect::<String>();
    let each = spans.iter().enumerate().map(|(i, &span)| put(folder, &format!("{i}.bed"), bed(span))).collect();
    // In no order at all, and one of them twice.
    let all: String = [spans[2], spans[0], spans[3], spans[1], spans[3]].map(bed).concat();
    (each, put(folder, "all.bed", all))
}

/// What each region has by itself: position to (region, values), in the order of the files.
fn one_by_one(run: &dyn Fn(&Path) -> Vec<u8>, files: &[PathBuf], format: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut found: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for file in files {
        for mut row in query_bytes(&run(file), format) {
            let pos = row.remove(0);
            if row[0] != "." {
                found.entry(pos).or_default().push(row);
            }
        }
    }
    found
}

/// The strongest effect first; of those without one the region with the nearest centre.
fn sort(found: &mut [Vec<String>], pos: &str) {
    let strength = |row: &[String]| row[1].parse::<f64>().map_or(-1.0, f64::abs);
    let pos: i64 = pos.parse().unwrap();
    let away = |row: &[String]| {
        let (from, to) = row[0].split_once(':').unwrap().1.split_once('-').unwrap();
        let (from, to): (i64, i64) = (from.parse().unwrap(), to.parse().unwrap());
        ((from - 1 + to) / 2 - (pos - 1)).abs()
    };
    found.sort_by(|a, b| strength(b).total_cmp(&strength(a)).then(away(a).cmp(&away(b))));
}

#[test]
fn every_region_is_reported_and_the_strongest_comes_first() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let (each, all) = bed_files(folder.path(), &places());
    let phases: [&[&str]; 2] = [&[], &["-s", "NA12878"]];
    for (more, values) in phases.into_iter().zip(["LFC\tCLFC", "LFC\tLFC_BG1\tLFC_BG2\tCLFC\tPAIR\tEPI\tMAIN"]) {
        let run = |bed: &Path| good(annotate(&model, &phased()).args(more).args(["-Ou", "-L"]).arg(bed));
        let fields: String = values.split('\t').map(|field| format!("\t%DA_{field}")).collect();
        let format = format!("%POS\t%DA_REGION{fields}\n");
        let alone = one_by_one(&run, &each, &format);
        let together = query_bytes(&run(&all), &format);
        let mut several = 0;
        for mut row in together {
            let pos = row.remove(0);
            let Some(found) = alone.get(&pos) else {
                assert_eq!(row[0], ".");
                continue;
            };
            let mut found = found.clone();
            sort(&mut found, &pos);
            several += usize::from(found.len() > 1 && found[0][1] != found[1][1]);
            let regions: Vec<&str> = found.iter().map(|row| row[0].as_str()).collect();
            assert_eq!(row[0].split(',').collect::<Vec<_>>(), regions, "{pos}");
            assert_eq!(row[1..], found[0][1..], "{pos}: the values of the first region");
        }
        assert!(several > 50, "{several}");

        // The values of all of them, through the plugin that takes such fields apart.
        let out = folder.path().join("all.bcf");
        good(annotate(&model, &phased()).args(more).arg("--all-regions").arg("-L").arg(&all).arg("-o").arg(&out));
        let header = good_text(tool("bcftools", ["view", "-h"]).arg(&out));
        let format = format!("Allele|Consequence|Region|{}\"", values.replace('\t', "|"));
        assert!(header.contains(&format!("Format: {format}")), "{header}");
        let columns: String = values.split('\t').map(|field| format!("\t%{field}")).collect();
        let columns = format!("%POS\t%Region{columns}\t%Consequence\t%Allele\t%ALT\n");
        let mut split = tool("bcftools", ["+split-vep", "-d", "-a", "DA_ALL", "-f", &columns]);
        let mut seen: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for line in good_text(split.arg(&out)).lines() {
            let mut row: Vec<String> = line.split('\t').map(str::to_owned).collect();
            let (pos, alt, allele, consequence) = (row.remove(0), row.pop(), row.pop(), row.pop().unwrap());
            assert_eq!(alt, allele);
            let effect = row[1].parse().map_or("none", |effect: f64| if effect > 0.0 { "gain" } else { "loss" });
            assert_eq!(consequence, effect);
            seen.entry(pos).or_default().push(row);
        }
        assert_eq!(seen.len(), alone.len());
        for (pos, rows) in &seen {
            let mut found = alone[pos].clone();
            sort(&mut found, pos);
            // query prints a flag as 1 or a dot.
            for row in found.iter_mut().filter(|row| values.ends_with("MAIN") && row.last().unwrap() == ".") {
                *row.last_mut().unwrap() = "0".into();
            }
            assert_eq!(*rows, found, "{pos}");
        }
    }
}

#[test]
fn an_ensemble_has_the_mean_and_the_spread_of_its_networks() {
    let folder = scratch();
    let models = ["mh", "cr"].map(|network| imported(folder.path(), network));
    let ensemble = |input: &Path, more: &[&str]| {
        let mut command = deepallele("annotate");
        command.arg("-f").arg(genome()).arg("--ensemble").args(more);
        command.arg("-m").arg(&models[0]).arg("-m").arg(&models[1]).arg(input);
        command
    };
    for more in [&["-Ou"][..], &["-Ou", "-s", "NA12878"]] {
        let together = good(&mut ensemble(&phased(), more));
        let rows = query_bytes(&together, "%POS\t%DA_LFC\t%DA_LFC_SD\t%DA_CLFC\n");
        let alone = models.each_ref().map(|model| {
            let out = good(annotate(model, &phased()).args(more));
            query_bytes(&out, "%POS\t%DA_LFC\t%DA_CLFC\n")
        });
        assert_eq!(rows.len(), 623);
        for ((row, one), two) in rows.iter().zip(&alone[0]).zip(&alone[1]) {
            let value = |row: &[String], column: usize| row[column].parse::<f64>().unwrap();
            let near = |a: f64, b: f64| assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{row:?} {one:?} {two:?}");
            near(value(row, 1), (value(one, 1) + value(two, 1)) / 2.0);
            near(value(row, 2), (value(one, 1) - value(two, 1)).abs() / 2f64.sqrt());
            near(value(row, 3), (value(one, 2) + value(two, 2)) / 2.0);
        }
    }
    let header = text(&good(&mut ensemble(&phased(), &[])));
    assert!(header.contains("##INFO=<ID=DA_LFC_SD,Number=A,Type=Float,"), "{header}");
    // One network by itself has no spread.
    let single = text(&good(&mut annotate(&models[0], &phased())));
    assert!(!single.contains("DA_LFC_SD"));

    // Networks that look at different windows are no ensemble.
    let other = folder.path().join("other.onnx");
    let checkpoint = data("parity/mh/model.ckpt");
    good(deepallele("import").arg(checkpoint).args(["--layout", "left-aligned"]).arg("-o").arg(&other));
    let mut wrong = deepallele("annotate");
    wrong.arg("-f").arg(genome()).arg("--ensemble").arg("-m").arg(&models[0]).arg("-m").arg(&other).arg(phased());
    refused(&mut wrong, &["other.onnx", "left-aligned", "centred"]);
}

/// Regions are read once, whatever the number of models: they may come from a pipe.
#[test]
fn regions_of_a_pipe_are_those_of_every_model() {
    let folder = scratch();
    let models = ["mh", "cr"].map(|network| imported(folder.path(), network));
    let with = |bed: &Path| {
        let mut command = deepallele("annotate");
        command.arg("-f").arg(genome()).args(["--no-version", "--tag", "many", "--tag", "one", "-L"]).arg(bed);
        command.arg("-m").arg(&models[0]).arg("-m").arg(&models[1]).arg(phased());
        command
    };
    let piped = feed(&mut with("-".as_ref()), &std::fs::read(regions()).unwrap());
    assert!(text(&piped).lines().any(|line| line.contains(";DA_LFC_one=")));
    assert!(piped == good(&mut with(&regions())));
}
