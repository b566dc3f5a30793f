//! The sequences of the two haplotypes, and column by column how one lies against another or the reference.

use super::Variant;

/// What a haplotype is laid against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Reference,
    /// Haplotype 0 or 1 (that is, 1 or 2 in names and files).
    Haplotype(usize),
}

impl Target {
    fn allele(self, v: &Variant) -> &[u8] {
        match self {
            Target::Reference => &v.alleles[0],
            Target::Haplotype(h) => v.allele(h),
        }
    }
}

/// The bases of haplotype `h` (0 or 1), by plain replacement.
pub fn sequence(reference: &[u8], variants: &[Variant], h: usize) -> Vec<u8> {
    let (mut bases, mut at) = (Vec::with_capacity(reference.len()), 0);
    for v in variants {
        bases.extend_from_slice(&reference[at..v.start]);
        bases.extend_from_slice(v.allele(h));
        at = v.end();
    }
    bases.extend_from_slice(&reference[at..]);
    bases
}

/// The first base of each record on haplotype `h`, and past its last.
pub fn places(variants: &[Variant], h: usize) -> Vec<(usize, usize)> {
    let (mut own, mut at, mut places) = (0, 0, Vec::with_capacity(variants.len()));
    for v in variants {
        own += v.start - at;
        places.push((own, own + v.allele(h).len()));
        own += v.allele(h).len();
        at = v.end();
    }
    places
}

/// One column of a pairwise alignment: a base of the haplotype, of the target, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub own: Option<u32>,
    pub target: Option<u32>,
}

/// A haplotype laid against a target over a whole contig.
pub struct Columns {
    pub list: Vec<Column>,
    /// Index in `list` of every base of the haplotype.
    pub of: Vec<u32>,
}

impl Columns {
    /// Haplotype `h` against `target`. Of the two alleles of a record, what they share at the end and then
    /// at the start lies base on base; in between as many bases as both have, then a gap.
    pub fn new(reference: &[u8], variants: &[Variant], h: usize, target: Target) -> Self {
        let mut columns = Self { list: Vec::with_capacity(reference.len()), of: Vec::with_capacity(reference.len()) };
        let (mut own, mut theirs, mut at) = (0u32, 0u32, 0);
        let both = |columns: &mut Self, own: &mut u32, theirs: &mut u32, n: usize, a: bool, b: bool| {
            for _ in 0..n {
                if a {
                    columns.of.push(columns.list.len() as u32);
                }
                columns.list.push(Column { own: a.then_some(*own), target: b.then_some(*theirs) });
                *own += a as u32;
                *theirs += b as u32;
            }
        };
        for v in variants {
            both(&mut columns, &mut own, &mut theirs, v.start - at, true, true);
            let (a, b) = (v.allele(h), target.allele(v));
            let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
            let (a, b) = (a.len() - tail, b.len() - tail);
            both(&mut columns, &mut own, &mut theirs, a.min(b), true, true);
            both(&mut columns, &mut own, &mut theirs, a - a.min(b), true, false);
            both(&mut columns, &mut own, &mut theirs, b - a.min(b), false, true);
            both(&mut columns, &mut own, &mut theirs, tail, true, true);
            at = v.end();
        }
        both(&mut columns, &mut own, &mut theirs, reference.len() - at, true, true);
        columns
    }

    /// The column of base `position` of the haplotype.
    pub fn at(&self, position: usize) -> usize {
        self.of[position] as usize
    }

    /// Target position at or before (`false`) or at or behind (`true`) base `position` of the haplotype.
    pub fn near(&self, position: usize, behind: bool) -> usize {
        let at = self.at(position);
        let found = if behind {
            self.list[at..].iter().find_map(|c| c.target)
        } else {
            self.list[..=at].iter().rev().find_map(|c| c.target)
        };
        found.unwrap_or(0) as usize
    }

    /// True if the `flank` bases of the haplotype on either side of the border before `position` each have
    /// a partner, without a gap.
    pub fn smooth(&self, position: usize, flank: usize) -> bool {
        let (from, to) = (self.at(position - flank), self.at(position + flank - 1));
        to - from + 1 == 2 * flank && self.list[from..=to].iter().all(|c| c.own.is_some() && c.target.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_record_spell_both_sequences() {
        let reference = b"ACGTACGTACGT";
        let variants = [Variant::new(2, &["GT", "G", "GTT"], [1, 2]), Variant::new(6, &["G", "C"], [0, 1])];
        assert_eq!(sequence(reference, &variants, 0), b"ACGACGTACGT");
        assert_eq!(sequence(reference, &variants, 1), b"ACGTTACCTACGT");
        let c = Columns::new(reference, &variants, 0, Target::Haplotype(1));
        let pairs: Vec<_> = c.list[..8].iter().map(|c| (c.own, c.target)).collect();
        let gap = |t| (None, Some(t));
        assert_eq!(pairs[..3], [(Some(0), Some(0)), (Some(1), Some(1)), (Some(2), Some(2))]);
        assert_eq!(pairs[3..5], [gap(3), gap(4)]);
        assert_eq!(pairs[5], (Some(3), Some(5)));
        assert_eq!(c.list.iter().filter_map(|c| c.own).count(), 11);
        assert_eq!(c.list.iter().filter_map(|c| c.target).count(), 13);
    }
}
