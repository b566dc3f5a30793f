//! The imbalance test through the command: its columns, its options, and replicates.

use std::process::Command;

use deepallele_tests::*;

/// SNVs A>C every 100 bases on one contig, phased 0|1.
fn vcf(sites: usize) -> String {
    let mut text = vcf_header(&["chr1,length=100000"], &["kid"]);
    for site in 0..sites {
        text += &format!("chr1\t{}\t.\tA\tC\t.\tPASS\t.\tGT\t0|1\n", 100 * site + 50);
    }
    text
}

/// Single reads of 20 bases: at each site as many of either haplotype as asked for.
fn sam(sample: &str, counts: &[(usize, usize)]) -> String {
    let mut sam = format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:100000\n@RG\tID:1\tSM:{sample}\n");
    for (site, (hap1, hap2)) in counts.iter().enumerate() {
        for i in 0..hap1 + hap2 {
            let mut bases = vec![b'A'; 20];
            bases[10] = if i < *hap1 { b'A' } else { b'C' };
            let (bases, quality) = (text(&bases), "I".repeat(20));
            sam +=
                &format!("r{site}_{i}\t0\tchr1\t{}\t60\t20M\t*\t0\t0\t{bases}\t{quality}\tRG:Z:1\n", 100 * site + 40);
        }
    }
    sam
}

/// Samples and regions, one for each site.
struct Run {
    kid: Kid,
}

impl Run {
    fn new(samples: &[(&str, Vec<(usize, usize)>)]) -> Self {
        let sites = samples[0].1.len();
        let sams: Vec<(&str, String)> = samples.iter().map(|(name, counts)| (*name, sam(name, counts))).collect();
        let sams: Vec<(&str, &str)> = sams.iter().map(|(name, sam)| (*name, sam.as_str())).collect();
        let kid = Kid::new(&vcf(sites), &sams);
        let bed: String = (0..sites).map(|i| format!("chr1\t{}\t{}\tr{i}\n", 100 * i + 30, 100 * i + 70)).collect();
        kid.put("r.bed", bed);
        Self { kid }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = self.kid.count(&["-L"]);
        command.arg(self.kid.at("r.bed")).args(more);
        command
    }

    fn text(&self, more: &[&str]) -> String {
        good_text(self.command(more).arg("--quiet"))
    }
}

#[test]
fn p_and_q_are_those_of_paper_without_dispersion() {
    let run = Run::new(&[("s", vec![(10, 0), (5, 5), (0, 0), (1, 9)])]);
    let text = run.text(&["--dispersion", "0"]);
    assert!(text.contains("\n##dispersion=s:0.000000\n") && text.contains("\n##imbalance_prior_sd=s:"), "{text}");
    let table = Table::parse(&text);
    close(table.number(0, "p_value"), 1.0 / 1024.0, "10 and 0");
    close(table.number(1, "p_value"), 1.0 - 252.0 / 1024.0 / 2.0, "5 and 5");
    close(table.number(3, "p_value"), 12.0 / 1024.0, "1 and 9");
    // Benjamini and Hochberg over three rows: the empty one does not count.
    close(table.number(0, "q_value"), 3.0 / 1024.0, "q of the smallest");
    close(table.number(3, "q_value"), 12.0 / 1024.0 * 1.5, "q of the next");
    close(table.number(1, "q_value"), 1.0 - 252.0 / 1024.0 / 2.0, "q of the largest");
    for column in ["log2_ratio", "se", "p_value", "q_value", "shrunk_log2_ratio", "shrunk_se"] {
        assert_eq!(table.text(2, column), ".", "{column} without a fragment");
    }
    // An expectation other than one half: 10 of 10 where 0.9 are expected.
    let table = Table::parse(&run.text(&["--dispersion", "0", "--expected-fraction", "0.9"]));
    assert!(table.number(0, "p_value") > 0.3 && table.number(3, "p_value") < 1e-6);
}

