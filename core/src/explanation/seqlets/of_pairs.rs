//! Seqlets of both alleles of many pairs, of both signs, with their place in the other allele.
//!
//! Contributions have the sign of their own haplotype here: what makes it more active is positive. For
//! [`Head::Ratio`], where those of a folder are effects on log2 of haplotype 1 over haplotype 2, those of haplotype 2 are
//! multiplied by -1, as in the published DeepAllele (Tu et al. 2025). They are relative to the mean of the four bases
//! ([`Gauge::ZeroSum`]), whatever the gauge of the folder: relative to the base that is there, it has 0.

use std::ops::Range;

use ndarray::{s, Array2};

use super::published::{self, Published};
use super::recursive::{self, FdrEstimate, Recursive, Sign};
use super::{join_signs, Seqlet};
use crate::choice::choice;
use crate::error::{Error, Result};
use crate::explanation::attributions::base_map::{side_by_side, BaseMap, MappedPiece};
use crate::explanation::attributions::folder::FolderPair;
use crate::explanation::attributions::{of_present_bases, Gauge, Head};

/// What contributions of a folder are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Which prediction they explain.
    pub head: Head,
    /// What they are relative to.
    pub gauge: Gauge,
}

impl Convention {
    /// Contributions (4, bases) of the bases of an allele (0 or 1), without padding, with the sign of its own haplotype
    /// and relative to the mean of the four bases.
    pub fn own(&self, pair: &FolderPair, allele: usize) -> Array2<f32> {
        let bases = pair.maps[allele].bases();
        let mut own = pair.contributions[allele].slice(s![.., ..bases]).mapv(f64::from);
        if self.gauge != Gauge::ZeroSum {
            Gauge::ZeroSum.apply(&mut own, &pair.codes[allele][..bases]);
        }
        let sign = f64::from(self.head.own_sign(allele));
        own.mapv(|value| (sign * value) as f32)
    }
}

/// Contributions of the present bases of both alleles of all pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracks {
    /// Haplotype 1 and haplotype 2 of the first pair, of the second pair, ...: one value a base, without padding.
    pub tracks: Vec<Vec<f64>>,
    /// Root of the mean of the squared contributions of all four bases at all positions of both alleles, padding included;
    /// NaN without pairs. The published normaliser.
    pub root_mean_square: f64,
}

impl Tracks {
    /// Of all pairs.
    ///
    /// # Errors
    /// A pair cannot be read, or has a contribution that is not finite.
    pub fn read(pairs: impl IntoIterator<Item = Result<FolderPair>>, convention: Convention) -> Result<Self> {
        let mut tracks = Vec::new();
        let (mut squares, mut values) = (0.0, 0u64);
        for pair in pairs {
            let pair = pair?;
            for allele in 0..2 {
                let own = convention.own(&pair, allele);
                let sum: f64 = own.iter().map(|value| f64::from(*value).powi(2)).sum();
                if !sum.is_finite() {
                    let (pair, haplotype) = (pair.number + 1, allele + 1);
                    return Err(Error::mismatch(format!(
                        "a contribution to haplotype {haplotype} of pair {pair} is not a finite number"
                    )));
                }
                squares += sum;
                values += pair.contributions[allele].len() as u64;
                let codes = &pair.codes[allele][..own.ncols()];
                tracks.push(of_present_bases(own.view(), codes).into_iter().map(f64::from).collect());
            }
        }
        Ok(Self { tracks, root_mean_square: (squares / values as f64).sqrt() })
    }
}

choice!(
    /// Which caller finds seqlets.
    CallerName, "caller",
    /// Improbable spans.
    Recursive "recursive",
    /// The published scan.
    Published "published",
);

/// How seqlets are called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Caller {
    /// The published scan.
    Published(Published),
    /// Improbable spans.
    Recursive(Recursive),
}

/// Tracks of sequences without signal, for an error rate.
#[derive(Clone, Copy, Debug)]
pub struct Control<'a> {
    /// Contributions of the present bases, with the sign of the own haplotype.
    pub tracks: &'a [Vec<f64>],
    /// The false discovery rate that seqlets may have.
    pub target: f64,
}

/// How many seqlets of one sign were called, and with what error rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalledSign {
    /// Their sign.
    pub sign: Sign,
    /// Their number.
    pub seqlets: usize,
    /// The threshold of their p-values; `None` of the published scan, and where no threshold reaches the error rate.
    pub threshold: Option<f64>,
    /// The estimated false discovery rate; where no threshold reaches the error rate, the least of all thresholds. `None`
    /// without control tracks or seqlets.
    pub fdr: Option<f64>,
}

