//! Which motifs of a collection a motif resembles, with p-values (Tomtom, Gupta et al. 2007).
//!
//! Every column of the query is compared with every column of all targets, of both strands. From these similarities
//! the query column's median is subtracted, so that a column aligned with nothing scores as much as with a typical
//! column ("complete score", Tanaka et al. 2011), and they are divided into 100 bins. The score of an alignment is the
//! sum over the query's columns; the p-value of the best alignment comes from the distribution of each query column's
//! scores over all target columns ([`span_scores`](crate::motifs::span_scores)).
//!
//! p-values therefore depend on the collection. With fewer than [`FEW_TARGETS`] targets they are rough.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::motifs::columns::{Columns, Distance};
use crate::motifs::motif::Motif;
use crate::motifs::scan::Strand;
use crate::motifs::span_scores::{best_score_p_values, ColumnScores};
use crate::stats::false_discovery::benjamini_hochberg;

/// Fewer targets than this give rough p-values; MEME's Tomtom warns below it.
pub const FEW_TARGETS: usize = 50;

/// Bins of the score of a column.
const SCORE_BINS: usize = 100;
/// Bins by which the median is found.
const MEDIAN_BINS: usize = 1000;

/// How motifs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TomtomOptions {
    /// The similarity of columns.
    pub distance: Distance,
    /// Compare with the reverse complement of each target, too.
    pub both_strands: bool,
}

impl Default for TomtomOptions {
    /// Euclidean distance, both strands.
    fn default() -> Self {
        Self { distance: Distance::Euclidean, both_strands: true }
    }
}

/// The best alignment of a query with a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Probability that a random target of this length reaches the score in an alignment on one of the strands.
    pub p_value: f64,
    /// The same corrected for all targets of the query (Benjamini and Hochberg 1995).
    pub q_value: f64,
    /// Sum of the scores of the query's columns, in bins.
    pub score: u32,
    /// The column of the target, on `strand`, next to the first column of the query; negative if the query begins
    /// before it.
    pub offset: i64,
    /// Number of columns that are next to each other.
    pub overlap: usize,
    /// The strand of the target. If both are equally good, the forward one.
    pub strand: Strand,
}

/// A collection of motifs to compare others with.
pub struct Tomtom {
    columns: Columns,
    /// For each target its columns on the forward and, if wanted, on the reverse strand.
    targets: Vec<Vec<Range<usize>>>,
    /// The lengths of targets, ascending.
    lengths: Vec<usize>,
}

/// Similarities of the columns of a query in whole numbers.
struct Binned {
    /// For each column of the query the score of every target column, less `unaligned`.
    scores: Vec<Vec<i16>>,
    distributions: ColumnScores,
}

/// Best score, offset and overlap.
struct Alignment {
    score: i32,
    offset: i64,
    overlap: usize,
}

impl Tomtom {
    /// Prepare `targets`.
    ///
    /// # Errors
    /// There are none.
    pub fn new(targets: &[Motif], options: TomtomOptions) -> Result<Self> {
        if targets.is_empty() {
            return Err(Error::mismatch("there are no motifs to compare with"));
        }
        // All forward ones before the reverse ones: sums of rounded values depend on the order.
        let mut list: Vec<Motif> = targets.to_vec();
        if options.both_strands {
            list.extend(targets.iter().map(Motif::reverse_complement));
        }
        let mut ranges = vec![Vec::new(); targets.len()];
        let mut begin = 0;
        for (i, motif) in list.iter().enumerate() {
            ranges[i % targets.len()].push(begin..begin + motif.width());
            begin += motif.width();
        }
        let mut lengths: Vec<usize> = targets.iter().map(Motif::width).collect();
        lengths.sort_unstable();
        lengths.dedup();
        Ok(Self { columns: Columns::new(&list, options.distance), targets: ranges, lengths })
    }

    /// Compare each of `queries` with every target; matches are in the order of the targets. Work is shared between the
    /// threads of rayon's current pool; the result does not depend on their number.
    pub fn compare_all(&self, queries: &[Motif]) -> Vec<Vec<Match>> {
        queries.par_iter().map(|query| self.compare(query)).collect()
    }

