//! Intervals to which reading is restricted, by contig name.

use std::collections::HashMap;

/// Sorted, disjoint intervals by contig.
#[derive(Clone, Debug, Default)]
pub struct Restriction(pub(super) Vec<(String, Vec<(i64, i64)>)>);

impl Restriction {
    /// From intervals (contig, start, end; 0-based half-open) in any order; those that overlap or touch are joined.
    /// Contigs keep the order of their first interval.
    pub fn new(intervals: impl IntoIterator<Item = (String, u64, u64)>) -> Self {
        let mut order: Vec<(String, Vec<(i64, i64)>)> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        let clip = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (contig, start, end) in intervals {
            let at = *index.entry(contig.clone()).or_insert_with(|| {
                order.push((contig, Vec::new()));
                order.len() - 1
            });
            order[at].1.push((clip(start), clip(end)));
        }
        for (_, list) in &mut order {
            list.sort_unstable();
            let mut joined: Vec<(i64, i64)> = Vec::with_capacity(list.len());
            for &(start, end) in list.iter() {
                match joined.last_mut() {
                    Some(last) if start <= last.1 => last.1 = last.1.max(end),
                    _ => joined.push((start, end)),
                }
            }
            *list = joined;
        }
        Self(order)
    }
}
