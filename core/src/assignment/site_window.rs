//! The sites around the current position, made from a stream of variants as sorted reads come along.

use std::collections::VecDeque;

use crate::assignment::local_haplotypes::{
    shifts, LocalHaplotypes, Neighbour, SiteContext, LONGEST_SITE, MARGIN, PAD, SHIFT_CONTEXT,
};
use crate::assignment::site::{Reason, Records, Site, SiteAlleles, Unscorable};
use crate::assignment::site_builder::{group, substituted, PendingVariant, JOINED, LONG_ENOUGH};
use crate::assignment::VariantSource;
use crate::error::{Error, Result};
use crate::genome::{Edit, Variant, MISSING};
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Context variants are kept for this many bases: they may still matter to a read, or to the next site.
const KEPT: i64 = 2 * LONG_ENOUGH;

/// Maximum number of bases by which a site begins before the first base of its variant.
const REACH_BACK: i64 = SHIFT_CONTEXT + PAD;

/// For haplotype 1 and 2, the reference span (0-based half-open) that a variant changes, if it changes the haplotype.
pub type ChangedSpans = [Option<(u64, u64)>; 2];

/// The sites and records around the current reads.
///
/// A variant moves through the window in one direction, and at any time is in one place. It is read `ahead` of the
/// reads; then it is pending (`phased` or `unphased`, sorted by the start of the span its site needs) until no variant to
/// come can join its site; then its site is appended to `sites`, sorted by start, and the variant itself is kept as the
/// surroundings of later sites: in `context` if it is phased and has an indel in its site or is carried by both
/// haplotypes (needs a reference), until reads have passed it by `KEPT` bases; else in `recent`, until it is too far
/// from the next site to lie in its margin.
///
/// All sites that start before `filled` are in `sites`. Sites and records are numbered in the order in which they are
/// made; those before `first_site` and `first_record` have been dropped. `records` holds every variant whose alleles
/// differ from the time it becomes pending until [`SiteWindow::take_record`].
pub struct SiteWindow<'a> {
    source: &'a mut dyn VariantSource,
    reference: Option<Reference>,
    contigs: Contigs,
    contig: usize,
    ahead: Option<Variant>,
    phased: VecDeque<PendingVariant>,
    unphased: VecDeque<PendingVariant>,
    recent: VecDeque<PendingVariant>,
    context: VecDeque<PendingVariant>,
    sites: VecDeque<Site>,
    first_site: u32,
    filled: i64,
    /// Each with whether it can be scored.
    records: VecDeque<(Variant, bool)>,
    first_record: u64,
    differing: Vec<ChangedSpans>,
    /// Records that cannot be scored so far.
    pub unscorable: Unscorable,
}

impl<'a> SiteWindow<'a> {
    /// `contigs` are those of the reads. Without the `reference` only SNVs and MNVs are scored.
    pub fn new(source: &'a mut dyn VariantSource, reference: Option<Reference>, contigs: &Contigs) -> Self {
        Self {
            source,
            reference,
            contigs: contigs.clone(),
            contig: 0,
            ahead: None,
            phased: VecDeque::new(),
            unphased: VecDeque::new(),
            recent: VecDeque::new(),
            context: VecDeque::new(),
            sites: VecDeque::new(),
            first_site: 0,
            filled: i64::MAX,
            records: VecDeque::new(),
            first_record: 0,
            differing: Vec::new(),
            unscorable: Unscorable::default(),
        }
    }

    /// Go to a contig. All sites and records of the one before must have been dropped.
    ///
    /// # Errors
    /// Variants that cannot be read.
    pub fn enter(&mut self, contig: usize) -> Result<()> {
        self.contig = contig;
        self.phased.clear();
        self.unphased.clear();
        self.recent.clear();
        self.context.clear();
        self.differing.clear();
        self.source.enter(contig)?;
        self.ahead = self.source.next()?;
        self.filled = i64::MIN;
        Ok(())
    }