#[test]
fn the_test_can_be_left_out_and_too_little_data_is_said() {
    let run = Run::new(&[("s", vec![(10, 0), (5, 5)])]);
    let text = run.text(&["--no-test"]);
    assert!(!text.contains("##dispersion"));
    let table = Table::parse(&text);
    assert_eq!(table.text(0, "p_value"), ".");
    assert_eq!(table.text(0, "shrunk_se"), ".");
    assert!(table.number(0, "log2_ratio") > 4.0);
    let output = self::run(&mut run.command(&[]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("warning: s: too little data for the dispersion (2 rows"), "{said}");
}

#[test]
fn a_wide_sample_gets_a_dispersion_and_its_strong_region_a_call() {
    let mut counts: Vec<(usize, usize)> = (0..60).map(|i| (20 + 5 * (i % 3), 20 + 5 * ((i + 1) % 3))).collect();
    counts[7] = (58, 2);
    let run = Run::new(&[("s", counts)]);
    let table = Table::parse(&run.text(&[]));
    let called: Vec<usize> = (0..60).filter(|&r| table.number(r, "q_value") < 0.01).collect();
    assert_eq!(called, [7]);
    assert!(table.number(7, "shrunk_log2_ratio") > 3.0);
    assert!(table.number(8, "shrunk_log2_ratio").abs() < table.number(8, "log2_ratio").abs());
}

#[test]
fn replicates_combine_in_a_row_of_their_own() {
    let of = |shift: usize| -> Vec<(usize, usize)> { (0..40).map(|i| (20 + i % 4 + shift, 20 + i % 3)).collect() };
    let (mut a, mut b) = (of(0), of(1));
    (a[5], b[5]) = ((40, 15), (45, 18));
    (a[6], b[6]) = ((40, 15), (15, 40));
    let run = Run::new(&[("a", a), ("b", b)]);
    let table = Table::parse(&run.text(&["--combine", "--dispersion", "0.01"]));
    assert_eq!(table.rows.len(), 120);
    for row in 0..120 {
        assert_eq!(table.text(row, "sample"), ["a", "b", "combined"][row % 3]);
    }
    for column in ["hap1", "hap2", "uninformative", "conflicting"] {
        close(table.number(17, column), table.number(15, column) + table.number(16, column), column);
    }
    assert!(table.number(17, "p_value") < 0.1 * table.number(15, "p_value"), "replicates that agree");
    assert!(table.number(20, "p_value") > 0.5, "replicates that do not");
    assert!(table.number(17, "se") < table.number(15, "se"));
    let named = run.text(&["--combine=both"]);
    assert_eq!(Table::parse(&named).text(2, "sample"), "both");
    assert!(named.contains("##imbalance_prior_sd=both:"));
    // Rows of the samples are those without --combine.
    let alone = Table::parse(&run.text(&["--dispersion", "0.01"]));
    let others: Vec<&Vec<String>> = table.rows.iter().enumerate().filter(|(i, _)| i % 3 != 2).map(|(_, r)| r).collect();
    assert!(alone.rows.iter().eq(others));
}

#[test]
fn records_get_p_and_q_too() {
    let run = Run::new(&[("s", vec![(10, 0), (5, 5), (0, 0), (1, 9)])]);
    let out = run.kid.at("v.tsv.gz");
    run.text(&["--dispersion", "0", "--per-variant", out.to_str().unwrap()]);
    let text = good_text(tool("bgzip", ["-dc"]).arg(&out));
    assert!(text.contains("\n##dispersion=s:0.000000\n"));
    let table = Table::parse(&text);
    close(table.number(0, "p_value"), 1.0 / 1024.0, "10 and 0");
    close(table.number(0, "q_value"), 3.0 / 1024.0, "q");
    close(table.number(3, "log2_ratio"), (1.5f64 / 9.5).log2(), "ratio");
    assert_eq!(table.text(2, "p_value"), ".");
    let found = good_text(tool("tabix", [&out]).arg("chr1:300-400"));
    assert_eq!(found.lines().count(), 1, "{found}");
    let plain = run.kid.at("plain.tsv");
    run.text(&["--no-test", "--per-variant", plain.to_str().unwrap()]);
    assert!(!std::fs::read_to_string(plain).unwrap().contains("p_value"));
}

#[test]
fn what_cannot_be_is_refused() {
    let run = Run::new(&[("s", vec![(1, 0)])]);
    for (options, words) in [
        (&["--dispersion", "1"][..], "from 0 to below 1"),
        (&["--dispersion", "much"], "from 0 to below 1"),
        (&["--expected-fraction", "1.5"], "0.01 to 0.99"),
        (&["--no-test", "--dispersion", "0.1"], "cannot be used with"),
        (&["--combine"], "give two alignment files"),
    ] {
        let said = misused(&mut run.command(options));
        assert!(said.contains(words), "{options:?}: {said}");
    }
}

#[test]
fn a_run_is_drawn_and_told_to_multiqc() {
    let counts: Vec<(usize, usize)> = (0..40).map(|i| (20 + i % 4, 20 + i % 3)).collect();
    let run = Run::new(&[("a", counts.clone()), ("b", counts)]);
    let folder = run.kid.folder();
    let (svg, mqc) = (folder.join("o.svg"), folder.join("o_mqc.json"));
    let accounts = ["--overview", svg.to_str().unwrap(), "--multiqc", mqc.to_str().unwrap()];
    let with = run.text(&accounts);
    assert_eq!(without_header(&with), without_header(&run.text(&[])), "the accounts change no count");
    let picture = std::fs::read_to_string(&svg).unwrap();
    for words in ["<svg", "chr1", "Reference fraction by coverage", "regions with 10 informative"] {
        assert!(picture.contains(words), "{words}");
    }
    let hap1: usize = (0..40).map(|i| 20 + i % 4).sum();
    let hap2: usize = (0..40).map(|i| 20 + i % 3).sum();
    let share =
        format!("haplotype 1: {:.1} % of {},{}", 100.0 * hap1 as f64 / (hap1 + hap2) as f64, 1, hap1 + hap2 - 1000);
    assert!(picture.contains(&share), "{share}");
    let content = std::fs::read_to_string(&mqc).unwrap();
    assert!(
        content.contains("\"plot_type\": \"bargraph\"") && content.contains(&format!("\"hap1\":{hap1}")),
        "{content}"
    );
    // Alone, without a table.
    let alone = folder.join("alone.svg");
    assert!(good(run.kid.count(&["--quiet", "--overview"]).arg(&alone)).is_empty());
    assert!(std::fs::read_to_string(&alone).unwrap().contains("variants with 10 informative"));
    assert!(misused(&mut run.command(&["--multiqc", "x.json"])).contains("_mqc.json"));
}
