//! `deepallele count --hap1-bam --hap2-bam` on simulated crosses: against the truth, against counting on the
//! reference, and against samtools.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::simulator::{truth, Case, CrossKind, Fragment, Kind, Plan, Read, ReadPlan, Target};
use deepallele_tests::*;

/// A simulated cross and the genomes of its haplotypes.
struct TwoGenomes {
    case: Case,
    /// As `deepallele haplotypes` wrote them.
    genomes: [PathBuf; 2],
}

impl TwoGenomes {
    fn new(plan: &Plan, reads: &ReadPlan) -> Self {
        let case = Case::new(plan, reads);
        let prefix = case.folder.path().join("genome");
        good(haplotypes(&case.fasta, &case.vcf, "F1").arg("--fasta").arg(prefix));
        let genomes = ["hap1", "hap2"].map(|h| case.folder.path().join(format!("genome.{h}.fa")));
        Self { case, genomes }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.case.folder.path().join(name)
    }

    /// Fragments that can be aligned to reference and both genomes, and that tell the haplotypes apart (or not).
    fn part(&self, tell: bool) -> Vec<&Fragment> {
        let targets = [Target::Reference, Target::Haplotype(0), Target::Haplotype(1)];
        let chosen = |f: &&Fragment| {
            let pair = self.case.pair(f);
            let everywhere = |r: &Read| targets.iter().all(|t| r.place(pair, f.haplotype, *t).is_some());
            truth::fragment_tells(pair, f) == tell && f.reads.iter().all(everywhere)
        };
        self.case.fragments.iter().filter(chosen).collect()
    }

    /// The fragments aligned to the genome of haplotype 0 or 1, with MD by samtools.
    fn aligned(&self, fragments: &[&Fragment], haplotype: usize, name: &str) -> PathBuf {
        let sam = self.case.cross.sam(fragments.iter().copied(), Target::Haplotype(haplotype));
        let plain = put(self.case.folder.path(), "plain.sam", sam);
        let bytes = good(tool("samtools", ["calmd", "-b"]).arg(plain).arg(&self.genomes[haplotype]));
        put(self.case.folder.path(), name, bytes)
    }

    fn both(&self, fragments: &[&Fragment]) -> [PathBuf; 2] {
        [self.aligned(fragments, 0, "hap1.bam"), self.aligned(fragments, 1, "hap2.bam")]
    }

    fn count(&self) -> Command {
        let (case, mut command) = (&self.case, deepallele("count"));
        command.arg("-v").arg(&case.vcf).arg("-f").arg(&case.fasta).arg("-L").arg(&case.bed).args(["-s", "F1"]);
        command.arg("--quiet");
        command
    }

    fn two(&self, files: &[PathBuf; 2]) -> Command {
        let mut command = self.count();
        command.arg("--hap1-bam").arg(&files[0]).arg("--hap2-bam").arg(&files[1]);
        command
    }
}

/// chrom, start, end and the four classes of each row.
fn classes(table: &str) -> Vec<(String, [usize; 4])> {
    let table = Table::parse(table);
    let row = |r: usize| {
        let place = ["chrom", "start", "end", "variants"].map(|c| table.text(r, c)).join(" ");
        (place, table.classes(r))
    };
    (0..table.rows.len()).map(row).collect()
}

fn crosses() -> impl Iterator<Item = (CrossKind, u64)> {
    [(CrossKind::Strain, 71), (CrossKind::Parents, 72)].into_iter()
}

#[test]
fn reads_that_tell_are_counted_as_on_the_reference_and_as_the_truth_has_it() {
    for (cross, seed) in crosses() {
        for kinds in [&Kind::ALL[..], &[Kind::Insertion, Kind::Deletion, Kind::Homopolymer, Kind::MultiIndel]] {
            let reads = ReadPlan { spliced: 0.2, ..ReadPlan::clean(seed) };
            let genomes = TwoGenomes::new(&Plan::new(seed, cross, kinds), &reads);
            let part = genomes.part(true);
            assert!(part.len() > 500, "{} fragments tell", part.len());
            let two = classes(&good_text(&mut genomes.two(&genomes.both(&part))));
            let sam = genomes.case.sam("ref.sam", &part);
            let one = classes(&good_text(genomes.count().arg(&sam)));
            assert_eq!(one, two, "{cross:?}, seed {seed}");
            let whole = two.iter().filter(|(place, _)| place.contains(" 0 6000 "));
            let sums = whole.fold([0; 4], |sum, (_, c)| [0, 1, 2, 3].map(|i| sum[i] + c[i]));
            let truth = [0, 1].map(|h| part.iter().filter(|f| f.haplotype == h).count());
            assert_eq!(sums, [truth[0], truth[1], 0, 0]);
        }
    }
}

