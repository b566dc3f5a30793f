//! Bootstrap percentile intervals (Efron 1979): as many units as there are are drawn with replacement, and the interval
//! holds the middle 95 % of the values of the statistic.
//!
//! Windows of one locus are not independent, so a unit is a group given by the user, or all windows that overlap.

use std::collections::HashMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// The middle share of the resamples that an interval holds.
pub const LEVEL: f64 = 0.95;

/// How to resample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resampling {
    /// Number of units.
    pub units: usize,
    /// Resamples; 0 for no intervals.
    pub times: usize,
    /// Seed of the generator.
    pub seed: u64,
}

impl Resampling {
    /// Interval of each value of `statistic`, a function of the weights (how many times each unit was drawn). Both ends are
    /// NaN with fewer than two units, without resamples, or if the value is finite in fewer than half of them. The result
    /// is the same at any number of threads: every resample has its own stream of the generator.
    pub fn intervals(&self, statistic: impl Fn(&[u32]) -> Vec<f64> + Sync) -> Vec<[f64; 2]> {
        let numbers = statistic(&vec![1; self.units]).len();
        if self.units < 2 || self.times == 0 {
            return vec![[f64::NAN; 2]; numbers];
        }
        let drawn: Vec<Vec<f64>> = (0..self.times as u64)
            .into_par_iter()
            .map_init(
                || vec![0u32; self.units],
                |weights, resample| {
                    let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
                    chance.set_stream(resample);
                    weights.fill(0);
                    for _ in 0..self.units {
                        weights[chance.random_range(0..self.units)] += 1;
                    }
                    statistic(weights)
                },
            )
            .collect();
        (0..numbers).map(|i| middle(drawn.iter().map(|d| d[i]).collect())).collect()
    }
}

/// The ends of the middle [`LEVEL`] of `values`, interpolated linearly; NaN if fewer than half are finite.
fn middle(mut values: Vec<f64>) -> [f64; 2] {
    let all = values.len();
    values.retain(|v| v.is_finite());
    if values.is_empty() || values.len() * 2 < all {
        return [f64::NAN; 2];
    }
    values.sort_by(f64::total_cmp);
    [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0].map(|share| {
        let place = share * (values.len() - 1) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        values[below] + (values[above] - values[below]) * (place - place.floor())
    })
}

/// A number for each distinct name, in the order of first appearance.
pub fn units_of_names<S: AsRef<str>>(names: &[S]) -> Vec<u32> {
    let mut known: HashMap<&str, u32> = HashMap::new();
    names
        .iter()
        .map(|name| {
            let next = known.len() as u32;
            *known.entry(name.as_ref()).or_insert(next)
        })
        .collect()
}

