//! Which bases a model sees: the same in every command, around the anchor that training used, from the strand that it
//! read; and what only windows oriented by strand around the TSS can learn.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A cross with variants of every kind, reads, and peaks on both strands up to the ends of its contigs.
struct Cross {
    folder: tempfile::TempDir,
}

const CONTIG: usize = 12_000;

impl Cross {
    fn new() -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let folder = scratch();
        let letters: Vec<String> =
            (0..4).map(|_| (0..CONTIG).map(|_| b"ACGT"[rng.random_range(0..4)] as char).collect()).collect();
        let names: Vec<String> = (1..=4).map(|n| format!("chr{n}")).collect();
        let sequences: Vec<(&str, &str)> = names.iter().zip(&letters).map(|(n, s)| (n.as_str(), s.as_str())).collect();
        fasta(folder.path(), "ref.fa", &sequences);
        let headers: Vec<String> = names.iter().map(|name| format!("{name},length={CONTIG}")).collect();
        let mut vcf = vcf_header(&headers.iter().map(String::as_str).collect::<Vec<_>>(), &["kid"]);
        let mut sam = String::from("@HD\tVN:1.6\tSO:coordinate\n");
        for name in &names {
            sam += &format!("@SQ\tSN:{name}\tLN:{CONTIG}\n");
        }
        let mut peaks = String::new();
        for (name, bases) in sequences {
            let mut at = 3;
            while at + 10 < CONTIG {
                let size = rng.random_range(1..6);
                let (reference, alternative) = match rng.random_range(0..4) {
                    0 => (bases[at..at + 1].to_string(), format!("{}{}", &bases[at..at + 1], &"GATTACA"[..size])),
                    1 => (bases[at..at + 1 + size].to_string(), bases[at..at + 1].to_string()),
                    _ => (bases[at..at + 1].into(), if &bases[at..at + 1] == "A" { "C".into() } else { "A".into() }),
                };
                let call = ["0|1", "1|0", "1|1", "0|1"][rng.random_range(0..4)];
                vcf += &format!("{name}\t{}\t.\t{reference}\t{alternative}\t.\t.\t.\tGT\t{call}\n", at + 1);
                at += reference.len() + rng.random_range(5..60);
            }
            let mut start = 0;
            while start + 200 <= CONTIG {
                // The last of a contig ends with it.
                let end = if start + 400 > CONTIG { CONTIG } else { start + rng.random_range(90..180) };
                let strand = ["+", "-"][rng.random_range(0..2)];
                let summit = rng.random_range(0..end - start);
                peaks += &format!("{name}\t{start}\t{end}\t{name}_{start}\t0\t{strand}\t1\t2\t3\t{summit}\n");
                start += 200;
            }
            let mut position = 0;
            while position + 50 < CONTIG {
                let read = &bases[position..position + 50];
                sam += &format!("r{position}{name}\t0\t{name}\t{}\t60\t50M\t*\t0\t0\t{read}\t*\n", position + 1);
                position += rng.random_range(1..60);
            }
        }
        put(folder.path(), "peaks.narrowPeak", peaks);
        vcf_gz(folder.path(), "v.vcf.gz", &vcf);
        bam(folder.path(), "reads.bam", &sam);
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command with the genome and the haplotypes.
    fn command(&self, name: &str) -> Command {
        let mut command = deepallele(name);
        command.arg("-f").arg(self.at("ref.fa")).arg("-v").arg(self.at("v.vcf.gz")).args(["-s", "kid"]);
        command
    }
}

/// What is near enough between two ways to the same number.
fn near(one: f64, other: f64, what: &str) {
    assert!((one - other).abs() <= 2e-3 * (1.0 + other.abs()), "{what}: {one}, {other}");
}

/// The ratio of each region of a table of predictions, by name.
fn ratio_of(table: &Table, name: &str) -> f64 {
    let row = table.column("name").iter().position(|n| n == name).unwrap_or_else(|| panic!("no region {name}"));
    table.number(row, "log2_ratio")
}

