//! Realignment of a part of a read to haplotype sequences, as Phred-scaled costs (see [`crate::assignment::phred`]).

use crate::assignment::phred::{BaseCosts, PhredCost, ADAPTER, ADAPTER_OPENING, GAP_EXTENSION, PHRED};

/// Haplotype bases beyond the length of a segment that are within reach of a semi-global end.
pub(super) const ROOM: usize = 16;

/// A segment that costs this much under both haplotypes, and more than their difference, fits neither: an adapter, or
/// sequence from another locus.
const UNFIT: PhredCost = 50 * PHRED;

/// How one end of a segment is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentEnd {
    /// The read continues: the alignment reaches the end of the haplotype sequence.
    Global,
    /// The read ends: haplotype bases beyond it are free. Its outermost `soft_clipped` bases may be those of an adapter.
    SemiGlobal {
        /// Number of soft-clipped bases.
        soft_clipped: usize,
    },
}

impl SegmentEnd {
    /// Number of soft-clipped bases.
    pub fn soft_clipped(self) -> usize {
        match self {
            SegmentEnd::Global => 0,
            SegmentEnd::SemiGlobal { soft_clipped } => soft_clipped,
        }
    }

    /// Highest cost of adapter bases at this end. They cost the same under both haplotypes.
    fn adapter_cost(self) -> PhredCost {
        match self.soft_clipped() {
            0 => 0,
            n => ADAPTER_OPENING + ADAPTER * n as PhredCost,
        }
    }
}

/// A part of a read that is aligned as a whole.
#[derive(Clone, Copy, Debug)]
pub struct ReadSegment<'a> {
    /// Bases, upper case.
    pub bases: &'a [u8],
    /// Base qualities, as many.
    pub qualities: &'a [u8],
    /// How its left end is aligned.
    pub left: SegmentEnd,
    /// How its right end is aligned.
    pub right: SegmentEnd,
}

/// Comparison of a segment with two haplotypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLlr {
    /// Log-likelihood ratio, positive for haplotype 1; 0 if `unfit`.
    pub llr: PhredCost,
    /// Lower of the two costs.
    pub cost: PhredCost,
    /// It fits neither haplotype.
    pub unfit: bool,
}