#[test]
fn reads_of_a_sequencer_are_hardly_ever_counted_wrong() {
    for (cross, seed) in crosses() {
        let genomes = TwoGenomes::new(&Plan::new(seed, cross, &Kind::ALL), &ReadPlan::everything(seed));
        let mut totals = Vec::new();
        for haplotype in [0, 1] {
            let part: Vec<&Fragment> =
                genomes.case.fragments.iter().filter(|f| f.haplotype == haplotype && f.counts()).collect();
            let rows = classes(&good_text(&mut genomes.two(&genomes.both(&part))));
            let whole = rows.iter().filter(|(place, _)| place.contains(" 0 6000 "));
            let mut sums = whole.fold([0; 4], |sum, (_, c)| [0, 1, 2, 3].map(|i| sum[i] + c[i]));
            assert!(sums.iter().sum::<usize>() <= part.len());
            if haplotype == 1 {
                sums.swap(0, 1);
            }
            totals.push(sums);
        }
        let sum = |i: usize| totals[0][i] + totals[1][i];
        assert!(sum(0) > 800 && sum(1) + sum(3) <= sum(0) / 200, "right, wrong, -, conflicting: {totals:?}");
    }
}

#[test]
fn order_format_and_threads_change_nothing() {
    let (cross, seed) = (CrossKind::Parents, 73);
    let genomes = TwoGenomes::new(&Plan::new(seed, cross, &Kind::ALL), &ReadPlan::everything(seed));
    let all = genomes.case.all();
    let files = genomes.both(&all);
    let table = without_header(&good_text(&mut genomes.two(&files)));
    let reordered = |how: &[&str], suffix: &str| {
        [0, 1].map(|i: usize| {
            let to = genomes.path(&format!("{i}.{suffix}"));
            good(tool("samtools", how).arg("-o").arg(&to).arg(&files[i]));
            to
        })
    };
    for (how, suffix) in [
        (&["sort", "-n"][..], "names.bam"),
        (&["collate"][..], "collated.bam"),
        (&["view", "-h"][..], "text.sam"),
        (&["view", "--no-header", "-b", "-h"][..], "again.bam"),
    ] {
        assert_eq!(table, without_header(&good_text(&mut genomes.two(&reordered(how, suffix)))), "{suffix}");
    }
    let names = reordered(&["sort", "-n"], "names.bam");
    let mixed = [files[0].clone(), names[1].clone()];
    assert_eq!(table, without_header(&good_text(genomes.two(&mixed).args(["-@", "4"]))));
    assert_eq!(table, without_header(&good_text(genomes.two(&files).args(["-@", "1"]))));
}

/// Fields of SAM lines by name and whether it is the second mate.
fn by_read(sam: &str) -> BTreeMap<(String, bool), Vec<String>> {
    let mut found = BTreeMap::new();
    for line in sam.lines().filter(|l| !l.starts_with('@')) {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let flags: u32 = fields[1].parse().unwrap();
        if flags & 0x900 == 0 {
            assert!(found.insert((fields[0].clone(), flags & 0x80 != 0), fields).is_none());
        }
    }
    found
}

