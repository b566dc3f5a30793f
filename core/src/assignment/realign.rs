//! How likely a stretch of a read is under a haplotype's sequence.
//!
//! Costs are −10 log10 of a probability (Phred) in hundredths, so that sums are exact and the same everywhere.
//! A base of quality q is wrong with e = 10^(−q/10); it shows the haplotype's base with 1 − e and each of the
//! other three with e / 3. A gap costs once for its opening, and [`GAP_EXTENSION`] for every base after the first.

/// Hundredths of a Phred unit.
pub type Cost = i32;

/// One Phred unit.
pub const PHRED: Cost = 100;

/// Evidence from which a fragment is assigned: 95 % against 5 %, 10 log10(0.95 / 0.05).
pub const DECISIVE: Cost = 1279;

/// What a gap opening costs where the sequence does not repeat itself: one in 30,000, about what short-read
/// sequencers show.
pub const GAP_OPENING: Cost = 45 * PHRED;

/// What each further base of a gap costs.
pub const GAP_EXTENSION: Cost = 10 * PHRED;

/// No single site speaks louder than this: behind the best base there is still the chance that the read lies
/// in the wrong place or the genotype is wrong.
pub const LOUDEST: Cost = 45 * PHRED;

/// What leaving the haplotype within a clipped end costs, as at an adapter: a clipped end that fits to its last
/// base is evidence by itself.
pub const FOREIGN_OPENING: Cost = 13 * PHRED;

/// What each foreign base costs. One of four letters would be 6 Phred; half of it keeps the few that fit by chance
/// at the beginning of an adapter from counting as evidence.
pub const FOREIGN: Cost = 3 * PHRED;

/// Quality of bases whose file gives none.
const UNKNOWN_QUALITY: u8 = 30;

/// What opening a gap costs in a repeat of `units` equal units: two Phred less for each unit beyond the first,
/// 15 at the least, since polymerases slip in repeats.
pub fn gap_opening(units: usize) -> Cost {
    let units = Cost::try_from(units.saturating_sub(1)).unwrap_or(Cost::MAX / PHRED / 2).min(100);
    (GAP_OPENING - 2 * PHRED * units).max(15 * PHRED)
}

/// Costs of a base that fits and of one that does not, by quality.
pub struct BaseCosts {
    fits: [Cost; 256],
    differs: [Cost; 256],
    expected: [Cost; 256],
}

impl BaseCosts {
    /// Costs in which bases below `least` say nothing.
    pub fn new(least: u8) -> Self {
        let mut costs = Self { fits: [0; 256], differs: [0; 256], expected: [0; 256] };
        for quality in least..=255 {
            let known = if quality == 255 { UNKNOWN_QUALITY } else { quality };
            // A quality of 0 to 2 is no better than a guess among four.
            let error = 10f64.powf(-f64::from(known) / 10.0).min(0.75);
            let phred = |p: f64| (-1000.0 * p.log10()).round() as Cost;
            costs.fits[usize::from(quality)] = phred(1.0 - error);
            costs.differs[usize::from(quality)] = phred(error / 3.0);
            costs.expected[usize::from(quality)] = (error / 3.0 * f64::from(costs.contrast(quality))).ceil() as Cost;
        }
        costs
    }

    /// By how much a base that fits beats one that does not.
    pub fn contrast(&self, quality: u8) -> Cost {
        self.differs[usize::from(quality)] - self.fits[usize::from(quality)]
    }

    /// What a base of this quality is expected to say for the wrong side: its contrast as often as it errs.
    pub fn expected_error(&self, quality: u8) -> Cost {
        self.expected[usize::from(quality)]
    }

    /// Cost of showing `base` where the haplotype has `expected`; either may be N, which fits all.
    fn of(&self, base: u8, expected: u8, quality: u8) -> Cost {
        if base == b'N' || expected == b'N' {
            0
        } else if base == expected {
            self.fits[usize::from(quality)]
        } else {
            self.differs[usize::from(quality)]
        }
    }

