//! Ends of reads that an aligner may have clipped or laid wrongly.
//!
//! An aligner knows neither haplotype. Near the end of a read it finds no gap for the few bases behind an
//! insertion or deletion: it clips them, or lays them where they do not belong. What they show at records in or
//! behind the gap is then in no letter of the alignment, nor in what one site alone can say. Such an end is laid
//! anew as a whole (see [`crate::assignment::observe::joint`]).

use super::*;
use crate::assignment::local_haplotypes::PAD;
use crate::assignment::site_builder::Item;

/// Longer clipped ends belong to another place.
const LONGEST_CLIP: i64 = 60;

/// Ends across which a haplotype lacks more than this are left to the sites themselves.
const LONGEST_LACK: i64 = 1000;

/// Sites before the first that a read's aligned bases reach among which those beyond its start are looked for.
pub(super) const LOOK_BACK: u32 = 64;

/// A site that is longer is told by reads that reach beyond it, or that begin in it.
const LONG_SITE: i64 = 256;

/// The part of an exon that is laid anew, with the sites in it.
pub(super) struct Piece {
    /// Reference span, 0-based half-open: from where read and haplotype are together, or from beyond the read.
    pub low: i64,
    pub high: i64,
    /// Bases of the read.
    pub from: usize,
    pub to: usize,
    pub left: End,
    pub right: End,
    /// Phased sites in it, by number.
    pub sites: Vec<u32>,
    /// No insertion or deletion is near: only clipped bases are laid anew.
    pub plain: bool,
    /// It has a gap that lies outside of the span of the record that it may be of.
    strayed: bool,
}

impl Piece {
    /// Nothing holds it inside the read.
    pub fn is_free(&self) -> bool {
        self.left != End::Fixed && self.right != End::Fixed
    }
}

/// Bases that the haplotypes may lack through records within a span.
fn lacking(sites: &Sites, low: i64, high: i64) -> i64 {
    sites.known().filter(|i| i.end > low && i.start < high).map(Item::lack).sum()
}