#[test]
fn the_merged_bam_is_what_an_aligner_would_write_on_the_reference() {
    let (cross, seed) = (CrossKind::Parents, 74);
    // Where several bases are replaced by another number of them, an aligner may pair some; the map does not.
    let kinds = [Kind::Snv, Kind::Insertion, Kind::Deletion, Kind::Mnv, Kind::Homopolymer, Kind::Tandem, Kind::Dense];
    let genomes = TwoGenomes::new(&Plan::new(seed, cross, &kinds), &ReadPlan::clean(seed));
    let part = genomes.part(true);
    let merged = genomes.path("merged.bam");
    let table = classes(&good_text(genomes.two(&genomes.both(&part)).arg("--merged-bam").arg(&merged)));
    good(tool("samtools", ["quickcheck", "-v"]).arg(&merged));
    let text = good_text(tool("samtools", ["view", "-h"]).arg(&merged));
    assert!(text.starts_with("@HD\tVN:1.6\tSO:unsorted\tGO:query\n@SQ\tSN:chr1\tLN:6000\n"));
    let (ours, truth) = (by_read(&text), by_read(&genomes.case.cross.sam(part.iter().copied(), Target::Reference)));
    assert_eq!(ours.len(), truth.len());
    for (read, fields) in &ours {
        // Name, flags, contig, position, quality, CIGAR, mate's contig and position, length, bases, qualities.
        assert_eq!(fields[..11], truth[read][..11], "{read:?}");
        assert!(!fields.iter().any(|f| f.starts_with("MD:") || f.starts_with("NM:")));
        assert!(fields.contains(&"RG:Z:sim".to_string()));
    }
    // By haplotype, as samtools sees it; both mates carry the tag.
    for (n, which) in [("1", 0), ("2", 1)] {
        let chosen = by_read(&good_text(tool("samtools", ["view", "-d", &format!("HP:{n}")]).arg(&merged)));
        let mut names: Vec<&String> = chosen.keys().map(|k| &k.0).collect();
        names.dedup();
        let whole = table.iter().filter(|(place, _)| place.contains(" 0 6000 "));
        assert_eq!(names.len(), whole.map(|(_, c)| c[which]).sum::<usize>());
        assert!(names.len() > 200);
        assert!(chosen.values().all(|f| f.contains(&format!("po:i:{n}"))));
    }
    let sorted = genomes.path("sorted.bam");
    good(tool("samtools", ["sort", "-o"]).arg(&sorted).arg(&merged));
    good(tool("samtools", ["index"]).arg(&sorted));
    // Counted on the reference it gives the same.
    let again = classes(&good_text(genomes.count().arg(&sorted)));
    assert_eq!(again, table);
}

/// A genome of one contig, an insertion of haplotype 2, and alignments written out by hand.
struct Small {
    folder: tempfile::TempDir,
    command: Vec<PathBuf>,
}

const HAP1: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:c\tLN:200\n";
const HAP2: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:c\tLN:204\n";

impl Small {
    fn new() -> Self {
        let folder = scratch();
        let fasta = fasta(folder.path(), "r.fa", &[("c", &"ACGTTGCATC".repeat(20))]);
        let vcf = vcf_header(&["c,length=200"], &["F1"]) + "c\t100\t.\tC\tCAAAA\t.\t.\t.\tGT\t0|1\n";
        let vcf = put(folder.path(), "v.vcf", vcf);
        let bed = put(folder.path(), "r.bed", "c\t0\t200\n");
        Self { folder, command: vec![fasta, vcf, bed] }
    }

    fn count(&self, one: &str, two: &str) -> Command {
        let [one, two] = [("1.sam", HAP1, one), ("2.sam", HAP2, two)]
            .map(|(name, header, body)| put(self.folder.path(), name, header.to_string() + body));
        self.count_files(&one, &two)
    }

    fn count_files(&self, one: &Path, two: &Path) -> Command {
        let mut command = deepallele("count");
        command.arg("-f").arg(&self.command[0]).arg("-v").arg(&self.command[1]).args(["-s", "F1", "-L"]);
        command.arg(&self.command[2]).arg("--hap1-bam").arg(one).arg("--hap2-bam").arg(two);
        command
    }

    fn classes(&self, one: &str, two: &str, more: &[&str]) -> [usize; 4] {
        classes(&good_text(self.count(one, two).arg("--quiet").args(more)))[0].1
    }
}

fn line(name: &str, flags: u32, pos: u32, cigar: &str, tags: &str) -> String {
    let (bases, qualities) = ("A".repeat(20), "I".repeat(20));
    format!("{name}\t{flags}\tc\t{pos}\t60\t{cigar}\t*\t0\t0\t{bases}\t{qualities}\t{tags}\n")
}

#[test]
fn clips_cost_unless_the_other_tools_scoring_is_asked_for() {
    let small = Small::new();
    let (whole, clipped) = (line("r", 0, 20, "20M", "MD:Z:19C0\tNM:i:1"), line("r", 0, 20, "12M8S", "MD:Z:12\tNM:i:0"));
    assert_eq!(small.classes(&whole, &clipped, &[]), [1, 0, 0, 0]);
    assert_eq!(small.classes(&whole, &clipped, &["--scoring", "suspenders"]), [0, 1, 0, 0]);
    let perfect = line("r", 0, 20, "20M", "MD:Z:20\tNM:i:0");
    assert_eq!(small.classes(&perfect, &clipped, &[]), [1, 0, 0, 0]);
    assert_eq!(small.classes(&perfect, &clipped, &["--scoring", "suspenders"]), [0, 0, 1, 0]);
    // A base that differs, of a quality below -Q, says nothing.
    assert_eq!(small.classes(&perfect, &whole, &["-Q", "41"]), [0, 0, 1, 0]);
    // NM alone is enough, and = and X.
    assert_eq!(small.classes(&line("r", 0, 20, "20M", "NM:i:1"), &line("r", 0, 20, "20=", ""), &[]), [0, 1, 0, 0]);
}

