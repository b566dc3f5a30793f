//! Recursive seqlets, as tangermeme (Schreiber 2026) defines them: spans of which every part of at least the minimum
//! length is improbable under independent positions.
//!
//! Attributions are put into equal bins. The distribution of the sum of n bins is the n-fold convolution of the
//! histogram of all positions, and the p-value of a span the probability of a sum at least as large. These p-values
//! rank spans. They are not error rates: neighbouring attributions are correlated, and the histogram contains the
//! signal. For a false discovery rate, tracks of shuffled sequences are searched with the same histogram
//! ([`call_controlled`]).

use rayon::prelude::*;

use super::{sort, Seqlet};
use crate::error::{Error, Result};

/// Parameters; the default values are those of tangermeme 1.6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recursive {
    /// Every part of a seqlet has a p-value below this. Not used by [`call_controlled`].
    pub threshold: f64,
    /// Fewest bases of a seqlet, and of the parts whose p-values count.
    pub min_length: usize,
    /// Most bases of a seqlet.
    pub max_length: usize,
    /// Number of bins between the smallest and the largest attribution.
    pub bins: usize,
}

impl Default for Recursive {
    fn default() -> Self {
        Self { threshold: 0.01, min_length: 4, max_length: 25, bins: 1000 }
    }
}

/// Which seqlets are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Spans of large positive attributions.
    Positive,
    /// Spans of large negative ones: those called on the negated tracks.
    Negative,
}

/// Estimated false discovery rate at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FdrEstimate {
    /// Threshold of the p-values.
    pub threshold: f64,
    /// Seqlets called on the tracks.
    pub seqlets: usize,
    /// Seqlets called on the control tracks.
    pub control_seqlets: usize,
    /// (control seqlets + 1) x positions of the tracks / positions of the control / seqlets; NaN without seqlets.
    pub fdr: f64,
}

/// Seqlets called at a false discovery rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Controlled {
    /// The seqlets, sorted; none if no threshold reaches the rate.
    pub seqlets: Vec<Seqlet>,
    /// The largest threshold at which the estimated rate is at most the target.
    pub threshold: Option<f64>,
    /// The estimate at each of 117 thresholds from 0.1 to 1e-30, four per decade, the largest first.
    pub estimates: Vec<FdrEstimate>,
}

/// Call the seqlets of one sign on tracks of attributions of the present bases, one track for each sequence.
///
/// The longest spans are called first, and among those of one length the ones with the smallest "p-value of the worst
/// start" (largest p-value of the parts that begin at the first base). Seqlets do not overlap. The result is sorted.
///
/// # Errors
/// A parameter outside its range, or an attribution that is not finite.
pub fn call<T: AsRef<[f64]> + Sync>(tracks: &[T], parameters: &Recursive, sign: Sign) -> Result<Vec<Seqlet>> {
    let null = Null::new(tracks, parameters, sign)?;
    let called: Vec<Vec<Seqlet>> = tracks
        .par_iter()
        .enumerate()
        .map(|(sequence, track)| null.spans(track.as_ref()).seqlets(sequence, track.as_ref(), parameters.threshold))
        .collect();
    Ok(sorted(called))
}

