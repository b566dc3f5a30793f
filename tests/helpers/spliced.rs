//! Molecules with spliced reads, genes they may belong to, and the counts that follow from both by brute force.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{vcf_header, Kid, Random};

const LENGTH: usize = 20_000;

/// The aligned blocks of a read or the exons of a gene, 0-based half-open.
pub type Blocks = Vec<(usize, usize)>;

/// A molecule with its haplotype, 1 or 2.
#[derive(Clone)]
struct Molecule {
    haplotype: usize,
    /// Of the first mate or single read.
    forward: bool,
    /// One read or two.
    reads: Vec<Blocks>,
    /// The mate that maps badly, and is left out.
    lost: Option<usize>,
}

impl Molecule {
    /// The aligned blocks of the reads that count.
    fn blocks(&self) -> impl Iterator<Item = &(usize, usize)> {
        self.reads.iter().enumerate().filter(|(i, _)| self.lost != Some(*i)).flat_map(|(_, blocks)| blocks)
    }
}

/// An individual and molecules of it.
pub struct World {
    genome: Vec<u8>,
    /// Position, 0-based, to the base of each haplotype.
    pub snvs: BTreeMap<usize, [u8; 2]>,
    molecules: Vec<Molecule>,
}

impl World {
    pub fn new(seed: u64, molecules: usize) -> Self {
        let mut layout = Random(7);
        let genome = layout.bases(LENGTH).into_bytes();
        let mut snvs = BTreeMap::new();
        let mut at = 40;
        while at < LENGTH {
            let other = *b"ACGT".iter().filter(|b| **b != genome[at]).nth(layout.below(3)).unwrap();
            snvs.insert(at, if layout.below(2) == 0 { [genome[at], other] } else { [other, genome[at]] });
            at += 60 + layout.below(200);
        }
        let mut r = Random(seed);
        let molecules = (0..molecules).map(|_| {
            let start = r.below(LENGTH - 1200);
            // Some reads are spliced.
            let read = |r: &mut Random, start: usize| match r.below(4) {
                0 => {
                    let (first, gap) = (10 + r.below(30), 20 + r.below(400));
                    vec![(start, start + first), (start + first + gap, start + gap + 50)]
                }
                _ => vec![(start, start + 50)],
            };
            let mut reads = vec![read(&mut r, start)];
            if r.below(5) > 0 {
                let mate = start + r.below(500);
                reads.push(read(&mut r, mate));
            }
            let lost = (reads.len() == 2 && r.below(6) == 0).then(|| r.below(2));
            Molecule { haplotype: 1 + r.below(2), forward: r.below(2) == 0, reads, lost }
        });
        Self { genome, snvs, molecules: molecules.collect() }
    }

    /// In files: `kid.bam` with a read group, and the variants.
    pub fn kid(&self) -> Kid {
        Kid::new(&self.vcf(), &[("kid", &self.sam(Some("kid")))])
    }

    pub fn vcf(&self) -> String {
        let mut text = vcf_header(&[&format!("chr1,length={LENGTH}")], &["kid"]);
        for (at, [one, _]) in &self.snvs {
            let reference = self.genome[*at];
            let alternative = self.snvs[at].iter().find(|b| **b != reference).unwrap();
            let call = if *one == reference { "0|1" } else { "1|0" };
            let (reference, alternative) = (reference as char, *alternative as char);
            writeln!(text, "chr1\t{}\ts{at}\t{reference}\t{alternative}\t.\tPASS\t.\tGT\t{call}", at + 1).unwrap();
        }
        text
    }

    /// SAM text; with `read_group`, every read is of that sample.
    pub fn sam(&self, read_group: Option<&str>) -> String {
        let mut lines = Vec::new();
        for (number, molecule) in self.molecules.iter().enumerate() {
            for (i, blocks) in molecule.reads.iter().enumerate() {
                let (mut bases, mut cigar, mut last) = (String::new(), String::new(), 0);
                for &(start, end) in blocks {
                    if last > 0 {
                        cigar += &format!("{}N", start - last);
                    }
                    cigar += &format!("{}M", end - start);
                    last = end;
                    for at in start..end {
                        let base = self.snvs.get(&at).map_or(self.genome[at], |b| b[molecule.haplotype - 1]);
                        bases.push(base as char);
                    }
                }
                let start = blocks[0].0 + 1;
                let reverse = molecule.forward == (i == 1);
                let strand = if reverse { 0x10 } else { 0 };
                let (flag, mate) = match molecule.reads.get(1 - i) {
                    Some(mate) => {
                        let which = if i == 0 { 0x40 } else { 0x80 };
                        (0x3 | which | strand | if reverse { 0 } else { 0x20 }, format!("=\t{}", mate[0].0 + 1))
                    }
                    None => (strand, "*\t0".into()),
                };
                let quality = "I".repeat(bases.len());
                let group = read_group.map(|_| "\tRG:Z:g").unwrap_or_default();
                let mapq = if molecule.lost == Some(i) { 0 } else { 60 };
                let line = format!(
                    "m{number}\t{flag}\tchr1\t{start}\t{mapq}\t{cigar}\t{mate}\t0\t{bases}\t{quality}{group}\n"
                );
                lines.push((start, line));
            }
        }
        lines.sort();
        let group = read_group.map(|name| format!("@RG\tID:g\tSM:{name}\n")).unwrap_or_default();
        let body: String = lines.into_iter().map(|(_, line)| line).collect();
        format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{LENGTH}\n{group}{body}")
    }

