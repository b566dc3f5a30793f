//! Ridge regression on k-mer counts: a linear model without positions or interactions.
//!
//! The ratio is predicted from the difference of the counts of both alleles, and from the counts of allele a if that
//! lowers the validation error: designed pairs with one kind of change need them (the effect of a motif depends on the
//! rest of the sequence), while in long windows that differ in a few bases they are thousands of features without a
//! signal. The activity of an allele is predicted from its own counts.
//!
//! Features are not standardised: on real designed pairs (3,229 in training) that changed the validation error in either
//! direction (2.287 against 2.282 at k = 6, 2.237 against 2.250 at k = 5).

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::stats::ridge_path::solve;
use crate::training::baselines::kmer_counts::Kmers;

/// k of the published comparison.
pub const DEFAULT_K: usize = 6;

/// Number of penalties, four per decade, as multiples of the mean squared length of the centred rows: from data of nine
/// tenths signal to data without any.
const PENALTIES: usize = 21;

/// Maximum number of conjugate-gradient iterations.
const ROUNDS: usize = 1000;

/// Rows of one task; sums are taken in the order of these chunks, at any number of threads.
const CHUNK: usize = 512;

/// Longest window: counts of k-mers are kept in 16 bits.
const LONGEST: usize = i16::MAX as usize;

/// A fitted linear model of one quantity.
#[derive(Clone, Debug, PartialEq)]
struct Linear {
    weights: Vec<f64>,
    intercept: f64,
}

/// Ridge models of the activity of an allele and of the ratio of two.
#[derive(Clone, Debug, PartialEq)]
pub struct KmerRidge {
    kmers: Kmers,
    /// Weights of an allele's own counts.
    activity: Linear,
    /// Weights of the difference, then of allele a.
    ratio: Linear,
    /// Penalty of the activity and of the ratio with the least validation error, as a multiple of the mean squared length
    /// of the centred rows: about the ratio of noise to signal.
    pub penalties: [f64; 2],
    /// Whether the counts of allele a lowered the validation error of the ratio.
    pub with_allele_a: bool,
}

/// The rows of a linear system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Two rows per pair: each allele.
    Activity,
    /// One row per pair: the difference and allele a.
    Ratio,
    /// One row per pair: the difference.
    Difference,
}

/// Sparse rows, one per pair: counts of the difference (numbers from 0) and of allele a (numbers from `distinct`).
struct Rows {
    starts: Vec<usize>,
    numbers: Vec<u16>,
    counts: Vec<i16>,
    distinct: usize,
}

impl KmerRidge {
    /// Fit on the pairs `train` and choose the penalties by the squared error on the pairs `validation`. `codes`
    /// gives the byte codes of both alleles of a pair, `targets` their activities and ratio (in any logarithm).
    /// The ratio is fitted on pairs whose alleles differ. The result is the same at any number of threads.
    ///
    /// # Errors
    /// No training or no validation pair (for the ratio, none whose alleles differ), a window beyond 32,767 bases.
    pub fn fit<'a>(
        k: usize,
        codes: &(impl Fn(usize) -> (&'a [u8], &'a [u8]) + Sync),
        targets: &[[f64; 3]],
        train: &[usize],
        validation: &[usize],
    ) -> Result<Self> {
        let kmers = Kmers::new(k);
        let differ = |rows: &[usize]| -> Vec<usize> {
            let keep = |i: &usize| {
                let (a, b) = codes(*i);
                a != b
            };
            rows.iter().copied().filter(keep).collect()
        };
        if train.iter().chain(validation).any(|&i| codes(i).0.len().max(codes(i).1.len()) > LONGEST) {
            return Err(Error::mismatch(format!("k-mers are counted in windows of at most {LONGEST} bases")));
        }
        let one = |kinds: &[Target], train: &[usize], validation: &[usize]| {
            if train.is_empty() || validation.is_empty() {
                let part = if train.is_empty() { "training" } else { "validation" };
                return Err(Error::mismatch(format!("the k-mer ridge has no {part} windows to learn from")));
            }
            let (rows, held) = (Rows::new(&kmers, codes, train), Rows::new(&kmers, codes, validation));
            let values = |of: &[usize]| -> Vec<[f64; 3]> { of.iter().map(|&i| targets[i]).collect() };
            let (train, validation) = (values(train), values(validation));
            let fits = kinds.iter().map(|&target| fit_one(target, &rows, &train, &held, &validation));
            // For equal errors the first.
            let best = fits.reduce(|a, b| if b.error < a.error { b } else { a });
            best.ok_or_else(|| Error::mismatch("the k-mer ridge has nothing to fit"))
        };
        let activity = one(&[Target::Activity], train, validation)?;
        let ratio = one(&[Target::Ratio, Target::Difference], &differ(train), &differ(validation))?;
        let with_allele_a = ratio.target == Target::Ratio;
        let penalties = [activity.penalty, ratio.penalty];
        let (activity, mut ratio) = (activity.linear, ratio.linear);
        ratio.weights.resize(2 * kmers.distinct(), 0.0);
        Ok(Self { kmers, activity, ratio, penalties, with_allele_a })
    }

    /// Activities of both alleles and ratio of one pair, in the logarithm of the targets.
    pub fn predict(&self, codes1: &[u8], codes2: &[u8]) -> [f64; 3] {
        let distinct = self.kmers.distinct();
        let mut out = [self.activity.intercept, self.activity.intercept, self.ratio.intercept];
        for number in self.kmers.of(codes1).map(usize::from) {
            out[0] += self.activity.weights[number];
            out[2] += self.ratio.weights[number] + self.ratio.weights[distinct + number];
        }
        for number in self.kmers.of(codes2).map(usize::from) {
            out[1] += self.activity.weights[number];
            out[2] -= self.ratio.weights[number];
        }
        out
    }

    /// Length of the k-mers.
    pub fn k(&self) -> usize {
        self.kmers.k()
    }
}