impl Look<'_> {
    /// Lay the doubtful ends of a read anew. What sites show there goes into `evidence`; their numbers are kept
    /// in `laid`. `sites` are there up to the end of the aligned bases.
    ///
    /// # Errors
    /// What the variants or the reference do not let be read.
    pub(super) fn ends(&mut self, read: &Alignment, sites: &mut Sites, evidence: &mut Evidence) -> Result<()> {
        let (Some(&first), Some(&last)) = (self.exons.first(), self.exons.last()) else { return Ok(()) };
        let gaps = self.strayed_gaps(sites);
        let mut pieces: Vec<Piece> = self.left_end(first, sites, &gaps)?.into_iter().collect();
        for &gap in &gaps {
            pieces.extend(self.inside(gap, sites)?);
        }
        pieces.extend(self.right_end(last, sites, &gaps)?);
        if pieces.windows(2).any(|p| p[1].from < p[0].to) || pieces.iter().any(Piece::is_free) {
            match self.exons.len() {
                1 => pieces = self.whole(first, sites, !gaps.is_empty())?.into_iter().collect(),
                _ => return Ok(()),
            }
        }
        for piece in pieces {
            self.lay(read, &piece, sites, evidence)?;
        }
        Ok(())
    }

    /// Gaps of the alignment beside an insertion or deletion that is not known to reach so far: the aligner may
    /// have moved it there over bases in which the haplotype differs from the reference. Each with the records
    /// that it may be of, as reference span.
    fn strayed_gaps(&self, sites: &Sites) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        for exon in &self.exons {
            for pair in self.stretches[exon.first..exon.last].windows(2) {
                let (from, to) = (pair[0].end(), pair[1].position);
                let gapped = || sites.known().filter(|i| i.gapped);
                if gapped().any(|i| i.start < from && to < i.end) {
                    continue;
                }
                let near = gapped().filter(|i| i.start < to + SLACK && from - SLACK < i.end);
                let span = near.map(|i| (i.start, i.end)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
                gaps.extend(span.map(|s| (s.0.min(from - PAD), s.1.max(to + PAD))));
            }
        }
        gaps
    }

    /// The part of an exon around a strayed gap, if it lies far from both ends.
    fn inside(&self, gap: (i64, i64), sites: &mut Sites) -> Result<Option<Piece>> {
        let Some(exon) = self.exons.iter().find(|e| {
            let stretches = &self.stretches[e.first..e.last];
            stretches[0].position + SLACK <= gap.0 && gap.1 + SLACK <= stretches[stretches.len() - 1].end()
        }) else {
            return Ok(None);
        };
        let (mut low, mut high) = gap;
        loop {
            sites.fill(high)?;
            let gapped = sites.known().filter(|i| i.gapped).map(|i| (i.start, i.end));
            let all = gapped.chain(self.near(sites, low, high).map(|(_, s)| (s.start, s.end)));
            let across = all.filter(|s| (s.0 < low && low < s.1) || (s.0 < high && high < s.1));
            let Some(span) = across.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { break };
            (low, high) = (low.min(span.0), high.max(span.1));
        }
        let stretches = &self.stretches[exon.first..exon.last];
        let left = stretches[..stretches.partition_point(|s| s.position <= low)].last();
        let right = stretches.get(stretches.partition_point(|s| s.end() < high));
        let (Some(left), Some(right)) = (left, right) else { return self.whole(*exon, sites, true) };
        let before = (low - left.position).min(left.length as i64);
        let behind = (high - right.position).max(0);
        let (from, to) = (left.index + before as usize, right.index + behind as usize);
        (low, high) = (left.position + before, right.position + behind);
        let (left, right) = (End::Fixed, End::Fixed);
        Ok(self
            .with_sites(Piece { low, high, from, to, left, right, sites: vec![], plain: false, strayed: true }, sites))
    }

    /// The doubtful part at the left end of an exon, if there is one.
    fn left_end(&self, exon: Exon, sites: &mut Sites, gaps: &[(i64, i64)]) -> Result<Option<Piece>> {
        let stretches = &self.stretches[exon.first..exon.last];
        let (start, clip) = (stretches[0].position, stretches[0].index - exon.from);
        let mut low = start - clip as i64;
        let doubtful = |i: &&Item| i.gapped && i.start < start + SLACK && i.end > low;
        let mut high = sites.known().filter(doubtful).map(|i| i.end).max().unwrap_or(start).max(start);
        let strayed = gaps.iter().filter(|g| g.0 < start + SLACK).map(|g| g.1).max();
        high = strayed.map_or(high, |s| s.max(high));
        let strayed = strayed.is_some();
        if clip as i64 > LONGEST_CLIP || (high == start && clip == 0) {
            return Ok(None);
        }
        // Nothing lies across the border.
        loop {
            sites.fill(high)?;
            let gapped = sites.known().filter(|i| i.gapped).map(|i| (i.start, i.end));
            let all = gapped.chain(self.near(sites, low, high).map(|(_, s)| (s.start, s.end)));
            let Some(end) = all.filter(|s| s.0 < high && high < s.1).map(|s| s.1).max() else { break };
            high = end;
        }
        let Some(at) = stretches.get(stretches.partition_point(|s| s.end() < high)) else {
            return self.whole(exon, sites, strayed);
        };
        let inside = (high - at.position).max(0);
        high = at.position + inside;
        let to = at.index + inside as usize;
        // What a haplotype lacks brings bases within reach.
        let mut lack = 0;
        while lack <= LONGEST_LACK && lacking(sites, low - lack, high) > lack {
            lack = lacking(sites, low - lack, high);
        }
        low -= lack;
        let held = high == start || to + SLACK as usize <= stretches[stretches.len() - 1].last_index();
        let right = if held { End::Fixed } else { End::Free(0) };
        let piece = Piece {
            low,
            high,
            from: exon.from,
            to,
            left: End::Free(clip),
            right,
            sites: vec![],
            plain: false,
            strayed,
        };
        Ok(self.with_sites(piece, sites).filter(|_| lack <= LONGEST_LACK))
    }

    /// The doubtful part at the right end of an exon, if there is one.
    fn right_end(&self, exon: Exon, sites: &mut Sites, gaps: &[(i64, i64)]) -> Result<Option<Piece>> {
        let stretches = &self.stretches[exon.first..exon.last];
        let last = stretches[stretches.len() - 1];
        let (end, clip) = (last.end(), exon.to.saturating_sub(last.last_index()));
        let mut high = end + clip as i64;
        sites.fill(high.min(end + LONGEST_CLIP))?;
        let doubtful = |i: &&Item| i.gapped && i.end > end - SLACK && i.start < high;
        let mut low = sites.known().filter(doubtful).map(|i| i.start).min().unwrap_or(end).min(end);
        let strayed = gaps.iter().filter(|g| g.1 > end - SLACK).map(|g| g.0).min();
        low = strayed.map_or(low, |s| s.min(low));
        let strayed = strayed.is_some();
        if clip as i64 > LONGEST_CLIP || (low == end && clip == 0) {
            return Ok(None);
        }
        loop {
            let gapped = sites.known().filter(|i| i.gapped).map(|i| (i.start, i.end));
            let all = gapped.chain(self.near(sites, low, high).map(|(_, s)| (s.start, s.end)));
            let Some(start) = all.filter(|s| s.0 < low && low < s.1).map(|s| s.0).min() else { break };
            low = start;
        }
        let Some(at) = stretches[..stretches.partition_point(|s| s.position <= low)].last() else {
            return self.whole(exon, sites, strayed);
        };
        let inside = (low - at.position).min(at.length as i64);
        low = at.position + inside;
        let from = at.index + inside as usize;
        let mut lack = 0;
        while lack <= LONGEST_LACK && lacking(sites, low, high + lack) > lack {
            lack = lacking(sites, low, high + lack);
            sites.fill(high + lack.min(LONGEST_LACK))?;
        }
        high += lack;
        let held = low == end || from >= stretches[0].index + SLACK as usize;
        let left = if held { End::Fixed } else { End::Free(0) };
        let piece =
            Piece { low, high, from, to: exon.to, left, right: End::Free(clip), sites: vec![], plain: false, strayed };
        Ok(self.with_sites(piece, sites).filter(|_| lack <= LONGEST_LACK))
    }

    /// All of an exon, both of its ends free.
    fn whole(&self, exon: Exon, sites: &mut Sites, strayed: bool) -> Result<Option<Piece>> {
        let stretches = &self.stretches[exon.first..exon.last];
        let (first, last) = (stretches[0], stretches[stretches.len() - 1]);
        let clips = [first.index - exon.from, exon.to.saturating_sub(last.last_index())];
        if clips.iter().any(|&c| c as i64 > LONGEST_CLIP) {
            return Ok(None);
        }
        let (low, high) = (first.position - clips[0] as i64, last.end() + clips[1] as i64);
        sites.fill(high + SLACK)?;
        let lack = lacking(sites, low - SLACK, high + SLACK);
        if lack > LONGEST_LACK {
            return Ok(None);
        }
        let (low, high) = (low - lack, high + lack);
        sites.fill(high)?;
        let [left, right] = clips.map(End::Free);
        let piece =
            Piece { low, high, from: exon.from, to: exon.to, left, right, sites: vec![], plain: false, strayed };
        Ok(self.with_sites(piece, sites))
    }

    /// Phased sites that overlap a span, with their numbers.
    fn near<'s>(&self, sites: &'s Sites, low: i64, high: i64) -> impl Iterator<Item = (u32, &'s Site)> {
        let mut from = self.site.max(sites.first());
        let least = self.site.saturating_sub(LOOK_BACK).max(sites.first());
        // Sites come by start. Longer ones of which the read may see the end are still within its own reach.
        while from > least && sites.get(from - 1).start + LONG_SITE > low {
            from -= 1;
        }
        let from = sites.from(from).take_while(move |(_, s)| s.start < high);
        from.filter(move |(_, s)| s.phased && s.end > low)
    }

    /// The piece with its sites; None if they tell by themselves all there is to tell.
    fn with_sites(&self, mut piece: Piece, sites: &Sites) -> Option<Piece> {
        let near = || self.near(sites, piece.low, piece.high);
        let known = || sites.known().filter(|i| i.end > piece.low && i.start < piece.high);
        let mut first = near();
        let (_, site) = first.next()?;
        let plain = !known().any(|i| i.gapped);
        let clipped = piece.left.clipped() + piece.right.clipped() > 0;
        let within = |i: &Item| site.start <= i.start && i.end <= site.end;
        let alone =
            !piece.strayed && first.next().is_none() && matches!(site.tells, Tells::Local(_)) && known().all(within);
        if alone || (plain && !clipped) {
            return None;
        }
        let numbers = near().map(|(n, _)| n).collect();
        piece.sites = numbers;
        piece.plain = plain;
        Some(piece)
    }
}

#[cfg(test)]
#[path = "ends_tests.rs"]
mod tests;
