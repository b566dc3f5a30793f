//! Reads of single cells for the tests of matrices and fragment files, and what they say, in the plainest way.

use std::collections::{BTreeMap, BTreeSet};

use super::{vcf_header, Random};

pub const LENGTH: usize = 12_000;
pub const READ: usize = 60;

/// Bases of both haplotypes at SNVs, by 0-based position; the rest is A. Stretches without any alternate with
/// stretches that have one every 15 bases.
pub fn snvs() -> BTreeMap<usize, [u8; 2]> {
    let dense = |at: &usize| at / 1000 % 3 != 2;
    (20..LENGTH - 20).step_by(15).filter(dense).map(|at| (at, if at % 2 == 0 { *b"CG" } else { *b"GT" })).collect()
}

/// Both contigs have the same.
pub fn vcf() -> String {
    let mut text = vcf_header(&["chr1", "chr2"], &["kid"]);
    for contig in ["chr1", "chr2"] {
        for (at, [one, two]) in snvs() {
            let (one, two) = (one as char, two as char);
            text += &format!("{contig}\t{}\t.\tA\t{one},{two}\t.\tPASS\t.\tGT\t1|2\n", at + 1);
        }
    }
    text
}

/// Regions that overlap each other, with and without names.
pub fn bed() -> String {
    let mut text = String::new();
    for (i, start) in (0..11_000).step_by(700).enumerate() {
        let name = if i % 3 == 0 { ".".into() } else { format!("peak{i}") };
        text += &format!("chr{}\t{start}\t{}\t{name}\n", 1 + i % 2, start + 900);
    }
    text
}

pub fn places() -> Vec<(String, usize, usize)> {
    let parse = |line: &str| {
        let c: Vec<&str> = line.split('\t').collect();
        (c[0].to_string(), c[1].parse().unwrap(), c[2].parse().unwrap())
    };
    let mut list: Vec<_> = bed().lines().map(parse).collect();
    list.sort();
    list
}

/// A read of haplotype 1 or 2.
pub fn sequence(start: usize, haplotype: usize) -> String {
    let snvs = snvs();
    let base = |at: usize| snvs.get(&at).map_or('A', |b| b[haplotype - 1] as char);
    (start..start + READ).map(base).collect()
}

/// SAM of molecules of all kinds, by cells `AA-1` and others.
pub fn sam(seed: u64, molecules: usize) -> String {
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
pub struct Seen {
    pub class: usize,
    pub regions: Vec<usize>,
    /// Contig, start, end, where both ends are known.
    pub line: Option<(String, usize, usize)>,
    pub forward: bool,
    pub single: bool,
    pub cell: Option<String>,
    pub umi: Option<String>,
}

/// The fragments of SAM text in the plainest way; duplicates as well if asked for.
pub fn plain(sam: &str, duplicates: bool) -> Vec<Seen> {
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