impl Rows {
    fn new<'a>(kmers: &Kmers, codes: &(impl Fn(usize) -> (&'a [u8], &'a [u8]) + Sync), pairs: &[usize]) -> Self {
        let distinct = kmers.distinct();
        type Part = (Vec<usize>, Vec<u16>, Vec<i16>);
        let parts: Vec<Part> = pairs
            .par_chunks(CHUNK)
            .map(|pairs| {
                let (mut lengths, mut numbers, mut counts) = Part::default();
                let mut dense = vec![0i16; 2 * distinct];
                let mut seen: Vec<u16> = Vec::new();
                for &pair in pairs {
                    let (a, b) = codes(pair);
                    for number in kmers.of(a) {
                        let own = number + distinct as u16;
                        dense[usize::from(number)] += 1;
                        dense[usize::from(own)] += 1;
                        seen.extend([number, own]);
                    }
                    for number in kmers.of(b) {
                        dense[usize::from(number)] -= 1;
                        seen.push(number);
                    }
                    seen.sort_unstable();
                    seen.dedup();
                    let before = numbers.len();
                    for number in seen.drain(..) {
                        let count = std::mem::take(&mut dense[usize::from(number)]);
                        if count != 0 {
                            numbers.push(number);
                            counts.push(count);
                        }
                    }
                    lengths.push(numbers.len() - before);
                }
                (lengths, numbers, counts)
            })
            .collect();
        let total = parts.iter().map(|p| p.1.len()).sum();
        let mut rows =
            Self { starts: vec![0], numbers: Vec::with_capacity(total), counts: Vec::with_capacity(total), distinct };
        for (lengths, numbers, counts) in parts {
            for length in lengths {
                rows.starts.push(rows.starts.last().copied().unwrap_or(0) + length);
            }
            rows.numbers.extend(numbers);
            rows.counts.extend(counts);
        }
        rows
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Columns of a system.
    fn width(&self, target: Target) -> usize {
        match target {
            Target::Activity | Target::Difference => self.distinct,
            Target::Ratio => 2 * self.distinct,
        }
    }

    fn entries(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[row]..self.starts[row + 1];
        self.numbers[range.clone()].iter().zip(&self.counts[range]).map(|(&n, &c)| (usize::from(n), f64::from(c)))
    }

    /// The entries of the difference.
    fn differences(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.entries(row).take_while(|(n, _)| *n < self.distinct)
    }

    /// The products of a pair's rows with `weights`: allele a and b, or the ratio twice.
    fn product(&self, target: Target, row: usize, weights: &[f64]) -> [f64; 2] {
        match target {
            Target::Ratio => [self.entries(row).map(|(n, c)| c * weights[n]).sum(); 2],
            Target::Difference => [self.differences(row).map(|(n, c)| c * weights[n]).sum(); 2],
            Target::Activity => {
                let (mut a, mut difference) = (0.0, 0.0);
                for (n, c) in self.entries(row) {
                    match n.checked_sub(self.distinct) {
                        Some(own) => a += c * weights[own],
                        None => difference += c * weights[n],
                    }
                }
                [a, a - difference]
            }
        }
    }

    /// Add `by` times a pair's rows to `sums`.
    fn add(&self, target: Target, row: usize, by: [f64; 2], sums: &mut [f64]) {
        match target {
            Target::Ratio => self.entries(row).for_each(|(n, c)| sums[n] += c * by[0]),
            Target::Difference => self.differences(row).for_each(|(n, c)| sums[n] += c * by[0]),
            Target::Activity => self.entries(row).for_each(|(n, c)| match n.checked_sub(self.distinct) {
                Some(own) => sums[own] += c * (by[0] + by[1]),
                None => sums[n] -= c * by[1],
            }),
        }
    }