#[test]
fn a_fragment_in_one_file_only_is_no_evidence() {
    let small = Small::new();
    let one = line("a", 0, 20, "20M", "MD:Z:20") + &line("b", 0, 30, "20M", "MD:Z:20");
    let two = line("b", 4, 30, "*", "") + &line("c", 0, 40, "20M", "MD:Z:20") + &line("d", 0, 41, "20M", "MD:Z:20");
    assert_eq!(small.classes(&one, &two, &[]), [0, 0, 4, 0]);
    let output = run(&mut small.count(&one, &two));
    assert!(text(&output.stderr).contains("2 only_hap1, 2 only_hap2"), "{}", text(&output.stderr));
    let merged = small.folder.path().join("m.bam");
    good(small.count(&one, &two).arg("--merged-bam").arg(&merged).arg("--quiet"));
    let lines = good_text(tool("samtools", ["view"]).arg(&merged));
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.lines().all(|l| l.ends_with("po:i:3") && !l.contains("HP:i")));
}

#[test]
fn bases_of_an_insertion_are_clipped_or_inserted_on_the_reference() {
    let small = Small::new();
    let one = ["a", "b", "i"].map(|n| line(n, 0, 90, "10M10S", "MD:Z:10")).concat();
    let two = line("a", 0, 91, "20M", "MD:Z:20")
        + &line("i", 0, 101, "4M16S", "MD:Z:4")
        + &line("b", 0, 103, "20M", "MD:Z:20");
    let merged = small.folder.path().join("m.bam");
    let counts = good_text(small.count(&one, &two).arg("--merged-bam").arg(&merged).arg("--quiet"));
    assert_eq!(classes(&counts)[0].1, [1, 2, 0, 0]);
    let lines = by_read(&good_text(tool("samtools", ["view"]).arg(&merged)));
    let place = |name: &str| {
        let fields = &lines[&(name.to_string(), false)];
        format!("{} {} {}", fields[1], fields[3], fields[5])
    };
    assert_eq!([place("a"), place("b"), place("i")], ["0 91 10M4I6M", "0 101 2S18M", "0 90 10M10S"]);
    good(tool("samtools", ["quickcheck"]).arg(&merged));
}

#[test]
fn wrong_input_is_told() {
    let small = Small::new();
    let here = small.folder.path();
    let good_line = line("r", 0, 20, "20M", "MD:Z:20");
    let refuse = |one: &str, two: &str, words: &[&str]| {
        let mut command = small.count(one, two);
        command.arg("-o").arg(here.join("out.tsv")).arg("--merged-bam").arg(here.join("out.bam"));
        refused_in(here, &mut command, words);
    };
    refuse(&line("r", 0, 20, "20M", ""), &good_line, &["1.sam", "alignment 1 (\"r\")", "samtools calmd"]);
    refuse(&good_line, &line("r", 0, 20, "20M", "MD:Z:30"), &["2.sam", "MD that does not fit"]);
    let later = line("other", 0, 60, "20M", "MD:Z:20");
    refuse(&(good_line.clone() + &good_line), &later, &["1.sam", "alignment 2", "twice"]);
    refuse(&good_line, "r\t0\tc\n", &["2.sam", "alignment 1"]);
    // The wrong genome: haplotype 2 has four more bases.
    let wrong = put(here, "wrong.sam", HAP1.to_string() + &good_line);
    let mut command = small.count_files(&wrong, &wrong.with_file_name("other.sam"));
    fs::copy(&wrong, here.join("other.sam")).unwrap();
    refused_in(here, &mut command, &["other.sam", "c has 200 bases", "haplotype 2", "204", "deepallele haplotypes"]);
    let alien = put(here, "alien.sam", format!("@SQ\tSN:z\tLN:9\n{}", good_line.replace("\tc\t", "\tz\t")));
    refused_in(here, &mut small.count_files(&alien, &wrong), &["alien.sam", "no contig of the reference"]);
    refused_in(here, small.count(&good_line, &good_line).args(["--merged-bam", "/dev/full"]), &["/dev/full"]);
    refused_in(here, &mut small.count_files(Path::new("nothing.bam"), &wrong), &["nothing.bam"]);
    for more in [&["x.bam"][..], &["--per-variant", "v.tsv"], &["-r", "c"], &["--wasp"]] {
        misused(small.count(&good_line, &good_line).args(more));
    }
}