/// Call seqlets at the false discovery rate `target`, estimated with control tracks: attributions, by the same model,
/// of sequences without signal, such as `tracks` have after shuffling with dinucleotides kept. Control tracks may
/// differ in number and length; every seqlet called on them counts as false.
///
/// # Errors
/// As [`call`]; no position in the control tracks; a target that is not between 0 and 1.
pub fn call_controlled<T, C>(
    tracks: &[T],
    control: &[C],
    parameters: &Recursive,
    sign: Sign,
    target: f64,
) -> Result<Controlled>
where
    T: AsRef<[f64]> + Sync,
    C: AsRef<[f64]> + Sync,
{
    if !(0.0..=1.0).contains(&target) {
        return Err(Error::option(format!("a false discovery rate is between 0 and 1, not {target}")));
    }
    let null = Null::new(tracks, parameters, sign)?;
    finite(control)?;
    let positions: usize = tracks.iter().map(|t| t.as_ref().len()).sum();
    let control_positions: usize = control.iter().map(|t| t.as_ref().len()).sum();
    if control_positions == 0 {
        return Err(Error::mismatch("the control tracks of seqlets have no position"));
    }
    let thresholds = fdr_thresholds();
    let spans: Vec<Spans> = tracks.par_iter().map(|track| null.spans(track.as_ref())).collect();
    let called = count(&spans, &thresholds);
    let control_spans: Vec<Spans> = control.par_iter().map(|track| null.spans(track.as_ref())).collect();
    let control_called = count(&control_spans, &thresholds);
    let scale = positions as f64 / control_positions as f64;
    let estimate = |(threshold, (seqlets, control_seqlets)): (f64, (usize, usize))| {
        let fdr = if seqlets == 0 { f64::NAN } else { (control_seqlets + 1) as f64 * scale / seqlets as f64 };
        FdrEstimate { threshold, seqlets, control_seqlets, fdr }
    };
    let counts = called.into_iter().zip(control_called);
    let estimates: Vec<FdrEstimate> = thresholds.into_iter().zip(counts).map(estimate).collect();
    let threshold = estimates.iter().find(|e| e.fdr <= target).map(|e| e.threshold);
    let seqlets = threshold.map_or_else(Vec::new, |threshold| {
        let each = spans.iter().zip(tracks).enumerate();
        sorted(each.map(|(i, (spans, track))| spans.seqlets(i, track.as_ref(), threshold)).collect())
    });
    Ok(Controlled { seqlets, threshold, estimates })
}

fn sorted(called: Vec<Vec<Seqlet>>) -> Vec<Seqlet> {
    let mut seqlets: Vec<Seqlet> = called.into_iter().flatten().collect();
    sort(&mut seqlets);
    seqlets
}

fn fdr_thresholds() -> Vec<f64> {
    (0..117).map(|i| 10f64.powf(-1.0 - f64::from(i) / 4.0)).collect()
}

/// How many seqlets there are in all tracks at each threshold.
fn count(spans: &[Spans], thresholds: &[f64]) -> Vec<usize> {
    thresholds.par_iter().map(|t| spans.iter().map(|s| s.call(*t).len()).sum()).collect()
}

fn finite<T: AsRef<[f64]>>(tracks: &[T]) -> Result<()> {
    match tracks.iter().position(|track| track.as_ref().iter().any(|v| !v.is_finite())) {
        None => Ok(()),
        Some(i) => Err(Error::mismatch(format!("an attribution of sequence {} is not a finite number", i + 1))),
    }
}

/// Distribution of the summed bins of spans of each length.
struct Null {
    negate: bool,
    least: f64,
    /// Width of a bin; 0 if all attributions are the same.
    width: f64,
    bins: usize,
    min_length: usize,
    /// For each length from `min_length`: probability that the sum is at least the index.
    survival: Vec<Vec<f64>>,
}

impl Null {
    fn new<T: AsRef<[f64]>>(tracks: &[T], parameters: &Recursive, sign: Sign) -> Result<Self> {
        let Recursive { threshold, min_length, max_length, bins } = *parameters;
        if min_length == 0 || max_length < min_length {
            return Err(Error::option(format!("seqlets cannot have between {min_length} and {max_length} bases")));
        }
        if bins < 2 {
            return Err(Error::option("seqlets need at least 2 bins of attributions"));
        }
        if threshold.is_nan() || threshold > 1.0 {
            return Err(Error::option(format!("the p-value threshold of seqlets is at most 1, not {threshold}")));
        }
        finite(tracks)?;
        let negate = sign == Sign::Negative;
        let values = || tracks.iter().flat_map(|t| t.as_ref()).map(|v| if negate { -v } else { *v });
        let (least, most) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        let width = if least < most { (most - least) / (bins - 1) as f64 } else { 0.0 };
        let mut null = Self { negate, least, width, bins, min_length, survival: Vec::new() };
        if width == 0.0 {
            return Ok(null);
        }
        let mut histogram = vec![0u64; bins];
        values().for_each(|v| histogram[null.bin(v)] += 1);
        let positions: u64 = histogram.iter().sum();
        let one: Vec<f64> = histogram.iter().map(|n| *n as f64 / positions as f64).collect();
        let mut sum = one.clone();
        for length in 1..=max_length {
            if length > 1 {
                sum = convolve(&sum, &one);
            }
            if length >= min_length {
                null.survival.push(tails(&sum));
            }
        }
        Ok(null)
    }