#[test]
fn every_command_reads_the_windows_of_training() {
    let _turn = training_turn();
    let cross = Cross::new();
    let peaks = cross.at("peaks.narrowPeak");
    for (number, (anchor, orient, layout, window)) in [
        ("summit", "forward", "centred", "64"),
        ("middle", "region", "centred", "65"),
        ("tss", "region", "centred", "70"),
        ("summit", "region", "left-aligned", "240"),
    ]
    .into_iter()
    .enumerate()
    {
        let case = format!("{anchor} {orient} {layout}");
        let counts = cross.at(&format!("counts{number}.tsv.gz"));
        let mut count = cross.command("count");
        count.arg(cross.at("reads.bam")).arg("-L").arg(&peaks).args(["--anchor", anchor]).arg("-o").arg(&counts);
        good(&mut count);
        let table = unpacked(&counts);
        assert!(table.contains(&format!("##anchor={anchor}\n")), "{case}");
        let run = cross.at(&format!("run{number}"));
        let mut train = cross.command("train");
        train.arg(&counts).args(["--window", window, "--layout", layout, "--orient", orient, "--epochs", "1"]);
        train.args(["--device", "cpu", "--seed", "3", "--test-chroms", "chr3", "--validation-chroms", "chr2"]);
        good(train.arg("-o").arg(&run));
        let model = run.join("model.onnx");

        // Training and prediction, from the peaks and from the count table.
        let predict = |regions: &Path, more: &[&str]| {
            let mut command = cross.command("predict");
            Table::parse(&good_text(command.arg("-m").arg(&model).arg("-L").arg(regions).args(more)))
        };
        let predicted = predict(&peaks, &[]);
        same_predictions(&Table::read(&run.join("predictions.tsv.gz")), &predicted);
        let again = predict(&counts, &[]);
        assert_eq!(predicted.rows, again.rows, "{case}");
        // The two haplotypes as designed pairs.
        if layout == "centred" {
            let pairs = cross.at("pairs.tsv");
            let mut haplotypes = cross.command("haplotypes");
            haplotypes.arg("-L").arg(&peaks).arg("--pairs").arg(&pairs);
            good(haplotypes.args(["--window", window, "--anchor", anchor, "--orient", orient]));
            let mut command = deepallele("predict");
            let of_pairs = Table::parse(&good_text(command.arg("-m").arg(&model).arg("--pairs").arg(&pairs)));
            for row in 0..of_pairs.rows.len() {
                let name = of_pairs.text(row, "id");
                near(of_pairs.number(row, "log2_ratio"), ratio_of(&predicted, name), &format!("{case}, {name}"));
            }
        }
        // Annotation in two haplotypes has the same ratio of the whole pair.
        let mut annotate = cross.command("annotate");
        annotate.arg("-m").arg(&model).arg("-L").arg(&peaks).arg(cross.at("v.vcf.gz"));
        let annotated = good(&mut annotate);
        let mut seen = 0;
        for row in query_bytes(&annotated, "%CHROM\t%INFO/DA_REGION\t%INFO/DA_PAIR\n") {
            let [chrom, region, pair] = &row[..] else { panic!("{row:?}") };
            let Some((start, _)) = region.rsplit(':').next().and_then(|span| span.split_once('-')) else { continue };
            let Ok(pair) = pair.parse::<f64>() else { continue };
            let name = format!("{chrom}_{}", start.parse::<u64>().unwrap() - 1);
            near(pair, ratio_of(&predicted, &name), &format!("{case}, {name} annotated"));
            seen += 1;
        }
        assert!(seen > 100, "{case}: {seen}");
        // Evaluation has the correlation of training's own held-out predictions.
        let mut evaluate = cross.command("evaluate");
        let figures = Table::parse(&good_text(evaluate.arg("-m").arg(&model).arg(&counts).args(["--bootstrap", "0"])));
        let held = Table::read(&run.join("predictions.tsv.gz"));
        let test: Vec<usize> = (0..held.rows.len()).filter(|&row| held.text(row, "part") == "test").collect();
        let column = |name: &str| -> Vec<f64> { test.iter().map(|&row| (held.number(row, name) + 1.0).ln()).collect() };
        let expected = pearson(&column("measured_hap1"), &column("hap1"));
        let row = (0..figures.rows.len())
            .find(|&row| {
                figures.text(row, "section") == "agreement"
                    && figures.text(row, "quantity") == "hap1"
                    && figures.text(row, "name") == "pearson"
            })
            .expect("the correlation of haplotype 1");
        assert!((figures.number(row, "value") - expected).abs() < 5e-3, "{case}: {expected}, {:?}", figures.rows[row]);
    }
    // A model around TSS refuses regions that have none, and says what to do; another anchor can be chosen.
    let bed = put(cross.folder.path(), "plain.bed", "chr1\t500\t600\ta\nchr1\t700\t800\tb\n");
    let model = cross.at("run2/model.onnx");
    let mut command = cross.command("predict");
    refused(command.arg("-m").arg(&model).arg("-L").arg(&bed), &["plain.bed", "no strand", "--anchor middle"]);
    let mut command = cross.command("predict");
    good(command.arg("-m").arg(&model).arg("-L").arg(&bed).args(["--anchor", "middle"]));
    let mut command = cross.command("annotate");
    command.arg("-m").arg(&model).arg("-L").arg(&bed).arg(cross.at("v.vcf.gz"));
    refused(&mut command, &["plain.bed", "no strand", "--anchor middle"]);
    let mut command = cross.command("predict");
    let model = cross.at("run0/model.onnx");
    refused(command.arg("-m").arg(&model).arg("-L").arg(&bed), &["plain.bed", "no summit", "narrowPeak"]);
}

