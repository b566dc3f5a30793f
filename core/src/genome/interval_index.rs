//! Which of many intervals overlap a query interval, for queries in any order.

/// Intervals by contig, each with a number, for overlap queries.
#[derive(Clone, Debug, Default)]
pub struct IntervalIndex {
    contigs: Vec<Intervals>,
}

#[derive(Clone, Debug, Default)]
struct Intervals {
    /// Start, end (0-based half-open), number; sorted.
    list: Vec<(u64, u64, u32)>,
    /// The largest end up to and including each.
    furthest: Vec<u64>,
}

impl IntervalIndex {
    /// From contig (index), start, end (0-based half-open) and number of each interval, in any order.
    pub fn new(intervals: impl IntoIterator<Item = (usize, u64, u64, u32)>) -> Self {
        let mut contigs: Vec<Intervals> = Vec::new();
        for (contig, start, end, number) in intervals {
            if contigs.len() <= contig {
                contigs.resize_with(contig + 1, Intervals::default);
            }
            contigs[contig].list.push((start, end, number));
        }
        for intervals in &mut contigs {
            intervals.list.sort_unstable();
            let furthest = intervals.list.iter().scan(0, |furthest, i| {
                *furthest = i.1.max(*furthest);
                Some(*furthest)
            });
            intervals.furthest = furthest.collect();
        }
        Self { contigs }
    }

    /// Numbers of the intervals that overlap `start..end` (0-based half-open) of a contig, in order of start. An empty
    /// interval overlaps those that contain the bases on both sides of it.
    pub fn overlapping(&self, contig: usize, start: u64, end: u64) -> impl Iterator<Item = u32> + '_ {
        let (list, furthest): (&[_], &[_]) = self.contigs.get(contig).map_or((&[], &[]), |c| (&c.list, &c.furthest));
        let first = furthest.partition_point(|&r| r <= start);
        let overlaps = move |i: &&(u64, u64, u32)| i.1 > start;
        list[first..].iter().take_while(move |i| i.0 < end).filter(overlaps).map(|i| i.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn overlaps_equal_brute_force(
            list in prop::collection::vec((0usize..3, 0u64..60, 1u64..30), 0..30),
            contig in 0usize..4, start in 0u64..70, width in 1u64..20,
        ) {
            let of = |(i, (c, s, n)): (usize, &(usize, u64, u64))| (*c, *s, s + n, i as u32);
            let index = IntervalIndex::new(list.iter().enumerate().map(of));
            let mut found: Vec<u32> = index.overlapping(contig, start, start + width).collect();
            found.sort();
            let hit = |i: &usize| { let (c, s, n) = list[*i]; c == contig && s < start + width && start < s + n };
            let truth: Vec<u32> = (0..list.len()).filter(hit).map(|i| i as u32).collect();
            prop_assert_eq!(found, truth);
        }
    }
}
