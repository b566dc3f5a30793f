//! Which regions a variant belongs to.

use std::ops::Range;

use crate::io::regions::{Anchor, Region, Regions};

/// Regions of a genome, found by position.
pub struct RegionIndex {
    regions: Regions,
    /// For each contig the range of its regions in the list, which is sorted by contig and start.
    of_contig: Vec<Range<usize>>,
    /// For each region the furthest end up to and including it on its contig.
    reach: Vec<u64>,
}

impl RegionIndex {
    /// Index `regions`; contigs keep their numbers.
    pub fn new(regions: Regions) -> Self {
        let list = &regions.list;
        let first = |contig: usize| list.partition_point(|r| r.contig < contig);
        let of_contig: Vec<_> = (0..regions.contigs.len()).map(|contig| first(contig)..first(contig + 1)).collect();
        let mut reach = Vec::with_capacity(list.len());
        for range in &of_contig {
            reach.extend(list[range.clone()].iter().scan(0, |far, r| {
                *far = r.end.max(*far);
                Some(*far)
            }));
        }
        Self { regions, of_contig, reach }
    }

    /// The regions, sorted by contig, start and end.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Bases of the longest region, 0 without any.
    pub fn longest(&self) -> u64 {
        self.regions.list.iter().map(|r| r.end - r.start).max().unwrap_or(0)
    }

    /// The regions that overlap `start..end` (0-based half-open), the one whose anchor is nearest to `start` first; of
    /// several as near, the first in the sorted list.
    pub fn overlapping(&self, contig: usize, start: u64, end: u64, anchor: Anchor) -> Vec<&Region> {
        let mut near: Vec<&Region> = self.near(contig, start, end).collect();
        near.sort_by_key(|r| r.anchor(anchor).unwrap_or_else(|| r.middle()).abs_diff(start));
        near
    }

    /// Whether any region overlaps `span` (0-based half-open).
    pub fn overlaps(&self, contig: usize, span: &Range<u64>) -> bool {
        self.near(contig, span.start, span.end).next().is_some()
    }

    /// The regions that overlap `start..end`, sorted by start.
    fn near(&self, contig: usize, start: u64, end: u64) -> impl Iterator<Item = &Region> {
        let range = self.of_contig.get(contig).cloned().unwrap_or(0..0);
        let (list, reach) = (&self.regions.list[range.clone()], &self.reach[range]);
        let first = reach.partition_point(|&far| far <= start);
        list[first..].iter().take_while(move |r| r.start < end).filter(move |r| r.end > start)
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
    fn the_nearest_anchor_comes_first_and_ends_are_exclusive() {
        let index = RegionIndex::new(regions(&[(10, 20), (12, 100), (0, 500)]));
        let at = |start, end| -> Vec<_> {
            index.overlapping(1, start, end, Anchor::Middle).iter().map(|r| (r.start, r.end)).collect()
        };
        assert_eq!(at(16, 17), [(10, 20), (12, 100), (0, 500)]);
        assert_eq!(at(50, 51), [(12, 100), (0, 500)]);
        assert_eq!(at(499, 500), [(0, 500)]);
        assert_eq!(at(500, 501), []);
        assert!(index.overlapping(0, 16, 17, Anchor::Middle).is_empty());
        assert!(index.overlapping(9, 16, 17, Anchor::Middle).is_empty());
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
            let got: Vec<_> = index.overlapping(1, start, end, Anchor::Middle).iter().map(|r| (r.start, r.end)).collect();
            prop_assert_eq!(index.overlaps(1, &(start..end)), !all.is_empty());
            prop_assert_eq!(got, all);
        }
    }
}
