//! The alleles of a record, and the edit that one of them makes to the reference.

use std::ops::Index;

/// The alleles of a record, REF first, upper case. Short ones are stored inline: a mouse cross has 20 million records.
#[derive(Clone, PartialEq, Eq)]
pub struct Alleles(Joined);

#[derive(Clone, PartialEq, Eq)]
enum Joined {
    Short(u8, [u8; 14]),
    Long(Box<[u8]>),
}

impl Alleles {
    /// From `alleles`, which contain no comma.
    #[cfg(test)]
    pub(super) fn new(alleles: &[&[u8]]) -> Self {
        Self::joined(&alleles.join(&b',').to_ascii_uppercase())
    }

    /// From upper-case alleles separated by commas.
    pub(super) fn joined(joined: &[u8]) -> Self {
        if joined.len() <= 14 {
            let mut short = [0; 14];
            short[..joined.len()].copy_from_slice(joined);
            Alleles(Joined::Short(joined.len() as u8, short))
        } else {
            Alleles(Joined::Long(joined.into()))
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Joined::Short(n, bytes) => &bytes[..*n as usize],
            Joined::Long(bytes) => bytes,
        }
    }

    /// All alleles, REF first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes().split(|&b| b == b',')
    }

    /// Allele `i` (0 is REF), if there are that many.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        self.iter().nth(i)
    }

    /// Number of alleles, REF included.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Always false, since there is always REF.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl Index<usize> for Alleles {
    type Output = [u8];

    fn index(&self, i: usize) -> &[u8] {
        self.get(i).unwrap_or(b"")
    }
}

impl std::fmt::Debug for Alleles {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(self.bytes()))
    }
}

/// The bases that a haplotype has in place of reference `start..end`. Bases that both share are trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit<'a> {
    /// First replaced base, 0-based.
    pub start: u64,
    /// End of the replaced bases, 0-based exclusive; equal to `start` for an insertion.
    pub end: u64,
    /// The bases of the haplotype, upper case unless made otherwise; empty for a deletion.
    pub bases: &'a [u8],
}

impl<'a> Edit<'a> {
    /// `alternative` in place of `reference` at `start` (0-based), trimmed from the right and then from the left; `None`
    /// if they are equal.
    pub fn new(start: u64, reference: &[u8], alternative: &'a [u8]) -> Option<Self> {
        let right = reference.iter().rev().zip(alternative.iter().rev()).take_while(|(a, b)| a == b).count();
        let (r, a) = (&reference[..reference.len() - right], &alternative[..alternative.len() - right]);
        let left = r.iter().zip(a).take_while(|(x, y)| x == y).count();
        if left == r.len() && left == a.len() {
            return None;
        }
        Some(Self { start: start + left as u64, end: start + r.len() as u64, bases: &a[left..] })
    }
}