impl ReadSegment<'_> {
    /// Number of bases.
    pub fn len(&self) -> usize {
        self.bases.len()
    }

    /// True if it has no bases.
    pub fn is_empty(&self) -> bool {
        self.bases.is_empty()
    }

    /// Number of soft-clipped bases at both ends.
    pub fn soft_clipped(&self) -> usize {
        self.left.soft_clipped() + self.right.soft_clipped()
    }

    /// True if both ends are semi-global: the read may begin anywhere on the haplotype.
    pub fn is_free(&self) -> bool {
        self.left != SegmentEnd::Global && self.right != SegmentEnd::Global
    }

    /// The part of a haplotype that the alignment needs, of indices `first..last`: next to a global end, the
    /// segment's length and `ROOM`.
    pub fn window(&self, (first, last): (usize, usize)) -> (usize, usize) {
        let needed = self.len() + ROOM;
        match (self.left, self.right) {
            (SegmentEnd::Global, SegmentEnd::SemiGlobal { .. }) => (first, last.min(first + needed)),
            (SegmentEnd::SemiGlobal { .. }, SegmentEnd::Global) => (first.max(last.saturating_sub(needed)), last),
            _ => (first, last),
        }
    }

    /// Indices of a haplotype that the segment covers in `first..last`, as far as its global ends determine them.
    pub fn reach(&self, (first, last): (usize, usize)) -> (usize, usize) {
        match (self.left, self.right) {
            (SegmentEnd::Global, SegmentEnd::SemiGlobal { .. }) => (first, first + self.len()),
            (SegmentEnd::SemiGlobal { .. }, SegmentEnd::Global) => (last.saturating_sub(self.len()), last),
            _ => (first, last),
        }
    }

    /// Cost beyond a perfect match without gaps. None where global ends do not determine which bases face each other.
    pub fn ungapped(&self, costs: &BaseCosts, haplotype: &[u8]) -> Option<PhredCost> {
        let n = self.len();
        let spare = haplotype.len().checked_sub(n)?;
        let facing = match (self.left, self.right) {
            (SegmentEnd::Global, SegmentEnd::Global) if spare == 0 => haplotype,
            (SegmentEnd::Global, SegmentEnd::SemiGlobal { .. }) => &haplotype[..n],
            (SegmentEnd::SemiGlobal { .. }, SegmentEnd::Global) => &haplotype[spare..],
            _ => return None,
        };
        let one = |i: usize| {
            let (b, h) = (self.bases[i], facing[i]);
            if b == h || b == b'N' || h == b'N' {
                0
            } else {
                costs.llr(self.qualities[i])
            }
        };
        // A soft clip may be adapter from any of its bases on.
        let first = self.left.soft_clipped().min(n);
        let last = n - self.right.soft_clipped().min(n - first);
        let core: PhredCost = (first..last).map(one).sum();
        Some(core + soft_clip_cost((0..first).rev().map(one)) + soft_clip_cost((last..n).map(one)))
    }

    /// Cost beyond a perfect match of the cheapest alignment. A gap costs its `opening`.
    pub fn gapped(&self, aligner: &mut Aligner, haplotype: &[u8], opening: PhredCost) -> PhredCost {
        aligner.align(self, haplotype, opening) - aligner.costs.least(self.bases, self.qualities)
    }

    /// Cost beyond a perfect match under one haplotype; costs of `enough` or more need not be exact. The alignment with
    /// gaps is spared where the one without costs no more than a gap.
    pub fn against(&self, aligner: &mut Aligner, haplotype: &[u8], opening: PhredCost, enough: PhredCost) -> PhredCost {
        let (first, last) = self.window((0, haplotype.len()));
        let haplotype = &haplotype[first..last];
        match self.ungapped(&aligner.costs, haplotype) {
            Some(cost) if cost <= opening => cost,
            Some(_) if opening >= enough => opening,
            _ => self.gapped(aligner, haplotype, opening),
        }
    }

    /// Costs under both haplotypes if the segment equals one of them base by base, as most do: then the other costs its
    /// mismatches, or as much as a gap, since nothing else is cheaper.
    pub fn exact(&self, costs: &BaseCosts, haplotypes: [&[u8]; 2], opening: PhredCost) -> Option<[PhredCost; 2]> {
        let ungapped = haplotypes.map(|h| self.ungapped(costs, h));
        let known = ungapped.iter().all(Option::is_some) || self.soft_clipped() == 0;
        (known && ungapped.contains(&Some(0))).then(|| ungapped.map(|cost| cost.unwrap_or(opening).min(opening)))
    }

    /// The log-likelihood ratio from the costs under both haplotypes, at most that of a gap's `opening`.
    pub fn llr(&self, [first, second]: [PhredCost; 2], opening: PhredCost) -> SegmentLlr {
        let llr = (second - first).clamp(-opening, opening);
        let cost = first.min(second);
        let beyond_adapters = cost - self.left.adapter_cost() - self.right.adapter_cost();
        let unfit = beyond_adapters >= UNFIT && beyond_adapters > llr.abs();
        SegmentLlr { llr: if unfit { 0 } else { llr }, cost, unfit }
    }
}

/// The lowest cost of a soft clip whose bases cost `each`, from the inside out, where they are not those of an adapter.
fn soft_clip_cost(each: impl ExactSizeIterator<Item = PhredCost>) -> PhredCost {
    let mut left = each.len() as PhredCost;
    if left == 0 {
        return 0;
    }
    let mut sum = 0;
    let mut best = ADAPTER_OPENING + ADAPTER * left;
    for cost in each {
        sum += cost;
        left -= 1;
        best = best.min(if left == 0 { sum } else { sum + ADAPTER_OPENING + ADAPTER * left });
    }
    best
}

/// Aligns segments with affine gaps. The rows of the dynamic programme are reused.
pub struct Aligner {
    /// Costs of bases.
    pub costs: BaseCosts,
    matched: Vec<PhredCost>,
    inserted: Vec<PhredCost>,
    deleted: Vec<PhredCost>,
}

/// Larger than any cost that can be reached.
const NEVER: PhredCost = PhredCost::MAX / 4;

