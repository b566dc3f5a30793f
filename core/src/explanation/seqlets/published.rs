//! The seqlets of the published DeepAllele (Tu et al. 2025): runs of positions whose normalised attribution exceeds a
//! cut-off, all of one sign, with short gaps.

use super::{sort, Seqlet};

/// Parameters of the scan; the default values are the published ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// A position is significant if its normalised attribution is larger than this, or smaller than its negative.
    pub cut: f64,
    /// Gap positions that a run may have between two of its significant positions.
    pub max_gap: usize,
    /// Significant positions that a run needs.
    pub min_significant: usize,
}

impl Default for Published {
    fn default() -> Self {
        Self { cut: 1.96, max_gap: 1, min_significant: 4 }
    }
}

/// A run of significant positions of one sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The significant positions, 0-based and ascending; those in gaps are not among them.
    pub positions: Vec<usize>,
    /// The sign of their attributions.
    pub positive: bool,
}

/// The published normaliser: the root of the mean of the squared attributions. The published one is taken over all
/// sequences, bases and alleles together, padding included. NaN without values.
pub fn root_mean_square(attributions: impl IntoIterator<Item = f64>) -> f64 {
    let (mut squares, mut number) = (0.0, 0u64);
    for value in attributions {
        squares += value * value;
        number += 1;
    }
    (squares / number as f64).sqrt()
}

/// Scan one track of normalised attributions (of the present bases, without padding) from left to right.
///
/// The first significant position of a run gives its sign. A position that is not significant, or significant with the
/// other sign, is a gap if the mean of the track within `max_gap` positions on either side, times the sign of the run,
/// is below the cut-off; otherwise the scan passes over it. A run ends at the first gap position beyond `max_gap`. The
/// scan then goes on `max_gap` positions before that one, so that a gap of one run can begin the next.
pub fn scan(track: &[f64], parameters: &Published) -> Vec<Run> {
    let Published { cut, max_gap, min_significant } = *parameters;
    let mut runs = Vec::new();
    let mut run = Run { positions: Vec::new(), positive: true };
    let mut gaps = 0;
    let mut i = 0;
    while i < track.len() {
        let significant = track[i].abs() > cut;
        if run.positions.is_empty() {
            if significant {
                run = Run { positions: vec![i], positive: track[i] > 0.0 };
                gaps = 0;
            }
        } else if significant && (track[i] > 0.0) == run.positive {
            run.positions.push(i);
            gaps = 0;
        } else if is_gap(track, i, run.positive, parameters) {
            gaps += 1;
            if gaps > max_gap {
                let ended = std::mem::take(&mut run.positions);
                if ended.len() >= min_significant {
                    runs.push(Run { positions: ended, positive: run.positive });
                }
                // Only as many positions back as there were gaps: those passed over in between are not counted.
                i -= gaps;
            }
        }
        i += 1;
    }
    if !run.positions.is_empty() && run.positions.len() >= min_significant {
        runs.push(run);
    }
    runs
}

fn is_gap(track: &[f64], i: usize, positive: bool, parameters: &Published) -> bool {
    let around = &track[i.saturating_sub(parameters.max_gap)..track.len().min(i + parameters.max_gap + 1)];
    let mean = around.iter().sum::<f64>() / around.len() as f64;
    (if positive { mean } else { -mean }) < parameters.cut
}

