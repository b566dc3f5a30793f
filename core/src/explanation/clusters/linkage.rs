//! Agglomerative clustering with complete linkage, cut at a threshold: the distance of two clusters is that of their
//! two most distant members, and the closest clusters are joined while their distance is below the threshold.
//!
//! # Why the pairs below the threshold are enough
//!
//! Clusters are joined at a distance below the threshold only if all pairs of members, one from each, have such a
//! distance. Pairs above it are not needed: they are those that are missing.
//!
//! Take the pairs in ascending order. When the last pair between two clusters has come, the distance of that pair is
//! the distance of the clusters, and no two clusters are closer, because those would have been joined before. So it
//! suffices to count the pairs that have come between each two clusters, and to join two clusters when the count is the
//! product of their sizes. This makes the same clusters as a search for the closest two at every step. It also makes no
//! difference where the pairs come from: [`condensed`] has all of them in memory, [`bounded`] computes them again, as
//! often as necessary, and keeps the smallest that fit.
//!
//! # Ties
//!
//! Pairs of equal distance are ordered by their first and then their second item. With this order all pairs are
//! different, so that the result is unique, and the same for both functions and at any number of threads.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::error::{Error, Result};

/// Rows whose pairs are computed at a time.
const ROWS: usize = 64;

/// A pair of items, `first < second`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pair {
    distance: f64,
    first: u32,
    second: u32,
}

impl Pair {
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let ties = (self.first, self.second).cmp(&(other.first, other.second));
        self.distance.total_cmp(&other.distance).then(ties)
    }
}

/// Clusters of `items` items from the distances of all pairs: (0, 1), (0, 2), ..., (1, 2), ... Returns the cluster of
/// each item; clusters are numbered from 0 in the order of their first items. A distance that is NaN is as one above
/// the threshold.
///
/// # Errors
/// The number of distances is not that of the pairs.
pub fn condensed(items: usize, distances: &[f64], threshold: f64) -> Result<Vec<u32>> {
    if distances.len() != items * items.saturating_sub(1) / 2 {
        return Err(Error::mismatch(format!("{} distances for the pairs of {items} items", distances.len())));
    }
    let all = (0..items as u32).flat_map(|first| (first + 1..items as u32).map(move |second| (first, second)));
    let mut pairs: Vec<Pair> = all
        .zip(distances)
        .map(|((first, second), distance)| Pair { distance: *distance, first, second })
        .filter(|pair| pair.distance < threshold)
        .collect();
    pairs.sort_unstable_by(Pair::order);
    let mut clusters = Clusters::new(items);
    pairs.iter().for_each(|pair| clusters.add(pair));
    Ok(clusters.labels())
}

/// The same clusters in bounded memory. `after(i)` gives the items after `i` whose distance from `i` is below the
/// threshold, and these distances, always the same ones; other items may be among them. At most `2 * most_pairs` pairs
/// (16 bytes each) and those of 64 items are kept at a time. If there are more pairs below the threshold, all distances
/// are computed once more for each `most_pairs` of them.
///
/// # Errors
/// `most_pairs` is 0.
pub fn bounded(
    items: usize,
    threshold: f64,
    most_pairs: usize,
    after: impl Fn(usize) -> Vec<(u32, f64)> + Sync,
) -> Result<Vec<u32>> {
    if most_pairs == 0 {
        return Err(Error::option("clustering needs memory for at least one pair"));
    }
    let mut clusters = Clusters::new(items);
    let mut last: Option<Pair> = None;
    loop {
        let mut smallest = Smallest { pairs: Vec::new(), most: most_pairs, dropped: false };
        for begin in (0..items).step_by(ROWS) {
            let rows: Vec<Vec<(u32, f64)>> = (begin..items.min(begin + ROWS)).into_par_iter().map(&after).collect();
            for (first, row) in (begin as u32..).zip(rows) {
                for (second, distance) in row {
                    let pair = Pair { distance, first, second };
                    if distance < threshold && last.is_none_or(|last| last.order(&pair).is_lt()) {
                        smallest.push(pair);
                    }
                }
            }
        }
        let all = smallest.finish();
        smallest.pairs.iter().for_each(|pair| clusters.add(pair));
        last = smallest.pairs.last().copied().or(last);
        if all {
            return Ok(clusters.labels());
        }
    }
}

/// The smallest `most` of all pairs pushed.
struct Smallest {
    pairs: Vec<Pair>,
    most: usize,
    dropped: bool,
}

