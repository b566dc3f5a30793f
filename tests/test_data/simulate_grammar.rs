//! `scripts/simulate_grammar.py`: the same seed gives the same bytes, its files fit each other as the other commands
//! and bcftools read them, activities are those of the written sequences, and the ceiling is what it says.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

const LENGTH: usize = 200;
/// Motif, effect of a perfect site, most likely sequence. Two activators that act together and a repressor.
const MOTIFS: [(&str, f64, &str); 3] =
    [("ACT1", 0.8, "GATTACATGC"), ("ACT::2", 0.6, "CCGGAAGTGA"), ("REP", -0.7, "TGCGCAAACGTT")];
const PAIR_BONUS: f64 = 0.5;
const P_VALUE: f64 = 0.001;

/// Probability of each of ACGT at a position: high for the base of the consensus, lower every third.
fn column(position: usize, consensus: u8) -> [f64; 4] {
    let high = if position % 3 == 2 { 0.64 } else { 0.88 };
    [b'A', b'C', b'G', b'T'].map(|base| if base == consensus { high } else { (1.0 - high) / 3.0 })
}

fn meme(folder: &Path) -> PathBuf {
    let mut text = String::from("MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n");
    for (number, (name, _, consensus)) in MOTIFS.iter().enumerate() {
        text += &format!("MOTIF M{number}.1 {name}\nletter-probability matrix: alength= 4 w= {}\n", consensus.len());
        for (i, base) in consensus.bytes().enumerate() {
            text += &column(i, base).map(|p| format!("{p:.6}")).join(" ");
            text.push('\n');
        }
        text += "URL http://motifs.example\n\n";
    }
    put(folder, "motifs.meme", text)
}

/// A stretch of the real chromosome as a FASTA of its own, which is quicker to read than all of it.
fn stretch(folder: &Path) -> PathBuf {
    fasta(folder, "stretch.fa", &[("chr22", &bases(20_000_000, 20_150_000))])
}

fn script(folder: &Path, output: &Path, more: &[&str]) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/simulate_grammar.py");
    let mut command = tool("python3", [path]);
    command.arg("-f").arg(folder.join("stretch.fa")).arg("--motifs").arg(folder.join("motifs.meme"));
    command.arg("-o").arg(output).args(["--tf", "ACT1=0.8,ACT::2=0.6,REP=-0.7", "--pair", "ACT1,ACT::2"]);
    command.args(["--pair-bonus", "0.5", "--site-p-value", "0.001", "--regions", "240", "--length", "200"]);
    command.args(["--chroms", "4", "--validation-chroms", "sim3", "--test-chroms", "sim4", "--noise", "low"]);
    command.args(["--indel-share", "0.3", "--variants-per-kb", "12"]).args(more);
    command
}

fn setup() -> tempfile::TempDir {
    let folder = scratch();
    meme(folder.path());
    stretch(folder.path());
    folder
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = setup();
    let made = |name: &str, hash: &str, more: &[&str]| -> Vec<Vec<u8>> {
        let output = folder.path().join(name);
        let said = good(script(folder.path(), &output, more).env("PYTHONHASHSEED", hash));
        let mut files: Vec<Vec<u8>> = ["counts.tsv", "truth.tsv", "ceiling.tsv", "grammar.json"]
            .iter()
            .chain(&["reference.fa", "reference.fa.fai", "variants.vcf"])
            .map(|file| fs::read(output.join(file)).unwrap())
            .collect();
        files.push(said);
        files
    };
    let first = made("first", "1", &["--seed", "7"]);
    assert!(first == made("again", "2", &["--seed", "7"]), "two runs of one seed differ");
    let other = made("other", "1", &["--seed", "8"]);
    let noisy = made("noisy", "1", &["--seed", "7", "--noise", "high"]);
    for file in [0, 1, 2, 4, 6] {
        assert!(first[file] != other[file], "the seed does not change file {file}");
    }
    assert!(first[4..7] == noisy[4..7], "another noise level has other sequences");
    assert!(first[0] != noisy[0]);
}

