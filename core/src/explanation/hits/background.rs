//! Sequences in which changes are placed at random: the user's own regions and dinucleotide-shuffled copies of them.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::choice::choice;
use crate::model::encode::ANY;
use crate::stats::shuffle::shuffle_dinucleotides;

choice!(
    /// Where changes are placed at random.
    Background, "background",
    /// In the regions, and in shuffled copies of them.
    Both "both",
    /// In the regions as they are.
    Regions "regions",
    /// In shuffled copies alone.
    Shuffled "shuffled",
);

/// Bases of a pool at most and at least, if there are regions enough or they are shuffled.
const LARGEST: usize = 1 << 20;
const SMALLEST: usize = 1 << 16;
/// Bases times motifs that are gone through.
const WORK: usize = 1 << 26;
/// Rounds of shuffling at most.
const ROUNDS: usize = 1 << 12;

/// Collects the sequences of a pool.
#[derive(Clone, Debug)]
pub struct PoolBuilder {
    background: Background,
    seed: u64,
    size: usize,
    every: usize,
    seen: usize,
    own: Vec<Vec<u8>>,
}

impl PoolBuilder {
    /// A pool for `motifs` motifs: about 2^26 bases over their number, and between 65,536 and 1,048,576. The regions
    /// are expected to have `bases` bases together; if they are more than half of the pool (all of it, without shuffled
    /// ones), every n-th is taken.
    pub fn new(background: Background, motifs: usize, bases: usize, seed: u64) -> Self {
        let size = (WORK / motifs.max(1)).clamp(SMALLEST, LARGEST);
        let share = if background == Background::Both { size / 2 } else { size };
        Self { background, seed, size, every: bases.div_ceil(share).max(1), seen: 0, own: Vec::new() }
    }

    /// Add the codes of a region, which may not be taken.
    pub fn add(&mut self, codes: &[u8]) {
        if self.seen.checked_rem(self.every) == Some(0) {
            self.own.push(codes.to_vec());
        }
        self.seen += 1;
    }

    /// The pool: regions first, then as many shuffled copies as it has room for.
    pub fn finish(self) -> Pool {
        let mut pool = Pool::default();
        if self.background != Background::Shuffled {
            self.own.iter().for_each(|codes| pool.push(codes));
        }
        if self.background != Background::Regions && self.own.iter().any(|codes| !codes.is_empty()) {
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            let copies = std::iter::repeat_n(&self.own, ROUNDS).flatten();
            for codes in copies {
                if pool.codes.len() >= self.size {
                    break;
                }
                pool.push(&shuffle_dinucleotides(codes, &mut random));
            }
        }
        pool
    }
}

/// Sequences one after the other.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    codes: Vec<u8>,
    /// Known bases from each place on, up to the end of its sequence.
    room: Vec<u32>,
    longest: usize,
}

impl Pool {
    fn push(&mut self, codes: &[u8]) {
        self.codes.extend(codes.iter().map(|code| (*code).min(ANY)));
        self.codes.push(ANY);
        let start = self.room.len();
        self.room.resize(self.codes.len(), 0);
        let mut known = 0;
        for (slot, code) in self.room[start..].iter_mut().zip(&self.codes[start..]).rev() {
            known = if *code < ANY { known + 1 } else { 0 };
            *slot = known;
        }
        self.longest = self.room[start..].iter().copied().max().unwrap_or(0).max(self.longest as u32) as usize;
    }

    /// Codes of all sequences, with N after each.
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// Known bases from each place on, up to the end of its sequence.
    pub fn room(&self) -> &[u32] {
        &self.room
    }

    /// The most known bases in a row.
    pub fn longest(&self) -> usize {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_regions_and_shuffled_ones() {
        let region: Vec<u8> = (0..300u32).map(|i| (i * i / 7 % 4) as u8).collect();
        let pool = |background, regions: usize| {
            let mut builder = PoolBuilder::new(background, 1 << 20, 300 * regions, 1);
            (0..regions).for_each(|_| builder.add(&region));
            builder.finish()
        };
        let both = pool(Background::Both, 3);
        assert!(both.codes().len() >= SMALLEST && both.codes().len() < SMALLEST + 400);
        assert_eq!(
            (&both.codes()[..300], both.room()[0], both.room()[299], both.room()[300]),
            (&region[..], 300, 1, 0)
        );
        assert_ne!(both.codes()[903..1203], region[..]);
        assert_eq!(pool(Background::Regions, 3).codes().len(), 903);
        assert_ne!(pool(Background::Shuffled, 3).codes()[..300], region[..]);
        // Of many, some: about half of the pool.
        let many = pool(Background::Both, 1000);
        let own = many.codes().chunks(301).filter(|chunk| chunk.starts_with(&region)).count();
        assert!((90..=110).contains(&own), "{own}");
        assert_eq!(PoolBuilder::new(Background::Both, 5, 0, 1).finish().longest(), 0);
    }
}
