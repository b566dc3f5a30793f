//! `deepallele count --format gatk`: the columns and rules of ASEReadCounter, against a brute-force count written
//! here and against `samtools mpileup`; and what it refuses.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

use deepallele_tests::*;
use rust_htslib::bam::record::{Aux, Cigar};
use rust_htslib::bam::{self, Read};
use rust_htslib::bcf::{self, Read as _};

const HEADER: &str =
    "contig\tposition\tvariantID\trefAllele\taltAllele\trefCount\taltCount\ttotalCount\tlowMAPQDepth\t\
                      lowBaseQDepth\trawDepth\totherBases\timproperPairs";

fn ase(input: &Path, more: &[&str]) -> Command {
    let mut command = deepallele("count");
    command.arg(input).arg("-v").arg(phased()).args(["-s", "NA12878", "-f"]).arg(genome());
    command.args(["--per-variant", "-", "--format", "gatk"]).args(more);
    command
}

/// Reference and alternative base by position, 1-based, of the heterozygous SNVs.
fn snvs() -> BTreeMap<i64, (u8, u8)> {
    let mut reader = bcf::Reader::from_path(phased()).unwrap();
    let one = |record: bcf::Record| (record.pos() + 1, (record.alleles()[0][0], record.alleles()[1][0]));
    reader.records().map(|r| one(r.unwrap())).collect()
}

/// A read at a site: sample and name, base (`-` in a deletion), base quality, mapping quality, improper.
type Element = (Vec<u8>, u8, u8, u8, bool);

/// The elements of every site, in the order of the file.
fn pile(snvs: &BTreeMap<i64, (u8, u8)>, path: &Path) -> BTreeMap<i64, Vec<Element>> {
    let mut reader = bam::Reader::from_path(path).unwrap();
    let mut sites: BTreeMap<i64, Vec<Element>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let Ok(Aux::String(group)) = record.aux(b"RG") else { continue };
        if record.flags() & (0x4 | 0x100 | 0x400) != 0 || record.seq_len() == 0 {
            continue;
        }
        // Each group of this file is a sample of its own, within which names are looked at.
        let name = [group.as_bytes(), b" ", record.qname()].concat();
        let paired = record.is_paired();
        let mate_lost = record.is_mate_unmapped() || record.mtid() < 0 || record.mpos() < 0;
        let improper = paired && (mate_lost || !record.is_proper_pair());
        let (start, mate, length) = (record.pos() + 1, record.mpos() + 1, record.insert_size());
        let end = record.cigar().end_pos();
        // The first base of the adapter, where the fragment's size can be believed.
        let opposite = record.is_reverse() != record.is_mate_reverse();
        let believed = paired && !mate_lost && opposite && length != 0 && length <= 100;
        let adapter = |at: i64| match record.is_reverse() {
            true => believed && end > mate && at < mate,
            false => believed && start <= mate + length && at >= start + length.abs(),
        };
        let (mut at, mut within) = (start, 0usize);
        for operation in record.cigar().iter() {
            let (reference, query) = match *operation {
                Cigar::Match(n) | Cigar::Equal(n) | Cigar::Diff(n) => (n, n),
                Cigar::Del(n) | Cigar::RefSkip(n) => (n, 0),
                Cigar::Ins(n) | Cigar::SoftClip(n) => (0, n),
                Cigar::HardClip(_) | Cigar::Pad(_) => (0, 0),
            };
            let skip = matches!(operation, Cigar::RefSkip(_));
            for (&site, _) in snvs.range(at..at + reference as i64).filter(|(site, _)| !skip && !adapter(**site)) {
                let (base, quality) = match query {
                    0 => (b'-', 0),
                    _ => {
                        let i = within + (site - at) as usize;
                        (record.seq()[i], record.qual()[i])
                    }
                };
                let element = (name.clone(), base, quality, record.mapq(), improper);
                sites.entry(site).or_default().push(element);
            }
            at += reference as i64;
            within += query as usize;
        }
    }
    sites
}