/// Seqlets of both signs.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// Those of haplotype 1 of pair i have the sequence 2 i, those of haplotype 2 the sequence 2 i + 1. Sorted; a base
    /// belongs to at most one.
    pub seqlets: Vec<Seqlet>,
    /// How they were called.
    pub signs: [CalledSign; 2],
}

/// Call the seqlets of both signs. With control tracks, recursive ones are called at the target rate, and of published
/// ones, which have no threshold to choose, the rate is estimated. Negative seqlets that overlap a positive one are left
/// out.
///
/// # Errors
/// As [`recursive::call_controlled`].
pub fn call(tracks: &Tracks, caller: &Caller, control: Option<Control>) -> Result<Called> {
    let normaliser = tracks.root_mean_square;
    let of_sign = |sign: Sign| -> Result<(Vec<Seqlet>, CalledSign)> {
        let (seqlets, threshold, fdr) = match (caller, &control) {
            (Caller::Published(parameters), control) => {
                let called = |tracks: &[Vec<f64>]| -> Vec<Seqlet> {
                    let mut called = published::call(tracks, normaliser, parameters);
                    called.retain(|seqlet| (seqlet.mean > 0.0) == (sign == Sign::Positive));
                    called
                };
                let seqlets = called(&tracks.tracks);
                let fdr = control.as_ref().map(|control| {
                    let scale = positions(&tracks.tracks) / positions(control.tracks);
                    (called(control.tracks).len() + 1) as f64 * scale / seqlets.len() as f64
                });
                (seqlets, None, fdr)
            }
            (Caller::Recursive(parameters), None) => {
                let seqlets = recursive::call(&tracks.tracks, parameters, sign)?;
                (seqlets, Some(parameters.threshold), None)
            }
            (Caller::Recursive(parameters), Some(Control { tracks: control, target })) => {
                let found = recursive::call_controlled(&tracks.tracks, control, parameters, sign, *target)?;
                let chosen = |e: &&FdrEstimate| found.threshold.is_none_or(|threshold| threshold == e.threshold);
                let estimates = found.estimates.iter().filter(chosen).map(|e| e.fdr).filter(|fdr| fdr.is_finite());
                let least = estimates.min_by(f64::total_cmp);
                (found.seqlets, found.threshold, least)
            }
        };
        let fdr = fdr.filter(|fdr| fdr.is_finite());
        let report = CalledSign { sign, seqlets: seqlets.len(), threshold, fdr };
        Ok((seqlets, report))
    };
    let (positive, of_positive) = of_sign(Sign::Positive)?;
    let (negative, of_negative) = of_sign(Sign::Negative)?;
    Ok(Called { seqlets: join_signs(positive, negative), signs: [of_positive, of_negative] })
}

fn positions(tracks: &[Vec<f64>]) -> f64 {
    tracks.iter().map(Vec::len).sum::<usize>() as f64
}

/// A seqlet with its place in the other allele and in the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSeqlet {
    /// Where it is: the sequence is 2 x pair + allele (0 or 1). Its mean has the sign of the own haplotype.
    pub seqlet: Seqlet,
    /// The bases of the other allele that are next to it, from the first to the last, 0-based half-open; `None` if all of
    /// its bases are deleted there, or beyond the end of the other window.
    pub other: Option<(usize, usize)>,
    /// Whether one of its bases is next to a base of a seqlet of the other allele.
    pub common: bool,
    /// Mean contribution of the bases of `other` less that of the seqlet. Without such bases the former is 0: what is not
    /// there contributes nothing.
    pub delta: f64,
    /// Its bases in the reference, from the first to the last, 0-based half-open; of inserted ones the place between two
    /// bases. `None` beyond the ends of the contig.
    pub reference: Option<(u64, u64)>,
    /// Whether the allele is read as its reverse complement.
    pub reverse: bool,
    /// Shape (length + flanks, 4): what each base would contribute, times the sign of the seqlet. Flanks are shorter at the
    /// ends of the allele.
    pub contributions: Array2<f32>,
}

impl PairSeqlet {
    /// Number of its pair.
    pub fn pair(&self) -> usize {
        self.seqlet.sequence / 2
    }

    /// 0 for haplotype 1, 1 for haplotype 2.
    pub fn allele(&self) -> usize {
        self.seqlet.sequence % 2
    }
}

