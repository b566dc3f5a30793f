//! Single cells end to end: matrices and fragment files of reads made here, against a plain count of their SAM text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use deepallele_tests::cells::*;
use deepallele_tests::*;

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

/// The sample with these reads, and the regions as `r.bed`.
fn kid(sam: &str) -> Kid {
    let kid = Kid::new(&vcf(), &[("reads", sam)]);
    kid.put("r.bed", bed());
    kid
}

/// Count in the regions, into `table.tsv`.
fn in_regions(kid: &Kid, more: &[&str]) -> Command {
    let mut command = kid.count(&[]);
    command.arg("-L").arg(kid.at("r.bed")).arg("-o").arg(kid.at("table.tsv")).args(more);
    command
}

fn numbered(sample: usize, list: Vec<Seen>) -> Vec<(usize, Seen)> {
    list.into_iter().map(|seen| (sample, seen)).collect()
}

#[test]
fn matrices_equal_a_plain_count_and_add_up_to_the_table() {
    let sam = sam(1, 1500);
    let kid = kid(&sam);
    let list = numbered(0, plain(&sam, false));
    for umi in [false, true] {
        let folder = kid.at(if umi { "molecules" } else { "fragments" });
        let mut command = in_regions(&kid, &["--group-by", "CB", "--matrix"]);
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
    let table = Table::read(&kid.at("table.tsv"));
    for (class, name) in CLASSES.iter().enumerate() {
        let all = list.iter().filter(|(_, s)| s.class == class).map(|(_, s)| s.regions.len()).sum::<usize>();
        assert_eq!(table.sum(name), all as f64);
    }
}

#[test]
fn listed_barcodes_are_the_columns_whatever_was_seen() {
    let sam = sam(2, 400);
    let kid = kid(&sam);
    let list = kid.put("cells.tsv", "TT-1\nGG-1\nAC-1\n");
    good(tool("gzip", ["-k"]).arg(&list));
    let seen = numbered(0, plain(&sam, false));
    for (name, folder) in [("cells.tsv", "plain"), ("cells.tsv.gz", "packed")] {
        let folder = kid.at(folder);
        let mut command = in_regions(&kid, &["--group-by", "CB", "--matrix"]);
        command.arg(&folder).arg("--barcodes").arg(kid.at(name));
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
    let kid = kid(&texts[0]);
    let second = bam(kid.folder(), "more.bam", &texts[1]);
    let folder = kid.at("both");
    let mut command = in_regions(&kid, &["--group-by", "CB", "--sample-name", "left,right", "--matrix"]);
    good(command.arg(&folder).arg(&second).arg("--fragments").arg(kid.at("f")));
    let (entries, names) = matrices(&folder);
    assert_eq!(names.len(), 8);
    assert_eq!((names[0].as_str(), names[7].as_str()), ("left_AA-1", "right_TT-1"));
    let mut list = numbered(0, plain(&texts[0], false));
    list.extend(numbered(1, plain(&texts[1], false)));
    assert!(entries == expected(&list, false, |s, cell| Some(format!("{}_{cell}", ["left", "right"][s]))));
    let lines = unpacked(&kid.at("f.hap1.fragments.tsv.gz"));
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
    let kid = kid(&sam);
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
        let prefix = kid.at(&format!("f{number}"));
        let output = run(kid.count(more).arg("--fragments").arg(&prefix));
        let said = text(&output.stderr);
        assert!(output.status.success() && output.stdout.is_empty(), "{said}");
        let list = plain(&sam, duplicates);
        let truth = fragment_lines(&list, shift, name);
        for (class, lines) in CLASSES.iter().zip(&truth) {
            let path = kid.at(&format!("f{number}.{class}.fragments.tsv.gz"));
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
    let kid = kid(&sam);
    let mut results: Vec<Vec<(String, String)>> = Vec::new();
    for threads in ["1", "4"] {
        let (folder, prefix) = (kid.at(&format!("m{threads}")), kid.at(&format!("f{threads}")));
        let mut command = in_regions(&kid, &["--group-by", "CB", "--umi", "UB", "--no-version", "-@", threads]);
        good(command.arg("--matrix").arg(&folder).arg("--fragments").arg(&prefix));
        let mut all = Vec::new();
        for class in CLASSES {
            for file in listing(&folder.join(class)) {
                all.push((format!("{class}/{file}"), unpacked(&folder.join(class).join(file))));
            }
            all.push((class.into(), unpacked(&kid.at(&format!("f{threads}.{class}.fragments.tsv.gz")))));
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
    let kid = kid(&sam);
    let gtf = put(
        kid.folder(),
        "g.gtf",
        "chr1\tx\texon\t101\t400\t.\t.\t.\tgene_id \"G1\";\nchr1\tx\texon\t3001\t3400\t.\t.\t.\tgene_id \"G1\";\n",
    );
    let folder = kid.at("genes");
    let mut command = kid.count(&["--group-by", "CB", "--matrix"]);
    good(command.arg(&folder).arg("-L").arg(gtf).arg("-o").arg(kid.at("g.tsv")));
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
    let kid = kid(&sam);
    let folder = kid.folder();
    let one = bam(folder, "one.bam", &of_genome(&sam, 1));
    let two = bam(folder, "two.bam", &of_genome(&sam, 2));
    let bases = "A".repeat(LENGTH);
    let fasta = fasta(folder, "g.fa", &[("chr1", &bases), ("chr2", &bases)]);
    let mut command = deepallele("count");
    command.arg("--hap1-bam").arg(one).arg("--hap2-bam").arg(two).arg("-v").arg(&kid.vcf).args(["-s", "kid", "-f"]);
    command.arg(fasta).arg("-L").arg(kid.at("r.bed")).arg("-o").arg(kid.at("t.tsv")).args(["--group-by", "CB"]);
    good(command.arg("--matrix").arg(kid.at("m")).arg("--fragments").arg(kid.at("f")));
    let list = plain(&sam, false);
    let truth = fragment_lines(&list, false, |s| s.cell.clone());
    for (class, lines) in CLASSES.iter().zip(&truth) {
        let whole = unpacked(&kid.at(&format!("f.{class}.fragments.tsv.gz")));
        let found: String = whole.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect();
        assert!(&found == lines, "{class}");
    }
    assert!(matrices(&kid.at("m")).0 == expected(&numbered(0, list), false, |_, cell| Some(cell.into())));
}

#[test]
fn what_is_wrong_is_named_and_leaves_nothing() {
    let kid = kid(&sam(8, 50));
    let folder = kid.folder();
    let empty = put(folder, "empty.tsv", "\n");
    let twice = put(folder, "twice.tsv", "A\nC\nA\n");
    let matrix = kid.at("m");
    let with = |barcodes: &Path| {
        let mut command = in_regions(&kid, &["--group-by", "CB", "--matrix"]);
        command.arg(&matrix).arg("--barcodes").arg(barcodes).arg("--fragments").arg(kid.at("f"));
        command
    };
    refused_in(folder, &mut with(&empty), &["empty.tsv", "no barcode"]);
    refused_in(folder, &mut with(&twice), &["twice.tsv", "line 3", "line 1"]);
    refused_in(folder, &mut with(&kid.at("nowhere.tsv")), &["nowhere.tsv"]);
    // A file where the folder should be; a folder in one that is not there; a prefix in one.
    let bed = kid.at("r.bed");
    let into = |path: &Path| {
        let mut command = in_regions(&kid, &["--group-by", "CB", "--matrix"]);
        command.arg(path);
        command
    };
    refused_in(folder, &mut into(&bed), &["r.bed", "is a file"]);
    refused_in(folder, &mut into("/proc/nowhere/m".as_ref()), &["/proc/nowhere/m"]);
    refused_in(folder, kid.count(&["--fragments", "/proc/nowhere/f"]).args(["-@", "1"]), &["/proc/nowhere/f"]);
    // Broken alignments, found in the middle: folders that were begun are gone.
    let bytes = fs::read(&kid.bams[0]).unwrap();
    let short = put(folder, "short.bam", &bytes[..bytes.len() - 28]);
    let mut command = deepallele("count");
    command.arg(short).arg("-v").arg(&kid.vcf).args(["-s", "kid", "--group-by", "CB", "-L"]).arg(kid.at("r.bed"));
    refused_in(folder, command.arg("--matrix").arg(&matrix).arg("-o").arg(kid.at("t.tsv")), &["short.bam"]);
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
        misused(&mut kid.count(usage));
    }
}
