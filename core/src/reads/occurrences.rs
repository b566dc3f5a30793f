//! How often the sequences of reads occur in a genome, on either strand, by one pass over its FASTA.

use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use rayon::prelude::*;

use crate::error::Result;
use crate::genome::Reference;

/// Modulus of the hash, a prime: two different reads of 100 bases share a hash with a chance below 2^-54
/// (polynomial hash, Karp and Rabin 1987).
const PRIME: u64 = (1 << 61) - 1;
const BASE: u64 = 0x0f3c_95ad_27e1_64b9 % PRIME;
/// What stands for A, C, G and T.
const CODES: [u64; 4] = [0x1b87_3593_cc9e_2d51, 0x0c2b_2ae3_5a82_7999, 0x165f_7a3e_d9e8_aba1, 0x05eb_a6d4_1f83_d9ab];
/// Bases fetched at a time.
const PIECE: i64 = 1 << 18;

fn multiply(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    let sum = (product as u64 & PRIME) + (product >> 61) as u64;
    if sum >= PRIME {
        sum - PRIME
    } else {
        sum
    }
}

fn add(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME {
        sum - PRIME
    } else {
        sum
    }
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, base);
        }
        base = multiply(base, base);
        exponent >>= 1;
    }
    result
}

/// 0 to 3 for A, C, G, T; 4 for anything else.
const fn letters() -> [u8; 256] {
    let mut table = [4; 256];
    (table[b'A' as usize], table[b'C' as usize], table[b'G' as usize], table[b'T' as usize]) = (0, 1, 2, 3);
    table
}
const LETTERS: [u8; 256] = letters();

/// Hashes every stretch of a fixed length, the same for both strands.
#[derive(Clone)]
pub struct Hasher {
    length: usize,
    inverse: u64,
    /// What a base that leaves takes from the forward hash.
    leaving: [u64; 4],
    /// What a base that enters brings to the hash of the other strand.
    entering: [u64; 4],
}

/// A stretch under way.
#[derive(Clone, Copy, Default)]
struct Rolling {
    forward: u64,
    reverse: u64,
    /// Bases since the last letter that is none of ACGT.
    known: usize,
}

impl Hasher {
    /// For stretches of `length` bases, at least one.
    pub fn new(length: usize) -> Self {
        let top = power(BASE, length as u64);
        let last = power(BASE, length.saturating_sub(1) as u64);
        Self {
            length,
            inverse: power(BASE, PRIME - 2),
            leaving: CODES.map(|c| PRIME - multiply(c, top)),
            // The complement of code i is code 3 - i.
            entering: [3, 2, 1, 0].map(|i| multiply(CODES[i], last)),
        }
    }

    /// Add a base; `old` is the one `length` before it. Gives the hash of the stretch that ends here.
    fn roll(&self, state: &mut Rolling, new: u8, old: u8) -> Option<u64> {
        let new = LETTERS[new as usize] as usize;
        if new == 4 {
            *state = Rolling::default();
            return None;
        }
        state.forward = add(multiply(state.forward, BASE), CODES[new]);
        if state.known == self.length {
            let old = LETTERS[old as usize] as usize;
            if old == 4 {
                *state = Rolling::default();
                return None;
            }
            state.forward = add(state.forward, self.leaving[old]);
            state.reverse = add(state.reverse, PRIME - CODES[3 - old]);
            state.reverse = add(multiply(state.reverse, self.inverse), self.entering[new]);
        } else {
            // Grows from the front, each base at its power.
            let place = power(BASE, state.known as u64);
            state.reverse = add(state.reverse, multiply(CODES[3 - new], place));
            state.known += 1;
        }
        (state.known == self.length).then(|| state.forward.min(state.reverse))
    }

    /// The hash of a read of the length; None if it is of another or holds other letters than ACGT.
    pub fn hash(&self, read: &[u8]) -> Option<u64> {
        let mut state = Rolling::default();
        let last = read.iter().fold(None, |_, &base| self.roll(&mut state, base, b'N'));
        last.filter(|_| read.len() == self.length)
    }

    /// Call `found` with the hash of every stretch of `bases` that begins before `begins`.
    fn each(&self, bases: &[u8], begins: usize, found: &mut impl FnMut(u64)) {
        let mut state = Rolling::default();
        for (i, &new) in bases.iter().enumerate().take(begins + self.length - 1) {
            let old = i.checked_sub(self.length).map_or(b'N', |j| bases[j]);
            if let Some(hash) = self.roll(&mut state, new, old) {
                found(hash);
            }
        }
    }
}

/// The reads looked for, and how often each was found, up to 2.
pub struct Occurrences {
    hashes: Vec<u64>,
    found: Vec<AtomicU8>,
    /// One bit for each value of the hash's low bits that occurs: most stretches end here.
    filter: Vec<u64>,
    mask: u64,
}