    /// Make all sites that begin before `position`.
    ///
    /// # Errors
    /// Variants or reference that cannot be read.
    pub fn fill(&mut self, position: i64) -> Result<()> {
        while self.filled < position {
            let horizon = match &self.ahead {
                Some(variant) => variant.start as i64 - REACH_BACK - JOINED - 1,
                None => i64::MAX,
            };
            self.close(horizon)?;
            let pending = self.phased.front().into_iter().chain(self.unphased.front()).map(|v| v.start).min();
            self.filled = horizon.min(pending.unwrap_or(i64::MAX));
            if let Some(variant) = self.ahead.take() {
                self.ahead = self.source.next()?;
                self.add(variant)?;
            }
        }
        Ok(())
    }

    /// Make a variant pending.
    fn add(&mut self, variant: Variant) -> Result<()> {
        let differs = match variant.phased {
            true => variant.differs(),
            false => variant.hap1 != variant.hap2 && variant.hap1 != MISSING && variant.hap2 != MISSING,
        };
        let mut pending = PendingVariant { start: 0, end: 0, variant, record: None, gapped: false, differs, units: 1 };
        if pending.edit(1).is_none() && pending.edit(2).is_none() {
            return Ok(());
        }
        (pending.start, pending.end) = pending.changes();
        let gapped = |e: Option<Edit>| e.is_some_and(|e| e.bases.len() as u64 != e.end - e.start);
        pending.gapped = gapped(pending.edit(1)) || gapped(pending.edit(2));
        if differs && pending.is_phased() {
            self.differing.push([1, 2].map(|haplotype| pending.edit(haplotype).map(|e| (e.start, e.end))));
        }
        if pending.gapped {
            self.widen(&mut pending)?;
        }
        if differs {
            pending.record = Some(self.records().end);
            self.records.push_back((pending.variant.clone(), true));
        }
        let list = if pending.is_phased() { &mut self.phased } else { &mut self.unphased };
        let at = list.partition_point(|other| other.start <= pending.start);
        list.insert(at, pending);
        Ok(())
    }

    /// Widen the span of an indel to all positions to which it can be shifted.
    fn widen(&mut self, pending: &mut PendingVariant) -> Result<()> {
        let (from, to) = (pending.start - SHIFT_CONTEXT, pending.end + SHIFT_CONTEXT);
        let Some(bases) = self.bases(from, to)? else { return Ok(()) };
        let (mut start, mut end) = (pending.start, pending.end);
        for haplotype in [1, 2] {
            if let Some(edit) = pending.edit(haplotype) {
                let (a, b) = ((edit.start as i64 - from) as usize, (edit.end as i64 - from) as usize);
                let (s, e, units) = shifts(&edit, &bases[..a], &bases[b..], &bases[a..b]);
                (start, end) = (start.min(s), end.max(e));
                pending.units = pending.units.max(units);
            }
        }
        (pending.start, pending.end) = (start - PAD, end + PAD);
        Ok(())
    }

    /// True if insertions, deletions and soft clips can be scored.
    pub fn has_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// Reference bases of the contig (0-based half-open), if there is a reference.
    pub(super) fn bases(&mut self, from: i64, to: i64) -> Result<Option<Vec<u8>>> {
        let Some(reference) = &mut self.reference else { return Ok(None) };
        let name = self.contigs.name(self.contig);
        let contig = reference.contigs().find(name).ok_or_else(|| {
            Error::input(
                reference.path(),
                format!("has no sequence \"{name}\" (it has {})", reference.contigs().summary()),
            )
        })?;
        reference.fetch(contig, from, to).map(Some)
    }

    /// Make sites of the pending variants that no variant at or after `horizon` can join.
    fn close(&mut self, horizon: i64) -> Result<()> {
        loop {
            let phased_first = match (self.phased.front(), self.unphased.front()) {
                (Some(a), Some(b)) => a.start <= b.start,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return Ok(()),
            };
            let list = if phased_first { &self.phased } else { &self.unphased };
            // Unphased calls are sites by themselves.
            let (n, end) = if phased_first { group(list) } else { (1, list[0].end) };
            if end >= horizon {
                return Ok(());
            }
            if n == 1 && self.make_snv(phased_first) {
                continue;
            }
            let list = if phased_first { &mut self.phased } else { &mut self.unphased };
            let members: Vec<PendingVariant> = list.drain(..n).collect();
            self.make(&members, end)?;
            let gapped = members.iter().any(|v| v.gapped);
            for member in members {
                if self.reference.is_some() && member.is_phased() && (gapped || !member.differs) {
                    self.context.push_back(member);
                } else {
                    self.keep_recent(member);
                }
            }
        }
    }