/// The table as it should be.
fn expected(path: &Path, mapq: u8, baseq: u8) -> String {
    let snvs = snvs();
    let mut text = format!("{HEADER}\n");
    for (site, elements) in pile(&snvs, path) {
        let (reference, alternative) = snvs[&site];
        let mut by_name: HashMap<&[u8], Vec<&Element>> = HashMap::new();
        for element in &elements {
            by_name.entry(&element.0).or_default().push(element);
        }
        let [mut refs, mut alts, mut low_mapq, mut low_baseq, mut raw, mut other, mut improper] = [0; 7];
        for mates in by_name.values() {
            let agree = mates.iter().all(|m| m.1 == mates[0].1);
            if !agree || mates[0].1 == b'-' {
                continue;
            }
            // The best, the first of equals.
            let best = mates.iter().rev().max_by_key(|m| m.2).unwrap();
            raw += 1;
            *if best.4 {
                &mut improper
            } else if best.3 < mapq {
                &mut low_mapq
            } else if best.2 < baseq {
                &mut low_baseq
            } else if best.1 == reference {
                &mut refs
            } else if best.1 == alternative {
                &mut alts
            } else {
                &mut other
            } += 1;
        }
        text += &format!(
            "chr22\t{site}\t.\t{}\t{}\t{refs}\t{alts}\t{}\t{low_mapq}\t{low_baseq}\t{raw}\t{other}\t{improper}\n",
            reference as char,
            alternative as char,
            refs + alts
        );
    }
    text
}

#[test]
fn every_site_equals_a_brute_force_count() {
    let table = good_text(&mut ase(&reads(), &[]));
    assert!(table == expected(&reads(), 0, 0));
    assert!(table.lines().count() > 450, "{} lines", table.lines().count());
    assert!(good_text(&mut ase(&reads(), &["-q", "40", "-Q", "30"])) == expected(&reads(), 40, 30));
    // Something of every column but the names is there, or the comparison says little.
    let strict = Table::parse(&good_text(&mut ase(&reads(), &["-q", "40", "-Q", "30"])));
    for column in ["refCount", "altCount", "lowMAPQDepth", "lowBaseQDepth", "otherBases", "improperPairs"] {
        let sum = strict.sum(column);
        assert!(sum > 0.0 || column == "improperPairs" || column == "otherBases", "{column}");
        let parts = ["refCount", "altCount", "lowMAPQDepth", "lowBaseQDepth", "otherBases", "improperPairs"];
        let total: f64 = parts.iter().map(|c| strict.sum(c)).sum();
        assert_eq!(total, strict.sum("rawDepth"));
    }
}

/// The real reads with flags, mates and insert sizes of another kind; `change` gets the columns of a record and its
/// number.
fn changed(folder: &Path, name: &str, change: impl Fn(&mut Vec<String>, usize)) -> std::path::PathBuf {
    let sam = good_text(tool("samtools", ["view", "-h"]).arg(reads()));
    let lines = sam.lines().enumerate().map(|(number, line)| {
        let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if !line.starts_with('@') {
            change(&mut columns, number);
        }
        columns.join("\t") + "\n"
    });
    bam(folder, name, &lines.collect::<String>())
}

#[test]
fn pairs_of_every_kind_equal_a_brute_force_count() {
    let folder = scratch();
    // Inserts shorter than the reads, mates unmapped or not proper, duplicates, supplementary and QC-fail reads,
    // reads without a group, and names that several reads share.
    let odd = changed(folder.path(), "odd.bam", |columns, number| {
        let flag: u16 = columns[1].parse().unwrap();
        let start: i64 = columns[3].parse().unwrap();
        match number % 11 {
            0 => columns[1] = (flag & !2).to_string(),
            1 => columns[1] = (flag | 8).to_string(),
            2 => columns[1] = (flag | 0x400).to_string(),
            3 => columns[1] = (flag | 0x800).to_string(),
            4 => columns[1] = (flag | 0x200).to_string(),
            5 => columns[1] = (flag | 0x100).to_string(),
            6 => columns.retain(|c| !c.starts_with("RG:Z:")),
            7 => columns[8] = if flag & 16 == 0 { "40" } else { "-40" }.to_owned(),
            8 => columns[7] = (start + 50).to_string(),
            9 => columns[0] = format!("shared{}", start / 500),
            _ => {}
        }
    });
    let table = good_text(&mut ase(&odd, &["-q", "20", "-Q", "25"]));
    assert!(table == expected(&odd, 20, 25));
    assert!(Table::parse(&table).sum("improperPairs") > 100.0);
    assert_ne!(table, good_text(&mut ase(&reads(), &["-q", "20", "-Q", "25"])));
}