#[test]
fn its_files_fit_each_other() {
    let folder = setup();
    let output = folder.path().join("cross");
    good(&mut script(folder.path(), &output, &[]));
    let (reference, variants) = (output.join("reference.fa"), output.join("variants.vcf"));
    // The index is samtools' own.
    let index = fs::read(output.join("reference.fa.fai")).unwrap();
    good(tool("samtools", ["faidx"]).arg(&reference));
    assert!(index == fs::read(output.join("reference.fa.fai")).unwrap(), "another .fai than that of samtools");
    // Every REF is the reference's; no record lacks a sample's phased call.
    good(tool("bcftools", ["norm", "-c", "e", "-o", "/dev/null", "-f"]).arg(&reference).arg(&variants));
    let query = ["query", "-f", "%CHROM\t%POS\t%REF\t%ALT[\t%GT]\n"];
    let records = good_text(tool("bcftools", query).arg(&variants));
    let records: Vec<Vec<&str>> = records.lines().map(|line| line.split('\t').collect()).collect();
    assert!(records.iter().all(|r| r[4..] == ["0|1", "1|1"]));
    let indels = records.iter().filter(|r| r[2].len() != r[3].len()).count();
    assert!(indels * 10 > records.len() && indels * 2 < records.len(), "{indels} indels of {}", records.len());

    let counts = Table::read(&output.join("counts.tsv"));
    assert_eq!(counts.rows.len(), 240);
    let mut total = 0;
    for row in 0..counts.rows.len() {
        let of = |column: &str| counts.number(row, column);
        let within = |r: &&Vec<&str>| {
            let at: f64 = r[1].parse().unwrap();
            r[0] == counts.text(row, "chrom") && of("start") < at && at <= of("end")
        };
        let found = records.iter().filter(within).count();
        assert_eq!(found as f64, of("variants"), "variants of {}", counts.text(row, "name"));
        total += found;
        if found == 0 {
            assert_eq!((of("hap1"), of("hap2")), (0.0, 0.0), "informative fragments without a variant");
        }
        if of("hap1") + of("hap2") > 0.0 {
            close(of("log2_ratio"), ((of("hap1") + 0.5) / (of("hap2") + 0.5)).log2(), "log2_ratio");
        }
    }
    assert_eq!(total, records.len(), "variants outside of the regions");
    let depth = (counts.sum("hap1") + counts.sum("hap2") + counts.sum("uninformative")) / 240.0;
    assert!((300.0..500.0).contains(&depth), "{depth} fragments a region, 400 were meant");

    // Both samples name the same two genomes, which are those of bcftools consensus.
    let packed = vcf_gz(folder.path(), "packed.vcf.gz", &fs::read_to_string(&variants).unwrap());
    let consensus = good(&mut consensus(&reference, &packed, "F1", "2"));
    let consensus = read_fasta(&put(folder.path(), "consensus.fa", consensus));
    for haplotypes in [["-s", "F1"], ["--strain", "STRAIN"]] {
        let prefix = folder.path().join("genome");
        let mut command = deepallele("haplotypes");
        command.arg("-f").arg(&reference).arg("-v").arg(&variants).args(haplotypes);
        good(command.arg("--fasta").arg(&prefix));
        assert!(read_fasta(&prefix.with_extension("hap1.fa")) == read_fasta(&reference), "{haplotypes:?}");
        assert!(read_fasta(&prefix.with_extension("hap2.fa")) == consensus, "{haplotypes:?}");
    }
    activities(&output, &records, &read_fasta(&reference), &consensus);
    // Training reads all of it.
    let mut dry = deepallele("train");
    dry.arg(output.join("counts.tsv")).arg("-f").arg(&reference).arg("-v").arg(&variants);
    dry.args(["-s", "F1", "--window", "200", "--validation-chroms", "sim3", "--test-chroms", "sim4"]);
    let said = good_text(dry.args(["--device", "cpu", "--dry-run", "-o"]).arg(folder.path().join("run")));
    assert!(said.contains("120") && said.contains("60"), "{said}");
}

/// A position weight matrix as the script documents it: log2 odds, 0.01 added to each probability.
fn scores(consensus: &str) -> Vec<[f64; 4]> {
    let odds = |p: f64| ((p + 0.01) / 1.04 / 0.25).log2();
    consensus.bytes().enumerate().map(|(i, base)| column(i, base).map(odds)).collect()
}