/// Reads as the same on both strands, so that only its place tells what it does.
const MOTIF: &str = "GATTACGCGTAATC";

/// Genes on both strands. Those that are active have the motif before their TSS, the others behind it: measured
/// expression by name, with a few names that do not join.
fn genes(folder: &Path) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut sequences = Vec::new();
    let mut vcf = String::new();
    let (mut gtf, mut values) = (String::new(), String::from("gene\tliver.hap1\tliver.hap2\n"));
    for chromosome in 1..=4 {
        let name = format!("chr{chromosome}");
        let mut bases: Vec<u8> = (0..90 * 1000 + 500).map(|_| b"ACGT"[rng.random_range(0..4)]).collect();
        for gene in 0..90 {
            let (start, end) = (500 + gene * 1000, 500 + gene * 1000 + rng.random_range(400..600));
            let (plus, active): (bool, bool) = (rng.random(), rng.random());
            // Upstream is left of the TSS on the plus strand, right of it on the minus strand.
            let tss = if plus { start } else { end - 1 };
            let offset = rng.random_range(18..26);
            let left = if plus == active { tss - offset - MOTIF.len() } else { tss + offset };
            bases[left..left + MOTIF.len()].copy_from_slice(MOTIF.as_bytes());
            let id = format!("g{chromosome}_{gene}");
            let strand = if plus { '+' } else { '-' };
            gtf += &format!("{name}\tx\tgene\t{}\t{end}\t.\t{strand}\t.\tgene_id \"{id}\";\n", start + 1);
            gtf += &format!("{name}\tx\texon\t{}\t{end}\t.\t{strand}\t.\tgene_id \"{id}\";\n", start + 1);
            let level = if active { 40.0 } else { 2.0 };
            let mut noise = || level * (1.0 + 0.2 * (rng.random::<f64>() - 0.5));
            let (one, two) = (noise(), noise());
            match gene {
                // A name that is nowhere else, and a gene that was not measured.
                0 => values += &format!("unknown{chromosome}\t1\t2\n"),
                1 => values += &format!("{id}\tNA\t{two:.3}\n"),
                _ => values += &format!("{id}\t{one:.3}\t{two:.3}\n"),
            }
        }
        let place = 120;
        let base = bases[place] as char;
        let other = if base == 'A' { 'C' } else { 'A' };
        vcf += &format!("{name}\t{}\t.\t{base}\t{other}\t.\t.\t.\tGT\t0|1\n", place + 1);
        sequences.push((name, String::from_utf8(bases).unwrap()));
    }
    let pairs: Vec<(&str, &str)> = sequences.iter().map(|(n, s)| (n.as_str(), s.as_str())).collect();
    fasta(folder, "ref.fa", &pairs);
    let headers: Vec<String> = sequences.iter().map(|(name, s)| format!("{name},length={}", s.len())).collect();
    let header = vcf_header(&headers.iter().map(String::as_str).collect::<Vec<_>>(), &["kid"]);
    vcf_gz(folder, "v.vcf.gz", &(header + &vcf));
    put(folder, "genes.gtf", gtf);
    put(folder, "values.tsv", values);
}