    /// Cost of the stretch if every base fits, the least there can be.
    pub fn least(&self, bases: &[u8], qualities: &[u8]) -> Cost {
        bases.iter().zip(qualities).map(|(&b, &q)| self.of(b, b, q)).sum()
    }

    /// What the bases that differ cost beyond fitting, base by base without gaps; the haplotype must be as long.
    /// Bases at a clipped end may be foreign from any of them on.
    pub fn mismatches(&self, bases: &[u8], qualities: &[u8], haplotype: &[u8], left: End, right: End) -> Cost {
        let one = |i: usize| {
            let (b, h) = (bases[i], haplotype[i]);
            if b == h || b == b'N' || h == b'N' {
                0
            } else {
                self.contrast(qualities[i])
            }
        };
        let n = bases.len();
        let (first, last) = (left.clipped().min(n), n - right.clipped().min(n - left.clipped().min(n)));
        let core: Cost = (first..last).map(one).sum();
        core + foreign_end((0..first).rev().map(one)) + foreign_end((last..n).map(one))
    }
}

/// The cheapest cost of a clipped end whose bases, from the inside out, cost `each` where they are not foreign.
fn foreign_end(each: impl ExactSizeIterator<Item = Cost>) -> Cost {
    let mut left = each.len() as Cost;
    if left == 0 {
        return 0;
    }
    let mut sum = 0;
    let mut best = FOREIGN_OPENING + FOREIGN * left;
    for cost in each {
        sum += cost;
        left -= 1;
        best = best.min(if left == 0 { sum } else { sum + FOREIGN_OPENING + FOREIGN * left });
    }
    best
}

/// The end of a stretch of a read that is aligned to a haplotype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It continues on both sides of the border: read and haplotype must come together there.
    Fixed,
    /// The read ends: wherever the haplotype goes on is free. So many of its bases are clipped and may be
    /// foreign.
    Free(usize),
}

impl End {
    /// How many bases may be foreign.
    pub fn clipped(self) -> usize {
        match self {
            End::Fixed => 0,
            End::Free(clipped) => clipped,
        }
    }
}

/// Rows of the alignment, kept between calls.
#[derive(Default)]
pub struct Aligner {
    fits: Vec<Cost>,
    inserted: Vec<Cost>,
    deleted: Vec<Cost>,
}

/// Larger than any cost that can be reached.
const NEVER: Cost = Cost::MAX / 4;