/// Find the places of `seqlets`, which are sorted, by going through the pairs once more. Contributions are also those of
/// `flanks` bases on either side.
///
/// # Errors
/// A pair cannot be read, or is another one than when the seqlets were called.
pub fn locate(
    pairs: impl IntoIterator<Item = Result<FolderPair>>,
    convention: Convention,
    tracks: &Tracks,
    seqlets: Vec<Seqlet>,
    flanks: usize,
) -> Result<Vec<PairSeqlet>> {
    let mut located = Vec::with_capacity(seqlets.len());
    let mut rest = &seqlets[..];
    for (number, pair) in pairs.into_iter().enumerate() {
        let pair = pair?;
        let [one, two] = [2 * number + 1, 2 * number + 2].map(|end| {
            let (own, later) = rest.split_at(rest.partition_point(|seqlet| seqlet.sequence < end));
            rest = later;
            own
        });
        if one.is_empty() && two.is_empty() {
            continue;
        }
        let own_tracks = tracks.tracks.get(2 * number..2 * number + 2).unwrap_or_default();
        let as_before = own_tracks.iter().zip(&pair.maps).all(|(track, map)| track.len() == map.bases());
        if own_tracks.len() != 2 || !as_before {
            return Err(Error::mismatch(format!("pair {} has changed while it was read", number + 1)));
        }
        let side = SideBySide::new(pair.maps.each_ref());
        for (allele, (own, others)) in [(one, two), (two, one)].into_iter().enumerate() {
            if own.is_empty() {
                continue;
            }
            let contributions = convention.own(&pair, allele);
            let pieces = pair.maps[allele].pieces();
            let reverse = pair.maps[allele].is_reverse();
            for seqlet in own {
                let Seqlet { start, end, mean, .. } = *seqlet;
                let other = side.extent(allele, start..end);
                let of_other = |(from, to): (usize, usize)| {
                    own_tracks[1 - allele][from..to].iter().sum::<f64>() / (to - from) as f64
                };
                let within = |offset: usize| others.iter().any(|other| (other.start..other.end).contains(&offset));
                let sign = if mean < 0.0 { -1.0 } else { 1.0 };
                let shown = start.saturating_sub(flanks)..(end + flanks).min(contributions.ncols());
                located.push(PairSeqlet {
                    other,
                    common: side.aligned[allele][start..end].iter().flatten().any(|offset| within(*offset)),
                    delta: other.map_or(0.0, of_other) - mean,
                    reference: in_reference(&pieces, start..end, reverse),
                    reverse,
                    contributions: contributions.slice(s![.., shown]).t().mapv(|value| sign * value),
                    seqlet: seqlet.clone(),
                });
            }
        }
    }
    match rest.is_empty() {
        true => Ok(located),
        false => Err(Error::mismatch("there are seqlets of more pairs than were read")),
    }
}

/// Which base of the other allele is next to each base.
struct SideBySide {
    aligned: [Vec<Option<usize>>; 2],
}

impl SideBySide {
    fn new(maps: [&BaseMap; 2]) -> Self {
        let mut aligned = maps.map(|map| vec![None; map.bases()]);
        for [one, two] in side_by_side(maps) {
            if let (Some(one), Some(two)) = (one, two) {
                aligned[0][one] = Some(two);
                aligned[1][two] = Some(one);
            }
        }
        Self { aligned }
    }

    /// From the first to one past the last base of the other allele that is next to a base of `span`.
    fn extent(&self, allele: usize, span: Range<usize>) -> Option<(usize, usize)> {
        let mut aligned = self.aligned[allele][span].iter().flatten();
        let first = *aligned.next()?;
        Some((first, aligned.next_back().unwrap_or(&first) + 1))
    }
}

/// The bases of `span` in the reference, from the first to the last.
fn in_reference(pieces: &[MappedPiece], span: Range<usize>, reverse: bool) -> Option<(u64, u64)> {
    let mut found: Option<(u64, u64)> = None;
    for piece in pieces {
        let (from, to) = (span.start.max(piece.offset), span.end.min(piece.offset + piece.length));
        let Some((start, end)) = piece.reference.filter(|_| from < to) else { continue };
        let (before, after) = ((from - piece.offset) as u64, (piece.offset + piece.length - to) as u64);
        let (start, end) = match (start == end, reverse) {
            (true, _) => (start, end),
            (false, false) => (start + before, end - after),
            (false, true) => (start + after, end - before),
        };
        found = Some(found.map_or((start, end), |(least, most)| (least.min(start), most.max(end))));
    }
    found
}

#[cfg(test)]
#[path = "of_pairs_tests.rs"]
mod tests;
