//! Counts of canonical k-mers.

/// Longest k: the features of both kinds are numbered by 16 bits.
pub const MAX_K: usize = 7;

/// The canonical k-mers of one length: a k-mer and its reverse complement are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Kmers {
    k: usize,
    /// Number of the canonical k-mer of each word of 2 bits per base.
    number: Vec<u16>,
    distinct: usize,
}

impl Kmers {
    /// `k` from 1 to [`MAX_K`]; others are clamped to this range.
    pub fn new(k: usize) -> Self {
        let k = k.clamp(1, MAX_K);
        let words = 1usize << (2 * k);
        let mut number = vec![u16::MAX; words];
        let mut distinct = 0;
        for word in 0..words {
            let reverse = (0..k).fold(0, |reverse, i| (reverse << 2) | (3 - ((word >> (2 * i)) & 3)));
            if number[word] == u16::MAX {
                (number[word], number[reverse]) = (distinct as u16, distinct as u16);
                distinct += 1;
            }
        }
        Self { k, number, distinct }
    }

    /// Length of a k-mer.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of canonical k-mers.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// The number of each k-mer of a sequence of byte codes (see [`crate::model::encode`]), from left to right, without
    /// those with N or padding.
    pub fn of<'a>(&'a self, codes: &'a [u8]) -> impl Iterator<Item = u16> + 'a {
        let mask = self.number.len() - 1;
        let (mut word, mut bases) = (0usize, 0usize);
        codes.iter().filter_map(move |&code| {
            if code > 3 {
                bases = 0;
                return None;
            }
            word = ((word << 2) | usize::from(code)) & mask;
            bases += 1;
            (bases >= self.k).then(|| self.number[word])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encode::encode;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, HashSet};

    #[test]
    fn both_strands_are_one() {
        // (4^k + palindromes) / 2, palindromes only for even k.
        for (k, distinct) in [(1, 2), (2, 10), (3, 32), (4, 136), (6, 2080), (7, 8192)] {
            let kmers = Kmers::new(k);
            assert_eq!(kmers.distinct(), distinct);
            let seen: HashSet<_> = kmers.number.iter().collect();
            assert_eq!(seen.len(), distinct);
        }
        assert_eq!((Kmers::new(0).k(), Kmers::new(99).k()), (1, MAX_K));
    }

    proptest! {
        #[test]
        fn a_sequence_and_its_reverse_complement_count_the_same(sequence in "[ACGTN]{0,60}", k in 1usize..8) {
            let kmers = Kmers::new(k);
            let reverse: String = sequence.chars().rev()
                .map(|c| match c { 'A' => 'T', 'C' => 'G', 'G' => 'C', 'T' => 'A', other => other }).collect();
            let count = |s: &str| {
                let mut counts = BTreeMap::new();
                for number in kmers.of(&encode(s.as_bytes(), 64).unwrap()) {
                    *counts.entry(number).or_insert(0) += 1;
                }
                counts
            };
            prop_assert_eq!(count(&sequence), count(&reverse));
            let whole = sequence.as_bytes().windows(k).filter(|w| !w.contains(&b'N')).count();
            prop_assert_eq!(count(&sequence).values().sum::<usize>(), whole);
        }
    }
}
