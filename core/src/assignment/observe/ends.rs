//! Ends of reads that an aligner may have soft-clipped or misaligned.
//!
//! An aligner knows neither haplotype. Near the end of a read it opens no gap for the few bases after an
//! insertion or deletion: it clips them, or aligns them to the wrong positions. Their evidence at records in or
//! after the gap is then found neither in the aligned bases nor at single sites. Such an end is realigned
//! as a whole (see [`crate::assignment::observe::joint`]).

use crate::assignment::aligned_read::Exon;
use crate::assignment::local_haplotypes::{PAD, SLACK};
use crate::assignment::observe::side::Side;
use crate::assignment::realign::SegmentEnd;
use crate::assignment::site_builder::PendingVariant;
use crate::assignment::{AlignedRead, Site, SiteAlleles, SiteWindow};
use crate::error::Result;

/// Longer soft clips come from another locus.
const MAX_CLIP: i64 = 60;

/// Ends across which a haplotype has more deleted bases than this are scored site by site.
const MAX_DELETED: i64 = 1000;

/// Number of sites before the first that the read's aligned bases reach among which those left of its start are searched.
pub(super) const LOOK_BACK: u32 = 64;

/// A longer site is scored with reads that span it or begin in it.
const LONG_SITE: i64 = 256;

/// A part of an exon that is realigned, with the sites in it.
pub(super) struct RealignedWindow {
    /// Reference span, 0-based half-open. Read and haplotype meet at its ends, or it extends beyond the read.
    pub span: (i64, i64),
    /// Indices (half-open) of its bases in the read.
    pub bases: (usize, usize),
    /// How its left and right end are aligned.
    pub ends: [SegmentEnd; 2],
    /// Numbers of the phased sites in it.
    pub sites: Vec<u32>,
    /// No insertion or deletion is near: only soft-clipped bases are realigned.
    pub without_indel: bool,
}

impl RealignedWindow {
    /// Both ends are semi-global.
    fn is_free(&self) -> bool {
        self.ends.iter().all(|&end| end != SegmentEnd::Global)
    }
}

/// The smallest span that holds all of `spans`.
fn union(spans: impl Iterator<Item = (i64, i64)>) -> Option<(i64, i64)> {
    spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Variants that insert or delete bases.
fn indels<'s>(sites: &'s SiteWindow) -> impl Iterator<Item = &'s PendingVariant> {
    sites.context().filter(|v| v.gapped)
}

/// Bases that variants within a span may delete.
fn deleted_within(sites: &SiteWindow, (low, high): (i64, i64)) -> i64 {
    sites.context().filter(|v| v.end > low && v.start < high).map(PendingVariant::deleted).sum()
}

/// Finds the parts of a read to realign.
pub(super) struct Ends<'a> {
    pub read: &'a AlignedRead,
    /// Number of the first site that the read's aligned bases reach.
    pub site: u32,
}

