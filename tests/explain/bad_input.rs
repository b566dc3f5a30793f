//! What `deepallele explain` refuses: one line, and nothing left.

use deepallele_tests::*;

#[test]
fn what_cannot_be_explained_is_named() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let on_genome = |regions: &str| {
        let mut command = deepallele("explain");
        command.current_dir(here).args(["attributions", "-m"]).arg(&model).arg("-f").arg(genome());
        command.arg("-v").arg(phased()).args(["-s", "NA12878", "-o", "out", "-L", regions]);
        command
    };
    put(here, "empty.bed", "");
    put(here, "far.bed", "chr22\t900000000\t900000100\n");
    put(here, "other.bed", "chr5\t1000\t1200\n");
    put(here, "good.bed", "chr22\t17400000\t17400200\n");
    put(here, "file", "");
    for (regions, words) in [
        ("empty.bed", &["empty.bed"][..]),
        ("far.bed", &["far.bed", "past the end"]),
        ("other.bed", &["other.bed"]),
        ("none.bed", &["none.bed", "No such file"]),
    ] {
        refused_in(here, &mut on_genome(regions), words);
    }
    let mut other_sample = on_genome("good.bed");
    refused_in(here, other_sample.args(["--model-sample", "heart"]), &["heart"]);

    let pairs = |content: &str, more: &[&str]| {
        put(here, "pairs.tsv", content);
        let mut command = deepallele("explain");
        command.current_dir(here).args(["attributions", "-m"]).arg(&model).args(["--pairs", "pairs.tsv", "-o"]);
        command.args(if more.is_empty() { &["out"] } else { more });
        command
    };
    let long = "A".repeat(WINDOW as usize + 1);
    let table = |alleles: &str| format!("id\tallele_a\tallele_b\n{alleles}");
    for (content, words) in [
        (table(""), &["pairs.tsv", "no pairs"][..]),
        (table("x\tACGT\tAXGT\n"), &["pairs.tsv", "line 2"]),
        (table(&format!("x\tACGT\tACG\ny\t{long}\tACGT\n")), &["pairs.tsv", "line 3", "111 bases"]),
        ("id\tallele_a\n".into(), &["pairs.tsv", "allele_b"]),
    ] {
        refused_in(here, &mut pairs(&content, &[]), words);
    }
    refused_in(here, &mut pairs(&table("x\tACGT\tACG\n"), &["file"]), &["file"]);
    // N and other ambiguous bases are read as N, and contribute nothing.
    good(&mut pairs(&table("x\tACGNRT\tACG\n"), &[]));
}
