//! Other loci of a genome that reads match as well as their own, found in one pass over its FASTA.
//!
//! A locus that differs from a read in at most one base matches one half of the read exactly. So the hash of every half
//! of every read is looked up during the pass, and at each hit the rest is compared without gaps, on both strands. Loci
//! with more mismatches are found if half of the read lies between the mismatches.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::error::Result;
use crate::io::fasta::Reference;

/// Modulus of the hash, a prime (polynomial hash, Karp and Rabin 1987). Hits are compared base by base.
const PRIME: u64 = (1 << 61) - 1;
const BASE: u64 = 0x0f3c_95ad_27e1_64b9;
/// Values of A, C, G and T in the hash.
const CODES: [u64; 4] = [0x1b87_3593_cc9e_2d51, 0x0c2b_2ae3_5a82_7999, 0x165f_7a3e_d9e8_aba1, 0x05eb_a6d4_1f83_d9ab];
/// Bases fetched at a time.
const FETCHED: i64 = 1 << 18;
/// Shorter seeds would match everywhere.
const MIN_SEED: usize = 20;

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

/// 0 to 3 for A, C, G, T; 4 for anything else.
const fn letters() -> [u8; 256] {
    let mut table = [4; 256];
    (table[b'A' as usize], table[b'C' as usize], table[b'G' as usize], table[b'T' as usize]) = (0, 1, 2, 3);
    table
}
const LETTERS: [u8; 256] = letters();

/// Call `found` with the first base and the hash of every run of `length` bases ACGT.
fn each_hash(bases: &[u8], length: usize, found: &mut impl FnMut(usize, u64)) {
    let top = (0..length).fold(1, |p, _| multiply(p, BASE));
    let leaving = CODES.map(|c| PRIME - multiply(c, top));
    let (mut hash, mut known) = (0, 0);
    for (i, &base) in bases.iter().enumerate() {
        let code = LETTERS[base as usize] as usize;
        if code == 4 {
            (hash, known) = (0, 0);
            continue;
        }
        hash = add(multiply(hash, BASE), CODES[code]);
        known += 1;
        if known > length {
            hash = add(hash, leaving[LETTERS[bases[i - length] as usize] as usize & 3]);
        }
        if known >= length {
            found(i + 1 - length, hash);
        }
    }
}

fn reverse_complement(bases: &[u8]) -> Vec<u8> {
    let complement = |b: &u8| match b {
        b'A' => b'T',
        b'C' => b'G',
        b'G' => b'C',
        b'T' => b'A',
        other => *other,
    };
    bases.iter().rev().map(complement).collect()
}

/// True for two equal bases of ACGT.
fn same(a: u8, b: u8) -> bool {
    a == b && LETTERS[a as usize] < 4
}

/// Reads of one length that start at consecutive bases of a haplotype.
pub struct ReadWindow {
    /// The bases of all reads, and their reverse complement.
    bases: [Vec<u8>; 2],
    /// Their own locus: contig in the FASTA, start, end (0-based half-open).
    locus: (usize, u64, u64),
    /// For each read, the mismatches up to which another locus counts.
    allowed: Vec<u32>,
    found: Vec<AtomicBool>,
}

impl ReadWindow {
    /// Reads that start at each of the first bases of `bases`, one for each of `allowed`, the mismatches up to which
    /// another locus counts. Matches on the forward strand within `locus` (contig in the FASTA, start, end, 0-based
    /// half-open) do not count.
    pub fn new(bases: &[u8], locus: (usize, u64, u64), allowed: Vec<u32>) -> Self {
        let found = allowed.iter().map(|_| AtomicBool::new(false)).collect();
        Self { bases: [bases.to_vec(), reverse_complement(bases)], locus, allowed, found }
    }

    /// True if another locus was found for read `i`.
    pub fn is_multimapping(&self, i: usize) -> bool {
        self.found.get(i).is_some_and(|f| f.load(Ordering::Relaxed))
    }

    /// Number of reads.
    pub fn reads(&self) -> usize {
        self.allowed.len()
    }

    /// Compare with `fasta`, base `at` of the window (of its reverse complement if `side` is 1) aligned to base `there`,
    /// the first of a run of equal bases, and mark the reads with a base of the run that match.
    fn compare(&self, side: usize, at: usize, fasta: &[u8], there: usize, length: usize) {
        let bases = &self.bases[side];
        let run = bases[at..].iter().zip(&fasta[there..]).take_while(|(a, b)| same(**a, **b)).count();
        // A read that would extend beyond an end of the contig does not match.
        let from = (at + 1).saturating_sub(length).max(at.saturating_sub(there));
        let to = (at + run + length - 1).min(bases.len()).min(at + fasta.len() - there);
        let aligned = &fasta[there + from - at..];
        let differs: Vec<u32> = bases[from..to].iter().zip(aligned).map(|(a, b)| (a != b) as u32).collect();
        let Some(last) = differs.len().checked_sub(length) else { return };
        let mut n: u32 = differs[..length].iter().sum();
        for f in 0..=last {
            if f > 0 {
                n = n + differs[f + length - 1] - differs[f - 1];
            }
            let read = if side == 0 { from + f } else { bases.len() - length - from - f };
            if self.allowed.get(read).is_some_and(|most| n <= *most) {
                // One locus is enough, so the order of threads does not matter.
                self.found[read].store(true, Ordering::Relaxed);
            }
        }
    }
}

/// Half of a read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seed {
    hash: u64,
    window: u32,
    /// First base in the window, times 2, plus 1 in the reverse complement.
    at: u32,
}