impl Aligner {
    /// Cost of the cheapest alignment of a stretch of a read to a stretch of a haplotype, with affine gaps
    /// (Gotoh 1982). A base that is inserted costs its gap and what a fitting base costs.
    #[allow(clippy::too_many_arguments)]
    pub fn align(
        &mut self,
        costs: &BaseCosts,
        opening: Cost,
        bases: &[u8],
        qualities: &[u8],
        haplotype: &[u8],
        left: End,
        right: End,
    ) -> Cost {
        let width = haplotype.len() + 1;
        for row in [&mut self.fits, &mut self.inserted, &mut self.deleted] {
            row.clear();
            row.resize(width, NEVER);
        }
        // fits[j], inserted[j], deleted[j]: the cheapest way to have read all bases so far and j of the
        // haplotype, by how the last step was made.
        self.fits[0] = 0;
        for j in 1..width {
            match left {
                End::Free(_) => self.fits[j] = 0,
                End::Fixed => self.deleted[j] = opening + GAP_EXTENSION.saturating_mul(j as Cost - 1).min(NEVER / 2),
            }
        }
        let n = bases.len();
        let mut foreign = NEVER;
        for (i, (&base, &quality)) in bases.iter().zip(qualities).enumerate() {
            if n - i <= right.clipped() {
                foreign = foreign.min(self.least() + FOREIGN_OPENING + FOREIGN * (n - i) as Cost);
            }
            let plain = costs.of(base, base, quality);
            let (mut diagonal_fits, mut diagonal_inserted, mut diagonal_deleted) =
                (self.fits[0], self.inserted[0], self.deleted[0]);
            let enter = (self.fits[0] + opening).min(self.inserted[0] + GAP_EXTENSION);
            self.fits[0] = NEVER;
            self.inserted[0] = (enter + plain).min(NEVER);
            self.deleted[0] = NEVER;
            for j in 1..width {
                let (above_fits, above_inserted, above_deleted) = (self.fits[j], self.inserted[j], self.deleted[j]);
                let best = diagonal_fits.min(diagonal_inserted).min(diagonal_deleted);
                self.fits[j] = (best + costs.of(base, haplotype[j - 1], quality)).min(NEVER);
                let enter = (above_fits + opening).min(above_inserted + GAP_EXTENSION).min(above_deleted + opening);
                self.inserted[j] = (enter + plain).min(NEVER);
                let enter = (self.fits[j - 1] + opening)
                    .min(self.deleted[j - 1] + GAP_EXTENSION)
                    .min(self.inserted[j - 1] + opening);
                self.deleted[j] = enter.min(NEVER);
                (diagonal_fits, diagonal_inserted, diagonal_deleted) = (above_fits, above_inserted, above_deleted);
            }
            if i < left.clipped() {
                let begun = FOREIGN_OPENING + FOREIGN * (i + 1) as Cost;
                self.fits.iter_mut().for_each(|cost| *cost = begun.min(*cost));
            }
        }
        match right {
            End::Fixed => self.at(width - 1),
            End::Free(_) => self.least().min(foreign),
        }
    }

    fn at(&self, j: usize) -> Cost {
        self.fits[j].min(self.inserted[j]).min(self.deleted[j])
    }