    /// Compare `query` with every target; matches are in the order of the targets.
    pub fn compare(&self, query: &Motif) -> Vec<Match> {
        let binned = self.binned(query);
        let tables = best_score_p_values(&binned.distributions, &self.lengths);
        let mut sums = Vec::new();
        let mut matches: Vec<Match> = self
            .targets
            .iter()
            .map(|strands| {
                let length = strands[0].len();
                let table = &tables[self.lengths.partition_point(|&l| l < length)];
                let p_value = |score: i32| table[score.clamp(0, table.len() as i32 - 1) as usize];
                let forward = binned.align(&strands[0], &mut sums);
                let reverse = strands.get(1).map(|columns| binned.align(columns, &mut sums));
                let (best, strand) = match &reverse {
                    Some(reverse) if reverse.score > forward.score => (reverse, Strand::Reverse),
                    _ => (&forward, Strand::Forward),
                };
                let p = p_value(best.score);
                // 1 - (1 - p)², without the loss of small p.
                let p_value = if reverse.is_some() { p * (2.0 - p) } else { p };
                let score = best.score.max(0) as u32;
                Match { p_value, q_value: 1.0, score, offset: best.offset, overlap: best.overlap, strand }
            })
            .collect();
        let p: Vec<f64> = matches.iter().map(|found| found.p_value).collect();
        matches.iter_mut().zip(benjamini_hochberg(&p)).for_each(|(found, q)| found.q_value = q);
        matches
    }

    fn binned(&self, query: &Motif) -> Binned {
        let probabilities = query.probabilities();
        let rows: Vec<Vec<f64>> = probabilities.rows().into_iter().map(|row| self.columns.compare(row)).collect();
        let medians: Vec<f64> = rows.iter().map(|row| median(row)).collect();
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (row, median) in rows.iter().zip(&medians) {
            let (low, high) = ends(row);
            least = least.min(low - median);
            most = most.max(high - median);
        }
        // A whole number of bins in 1, so that a score of 0 is the middle of a bin.
        let least = least.floor();
        let scale = (SCORE_BINS as f64 / (most - least).max(1.0)).floor();
        let unaligned = (-least * scale) as i16;
        let scores: Vec<Vec<i16>> = rows
            .iter()
            .zip(&medians)
            .map(|(row, median)| {
                // Nothing is less than `zero`, so that cutting off the fraction rounds down.
                let zero = median + least;
                row.iter().map(|x| ((x - zero) * scale + 0.5) as i16 - unaligned).collect()
            })
            .collect();
        let share = 1.0 / self.columns.len() as f64;
        let distribution = |row: &Vec<i16>| {
            let mut counts = vec![0u32; SCORE_BINS + 1];
            row.iter().for_each(|&score| counts[(score + unaligned) as usize] += 1);
            counts.iter().map(|&count| f64::from(count) * share).collect()
        };
        let distributions = scores.iter().map(distribution).collect();
        Binned { scores, distributions: ColumnScores { distributions, unaligned: unaligned as usize } }
    }
}

impl Binned {
    /// The best alignment with the target of `columns`; of equal ones that with the largest overlap, then the first.
    /// `sums` is memory to be used again.
    fn align(&self, columns: &Range<usize>, sums: &mut Vec<i32>) -> Alignment {
        let (n, length) = (self.scores.len(), columns.len());
        sums.clear();
        sums.resize(n + length - 1, 0);
        for (i, row) in self.scores.iter().enumerate() {
            let sums = &mut sums[n - 1 - i..];
            sums.iter_mut().zip(&row[columns.clone()]).for_each(|(sum, score)| *sum += i32::from(*score));
        }
        let overlap = |place: usize| (place + 1).min(n) - (place + 1).saturating_sub(length);
        let best = sums.iter().max().copied().unwrap_or(0);
        let places = sums.iter().enumerate().filter(|(_, sum)| **sum == best).map(|(place, _)| place);
        // The first of the largest ones: max_by_key would give the last.
        let place = places.rev().max_by_key(|&place| overlap(place)).unwrap_or(0);
        let score = best + (n * self.distributions.unaligned) as i32;
        Alignment { score, offset: place as i64 - (n as i64 - 1), overlap: overlap(place) }
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// The median as the mean of the values in the bin in which the middle value is, of [`MEDIAN_BINS`] bins between the
/// least and the largest value.
fn median(values: &[f64]) -> f64 {
    let (low, high) = ends(values);
    let range = high - low;
    if range == 0.0 {
        return low;
    }
    let bins: Vec<u16> = values.iter().map(|x| ((x - low) / range * (MEDIAN_BINS - 1) as f64) as u16).collect();
    let mut counts = [0u32; MEDIAN_BINS];
    bins.iter().for_each(|&bin| counts[usize::from(bin)] += 1);
    let mut before = 0;
    let middle = counts.iter().position(|count| {
        before += *count as usize;
        2 * before >= values.len()
    });
    let middle = middle.unwrap_or(MEDIAN_BINS - 1);
    let inside = values.iter().zip(&bins).filter(|(_, bin)| usize::from(**bin) == middle).map(|(x, _)| x);
    inside.sum::<f64>() / f64::from(counts[middle])
}

#[cfg(test)]
#[path = "tomtom_tests.rs"]
mod tests;
