//! `deepallele explain hits`: sites that variants create, destroy, change or move.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

use crate::attributions::ExplainedRegions;

const FIRST: &str = "GGTGACTCATCA";
const SECOND: &str = "CCACTAGAGGGC";

/// Two motifs of one sequence each with a little of the others, one that is too short, and a hostile name.
fn motifs(folder: &Path) -> PathBuf {
    let mut text = String::from("MEME version 4\n\nALPHABET= ACGT\n");
    for (name, sequence) in [("AP1", FIRST), ("CT;C,F|x=1", SECOND), ("short", "GAT")] {
        text += &format!("\nMOTIF {name}\nletter-probability matrix: alength= 4 w= {} nsites= 20\n", sequence.len());
        for letter in sequence.chars() {
            let row = "ACGT".chars().map(|base| if base == letter { "0.91" } else { "0.03" });
            text += &(row.collect::<Vec<_>>().join(" ") + "\n");
        }
    }
    put(folder, "motifs.meme", text)
}

/// A genome with sites, a person with variants in them, and regions.
struct World {
    folder: tempfile::TempDir,
    motifs: PathBuf,
}

impl World {
    fn new() -> Self {
        let folder = scratch();
        let here = folder.path();
        let mut bases = Random(7).bases(8000).into_bytes();
        let mut plant = |at: usize, site: &str| bases[at..at + site.len()].copy_from_slice(site.as_bytes());
        // Kept; destroyed; destroyed by a deletion; weakened; destroyed by two variants; created by an insertion.
        [200, 700, 1200, 1700, 2200].iter().for_each(|&at| plant(at, FIRST));
        plant(2700, &SECOND[..6]);
        plant(2706, "T");
        let genome = String::from_utf8(bases).unwrap();
        fasta(here, "ref.fa", &[("1", &genome)]);
        let base = |at: usize| &genome[at..at + 1];
        let other = |at: usize| if base(at) == "A" { "C" } else { "A" };
        let mut vcf = vcf_header(&["1"], &["kid"]);
        let mut record = |at: usize, reference: &str, alternative: &str, call: &str| {
            vcf += &format!("1\t{}\t.\t{reference}\t{alternative}\t.\t.\t.\tGT\t{call}\n", at + 1);
        };
        record(705, base(705), other(705), "0|1");
        record(1203, &genome[1203..1207], base(1203), "0|1");
        // In the first haplotype: from haplotype 1 to 2 it becomes stronger.
        record(1700, base(1700), other(1700), "1|0");
        record(2203, base(2203), other(2203), "0|1");
        record(2206, base(2206), other(2206), "0|1");
        record(2705, base(2705), &format!("{}{}", base(2705), &SECOND[6..]), "0|1");
        // Far from all sites, and homozygous.
        record(3000, base(3000), other(3000), "0|1");
        record(3100, base(3100), other(3100), "1|1");
        vcf_gz(here, "kid.vcf.gz", &vcf);
        let bed: String = (0..16).map(|i| format!("1\t{}\t{}\tr{i}\n", 500 * i, 500 * (i + 1))).collect();
        put(here, "r.bed", bed);
        let motifs = motifs(here);
        Self { folder, motifs }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = deepallele("explain");
        command.current_dir(self.folder.path()).args(["hits", "-f", "ref.fa", "-v", "kid.vcf.gz", "-s", "kid"]);
        // Of sites with one wrong base, but not with two.
        command.args(["-L", "r.bed", "--threshold", "1e-5", "--motifs"]).arg(&self.motifs).args(more);
        command
    }
}

fn rows(table: &Table) -> Vec<[String; 5]> {
    (0..table.rows.len())
        .map(|row| ["start", "motif", "strand", "state", "variants"].map(|column| table.text(row, column).to_owned()))
        .collect()
}

