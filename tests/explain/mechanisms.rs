//! `deepallele explain mechanisms`: motifs planted in the more active allele.

use std::path::Path;
use std::process::Command;

use deepallele_tests::*;

/// The best matches of CTCF and of Crx in the subset of JASPAR.
const CTCF: &str = "TGGCCACCAGGGGGCGCTA";
const CRX: &str = "AAGAGGATTAG";

fn mechanisms(folder: &Path) -> Command {
    let mut command = deepallele("explain");
    command.current_dir(folder).arg("mechanisms").arg("--motifs").arg(data("motifs/jaspar2020_subset.meme"));
    command
}

/// Pairs of 100 bases: in two of three the site of a motif is broken in the less active allele (Crx: in the more active
/// one), the others differ outside of it.
fn pairs(n: usize) -> String {
    let mut random = Random(7);
    let mut table = String::from("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n");
    for number in 0..n {
        let motif = if number % 2 == 0 { CTCF } else { CRX };
        let with = format!("{}{motif}{}", random.bases(40), random.bases(60 - motif.len()));
        let place = if number % 3 == 2 { 5 } else { 40 + motif.len() / 2 };
        let mut without = with.clone().into_bytes();
        without[place] = match without[place] {
            b'T' => b'A',
            b'A' => b'T',
            b'G' => b'C',
            _ => b'G',
        };
        let without = text(&without);
        let size = 1.0 + number as f64 / 50.0;
        let mut values = if motif == CTCF { [size, 0.0] } else { [0.0, size] };
        let mut alleles = [&with, &without];
        if random.below(2) == 0 {
            values.reverse();
            alleles.reverse();
        }
        table += &format!("p{number}\t{}\t{}\t{}\t{}\n", alleles[0], alleles[1], values[0], values[1]);
    }
    table
}

#[test]
fn planted_motifs_go_with_the_activity() {
    let folder = scratch();
    let here = folder.path();
    put(here, "pairs.tsv", pairs(120));
    let test = |output: &str, threads: &str| {
        let mut command = mechanisms(here);
        command.args(["--pairs", "pairs.tsv", "--target-scale", "log2", "--no-version", "-o", output, "-@", threads]);
        run(&mut command)
    };
    let said = test("out", "1");
    assert!(said.status.success());
    test("again", "2");
    for name in ["mechanisms.tsv", "mechanism_regions.tsv"] {
        let read = |output: &str| std::fs::read(here.join(output).join(name)).unwrap();
        assert_eq!(read("out"), read("again"), "{name}");
    }
    let motifs = Table::read(&here.join("out/mechanisms.tsv"));
    let row = |name: &str| motifs.column("motif").iter().position(|motif| motif == name).expect("the motif");
    for (name, sign) in [("CTCF", 1.0), ("Crx", -1.0)] {
        let row = row(name);
        assert!(sign * motifs.number(row, "signed_log10_p") > 6.0, "{name}: {:?}", motifs.rows[row]);
        assert!(motifs.number(row, "q_value") < 1e-4);
        assert!(sign * motifs.number(row, "correlation") > 0.7, "{:?}", motifs.rows[row]);
        assert!(motifs.number(row, "welch_q") < 1e-4, "{:?}", motifs.rows[row]);
        assert!(motifs.number(row, "pairs") >= 60.0 && motifs.number(row, "changed") >= 40.0);
        assert_eq!(motifs.text(row, "weighted_p_value"), ".");
    }
    assert!(text(&said.stderr).contains("CTCF: better in the more active allele"), "{}", text(&said.stderr));
    // Of 120 pairs 80 have a broken site; the others have sites that stay.
    let regions = Table::read(&here.join("out/mechanism_regions.tsv"));
    assert_eq!(regions.rows.len(), 120);
    let mut right = 0;
    for row in 0..120 {
        let expected = if row % 3 == 2 { "no_change" } else { "same_direction" };
        right += usize::from(regions.text(row, "class") == expected);
        assert_eq!(regions.text(row, "predicted"), ".");
    }
    assert!(right >= 112, "{right} of 120");
}