/// A number for each group of spans (sequence name, start, end; half-open) that are connected by overlaps of at least
/// one base; numbers follow the order of names and starts.
pub fn units_of_overlaps(spans: &[(&str, i64, i64)]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|&i| spans[i]);
    let mut units = vec![0; spans.len()];
    let mut last: Option<(&str, i64)> = None;
    let mut unit = 0;
    for i in order {
        let (name, start, end) = spans[i];
        last = match last {
            Some((same, reach)) if same == name && start < reach => Some((same, reach.max(end))),
            before => {
                unit += u32::from(before.is_some());
                Some((name, end))
            }
        };
        units[i] = unit;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, prop_assert_eq, proptest};

    fn mean(values: &[f64], units: &[u32], weights: &[u32]) -> f64 {
        let weight = |i: usize| f64::from(weights[units[i] as usize]);
        let total: f64 = (0..values.len()).map(weight).sum();
        (0..values.len()).map(|i| values[i] * weight(i)).sum::<f64>() / total
    }

    /// Normal numbers by adding uniform ones (Irwin-Hall with 12).
    fn normal(chance: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| chance.random::<f64>()).sum::<f64>() - 6.0
    }

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_textbook() {
        let mut chance = ChaCha8Rng::seed_from_u64(3);
        let n = 400;
        let values: Vec<f64> = (0..n).map(|_| normal(&mut chance)).collect();
        let units: Vec<u32> = (0..n).collect();
        let resampling = Resampling { units: n as usize, times: 4000, seed: 1 };
        let [low, high] = resampling.intervals(|w| vec![mean(&values, &units, w)])[0];
        let m = values.iter().sum::<f64>() / f64::from(n);
        let sd = (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / f64::from(n)).sqrt();
        let half = 1.959964 * sd / f64::from(n).sqrt();
        assert!((low - (m - half)).abs() < 0.06 * half && (high - (m + half)).abs() < 0.06 * half);
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mut chance = ChaCha8Rng::seed_from_u64(5);
        let (rounds, n) = (400, 80u32);
        let units: Vec<u32> = (0..n).collect();
        let mut held = 0;
        for round in 0..rounds {
            let values: Vec<f64> = (0..n).map(|_| normal(&mut chance)).collect();
            let resampling = Resampling { units: n as usize, times: 300, seed: round };
            let [low, high] = resampling.intervals(|w| vec![mean(&values, &units, w)])[0];
            held += usize::from(low <= 0.0 && 0.0 <= high);
        }
        let share = held as f64 / f64::from(rounds as u32);
        assert!((0.91..0.98).contains(&share), "{share}");
    }

    #[test]
    fn copies_within_a_unit_add_nothing() {
        let mut chance = ChaCha8Rng::seed_from_u64(7);
        let values: Vec<f64> = (0..50).map(|_| normal(&mut chance)).collect();
        let copied: Vec<f64> = values.iter().flat_map(|v| [*v; 5]).collect();
        let one: Vec<u32> = (0..50).collect();
        let five: Vec<u32> = (0..250).map(|i| i / 5).collect();
        let resampling = Resampling { units: 50, times: 200, seed: 1 };
        let plain = resampling.intervals(|w| vec![mean(&values, &one, w)]);
        let grouped = resampling.intervals(|w| vec![mean(&copied, &five, w)]);
        assert!((plain[0][0] - grouped[0][0]).abs() < 1e-12 && (plain[0][1] - grouped[0][1]).abs() < 1e-12);
    }

    #[test]
    fn threads_do_not_matter_and_seeds_do() {
        let values: Vec<f64> = (0..30).map(|i| f64::from(i * i % 17)).collect();
        let units: Vec<u32> = (0..30).collect();
        let run = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let resampling = Resampling { units: 30, times: 101, seed };
            pool.install(|| resampling.intervals(|w| vec![mean(&values, &units, w)]))
        };
        assert_eq!(run(1, 1), run(3, 1));
        assert_ne!(run(1, 1), run(1, 2));
    }

    #[test]
    fn what_cannot_be_resampled_has_no_interval() {
        let none = |units: usize, times: usize| {
            Resampling { units, times, seed: 1 }.intervals(|_| vec![1.0])[0].iter().all(|v| v.is_nan())
        };
        assert!(none(1, 100) && none(0, 100) && none(5, 0) && !none(5, 100));
        assert!(middle(vec![1.0, f64::NAN, f64::NAN])[0].is_nan());
        assert_eq!(middle(vec![2.0, f64::NAN]), [2.0, 2.0]);
        let steps: Vec<f64> = (0..=40).map(f64::from).collect();
        let [low, high] = middle(steps);
        assert!((low - 1.0).abs() < 1e-9 && (high - 39.0).abs() < 1e-9);
    }

    #[test]
    fn units_by_name() {
        assert_eq!(units_of_names(&["b", "a", "b", "c"]), [0, 1, 0, 2]);
    }

    proptest! {
        #[test]
        fn windows_joined_by_overlaps_are_one_unit(
            spans in prop::collection::vec((0u8..2, 0i64..300, 1i64..30), 1..40)
        ) {
            let places: Vec<(&str, i64, i64)> = spans.iter()
                .map(|&(c, start, length)| (["a", "b"][c as usize], start, start + length)).collect();
            let units = units_of_overlaps(&places);
            // Spread numbers along overlaps until nothing changes.
            let mut truth: Vec<usize> = (0..places.len()).collect();
            loop {
                let before = truth.clone();
                for i in 0..places.len() {
                    for j in 0..places.len() {
                        let (a, b) = (places[i], places[j]);
                        if a.0 == b.0 && a.1 < b.2 && b.1 < a.2 {
                            let least = truth[i].min(truth[j]);
                            (truth[i], truth[j]) = (least, least);
                        }
                    }
                }
                if truth == before {
                    break;
                }
            }
            for i in 0..places.len() {
                for j in 0..places.len() {
                    prop_assert_eq!(units[i] == units[j], truth[i] == truth[j]);
                }
            }
            let distinct: std::collections::HashSet<_> = units.iter().collect();
            prop_assert_eq!(distinct.len() as u32, units.iter().max().unwrap() + 1);
        }
    }
}
