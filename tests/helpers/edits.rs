//! Random records of every kind on random contigs, and the haplotypes that follow from them by editing strings.

use std::path::PathBuf;

use super::{fasta, put, scratch, Random};

/// Of three contigs and samples A and B.
pub const HEADER: &str = "##fileformat=VCFv4.2\n##contig=<ID=chrA,length=4000>\n##contig=<ID=chrB,length=1500>\n\
    ##contig=<ID=chrC,length=300>\n##ALT=<ID=DEL,Description=\"x\">\n\
    ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
    #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n";

/// Names and bases of contigs.
pub type Genome = Vec<(&'static str, String)>;

/// A genome and records for it, in files of a scratch folder.
pub struct Edited {
    pub genome: Genome,
    pub records: Vec<Made>,
    pub folder: tempfile::TempDir,
    pub reference: PathBuf,
    pub vcf: PathBuf,
}

impl Edited {
    /// With at least `gap` bases between the records (0: they may overlap).
    pub fn new(seed: u64, gap: usize) -> Self {
        let mut random = Random(seed);
        let genome: Genome =
            [("chrA", 4000), ("chrB", 1500), ("chrC", 300)].map(|(name, n)| (name, random.bases(n))).into();
        let records = records(&mut random, &genome, gap);
        let folder = scratch();
        let list: Vec<(&str, &str)> = genome.iter().map(|(name, bases)| (*name, bases.as_str())).collect();
        let reference = fasta(folder.path(), "ref.fa", &list);
        let vcf = put(folder.path(), "v.vcf", vcf_text(&genome, &records));
        Self { genome, records, folder, reference, vcf }
    }
}

/// A record: contig, 1-based position, REF and ALTs, the alleles of the two haplotypes.
#[derive(Clone, Debug)]
pub struct Made {
    pub contig: usize,
    pub pos: usize,
    pub alleles: Vec<String>,
    pub calls: [usize; 2],
}

/// Records of every kind.
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

/// What `other` changes in place of `reference` at 0-based `start`: shared bases left out, at the right first. Start and end of
/// the replaced bases, half-open, and the bases in their place.
pub fn change(start: usize, reference: &str, other: &str) -> (usize, usize, String) {
    let (mut old, mut new, mut start) = (reference, other, start);
    while !old.is_empty() && !new.is_empty() && old[old.len() - 1..] == new[new.len() - 1..] {
        (old, new) = (&old[..old.len() - 1], &new[..new.len() - 1]);
    }
    while !old.is_empty() && !new.is_empty() && old[..1] == new[..1] {
        (old, new, start) = (&old[1..], &new[1..], start + 1);
    }
    (start, start + old.len(), new.to_owned())
}

/// A haplotype (0 or 1) of a contig, built the slow way: bases that REF and ALT share are cut off, what overlaps
/// something applied before is left out, the rest is put into the string from its right end on.
pub fn naive(bases: &str, records: &[Made], contig: usize, haplotype: usize) -> String {
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    for r in records.iter().filter(|r| r.contig == contig) {
        let edit = change(r.pos - 1, &r.alleles[0], &r.alleles[r.calls[haplotype]]);
        if edit.0 < edit.1 || !edit.2.is_empty() {
            edits.push(edit);
        }
    }
    // Stable: of two at one place the first of the file counts, after insertions before that base.
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