#[test]
fn regions_of_a_folder_have_their_counts() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    put(
        here,
        "regions.bed",
        "chr22\t17400000\t17400100\ta\nchr22\t17410000\t17410100\tb\nchr22\t17420000\t17420100\tc\n",
    );
    let mut explain = deepallele("explain");
    explain.current_dir(here).args(["attributions", "-m"]).arg(&model).arg("-f").arg(genome()).arg("-v").arg(phased());
    good(explain.args(["-s", "NA12878", "-L", "regions.bed", "-o", "explained"]));
    let header = "#chrom\tstart\tend\tname\tscore\tstrand\tsample\thap1\thap2\tuninformative\tconflicting\tvariants\tlog2_ratio\t\
                  se\tp_value\tq_value\n";
    let line = |start: u64, sample: &str, ratio: &str| {
        format!("22\t{start}\t{}\tx\t.\t.\t{sample}\t9\t4\t0\t0\t1\t{ratio}\t0.5\t0.1\t0.2\n", start + 100)
    };
    let counts = |samples: [&str; 3]| {
        let [a, b, c] = samples;
        header.to_owned() + &line(17400000, a, "1.5") + &line(17410000, b, "0.2") + &line(17420000, c, ".")
    };
    put(here, "counts.tsv", counts(["s", "s", "s"]));
    let with = |more: &[&str]| {
        let mut command = mechanisms(here);
        command.args(["explained", "--compare", "counts.tsv"]).args(more);
        command
    };
    let said = run(&mut with(&[]));
    let said = text(&said.stderr);
    assert!(said.contains("3 regions, 2 with a measured ratio, 1 of at least 1"), "{said}");
    let regions = Table::read(&here.join("explained/mechanism_regions.tsv"));
    assert_eq!((regions.rows.len(), regions.text(0, "name"), regions.number(0, "measured")), (1, "a", 1.5));
    let explained = Table::read(&here.join("explained/regions.tsv"));
    close(regions.number(0, "predicted"), explained.number(0, "log2_ratio"), "prediction");
    good(&mut with(&["--least-ratio", "0"]));
    assert_eq!(Table::read(&here.join("explained/mechanism_regions.tsv")).rows.len(), 2);
    // Nothing to test is a valid table, and a line that says so.
    let said = run(&mut with(&["--least-ratio", "9"]));
    assert!(said.status.success() && text(&said.stderr).contains("the tables are empty"));
    assert!(Table::read(&here.join("explained/mechanisms.tsv")).rows.is_empty());

    put(here, "counts.tsv", counts(["s", "t", "s"]));
    refused_in(here, &mut with(&[]), &["counts.tsv", "several samples (s, t)", "--count-sample"]);
    good(&mut with(&["--count-sample", "t", "--least-ratio", "0"]));
    put(here, "counts.tsv", header.to_owned() + &line(5, "s", "1"));
    refused_in(here, &mut with(&[]), &["counts.tsv", "none of the regions"]);
}

#[test]
fn what_cannot_be_tested_is_named() {
    let folder = scratch();
    let here = folder.path();
    let of_pairs = |content: &str, motifs: &str| {
        put(here, "pairs.tsv", content);
        put(here, "motifs.meme", motifs);
        let mut command = deepallele("explain");
        command.current_dir(here).args(["mechanisms", "--motifs", "motifs.meme", "--pairs", "pairs.tsv", "-o", "out"]);
        command
    };
    let jaspar = std::fs::read_to_string(data("motifs/jaspar2020_subset.meme")).unwrap();
    refused_in(here, &mut of_pairs(&pairs(3), ""), &["motifs.meme"]);
    refused_in(here, &mut of_pairs("id\tallele_a\tallele_b\nx\tA\tC\n", &jaspar), &["pairs.tsv", "value_a"]);
    let bad = pairs(1) + "q\tACGT\tACGA\t-3\t1\n";
    refused_in(here, &mut of_pairs(&bad, &jaspar), &["pairs.tsv", "line 3"]);
    let mut folder_of_another_kind = deepallele("explain");
    folder_of_another_kind.current_dir(here).args([
        "mechanisms",
        ".",
        "--motifs",
        "motifs.meme",
        "--compare",
        "pairs.tsv",
    ]);
    refused_in(here, &mut folder_of_another_kind, &["explain attributions", "explain.json"]);
}
