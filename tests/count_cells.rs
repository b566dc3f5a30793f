//! Single cells end to end: matrices and fragment files of reads made here, against a plain count of their SAM text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

const LENGTH: usize = 12_000;
const READ: usize = 60;
const CLASSES: [&str; 4] = ["hap1", "hap2", "uninformative", "conflicting"];

/// A source of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// Bases of both haplotypes at SNVs, by 0-based position; the rest is A. Stretches without any alternate with
/// stretches that have one every 15 bases.
fn snvs() -> BTreeMap<usize, [u8; 2]> {
    let dense = |at: &usize| at / 1000 % 3 != 2;
    (20..LENGTH - 20).step_by(15).filter(dense).map(|at| (at, if at % 2 == 0 { *b"CG" } else { *b"GT" })).collect()
}

/// Both contigs have the same.
fn vcf() -> String {
    let mut text = String::from("##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=chr2>\n");
    text += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n";
    text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n";
    for contig in ["chr1", "chr2"] {
        for (at, [one, two]) in snvs() {
            let (one, two) = (one as char, two as char);
            text += &format!("{contig}\t{}\t.\tA\t{one},{two}\t.\tPASS\t.\tGT\t1|2\n", at + 1);
        }
    }
    text
}

/// Regions that overlap each other, with and without names.
fn bed() -> String {
    let mut text = String::new();
    for (i, start) in (0..11_000).step_by(700).enumerate() {
        let name = if i % 3 == 0 { ".".into() } else { format!("peak{i}") };
        text += &format!("chr{}\t{start}\t{}\t{name}\n", 1 + i % 2, start + 900);
    }
    text
}

fn places() -> Vec<(String, usize, usize)> {
    let parse = |line: &str| {
        let c: Vec<&str> = line.split('\t').collect();
        (c[0].to_string(), c[1].parse().unwrap(), c[2].parse().unwrap())
    };
    let mut list: Vec<_> = bed().lines().map(parse).collect();
    list.sort();
    list
}

/// A read of haplotype 1 or 2.
fn sequence(start: usize, haplotype: usize) -> String {
    let snvs = snvs();
    let base = |at: usize| snvs.get(&at).map_or('A', |b| b[haplotype - 1] as char);
    (start..start + READ).map(base).collect()
}