    /// Make the next site if it is a single SNV, as nearly all are; false if it is not.
    fn make_snv(&mut self, phased: bool) -> bool {
        let list = if phased { &mut self.phased } else { &mut self.unphased };
        let Some(next) = list.front() else { return false };
        let (Some(record), false) = (next.record, next.gapped) else { return false };
        let Some((position, first, second)) = next.variant.single_base() else { return false };
        let start = position as i64;
        if self.sites.back().is_some_and(|s| s.start > start) {
            return false;
        }
        let alleles = SiteAlleles::Snv(first, second);
        self.sites.push_back(Site { start, end: start + 1, alleles, phased, records: Records::One(record) });
        if let Some(variant) = list.pop_front() {
            self.keep_recent(variant);
        }
        true
    }

    fn keep_recent(&mut self, variant: PendingVariant) {
        while self.recent.front().is_some_and(|v| v.end + 2 * MARGIN + LONG_ENOUGH < variant.start) {
            self.recent.pop_front();
        }
        self.recent.push_back(variant);
    }

    /// Make one site of its members, sorted by start; the last ends at `end`.
    fn make(&mut self, members: &[PendingVariant], end: i64) -> Result<()> {
        let mut records: Vec<u64> = members.iter().filter(|v| v.differs).filter_map(|v| v.record).collect();
        if !members.iter().any(|v| v.differs) {
            return Ok(());
        }
        records.sort_unstable();
        let alleles = match self.alleles(members, end, &records)? {
            Ok(alleles) => alleles,
            Err(reason) => {
                self.unscorable.add(records.len() as u64, reason);
                for number in &records {
                    self.records[(number - self.first_record) as usize].1 = false;
                }
                return Ok(());
            }
        };
        let (start, end) = match &alleles {
            SiteAlleles::Snv(..) => (substituted(members)[0].0, substituted(members)[0].0 + 1),
            SiteAlleles::Mnv(list) => (list[0].0, list[list.len() - 1].0 + 1),
            SiteAlleles::Local(_) => (members[0].start, end),
        };
        let site = Site { start, end, alleles, phased: members[0].is_phased(), records: Records::new(records) };
        // The bases that differ may begin after their variant: keep the order. No read has come this far yet.
        let at = self.sites.partition_point(|s| s.start <= start);
        self.sites.insert(at, site);
        Ok(())
    }

    /// The alleles of a site, or why it cannot be scored.
    fn alleles(
        &mut self,
        members: &[PendingVariant],
        end: i64,
        records: &[u64],
    ) -> Result<std::result::Result<SiteAlleles, Reason>> {
        if !members.iter().any(|v| v.gapped) {
            let bases = substituted(members);
            return Ok(match bases[..] {
                [] => Err(Reason::Same),
                [(_, first, second)] => Ok(SiteAlleles::Snv(first, second)),
                _ => Ok(SiteAlleles::Mnv(bases.into())),
            });
        }
        if end - members[0].start > LONGEST_SITE {
            return Ok(Err(Reason::TooLong));
        }
        Ok(match self.local_haplotypes(members, end, records)? {
            Some(local) if local.differ() => Ok(SiteAlleles::Local(Box::new(local))),
            Some(_) => Err(Reason::Same),
            None => Err(Reason::WithoutReference),
        })
    }