impl Aligner {
    /// With `costs` of bases.
    pub fn new(costs: BaseCosts) -> Self {
        Self { costs, matched: Vec::new(), inserted: Vec::new(), deleted: Vec::new() }
    }

    /// Cost of the cheapest alignment of a segment to a haplotype with affine gaps (Gotoh 1982). An inserted base
    /// costs its gap and what a matching base costs.
    pub fn align(&mut self, segment: &ReadSegment, haplotype: &[u8], opening: PhredCost) -> PhredCost {
        let &ReadSegment { bases, qualities, left, right } = segment;
        let width = haplotype.len() + 1;
        for row in [&mut self.matched, &mut self.inserted, &mut self.deleted] {
            row.clear();
            row.resize(width, NEVER);
        }
        // matched[j], inserted[j], deleted[j]: the lowest cost of all bases so far and j of the haplotype, by the last
        // step.
        self.matched[0] = 0;
        for j in 1..width {
            match left {
                SegmentEnd::SemiGlobal { .. } => self.matched[j] = 0,
                SegmentEnd::Global => {
                    self.deleted[j] = opening + GAP_EXTENSION.saturating_mul(j as PhredCost - 1).min(NEVER / 2)
                }
            }
        }
        let n = bases.len();
        let mut adapter = NEVER;
        for (i, (&base, &quality)) in bases.iter().zip(qualities).enumerate() {
            if n - i <= right.soft_clipped() {
                adapter = adapter.min(self.least() + ADAPTER_OPENING + ADAPTER * (n - i) as PhredCost);
            }
            let matching = self.costs.of(base, base, quality);
            let (mut diagonal_matched, mut diagonal_inserted, mut diagonal_deleted) =
                (self.matched[0], self.inserted[0], self.deleted[0]);
            let enter = (self.matched[0] + opening).min(self.inserted[0] + GAP_EXTENSION);
            self.matched[0] = NEVER;
            self.inserted[0] = (enter + matching).min(NEVER);
            self.deleted[0] = NEVER;
            for j in 1..width {
                let (above_matched, above_inserted, above_deleted) =
                    (self.matched[j], self.inserted[j], self.deleted[j]);
                let best = diagonal_matched.min(diagonal_inserted).min(diagonal_deleted);
                self.matched[j] = (best + self.costs.of(base, haplotype[j - 1], quality)).min(NEVER);
                let enter = (above_matched + opening).min(above_inserted + GAP_EXTENSION).min(above_deleted + opening);
                self.inserted[j] = (enter + matching).min(NEVER);
                let enter = (self.matched[j - 1] + opening)
                    .min(self.deleted[j - 1] + GAP_EXTENSION)
                    .min(self.inserted[j - 1] + opening);
                self.deleted[j] = enter.min(NEVER);
                (diagonal_matched, diagonal_inserted, diagonal_deleted) =
                    (above_matched, above_inserted, above_deleted);
            }
            if i < left.soft_clipped() {
                let begun = ADAPTER_OPENING + ADAPTER * (i + 1) as PhredCost;
                self.matched.iter_mut().for_each(|cost| *cost = begun.min(*cost));
            }
        }
        match right {
            SegmentEnd::Global => self.at(width - 1),
            SegmentEnd::SemiGlobal { .. } => self.least().min(adapter),
        }
    }

    fn at(&self, j: usize) -> PhredCost {
        self.matched[j].min(self.inserted[j]).min(self.deleted[j])
    }

