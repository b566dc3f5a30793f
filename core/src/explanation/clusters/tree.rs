//! A tree of a few items by average linkage: the distance of two clusters is the mean over pairs of members, one from
//! each (UPGMA, Sokal and Michener 1958).

use crate::error::{Error, Result};

/// Two clusters joined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joined {
    /// Numbers of the clusters: items first, then the clusters in the order in which they were made.
    pub clusters: [usize; 2],
    /// Their distance.
    pub distance: f64,
}

/// A binary tree of items.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    items: usize,
    /// One less than items, in the order in which they were made: distances ascend.
    pub joined: Vec<Joined>,
}

impl Tree {
    /// Of `items` items from the distances of all pairs, (0, 1), (0, 2), ..., (1, 2), ... Of equally close clusters those
    /// with the smallest first items are joined, and the one with the smaller first item is first. Time grows with the cube of the number of
    /// items.
    ///
    /// # Errors
    /// The number of distances is not that of the pairs, or one of them is NaN.
    pub fn average_linkage(items: usize, distances: &[f64]) -> Result<Self> {
        if distances.len() != items * items.saturating_sub(1) / 2 || distances.iter().any(|d| d.is_nan()) {
            return Err(Error::mismatch(format!("{} distances for the pairs of {items} items", distances.len())));
        }
        let mut between = vec![vec![0.0; items]; items];
        let all = (0..items).flat_map(|first| (first + 1..items).map(move |second| (first, second)));
        for ((first, second), distance) in all.zip(distances) {
            between[first][second] = *distance;
            between[second][first] = *distance;
        }
        // The clusters by their first items: number, size.
        let mut clusters: Vec<Option<(usize, usize)>> = (0..items).map(|item| Some((item, 1))).collect();
        let mut joined = Vec::with_capacity(items.saturating_sub(1));
        for number in items..(2 * items).saturating_sub(1) {
            let mut closest: Option<(usize, usize, f64)> = None;
            for first in 0..items {
                for second in first + 1..items {
                    let distance = between[first][second];
                    let exist = clusters[first].is_some() && clusters[second].is_some();
                    if exist && closest.is_none_or(|(.., least)| distance < least) {
                        closest = Some((first, second, distance));
                    }
                }
            }
            let Some((first, second, distance)) = closest else { break };
            let (Some((one, size)), Some((two, other_size))) = (clusters[first], clusters[second].take()) else {
                break;
            };
            clusters[first] = Some((number, size + other_size));
            joined.push(Joined { clusters: [one, two], distance });
            let members = (size + other_size) as f64;
            let mean = |(own, others): (&f64, &f64)| (own * size as f64 + others * other_size as f64) / members;
            let means: Vec<f64> = between[first].iter().zip(&between[second]).map(mean).collect();
            for (other, mean) in means.into_iter().enumerate() {
                between[first][other] = mean;
                between[other][first] = mean;
            }
        }
        Ok(Self { items, joined })
    }

    /// The items in an order in which the tree can be drawn without crossings.
    pub fn order(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.items);
        let mut open: Vec<usize> = (self.items + self.joined.len()).checked_sub(1).into_iter().collect();
        while let Some(cluster) = open.pop() {
            match cluster.checked_sub(self.items) {
                None => order.push(cluster),
                Some(number) => open.extend(self.joined[number].clusters.iter().rev()),
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn items_are_joined_at_mean_distances() {
        // 0 and 2 are close, 1 is at 3 and 5 from them.
        let tree = Tree::average_linkage(3, &[3.0, 1.0, 5.0]).unwrap();
        let joined = |clusters, distance| Joined { clusters, distance };
        assert_eq!(tree.joined, [joined([0, 2], 1.0), joined([3, 1], 4.0)]);
        assert_eq!(tree.order(), [0, 2, 1]);
        for (items, order) in [(0, vec![]), (1, vec![0])] {
            assert_eq!(Tree::average_linkage(items, &[]).unwrap().order(), order);
        }
        assert!(Tree::average_linkage(3, &[1.0]).is_err() && Tree::average_linkage(2, &[f64::NAN]).is_err());
    }

    proptest! {
        #[test]
        fn distances_are_those_of_kodama(
            (items, distances) in (2usize..25).prop_flat_map(|n| {
                (Just(n), prop::collection::vec(0.0f64..1.0, n * (n - 1) / 2))
            }),
        ) {
            let tree = Tree::average_linkage(items, &distances).unwrap();
            let truth = kodama::linkage(&mut distances.clone(), items, kodama::Method::Average);
            for (own, step) in tree.joined.iter().zip(truth.steps()) {
                prop_assert!((own.distance - step.dissimilarity).abs() < 1e-9);
                let mut clusters = own.clusters;
                clusters.sort();
                prop_assert_eq!(clusters, [step.cluster1, step.cluster2]);
            }
            let mut order = tree.order();
            order.sort();
            prop_assert_eq!(order, (0..items).collect::<Vec<_>>());
        }
    }
}