#[test]
fn states_of_planted_sites() {
    let world = World::new();
    good(&mut world.command(&["-o", "out"]));
    let table = Table::read(&world.at("out/hits.tsv.gz"));
    let found = rows(&table);
    let has = |start: &str, motif: &str, state: &str, variants: &[&str]| {
        let row = found.iter().position(|row| row[0] == start && row[1] == motif && row[2] == "+");
        let row = row.unwrap_or_else(|| panic!("no {motif} at {start}: {found:?}"));
        assert_eq!(found[row][3], state, "{found:?}");
        let listed: Vec<&str> = found[row][4].split(',').map(|v| v.rsplitn(3, ':').last().unwrap()).collect();
        assert_eq!(listed, variants, "{found:?}");
        row
    };
    let kept = has("200", "AP1", "kept", &["."]);
    assert_eq!((table.text(kept, "p_change"), table.text(kept, "hap1_attribution")), (".", "."));
    assert_eq!(table.number(kept, "delta_score"), 0.0);
    for (start, variants) in [("700", &["1:706"][..]), ("1200", &["1:1204"]), ("2200", &["1:2204", "1:2207"])] {
        let row = found.iter().position(|row| row[0] == start && row[1] == "AP1").unwrap();
        match found[row][3].as_str() {
            "destroyed" => assert!(table.number(row, "hap2_p") >= 1e-5),
            state => assert_eq!(state, "weakened"),
        }
        has(start, "AP1", &found[row][3].clone(), variants);
        assert!(table.number(row, "delta_score") < -3.0 && table.number(row, "p_change") < 0.05);
        assert!(table.number(row, "q_change") >= table.number(row, "p_change"));
    }
    has("2200", "AP1", "destroyed", &["1:2204", "1:2207"]);
    has("1700", "AP1", "strengthened", &["1:1701"]);
    let created = has("2700", "CT;C,F|x=1", "created", &["1:2706"]);
    assert!(table.number(created, "hap2_p") < 1e-6);
    // All positions are sorted, and tabix finds them.
    let near = good_text(
        tool("tabix", [as_str(&world.at("out/hits.tsv.gz")), "1:2701-2710"]).current_dir(world.folder.path()),
    );
    assert_eq!(near.lines().filter(|line| line.contains("\tcreated\t")).count(), 1, "{near}");
    let bed = fs::read_to_string(world.at("out/hits.bed")).unwrap();
    assert!(fs::read_to_string(world.at("out/igv.xml")).unwrap().contains("<Track id=\"hits.bed\""));
    assert_eq!(bed.lines().filter(|line| !line.starts_with("track")).count(), found.len());
    assert!(bed.contains("\t2700\t2706\tCT;C,F|x=1\t") && bed.contains("\t200,20,20\n"), "{bed}");
}

#[test]
fn changes_agree_with_measured_ratios_or_not() {
    let world = World::new();
    let mut counts = String::from(
        "#chrom\tstart\tend\tname\tscore\tstrand\tsample\thap1\thap2\tuninformative\tconflicting\tvariants\tlog2_ratio\tse\t\
         p_value\tq_value\n",
    );
    // The allele with the better site is haplotype 1 in the first three.
    for (start, [hap1, hap2], ratio, q) in
        [(500, [90, 9], "3.25", "1e-8"), (1000, [9, 90], "-3.25", "1e-8"), (2000, [9, 9], "0.5", "0.3")]
    {
        let end = start + 500;
        counts += &format!("1\t{start}\t{end}\tx\t.\t.\tkid\t{hap1}\t{hap2}\t0\t0\t1\t{ratio}\t0.5\t1e-9\t{q}\n");
    }
    put(world.folder.path(), "counts.tsv", counts);
    good(&mut world.command(&["-o", "out", "--compare", "counts.tsv"]));
    let table = Table::read(&world.at("out/hits.tsv.gz"));
    for (start, measured, expected) in [
        ("200", ".", "."),
        ("700", "3.25", "Concordant"),
        ("1200", "-3.25", "Discordant"),
        ("1700", ".", "."),
        ("2200", "0.5", "."),
    ] {
        let row = table.column("start").iter().position(|found| found == start).unwrap();
        assert_eq!((table.text(row, "measured"), table.text(row, "concordance")), (measured, expected), "{start}");
    }
}

#[test]
fn records_say_which_sites_they_change() {
    let world = World::new();
    for (name, more) in [("out.vcf.gz", "-W=tbi"), ("out.bcf", "-W")] {
        good(&mut world.command(&["out", "--vcf", "kid.vcf.gz", "-o", name, more]));
        let found = query(&world.at(name), "%POS\t%DA_MOTIF_TOP\t%DA_MOTIF\n");
        assert_eq!(found.len(), 8);
        let of = |position: &str| found.iter().find(|row| row[0] == position).unwrap();
        assert_eq!(of("706")[1], "AP1");
        // Reserved characters are encoded.
        assert_eq!(of("2706")[1], "CT%3BC%2CF|x%3D1");
        assert!(of("2706")[2].starts_with(&format!(
            "{}|TF_binding_site_variant|CT%3BC%2CF%7Cx%3D1|created|+|",
            of("2706")[2].split('|').next().unwrap()
        )));
        assert_eq!((of("3101")[1].as_str(), of("3101")[2].as_str()), (".", "."), "homozygous");
        let columns = "%POS\t%Motif\t%State\t%Strand\t%dScore\t%p\t%q\n";
        let mut split = tool("bcftools", ["+split-vep", "-d", "-a", "DA_MOTIF", "-f", columns]);
        let lines = good_text(split.arg(world.at(name)));
        // From REF to ALT, whichever haplotype has ALT.
        let line = lines.lines().find(|line| line.starts_with("1701\tAP1\t")).unwrap_or_else(|| panic!("{lines}"));
        let parts: Vec<&str> = line.split('\t').collect();
        assert_eq!(parts[2..4], ["weakened", "+"]);
        assert!(parts[4].parse::<f64>().unwrap() < -3.0 && parts[5].parse::<f64>().unwrap() < 0.2, "{line}");
        // Both variants of one site name it.
        for position in ["2204\t", "2207\t"] {
            assert!(lines.lines().any(|line| line.starts_with(position) && line.contains("\tdestroyed\t")), "{lines}");
        }
    }
    let header = good_text(tool("bcftools", ["view", "-h"]).arg(world.at("out.bcf")));
    assert!(header.contains("ID=DA_MOTIF_TOP,Number=A,Type=String") && !header.contains("DA_ATTR"), "{header}");
}

