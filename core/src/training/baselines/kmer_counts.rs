//! Counts of k-mers, both strands taken as one.

/// Longest k: features of both kinds must be numbered by 16 bits.
pub const MAX_K: usize = 7;

/// The k-mers of a length, a k-mer and its reverse complement being one.
#[derive(Clone, Debug, PartialEq)]
pub struct Kmers {
    k: usize,
    /// Number of the canonical k-mer of each word of 2 bits a base.
    number: Vec<u16>,
    distinct: usize,
}

impl Kmers {
    /// `k` from 1 to [`MAX_K`]; others are moved to the nearest.
    pub fn new(k: usize) -> Self {
        let k = k.clamp(1, MAX_K);
        let words = 1usize << (2 * k);
        let mut number = vec![u16::MAX; words];
        let mut distinct = 0;
        for word in 0..words {
            let turned = (0..k).fold(0, |turned, i| (turned << 2) | (3 - ((word >> (2 * i)) & 3)));
            if number[word] == u16::MAX {
                (number[word], number[turned]) = (distinct as u16, distinct as u16);
                distinct += 1;
            }
        }
        Self { k, number, distinct }
    }

    /// Length of a k-mer.
    pub fn k(&self) -> usize {
        self.k
    }

    /// How many there are.
    pub fn distinct(&self) -> usize {
        self.distinct
    }

    /// The number of each k-mer of a sequence of byte codes (see [`crate::model::encode`]), from left to right.
    /// Those that hold no base (N, padding) are left out.
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
            let turned: String = sequence.chars().rev()
                .map(|c| match c { 'A' => 'T', 'C' => 'G', 'G' => 'C', 'T' => 'A', other => other }).collect();
            let count = |s: &str| {
                let mut counts = BTreeMap::new();
                for number in kmers.of(&encode(s.as_bytes(), 64).unwrap()) {
                    *counts.entry(number).or_insert(0) += 1;
                }
                counts
            };
            prop_assert_eq!(count(&sequence), count(&turned));
            let whole = sequence.as_bytes().windows(k).filter(|w| !w.contains(&b'N')).count();
            prop_assert_eq!(count(&sequence).values().sum::<usize>(), whole);
        }
    }
}