    /// Bin of a value with its sign; control values beyond the ends are in the end bins.
    fn bin(&self, value: f64) -> usize {
        (((value - self.least) / self.width).floor().max(0.0) as usize).min(self.bins - 1)
    }

    fn spans(&self, track: &[f64]) -> Spans {
        let sign = if self.negate { -1.0 } else { 1.0 };
        let mut spans = Spans { min_length: self.min_length, lengths: Vec::new() };
        if self.width == 0.0 {
            return spans;
        }
        let mut upto = vec![0usize];
        upto.extend(track.iter().map(|v| self.bin(sign * v)).scan(0, |sum, bin| {
            *sum += bin;
            Some(*sum)
        }));
        for (i, survival) in self.survival.iter().enumerate() {
            let length = self.min_length + i;
            if length > track.len() {
                break;
            }
            let own: Vec<f64> = (0..=track.len() - length).map(|k| survival[upto[k + length] - upto[k]]).collect();
            let (from_start, any) = match spans.lengths.last() {
                None => (own.clone(), own.clone()),
                Some(shorter) => own
                    .iter()
                    .enumerate()
                    .map(|(k, p)| (p.max(shorter.from_start[k]), p.max(shorter.any[k]).max(shorter.any[k + 1])))
                    .unzip(),
            };
            spans.lengths.push(OfLength { own, from_start, any });
        }
        spans
    }
}

/// p-values of the spans of one length, by their first base.
struct OfLength {
    /// Of the span itself.
    own: Vec<f64>,
    /// The largest of the parts that begin with the span.
    from_start: Vec<f64>,
    /// The largest of all parts.
    any: Vec<f64>,
}

/// All spans of a track, the shortest length first.
struct Spans {
    min_length: usize,
    lengths: Vec<OfLength>,
}

impl Spans {
    /// First base and index of the length of each seqlet.
    fn call(&self, threshold: f64) -> Vec<(usize, usize)> {
        let mut called = Vec::new();
        let mut taken = vec![false; self.lengths.first().map_or(0, |s| s.own.len() + self.min_length - 1)];
        for (i, spans) in self.lengths.iter().enumerate().rev() {
            let length = self.min_length + i;
            let mut candidates: Vec<usize> = (0..spans.any.len()).filter(|&k| spans.any[k] < threshold).collect();
            candidates.sort_by(|&a, &b| spans.from_start[a].total_cmp(&spans.from_start[b]).then(a.cmp(&b)));
            for k in candidates {
                // Longer seqlets were called before, so an overlapping one has a base at one of the ends.
                if !taken[k] && !taken[k + length - 1] {
                    taken[k..k + length].fill(true);
                    called.push((k, i));
                }
            }
        }
        called
    }

    fn seqlets(&self, sequence: usize, track: &[f64], threshold: f64) -> Vec<Seqlet> {
        let seqlet = |(start, i): (usize, usize)| Seqlet {
            p_value: Some(self.lengths[i].own[start]),
            ..Seqlet::of(sequence, start, start + self.min_length + i, track)
        };
        self.call(threshold).into_iter().map(seqlet).collect()
    }
}

fn convolve(sum: &[f64], one: &[f64]) -> Vec<f64> {
    let mut longer = vec![0.0; sum.len() + one.len() - 1];
    // Many bins are empty: the histogram has long tails.
    for (shift, share) in one.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        for (to, from) in longer[shift..].iter_mut().zip(sum) {
            *to += share * from;
        }
    }
    longer
}

/// Sums from each index to the end, added from the end: the smallest terms first.
fn tails(probabilities: &[f64]) -> Vec<f64> {
    let mut tails = probabilities.to_vec();
    let mut above = 0.0;
    for p in tails.iter_mut().rev() {
        above += *p;
        *p = above;
    }
    tails
}

#[cfg(test)]
#[path = "recursive_tests.rs"]
mod tests;