    fn least(&self) -> PhredCost {
        (0..self.matched.len()).map(|j| self.at(j)).min().unwrap_or(NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::phred::GAP_OPENING;
    use proptest::prelude::*;

    const GLOBAL: SegmentEnd = SegmentEnd::Global;
    const FREE: SegmentEnd = SegmentEnd::SemiGlobal { soft_clipped: 0 };

    fn clipped(soft_clipped: usize) -> SegmentEnd {
        SegmentEnd::SemiGlobal { soft_clipped }
    }

    fn align(bases: &[u8], haplotype: &[u8], left: SegmentEnd, right: SegmentEnd) -> PhredCost {
        let segment = ReadSegment { bases, qualities: &[40; 8][..bases.len()], left, right };
        segment.gapped(&mut Aligner::new(BaseCosts::new(0)), haplotype, GAP_OPENING)
    }

    #[test]
    fn gaps_ends_and_mismatches() {
        let costs = BaseCosts::new(0);
        let wrong = costs.llr(40);
        assert_eq!(align(b"ACGT", b"ACGT", GLOBAL, GLOBAL), 0);
        assert_eq!(align(b"ACCT", b"ACGT", GLOBAL, GLOBAL), wrong);
        assert_eq!(align(b"ACGTT", b"ACGT", GLOBAL, GLOBAL), GAP_OPENING);
        assert_eq!(align(b"ACT", b"ACGGT", GLOBAL, GLOBAL), GAP_OPENING + GAP_EXTENSION);
        assert_eq!(align(b"ACG", b"ACGTTTT", GLOBAL, FREE), 0);
        assert_eq!(align(b"TTA", b"GGGTTA", FREE, GLOBAL), 0);
        assert_eq!(align(b"GGT", b"AAGGTCC", FREE, FREE), 0);
        assert_eq!(align(b"", b"", GLOBAL, GLOBAL), 0);
        assert_eq!(align(b"", b"AC", GLOBAL, GLOBAL), GAP_OPENING + GAP_EXTENSION);
        assert_eq!(align(b"AC", b"", GLOBAL, GLOBAL), GAP_OPENING + GAP_EXTENSION);
        // Soft-clipped bases that match cost nothing; an adapter costs the same everywhere.
        assert_eq!(align(b"ACGT", b"ACGT", GLOBAL, clipped(3)), 0);
        let adapter = ADAPTER_OPENING + 2 * ADAPTER;
        let gapped = adapter - 2 * costs.of(b'A', b'A', 40);
        assert_eq!(align(b"ACTT", b"ACGG", GLOBAL, clipped(2)), gapped);
        assert_eq!(align(b"TTAC", b"GGAC", clipped(2), GLOBAL), gapped);
        let ungapped = |bases, haplotype, left, right| {
            ReadSegment { bases, qualities: &[40; 4], left, right }.ungapped(&costs, haplotype)
        };
        assert_eq!(ungapped(b"ACTT", b"ACGG", GLOBAL, clipped(2)), Some(adapter));
        assert_eq!(ungapped(b"TTAC", b"GGAC", clipped(2), GLOBAL), Some(adapter));
        assert_eq!(ungapped(b"ACTG", b"ACGG", GLOBAL, clipped(2)), Some(adapter));
        assert_eq!(ungapped(b"ACTT", b"ACGT", GLOBAL, GLOBAL), Some(wrong));
        assert_eq!(ungapped(b"ACGT", b"ACGTA", GLOBAL, GLOBAL), None);
        assert_eq!(ungapped(b"ACGT", b"ACGTA", FREE, FREE), None);
    }

    #[test]
    fn a_segment_that_fits_neither_haplotype_has_no_llr() {
        let segment = ReadSegment { bases: b"ACGT", qualities: &[40; 4], left: GLOBAL, right: GLOBAL };
        let llr = |first, second| segment.llr([first, second], GAP_OPENING);
        assert_eq!(llr(0, 9000), SegmentLlr { llr: GAP_OPENING, cost: 0, unfit: false });
        assert_eq!(llr(4000, 1000), SegmentLlr { llr: -3000, cost: 1000, unfit: false });
        assert_eq!(llr(UNFIT, UNFIT + 3000), SegmentLlr { llr: 0, cost: UNFIT, unfit: true });
        // Not for its soft-clipped bases, which cost the same under both.
        let segment = ReadSegment { right: clipped(2), ..segment };
        assert!(!segment.llr([UNFIT, UNFIT + 3000], GAP_OPENING).unfit);
    }

    /// All alignments, one step after the other.
    fn brute(costs: &BaseCosts, b: &[u8], q: &[u8], h: &[u8], right: SegmentEnd, last: u8) -> PhredCost {
        let mut best = if b.is_empty() && (h.is_empty() || right != GLOBAL) { 0 } else { NEVER };
        if !b.is_empty() && b.len() <= right.soft_clipped() {
            best = ADAPTER_OPENING + ADAPTER * b.len() as PhredCost;
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

    fn any_end() -> impl Strategy<Value = SegmentEnd> {
        prop::option::of(0usize..4).prop_map(|clip| clip.map_or(GLOBAL, clipped))
    }

    fn at_most(end: SegmentEnd, n: usize) -> SegmentEnd {
        if end == GLOBAL {
            end
        } else {
            clipped(end.soft_clipped().min(n))
        }
    }

    proptest! {
        #[test]
        fn cheapest_of_all_alignments(b in "[ACN]{0,5}", h in "[ACN]{0,5}", q in prop::collection::vec(0u8..60, 5),
                                      left in any_end(), right in any_end()) {
            let costs = BaseCosts::new(5);
            let (b, h, q) = (b.as_bytes(), h.as_bytes(), &q[..b.len()]);
            let (left, right) = (at_most(left, b.len()), at_most(right, b.len()));
            let segment = ReadSegment { bases: b, qualities: q, left, right };
            let got = Aligner::new(BaseCosts::new(5)).align(&segment, h, GAP_OPENING);
            let starts = if left == GLOBAL { 0..=0 } else { 0..=h.len() };
            let mut expected = starts.map(|s| brute(&costs, b, q, &h[s..], right, b'M')).min().unwrap();
            for i in 1..=left.soft_clipped() {
                let begun = ADAPTER_OPENING + ADAPTER * i as PhredCost;
                let rest = (0..=h.len()).map(|s| brute(&costs, &b[i..], &q[i..], &h[s..], right, b'M')).min().unwrap();
                expected = expected.min(begun + rest);
            }
            prop_assert_eq!(got, expected);
        }

        /// Without N and soft clips, a cost is that of the full alignment wherever it matters.
        #[test]
        fn shortcuts_equal_the_full_alignment(b in "[AC]{1,12}", h in "[AC]{0,14}", other in "[AC]{0,14}", same: bool,
                                              free in (any::<bool>(), any::<bool>()), q in 5u8..60) {
            let end = |free| if free { FREE } else { GLOBAL };
            let h = if same { &b } else { &h };
            let (bases, haplotypes) = (b.as_bytes(), [h.as_bytes(), other.as_bytes()]);
            let qualities = vec![q; bases.len()];
            let segment = ReadSegment { bases, qualities: &qualities, left: end(free.0), right: end(free.1) };
            let mut aligner = Aligner::new(BaseCosts::new(0));
            let full = haplotypes.map(|h| segment.gapped(&mut aligner, h, GAP_OPENING));
            for (h, full) in haplotypes.iter().zip(full) {
                prop_assert_eq!(segment.against(&mut aligner, h, GAP_OPENING, PhredCost::MAX), full);
                let enough = segment.against(&mut aligner, h, GAP_OPENING, GAP_OPENING);
                prop_assert_eq!(enough.min(GAP_OPENING), full.min(GAP_OPENING));
            }
            if let Some(costs) = segment.exact(&aligner.costs, haplotypes, GAP_OPENING) {
                prop_assert_eq!(costs, full.map(|cost| cost.min(GAP_OPENING)));
            }
        }

        #[test]
        fn both_ends_are_treated_alike(b in "[ACN]{0,12}", h in "[ACN]{0,14}", q in prop::collection::vec(0u8..60, 12),
                                       left in any_end(), right in any_end()) {
            let (b, h, q) = (b.as_bytes(), h.as_bytes(), &q[..b.len()]);
            let (left, right) = (at_most(left, b.len()), at_most(right, b.len()));
            let turn = |bases: &[u8]| bases.iter().rev().copied().collect::<Vec<u8>>();
            let (turned, turned_q, turned_h) = (turn(b), turn(q), turn(h));
            let segment = ReadSegment { bases: b, qualities: q, left, right };
            let mirrored = ReadSegment { bases: &turned, qualities: &turned_q, left: right, right: left };
            let mut aligner = Aligner::new(BaseCosts::new(5));
            prop_assert_eq!(segment.gapped(&mut aligner, h, GAP_OPENING),
                            mirrored.gapped(&mut aligner, &turned_h, GAP_OPENING));
            if left.soft_clipped() + right.soft_clipped() <= b.len() {
                prop_assert_eq!(segment.ungapped(&aligner.costs, h), mirrored.ungapped(&aligner.costs, &turned_h));
            }
        }
    }
}