    /// The local haplotypes of a site, if there is a reference.
    fn local_haplotypes(
        &mut self,
        members: &[PendingVariant],
        end: i64,
        records: &[u64],
    ) -> Result<Option<LocalHaplotypes>> {
        let start = members[0].start;
        let Some(reference) = self.bases(start - MARGIN, end + MARGIN)? else { return Ok(None) };
        let near = |v: &&PendingVariant| v.start < end + MARGIN && start - MARGIN < v.end;
        let context = self.context.iter().rev().take_while(|v| v.start > start - MARGIN - LONGEST_SITE);
        let mut nearby: Vec<&PendingVariant> =
            context.chain(&self.recent).chain(&self.phased).chain(&self.unphased).filter(near).collect();
        nearby.sort_by_key(|v| v.start);
        let mut neighbours = Vec::new();
        for variant in nearby {
            if variant.is_phased() && !variant.differs {
                neighbours.extend(variant.edit(1).map(Neighbour::Shared));
            } else if !variant.gapped {
                let (from, to) = variant.changes();
                neighbours.push(Neighbour::Unknown(from, to));
            }
        }
        let variants: Vec<&Variant> = members.iter().map(|v| &v.variant).collect();
        let of_record = |r: &u64| members.iter().find(|v| v.record == Some(*r));
        Ok(Some(LocalHaplotypes::new(SiteContext {
            start,
            end,
            reference: &reference,
            variants: &variants,
            phased: members[0].is_phased(),
            neighbours: &neighbours,
            units: members.iter().map(|v| v.units).max().unwrap_or(1),
            changes: records.iter().filter_map(of_record).map(PendingVariant::changes).collect(),
        })))
    }

    /// Number of the first site that has not been dropped.
    pub fn first(&self) -> u32 {
        self.first_site
    }

    /// Number of sites in the window.
    pub fn len(&self) -> usize {
        self.sites.len()
    }

    /// True if there is no site in the window.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// The contigs of the reads.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// True if the site of this number is in the window.
    pub fn contains(&self, number: u32) -> bool {
        number >= self.first_site && ((number - self.first_site) as usize) < self.sites.len()
    }

    /// All sites that start before this position are in the window; `i64::MAX` at the end of the contig.
    pub fn filled(&self) -> i64 {
        self.filled
    }

    /// Site by number, which must be in the window.
    pub fn get(&self, number: u32) -> &Site {
        &self.sites[(number - self.first_site) as usize]
    }

    /// Sites with their numbers, from a number on.
    pub(super) fn from(&self, number: u32) -> impl Iterator<Item = (u32, &Site)> {
        let skipped = (number.saturating_sub(self.first_site) as usize).min(self.sites.len());
        (self.first_site + skipped as u32..).zip(self.sites.range(skipped..))
    }

    /// Phased variants near the reads that single SNV sites do not represent: those with an indel in their site, and
    /// those that both haplotypes carry. By start of their site.
    pub(super) fn context(&self) -> impl Iterator<Item = &PendingVariant> {
        self.context.iter()
    }

    /// The reads to come start at `position` or later.
    pub(super) fn reads_begin(&mut self, position: i64) {
        while self.context.front().is_some_and(|v| v.end + KEPT <= position) {
            self.context.pop_front();
        }
    }

    /// Drop the sites that end before `position`.
    pub fn drop_before(&mut self, position: i64) {
        self.reads_begin(position);
        while self.sites.front().is_some_and(|s| s.end <= position) {
            self.sites.pop_front();
            self.first_site += 1;
        }
    }

    /// Number of the first record that a site or a pending variant still needs. Those before it have their final
    /// counts, and can be taken with [`SiteWindow::take_record`].
    pub fn first_needed(&self) -> u64 {
        let of_sites = self.sites.iter().map(|s| s.records.as_slice()[0]);
        let pending = self.phased.iter().chain(&self.unphased).filter_map(|v| v.record);
        of_sites.chain(pending).min().unwrap_or(self.records().end)
    }

    /// Take the first record and its number; without the variant if it cannot be scored.
    pub fn take_record(&mut self) -> Option<(u64, Option<Variant>)> {
        let (variant, scorable) = self.records.pop_front()?;
        self.first_record += 1;
        Some((self.first_record - 1, scorable.then_some(variant)))
    }

    /// A record by its number, which must not have been taken.
    pub fn record(&self, number: u64) -> &Variant {
        &self.records[(number - self.first_record) as usize].0
    }

    /// Numbers of the records in the window.
    pub fn records(&self) -> std::ops::Range<u64> {
        self.first_record..self.first_record + self.records.len() as u64
    }

    /// Take, for every phased variant of the contig read since the last call in which the haplotypes differ, the spans
    /// that it changes.
    pub fn drain_differing(&mut self) -> impl ExactSizeIterator<Item = ChangedSpans> + '_ {
        self.differing.drain(..)
    }
}

#[cfg(test)]
#[path = "site_window_tests.rs"]
mod tests;