impl Smallest {
    fn push(&mut self, pair: Pair) {
        self.pairs.push(pair);
        if self.pairs.len() >= 2 * self.most {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.pairs.len() > self.most {
            self.pairs.select_nth_unstable_by(self.most, Pair::order);
            self.pairs.truncate(self.most);
            self.dropped = true;
        }
    }

    /// Sort; true if these are all.
    fn finish(&mut self) -> bool {
        self.cut();
        self.pairs.sort_unstable_by(Pair::order);
        !self.dropped
    }
}

/// Clusters while pairs are added in ascending order.
struct Clusters {
    /// The item that stands for the cluster of each item, by way of others.
    parent: Vec<u32>,
    sizes: Vec<u64>,
    /// For the item that stands for a cluster: pairs added between it and other clusters.
    between: Vec<HashMap<u32, u64>>,
}

impl Clusters {
    fn new(items: usize) -> Self {
        Self { parent: (0..items as u32).collect(), sizes: vec![1; items], between: vec![HashMap::new(); items] }
    }

    fn find(&mut self, mut item: u32) -> u32 {
        while self.parent[item as usize] != item {
            let above = self.parent[self.parent[item as usize] as usize];
            self.parent[item as usize] = above;
            item = above;
        }
        item
    }

    fn add(&mut self, pair: &Pair) {
        let (a, b) = (self.find(pair.first), self.find(pair.second));
        let count = self.between[a as usize].get(&b).copied().unwrap_or(0) + 1;
        if count == self.sizes[a as usize] * self.sizes[b as usize] {
            self.join(a, b);
        } else {
            self.between[a as usize].insert(b, count);
            self.between[b as usize].insert(a, count);
        }
    }

    fn join(&mut self, a: u32, b: u32) {
        // The fewer counts are moved.
        let fewer = |c: u32| self.between[c as usize].len();
        let (a, b) = if fewer(a) < fewer(b) { (b, a) } else { (a, b) };
        self.parent[b as usize] = a;
        self.sizes[a as usize] += self.sizes[b as usize];
        self.between[a as usize].remove(&b);
        for (other, count) in std::mem::take(&mut self.between[b as usize]) {
            if other == a {
                continue;
            }
            let sum = self.between[a as usize].get(&other).copied().unwrap_or(0) + count;
            self.between[a as usize].insert(other, sum);
            let of_other = &mut self.between[other as usize];
            of_other.remove(&b);
            of_other.insert(a, sum);
        }
    }