/// Activity of a window by brute force: every motif at every place on both strands.
fn activity(window: &str, thresholds: &[f64]) -> f64 {
    let codes: Vec<usize> = window.bytes().map(|b| "ACGT".bytes().position(|x| x == b).unwrap()).collect();
    let mut sites: Vec<(usize, usize, f64)> = Vec::new();
    for (index, (_, _, consensus)) in MOTIFS.iter().enumerate() {
        let matrix = scores(consensus);
        let (width, best) =
            (matrix.len(), matrix.iter().map(|c| c.iter().copied().fold(f64::MIN, f64::max)).sum::<f64>());
        let mut hits = Vec::new();
        for start in 0..=codes.len() - width {
            let here = &codes[start..start + width];
            let forward: f64 = here.iter().zip(&matrix).map(|(&c, column)| column[c]).sum();
            let reverse: f64 = here.iter().rev().zip(&matrix).map(|(&c, column)| column[3 - c]).sum();
            for score in [forward, reverse] {
                if score > thresholds[index] {
                    hits.push((index, start, (score - thresholds[index]) / (best - thresholds[index])));
                }
            }
        }
        hits.sort_by(|a, b| b.2.total_cmp(&a.2));
        let mut kept: Vec<(usize, usize, f64)> = Vec::new();
        for hit in hits {
            if kept.iter().all(|k| k.1.abs_diff(hit.1) >= width) {
                kept.push(hit);
            }
        }
        sites.extend(kept);
    }
    let middle = |site: &(usize, usize, f64)| site.1 as f64 + MOTIFS[site.0].2.len() as f64 / 2.0;
    let half = LENGTH as f64 / 2.0;
    let weight = |site: &(usize, usize, f64)| site.2 * (-((middle(site) - half) / (half / 2.0)).powi(2) / 2.0).exp();
    let mut total: f64 = sites.iter().map(|site| MOTIFS[site.0].1 * weight(site)).sum();
    for one in sites.iter().filter(|s| s.0 == 0) {
        for other in sites.iter().filter(|s| s.0 == 1) {
            if (10.0..=40.0).contains(&(middle(one) - middle(other)).abs()) {
                total += PAIR_BONUS * (weight(one) * weight(other)).sqrt();
            }
        }
    }
    total
}

/// Activities and ratios of the truth table are those of the sequences of both haplotypes.
fn activities(output: &Path, records: &[Vec<&str>], hap1: &HashMap<String, String>, hap2: &HashMap<String, String>) {
    let chosen = fs::read_to_string(output.join("grammar.json")).unwrap();
    let thresholds: Vec<f64> = chosen
        .split("\"threshold_bits\": ")
        .skip(1)
        .map(|rest| rest.split(',').next().unwrap().trim().parse().unwrap())
        .collect();
    assert_eq!(thresholds.len(), MOTIFS.len());
    for ((name, _, consensus), threshold) in MOTIFS.iter().zip(&thresholds) {
        let share = exact_share(&scores(consensus), *threshold);
        assert!(share <= P_VALUE * 1.05 && share > P_VALUE / 3.0, "{name}: {share} of places are sites");
    }
    let truth = Table::read(&output.join("truth.tsv"));
    let (mut active, mut hit, mut moved) = (0, 0, 0);
    for row in 0..truth.rows.len() {
        let (chrom, start) = (truth.text(row, "chrom"), truth.number(row, "start") as usize);
        // Bases by which the indels before the window's middle move it on haplotype 2.
        let centre = start + LENGTH / 2;
        let before = records.iter().filter(|r| r[0] == chrom && r[1].parse::<usize>().unwrap() <= centre);
        let shift: isize = before.map(|r| r[3].len() as isize - r[2].len() as isize).sum();
        let from = start.checked_add_signed(shift).unwrap();
        let windows = [&hap1[chrom][start..start + LENGTH], &hap2[chrom][from..from + LENGTH]];
        let [one, two] = windows.map(|window| activity(window, &thresholds));
        let name = truth.text(row, "name");
        close(truth.number(row, "activity1"), one, name);
        close(truth.number(row, "activity2"), two, name);
        close(truth.number(row, "true_log2_ratio"), (one - two) / std::f64::consts::LN_2, name);
        active += usize::from(one != 0.0);
        hit += usize::from(truth.text(row, "planted").contains('|'));
        moved += usize::from((one - two).abs() > 0.1);
    }
    assert!(active > 150 && hit > 60 && moved > 60, "{active} active, {hit} hit by a variant, {moved} changed");
}

