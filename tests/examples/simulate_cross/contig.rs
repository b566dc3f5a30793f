//! A contig: its reference, what the strain has differently, and reads laid over either.

use std::io::Write;

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;
use rust_htslib::bam::record::{Cigar, CigarString};

use crate::{Options, Result};

/// Bases of a read.
pub const READ: usize = 100;

/// Gaps closer to a read's end than this are clipped or aligned through, as aligners do.
const NEAR: usize = 5;

/// A difference of the strain: the bases behind reference `start..end` in its place, and where it begins there.
pub struct Change {
    pub start: usize,
    pub end: usize,
    pub bases: Vec<u8>,
    /// On the strain's contig.
    pub strain: usize,
}

pub struct Contig {
    pub name: String,
    pub reference: Vec<u8>,
    pub changes: Vec<Change>,
}

pub fn base(dice: &mut ChaCha8Rng) -> u8 {
    b"ACGT"[(dice.next_u32() >> 30) as usize]
}

pub fn other(dice: &mut ChaCha8Rng, than: u8) -> u8 {
    loop {
        let b = base(dice);
        if b != than {
            return b;
        }
    }
}

/// Random bases, with a homopolymer or tandem repeat every 300 bases or so.
pub fn reference(dice: &mut ChaCha8Rng, length: usize) -> Vec<u8> {
    let mut bases: Vec<u8> = (0..length).map(|_| base(dice)).collect();
    let mut at = 500;
    while at + 500 < length {
        let unit = if dice.random_bool(0.7) { 1 } else { dice.random_range(2..=4) };
        let copies = dice.random_range(if unit == 1 { 5..=15 } else { 3..=8 });
        for i in unit..unit * copies {
            bases[at + i] = bases[at + i - unit];
        }
        at += unit * copies + dice.random_range(50..550);
    }
    bases
}

/// A record of the VCF at about `at`, left-aligned: position, REF and ALT.
pub fn record(dice: &mut ChaCha8Rng, reference: &[u8], at: usize) -> (usize, Vec<u8>, Vec<u8>) {
    if dice.random_bool(0.85) {
        return (at, vec![reference[at]], vec![other(dice, reference[at])]);
    }
    // Indels are short for the most part; half of the insertions copy what stands beside them.
    let size = (1..20).find(|_| dice.random_bool(0.5)).unwrap_or(20);
    let (mut start, mut end, mut bases) = (at, at, Vec::new());
    if dice.random_bool(0.5) {
        end = at + size;
    } else if dice.random_bool(0.5) {
        bases = reference[at..at + size].to_vec();
    } else {
        bases = (0..size).map(|_| base(dice)).collect();
    }
    loop {
        let last = if bases.is_empty() { reference[end - 1] } else { bases[bases.len() - 1] };
        if start < 400 || reference[start - 1] != last {
            break;
        }
        (start, end) = (start - 1, end - 1);
        if !bases.is_empty() {
            bases.rotate_right(1);
        }
    }
    let before = reference[start - 1];
    (start - 1, reference[start - 1..end].to_vec(), [&[before][..], &bases].concat())
}

pub fn contig(dice: &mut ChaCha8Rng, number: usize, o: &Options, vcf: &mut impl Write) -> Result<Contig> {
    let name = format!("chr{number}");
    let reference = reference(dice, o.length);
    let spacing = o.length as f64 / (o.variants as f64 / o.contigs as f64);
    let (mut at, mut past, mut shift) = (500f64, 0, 0i64);
    let mut changes = Vec::new();
    loop {
        at += -spacing * (1.0 - dice.random::<f64>()).ln();
        if at as usize + 500 > o.length {
            break;
        }
        let (start, old, new) = record(dice, &reference, at as usize);
        if start < past {
            continue;
        }
        past = start + old.len();
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        writeln!(vcf, "{name}\t{}\t.\t{}\t{}\t.\tPASS\t.\tGT\t0|1\t1/1", start + 1, text(&old), text(&new))?;
        let shared = if old.len() == new.len() { 0 } else { 1 };
        let (old, bases) = (old.len() - shared, new[shared..].to_vec());
        let first = start + shared;
        changes.push(Change { start: first, end: first + old, strain: (first as i64 + shift) as usize, bases });
        shift += (new.len() - shared) as i64 - old as i64;
    }
    Ok(Contig { name, reference, changes })
}

/// A read in the making: a run of each kind of operation.
pub struct Walk {
    pub bases: Vec<u8>,
    pub position: usize,
    pub runs: Vec<(u8, usize)>,
}