#[test]
fn single_reads_equal_samtools_mpileup() {
    let folder = scratch();
    // Without pairs there is nothing in which the two programs differ by design.
    let single = changed(folder.path(), "single.bam", |columns, number| {
        columns[0] = format!("read{number}");
        columns[1] = (columns[1].parse::<u16>().unwrap() & 16).to_string();
        (columns[6], columns[7], columns[8]) = ("*".into(), "0".into(), "0".into());
    });
    let sites: String = snvs().keys().map(|at| format!("chr22\t{}\t{at}\n", at - 1)).collect();
    let sites = put(folder.path(), "sites.bed", sites);
    for (mapq, baseq) in [("0", "0"), ("30", "20")] {
        let table = Table::parse(&good_text(&mut ase(&single, &["-q", mapq, "-Q", baseq])));
        let mut command = tool(
            "samtools",
            "mpileup -B -A -x -d 0 --no-output-ins --no-output-ins --no-output-del --no-output-del --no-output-ends"
                .split(' '),
        );
        command.args(["--ff", "1284", "-q", mapq, "-Q", baseq, "-l"]).arg(&sites).arg(&single);
        let piled = good_text(&mut command);
        let mut bases: HashMap<String, String> = HashMap::new();
        for line in piled.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            bases.insert(columns[1].to_owned(), columns[4].to_uppercase().replace(['*', '#', '>', '<'], ""));
        }
        let mut compared = 0;
        for row in 0..table.rows.len() {
            let piled = bases.get(table.text(row, "position")).map_or("", String::as_str);
            let count = |column: &str| piled.matches(table.text(row, column)).count() as f64;
            let (reference, alternative) = (count("refAllele"), count("altAllele"));
            assert_eq!(table.number(row, "refCount"), reference, "{:?}", table.rows[row]);
            assert_eq!(table.number(row, "altCount"), alternative, "{:?}", table.rows[row]);
            assert_eq!(table.number(row, "otherBases"), piled.len() as f64 - reference - alternative);
            compared += piled.len();
        }
        assert!(compared > 3000, "only {compared} bases compared");
    }
}