/// The share of all sequences that score at least `threshold`, by going through all of them.
fn exact_share(matrix: &[[f64; 4]], threshold: f64) -> f64 {
    // The first half of the columns against the sorted sums of the second.
    let sums = |columns: &[[f64; 4]]| {
        columns.iter().fold(vec![0.0], |sums: Vec<f64>, column| {
            sums.iter().flat_map(|sum| column.iter().map(move |value| sum + value)).collect()
        })
    };
    let (left, right) = matrix.split_at(matrix.len() / 2);
    let mut right = sums(right);
    right.sort_by(f64::total_cmp);
    let reached: usize =
        sums(left).iter().map(|sum| right.len() - right.partition_point(|other| sum + other < threshold)).sum();
    reached as f64 / 4f64.powi(matrix.len() as i32)
}

#[test]
fn the_ceiling_is_what_it_says() {
    let folder = setup();
    let mut reached = Vec::new();
    for noise in ["low", "high"] {
        let output = folder.path().join(noise);
        let said = good_text(&mut script(folder.path(), &output, &["--noise", noise]));
        let written = fs::read_to_string(output.join("ceiling.tsv")).unwrap();
        assert!(said.ends_with(&written), "{said} against {written}");
        let (told, counts, truth) =
            (Table::parse(&written), Table::read(&output.join("counts.tsv")), Table::read(&output.join("truth.tsv")));
        for part in 0..told.rows.len() {
            let chroms: &[&str] = match told.text(part, "part") {
                "all" => &["sim1", "sim2", "sim3", "sim4"],
                "train" => &["sim1", "sim2"],
                "validation" => &["sim3"],
                "test" => &["sim4"],
                other => panic!("a part {other}"),
            };
            let rows: Vec<usize> = (0..counts.rows.len())
                .filter(|&row| counts.number(row, "variants") > 0.0 && chroms.contains(&counts.text(row, "chrom")))
                .collect();
            assert_eq!(rows.len() as f64, told.number(part, "regions"));
            let measured = |row: usize, half: f64| {
                let shared = counts.number(row, "uninformative") * half + 1.0;
                ((counts.number(row, "hap1") + shared) / (counts.number(row, "hap2") + shared)).log2()
            };
            let column =
                |name: &str, rows: &[usize]| -> Vec<f64> { rows.iter().map(|&r| truth.number(r, name)).collect() };
            let seen: Vec<usize> =
                rows.iter().copied().filter(|&r| counts.number(r, "hap1") + counts.number(r, "hap2") > 0.0).collect();
            let half: Vec<f64> = rows.iter().map(|&row| measured(row, 0.5)).collect();
            let drop: Vec<f64> = seen.iter().map(|&row| measured(row, 0.0)).collect();
            let what = format!("{noise}, {}", told.text(part, "part"));
            close(told.number(part, "true_half"), pearson(&column("true_log2_ratio", &rows), &half), &what);
            close(told.number(part, "expected_half"), pearson(&column("expected_log2_ratio", &rows), &half), &what);
            close(told.number(part, "true_drop"), pearson(&column("true_log2_ratio", &seen), &drop), &what);
            for (&row, half) in rows.iter().zip(&half) {
                close(truth.number(row, "measured_log2_ratio"), *half, &what);
            }
        }
        reached.push(told.number(0, "true_half"));
    }
    // Depth 400 leaves little noise, depth 30 with overdispersion much.
    assert!(reached[0] > 0.8 && reached[1] < reached[0] - 0.15, "{reached:?}");
}

#[test]
fn bad_input_is_one_line() {
    let folder = setup();
    let output = folder.path().join("none");
    let words = put(folder.path(), "words.meme", "these are words\n");
    let cut =
        put(folder.path(), "cut.meme", "MOTIF REP\nletter-probability matrix: w= 3\n0.2 0.2 0.2 0.4\n0.1 x 0 0\n");
    let mut cases = vec![
        (script(folder.path(), &output, &["--tf", "OTHER=1", "--pair", "none"]), "0 motifs \"OTHER\""),
        (script(folder.path(), &output, &["--regions", "90000"]), "90000 regions were asked for"),
        (script(folder.path(), &output, &["--contigs", "chr9"]), "no sequence chr9"),
    ];
    for (motifs, part) in [(words, "holds no motifs"), (cut, "line 4"), (folder.path().join("no.meme"), "No such file")]
    {
        let mut command = script(folder.path(), &output, &["--tf", "REP=1", "--pair", "none"]);
        command.arg("--motifs").arg(motifs);
        cases.push((command, part));
    }
    for (mut command, part) in cases {
        let ended = run(&mut command);
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.starts_with("simulate_grammar: ") && said.lines().count() == 1 && said.contains(part), "{said}");
        assert!(!output.exists(), "something was left behind");
    }
}
