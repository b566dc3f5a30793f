//! Variants of every kind, as records of a VCF: left-aligned, padded with a base, sorted, none overlapping.

use rand::Rng;

use super::genome::{base, other_base, Contig, Repeat};
use super::{Dice, Plan};

/// What is crossed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossKind {
    /// The reference (haplotype 1) with a strain (haplotype 2).
    Strain,
    /// Two parents that both differ from the reference.
    Parents,
}

/// A kind of variant, or of a small group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Snv,
    /// 1 to 12 random bases.
    Insertion,
    /// 1 to 20 bases.
    Deletion,
    /// 2 to 4 bases for as many.
    Mnv,
    /// Some bases for another number of them.
    Complex,
    /// Two alternatives at an SNV; `1|2` where both parents differ from the reference.
    MultiSnv,
    /// Two alternatives of different lengths.
    MultiIndel,
    /// 1 to 3 bases more or fewer in a homopolymer.
    Homopolymer,
    /// A unit or two more or fewer in a tandem repeat.
    Tandem,
    /// 3 to 6 SNVs 1 to 5 bases apart.
    Dense,
    /// An indel with an SNV 0 to 3 bases behind or before it.
    SnvBesideIndel,
    /// The same in both haplotypes (two parents only), right beside something that differs.
    Shared,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 12] = [
        Kind::Snv,
        Kind::Insertion,
        Kind::Deletion,
        Kind::Mnv,
        Kind::Complex,
        Kind::MultiSnv,
        Kind::MultiIndel,
        Kind::Homopolymer,
        Kind::Tandem,
        Kind::Dense,
        Kind::SnvBesideIndel,
        Kind::Shared,
    ];
}

/// A record of the VCF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// 0-based position of the first base of REF.
    pub start: usize,
    /// REF first.
    pub alleles: Vec<Vec<u8>>,
    /// Index of the allele that each haplotype has.
    pub haplotypes: [usize; 2],
}

impl Variant {
    /// From letters, for cases written out by hand.
    pub fn new(start: usize, alleles: &[&str], haplotypes: [usize; 2]) -> Self {
        Self { start, alleles: alleles.iter().map(|a| a.as_bytes().to_vec()).collect(), haplotypes }
    }

    /// Past the last base of REF.
    pub fn end(&self) -> usize {
        self.start + self.alleles[0].len()
    }

    /// The allele of haplotype `h`.
    pub fn allele(&self, h: usize) -> &[u8] {
        &self.alleles[self.haplotypes[h]]
    }

    /// True if the haplotypes differ here.
    pub fn differs(&self) -> bool {
        self.haplotypes[0] != self.haplotypes[1]
    }

    /// Left-align and pad, as `bcftools norm` does.
    pub fn normalise(&mut self, reference: &[u8]) {
        let same = |alleles: &[Vec<u8>], of: fn(&Vec<u8>) -> Option<&u8>| {
            let first = of(&alleles[0]);
            first.is_some() && alleles.iter().all(|a| of(a) == first)
        };
        if self.alleles.iter().any(Vec::is_empty) {
            self.extend_left(reference);
        }
        while self.start > 0 && same(&self.alleles, |a| a.last()) {
            self.alleles.iter_mut().for_each(|a| a.truncate(a.len() - 1));
            if self.alleles.iter().any(Vec::is_empty) {
                self.extend_left(reference);
            }
        }
        while self.alleles.iter().all(|a| a.len() > 1) && same(&self.alleles, |a| a.first()) {
            self.alleles.iter_mut().for_each(|a| *a = a.split_off(1));
            self.start += 1;
        }
    }

    fn extend_left(&mut self, reference: &[u8]) {
        self.start -= 1;
        self.alleles.iter_mut().for_each(|a| a.insert(0, reference[self.start]));
    }
}

/// Records being gathered for one contig.
struct Scatter<'a> {
    dice: &'a mut Dice,
    contig: &'a Contig,
    cross: CrossKind,
    list: Vec<Variant>,
}

