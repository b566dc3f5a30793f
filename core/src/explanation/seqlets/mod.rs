//! Seqlets: short spans of a sequence whose bases have a high attribution of one sign.
//!
//! | module | what it holds |
//! |---|---|
//! | [`published`] | the scan of the published DeepAllele: a cut-off on normalised attributions |
//! | [`recursive`] | improbable spans, as tangermeme calls them, with control of the false discovery rate |
//! | [`of_pairs`] | those of both alleles of many pairs, with their place in the other allele |
//! | [`shuffled`] | contributions in shuffled sequences, for the false discovery rate |
//!
//! Callers read a track for each sequence: the attribution of the base that is present at each position
//! ([`of_present_bases`](super::attributions::of_present_bases)).

pub mod of_pairs;
pub mod published;
pub mod recursive;
#[cfg(feature = "onnx")]
pub mod shuffled;

/// A span of one sequence with high attribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Seqlet {
    /// Index of the sequence among those searched.
    pub sequence: usize,
    /// First base, 0-based in the sequence.
    pub start: usize,
    /// One past the last base.
    pub end: usize,
    /// Mean attribution of the present bases of the span, in the unit of the track; its sign is the seqlet's.
    pub mean: f64,
    /// p-value of the span, where the caller gives one.
    pub p_value: Option<f64>,
}

impl Seqlet {
    /// The span `start..end` of the track of sequence `sequence`.
    ///
    /// # Panics
    /// The span is empty or not within the track.
    pub fn of(sequence: usize, start: usize, end: usize, track: &[f64]) -> Self {
        assert!(start < end, "an empty seqlet");
        let mean = track[start..end].iter().sum::<f64>() / (end - start) as f64;
        Self { sequence, start, end, mean, p_value: None }
    }

    /// Number of bases.
    pub fn length(&self) -> usize {
        self.end - self.start
    }

    /// True if both have at least one base of the same sequence.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.sequence == other.sequence && self.start < other.end && other.start < self.end
    }
}

/// Sort by sequence, start and end; seqlets at the same place positive first. The order of every list of seqlets here.
pub fn sort(seqlets: &mut [Seqlet]) {
    seqlets.sort_by(|a, b| {
        let place = (a.sequence, a.start, a.end).cmp(&(b.sequence, b.start, b.end));
        place.then(b.mean.total_cmp(&a.mean))
    });
}

/// Seqlets of both signs in one sorted list, without the negative ones that overlap a positive one: the two signs are
/// called one after the other, and a base belongs to at most one seqlet.
pub fn join_signs(mut positive: Vec<Seqlet>, mut negative: Vec<Seqlet>) -> Vec<Seqlet> {
    sort(&mut positive);
    // Called for one sign, seqlets of a sequence do not overlap, so their ends are in order, too.
    negative.retain(|seqlet| {
        let next = positive.partition_point(|p| (p.sequence, p.end) <= (seqlet.sequence, seqlet.start));
        positive.get(next).is_none_or(|p| !p.overlaps(seqlet))
    });
    positive.append(&mut negative);
    sort(&mut positive);
    positive
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_seqlet_has_the_mean_of_its_bases() {
        let seqlet = Seqlet::of(3, 1, 3, &[9.0, 1.0, 2.0, 9.0]);
        assert_eq!((seqlet.mean, seqlet.length(), seqlet.p_value), (1.5, 2, None));
    }

    fn spans(lengths: &[(usize, usize)], sign: f64) -> Vec<Seqlet> {
        let mut end = 0;
        let mut called = Vec::new();
        for (i, &(gap, length)) in lengths.iter().enumerate() {
            let start = end + gap;
            end = start + length;
            called.push(Seqlet { sequence: i % 2, start, end, mean: sign, p_value: None });
        }
        called
    }

    proptest! {
        #[test]
        fn a_negative_seqlet_that_overlaps_is_dropped(
            positive in prop::collection::vec((0usize..9, 1usize..9), 0..9),
            negative in prop::collection::vec((0usize..9, 1usize..9), 0..9),
        ) {
            let (positive, negative) = (spans(&positive, 1.0), spans(&negative, -1.0));
            let mut truth = positive.clone();
            truth.extend(negative.iter().filter(|n| positive.iter().all(|p| !p.overlaps(n))).cloned());
            sort(&mut truth);
            prop_assert_eq!(join_signs(positive, negative), truth);
        }
    }
}