    /// The sum over all pairs of `by(pair)` times its rows, in an order that does not depend on the threads.
    fn sum(&self, target: Target, by: impl Fn(usize) -> [f64; 2] + Sync) -> Vec<f64> {
        let width = self.width(target);
        // Few enough parts that their sums take little memory compared with the rows.
        let chunk = self.len().div_ceil(64).max(CHUNK);
        let parts: Vec<Vec<f64>> = (0..self.len().div_ceil(chunk))
            .into_par_iter()
            .map(|part| {
                let mut sums = vec![0.0; width];
                for row in part * chunk..((part + 1) * chunk).min(self.len()) {
                    self.add(target, row, by(row), &mut sums);
                }
                sums
            })
            .collect();
        let mut total = vec![0.0; width];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
        }
        total
    }
}

/// The values of a pair's rows: both activities, or the ratio.
fn wanted(target: Target, values: &[f64; 3]) -> [f64; 2] {
    match target {
        Target::Activity => [values[0], values[1]],
        Target::Ratio | Target::Difference => [values[2], 0.0],
    }
}

/// One quantity fitted.
struct Fitted {
    target: Target,
    linear: Linear,
    penalty: f64,
    /// Squared error on the validation windows.
    error: f64,
}

/// Fit one quantity, with the penalty of least validation error.
fn fit_one(target: Target, rows: &Rows, values: &[[f64; 3]], held: &Rows, held_values: &[[f64; 3]]) -> Fitted {
    // Rows per pair.
    let copies = if target == Target::Activity { 2 } else { 1 };
    let n = (rows.len() * copies) as f64;
    let mean = values.iter().flat_map(|v| wanted(target, v)).sum::<f64>() / n;
    let centre: Vec<f64> = rows.sum(target, |_| [1.0; 2]).into_iter().map(|s| s / n).collect();
    let centred = |values: &[f64; 3]| wanted(target, values).map(|v| v - mean);
    // The centred values sum to 0, and so do centred products: the means of the columns drop out of both sums.
    let right = rows.sum(target, |row| centred(&values[row]));
    let squares = (0..rows.len()).map(|row| squared_length(rows, target, row)).sum::<f64>();
    let scale = (squares / n - dot(&centre, &centre)).max(f64::MIN_POSITIVE);
    let multiples: Vec<f64> = (0..PENALTIES).map(|i| 10f64.powf(i as f64 / 4.0 - 1.0)).collect();
    let penalties: Vec<f64> = multiples.iter().map(|m| m * scale).collect();
    let apply = |weights: &[f64]| {
        let shift = dot(&centre, weights);
        rows.sum(target, |row| rows.product(target, row, weights).map(|p| p - shift))
    };
    let solutions = solve(apply, &right, &penalties, ROUNDS);
    let candidates = solutions.into_iter().map(|weights| {
        let intercept = mean - dot(&centre, &weights);
        Linear { weights, intercept }
    });
    let error = |linear: &Linear| -> f64 {
        let of_row = |row: usize| -> f64 {
            let found = held.product(target, row, &linear.weights);
            let truth = wanted(target, &held_values[row]);
            (0..copies).map(|i| (found[i] + linear.intercept - truth[i]).powi(2)).sum()
        };
        (0..held.len()).map(of_row).sum()
    };
    // For equal errors the larger penalty.
    let best = candidates.zip(multiples).map(|(linear, multiple)| (error(&linear), linear, multiple));
    let best = best.reduce(|a, b| if b.0 <= a.0 { b } else { a });
    // PENALTIES is not 0.
    let mean_only =
        || (f64::INFINITY, Linear { weights: vec![0.0; rows.width(target)], intercept: mean }, f64::INFINITY);
    let (error, linear, penalty) = best.unwrap_or_else(mean_only);
    Fitted { target, linear, penalty, error }
}

/// Sum of the squared lengths of a pair's rows.
fn squared_length(rows: &Rows, target: Target, row: usize) -> f64 {
    match target {
        Target::Ratio => rows.entries(row).map(|(_, c)| c * c).sum(),
        Target::Difference => rows.differences(row).map(|(_, c)| c * c).sum(),
        Target::Activity => {
            // Allele b is allele a minus the difference.
            let split = rows.starts[row]
                + rows.numbers[rows.starts[row]..rows.starts[row + 1]]
                    .partition_point(|&n| usize::from(n) < rows.distinct);
            let range = |from: usize, to: usize| from..to;
            let (differing, own) = (range(rows.starts[row], split), range(split, rows.starts[row + 1]));
            let square = |c: i16| f64::from(c) * f64::from(c);
            let mut sum: f64 = 2.0 * rows.counts[own.clone()].iter().map(|&c| square(c)).sum::<f64>();
            for i in differing {
                let (number, difference) = (usize::from(rows.numbers[i]) + rows.distinct, f64::from(rows.counts[i]));
                let place = rows.numbers[own.clone()].binary_search_by(|n| usize::from(*n).cmp(&number));
                let a = place.map_or(0.0, |p| f64::from(rows.counts[own.start + p]));
                sum += (a - difference).powi(2) - a * a;
            }
            sum
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
#[path = "kmer_ridge_tests.rs"]
mod tests;