/// Variants over `contig` as `plan` asks.
pub fn scatter(dice: &mut Dice, contig: &Contig, plan: &Plan) -> Vec<Variant> {
    let mut s = Scatter { dice, contig, cross: plan.cross, list: Vec::new() };
    let mut at = plan.spacing.1;
    while at + 120 < contig.bases.len() {
        let kind = plan.kinds[s.dice.random_range(0..plan.kinds.len())];
        s.put(kind, at);
        let past = s.list.last().map_or(at, |v| v.end()).max(at);
        at = past + s.dice.random_range(plan.spacing.0..=plan.spacing.1);
    }
    s.list
}

impl Scatter<'_> {
    /// Which haplotype has which of two alleles.
    fn phase(&mut self) -> [usize; 2] {
        match self.cross {
            CrossKind::Strain => [0, 1],
            CrossKind::Parents if self.dice.random_bool(0.5) => [0, 1],
            CrossKind::Parents => [1, 0],
        }
    }

    /// Which haplotype has which of two alternatives.
    fn phase_of_three(&mut self) -> [usize; 2] {
        match (self.cross, self.dice.random_range(0..4)) {
            (CrossKind::Strain, n) => [0, 1 + n % 2],
            (_, 0) => [0, 2],
            (_, 1) => [2, 1],
            _ => [1, 2],
        }
    }

    /// Add a record if it overlaps no other and every allele differs from REF; gives back its place.
    fn add(&mut self, start: usize, alleles: Vec<Vec<u8>>, haplotypes: [usize; 2]) -> Option<(usize, usize)> {
        let mut v = Variant { start, alleles, haplotypes };
        let distinct = (0..v.alleles.len()).all(|i| (0..i).all(|j| v.alleles[i] != v.alleles[j]));
        if !distinct || v.end() + 60 > self.contig.bases.len() {
            return None;
        }
        v.normalise(&self.contig.bases);
        if self.list.iter().any(|o| o.start < v.end() && v.start < o.end()) {
            return None;
        }
        let place = (v.start, v.end());
        let at = self.list.partition_point(|o| o.start < v.start);
        self.list.insert(at, v);
        Some(place)
    }

    fn reference(&self, start: usize, length: usize) -> Vec<u8> {
        self.contig.bases[start..start + length].to_vec()
    }

    fn random(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| base(self.dice)).collect()
    }

    /// A substitution of `length` bases whose first and last differ.
    fn substitution(&mut self, at: usize, length: usize, phase: [usize; 2]) -> Option<(usize, usize)> {
        let reference = self.reference(at, length);
        let alternative: Vec<u8> = (0..length)
            .map(|i| {
                let keep = i > 0 && i + 1 < length && self.dice.random_bool(0.3);
                if keep {
                    reference[i]
                } else {
                    other_base(self.dice, reference[i])
                }
            })
            .collect();
        self.add(at, vec![reference, alternative], phase)
    }

    fn indel(&mut self, at: usize, phase: [usize; 2]) -> Option<(usize, usize)> {
        if self.dice.random_bool(0.5) {
            let n = self.dice.random_range(1..=12);
            let inserted = self.random(n);
            self.add(at, vec![vec![], inserted], phase)
        } else {
            let n = self.dice.random_range(1..=20);
            let gone = self.reference(at, n);
            self.add(at, vec![gone, vec![]], phase)
        }
    }

    fn repeat(&self, at: usize, homopolymer: bool) -> Option<Repeat> {
        self.contig.repeats.iter().find(|r| r.start >= at && (r.unit == 1) == homopolymer).copied()
    }

    /// `change` units more (or, below 0, fewer) of a repeat.
    fn repeat_allele(&self, r: Repeat, change: isize) -> Vec<u8> {
        let copies = (r.copies as isize + change).max(0) as usize;
        let unit = &self.contig.bases[r.start..r.start + r.unit];
        unit.iter().copied().cycle().take(copies * r.unit).collect()
    }

    fn repeat_change(&mut self, r: Repeat) -> isize {
        let most = if r.unit == 1 { 3i32 } else { 2 };
        let size = self.dice.random_range(1..=most) as isize;
        if self.dice.random_bool(0.5) {
            size
        } else {
            -size
        }
    }

    fn repeat_indel(&mut self, at: usize, homopolymer: bool, phase: [usize; 2]) -> Option<(usize, usize)> {
        let r = self.repeat(at, homopolymer)?;
        let change = self.repeat_change(r);
        let alleles = vec![self.repeat_allele(r, 0), self.repeat_allele(r, change)];
        self.add(r.start, alleles, phase)
    }

    fn put(&mut self, kind: Kind, at: usize) {
        let phase = self.phase();
        match kind {
            Kind::Snv => drop(self.substitution(at, 1, phase)),
            Kind::Insertion => {
                let n = self.dice.random_range(1..=12);
                let inserted = self.random(n);
                self.add(at, vec![vec![], inserted], phase);
            }
            Kind::Deletion => {
                let n = self.dice.random_range(1..=20);
                let gone = self.reference(at, n);
                self.add(at, vec![gone, vec![]], phase);
            }
            Kind::Mnv => {
                let n = self.dice.random_range(2..=4);
                self.substitution(at, n, phase);
            }
            Kind::Complex => {
                let (r, a) = (self.dice.random_range(2..=5), self.dice.random_range(2..=6));
                let (reference, mut alternative) = (self.reference(at, r), self.random(a));
                alternative[0] = other_base(self.dice, reference[0]);
                alternative[a - 1] = other_base(self.dice, reference[r - 1]);
                self.add(at, vec![reference, alternative], phase);
            }
            Kind::MultiSnv => {
                let reference = self.contig.bases[at];
                let one = other_base(self.dice, reference);
                let two = loop {
                    let b = other_base(self.dice, reference);
                    if b != one {
                        break b;
                    }
                };
                let phase = self.phase_of_three();
                self.add(at, vec![vec![reference], vec![one], vec![two]], phase);
            }
            Kind::MultiIndel => {
                let phase = self.phase_of_three();
                let homopolymer = self.dice.random_bool(0.5);
                match self.repeat(at, homopolymer) {
                    Some(r) if self.dice.random_bool(0.5) => {
                        let alleles =
                            [0, -1, self.dice.random_range(1..=2i32)].map(|n| self.repeat_allele(r, n as isize));
                        self.add(r.start, alleles.to_vec(), phase);
                    }
                    _ => {
                        let (n, m) = (self.dice.random_range(1..=6), self.dice.random_range(1..=6));
                        let (gone, mut inserted) = (self.reference(at, n), self.random(m));
                        inserted.extend_from_slice(&gone);
                        self.add(at, vec![gone, vec![], inserted], phase);
                    }
                }
            }
            Kind::Homopolymer => drop(self.repeat_indel(at, true, phase)),
            Kind::Tandem => drop(self.repeat_indel(at, false, phase)),
            Kind::Dense => {
                let mut next = at;
                for _ in 0..self.dice.random_range(3..=6) {
                    let phase = self.phase();
                    self.substitution(next, 1, phase);
                    next += self.dice.random_range(1..=5);
                }
            }
            Kind::SnvBesideIndel => {
                let place = match self.dice.random_range(0..3) {
                    0 => self.repeat_indel(at, true, phase),
                    1 => self.repeat_indel(at, false, phase),
                    _ => self.indel(at, phase),
                };
                self.beside(place);
            }
            Kind::Shared if self.cross == CrossKind::Parents => {
                let place =
                    if self.dice.random_bool(0.5) { self.substitution(at, 1, [1, 1]) } else { self.indel(at, [1, 1]) };
                self.beside(place);
            }
            Kind::Shared => drop(self.substitution(at, 1, phase)),
        }
    }

    /// An SNV right behind or before what lies at `place`.
    fn beside(&mut self, place: Option<(usize, usize)>) {
        if let Some((start, end)) = place {
            let gap = self.dice.random_range(0..=3);
            let at = if self.dice.random_bool(0.5) { end + gap } else { start - 1 - gap };
            let phase = self.phase();
            self.substitution(at, 1, phase);
        }
    }
}