impl Contig {
    /// The read of [`READ`] bases of a haplotype (0 reference, 1 strain) that begins at reference base `at`,
    /// moved behind a change that `at` lies in; aligned to `target` (0 or 1).
    pub fn walk(&self, haplotype: usize, target: usize, at: usize) -> Walk {
        let mut next = self.changes.partition_point(|c| c.end.max(c.start + 1) <= at);
        let mut at = at;
        if let Some(c) = self.changes.get(next).filter(|c| c.start < at) {
            at = c.end;
            next += 1;
        }
        let position = if target == 0 { at } else { self.on_strain(at, next) };
        let mut walk = Walk { bases: Vec::with_capacity(READ + 32), position, runs: Vec::with_capacity(4) };
        while walk.bases.len() < READ {
            let Some(c) = self.changes.get(next) else {
                walk.copy(&self.reference[at..]);
                break;
            };
            walk.copy(&self.reference[at..c.start]);
            if walk.bases.len() >= READ {
                break;
            }
            let alleles = [&self.reference[c.start..c.end], &c.bases[..]];
            let (own, theirs) = (alleles[haplotype], alleles[target].len());
            let left = READ - walk.bases.len();
            let own = &own[..own.len().min(left)];
            walk.bases.extend_from_slice(own);
            walk.run(b'M', own.len().min(theirs));
            walk.run(b'I', own.len().saturating_sub(theirs));
            if walk.bases.len() < READ {
                walk.run(b'D', theirs.saturating_sub(own.len()));
            }
            at = c.end;
            next += 1;
        }
        walk
    }

    /// Where reference base `at` lies on the strain; `next` is the first change at or behind it.
    pub fn on_strain(&self, at: usize, next: usize) -> usize {
        match next.checked_sub(1).map(|i| &self.changes[i]) {
            Some(c) => c.strain + c.bases.len() + (at - c.end),
            None => at,
        }
    }

    pub fn strain(&self) -> Vec<u8> {
        let (mut bases, mut at) = (Vec::with_capacity(self.reference.len()), 0);
        for c in &self.changes {
            bases.extend_from_slice(&self.reference[at..c.start]);
            bases.extend_from_slice(&c.bases);
            at = c.end;
        }
        bases.extend_from_slice(&self.reference[at..]);
        bases
    }
}

impl Walk {
    pub fn copy(&mut self, from: &[u8]) {
        let n = from.len().min(READ - self.bases.len());
        self.bases.extend_from_slice(&from[..n]);
        self.run(b'M', n);
    }

    pub fn run(&mut self, kind: u8, n: usize) {
        match self.runs.last_mut() {
            _ if n == 0 => {}
            Some(last) if last.0 == kind => last.1 += n,
            _ => self.runs.push((kind, n)),
        }
    }

    /// What aligners do to gaps near an end: they clip there, or align through.
    pub fn mend(&mut self, clip: bool) {
        while let Some(&(kind, n)) = self.runs.first().filter(|r| matches!(r.0, b'I' | b'D')) {
            // Only a lone inserted stretch can be clipped; a read begins behind what is deleted.
            if kind == b'I' {
                self.runs[0].0 = b'S';
            } else {
                self.position += n;
                self.runs.remove(0);
            }
        }
        let plain = |runs: &[(u8, usize)]| runs[0].0 == b'M' && runs[2].0 == b'M';
        if self.runs.len() > 2 && self.runs[0].1 <= NEAR && plain(&self.runs[..3]) {
            let (first, gap, behind) = (self.runs[0].1, self.runs[1], self.runs[2].1);
            let inserted = if gap.0 == b'I' { gap.1 } else { 0 };
            let ahead = first + inserted;
            self.position += first + if gap.0 == b'D' { gap.1 } else { 0 };
            let replaced = if clip {
                vec![(b'S', ahead), (b'M', behind)]
            } else {
                self.position -= ahead;
                vec![(b'M', ahead + behind)]
            };
            self.runs.splice(..3, replaced);
        }
        if self.runs.last().is_some_and(|r| r.0 != b'M') {
            let last = self.runs.len() - 1;
            if self.runs[last].0 == b'I' {
                self.runs[last].0 = b'S';
            } else {
                self.runs.pop();
            }
        } else if self.runs.len() > 2
            && self.runs[self.runs.len() - 1].1 <= NEAR
            && plain(&self.runs[self.runs.len() - 3..])
        {
            let last = self.runs.len() - 1;
            let inserted = if self.runs[last - 1].0 == b'I' { self.runs[last - 1].1 } else { 0 };
            let behind = self.runs[last].1 + inserted;
            let before = self.runs[last - 2];
            let replaced = if clip { vec![before, (b'S', behind)] } else { vec![(b'M', before.1 + behind)] };
            self.runs.splice(last - 2.., replaced);
        }
    }

    pub fn cigar(&self) -> CigarString {
        let one = |&(kind, n): &(u8, usize)| match kind {
            b'M' => Cigar::Match(n as u32),
            b'I' => Cigar::Ins(n as u32),
            b'D' => Cigar::Del(n as u32),
            _ => Cigar::SoftClip(n as u32),
        };
        CigarString(self.runs.iter().map(one).collect())
    }

    pub fn end(&self) -> usize {
        self.position + self.runs.iter().filter(|r| matches!(r.0, b'M' | b'D')).map(|r| r.1).sum::<usize>()
    }
}