impl Occurrences {
    /// Look for the reads of these hashes.
    pub fn new(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let bits = (hashes.len() as u64 * 16).next_power_of_two().max(64);
        let mut filter = vec![0u64; (bits / 64) as usize];
        let mask = bits - 1;
        for hash in &hashes {
            filter[((hash & mask) / 64) as usize] |= 1 << (hash % 64);
        }
        let found = hashes.iter().map(|_| AtomicU8::new(0)).collect();
        Self { hashes, found, filter, mask }
    }

    fn seen(&self, hash: u64) {
        if self.filter[((hash & self.mask) / 64) as usize] >> (hash % 64) & 1 == 0 {
            return;
        }
        if let Ok(i) = self.hashes.binary_search(&hash) {
            // Two are as good as any number, and then the order of threads does not matter.
            let _ = self.found[i].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < 2).then_some(n + 1));
        }
    }

    /// Go through the whole FASTA, a contig a thread of the current pool.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn scan(&self, fasta: &Path, hasher: &Hasher) -> Result<()> {
        let contigs = Reference::open(fasta)?.contigs().len();
        let one = |contig: usize| -> Result<()> {
            let mut own = Reference::open(fasta)?;
            let length = own.contigs().length(contig) as i64;
            let overlap = hasher.length as i64 - 1;
            let mut start = 0;
            while start < length {
                let bases = own.fetch(contig, start, (start + PIECE + overlap).min(length))?;
                hasher.each(&bases, PIECE as usize, &mut |hash| self.seen(hash));
                start += PIECE;
            }
            Ok(())
        };
        (0..contigs).into_par_iter().try_for_each(one)
    }

    /// How often a read occurs, 2 for twice or more.
    pub fn of(&self, hash: u64) -> u8 {
        self.hashes.binary_search(&hash).map_or(0, |i| self.found[i].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::reference::test_reference;
    use proptest::prelude::*;

    fn turned(read: &[u8]) -> Vec<u8> {
        read.iter()
            .rev()
            .map(|b| match b {
                b'A' => b'T',
                b'C' => b'G',
                b'G' => b'C',
                b'T' => b'A',
                other => *other,
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn occurrences_are_those_of_a_plain_search(
            contigs in prop::collection::vec(prop::collection::vec(0usize..9, 1..120), 1..3),
            reads in prop::collection::vec(prop::collection::vec(0usize..2, 5), 1..10),
        ) {
            // Two letters and an N now and then, so that reads occur often.
            let contigs: Vec<Vec<u8>> = contigs.iter().map(|c| c.iter().map(|i| b"AAAACCCCN"[*i]).collect()).collect();
            let reads: Vec<Vec<u8>> = reads.iter().map(|r| r.iter().map(|i| b"AC"[*i]).collect()).collect();
            let folder = tempfile::tempdir().unwrap();
            let names = ["a", "b"];
            let list: Vec<(&str, &[u8])> = contigs.iter().enumerate().map(|(i, c)| (names[i], &c[..])).collect();
            let reference = test_reference(folder.path(), &list);
            let hasher = Hasher::new(5);
            let occurrences = Occurrences::new(reads.iter().map(|r| hasher.hash(r).unwrap()).collect());
            occurrences.scan(reference.path(), &hasher).unwrap();
            for read in &reads {
                let other = turned(read);
                let n: usize = contigs.iter().map(|c| c.windows(5).filter(|w| *w == &read[..] || *w == &other[..]).count()).sum();
                prop_assert_eq!(occurrences.of(hasher.hash(read).unwrap()) as usize, n.min(2));
                prop_assert_eq!(hasher.hash(read), hasher.hash(&other));
            }
        }
    }

    #[test]
    fn pieces_of_a_long_contig_neither_lose_nor_double_a_read() {
        let folder = tempfile::tempdir().unwrap();
        let bases: Vec<u8> = (0..PIECE as u32 * 2 + 77)
            .map(|i| b"ACGT"[((i ^ (i >> 7)).wrapping_mul(2654435761) >> 13) as usize % 4])
            .collect();
        let reference = test_reference(folder.path(), &[("a", &bases)]);
        let hasher = Hasher::new(60);
        let piece = PIECE as usize;
        let starts = [0, 5, piece - 60, piece - 59, piece - 1, piece, piece + 1, 2 * piece + 17];
        let hashes: Vec<u64> = starts.iter().map(|&s| hasher.hash(&bases[s..s + 60]).unwrap()).collect();
        let occurrences = Occurrences::new(hashes.clone());
        occurrences.scan(reference.path(), &hasher).unwrap();
        let found: Vec<u8> = hashes.iter().map(|&h| occurrences.of(h)).collect();
        let truth = |s: usize| {
            let other = turned(&bases[s..s + 60]);
            bases.windows(60).filter(|w| *w == &bases[s..s + 60] || *w == &other[..]).count().min(2) as u8
        };
        assert_eq!(found, starts.map(truth));
        assert!(hasher.hash(b"ACGT").is_none());
    }
}