/// SAM of molecules of all kinds, by cells `AA-1` and others.
fn sam(seed: u64, molecules: usize) -> String {
    let mut r = Random(seed);
    let mut lines: Vec<(usize, usize, String)> = Vec::new();
    for i in 0..molecules {
        let tags = match (r.below(12), r.below(12)) {
            (0, _) => String::new(),
            (1, _) => "\tCB:Z:-".into(),
            (_, u) => {
                let cell = r.of(&["AA-1", "AC-1", "CA-1", "TT-1"]);
                // Few molecules a cell, so that several fragments are of the same.
                let umi = match u {
                    0 => String::new(),
                    1 => "\tUB:Z:ACGTN".into(),
                    _ => format!("\tUB:Z:{}", r.of(&["ACGT", "TTTT", "ACGTA"])),
                };
                format!("\tCB:Z:{cell}{umi}")
            }
        };
        let contig = 1 + r.below(2);
        let start = 10 * r.below((LENGTH - 1000) / 10);
        let haplotype = 1 + r.below(2);
        let quality = "I".repeat(READ);
        let copies = if r.below(8) == 0 { 3 } else { 1 };
        for copy in 0..copies {
            let duplicate = if copy > 0 { 0x400 } else { 0 };
            let name = format!("m{i}.{copy}");
            let mut read = |flag: usize, at: (usize, usize), mate: Option<(usize, usize)>, mapq: usize, h: usize| {
                let (contig, start) = at;
                let next = match mate {
                    Some((c, s)) if c == contig => format!("=\t{}", s + 1),
                    Some((c, s)) => format!("chr{c}\t{}", s + 1),
                    None => "*\t0".into(),
                };
                let (flag, bases) = (flag | duplicate, sequence(start, h));
                let place = format!("chr{contig}\t{}\t{mapq}\t{READ}M\t{next}\t0", start + 1);
                lines.push((contig, start, format!("{name}\t{flag}\t{place}\t{bases}\t{quality}{tags}\n")));
            };
            match i % 7 {
                0 => read(if i % 2 == 0 { 0 } else { 16 }, (contig, start), None, 60, haplotype),
                1 => {
                    // Mates on two contigs.
                    let (a, b) = ((1, start), (2, start + 300));
                    read(0x61, a, Some(b), 60, haplotype);
                    read(0x91, b, Some(a), 60, haplotype);
                }
                2 => {
                    // A mate that is filtered away, or not there at all.
                    let (a, b) = ((contig, start), (contig, start + 200));
                    read(0x63, a, Some(b), 60, haplotype);
                    if i % 2 == 0 {
                        read(0x93, b, Some(a), 3, haplotype);
                    }
                }
                3 => {
                    // Each mate from another haplotype, in more than one place: one may be an error.
                    let seen = |start: usize| snvs().range(start..start + READ).count();
                    let start = (start..).find(|s| seen(*s) != 1 && seen(*s + 400) != 1).unwrap();
                    let (a, b) = ((contig, start), (contig, start + 400));
                    read(0x63, a, Some(b), 60, haplotype);
                    read(0x93, b, Some(a), 60, 3 - haplotype);
                }
                _ => {
                    // The first mate to the left or to the right, the mates overlapping or not.
                    let (a, b) = ((contig, start), (contig, start + 10 * (i % 5) * (i % 7)));
                    let (first, second) = if i % 2 == 0 { (0x63, 0x93) } else { (0xa3, 0x53) };
                    read(first, a, Some(b), 60, haplotype);
                    read(second, b, Some(a), 60, haplotype);
                }
            }
        }
    }
    lines.sort();
    let head = format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{LENGTH}\n@SQ\tSN:chr2\tLN:{LENGTH}\n");
    head + &lines.into_iter().map(|l| l.2).collect::<String>()
}

/// A fragment as the text has it.
struct Seen {
    class: usize,
    regions: Vec<usize>,
    /// Contig, start, end, where both ends are known.
    line: Option<(String, usize, usize)>,
    forward: bool,
    single: bool,
    cell: Option<String>,
    umi: Option<String>,
}

/// The fragments of SAM text in the plainest way; duplicates as well if asked for.
fn plain(sam: &str, duplicates: bool) -> Vec<Seen> {
    let mut by_name: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    for line in sam.lines().filter(|l| !l.starts_with('@')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let flag: usize = columns[1].parse().unwrap();
        let kept = columns[4].parse::<usize>().unwrap() >= 10 && (duplicates || flag & 0x400 == 0);
        if kept {
            by_name.entry(columns[0]).or_default().push(columns);
        }
    }
    let (snvs, places) = (snvs(), places());
    let one = |reads: Vec<Vec<&str>>| {
        let spans: Vec<(String, usize, usize)> = reads
            .iter()
            .map(|c| (c[2].to_string(), c[3].parse::<usize>().unwrap() - 1, c[3].parse::<usize>().unwrap() - 1 + READ))
            .collect();
        let mut shown: BTreeSet<(&str, usize, usize)> = BTreeSet::new();
        for (columns, span) in reads.iter().zip(&spans) {
            for (i, base) in columns[9].bytes().enumerate() {
                if let Some(bases) = snvs.get(&(span.1 + i)) {
                    shown.insert((columns[2], span.1 + i, if base == bases[0] { 0 } else { 1 }));
                }
            }
        }
        let of = |h: usize| shown.iter().filter(|s| s.2 == h).count();
        let class = match (of(0), of(1)) {
            (0, 0) => 2,
            (_, 0) => 0,
            (0, _) => 1,
            (a, b) => {
                assert!(a > 1 && b > 1, "one base may be an error");
                3
            }
        };
        let touches = |p: &(String, usize, usize)| spans.iter().any(|s| s.0 == p.0 && s.1 < p.2 && p.1 < s.2);
        let flag: usize = reads[0][1].parse().unwrap();
        let both = reads.len() == 2 && spans[0].0 == spans[1].0;
        let line = (flag & 1 == 0 || both).then(|| {
            let start = spans.iter().map(|s| s.1).min().unwrap();
            (spans[0].0.clone(), start, spans.iter().map(|s| s.2).max().unwrap())
        });
        let tag = |name: &str| reads[0].iter().find_map(|c| c.strip_prefix(name)).map(str::to_string);
        Seen {
            class,
            regions: (0..places.len()).filter(|&i| touches(&places[i])).collect(),
            line,
            forward: flag & 16 == 0,
            single: flag & 1 == 0,
            cell: tag("CB:Z:").filter(|c| c != "-"),
            umi: tag("UB:Z:"),
        }
    };
    by_name.into_values().map(one).collect()
}

