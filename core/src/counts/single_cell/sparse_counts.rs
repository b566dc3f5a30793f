//! Memory-efficient counting by key: sorted keys with their counts, and a buffer that is merged into them when full.

/// Least number of keys in the buffer before it is merged.
const BUFFER: usize = 1 << 16;

/// The number of times each key was added. Takes the size of a key and four bytes for each distinct key, and at most half
/// as much again for the buffer.
#[derive(Clone, Debug)]
pub struct SparseCounts<K> {
    keys: Vec<K>,
    counts: Vec<u32>,
    buffer: Vec<K>,
}

impl<K> Default for SparseCounts<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), counts: Vec::new(), buffer: Vec::new() }
    }
}

impl<K: Ord + Copy> SparseCounts<K> {
    /// Count `key` once more.
    pub fn add(&mut self, key: K) {
        self.buffer.push(key);
        if self.buffer.len() >= BUFFER.max(self.keys.len() / 2) {
            self.merge();
        }
    }

    /// Append a key greater than all others, with its count.
    pub fn append(&mut self, key: K, count: u32) {
        debug_assert!(self.buffer.is_empty() && self.keys.last().is_none_or(|last| *last < key));
        self.keys.push(key);
        self.counts.push(count);
    }

    /// Merge the buffer into the sorted keys, from the back so that no second copy is needed.
    fn merge(&mut self) {
        self.buffer.sort_unstable();
        let old = self.keys.len();
        let mut fresh = 0;
        let mut i = 0;
        for run in self.buffer.chunk_by(|a, b| a == b) {
            i += self.keys[i..].partition_point(|k| *k < run[0]);
            fresh += (self.keys.get(i) != Some(&run[0])) as usize;
        }
        let Some(&any) = self.buffer.first() else { return };
        self.keys.reserve_exact(fresh);
        self.counts.reserve_exact(fresh);
        self.keys.resize(old + fresh, any);
        self.counts.resize(old + fresh, 0);
        let (mut from, mut to) = (old, old + fresh);
        for run in self.buffer.chunk_by(|a, b| a == b).rev() {
            while from > 0 && self.keys[from - 1] > run[0] {
                from -= 1;
                to -= 1;
                self.keys[to] = self.keys[from];
                self.counts[to] = self.counts[from];
            }
            let mut count = u32::try_from(run.len()).unwrap_or(u32::MAX);
            if from > 0 && self.keys[from - 1] == run[0] {
                from -= 1;
                count = count.saturating_add(self.counts[from]);
            }
            to -= 1;
            self.keys[to] = run[0];
            self.counts[to] = count;
        }
        self.buffer.clear();
    }

    /// Keys in order and the count of each, as of the last call of [`SparseCounts::sorted`].
    pub fn parts(&self) -> (&[K], &[u32]) {
        (&self.keys, &self.counts)
    }

    /// All keys in order, each with its count.
    pub fn sorted(&mut self) -> impl Iterator<Item = (K, u32)> + '_ {
        self.merge();
        self.buffer = Vec::new();
        self.keys.iter().copied().zip(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(keys in prop::collection::vec(0u64..40, 0..300), merges in prop::collection::vec(any::<bool>(), 300)) {
            let mut counts = SparseCounts::default();
            let mut map = BTreeMap::new();
            for (&key, &merge) in keys.iter().zip(&merges) {
                counts.add(key);
                if merge {
                    counts.merge();
                }
                *map.entry(key).or_insert(0u32) += 1;
            }
            prop_assert_eq!(counts.sorted().collect::<Vec<_>>(), map.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_full_buffer_is_merged_automatically() {
        let mut counts = SparseCounts::default();
        for i in 0..(3 * BUFFER as u64) {
            counts.add(i % 1000);
        }
        assert!(counts.buffer.len() < BUFFER);
        assert_eq!(counts.sorted().map(|(_, n)| n as usize).sum::<usize>(), 3 * BUFFER);
        assert_eq!(counts.sorted().count(), 1000);
    }
}