    /// hap1, hap2, uninformative, conflicting of a region of these blocks; `strand` that of the first mates that
    /// count, if it matters.
    pub fn expected(&self, blocks: &[(usize, usize)], strand: Option<bool>) -> [usize; 4] {
        let mut counts = [0; 4];
        for molecule in &self.molecules {
            let touches = molecule.blocks().any(|s| blocks.iter().any(|b| s.0 < b.1 && b.0 < s.1));
            if !touches || strand.is_some_and(|s| s != molecule.forward) {
                continue;
            }
            let informed = molecule.blocks().any(|s| self.snvs.range(s.0..s.1).next().is_some());
            counts[if informed { molecule.haplotype - 1 } else { 2 }] += 1;
        }
        counts
    }

    /// Fragments of each haplotype that show the SNV at `at`.
    pub fn at_snv(&self, at: usize) -> [usize; 2] {
        let mut counts = [0; 2];
        for molecule in &self.molecules {
            let covers = molecule.blocks().any(|s| (s.0..s.1).contains(&at));
            counts[molecule.haplotype - 1] += covers as usize;
        }
        counts
    }
}

/// Name, strand, exons.
pub type Gene = (String, char, Blocks);

/// Genes of one to five exons, which may overlap each other and themselves.
pub fn genes() -> Vec<Gene> {
    let mut r = Random(99);
    (0..60)
        .map(|i| {
            let start = r.below(LENGTH - 3000);
            let exons = (0..1 + r.below(5)).map(|_| {
                let from = start + r.below(2500);
                (from, from + 20 + r.below(300))
            });
            let exons = exons.collect();
            (format!("g{i}"), ['+', '-', '.'][r.below(3)], exons)
        })
        .collect()
}

/// From the first base of the first exon to the last of the last.
pub fn span(exons: &Blocks) -> (usize, usize) {
    (exons.iter().map(|e| e.0).min().unwrap(), exons.iter().map(|e| e.1).max().unwrap())
}

pub fn gtf(genes: &[Gene]) -> String {
    let mut text = String::from("#!genome-build made\n");
    for (name, strand, exons) in genes {
        let (start, end) = span(exons);
        writeln!(text, "chr1\tx\tgene\t{}\t{end}\t.\t{strand}\t.\tgene_id \"{name}\";", start + 1).unwrap();
        for (from, to) in exons {
            let attributes = format!("transcript_id \"{name}.t\"; gene_id \"{name}\"; gene_name \"N{name}\";");
            writeln!(text, "chr1\tx\texon\t{}\t{to}\t.\t{strand}\t.\t{attributes}", from + 1).unwrap();
        }
    }
    text
}

pub fn gff3(genes: &[Gene]) -> String {
    let mut text = String::from("##gff-version 3\n");
    for (name, strand, exons) in genes {
        let (start, end) = span(exons);
        for (from, to) in exons {
            writeln!(text, "chr1\tx\texon\t{}\t{to}\t.\t{strand}\t.\tParent=t-{name}", from + 1).unwrap();
        }
        writeln!(text, "chr1\tx\tmRNA\t{}\t{end}\t.\t{strand}\t.\tID=t-{name};Parent={name}", start + 1).unwrap();
        writeln!(text, "chr1\tx\tgene\t{}\t{end}\t.\t{strand}\t.\tID={name}", start + 1).unwrap();
    }
    text + "##FASTA\n>chr1\nACGT\n"
}

pub fn saf(genes: &[Gene]) -> String {
    let mut text = String::from("GeneID\tChr\tStart\tEnd\tStrand\n");
    for (name, strand, exons) in genes {
        for (from, to) in exons {
            writeln!(text, "{name}\tchr1\t{}\t{to}\t{strand}", from + 1).unwrap();
        }
    }
    text
}
