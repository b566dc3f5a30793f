//! The distribution of the best score over all alignments of a query motif with a random target (Tomtom, Gupta et al.
//! 2007; complete scores, Tanaka et al. 2011).
//!
//! An alignment puts a span of the query's columns next to columns of the target; every other column of the query adds
//! a constant. The score of a span is a sum of independent scores, one for each column, whose distributions are
//! known, and alignments count as independent.

/// Scores of the columns of a query against a random column: whole numbers from 0.
#[derive(Clone, Debug)]
pub struct ColumnScores {
    /// For each column of the query the probabilities of the scores 0, 1, ..., as many for each column.
    pub distributions: Vec<Vec<f64>>,
    /// What a column adds that is not next to a column of the target; not more than the largest score.
    pub unaligned: usize,
}

/// A distribution of whole numbers.
#[derive(Clone, Debug)]
struct Distribution {
    /// The least value.
    least: usize,
    /// Probabilities from there on.
    p: Vec<f64>,
}

impl Distribution {
    /// The same without zeros at the ends.
    fn new(p: &[f64]) -> Self {
        let least = p.iter().position(|&p| p > 0.0).unwrap_or(0);
        let end = p.iter().rposition(|&p| p > 0.0).map_or(1, |last| last + 1);
        Self { least, p: p[least..end].to_vec() }
    }

    /// That of the sum with an independent `other`.
    fn plus(&self, other: &Self) -> Self {
        let mut p = vec![0.0; self.p.len() + other.p.len() - 1];
        for (shift, weight) in other.p.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            p[shift..].iter_mut().zip(&self.p).for_each(|(sum, p)| *sum += weight * p);
        }
        Self { least: self.least + other.least, p }
    }
}

/// P(X >= s) for s = 0, 1, ... of the largest X of some independent numbers. Probabilities are united as
/// a + b (1 - a), so that small ones keep their digits.
#[derive(Clone, Debug)]
struct Largest(Vec<f64>);

impl Largest {
    /// With one more number: `shift` more than one of `distribution`.
    fn add(&mut self, distribution: &Distribution, shift: usize) {
        let least = distribution.least + shift;
        self.0[..=least].fill(1.0);
        let mut at_least = 0.0f64;
        for (value, p) in distribution.p.iter().enumerate().skip(1).rev() {
            at_least = (at_least + p).min(1.0);
            let own = &mut self.0[least + value];
            *own += at_least * (1.0 - *own);
        }
    }

    /// With the numbers of another one.
    fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(own, p)| *own += p * (1.0 - *own));
    }
}

/// For each target length of `lengths` (ascending, from 1) the probabilities, for s = 0, 1, ..., that the best
/// alignment of a query with a random target of that length scores at least s. A query of n columns and a target of
/// t have n + t - 1 alignments: those in which one hangs over an end of the other, and those in which the shorter one
/// lies within the longer one.
///
/// # Panics
/// There are no columns, or one adds more where it is not aligned than it can score.
pub fn best_score_p_values(scores: &ColumnScores, lengths: &[usize]) -> Vec<Vec<f64>> {
    let columns: Vec<Distribution> = scores.distributions.iter().map(|p| Distribution::new(p)).collect();
    let n = columns.len();
    let most = scores.distributions[0].len() - 1;
    assert!(scores.unaligned <= most, "an unaligned column adds more than the largest score");
    let none = Largest(vec![0.0; n * most + 1]);
    let shift = |length: usize| scores.unaligned * (n - length);

    // Spans of each length anywhere in the query, where a target is shorter.
    let shorter = &lengths[..lengths.partition_point(|&length| length < n)];
    let mut within: Vec<Largest> = vec![none.clone(); shorter.len()];
    let longest = shorter.last().copied().unwrap_or(0);
    for begin in 0..n {
        let mut sum: Option<Distribution> = None;
        for (length, column) in (1..=longest).zip(&columns[begin..]) {
            let next = sum.map_or_else(|| column.clone(), |sum| sum.plus(column));
            if let Ok(place) = shorter.binary_search(&length) {
                within[place].add(&next, shift(length));
            }
            sum = Some(next);
        }
    }

    // The target grows: more alignments that hang over, with a span from either end of the query; then more with the
    // whole query.
    let (mut from_left, mut from_right) = (columns[0].clone(), columns[n - 1].clone());
    let mut whole = none.clone();
    if n == 1 {
        whole.add(&from_left, 0);
    }
    let mut grown = none;
    let mut aligned = 0;
    let mut tables = Vec::with_capacity(lengths.len());
    for (place, &length) in lengths.iter().enumerate() {
        while aligned + 1 < length {
            aligned += 1;
            if aligned >= n {
                grown.join(&whole);
                continue;
            }
            grown.add(&from_left, shift(aligned));
            grown.add(&from_right, shift(aligned));
            from_left = from_left.plus(&columns[aligned]);
            from_right = from_right.plus(&columns[n - 1 - aligned]);
            if aligned + 1 == n {
                whole.add(&from_left, 0);
            }
        }
        let mut table = grown.clone();
        table.join(within.get(place).unwrap_or(&whole));
        tables.push(table.0);
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// P(X >= s) of the best alignment, by all values of each alignment's score.
    fn brute_force(scores: &ColumnScores, length: usize, s: usize) -> f64 {
        let n = scores.distributions.len();
        let mut none_at_least = 1.0;
        for place in 0..n + length - 1 {
            // Column i of the query is next to column place + 1 - n + i of the target.
            let spans = (0..n).map(|i| (place + 1 + i).checked_sub(n).is_some_and(|k| k < length));
            let mut p = vec![1.0];
            for (column, aligned) in scores.distributions.iter().zip(spans) {
                let mut alone = vec![0.0; scores.unaligned + 1];
                alone[scores.unaligned] = 1.0;
                let column = if aligned { column } else { &alone };
                let mut next = vec![0.0; p.len() + column.len()];
                for (a, p) in p.iter().enumerate() {
                    column.iter().enumerate().for_each(|(b, q)| next[a + b] += p * q);
                }
                p = next;
            }
            none_at_least *= p.iter().take(s).sum::<f64>();
        }
        1.0 - none_at_least
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn every_alignment_counts(
            weights in prop::collection::vec(prop::collection::vec(0..4u8, 5), 1..6), unaligned in 0..5usize,
        ) {
            let distributions: Vec<Vec<f64>> = weights
                .iter()
                .map(|w| {
                    let total = w.iter().map(|&w| f64::from(w)).sum::<f64>();
                    w.iter().map(|&w| if total > 0.0 { f64::from(w) / total } else { 0.2 }).collect()
                })
                .collect();
            let scores = ColumnScores { distributions, unaligned };
            let lengths = [1, 2, 4, 5, 9];
            for (length, table) in lengths.iter().zip(best_score_p_values(&scores, &lengths)) {
                prop_assert_eq!(table.len(), 4 * scores.distributions.len() + 1);
                for (s, p) in table.iter().enumerate() {
                    prop_assert!((p - brute_force(&scores, *length, s)).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn small_probabilities_keep_their_digits() {
        let mut column = vec![0.0; 101];
        (column[0], column[100]) = (1.0 - 1e-10, 1e-10);
        let scores = ColumnScores { distributions: vec![column; 10], unaligned: 0 };
        let table = &best_score_p_values(&scores, &[12])[0];
        assert!((table[1000] / 3e-100 - 1.0).abs() < 1e-12, "{}", table[1000]);
    }
}
