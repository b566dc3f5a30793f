//! Which regions a variant belongs to.

use crate::io::regions::{Region, Regions};

/// Regions of a genome, found by position.
pub struct RegionIndex {
    /// By contig, sorted by start.
    list: Vec<Vec<Region>>,
    /// For each region the furthest end up to and including it.
    reach: Vec<Vec<u64>>,
}

impl RegionIndex {
    /// Index `regions`; contigs keep their numbers.
    pub fn new(regions: Regions) -> Self {
        let mut list: Vec<Vec<Region>> = Vec::new();
        list.resize_with(regions.contigs.len(), Vec::new);
        for region in regions.list {
            if let Some(contig) = list.get_mut(region.contig) {
                contig.push(region);
            }
        }
        let reach = list.iter_mut().map(|contig| {
            contig.sort_by_key(|r| (r.start, r.end));
            let furthest = contig.iter().scan(0, |far, r| {
                *far = r.end.max(*far);
                Some(*far)
            });
            furthest.collect()
        });
        let reach = reach.collect();
        Self { list, reach }
    }

    /// Bases of the longest region, 0 without any.
    pub fn longest(&self) -> u64 {
        self.list.iter().flatten().map(|r| r.end - r.start).max().unwrap_or(0)
    }

    /// The regions that overlap `start..end` (0-based half-open), the one whose centre is nearest to `start` first;
    /// of several as near, the first in the sorted list.
    pub fn overlapping(&self, contig: usize, start: u64, end: u64) -> Vec<&Region> {
        let Some((list, reach)) = self.list.get(contig).zip(self.reach.get(contig)) else { return Vec::new() };
        let first = reach.partition_point(|&far| far <= start);
        let near = list[first..].iter().take_while(|r| r.start < end).filter(|r| r.end > start);
        let mut near: Vec<&Region> = near.collect();
        near.sort_by_key(|r| r.centre().abs_diff(start));
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::regions::bed::test_region;
    use crate::io::Contigs;
    use proptest::prelude::*;

    fn regions(spans: &[(u64, u64)]) -> Regions {
        let contigs = Contigs::new(vec![("1".into(), 1000), ("2".into(), 1000)]);
        let region = |&(start, end): &(u64, u64)| test_region(1, start, end);
        Regions::from_list(contigs, spans.iter().map(region).collect())
    }

    #[test]
    fn the_nearest_centre_comes_first_and_ends_are_exclusive() {
        let index = RegionIndex::new(regions(&[(10, 20), (12, 100), (0, 500)]));
        let at = |start, end| -> Vec<_> { index.overlapping(1, start, end).iter().map(|r| (r.start, r.end)).collect() };
        assert_eq!(at(16, 17), [(10, 20), (12, 100), (0, 500)]);
        assert_eq!(at(50, 51), [(12, 100), (0, 500)]);
        assert_eq!(at(499, 500), [(0, 500)]);
        assert_eq!(at(500, 501), []);
        assert!(index.overlapping(0, 16, 17).is_empty());
        assert!(index.overlapping(9, 16, 17).is_empty());
    }

    proptest! {
        #[test]
        fn the_same_as_looking_at_every_region(
            spans in prop::collection::vec((0u64..200, 1u64..80), 0..20), start in 0u64..260, length in 1u64..9
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(s, n)| (s, s + n)).collect();
            let index = RegionIndex::new(regions(&spans));
            let end = start + length;
            let mut all: Vec<_> = spans.into_iter().filter(|(s, e)| *s < end && *e > start).collect();
            all.sort_by_key(|(s, e)| ((s + (e - s) / 2).abs_diff(start), *s, *e));
            let got: Vec<_> = index.overlapping(1, start, end).iter().map(|r| (r.start, r.end)).collect();
            prop_assert_eq!(got, all);
        }
    }
}