    fn labels(mut self) -> Vec<u32> {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        (0..self.parent.len() as u32)
            .map(|item| {
                let cluster = self.find(item);
                let next = numbers.len() as u32;
                *numbers.entry(cluster).or_insert(next)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Labels in the order of first items.
    fn numbered(clusters: &[usize]) -> Vec<u32> {
        let mut numbers: HashMap<usize, u32> = HashMap::new();
        clusters
            .iter()
            .map(|c| {
                let next = numbers.len() as u32;
                *numbers.entry(*c).or_insert(next)
            })
            .collect()
    }

    /// The dendrogram of kodama, cut.
    fn oracle(items: usize, distances: &[f64], threshold: f64) -> Vec<u32> {
        let mut matrix = distances.to_vec();
        let dendrogram = kodama::linkage(&mut matrix, items, kodama::Method::Complete);
        let mut cluster: Vec<usize> = (0..items).collect();
        let mut members: Vec<Vec<usize>> = (0..items).map(|i| vec![i]).collect();
        for (number, step) in dendrogram.steps().iter().enumerate() {
            let joined = [members[step.cluster1].clone(), members[step.cluster2].clone()].concat();
            if step.dissimilarity < threshold {
                joined.iter().for_each(|item| cluster[*item] = items + number);
            }
            members.push(joined);
        }
        numbered(&cluster)
    }

    /// Join the closest two clusters, found again at every step, until none are close; ties as documented.
    fn naive(items: usize, distances: &[f64], threshold: f64) -> Vec<u32> {
        let place = |i: usize, j: usize| i * items - i * (i + 1) / 2 + j - i - 1;
        let mut clusters: Vec<Vec<usize>> = (0..items).map(|i| vec![i]).collect();
        loop {
            let mut closest: Option<(Pair, usize, usize)> = None;
            for a in 0..clusters.len() {
                for b in a + 1..clusters.len() {
                    let cross =
                        clusters[a].iter().flat_map(|i| clusters[b].iter().map(move |j| (*i.min(j), *i.max(j))));
                    let pair = |(i, j): (usize, usize)| Pair {
                        distance: distances[place(i, j)],
                        first: i as u32,
                        second: j as u32,
                    };
                    let farthest = cross.map(pair).max_by(Pair::order).unwrap();
                    if closest.as_ref().is_none_or(|(least, ..)| farthest.order(least).is_lt()) {
                        closest = Some((farthest, a, b));
                    }
                }
            }
            match closest {
                Some((pair, a, b)) if pair.distance < threshold => {
                    let moved = clusters.remove(b);
                    clusters[a].extend(moved);
                }
                _ => break,
            }
        }
        let mut of_item = vec![0; items];
        clusters.iter().enumerate().for_each(|(c, members)| members.iter().for_each(|i| of_item[*i] = c));
        numbered(&of_item)
    }

    fn from_rows(items: usize, distances: &[f64], threshold: f64, most_pairs: usize) -> Vec<u32> {
        let after = |i: usize| -> Vec<(u32, f64)> {
            let begin = i * items - i * (i + 1) / 2;
            (i as u32 + 1..items as u32).zip(distances[begin..begin + items - i - 1].iter().copied()).collect()
        };
        bounded(items, threshold, most_pairs, after).unwrap()
    }

    #[test]
    fn few_items() {
        assert!(condensed(0, &[], 1.0).unwrap().is_empty());
        assert_eq!(condensed(1, &[], 1.0).unwrap(), [0]);
        assert_eq!(condensed(2, &[0.5], 0.5).unwrap(), [0, 1]);
        assert_eq!(condensed(2, &[0.5], 0.6).unwrap(), [0, 0]);
        assert_eq!(condensed(2, &[f64::NAN], 0.6).unwrap(), [0, 1]);
        // 1 and 2 are close to 0, but not to each other: the closer one joins.
        assert_eq!(condensed(3, &[0.2, 0.1, 0.9], 0.5).unwrap(), [0, 1, 0]);
        // As close: the first pair joins.
        assert_eq!(condensed(3, &[0.1, 0.1, 0.9], 0.5).unwrap(), [0, 0, 1]);
        assert!(condensed(3, &[0.1], 0.5).is_err());
        assert!(bounded(3, 0.5, 0, |_| Vec::new()).is_err());
        assert!(bounded(0, 0.5, 9, |_| Vec::new()).unwrap().is_empty());
    }

    /// Points in a square, so that distances have the structure of clusters.
    fn distances_of(points: &[(f64, f64)]) -> Vec<f64> {
        let pairs = (0..points.len()).flat_map(|i| (i + 1..points.len()).map(move |j| (i, j)));
        pairs.map(|(i, j)| (points[i].0 - points[j].0).hypot(points[i].1 - points[j].1)).collect()
    }

    proptest! {
        #[test]
        fn partitions_are_those_of_kodama(
            points in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0), 1..60),
            threshold in 0.0f64..1.0,
            most_pairs in 1usize..400,
        ) {
            let distances = distances_of(&points);
            let mut sorted = distances.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assume!(sorted.windows(2).all(|two| two[0] != two[1]));
            let truth = oracle(points.len(), &distances, threshold);
            prop_assert_eq!(&condensed(points.len(), &distances, threshold).unwrap(), &truth);
            prop_assert_eq!(&from_rows(points.len(), &distances, threshold, most_pairs), &truth);
        }

        #[test]
        fn random_distances_without_geometry(
            (items, distances) in (1usize..30).prop_flat_map(|n| {
                (Just(n), prop::collection::vec(0.0f64..1.0, n * (n - 1) / 2))
            }),
            threshold in 0.0f64..1.0,
        ) {
            let truth = oracle(items, &distances, threshold);
            prop_assert_eq!(&condensed(items, &distances, threshold).unwrap(), &truth);
            prop_assert_eq!(&naive(items, &distances, threshold), &truth);
        }

        /// Many equal distances: the documented order decides, whatever fits into memory.
        #[test]
        fn ties_are_decided_by_the_order_of_pairs(
            (items, distances) in (1usize..20).prop_flat_map(|n| {
                (Just(n), prop::collection::vec((0u8..5).prop_map(f64::from), n * (n - 1) / 2))
            }),
            threshold in 0u8..6,
            most_pairs in 1usize..40,
        ) {
            let threshold = f64::from(threshold);
            let truth = naive(items, &distances, threshold);
            prop_assert_eq!(&condensed(items, &distances, threshold).unwrap(), &truth);
            prop_assert_eq!(&from_rows(items, &distances, threshold, most_pairs), &truth);
        }
    }
}