    fn least(&self) -> Cost {
        (0..self.fits.len()).map(|j| self.at(j)).min().unwrap_or(NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn costs_are_known_on_paper() {
        let costs = BaseCosts::new(0);
        // Quality 10: wrong one time in ten.
        assert_eq!(costs.of(b'A', b'A', 10), 46);
        assert_eq!(costs.of(b'A', b'C', 10), 1477);
        assert_eq!(costs.of(b'N', b'C', 10), 0);
        assert_eq!(costs.contrast(255), costs.contrast(30));
        assert_eq!(costs.contrast(0), 0);
        assert_eq!(BaseCosts::new(13).contrast(12), 0);
        assert!(BaseCosts::new(13).contrast(13) > DECISIVE);
        assert_eq!((gap_opening(1), gap_opening(4), gap_opening(1000)), (4500, 3900, 1500));
    }

    fn align(bases: &[u8], haplotype: &[u8], left: End, right: End) -> Cost {
        let qualities = vec![40; bases.len()];
        let costs = BaseCosts::new(0);
        let cost = Aligner::default().align(&costs, GAP_OPENING, bases, &qualities, haplotype, left, right);
        cost - costs.least(bases, &qualities)
    }

    #[test]
    fn gaps_ends_and_mismatches() {
        use End::Fixed;
        #[allow(non_upper_case_globals)]
        const Free: End = End::Free(0);
        let wrong = BaseCosts::new(0).contrast(40);
        assert_eq!(align(b"ACGT", b"ACGT", Fixed, Fixed), 0);
        assert_eq!(align(b"ACCT", b"ACGT", Fixed, Fixed), wrong);
        assert_eq!(align(b"ACGTT", b"ACGT", Fixed, Fixed), GAP_OPENING);
        assert_eq!(align(b"ACT", b"ACGGT", Fixed, Fixed), GAP_OPENING + GAP_EXTENSION);
        assert_eq!(align(b"ACG", b"ACGTTTT", Fixed, Free), 0);
        assert_eq!(align(b"TTA", b"GGGTTA", Free, Fixed), 0);
        assert_eq!(align(b"GGT", b"AAGGTCC", Free, Free), 0);
        assert_eq!(align(b"", b"", Fixed, Fixed), 0);
        assert_eq!(align(b"", b"AC", Fixed, Fixed), GAP_OPENING + GAP_EXTENSION);
        assert_eq!(align(b"AC", b"", Fixed, Fixed), GAP_OPENING + GAP_EXTENSION);
        // Clipped bases that fit cost nothing; an adapter costs the same everywhere.
        assert_eq!(align(b"ACGT", b"ACGT", Fixed, End::Free(3)), 0);
        let costs = BaseCosts::new(0);
        let adapter = FOREIGN_OPENING + 2 * FOREIGN - 2 * costs.of(b'A', b'A', 40);
        assert_eq!(align(b"ACTT", b"ACGG", Fixed, End::Free(2)), adapter);
        assert_eq!(align(b"TTAC", b"GGAC", End::Free(2), Fixed), adapter);
        let ungapped = |b: &[u8], h: &[u8], l, r| costs.mismatches(b, &[40; 8][..b.len()], h, l, r);
        assert_eq!(ungapped(b"ACTT", b"ACGG", Fixed, End::Free(2)), FOREIGN_OPENING + 2 * FOREIGN);
        assert_eq!(ungapped(b"TTAC", b"GGAC", End::Free(2), Fixed), FOREIGN_OPENING + 2 * FOREIGN);
        assert_eq!(ungapped(b"ACTG", b"ACGG", Fixed, End::Free(2)), FOREIGN_OPENING + 2 * FOREIGN);
        assert_eq!(ungapped(b"ACTT", b"ACGT", Fixed, Fixed), wrong);
    }

    /// All alignments, one step after the other.
    fn brute(costs: &BaseCosts, b: &[u8], q: &[u8], h: &[u8], right: End, last: u8) -> Cost {
        let mut best = if b.is_empty() && (h.is_empty() || right != End::Fixed) { 0 } else { NEVER };
        if !b.is_empty() && b.len() <= right.clipped() {
            best = FOREIGN_OPENING + FOREIGN * b.len() as Cost;
        }
        if let (Some(&x), Some(&y)) = (b.first(), h.first()) {
            best = best.min(costs.of(x, y, q[0]) + brute(costs, &b[1..], &q[1..], &h[1..], right, b'M'));
        }
        let gap = |kind: u8| if last == kind { GAP_EXTENSION } else { GAP_OPENING };
        if let Some(&x) = b.first() {
            best = best.min(gap(b'I') + costs.of(x, x, q[0]) + brute(costs, &b[1..], &q[1..], h, right, b'I'));
        }
        if !h.is_empty() {
            best = best.min(gap(b'D') + brute(costs, b, q, &h[1..], right, b'D'));
        }
        best
    }

    proptest! {
        #[test]
        fn cheapest_of_all_alignments(b in "[ACN]{0,5}", h in "[ACN]{0,5}", q in prop::collection::vec(0u8..60, 5),
                                      left_free: bool, right_free: bool,
                                      clips in (0usize..4, 0usize..4)) {
            let costs = BaseCosts::new(5);
            let end = |free, clipped| if free { End::Free(clipped) } else { End::Fixed };
            let (b, h, q) = (b.as_bytes(), h.as_bytes(), &q[..b.len()]);
            let (left, right) = (end(left_free, clips.0.min(b.len())), end(right_free, clips.1.min(b.len())));
            let got = Aligner::default().align(&costs, GAP_OPENING, b, q, h, left, right);
            let starts = if left_free { 0..=h.len() } else { 0..=0 };
            let mut expected = starts.map(|s| brute(&costs, b, q, &h[s..], right, b'M')).min().unwrap();
            for i in 1..=left.clipped() {
                let begun = FOREIGN_OPENING + FOREIGN * i as Cost;
                let rest = (0..=h.len()).map(|s| brute(&costs, &b[i..], &q[i..], &h[s..], right, b'M')).min().unwrap();
                expected = expected.min(begun + rest);
            }
            prop_assert_eq!(got, expected);
        }
    }
}