/// Search the whole FASTA for other loci of the reads, of `length` bases, of all `windows`. Contigs are distributed over
/// the threads of the current pool.
///
/// # Errors
/// A FASTA that cannot be read.
pub fn find_multimapping(fasta: &Path, windows: &[ReadWindow], length: usize) -> Result<()> {
    let seed = (length / 2).max(MIN_SEED.min(length));
    let of_window = |(number, window): (usize, &ReadWindow)| {
        let mut seeds = Vec::new();
        for side in 0..2 {
            each_hash(&window.bases[side], seed, &mut |at, hash| {
                seeds.push(Seed { hash, window: number as u32, at: (at as u32) << 1 | side as u32 });
            });
        }
        seeds
    };
    let mut seeds: Vec<Seed> = windows.par_iter().enumerate().flat_map_iter(of_window).collect();
    seeds.par_sort_unstable();
    // One bit for each value of the hash's low bits that occurs: it excludes most positions of the FASTA.
    let bits = (seeds.len() as u64 * 16).next_power_of_two().max(64);
    let mut filter = vec![0u64; (bits / 64) as usize];
    for s in &seeds {
        filter[((s.hash & (bits - 1)) / 64) as usize] |= 1 << (s.hash % 64);
    }
    let longest = windows.iter().map(|w| w.bases[0].len()).max().unwrap_or(0);
    let margin = (longest + length) as i64;
    let contigs = Reference::open(fasta)?.contigs().len();
    let one = |contig: usize| -> Result<()> {
        let mut own = Reference::open(fasta)?;
        let end = own.contigs().length(contig) as i64;
        let mut start = 0;
        while start < end {
            // With a margin as long as a window on either side.
            let first = (start - margin).max(0);
            let bases = own.fetch(contig, first, (start + FETCHED + margin).min(end))?;
            let inner = (start - first) as usize..(start - first + FETCHED) as usize;
            each_hash(&bases, seed, &mut |there, hash| {
                if filter[((hash & (bits - 1)) / 64) as usize] >> (hash % 64) & 1 == 0 || !inner.contains(&there) {
                    return;
                }
                let hits = &seeds[seeds.partition_point(|s| s.hash < hash)..];
                for s in hits.iter().take_while(|s| s.hash == hash) {
                    let (window, side, at) = (&windows[s.window as usize], (s.at & 1) as usize, (s.at >> 1) as usize);
                    let position = first as u64 + there as u64;
                    let (own_contig, from, to) = window.locus;
                    if side == 0 && own_contig == contig && (from..to).contains(&position) {
                        continue;
                    }
                    // Once per run of equal bases, at its first.
                    let continued = at > 0 && there > 0 && same(window.bases[side][at - 1], bases[there - 1]);
                    if !continued {
                        window.compare(side, at, &bases, there, length);
                    }
                }
            });
            start += FETCHED;
        }
        Ok(())
    };
    (0..contigs).into_par_iter().try_for_each(one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::fasta::reference::test_reference;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn loci_equal_those_of_an_exhaustive_search(
            seed: u64,
            copies in prop::collection::vec((0usize..900, 0usize..160, prop::collection::vec(0usize..120, 0..3), any::<bool>()), 0..4),
            allowed in 0u32..2,
        ) {
            let mut random = seed;
            let mut base = || {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                b"ACGT"[(random >> 60) as usize % 4]
            };
            let window: Vec<u8> = (0..200).map(|_| base()).collect();
            let mut genome: Vec<u8> = (0..1200).map(|_| base()).collect();
            // Parts of the window are copied to other loci, with substitutions, on either strand.
            for (at, from, changes, reverse) in &copies {
                let mut copy = window[*from..(from + 120).min(200)].to_vec();
                for c in changes {
                    if let Some(b) = copy.get_mut(*c) {
                        *b = if *b == b'A' { b'C' } else { b'A' };
                    }
                }
                let copy = if *reverse { reverse_complement(&copy) } else { copy };
                genome[*at..at + copy.len()].copy_from_slice(&copy);
            }
            let folder = tempfile::tempdir().unwrap();
            let reference = test_reference(folder.path(), &[("x", b"ACGTN"), ("a", &genome)]);
            let length = 44;
            let windows = [ReadWindow::new(&window, (0, 0, 5), vec![allowed; 200 - length + 1])];
            find_multimapping(reference.path(), &windows, length).unwrap();
            for f in 0..=200 - length {
                let read = &window[f..f + length];
                let back = reverse_complement(read);
                let fits = |w: &[u8]| [read, &back].iter().any(|r| w.iter().zip(*r).filter(|(a, b)| a != b).count() <= allowed as usize);
                prop_assert_eq!(windows[0].is_multimapping(f), genome.windows(length).any(fits), "read {}", f);
            }
        }
    }

    #[test]
    fn long_contigs_are_searched_completely_and_the_own_locus_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = 5u64;
        let bases: Vec<u8> = (0..FETCHED * 2 + 77)
            .map(|_| {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                b"ACGT"[(random >> 60) as usize % 4]
            })
            .collect();
        let reference = test_reference(folder.path(), &[("a", &bases)]);
        let end = FETCHED as usize;
        let starts = [0, 5, end - 60, end - 59, end - 30, end - 1, end, end + 1, 2 * end + 17];
        let window = |own: bool, s: usize| {
            let locus = if own { (0, s as u64, s as u64 + 60) } else { (0, 0, 0) };
            ReadWindow::new(&bases[s..s + 60], locus, vec![1])
        };
        for own in [false, true] {
            let windows: Vec<ReadWindow> = starts.iter().map(|&s| window(own, s)).collect();
            find_multimapping(reference.path(), &windows, 60).unwrap();
            let found: Vec<bool> = windows.iter().map(|w| w.is_multimapping(0)).collect();
            assert_eq!(found, [!own; 9]);
        }
    }
}