#[test]
fn the_result_does_not_depend_on_threads_and_designed_pairs_are_scanned() {
    let world = World::new();
    let files = |threads: &str| {
        good(&mut world.command(&["--no-version", "-@", threads, "-o", "t"]));
        ["t/hits.tsv.gz", "t/hits.bed"].map(|name| fs::read(world.at(name)).unwrap())
    };
    assert!(files("1") == files("3"));
    let mut numbers = Random(9);
    let flank = [numbers.bases(40), numbers.bases(40)];
    let with = |site: &str| format!("{}{site}{}", flank[0], flank[1]);
    let table = format!("id\tallele_a\tallele_b\none\t{}\t{}\n", with(FIRST), with(&FIRST.replace("TGAC", "TTTC")));
    put(world.folder.path(), "pairs.tsv", table);
    let mut command = deepallele("explain");
    command.current_dir(world.folder.path()).args([
        "hits",
        "--pairs",
        "pairs.tsv",
        "-o",
        "p",
        "--threshold",
        "1e-5",
        "--motifs",
    ]);
    good(command.arg(&world.motifs));
    let table = Table::read(&world.at("p/hits.tsv.gz"));
    let row = rows(&table).into_iter().find(|row| row[1] == "AP1").unwrap();
    assert_eq!(row, ["40", "AP1", "+", "destroyed", "one:44:GA:TT"]);
    assert_eq!(table.text(0, "chrom"), "one");
}

/// With a folder of contributions: those of the sites, and of ALT less REF.
#[test]
fn contributions_of_sites_are_those_of_the_folder() {
    let folder = scratch();
    let here = folder.path();
    let ExplainedRegions { model, regions, out, explained } = ExplainedRegions::new(here);
    let effects = here.join("effects.bcf");
    good(annotate(&model, &phased()).args(["-s", "NA12878", "-L"]).arg(&regions).arg("-o").arg(&effects));
    let mut command = deepallele("explain");
    command.arg("hits").arg(&out).args(["--threshold", "0.01", "--motifs"]).arg(data("motifs/jaspar2020_subset.meme"));
    good(command.arg("--vcf").arg(&effects).arg("-o").arg(here.join("out.bcf")));
    let effects = query(&effects, "%CHROM:%POS:%REF:%ALT\t%DA_LFC\t[%GT]\n");
    // Once more: the session has the track of sites once.
    good(&mut command);
    assert_eq!(fs::read_to_string(out.join("igv.xml")).unwrap().matches("path=\"hits.bed\"").count(), 1);
    let table = Table::read(&out.join("hits.tsv.gz"));
    let regions = Table::read(&out.join("regions.tsv"));
    let names = regions.column("name");
    let (mut compared, mut changed) = (0, 0);
    for row in 0..table.rows.len() {
        let pair = names.iter().position(|name| *name == table.text(row, "region")).unwrap();
        let span = table.number(row, "start") as u64..table.number(row, "end") as u64;
        for haplotype in 0..2 {
            let positions = explained.positions(pair, haplotype);
            let sum: f64 = (0..positions.len())
                .filter(|&i| positions[i].is_some_and(|position| span.contains(&position)))
                .map(|i| {
                    let base = "ACGT".find(explained.sequences[haplotype].base(pair, i)).unwrap();
                    explained.contributions[haplotype].at(pair, base, i)
                })
                .sum();
            let own = if haplotype == 0 { sum } else { -sum };
            if table.text(row, "state") != "moved" {
                close(table.number(row, &format!("hap{}_attribution", haplotype + 1)), own, "attribution");
                compared += 1;
            }
        }
        // The sum of the effects of its variants, as effects on haplotype 1 over haplotype 2.
        let variants = table.text(row, "variants");
        if variants == "." {
            assert_eq!(table.text(row, "effect"), ".");
            continue;
        }
        let effect = |name: &str| {
            let row = effects.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("{name}"));
            row[1].parse::<f64>().unwrap() * if row[2] == "1|0" { 1.0 } else { -1.0 }
        };
        close(table.number(row, "effect"), variants.split(',').map(effect).sum(), variants);
        changed += 1;
    }
    assert!(compared > 100 && changed > 10, "{compared} {changed}");
    // Of an SNV: the base of the haplotype with ALT, less that of the other one.
    let found = query(&here.join("out.bcf"), "%POS\t[%GT]\t%DA_ATTR\n");
    let mut checked = 0;
    for row in found.iter().filter(|row| row[2] != ".") {
        let position = row[0].parse::<u64>().unwrap() - 1;
        let pair = (0..8).find(|&pair| explained.positions(pair, 0).contains(&Some(position))).unwrap();
        let [one, two] = [0, 1].map(|haplotype| {
            let i = explained.positions(pair, haplotype).iter().position(|p| *p == Some(position)).unwrap();
            let base = "ACGT".find(explained.sequences[haplotype].base(pair, i)).unwrap();
            let value = explained.contributions[haplotype].at(pair, base, i);
            if haplotype == 0 {
                value
            } else {
                -value
            }
        });
        let expected = if row[1] == "1|0" { one - two } else { two - one };
        close(row[2].parse().unwrap(), expected, &format!("{row:?}"));
        checked += 1;
    }
    assert!(checked >= 8, "{checked}");
}