impl Ends<'_> {
    /// The parts of the read to realign, from left to right. `sites` must be filled up to the end of the aligned bases.
    ///
    /// # Errors
    /// Variants or reference that cannot be read.
    pub fn windows(&self, sites: &mut SiteWindow) -> Result<Vec<RealignedWindow>> {
        let exons = self.read.exon_count();
        if exons == 0 {
            return Ok(Vec::new());
        }
        let (first, last) = (self.read.exon(0), self.read.exon(exons - 1));
        let gaps = self.misplaced_gaps(sites);
        let mut windows: Vec<RealignedWindow> = self.end(Side::Left, first, sites, &gaps)?.into_iter().collect();
        for &gap in &gaps {
            windows.extend(self.around_gap(gap, sites)?);
        }
        windows.extend(self.end(Side::Right, last, sites, &gaps)?);
        let overlapping = windows.windows(2).any(|w| w[1].bases.0 < w[0].bases.1);
        if !overlapping && !windows.iter().any(RealignedWindow::is_free) {
            return Ok(windows);
        }
        match exons {
            1 => Ok(self.whole(first, sites, !gaps.is_empty())?.into_iter().collect()),
            _ => Ok(Vec::new()),
        }
    }

    /// Gaps of the alignment near an insertion or deletion that cannot be shifted to them: the aligner may have
    /// misplaced the gap across bases in which the haplotype differs from the reference. Each as the reference span
    /// that holds it and the records that it may belong to.
    fn misplaced_gaps(&self, sites: &SiteWindow) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        for pair in self.read.exons().flat_map(|exon| exon.blocks.windows(2)) {
            let (from, to) = (pair[0].end(), pair[1].start);
            if indels(sites).any(|v| v.start < from && to < v.end) {
                continue;
            }
            let near = indels(sites).filter(|v| v.start < to + SLACK && from - SLACK < v.end);
            let span = union(near.map(|v| (v.start, v.end)));
            gaps.extend(span.map(|s| (s.0.min(from - PAD), s.1.max(to + PAD))));
        }
        gaps
    }

    /// Spans of indels, and of sites that overlap `span`.
    fn obstacles<'s>(&self, sites: &'s SiteWindow, span: (i64, i64)) -> impl Iterator<Item = (i64, i64)> + 's {
        let of_indels = indels(sites).map(|v| (v.start, v.end));
        of_indels.chain(self.near(sites, span).map(|(_, s)| (s.start, s.end)))
    }

    /// The part of an exon around a misplaced gap, if it lies far from both ends.
    fn around_gap(&self, gap: (i64, i64), sites: &mut SiteWindow) -> Result<Option<RealignedWindow>> {
        let inner = |e: &Exon| {
            let last = e.blocks[e.blocks.len() - 1];
            e.start() + SLACK <= gap.0 && gap.1 + SLACK <= last.end()
        };
        let Some(exon) = self.read.exons().find(inner) else { return Ok(None) };
        let (mut low, mut high) = gap;
        // Nothing lies across its borders.
        loop {
            sites.fill(high)?;
            let across = |s: &(i64, i64)| (s.0 < low && low < s.1) || (s.0 < high && high < s.1);
            let Some(span) = union(self.obstacles(sites, (low, high)).filter(across)) else { break };
            (low, high) = (low.min(span.0), high.max(span.1));
        }
        let (Some(left), Some(right)) = (exon.aligned_left_of(low), exon.aligned_right_of(high)) else {
            return self.whole(exon, sites, true);
        };
        let (span, bases) = ((left.0, right.0), (left.1, right.1));
        Ok(self.with_sites(span, bases, [SegmentEnd::Global; 2], true, sites))
    }

    /// The part of an exon at one end that may be soft-clipped wrongly or misaligned, if there is one. Positions and
    /// indices are those seen from that end, see [`Side`].
    fn end(
        &self,
        side: Side,
        exon: Exon,
        sites: &mut SiteWindow,
        gaps: &[(i64, i64)],
    ) -> Result<Option<RealignedWindow>> {
        let start = side.aligned_span(exon).0;
        let (outermost, innermost) = (side.indices(exon.bases).0, side.indices(exon.aligned()).1);
        let clip = (side.indices(exon.aligned()).0 - outermost).max(0);
        let mut low = start - clip;
        sites.fill(side.span((low.max(start - MAX_CLIP), start)).1)?;
        let doubtful = |s: &(i64, i64)| s.0 < start + SLACK && s.1 > low;
        let indel = indels(sites).map(|v| side.span((v.start, v.end))).filter(doubtful).map(|s| s.1).max();
        let gap = gaps.iter().map(|&g| side.span(g)).filter(|g| g.0 < start + SLACK).map(|g| g.1).max();
        let mut high = start.max(indel.unwrap_or(start)).max(gap.unwrap_or(start));
        if clip > MAX_CLIP || (high == start && clip == 0) {
            return Ok(None);
        }
        // Nothing lies across the inner border.
        loop {
            let span = side.span((low, high));
            sites.fill(span.1)?;
            let obstacles = self.obstacles(sites, span).map(|s| side.span(s));
            let Some(end) = obstacles.filter(|s| s.0 < high && high < s.1).map(|s| s.1).max() else { break };
            high = end;
        }
        let Some((border, inner)) = side.inside(exon, high) else { return self.whole(exon, sites, gap.is_some()) };
        high = border;
        // Deletions bring further haplotype bases within reach.
        let mut deleted = 0;
        while deleted <= MAX_DELETED {
            let more = deleted_within(sites, side.span((low - deleted, high)));
            if more <= deleted {
                break;
            }
            deleted = more;
            sites.fill(side.span((low - deleted.min(MAX_DELETED), high)).1)?;
        }
        if deleted > MAX_DELETED {
            return Ok(None);
        }
        low -= deleted;
        let anchored = high == start || inner + SLACK <= innermost;
        let inner_end = if anchored { SegmentEnd::Global } else { SegmentEnd::SemiGlobal { soft_clipped: 0 } };
        let ends = side.ordered(SegmentEnd::SemiGlobal { soft_clipped: clip as usize }, inner_end);
        let (from, to) = side.span((outermost, inner));
        Ok(self.with_sites(side.span((low, high)), (from as usize, to as usize), ends, gap.is_some(), sites))
    }

    /// All of an exon, with both ends semi-global.
    fn whole(&self, exon: Exon, sites: &mut SiteWindow, misplaced_gap: bool) -> Result<Option<RealignedWindow>> {
        let clips = exon.soft_clips();
        if clips.iter().any(|&c| c as i64 > MAX_CLIP) {
            return Ok(None);
        }
        let (low, high) = (exon.start() - clips[0] as i64, exon.end() + clips[1] as i64);
        sites.fill(high + SLACK)?;
        let deleted = deleted_within(sites, (low - SLACK, high + SLACK));
        if deleted > MAX_DELETED {
            return Ok(None);
        }
        let (low, high) = (low - deleted, high + deleted);
        sites.fill(high)?;
        let ends = clips.map(|soft_clipped| SegmentEnd::SemiGlobal { soft_clipped });
        Ok(self.with_sites((low, high), exon.bases, ends, misplaced_gap, sites))
    }

    /// Phased sites that overlap a span, with their numbers.
    fn near<'s>(&self, sites: &'s SiteWindow, (low, high): (i64, i64)) -> impl Iterator<Item = (u32, &'s Site)> {
        let mut from = self.site.max(sites.first());
        let least = self.site.saturating_sub(LOOK_BACK).max(sites.first());
        // Sites come by start. Longer ones of which the read may cover the end are still within its own reach.
        while from > least && sites.get(from - 1).start + LONG_SITE > low {
            from -= 1;
        }
        let from = sites.from(from).take_while(move |(_, s)| s.start < high);
        from.filter(move |(_, s)| s.phased && s.end > low)
    }

    /// A window with its sites. None if they have the same evidence when scored one by one.
    fn with_sites(
        &self,
        span: (i64, i64),
        bases: (usize, usize),
        ends: [SegmentEnd; 2],
        misplaced_gap: bool,
        sites: &SiteWindow,
    ) -> Option<RealignedWindow> {
        let near = || self.near(sites, span);
        let context = || sites.context().filter(|v| v.end > span.0 && v.start < span.1);
        let mut first = near();
        let (_, site) = first.next()?;
        let without_indel = !context().any(|v| v.gapped);
        let clipped = ends.iter().any(|end| end.soft_clipped() > 0);
        let within = |v: &PendingVariant| site.start <= v.start && v.end <= site.end;
        let alone = !misplaced_gap
            && first.next().is_none()
            && matches!(site.alleles, SiteAlleles::Local(_))
            && context().all(within);
        if alone || (without_indel && !clipped) {
            return None;
        }
        let sites = near().map(|(number, _)| number).collect();
        Some(RealignedWindow { span, bases, ends, sites, without_indel })
    }
}

#[cfg(test)]
#[path = "ends_tests.rs"]
mod tests;