fn unpacked(path: &Path) -> String {
    good_text(tool("gzip", ["-dc"]).arg(path))
}

type Entries = BTreeMap<(usize, String, usize), u64>;

/// What another program reads from the folders; the columns' names.
fn matrices(folder: &Path) -> (Entries, Vec<String>) {
    let mut entries = Entries::new();
    let mut names = Vec::new();
    for (class, name) in CLASSES.iter().enumerate() {
        let here = folder.join(name);
        assert_eq!(listing(&here), ["barcodes.tsv.gz", "features.tsv.gz", "matrix.mtx.gz"]);
        names = unpacked(&here.join("barcodes.tsv.gz")).lines().map(str::to_string).collect();
        let features = unpacked(&here.join("features.tsv.gz"));
        let rows: Vec<Vec<&str>> = features.lines().map(|l| l.split('\t').collect()).collect();
        for (row, (chrom, start, end)) in rows.iter().zip(places()) {
            assert_eq!(row[0], format!("{chrom}:{start}-{end}"));
            assert!(row[1] == row[0] || row[1].starts_with("peak"), "{row:?}");
            assert_eq!(row[2..], ["Peaks".into(), chrom, start.to_string(), end.to_string()]);
        }
        let matrix = unpacked(&here.join("matrix.mtx.gz"));
        let lines: Vec<&str> = matrix.lines().collect();
        assert_eq!(lines[0], "%%MatrixMarket matrix coordinate integer general");
        assert!(lines[1].starts_with("%metadata_json: {\"software_version\": \"deepallele-"), "{}", lines[1]);
        assert_eq!(lines[2], format!("{} {} {}", rows.len(), names.len(), lines.len() - 3));
        for line in &lines[3..] {
            let n: Vec<usize> = line.split(' ').map(|n| n.parse().unwrap()).collect();
            assert!(entries.insert((class, names[n[1] - 1].clone(), n[0] - 1), n[2] as u64).is_none(), "{line} twice");
        }
    }
    (entries, names)
}

/// The entries that `list` should give; the number is that of the alignment file.
fn expected(list: &[(usize, Seen)], umi: bool, name: impl Fn(usize, &str) -> Option<String>) -> Entries {
    let mut entries = Entries::new();
    let mut molecules: BTreeMap<(String, usize, String), [u64; 4]> = BTreeMap::new();
    for (sample, seen) in list {
        let Some(cell) = seen.cell.as_ref().and_then(|c| name(*sample, c)) else { continue };
        for &region in &seen.regions {
            match (umi, &seen.umi) {
                (true, None) => {}
                (true, Some(umi)) => {
                    molecules.entry((cell.clone(), region, umi.clone())).or_default()[seen.class] += 1;
                }
                (false, _) => *entries.entry((seen.class, cell.clone(), region)).or_default() += 1,
            }
        }
    }
    for ((cell, region, _), [hap1, hap2, _, conflicting]) in molecules {
        let class = match hap1.cmp(&hap2) {
            std::cmp::Ordering::Greater => 0,
            std::cmp::Ordering::Less => 1,
            _ if hap1 > 0 || conflicting > 0 => 3,
            _ => 2,
        };
        *entries.entry((class, cell, region)).or_default() += 1;
    }
    entries
}

