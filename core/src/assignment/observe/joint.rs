//! Realigns a part of a read to both haplotypes, with every phased record there; records that both haplotypes carry are
//! part of both sequences. A realigned part contributes a single log-likelihood ratio to its fragment. For the counts of
//! its records each site has its own: the cost of exchanging its alleles alone.

use std::ops::Range;

use crate::assignment::local_haplotypes::apply_edits;
use crate::assignment::observe::ends::RealignedWindow;
use crate::assignment::observe::{Realigner, MAX_CELLS};
use crate::assignment::phred::{gap_opening, PhredCost, ASSIGN_LLR, MAX_SITE_LLR};
use crate::assignment::realign::{SegmentEnd, ROOM};
use crate::assignment::{CoveredRecords, Evidence, Observation, ReadSegment, Site, SiteAlleles, SiteWindow};
use crate::error::Result;
use crate::genome::Edit;
use crate::io::bam::Alignment;

/// A record, or a base of one, in which a haplotype differs from the reference.
struct Change<'a> {
    edits: [Option<Edit<'a>>; 2],
    /// Reference span (0-based half-open) that it changes.
    span: (i64, i64),
    /// Its site, by index in the window, if it belongs to one.
    site: Option<usize>,
    /// Number of the record, where several make a site.
    record: Option<u64>,
}

/// The haplotypes around a realigned part of a read.
struct JointHaplotypes<'a> {
    /// Position of the first base of `reference`, 0-based.
    low: i64,
    reference: Vec<u8>,
    changes: Vec<Change<'a>>,
}

impl<'a> JointHaplotypes<'a> {
    fn new(numbers: &[u32], sites: &'a SiteWindow, low: i64, reference: Vec<u8>) -> Self {
        let high = low + reference.len() as i64;
        let mut changes = Vec::new();
        for (i, &number) in numbers.iter().enumerate() {
            let mut add = |position: i64, first: &'a u8, second: &'a u8| {
                let edit = |base: &'a u8| {
                    let start = position as u64;
                    Some(Edit { start, end: start + 1, bases: std::slice::from_ref(base) })
                };
                let edits = [edit(first), edit(second)];
                changes.push(Change { edits, span: (position, position + 1), site: Some(i), record: None });
            };
            let site = sites.get(number);
            match &site.alleles {
                SiteAlleles::Snv(first, second) => add(site.start, first, second),
                SiteAlleles::Mnv(list) => list.iter().for_each(|(p, first, second)| add(*p, first, second)),
                SiteAlleles::Local(_) => {}
            }
        }
        // Indels, the records in them, and those that both haplotypes carry.
        for variant in sites.context().filter(|v| v.end > low && v.start < high) {
            let of = |n: &u32| variant.record.is_some_and(|r| sites.get(*n).records.as_slice().contains(&r));
            let edits = [variant.edit(1), variant.edit(2)];
            let site = numbers.iter().position(of);
            changes.push(Change { edits, span: variant.changes(), site, record: variant.record });
        }
        Self { low, reference, changes }
    }

    /// The sequence with the edit that is chosen of each change.
    fn sequence(&self, choose: impl Fn(&Change<'a>) -> Option<Edit<'a>>) -> Vec<u8> {
        let mut edits: Vec<Edit> = self.changes.iter().filter_map(choose).collect();
        edits.sort_by_key(|e| (e.start, e.end));
        apply_edits(&self.reference, self.low, &edits, self.low, self.low).0
    }

    /// Haplotype `h` (0 or 1).
    fn haplotype(&self, h: usize) -> Vec<u8> {
        self.sequence(|c| c.edits[h])
    }

    /// Haplotype `h` with the other's alleles at a site.
    fn exchanged(&self, h: usize, site: usize) -> Vec<u8> {
        self.sequence(|c| c.edits[if c.site == Some(site) { 1 - h } else { h }])
    }

    /// Haplotype `h` with N at a site of SNVs.
    fn masked(&self, h: usize, site: usize) -> Vec<u8> {
        let masked = |e: Edit<'a>| Edit { bases: b"N", ..e };
        self.sequence(|c| match c.site == Some(site) {
            true => c.edits[h].map(masked),
            false => c.edits[h],
        })
    }

    /// Index in haplotype `h` of a reference position.
    fn index_of(&self, h: usize, position: i64) -> i64 {
        let edits = self.changes.iter().filter_map(|c| c.edits[h]);
        let before = edits.filter(|e| e.start as i64 >= self.low && e.end as i64 <= position);
        position - self.low + before.map(|e| inserted(&e)).sum::<i64>()
    }

    /// The records of a site that change haplotype `h` within indices `reach`.
    fn covered(&self, h: usize, index: usize, site: &Site, reach: (usize, usize)) -> CoveredRecords {
        let within = |c: &&Change| {
            let (start, end) = c.span;
            // Bases inserted at the first position belong to the change.
            let at_start = self.changes.iter().filter_map(|c| c.edits[h]);
            let at_start = at_start.filter(|e| e.start as i64 == start && e.start == e.end);
            let from = self.index_of(h, start) - at_start.map(|e| inserted(&e)).sum::<i64>();
            from < reach.1 as i64 && self.index_of(h, end).max(from + 1) > reach.0 as i64
        };
        let here = self.changes.iter().filter(|c| c.site == Some(index)).filter(within);
        let records = |c: &Change| match c.record {
            None => CoveredRecords::ALL,
            Some(r) => site.records.as_slice().iter().position(|&n| n == r).into_iter().collect(),
        };
        here.fold(CoveredRecords::NONE, |all, c| all | records(c))
    }
}