#[test]
fn what_cannot_be_scanned_is_named() {
    let world = World::new();
    let here = world.folder.path();
    let on = |motifs: &str| {
        let mut command = deepallele("explain");
        command.current_dir(here).args(["hits", "-f", "ref.fa", "-v", "kid.vcf.gz", "-s", "kid", "-L", "r.bed"]);
        command.args(["-o", "no", "--motifs", motifs]);
        command
    };
    put(here, "empty.meme", "");
    put(here, "none.meme", "MEME version 4\n\nALPHABET= ACGT\n");
    refused_in(here, &mut on("empty.meme"), &["empty.meme", "is empty"]);
    refused_in(here, &mut on("none.meme"), &["none.meme", "no motifs"]);
    refused_in(here, &mut on("r.bed"), &["r.bed", "line 1"]);
    put(here, "other.txt", "");
    let folder = |folder: &str| {
        let mut command = deepallele("explain");
        command.current_dir(here).args(["hits", folder, "--motifs"]).arg(&world.motifs);
        command
    };
    refused_in(here, &mut folder("."), &["explain.json"]);
    refused_in(here, &mut folder("nowhere"), &["nowhere"]);
    put(here, "twice.tsv", "id\tallele_a\tallele_b\nx\tACGT\tACGG\nx\tACGT\tACGA\n");
    let mut pairs = deepallele("explain");
    pairs.current_dir(here).args(["hits", "--pairs", "twice.tsv", "-o", "no", "--motifs"]).arg(&world.motifs);
    refused_in(here, &mut pairs, &["twice.tsv", "two pairs named \"x\""]);
    let counts = "#chrom\tstart\n";
    put(here, "counts.tsv", counts);
    refused_in(here, &mut world.command(&["-o", "no", "--compare", "counts.tsv"]), &["counts.tsv"]);
    // A motif that is too short for any site: an empty table that is valid.
    put(
        here,
        "short.meme",
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF short\nletter-probability matrix: w= 3\n1 0 0 0\n1 0 0 0\n1 0 0 0\n",
    );
    let output = run(&mut on("short.meme"));
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("short"), "{}", text(&output.stderr));
    assert_eq!(Table::read(&here.join("no/hits.tsv.gz")).rows.len(), 0);
    assert!(here.join("no/hits.tsv.gz.tbi").exists());
    // No variants in the haplotypes: all sites are kept.
    let mut reference = deepallele("explain");
    reference
        .current_dir(here)
        .args(["hits", "-f", "ref.fa", "--hap1", "ref", "--hap2", "ref", "-L", "r.bed", "-o", "k"]);
    good(reference.arg("--motifs").arg(&world.motifs));
    let table = Table::read(&here.join("k/hits.tsv.gz"));
    assert!(table.rows.len() >= 5 && table.column("state").iter().all(|state| state == "kept"));
}