#[test]
fn kinds_of_input_threads_and_restrictions_change_nothing_else() {
    let folder = scratch();
    let whole = good_text(&mut ase(&reads(), &["-@", "1"]));
    assert!(whole == good_text(&mut ase(&reads(), &["-@", "5"])));
    let cram = folder.path().join("reads.cram");
    good(tool("samtools", ["view", "-C", "-T"]).arg(genome()).arg("-o").arg(&cram).arg(reads()));
    good(tool("samtools", ["index"]).arg(&cram));
    assert!(whole == good_text(&mut ase(&cram, &[])));
    let mut view = tool("samtools", ["view", "-u"]);
    view.arg(reads());
    let piped = pipeline(&mut [view, ase("-".as_ref(), &[])]);
    assert!(whole == text(&piped));
    let (from, to) = (17_398_508, 19_000_000);
    let within: String = whole
        .lines()
        .filter(|line| {
            line.split('\t').nth(1).unwrap().parse::<i64>().map_or(true, |position| (from..=to).contains(&position))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(within.lines().count() > 10 && within.len() < whole.len());
    let region = format!("chr22:{from}-{to}");
    for (input, option) in [(&reads(), "-r"), (&reads(), "-t"), (&cram, "-r")] {
        assert!(within == good_text(&mut ase(input, &[option, &region])), "{option}");
    }
    // To a file, packed by its name.
    let packed = folder.path().join("ase.tsv.gz");
    let mut command = deepallele("count");
    command.arg(reads()).arg("-v").arg(phased()).args(["-s", "NA12878", "-f"]).arg(genome());
    assert!(good(command.args(["--format", "gatk", "--per-variant"]).arg(&packed)).is_empty());
    assert!(whole == good_text(tool("bgzip", ["-dc"]).arg(&packed)));
}

#[test]
fn an_inbred_cross_and_a_bcf_have_the_same_sites() {
    let folder = scratch();
    let whole = good_text(&mut ase(&reads(), &[]));
    // Every call homozygous: the strain of a cross with the reference.
    let strain = good_text(tool("bcftools", ["view"]).arg(phased())).replace("0|1", "1|1").replace("1|0", "1|1");
    let strain = vcf_gz(folder.path(), "strain.vcf.gz", &strain);
    let packed = folder.path().join("strain.bcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&packed).arg(&strain));
    for vcf in [strain, packed] {
        let mut command = deepallele("count");
        command.arg(reads()).arg("-v").arg(vcf).args(["--strain", "NA12878", "-f"]).arg(genome());
        assert!(whole == good_text(command.args(["--per-variant", "-", "--format", "gatk"])));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = scratch();
    let wrongly = |command: &mut Command, word: &str| {
        let said = misused(command.arg("--quiet"));
        assert!(said.contains(word), "{word} is not in {said}");
    };
    wrongly(ase(&reads(), &["-L"]).arg(regions()), "-L");
    wrongly(ase(&reads(), &["-o"]).arg(folder.path().join("x.tsv")), "-o");
    let mut no_genome = deepallele("count");
    no_genome.arg(reads()).arg("-v").arg(phased()).args(["-s", "NA12878", "--per-variant", "-", "--format", "gatk"]);
    wrongly(&mut no_genome, "-f FASTA");
    wrongly(deepallele("count").arg(reads()).args(["--format", "gatk"]), "--per-variant");

    wrongly(&mut ase(&reads(), &["--wasp"]), "--wasp");
    wrongly(&mut ase(&reads(), &["--sample-name", "x"]), "--sample-name");
    wrongly(ase(&reads(), &[]).arg(reads()), "one alignment file");

    let bases = "ACGT".repeat(25);
    let elsewhere = fasta(folder.path(), "other.fa", &[("chr1", &bases)]);
    let with = |input: &Path, vcf: &Path, fasta: &Path| {
        let mut command = deepallele("count");
        command.arg(input).arg("-v").arg(vcf).args(["-s", "NA12878", "-f"]).arg(fasta);
        command.args(["--format", "gatk", "--per-variant"]).arg(folder.path().join("out.tsv"));
        command
    };
    refused_in(folder.path(), &mut with(&reads(), &phased(), &elsewhere), &["other.fa", "chr22"]);
    let whole = fs::read(phased()).unwrap();
    let cut = put(folder.path(), "cut.vcf.gz", &whole[..whole.len() / 2]);
    refused_in(folder.path(), &mut with(&reads(), &cut, &genome()), &["cut.vcf.gz"]);
    let whole = fs::read(reads()).unwrap();
    let cut = put(folder.path(), "cut.bam", &whole[..whole.len() / 2]);
    refused_in(folder.path(), &mut with(&cut, &phased(), &genome()), &["cut.bam", "truncated"]);
    let unsorted = folder.path().join("unsorted.bam");
    good(tool("samtools", ["sort", "-n", "-o"]).arg(&unsorted).arg(reads()));
    refused_in(folder.path(), &mut with(&unsorted, &phased(), &genome()), &["unsorted.bam", "sort"]);
    let said = refused_by_full_stdout(&mut ase(&reads(), &["--quiet"]));
    assert!(said.contains("No space left"), "{said}");
}
