//! Scores a read at a site with insertions or deletions, against the two local haplotypes of the site.

use crate::assignment::aligned_read::Exon;
use crate::assignment::local_haplotypes::{LocalHaplotypes, MARGIN, SLACK};
use crate::assignment::observe::side::Side;
use crate::assignment::observe::{Realigner, MAX_CELLS};
use crate::assignment::phred::PhredCost;
use crate::assignment::realign::{SegmentEnd, ROOM};
use crate::assignment::{CoveredRecords, Site};
use crate::io::bam::Alignment;

/// Haplotype bases that an alignment with a semi-global end must have to spare.
const SPARE: usize = 4;

/// Evidence of an exon at a site.
pub(super) struct ExonScore {
    /// Log-likelihood ratio, positive for haplotype 1.
    pub llr: PhredCost,
    /// It fits neither haplotype.
    pub unfit: bool,
    /// Records that it covers on the haplotype that it fits better.
    pub covered: CoveredRecords,
}

/// Where an exon crosses a border of a site, or ends inside of the site.
struct Crossing {
    /// Index in the read of the segment's first base, or past its last.
    index: usize,
    /// Bases between the border and the end of the segment, outside of the site.
    outside: i64,
    /// Enough bases lie outside of the border to trust the alignment there.
    anchored: bool,
}

impl Crossing {
    /// At the border of a site on one side. The bases `anchors` (indices in the read) count towards the anchor. None if
    /// a gap extends too far beyond the border.
    fn new(side: Side, exon: Exon, border: i64, anchors: (usize, usize)) -> Option<Self> {
        let border = side.mirror(border);
        let outermost = side.indices(exon.bases).0;
        let at = |index: i64| side.mirror(index) as usize;
        if side.aligned_span(exon).0 > border {
            return Some(Self { index: at(outermost), outside: 0, anchored: false });
        }
        let (position, index) = side.outside(exon, border)?;
        let outside = border - position;
        if outside > MARGIN {
            return None;
        }
        Some(match index - side.indices(anchors).0 >= SLACK {
            true => Self { index: at(index), outside, anchored: true },
            false => Self { index: at(outermost), outside: outside + index - outermost, anchored: false },
        })
    }

    /// With so many soft-clipped bases.
    fn end(&self, soft_clipped: usize) -> SegmentEnd {
        match self.anchored {
            true => SegmentEnd::Global,
            false => SegmentEnd::SemiGlobal { soft_clipped },
        }
    }
}

impl Realigner {
    /// Score an exon at a site. None if it does not reach the site.
    pub(super) fn score(
        &mut self,
        read: &Alignment,
        exon: Exon,
        site: &Site,
        local: &LocalHaplotypes,
    ) -> Option<ExonScore> {
        let found = self.score_anchored(read, exon, exon.bases, site, local)?;
        // The few aligned bases between the site and a soft clip may be misaligned, too.
        match found.unfit && exon.aligned() != exon.bases {
            true => self.score_anchored(read, exon, exon.aligned(), site, local),
            false => Some(found),
        }
    }

    /// [`Realigner::score`]. The alignment is trusted beyond a border with enough of the bases `anchors` outside of it.
    fn score_anchored(
        &mut self,
        read: &Alignment,
        exon: Exon,
        anchors: (usize, usize),
        site: &Site,
        local: &LocalHaplotypes,
    ) -> Option<ExonScore> {
        let (start, end, aligned) = (exon.start(), exon.end(), exon.aligned());
        let clips = exon.soft_clips().map(|clip| clip.min(MARGIN as usize) as i64);
        if end + clips[1] <= site.start || site.end <= start - clips[0] {
            return None;
        }
        let left = Crossing::new(Side::Left, exon, site.start, anchors)?;
        let right = Crossing::new(Side::Right, exon, site.end, anchors)?;
        let (mut from, mut to) = (left.index, right.index);
        if from > to || to > read.qualities.len() {
            return None;
        }
        let first = |h: usize| local.starts[h].saturating_sub(left.outside as usize);
        let last = |h: usize| local.ends[h].saturating_add_signed(right.outside as isize);
        // A soft clip may continue beyond the sequences.
        let length = |h: usize| if left.anchored { local.sequences[h].len().saturating_sub(first(h)) } else { last(h) };
        let known = length(0).min(length(1)).saturating_sub(SPARE);
        match (left.anchored, right.anchored) {
            (true, false) => to = to.min(from + known),
            (false, true) => from = from.max(to.saturating_sub(known)),
            _ => {}
        }
        let left_end = left.end(aligned.0.saturating_sub(from).min(to - from));
        let right_end = right.end(to.saturating_sub(aligned.1).min(to - from));
        let (segment, aligner) = self.segment(read, (from, to), [left_end, right_end]);
        let spans = [0, 1].map(|h| {
            let length = local.sequences[h].len();
            let (first, last) = match (left.anchored, right.anchored) {
                (true, true) => (first(h), last(h).min(length)),
                (true, false) => (first(h), length),
                (false, true) => (0, last(h).min(length)),
                // Where the read begins on a haplotype depends on the gaps before it.
                (false, false) => {
                    let begin = local.starts[h] as i64 + start - site.start - (aligned.0 as i64 - from as i64);
                    let (deleted, inserted) = (local.deleted[h] as i64, local.inserted[h] as i64);
                    let (reach, room) = (end - start + segment.len() as i64, ROOM as i64);
                    let within = |index: i64| index.clamp(0, length as i64) as usize;
                    (within(begin - deleted - room), within(begin + inserted + reach + room))
                }
            };
            segment.window((first.min(last), last))
        });
        let haplotypes = [0, 1].map(|h| &local.sequences[h][spans[h].0..spans[h].1]);
        let covered = |llr: PhredCost| {
            let h = usize::from(llr < 0);
            local.covered(h, segment.reach(spans[h]))
        };
        let opening = local.opening;
        let costs = match segment.exact(&aligner.costs, haplotypes, opening) {
            Some(costs) => costs,
            None if haplotypes.iter().any(|h| h.len().saturating_mul(segment.len()) > MAX_CELLS) => {
                return Some(ExonScore { llr: 0, unfit: true, covered: covered(0) });
            }
            None => haplotypes.map(|h| segment.gapped(aligner, h, opening)),
        };
        let found = segment.llr(costs, opening);
        Some(ExonScore { llr: found.llr, unfit: found.unfit, covered: covered(found.llr) })
    }
}
