//! The bias report end to end: sites of which it is known on paper what error-free reads would give.

use std::path::{Path, PathBuf};

use deepallele_tests::*;

/// Position (0-based), REF, ALT, genotype.
type Call = (usize, String, String, &'static str);

/// A sample with its genome.
struct World {
    kid: Kid,
    fasta: PathBuf,
}

impl World {
    fn new(bases: &str, calls: &[Call]) -> Self {
        let mut vcf = vcf_header(&["chr1"], &["kid"]);
        for (i, (at, old, new, gt)) in calls.iter().enumerate() {
            vcf += &format!("chr1\t{}\tv{i}\t{old}\t{new}\t.\tPASS\t.\tGT\t{gt}\n", at + 1);
        }
        // Reads of 50 bases, and one that is longer.
        let mut sam = format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{}\n", bases.len());
        for (i, n) in [50, 50, 70].into_iter().enumerate() {
            let (read, quality) = (&bases[i * 100..i * 100 + n], "I".repeat(n));
            sam += &format!("r{i}\t0\tchr1\t{}\t60\t{n}M\t*\t0\t0\t{read}\t{quality}\n", i * 100 + 1);
        }
        let kid = Kid::new(&vcf, &[("r", &sam)]);
        let fasta = fasta(kid.folder(), "g.fa", &[("chr0", &Random(99).bases(500)), ("chr1", bases)]);
        Self { kid, fasta }
    }

    /// The report, and what was said.
    fn report(&self, more: &[&str]) -> (Table, String) {
        let file = self.kid.at("bias.tsv");
        let output = run(self.kid.count(more).arg("-f").arg(&self.fasta).arg("--bias-report").arg(&file));
        let said = text(&output.stderr);
        assert!(output.status.success() && output.stdout.is_empty(), "{said}");
        (Table::read(&file), said)
    }
}

fn snv(bases: &str, at: usize, gt: &'static str) -> Call {
    let old = &bases[at..=at];
    let new = ["C", "G", "T", "A"]["ACGT".find(old).unwrap()];
    (at, old.into(), new.into(), gt)
}

/// laid, elsewhere, aligned, right, wrong, unassigned of a haplotype.
fn reads(table: &Table, row: usize, haplotype: usize) -> [f64; 6] {
    ["laid", "elsewhere", "aligned", "right", "wrong", "unassigned"]
        .map(|column| table.number(row, &format!("hap{haplotype}_{column}")))
}

fn ends(table: &Table, row: usize) -> [&str; 3] {
    ["hap1_fraction", "reference_fraction", "flags"].map(|column| table.text(row, column))
}

#[test]
fn known_sites_have_the_fractions_that_paper_gives() {
    // A stretch that stands twice, with the alternative allele in the copy: reads of the reference differ from
    // the copy, those of the alternative are equal to it.
    let mut bases = Random(1).bases(6000);
    let call = snv(&bases, 3000, "1|0");
    let copy = bases[2900..3100].to_string();
    bases.replace_range(5000..5200, &copy);
    bases.replace_range(5100..5101, &call.2);
    let mut calls = vec![snv(&bases, 1000, "0|1")];
    // Eight SNVs on haplotype 2 within 22 bases: its reads score at most 42 - 8 * 4.
    calls.extend((0..8).map(|i| snv(&bases, 2000 + 3 * i, "0|1")));
    calls.push(call);
    let deletion = bases[3999..4006].to_string();
    calls.push((3999, deletion.clone(), deletion[..1].into(), "0|1"));
    let insertion = bases[4499..4500].to_string();
    calls.push((4499, insertion.clone(), insertion.clone() + "GATTACA", "1|0"));
    let world = World::new(&bases, &calls);
    let (table, said) = world.report(&[]);
    assert_eq!(table.rows.len(), calls.len());
    assert_eq!(table.text(0, "pos"), "1001");
    assert_eq!(
        (reads(&table, 0, 1), reads(&table, 0, 2)),
        ([50.0, 0.0, 50.0, 50.0, 0.0, 0.0], [50.0, 0.0, 50.0, 50.0, 0.0, 0.0])
    );
    assert_eq!(ends(&table, 0), ["0.5000", "0.5000", "."]);
    for row in 1..9 {
        assert_eq!(reads(&table, row, 1), [50.0, 0.0, 50.0, 50.0, 0.0, 0.0]);
        assert!(reads(&table, row, 2)[2] < 30.0 && table.number(row, "reference_fraction") > 0.6);
        assert_eq!(table.text(row, "flags"), "bias");
    }
    // Haplotype 1 has the alternative, whose reads are those of the copy.
    assert_eq!(reads(&table, 9, 1), [50.0, 50.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(reads(&table, 9, 2), [50.0, 0.0, 50.0, 50.0, 0.0, 0.0]);
    assert_eq!(ends(&table, 9), ["0.0000", "1.0000", "bias,repeat"]);
    // Six bases that are there or not: 55 offsets show one of them, 49 the joint. So with seven inserted ones.
    for (row, [there, not], size) in [(10, [1, 2], 6.0), (11, [1, 2], 7.0)] {
        let (with, without) = (reads(&table, row, there), reads(&table, row, not));
        assert_eq!((with[0], without[0]), (49.0 + size, 49.0));
        for side in [with, without] {
            assert_eq!((side[1], side[4]), (0.0, 0.0), "none is elsewhere or wrong");
            assert_eq!(side[2], side[3] + side[5]);
            assert!(side[3] > 0.75 * side[0], "most reach past the indel: {side:?}");
        }
        assert_eq!(table.text(row, "flags"), ".");
    }
    assert!(said.contains("12 sites under error-free reads of 50 bases"), "{said}");
    assert!(said.contains("further than 0.05 from one half: 9; with multimapping reads: 1;"), "{said}");
    // Other loci are not searched.
    let (local, _) = world.report(&["--bias-local"]);
    assert_eq!(ends(&local, 9), ["0.5000", "0.5000", "."]);
    assert_eq!(local.rows[..9], table.rows[..9]);
}

#[test]
fn options_change_what_they_name() {
    let bases = Random(2).bases(4000);
    let mut calls: Vec<Call> = (0..5).map(|i| snv(&bases, 2000 + 4 * i, "0|1")).collect();
    calls.push(snv(&bases, 3500, "0|1"));
    let world = World::new(&bases, &calls);
    let lost = |more: &[&str]| 40.0 - reads(&world.report(more).0, 2, 2)[2];
    // Reads of 40 bases over five SNVs have up to five differences, and score 40 - 5 * 5 at the least.
    let length = ["--read-length", "40"];
    let with = |more: &[&'static str]| lost(&[&length[..], more].concat());
    assert_eq!(reads(&world.report(&length).0, 5, 1)[0], 40.0);
    assert!(with(&[]) > 0.0);
    assert_eq!(with(&["--bias-scoring", "1,4,6,1,5,5"]), 0.0);
    assert_eq!(with(&["--bias-scoring", "1,0,6,1,5,30"]), 0.0);
    assert!(with(&["--bias-scoring", "1,4,6,1,5,5", "--bias-max-differences", "3"]) > 0.0);
    // A wide limit flags nothing.
    let (table, _) = world.report(&["--read-length", "40", "--bias-limit", "0.5"]);
    assert!(table.rows.iter().all(|r| r.last().unwrap() == "."));
    // A stretch of the genome.
    for more in [["-r", "chr1:3400-3600"], ["-t", "chr1:3501"]] {
        let (some, said) = world.report(&more);
        assert_eq!(some.rows.len(), 1);
        assert_eq!(some.text(0, "id"), "v5");
        assert!(said.contains("assigned right: 100.00 % of haplotype 1, 100.00 % of haplotype 2"), "{said}");
    }
}

#[test]
fn regions_sum_their_sites_and_both_tables_are_indexed() {
    let bases = Random(3).bases(4000);
    let world = World::new(&bases, &[snv(&bases, 1000, "0|1"), snv(&bases, 1010, "1|0"), snv(&bases, 3000, "0|1")]);
    let bed = world.kid.put("r.bed", "chr1\t100\t200\tnone\nchr1\t900\t1005\tone\nchr1\t990\t1100\ttwo\n");
    let mut tables = Vec::new();
    for threads in ["1", "3"] {
        let (sites, regions) = (world.kid.at("s.tsv.gz"), world.kid.at("r.tsv.gz"));
        let mut command = world.kid.count(&["--no-version", "-@", threads, "--bias-report"]);
        command.arg(&sites).arg("--bias-regions").arg(&regions).arg("-f").arg(&world.fasta).arg("-L").arg(&bed);
        good(command.arg("-o").arg(world.kid.at("t.tsv")));
        tables.push([&sites, &regions].map(|file| unpacked(file)));
        assert_eq!(good_text(&mut tool("tabix", [sites.as_os_str(), "chr1:1011-2000".as_ref()])).lines().count(), 1);
        assert_eq!(good_text(&mut tool("tabix", [regions.as_os_str(), "chr1:1-150".as_ref()])).lines().count(), 1);
    }
    assert!(tables[0] == tables[1], "threads change nothing");
    assert!(tables[0][0].contains("##bias=read length 50; match 1, mismatch 4"), "the usual length of the reads");
    let regions = Table::parse(&tables[0][1]);
    assert_eq!(reads(&regions, 0, 1), [0.0; 6]);
    assert_eq!(["hap1_fraction", "flags"].map(|c| regions.text(0, c)), [".", "."]);
    assert_eq!(reads(&regions, 1, 1)[..4], [50.0, 0.0, 50.0, 50.0]);
    // Sixty reads cover one site or both.
    assert_eq!(reads(&regions, 2, 2)[..4], [60.0, 0.0, 60.0, 60.0]);
}

#[test]
fn real_variants_are_near_balance() {
    let folder = scratch();
    let report = folder.path().join("bias.tsv");
    let mut command = deepallele("count");
    command.arg(deepallele_tests::reads()).arg("-v").arg(phased()).args(["-s", "NA12878", "-f"]).arg(genome());
    let said = text(&run(command.arg("--bias-report").arg(&report)).stderr);
    let table = Table::read(&report);
    assert_eq!(table.rows.len(), 623, "{said}");
    let wrong = table.sum("hap1_wrong") + table.sum("hap2_wrong");
    assert_eq!(wrong, 0.0);
    let fractions = (0..table.rows.len()).map(|row| table.number(row, "reference_fraction"));
    let mean = fractions.sum::<f64>() / table.rows.len() as f64;
    assert!((mean - 0.5).abs() < 0.005, "{mean}");
}

#[test]
fn what_is_wrong_is_named_and_leaves_nothing() {
    let bases = Random(4).bases(4000);
    let world = World::new(&bases, &[snv(&bases, 1000, "0|1")]);
    let folder = world.kid.folder();
    let report = world.kid.at("b.tsv");
    let other = fasta(folder, "other.fa", &[("chrQ", &bases)]);
    let with = |fasta: &Path| {
        let mut command = world.kid.count(&["--bias-report"]);
        command.arg(&report).arg("-f").arg(fasta);
        command
    };
    refused_in(folder, &mut with(&other), &["other.fa", "chr1"]);
    refused_in(folder, &mut with(&world.kid.at("nowhere.fa")), &["nowhere.fa"]);
    let mut nowhere = world.kid.count(&["--bias-report", "/proc/nowhere/b.tsv"]);
    refused_in(folder, nowhere.arg("-f").arg(&world.fasta), &["/proc/nowhere/b.tsv"]);
    let mut full = world.kid.count(&["--bias-report", "/dev/full"]);
    refused_in(folder, full.arg("-f").arg(&world.fasta), &["/dev/full", "No space left"]);
    let fasta = world.fasta.to_str().unwrap();
    for usage in [
        &["--bias-report", "b"][..],
        &["--bias-report", "-", "-f", fasta],
        &["--bias-regions", "b", "-f", fasta],
        &["--bias-report", "b", "-f", fasta, "--read-length", "5"],
        &["--bias-report", "b", "-f", fasta, "--bias-limit", "0.7"],
        &["--bias-report", "b", "-f", fasta, "--bias-scoring", "1,2,3"],
        &["--per-variant", "v", "--bias-local"],
    ] {
        misused(&mut world.kid.count(usage));
    }
    let mut piped = deepallele("count");
    piped
        .args(&world.kid.bams)
        .args(["-v", "-", "-s", "kid", "--bias-report"])
        .arg(&report)
        .arg("-f")
        .arg(&world.fasta);
    misused(&mut piped);
    assert!(!report.exists());
}