#[test]
fn a_motif_upstream_of_the_tss_is_learned_from_oriented_windows_alone() {
    let _turn = training_turn();
    let folder = scratch();
    genes(folder.path());
    let train = |name: &str, more: &[&str]| {
        let mut command = deepallele("train");
        command.args(["--values", "values.tsv", "-L", "genes.gtf", "-f", "ref.fa", "-v", "v.vcf.gz", "-s", "kid"]);
        command.args(["--window", "128", "--shift", "0", "--epochs", "40", "--patience", "40", "--seed", "2"]);
        command.args([
            "--device",
            "cpu",
            "--test-chroms",
            "chr4",
            "--validation-chroms",
            "chr3",
            "--strands",
            "joined",
        ]);
        command.args(["--learning-rate", "3e-3", "-o", name]).args(more).current_dir(folder.path());
        let output = run(&mut command);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let table = Table::parse(&text(&output.stdout));
        let row = (0..table.rows.len())
            .find(|&row| table.text(row, "on_test") == "model" && table.text(row, "quantity") == "hap1")
            .expect("figures of the model");
        (table.number(row, "pearson"), text(&output.stderr))
    };
    let (oriented, said) = train("oriented", &["--orient", "region"]);
    assert!(said.contains("centred on the TSS, read from the strand of the region"), "{said}");
    assert!(said.contains("4 lines of the table of values name no region, not used: unknown1"), "{said}");
    assert!(
        said.contains("4 regions have no value in any sample") && said.contains("4 regions have no line"),
        "{said}"
    );
    let unjoined = fs::read_to_string(folder.path().join("oriented/unjoined.tsv")).unwrap();
    assert_eq!(unjoined.lines().count(), 13);
    assert!(
        unjoined.contains("g2_1\tno_value\n") && unjoined.contains("unknown3\tline_without_region\n"),
        "{unjoined}"
    );
    let (forward, _) = train("forward", &["--orient", "forward"]);
    let (middle, _) = train("middle", &["--orient", "region", "--anchor", "middle"]);
    println!("Pearson of held-out expression: oriented {oriented:.3}, forward {forward:.3}, middle {middle:.3}");
    assert!(oriented > 0.8, "oriented {oriented}");
    assert!(forward < 0.4 && middle < 0.4, "forward {forward}, middle {middle}");

    // The model keeps its rule: genes of the GTF are predicted by the windows that it learned.
    let mut predict = deepallele("predict");
    predict.args(["-m", "oriented/model.onnx", "-L", "genes.gtf", "-f", "ref.fa", "-v", "v.vcf.gz", "-s", "kid"]);
    let output = run(predict.current_dir(folder.path()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("centred on the TSS"), "{}", text(&output.stderr));
    let predicted = Table::parse(&text(&output.stdout));
    assert_eq!(predicted.rows.len(), 360);
    same_predictions(&Table::read(&folder.path().join("oriented/predictions.tsv.gz")), &predicted);
}

#[test]
fn external_values_that_do_not_fit_are_refused() {
    let folder = scratch();
    genes(folder.path());
    let train = |values: &str, more: &[&str]| {
        put(folder.path(), "values.tsv", values);
        let mut command = deepallele("train");
        command.args(["--values", "values.tsv", "-L", "genes.gtf", "-f", "ref.fa", "-v", "v.vcf.gz", "-s", "kid"]);
        command.args(["--device", "cpu", "-o", "out"]).args(more).current_dir(folder.path());
        command
    };
    for (values, words) in [
        ("gene\tliver\nx\t1\n", vec!["values.tsv", "line 1", "SAMPLE.hap1"]),
        ("gene\ta.hap1\ta.hap2\nx\t1\t2\n", vec!["values.tsv", "no line", "\"x\" here and \"g1_0\" there"]),
        ("gene\ta.hap1\ta.hap2\ng1_0\t1\tmany\n", vec!["values.tsv", "line 2", "\"many\" is not a number"]),
        ("gene\ta.hap1\ta.hap2\ng1_0\t-5\t2\n", vec!["values.tsv", "line 2", "no logarithm"]),
    ] {
        refused(&mut train(values, &[]), &words);
        assert!(!folder.path().join("out").exists(), "{values:?}");
    }
    let good = "gene\ta.hap1\ta.hap2\ng1_0\t5\t2\n";
    misused(&mut train(good, &["--pairs", "p.tsv"]));
    misused(train(good, &["--orient", "region", "--augment", "strand"]).args(["--window", "64"]));
    refused(&mut train(good, &["--anchor", "summit"]), &["genes.gtf", "no summit", "--anchor middle"]);
}