/// Bases by which an edit lengthens a haplotype.
fn inserted(edit: &Edit) -> i64 {
    edit.bases.len() as i64 - (edit.end - edit.start) as i64
}

impl Realigner {
    /// Realign a part of a read to both haplotypes. The evidence at its sites goes into `evidence`. False if it fits
    /// neither haplotype, or has no evidence.
    ///
    /// # Errors
    /// A reference that cannot be read.
    pub(super) fn realign(
        &mut self,
        read: &Alignment,
        window: &RealignedWindow,
        sites: &mut SiteWindow,
        evidence: &mut Evidence,
    ) -> Result<bool> {
        let (from, to) = window.bases;
        let n = to.saturating_sub(from);
        // A semi-global end needs a little more of the haplotype than the read has.
        let room = |end: SegmentEnd| if end == SegmentEnd::Global { 0 } else { ROOM as i64 };
        let (low, high) = (window.span.0 - room(window.ends[0]), window.span.1 + room(window.ends[1]));
        if n == 0 || to > read.qualities.len() || ((high - low) as usize + n).saturating_mul(n) > MAX_CELLS {
            return Ok(false);
        }
        let Some(reference) = sites.bases(low, high)? else { return Ok(false) };
        let sites = &*sites;
        let haplotypes = JointHaplotypes::new(&window.sites, sites, low, reference);
        let units = sites.context().filter(|v| v.end > low && v.start < high).map(|v| v.units).max();
        let opening = gap_opening(units.unwrap_or(1)).min(MAX_SITE_LLR);
        let (segment, aligner) = self.segment(read, window.bases, window.ends);

        let both = [0, 1].map(|h| haplotypes.haplotype(h));
        let mut costs = [&both[0], &both[1]].map(|h| segment.against(aligner, h, opening, opening));
        if costs[0].min(costs[1]) > 0 && costs[0].max(costs[1]) >= opening {
            costs = [&both[0], &both[1]].map(|h| segment.against(aligner, h, opening, PhredCost::MAX));
        }
        let joint = segment.llr(costs, opening);
        if joint.unfit || (window.without_indel && joint.llr.abs() < ASSIGN_LLR) {
            return Ok(false);
        }
        let own = usize::from(joint.llr < 0);
        let reach = segment.reach((0, both[own].len()));
        // If the alignment has no gap: where the first base lies on the haplotype, and which bases are not soft-clipped.
        let ungapped = joint.cost <= opening && reach.1 - reach.0 == n && !segment.is_free();
        let aligned = segment.left.soft_clipped()..n - segment.right.soft_clipped();
        let aligned = ungapped.then_some((reach.0, aligned));
        let before = evidence.observations.len();
        for (i, &number) in window.sites.iter().enumerate() {
            let site = sites.get(number);
            let without_indel = !matches!(site.alleles, SiteAlleles::Local(_));
            let covered = haplotypes.covered(own, i, site, reach);
            if covered.is_empty() && without_indel {
                continue;
            }
            let llr = if window.sites.len() == 1 {
                joint.llr
            } else {
                let exchanged = haplotypes.exchanged(own, i);
                let cost = segment.against(aligner, &exchanged, opening, joint.cost + opening) - joint.cost;
                (if own == 0 { cost } else { -cost }).clamp(-opening, opening)
            };
            let mut observation = Observation::of_llr(number, llr, covered);
            match aligned.as_ref().and_then(|a| base_at(&segment, site, haplotypes.index_of(own, site.start), a)) {
                // A base that is not soft-clipped counts as aligned, though its position may have changed.
                Some((base, quality)) => (observation.base, observation.quality) = (base, quality),
                // Neither haplotype may have this base.
                None if without_indel && llr.abs() < ASSIGN_LLR => {
                    let masked = segment.against(aligner, &haplotypes.masked(own, i), opening, PhredCost::MAX);
                    observation.other = joint.cost - masked >= ASSIGN_LLR;
                }
                None => {}
            }
            evidence.observations.push(observation);
        }
        share_llr(&mut evidence.observations[before..], sites, joint.llr);
        Ok(true)
    }
}

/// Besides aligned bases, a realigned part contributes one log-likelihood ratio to its fragment, that of its most
/// informative site; unless a site favours the other haplotype.
fn share_llr(observations: &mut [Observation], sites: &SiteWindow, joint: PhredCost) {
    let against = |o: &Observation| !o.other && o.llr.abs() >= ASSIGN_LLR && (o.llr < 0) != (joint < 0);
    if observations.iter().any(against) {
        return;
    }
    let rank = |o: &Observation| (!matches!(sites.get(o.site).alleles, SiteAlleles::Local(_)), -o.llr.abs());
    let candidates = (0..observations.len()).filter(|&i| !observations[i].other && observations[i].base == 0);
    let best = candidates.min_by_key(|&i| rank(&observations[i]));
    for (i, o) in observations.iter_mut().enumerate() {
        o.fragment_llr = if Some(i) == best { joint } else { 0 };
    }
}

/// The base of the segment at an SNV, and its quality. `index` is that of the SNV in the haplotype; `first` that of the
/// segment's first base, and `bases` those that are not soft-clipped.
fn base_at(segment: &ReadSegment, site: &Site, index: i64, (first, bases): &(usize, Range<usize>)) -> Option<(u8, u8)> {
    let index = usize::try_from(index - *first as i64).ok()?;
    let aligned = matches!(site.alleles, SiteAlleles::Snv(..)) && bases.contains(&index);
    aligned.then(|| (segment.bases[index], segment.qualities[index]))
}