struct Files {
    folder: tempfile::TempDir,
    bam: PathBuf,
    vcf: PathBuf,
    bed: PathBuf,
}

impl Files {
    fn new(sam: &str) -> Self {
        let folder = scratch();
        let bam = bam(folder.path(), "reads.bam", sam);
        let vcf = vcf_gz(folder.path(), "v.vcf.gz", &vcf());
        let bed = put(folder.path(), "r.bed", bed());
        Self { folder, bam, vcf, bed }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn count(&self, more: &[&str]) -> Command {
        let mut command = deepallele("count");
        command.arg(&self.bam).arg("-v").arg(&self.vcf).args(["-s", "kid"]).args(more);
        command
    }

    fn regions(&self, more: &[&str]) -> Command {
        let mut command = self.count(&[]);
        command.arg("-L").arg(&self.bed).arg("-o").arg(self.at("table.tsv")).args(more);
        command
    }
}

fn numbered(sample: usize, list: Vec<Seen>) -> Vec<(usize, Seen)> {
    list.into_iter().map(|seen| (sample, seen)).collect()
}

#[test]
fn matrices_equal_a_plain_count_and_add_up_to_the_table() {
    let sam = sam(1, 1500);
    let files = Files::new(&sam);
    let list = numbered(0, plain(&sam, false));
    for umi in [false, true] {
        let folder = files.at(if umi { "molecules" } else { "fragments" });
        let mut command = files.regions(&["--group-by", "CB", "--matrix"]);
        command.arg(&folder);
        if umi {
            command.args(["--umi", "UB"]);
        }
        let said = text(&run(&mut command).stderr);
        let (entries, names) = matrices(&folder);
        assert_eq!(names, ["AA-1", "AC-1", "CA-1", "TT-1"]);
        let truth = expected(&list, umi, |_, cell| Some(cell.into()));
        assert!(truth.keys().map(|k| k.0).collect::<BTreeSet<_>>().len() == 4, "all classes are there");
        assert!(entries == truth, "umi {umi}: {said}");
        let touching = |f: &dyn Fn(&Seen) -> bool| list.iter().filter(|(_, s)| !s.regions.is_empty() && f(s)).count();
        let untagged = touching(&|s| s.cell.is_none());
        assert!(said.contains(&format!("{untagged} without the tag of --group-by")), "{said}");
        if umi {
            let bare = touching(&|s| s.cell.is_some() && s.umi.is_none());
            assert!(said.contains(&format!("{bare} without the tag of --umi")), "{said}");
        }
    }
    // With the fragments of no cell, the fragments of all cells are those of the table.
    let table = Table::parse(&fs::read_to_string(files.at("table.tsv")).unwrap());
    for (class, name) in CLASSES.iter().enumerate() {
        let all = list.iter().filter(|(_, s)| s.class == class).map(|(_, s)| s.regions.len()).sum::<usize>();
        assert_eq!(table.sum(name), all as f64);
    }
}

#[test]
fn listed_barcodes_are_the_columns_whatever_was_seen() {
    let sam = sam(2, 400);
    let files = Files::new(&sam);
    let list = put(files.folder.path(), "cells.tsv", "TT-1\nGG-1\nAC-1\n");
    good(tool("gzip", ["-k"]).arg(&list));
    let seen = numbered(0, plain(&sam, false));
    for (name, folder) in [("cells.tsv", "plain"), ("cells.tsv.gz", "packed")] {
        let folder = files.at(folder);
        let mut command = files.regions(&["--group-by", "CB", "--matrix"]);
        command.arg(&folder).arg("--barcodes").arg(files.at(name));
        let said = text(&run(&mut command).stderr);
        let (entries, names) = matrices(&folder);
        assert_eq!(names, ["TT-1", "GG-1", "AC-1"]);
        let listed = |_, cell: &str| ["TT-1", "AC-1"].contains(&cell).then(|| cell.to_string());
        assert!(entries == expected(&seen, false, listed), "{said}");
        let others = seen
            .iter()
            .filter(|(_, s)| !s.regions.is_empty() && s.cell.as_deref().is_some_and(|c| c == "AA-1" || c == "CA-1"));
        assert!(said.contains(&format!("{} of groups that --barcodes does not list", others.count())), "{said}");
    }
}

#[test]
fn cells_of_several_files_carry_the_sample_in_front() {
    let texts = [sam(3, 300), sam(4, 300)];
    let files = Files::new(&texts[0]);
    let second = bam(files.folder.path(), "more.bam", &texts[1]);
    let folder = files.at("both");
    let mut command = files.regions(&["--group-by", "CB", "--sample-name", "left,right", "--matrix"]);
    good(command.arg(&folder).arg(&second).arg("--fragments").arg(files.at("f")));
    let (entries, names) = matrices(&folder);
    assert_eq!(names.len(), 8);
    assert_eq!((names[0].as_str(), names[7].as_str()), ("left_AA-1", "right_TT-1"));
    let mut list = numbered(0, plain(&texts[0], false));
    list.extend(numbered(1, plain(&texts[1], false)));
    assert!(entries == expected(&list, false, |s, cell| Some(format!("{}_{cell}", ["left", "right"][s]))));
    let lines = unpacked(&files.at("f.hap1.fragments.tsv.gz"));
    assert!(lines.lines().any(|l| l.contains("\tleft_AA-1\t")) && lines.lines().any(|l| l.contains("\tright_AA-1\t")));
}

/// The lines that the four fragment files should have.
fn fragment_lines(list: &[Seen], shift: bool, name: impl Fn(&Seen) -> Option<String>) -> [String; 4] {
    let mut counts: [BTreeMap<(String, usize, usize, String), usize>; 4] = Default::default();
    for seen in list {
        let (Some((chrom, start, end)), Some(name)) = (&seen.line, name(seen)) else { continue };
        let (left, right) = match (shift, seen.single) {
            (false, _) => (0, 0),
            (true, false) => (4, 5),
            (true, true) => (if seen.forward { 4 } else { 0 }, if seen.forward { 0 } else { 5 }),
        };
        *counts[seen.class].entry((chrom.clone(), start + left, end - right, name)).or_default() += 1;
    }
    counts.map(|c| c.into_iter().map(|((chrom, s, e, name), n)| format!("{chrom}\t{s}\t{e}\t{name}\t{n}\n")).collect())
}

#[test]
fn fragment_files_are_sorted_counted_and_indexed() {
    let sam = sam(5, 1500);
    let files = Files::new(&sam);
    let cell = |s: &Seen| s.cell.clone();
    let sample = |_: &Seen| Some("kid7".to_string());
    type Case<'a> = (&'a [&'a str], bool, bool, &'a dyn Fn(&Seen) -> Option<String>);
    let cases: [Case; 4] = [
        (&["--group-by", "CB"], false, false, &cell),
        (&["--group-by", "CB", "-F", "2820", "-@", "3"], true, false, &cell),
        (&["--group-by", "CB", "--tn5-shift"], false, true, &cell),
        (&["--sample-name", "kid7"], false, false, &sample),
    ];
    for (number, (more, duplicates, shift, name)) in cases.into_iter().enumerate() {
        let prefix = files.at(&format!("f{number}"));
        let output = run(files.count(more).arg("--fragments").arg(&prefix));
        let said = text(&output.stderr);
        assert!(output.status.success() && output.stdout.is_empty(), "{said}");
        let list = plain(&sam, duplicates);
        let truth = fragment_lines(&list, shift, name);
        for (class, lines) in CLASSES.iter().zip(&truth) {
            let path = files.at(&format!("f{number}.{class}.fragments.tsv.gz"));
            assert!(lines.lines().count() > 10);
            let whole = unpacked(&path);
            let found: String = whole.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
            assert!(&found == lines, "{class} of {more:?}");
            assert!(whole.starts_with("##deepallele_countVersion="));
            // The index finds what overlaps.
            let within = |l: &&str| {
                let c: Vec<&str> = l.split('\t').collect();
                c[0] == "chr2" && c[1].parse::<usize>().unwrap() < 4000 && c[2].parse::<usize>().unwrap() > 3000
            };
            let by_index = good_text(&mut tool("tabix", [path.as_os_str(), "chr2:3001-4000".as_ref()]));
            assert_eq!(by_index.lines().collect::<Vec<_>>(), lines.lines().filter(within).collect::<Vec<_>>());
        }
        if duplicates {
            assert!(truth.iter().any(|t| t.lines().any(|l| l.ends_with("\t3"))), "duplicates are counted");
        }
        let half = list.iter().filter(|s| s.line.is_none()).count();
        assert!(said.contains(&format!("{half} with only one mate on the contig")), "{said}");
    }
}

#[test]
fn threads_change_no_byte() {
    let sam = sam(6, 500);
    let files = Files::new(&sam);
    let mut results: Vec<Vec<(String, String)>> = Vec::new();
    for threads in ["1", "4"] {
        let (folder, prefix) = (files.at(&format!("m{threads}")), files.at(&format!("f{threads}")));
        let mut command = files.regions(&["--group-by", "CB", "--umi", "UB", "--no-version", "-@", threads]);
        good(command.arg("--matrix").arg(&folder).arg("--fragments").arg(&prefix));
        let mut all = Vec::new();
        for class in CLASSES {
            for file in listing(&folder.join(class)) {
                all.push((format!("{class}/{file}"), unpacked(&folder.join(class).join(file))));
            }
            all.push((class.into(), unpacked(&files.at(&format!("f{threads}.{class}.fragments.tsv.gz")))));
        }
        results.push(all);
    }
    assert!(results[0] == results[1]);
    assert!(results[0][2]
        .1
        .starts_with("%%MatrixMarket matrix coordinate integer general\n%metadata_json: {\"format_version\": 2}\n"));
}

#[test]
fn a_gene_is_one_row_of_gene_expression() {
    let sam = sam(7, 300);
    let files = Files::new(&sam);
    let gtf = put(
        files.folder.path(),
        "g.gtf",
        "chr1\tx\texon\t101\t400\t.\t.\t.\tgene_id \"G1\";\nchr1\tx\texon\t3001\t3400\t.\t.\t.\tgene_id \"G1\";\n",
    );
    let folder = files.at("genes");
    let mut command = files.count(&["--group-by", "CB", "--matrix"]);
    good(command.arg(&folder).arg("-L").arg(gtf).arg("-o").arg(files.at("g.tsv")));
    let row = unpacked(&folder.join("hap2/features.tsv.gz"));
    assert_eq!(row, "G1\tG1\tGene Expression\tchr1\t100\t3400\n");
}

#[test]
fn reads_aligned_to_two_genomes_give_the_same_cells() {
    // Only SNVs, so that places are the same on both; how many bases differ stands in NM.
    let of_genome = |sam: &str, haplotype: usize| -> String {
        let with = |line: &str| {
            let c: Vec<&str> = line.split('\t').collect();
            let own = sequence(c[3].parse::<usize>().unwrap() - 1, haplotype);
            let differ = c[9].bytes().zip(own.bytes()).filter(|(a, b)| a != b).count();
            format!("{line}\tNM:i:{differ}\n")
        };
        sam.lines().map(|l| if l.starts_with('@') { format!("{l}\n") } else { with(l) }).collect()
    };
    // Without fragments whose mates say different things: there the sums decide.
    let mixed = |line: &&str| {
        let number = line[1..].split('.').next().and_then(|n| n.parse::<usize>().ok());
        !line.starts_with('m') || number.is_some_and(|n| n % 7 != 3)
    };
    let sam: String = sam(9, 600).lines().filter(mixed).map(|l| format!("{l}\n")).collect();
    let files = Files::new(&sam);
    let folder = files.folder.path();
    let one = bam(folder, "one.bam", &of_genome(&sam, 1));
    let two = bam(folder, "two.bam", &of_genome(&sam, 2));
    let bases = "A".repeat(LENGTH);
    let fasta = fasta(folder, "g.fa", &[("chr1", &bases), ("chr2", &bases)]);
    let mut command = deepallele("count");
    command.arg("--hap1-bam").arg(one).arg("--hap2-bam").arg(two).arg("-v").arg(&files.vcf).args(["-s", "kid", "-f"]);
    command.arg(fasta).arg("-L").arg(&files.bed).arg("-o").arg(files.at("t.tsv")).args(["--group-by", "CB"]);
    good(command.arg("--matrix").arg(files.at("m")).arg("--fragments").arg(files.at("f")));
    let list = plain(&sam, false);
    let truth = fragment_lines(&list, false, |s| s.cell.clone());
    for (class, lines) in CLASSES.iter().zip(&truth) {
        let whole = unpacked(&files.at(&format!("f.{class}.fragments.tsv.gz")));
        let found: String = whole.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
        assert!(&found == lines, "{class}");
    }
    assert!(matrices(&files.at("m")).0 == expected(&numbered(0, list), false, |_, cell| Some(cell.into())));
}

#[test]
fn what_is_wrong_is_named_and_leaves_nothing() {
    let files = Files::new(&sam(8, 50));
    let folder = files.folder.path();
    let empty = put(folder, "empty.tsv", "\n");
    let twice = put(folder, "twice.tsv", "A\nC\nA\n");
    let matrix = files.at("m");
    let with = |barcodes: &Path| {
        let mut command = files.regions(&["--group-by", "CB", "--matrix"]);
        command.arg(&matrix).arg("--barcodes").arg(barcodes).arg("--fragments").arg(files.at("f"));
        command
    };
    refused_in(folder, &mut with(&empty), &["empty.tsv", "no barcode"]);
    refused_in(folder, &mut with(&twice), &["twice.tsv", "line 3", "line 1"]);
    refused_in(folder, &mut with(&files.at("nowhere.tsv")), &["nowhere.tsv"]);
    // A file where the folder should be; a folder in one that is not there; a prefix in one.
    let bed = files.bed.clone();
    let into = |path: &Path| {
        let mut command = files.regions(&["--group-by", "CB", "--matrix"]);
        command.arg(path);
        command
    };
    refused_in(folder, &mut into(&bed), &["r.bed", "is a file"]);
    refused_in(folder, &mut into("/proc/nowhere/m".as_ref()), &["/proc/nowhere/m"]);
    refused_in(folder, files.count(&["--fragments", "/proc/nowhere/f"]).args(["-@", "1"]), &["/proc/nowhere/f"]);
    // Broken alignments, found in the middle: folders that were begun are gone.
    let bytes = fs::read(&files.bam).unwrap();
    let short = put(folder, "short.bam", &bytes[..bytes.len() - 28]);
    let mut command = deepallele("count");
    command.arg(short).arg("-v").arg(&files.vcf).args(["-s", "kid", "--group-by", "CB", "-L"]).arg(&files.bed);
    refused_in(folder, command.arg("--matrix").arg(&matrix).arg("-o").arg(files.at("t.tsv")), &["short.bam"]);
    for usage in [
        &["--group-by", "C", "--fragments", "f"][..],
        &["--group-by", "CBX", "--fragments", "f"],
        &["--group-by", "CB"],
        &["--matrix", "m", "--group-by", "CB"],
        &["--umi", "UB"],
        &["--tn5-shift"],
        &["--fragments", "-"],
        &["--barcodes", "b"],
    ] {
        let output = run(&mut files.count(usage));
        assert_eq!(output.status.code(), Some(2), "{usage:?}: {}", text(&output.stderr));
    }
}