/// The seqlets of all tracks, from the first to the last significant position of each run. `tracks` are attributions of
/// the present bases, divided here by `normaliser` (see [`root_mean_square`]; 1 for attributions that are normalised
/// already); the mean of a seqlet is that of the track as given. No seqlets if the normaliser is not positive.
pub fn call<T: AsRef<[f64]>>(tracks: &[T], normaliser: f64, parameters: &Published) -> Vec<Seqlet> {
    if normaliser.is_nan() || normaliser <= 0.0 {
        return Vec::new();
    }
    let mut seqlets = Vec::new();
    for (sequence, track) in tracks.iter().enumerate() {
        let track = track.as_ref();
        let normalised: Vec<f64> = track.iter().map(|value| value / normaliser).collect();
        for run in scan(&normalised, parameters) {
            let (first, last) = (run.positions[0], run.positions[run.positions.len() - 1]);
            seqlets.push(Seqlet::of(sequence, first, last + 1, track));
        }
    }
    sort(&mut seqlets);
    seqlets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn positions(track: &[f64]) -> Vec<Vec<usize>> {
        scan(track, &Published::default()).into_iter().map(|run| run.positions).collect()
    }

    /// The examples of the description of the published method.
    #[test]
    fn published_examples() {
        assert_eq!(positions(&[0.0, 3.0, 3.0, 0.0, 3.0, 3.0, 0.0, 0.0]), [[1, 2, 4, 5]]);
        assert!(positions(&[3.0, 3.0, 0.0, 0.0, 3.0, 3.0]).is_empty());
        let both = [3.0, 3.0, 3.0, 3.0, -3.0, -3.0, -3.0, -3.0];
        assert_eq!(positions(&both), [[0, 1, 2, 3], [4, 5, 6, 7]]);
        assert_eq!(scan(&both, &Published::default()).iter().map(|r| r.positive).collect::<Vec<_>>(), [true, false]);
        assert_eq!(positions(&[9.0, 9.0, 1.0, 1.0, 9.0, 9.0, 0.0, 0.0]), [[0, 1, 4, 5]]);
        assert!(positions(&[3.0, 3.0, 3.0, 0.0, 0.0, 0.0]).is_empty());
    }

    #[test]
    fn seqlets_of_normalised_tracks() {
        let tracks = [vec![0.0; 8], vec![0.0, 6.0, 6.0, 0.0, 6.0, 6.0, 0.0, 0.0], vec![-6.0; 4]];
        let called = call(&tracks, 2.0, &Published::default());
        let place = |s: &Seqlet| (s.sequence, s.start, s.end, s.mean);
        assert_eq!(called.iter().map(place).collect::<Vec<_>>(), [(1, 1, 6, 4.8), (2, 0, 4, -6.0)]);
        assert!(call(&tracks, 0.0, &Published::default()).is_empty());
        assert!(call(&tracks, f64::NAN, &Published::default()).is_empty());
        assert!((root_mean_square([3.0, 4.0, 0.0, 0.0]) - 2.5).abs() < 1e-15);
        assert!(root_mean_square([]).is_nan());
    }

    /// The same rule without a scan: what a position is to a run depends on the sign alone, so each run is read off a
    /// word of letters (m member, g gap, - neither) that starts at its first position.
    fn from_words(track: &[f64], parameters: &Published) -> Vec<Run> {
        let Published { cut, max_gap, min_significant } = *parameters;
        let word = |sign: f64| -> Vec<char> {
            let letter = |i: usize| {
                let from = i.saturating_sub(max_gap);
                let around: Vec<f64> = (from..=i + max_gap).filter_map(|j| track.get(j)).copied().collect();
                let mean = around.iter().sum::<f64>() / around.len() as f64;
                match sign * track[i] > cut {
                    true => 'm',
                    false if sign * mean < cut => 'g',
                    false => '-',
                }
            };
            (0..track.len()).map(letter).collect()
        };
        let words = [word(1.0), word(-1.0)];
        let mut runs = Vec::new();
        let mut from = 0;
        while let Some(first) = (from..track.len()).find(|&i| track[i].abs() > cut) {
            let positive = track[first] > 0.0;
            let word = &words[usize::from(!positive)];
            // Gaps since the last member, at each position of the run.
            let gaps_at =
                |i: usize| word[first..=i].iter().rev().take_while(|l| **l != 'm').filter(|l| **l == 'g').count();
            let end = (first..track.len()).find(|&i| gaps_at(i) > max_gap);
            let positions: Vec<usize> = (first..end.unwrap_or(track.len())).filter(|&i| word[i] == 'm').collect();
            if positions.len() >= min_significant {
                runs.push(Run { positions, positive });
            }
            match end {
                Some(end) => from = end - max_gap,
                None => break,
            }
        }
        runs
    }

    proptest! {
        #[test]
        fn the_scan_reads_runs_off_words(
            track in prop::collection::vec(prop::sample::select(vec![-9.0, -3.0, -1.0, 0.0, 1.0, 2.5, 9.0]), 0..60),
            max_gap in 0usize..4,
            min_significant in 1usize..6,
        ) {
            let parameters = Published { cut: 1.96, max_gap, min_significant };
            prop_assert_eq!(scan(&track, &parameters), from_words(&track, &parameters));
        }

        #[test]
        fn exchanged_signs_exchange_runs(track in prop::collection::vec(-4.0f64..4.0, 0..60)) {
            let negated: Vec<f64> = track.iter().map(|v| -v).collect();
            let mut runs = scan(&negated, &Published::default());
            runs.iter_mut().for_each(|run| run.positive = !run.positive);
            prop_assert_eq!(scan(&track, &Published::default()), runs);
        }
    }
}
