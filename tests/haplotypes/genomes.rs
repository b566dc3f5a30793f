//! `deepallele haplotypes` against bcftools, samtools and sequences built by hand.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// Small numbers from a seed, the same for ever.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn bases(&mut self, n: usize) -> String {
        (0..n).map(|_| char::from(b"ACGT"[self.below(4)])).collect()
    }
}

const HEADER: &str = "##fileformat=VCFv4.2\n##contig=<ID=chrA,length=4000>\n##contig=<ID=chrB,length=1500>\n\
    ##contig=<ID=chrC,length=300>\n##ALT=<ID=DEL,Description=\"x\">\n\
    ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
    #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n";

type Genome = Vec<(&'static str, String)>;

fn genome_of(random: &mut Random) -> Genome {
    [("chrA", 4000), ("chrB", 1500), ("chrC", 300)].map(|(name, n)| (name, random.bases(n))).into()
}

fn write_genome(folder: &Path, genome: &Genome) -> PathBuf {
    let list: Vec<(&str, &str)> = genome.iter().map(|(name, bases)| (*name, bases.as_str())).collect();
    fasta(folder, "ref.fa", &list)
}

/// One record of a simulation: contig, position from 1, REF, ALTs, the alleles of the two haplotypes.
#[derive(Clone, Debug)]
struct Made {
    contig: usize,
    pos: usize,
    alleles: Vec<String>,
    calls: [usize; 2],
}

/// Records of every class, apart from each other by `gap` bases or more (0: they may overlap).
fn records(random: &mut Random, genome: &Genome, gap: usize) -> Vec<Made> {
    let mut list = Vec::new();
    for (contig, (_, bases)) in genome.iter().enumerate().take(2) {
        let mut at = 1 + random.below(6);
        while at + 20 < bases.len() {
            let n = [1, 1, 1, 2, 3, 6][random.below(6)];
            let reference = &bases[at..at + n];
            let other = |random: &mut Random| loop {
                let made = match random.below(4) {
                    0 => format!("{}{}", &reference[..1], {
                        let n = 1 + random.below(9);
                        random.bases(n)
                    }),
                    1 => reference[..1].to_string(),
                    _ => random.bases(n),
                };
                if made != reference {
                    return made;
                }
            };
            let mut alleles = vec![reference.to_string(), other(random)];
            if random.below(4) == 0 {
                let another = other(random);
                if !alleles.contains(&another) {
                    alleles.push(another);
                }
            }
            let calls = [random.below(alleles.len()), random.below(alleles.len())];
            list.push(Made { contig, pos: at + 1, alleles, calls });
            at += if gap == 0 { random.below(5) } else { n + gap + random.below(12) };
        }
    }
    list
}

fn vcf_text(genome: &Genome, records: &[Made]) -> String {
    let line = |r: &Made| {
        let (name, [a, b]) = (genome[r.contig].0, r.calls);
        let others = r.alleles[1..].join(",");
        format!("{name}\t{}\t.\t{}\t{others}\t.\t.\t.\tGT\t{a}|{b}\t0|0\n", r.pos, r.alleles[0])
    };
    HEADER.to_string() + &records.iter().map(line).collect::<String>()
}

/// Sequences of a FASTA file by name.
fn read_fasta(path: &Path) -> HashMap<String, String> {
    let text = match path.extension().is_some_and(|e| e == "gz") {
        true => good_text(tool("bgzip", ["-dc"]).arg(path)),
        false => fs::read_to_string(path).unwrap(),
    };
    let mut found = HashMap::new();
    for part in text.split('>').skip(1) {
        let (name, bases) = part.split_once('\n').unwrap();
        assert!(bases.lines().all(|line| line.len() <= 60));
        found.insert(name.to_string(), bases.replace('\n', ""));
    }
    found
}

/// The haplotype built the slow way: bases that REF and ALT share are cut off, what overlaps something applied
/// before is left out, the rest is put into the string from its right end on.
fn naive(bases: &str, records: &[Made], contig: usize, haplotype: usize) -> String {
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for r in records.iter().filter(|r| r.contig == contig) {
        let (mut reference, mut other) = (r.alleles[0].clone(), r.alleles[r.calls[haplotype]].clone());
        let mut start = r.pos - 1;
        while !reference.is_empty() && !other.is_empty() && reference.chars().last() == other.chars().last() {
            reference.pop();
            other.pop();
        }
        while !reference.is_empty() && !other.is_empty() && reference[..1] == other[..1] {
            reference.remove(0);
            other.remove(0);
            start += 1;
        }
        if reference != other {
            edits.push((start, start + reference.len(), other));
        }
    }
    // Stable: of two at one place the first of the file counts, behind insertions before that base.
    edits.sort_by_key(|e| (e.0, e.1 > e.0));
    let mut applied: Vec<(usize, usize, String)> = Vec::new();
    for edit in edits {
        if applied.last().is_none_or(|last| edit.0 >= last.1 && (edit.0, edit.1) != (last.0, last.1)) {
            applied.push(edit);
        }
    }
    let mut sequence = bases.to_string();
    for (start, end, other) in applied.iter().rev() {
        sequence.replace_range(*start..*end, other);
    }
    sequence
}

fn haplotypes(reference: &Path, vcf: &Path, sample: &str) -> Command {
    let mut command = deepallele("haplotypes");
    command.arg("-f").arg(reference).arg("-v").arg(vcf).args(["-s", sample]);
    command
}

fn bcftools(reference: &Path, vcf: &Path, sample: &str, which: &str) -> Command {
    let mut command = tool("bcftools", ["consensus", "-s", sample, "-H", which, "-f"]);
    command.arg(reference).arg(vcf);
    command
}

#[test]
fn real_data_equals_bcftools_consensus() {
    let folder = scratch();
    let prefix = folder.path().join("hap");
    good(haplotypes(&genome(), &phased(), "NA12878").arg("--fasta").arg(&prefix).arg("-z"));
    for n in [1, 2] {
        let path = folder.path().join(format!("hap.hap{n}.fa.gz"));
        let ours = good(tool("bgzip", ["-dc"]).arg(&path));
        let theirs = good(&mut bcftools(&genome(), &phased(), "NA12878", &format!("{n}pIu")));
        assert!(ours == theirs, "haplotype {n} differs from bcftools consensus");
        // Our indexes, used by samtools, and made anew by it.
        let place = "chr22:17252500-17260000";
        let by_ours = good(tool("samtools", ["faidx"]).arg(&path).arg(place));
        let fai = PathBuf::from(format!("{}.fai", path.display()));
        let written = fs::read(&fai).unwrap();
        for ending in ["fai", "gzi"] {
            fs::remove_file(format!("{}.{ending}", path.display())).unwrap();
        }
        let by_theirs = good(tool("samtools", ["faidx"]).arg(&path).arg(place));
        assert_eq!(by_ours, by_theirs);
        assert_eq!(written, fs::read(&fai).unwrap());
    }
}

#[test]
fn random_records_of_every_class_equal_bcftools_and_a_naive_build() {
    for seed in 0..12 {
        let mut random = Random(seed);
        let genome = genome_of(&mut random);
        let list = records(&mut random, &genome, 2);
        let folder = scratch();
        let (reference, vcf) =
            (write_genome(folder.path(), &genome), vcf_gz(folder.path(), "v.vcf.gz", &vcf_text(&genome, &list)));
        let prefix = folder.path().join("h");
        good(haplotypes(&reference, &vcf, "A").arg("--fasta").arg(&prefix).arg("--chain").arg(&prefix));
        for n in [1, 2] {
            let ours = folder.path().join(format!("h.hap{n}.fa"));
            let theirs =
                good(bcftools(&reference, &vcf, "A", &n.to_string()).args(["-c"]).arg(folder.path().join("c")));
            assert_eq!(text(&fs::read(&ours).unwrap()), text(&theirs), "seed {seed}, haplotype {n}");
            for (contig, (name, bases)) in genome.iter().enumerate() {
                assert_eq!(read_fasta(&ours)[*name], naive(bases, &list, contig, n - 1));
            }
            check_chains(folder.path(), n, &genome, &list);
        }
    }
}

/// Blocks of a chain file: where each begins in target and query, and its length, by contig.
fn blocks(path: &Path, sizes: [&HashMap<String, usize>; 2]) -> HashMap<String, Vec<(usize, usize, usize)>> {
    let mut found = HashMap::new();
    for part in fs::read_to_string(path).unwrap().split("\n\n").filter(|p| !p.is_empty()) {
        let mut lines = part.lines();
        let head: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let number = |i: usize| head[i].parse::<usize>().unwrap();
        assert_eq!((head[0], head[4], head[9], head[2]), ("chain", "+", "+", head[7]));
        assert_eq!([number(3), number(8)], sizes.map(|s| s[head[2]]), "{part}");
        let (mut target, mut query, mut list, mut score) = (number(5), number(10), Vec::new(), 0);
        for line in lines {
            let columns: Vec<usize> = line.split('\t').map(|c| c.parse().unwrap()).collect();
            assert!(columns[0] > 0);
            list.push((target, query, columns[0]));
            score += columns[0];
            target += columns[0] + columns.get(1).unwrap_or(&0);
            query += columns[0] + columns.get(2).unwrap_or(&0);
        }
        assert_eq!((target, query, score), (number(6), number(11), number(1)), "{part}");
        assert!(found.insert(head[2].to_string(), list).is_none());
    }
    found
}

/// Chains sum up, are each other's reverse, and pair equal bases but for substitutions.
fn check_chains(folder: &Path, n: usize, genome: &Genome, list: &[Made]) {
    let haplotype = read_fasta(&folder.join(format!("h.hap{n}.fa")));
    let sizes = genome.iter().map(|(name, bases)| (name.to_string(), bases.len())).collect();
    let hap_sizes = haplotype.iter().map(|(name, bases)| (name.clone(), bases.len())).collect();
    let to_reference = blocks(&folder.join(format!("h.hap{n}ToRef.chain")), [&hap_sizes, &sizes]);
    let back = blocks(&folder.join(format!("h.refToHap{n}.chain")), [&sizes, &hap_sizes]);
    assert_eq!(to_reference.len(), genome.len());
    for (contig, (name, bases)) in genome.iter().enumerate() {
        let there = &to_reference[*name];
        let turned: Vec<_> = back[*name].iter().map(|b| (b.1, b.0, b.2)).collect();
        assert_eq!(*there, turned);
        let mut differing = 0;
        for &(h, r, length) in there {
            let pairs = haplotype[*name][h..h + length].bytes().zip(bases[r..r + length].bytes());
            differing += pairs.filter(|(a, b)| a != b).count();
        }
        let substitutions: usize = list
            .iter()
            .filter(|m| m.contig == contig && m.alleles[m.calls[n - 1]].len() == m.alleles[0].len())
            .map(|m| m.alleles[m.calls[n - 1]].bytes().zip(m.alleles[0].bytes()).filter(|(a, b)| a != b).count())
            .sum();
        assert_eq!(differing, substitutions, "{name}");
    }
}

/// bcftools leaves out a record whose REF or padding merely touches one before it (`TA>CA` then `A>AGG`), even
/// where the bases that change are different ones. Both are applied here: what counts is what is changed. Of
/// records that change the same bases, or insert at the same place, the first is applied, as there.
#[test]
fn overlapping_records_first_come_first_served() {
    for seed in 100..112 {
        let mut random = Random(seed);
        let genome = genome_of(&mut random);
        let list = records(&mut random, &genome, 0);
        let folder = scratch();
        let (reference, vcf) =
            (write_genome(folder.path(), &genome), put(folder.path(), "v.vcf", vcf_text(&genome, &list)));
        let (prefix, report) = (folder.path().join("h"), folder.path().join("report.tsv"));
        good(haplotypes(&reference, &vcf, "A").arg("--fasta").arg(&prefix).arg("--report").arg(&report));
        for n in [1, 2] {
            let ours = read_fasta(&folder.path().join(format!("h.hap{n}.fa")));
            for (contig, (name, bases)) in genome.iter().enumerate() {
                assert_eq!(ours[*name], naive(bases, &list, contig, n - 1), "seed {seed}");
            }
        }
        let table = Table::parse(&fs::read_to_string(&report).unwrap());
        let carried: usize = list.iter().map(|m| m.calls.iter().filter(|&&c| c != 0).count()).sum();
        assert_eq!(table.rows.len(), carried, "a line for each record and haplotype");
        assert!((0..carried).any(|row| table.text(row, "reason") == "overlap"));
        // In the order of the file.
        let order: Vec<_> = (0..carried).map(|r| (table.text(r, "chrom"), table.number(r, "pos") as u64)).collect();
        assert!(order.windows(2).all(|w| w[0] <= w[1]));
    }
}

#[test]
fn every_record_is_accounted_for() {
    let folder = scratch();
    let bases = "ACGTACGTAC".repeat(30);
    let reference = fasta(folder.path(), "ref.fa", &[("chrC", &bases)]);
    let body = "chrC\t2\tx1\tC\tT\t.\t.\t.\tGT\t0|1\t1|1\n\
        chrC\t4\t.\tT\tTGG\t.\t.\t.\tGT\t1/0\t0|1\n\
        chrC\t6\t.\tCGT\tC\t.\t.\t.\tGT\t1|1\t.|.\n\
        chrC\t7\t.\tG\tA\t.\t.\t.\tGT\t1|0\t./1\n\
        chrC\t9\t.\tA\t<DEL>\t.\t.\t.\tGT\t0|1\t0|0\n\
        chrC\t10\t.\tC\tG,*\t.\t.\t.\tGT\t1|2\t0|0\n\
        chrC\t12\t.\tC\tc\t.\t.\t.\tGT\t0|1\t0|0\n\
        chrD\t5\t.\tA\tC\t.\t.\t.\tGT\t1|0\t1|1\n";
    let vcf = put(folder.path(), "v.vcf", HEADER.to_string() + body);
    let table = |arguments: &[&str]| {
        let mut command = deepallele("haplotypes");
        command.arg("-f").arg(&reference).arg("-v").arg(&vcf).args(arguments).args(["--report", "-"]);
        let table = Table::parse(&good_text(&mut command));
        let row = |r: usize| {
            let of = |column: &str| table.text(r, column).to_string();
            format!("{} {} {} {} {}", of("pos"), of("haplotype"), of("allele"), of("status"), of("reason"))
        };
        (0..table.rows.len()).map(row).collect::<Vec<_>>()
    };
    assert_eq!(
        table(&["-s", "A"]),
        [
            "2 2 T applied .",
            "4 1 TGG skipped unphased",
            "6 1 C applied .",
            "6 2 C applied .",
            "7 1 A skipped overlap",
            "9 2 <DEL> skipped no_sequence",
            "10 2 * skipped deleted_by_another_record",
            "10 1 G applied .",
            "12 2 C skipped same_as_reference",
            "5 1 C skipped unknown_contig",
        ]
    );
    assert_eq!(
        table(&["--strain", "B"]),
        [
            "2 2 T applied .",
            "4 2 . skipped heterozygous_strain",
            "6 2 . skipped missing",
            "7 2 . skipped missing",
            "5 2 C skipped unknown_contig",
        ]
    );
    // One wrong base among many right ones is dropped and named.
    let right: String = (13..113)
        .map(|pos: usize| {
            let base = &bases[pos - 1..pos];
            let base = if pos == 50 { "T" } else { base };
            let other = if base == "G" { "A" } else { "G" };
            format!("chrC\t{pos}\t.\t{base}\t{other}\t.\t.\t.\tGT\t0|1\t0|0\n")
        })
        .collect();
    fs::write(&vcf, HEADER.to_string() + &right).unwrap();
    let lines = table(&["-s", "A"]);
    assert_eq!(lines.len(), 100);
    assert_eq!(
        lines.iter().filter(|l| l.contains("ref_mismatch")).collect::<Vec<_>>(),
        ["50 2 G skipped ref_mismatch"]
    );
}

#[test]
fn new_bases_have_the_case_of_the_base_at_the_position() {
    let folder = scratch();
    let reference = fasta(folder.path(), "r.fa", &[("chrC", "acgtACGTacgtACGTacgtACGTacgtACGT")]);
    let record = |pos: u32, from: &str, to: &str| format!("chrC\t{pos}\t.\t{from}\t{to}\t.\t.\t.\tGT\t1|1\t0|0\n");
    let body = record(2, "C", "T") + &record(4, "TA", "Gg") + &record(8, "T", "TccCC") + &record(12, "TACG", "t");
    let vcf = vcf_gz(folder.path(), "v.vcf.gz", &(HEADER.replace("=300", "=32") + &body + &record(20, "T", "TccCC")));
    good(haplotypes(&reference, &vcf, "A").arg("--fasta").arg(folder.path().join("o")));
    let ours = fs::read(folder.path().join("o.hap1.fa")).unwrap();
    assert_eq!(text(&ours), text(&good(&mut bcftools(&reference, &vcf, "A", "1"))));
    assert_eq!(text(&ours), ">chrC\natgggCGTCCCCacgtTacgtccccACGTacgtACGT\n");
}

#[test]
fn masks_cover_what_differs() {
    let folder = scratch();
    let reference = fasta(folder.path(), "r.fa", &[("chrC", "acgtACGTacgtACGTacgt"), ("chrD", "ACGT")]);
    let record = |pos: u32, from: &str, to: &str, call: &str| {
        format!("chrC\t{pos}\t.\t{from}\t{to}\t.\t.\t.\tGT\t{call}\t0|0\n")
    };
    let body = [
        record(2, "C", "T", "0/1"),
        record(4, "T", "G", "1|1"),
        record(7, "GT", "GA", "1|0"),
        record(9, "ACG", "A", "0|1"),
        record(13, "A", "ATT", "1|0"),
        record(15, "GT", "CA", "0|1"),
    ];
    let vcf = put(folder.path(), "v.vcf", HEADER.replace("=300", "=20") + &body.concat());
    let masked = |more: &[&str]| good_text(haplotypes(&reference, &vcf, "A").args(["--masked", "-"]).args(more));
    assert_eq!(masked(&[]), ">chrC\naNgtACGNacgtACGTacgt\n>chrD\nACGT\n");
    assert_eq!(masked(&["--mask-indels"]), ">chrC\naNgtACGNaNNtNCNNacgt\n>chrD\nACGT\n");
}

#[test]
fn pairs_of_neighbouring_regions_join_to_the_haplotypes() {
    let mut random = Random(7);
    let genome = genome_of(&mut random);
    let list = records(&mut random, &genome, 2);
    let folder = scratch();
    let (reference, vcf) =
        (write_genome(folder.path(), &genome), put(folder.path(), "v.vcf", vcf_text(&genome, &list)));
    let bed: String = genome
        .iter()
        .flat_map(|(name, bases)| {
            let ends = (0..bases.len()).step_by(70).map(move |s| (s, (s + 70).min(bases.len())));
            ends.map(move |(s, e)| format!("{name}\t{s}\t{e}\n"))
        })
        .collect();
    let bed = put(folder.path(), "r.bed", bed);
    let (table, fa) = (folder.path().join("p.tsv"), folder.path().join("p.fa.gz"));
    for out in [&table, &fa] {
        good(haplotypes(&reference, &vcf, "A").arg("-L").arg(&bed).arg("--pairs").arg(out));
    }
    let table = Table::parse(&fs::read_to_string(&table).unwrap());
    let sequences = read_fasta(&fa);
    assert_eq!(table.text(1, "id"), "chrA:70-140");
    for (n, column) in [(0, "allele_a"), (1, "allele_b")] {
        for (contig, (name, bases)) in genome.iter().enumerate() {
            let rows = (0..table.rows.len()).filter(|&r| table.text(r, "id").starts_with(&format!("{name}:")));
            let joined: String = rows.clone().map(|r| table.text(r, column)).collect();
            assert_eq!(joined, naive(bases, &list, contig, n));
            for r in rows {
                assert_eq!(sequences[&format!("{}_hap{}", table.text(r, "id"), n + 1)], table.text(r, column));
            }
        }
    }
}

#[test]
fn pairs_equal_bcftools_region_by_region_and_windows_have_one_length() {
    let folder = scratch();
    let table = |more: &[&str]| {
        let out = folder.path().join("p.tsv.gz");
        good(haplotypes(&genome(), &phased(), "NA12878").arg("-L").arg(regions()).arg("--pairs").arg(&out).args(more));
        Table::parse(&good_text(tool("bgzip", ["-dc"]).arg(&out)))
    };
    let (whole, window) = (table(&[]), table(&["--window", "128"]));
    let mut bed: Vec<(u64, u64, u64, String)> = fs::read_to_string(regions())
        .unwrap()
        .lines()
        .map(|line| {
            let c: Vec<&str> = line.split('\t').collect();
            let number = |i: usize| c[i].parse::<u64>().unwrap();
            (number(1), number(2), number(1) + number(9), c[3].to_string())
        })
        .collect();
    bed.sort();
    assert_eq!((whole.rows.len(), window.rows.len()), (bed.len(), bed.len()));
    let mut compared = 0;
    for (row, (start, end, centre, name)) in bed.iter().enumerate() {
        assert_eq!((whole.text(row, "id"), window.text(row, "id")), (name.as_str(), name.as_str()));
        let differ = whole.text(row, "allele_a") != whole.text(row, "allele_b");
        for (n, column) in [("1", "allele_a"), ("2", "allele_b")] {
            let sequence = whole.text(row, column);
            assert_eq!(window.text(row, column).len(), 128);
            assert_eq!(sequence.len() as u64, end - start, "only SNVs here");
            if differ && compared < 20 {
                let mut cut = tool("samtools", ["faidx"]);
                cut.arg(genome()).arg(format!("chr22:{}-{end}", start + 1));
                let mut apply = tool("bcftools", ["consensus", "-s", "NA12878", "-H", n]);
                apply.arg(phased());
                let theirs = text(&pipeline(&mut [cut, apply]));
                assert_eq!(sequence, theirs.lines().skip(1).collect::<String>().to_uppercase());
                compared += 1;
            }
            if *centre >= start + 64 && centre + 64 <= *end {
                let from = (centre - 64 - start) as usize;
                assert_eq!(window.text(row, column), &sequence[from..from + 128]);
            }
        }
    }
    assert_eq!(compared, 20);
}

#[test]
fn bcf_pipes_and_threads_give_the_same_bytes() {
    let folder = scratch();
    let outputs = |label: &str, command: &mut Command| {
        let prefix = folder.path().join(label);
        command.arg("--fasta").arg(&prefix).arg("--chain").arg(&prefix).arg("--quiet");
        command.arg("--masked").arg(folder.path().join(format!("{label}.masked.fa")));
        good(command);
        let names = ["hap1.fa", "hap1.fa.fai", "hap2.fa", "hap1ToRef.chain", "refToHap2.chain", "masked.fa"];
        names.map(|name| fs::read(folder.path().join(format!("{label}.{name}"))).unwrap())
    };
    let plain = outputs("plain", &mut haplotypes(&genome(), &phased(), "NA12878"));
    let bcf = folder.path().join("v.bcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&bcf).arg(phased()));
    assert!(plain == outputs("bcf", haplotypes(&genome(), &bcf, "NA12878").args(["-@", "1"])));
    let mut piped = haplotypes(&genome(), Path::new("-"), "NA12878");
    piped.stdin(Stdio::from(fs::File::open(&bcf).unwrap()));
    assert!(plain == outputs("piped", &mut piped));
}

#[test]
fn wrong_input_is_told_and_nothing_is_left() {
    let folder = scratch();
    let reference = fasta(folder.path(), "ref.fa", &[("chrC", &"ACGTACGTAC".repeat(30))]);
    let bare = put(folder.path(), "bare.fa", ">chrC\nACGT\n");
    let short = fasta(folder.path(), "short.fa", &[("chrC", "ACGT")]);
    let record = |pos: u32, from: &str| format!("chrC\t{pos}\t.\t{from}\tN\t.\t.\t.\tGT\t0|1\t0|0\n");
    let good_vcf = put(folder.path(), "good.vcf", HEADER.to_string() + &record(5, "A"));
    let wrong = put(folder.path(), "wrong.vcf", HEADER.to_string() + &record(5, "G"));
    let unsorted = put(folder.path(), "unsorted.vcf", HEADER.to_string() + &record(6, "C") + &record(5, "A"));
    let empty = put(folder.path(), "empty.bed", "");
    let odd = put(folder.path(), "odd.bed", "chrC\t5\t9\nchrZ\t1\t2\n");
    let run = |reference: &Path, vcf: &Path, sample: &str| {
        let mut command = haplotypes(reference, vcf, sample);
        command.arg("--fasta").arg(folder.path().join("out")).arg("--chain").arg(folder.path().join("out"));
        command
    };
    let here = folder.path();
    refused_in(here, &mut run(&bare, &good_vcf, "A"), &["bare.fa", "samtools faidx"]);
    refused_in(here, &mut run(&short, &good_vcf, "A"), &["good.vcf", "record 1", "past the end of chrC"]);
    refused_in(here, &mut run(&reference, &good_vcf, "Z"), &["good.vcf", "no sample \"Z\"", "it has A, B"]);
    refused_in(here, &mut run(&reference, &wrong, "A"), &["wrong.vcf", "assembly", "chrC:5 G (FASTA: A)"]);
    refused_in(here, &mut run(&reference, &unsorted, "A"), &["unsorted.vcf", "record 2 (chrC:5)", "bcftools sort"]);
    refused_in(here, &mut run(&reference, Path::new("nothing.vcf"), "A"), &["nothing.vcf"]);
    let pairs = here.join("pairs.tsv");
    for (bed, words) in [(&empty, "no region"), (&odd, "line 2")] {
        refused_in(here, run(&reference, &good_vcf, "A").arg("-L").arg(bed).arg("--pairs").arg(&pairs), &[words]);
    }
    for option in ["--masked", "--report", "--pairs"] {
        let bed = put(here, "all.bed", "chrC\t0\t300\n");
        let mut command = run(&reference, &good_vcf, "A");
        if option == "--pairs" {
            command.arg("-L").arg(bed);
        }
        refused_in(here, command.args([option, "/dev/full"]), &["/dev/full"]);
    }
    let missing = here.join("no/such/folder");
    let mut command = haplotypes(&reference, &good_vcf, "A");
    refused_in(here, command.arg("--fasta").arg(&missing), &["no/such/folder"]);
    // A VCF without its end marker.
    let packed = fs::read(phased()).unwrap();
    let cut = put(here, "cut.vcf.gz", &packed[..packed.len() - 28]);
    refused_in(
        here,
        run(&genome(), &cut, "NA12878").arg("--masked").arg(here.join("m.fa")),
        &["cut.vcf.gz", "truncated"],
    );
}
