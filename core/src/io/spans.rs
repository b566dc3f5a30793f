//! Intervals of contigs to which a run is restricted.

/// Sorted, disjoint intervals of contigs, 0-based half-open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(usize, u64, u64)>);

impl Spans {
    /// From intervals (contig, start, end) in any order. Those that overlap or touch are joined, empty ones dropped.
    pub fn new(list: impl IntoIterator<Item = (usize, u64, u64)>) -> Self {
        let mut list: Vec<_> = list.into_iter().filter(|s| s.1 < s.2).collect();
        list.sort_unstable();
        let mut joined: Vec<(usize, u64, u64)> = Vec::with_capacity(list.len());
        for (contig, start, end) in list {
            match joined.last_mut() {
                Some(last) if last.0 == contig && start <= last.2 => last.2 = last.2.max(end),
                _ => joined.push((contig, start, end)),
            }
        }
        Self(joined)
    }

    /// True if any interval shares a base with `start..end` of `contig`.
    pub fn overlap(&self, contig: usize, start: u64, end: u64) -> bool {
        // Disjoint and sorted, so the ends are sorted too.
        let first = self.0.partition_point(|s| (s.0, s.2) <= (contig, start));
        self.0.get(first).is_some_and(|s| s.0 == contig && s.1 < end)
    }

    /// Their contigs, each once.
    pub fn contigs(&self) -> Vec<usize> {
        let mut contigs: Vec<usize> = self.0.iter().map(|s| s.0).collect();
        contigs.dedup();
        contigs
    }

    /// The intervals, sorted.
    pub fn list(&self) -> &[(usize, u64, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn overlaps_equal_brute_force(
            list in prop::collection::vec((0..3usize, 0..40u64, 0..10u64), 0..8),
            asked in prop::collection::vec((0..4usize, 0..45u64, 1..8u64), 1..30),
        ) {
            let list: Vec<_> = list.into_iter().map(|(c, s, n)| (c, s, s + n)).collect();
            let spans = Spans::new(list.clone());
            for (contig, start, length) in asked {
                let end = start + length;
                let expected = list.iter().any(|s| s.0 == contig && s.1.max(start) < s.2.min(end));
                prop_assert_eq!(spans.overlap(contig, start, end), expected);
            }
            prop_assert!(spans.list().windows(2).all(|w| w[0].0 < w[1].0 || w[0].2 < w[1].1));
        }
    }
}
