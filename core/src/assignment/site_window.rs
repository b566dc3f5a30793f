//! Where reads can tell the haplotypes apart, made from a stream of variants as sorted reads come along.

use std::collections::VecDeque;

use crate::assignment::local_haplotypes::{shifts, Local, Neighbour, Parts, LONGEST_SITE, MARGIN, PAD, SHIFT_CONTEXT};
use crate::assignment::site_builder::{group, substituted, Item, JOINED, LONG_ENOUGH};
use crate::assignment::VariantSource;
use crate::error::{Error, Result};
use crate::genome::{Edit, Variant, MISSING};
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Bases before a read at which what is known of the haplotypes may still matter to it, or to the site behind.
const KEPT: i64 = 2 * LONG_ENOUGH;

/// How far in front of a variant's first base its site may begin.
const REACH_BACK: i64 = SHIFT_CONTEXT + PAD;

/// What tells the haplotypes apart at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tells {
    /// One base: that of haplotype 1 and of haplotype 2 (first and second allele of an unphased call).
    Base(u8, u8),
    /// Several bases, none inserted or deleted: reference position (0-based), base of haplotype 1, of 2.
    Bases(Box<[(i64, u8, u8)]>),
    /// Two sequences of any length.
    Local(Box<Local>),
}

/// A place at which reads tell alleles apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Reference span in which a read must be aligned to say something, 0-based half-open.
    pub start: i64,
    pub end: i64,
    pub tells: Tells,
    /// False for a call without phase: it has counts, but no say about the fragment.
    pub phased: bool,
    /// Numbers of its records, see [`Sites::record`], ascending.
    pub records: Records,
}

/// Numbers of records; most sites have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    One(u64),
    Many(Box<[u64]>),
}

impl Records {
    fn new(list: Vec<u64>) -> Self {
        match list[..] {
            [one] => Records::One(one),
            _ => Records::Many(list.into()),
        }
    }

    /// The numbers, ascending.
    pub fn as_slice(&self) -> &[u64] {
        match self {
            Records::One(one) => std::slice::from_ref(one),
            Records::Many(list) => list,
        }
    }
}

/// What did not become a site, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Untold {
    /// Insertions and deletions, and what lies within them, for want of the reference sequence.
    pub without_reference: u64,
    /// Longer than anything that is looked at.
    pub too_long: u64,
    /// Records that together spell the same on both haplotypes.
    pub same: u64,
}

impl Untold {
    /// Sentences for the user.
    pub fn lines(&self) -> Vec<String> {
        let all = [
            (self.without_reference, "insertions, deletions and records within them assign no reads: give -f FASTA"),
            (self.too_long, "records longer than 20,000 bases assign no reads"),
            (self.same, "records tell nothing: together they spell the same on both haplotypes"),
        ];
        all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
    }
}

/// The sites and records around the reads that are being looked at.
pub struct Sites<'a> {
    source: &'a mut dyn VariantSource,
    reference: Option<Reference>,
    contigs: Contigs,
    contig: usize,
    /// The variant behind the last that became an item.
    ahead: Option<Variant>,
    /// All sites that begin before this are there.
    filled: i64,
    /// Not yet sites, by start; those with phase and those without.
    phased: VecDeque<Item>,
    unphased: VecDeque<Item>,
    /// Of the items before, those that may lie in the margin of the next site.
    passed: VecDeque<Item>,
    /// Likewise, but kept as long as reads may reach them: phased ones that insert or delete bases, those that
    /// have a site with such, and those that both haplotypes have. By start.
    known: VecDeque<Item>,
    list: VecDeque<Site>,
    first: u32,
    /// With whether each tells anything.
    records: VecDeque<(Variant, bool)>,
    first_record: u64,
    /// What tells nothing, and why.
    pub untold: Untold,
    /// For every variant in which the haplotypes differ, what each of them changes (0-based half-open), for
    /// whoever counts them by region; to be emptied by the caller.
    pub differing: Vec<[Option<(u64, u64)>; 2]>,
}

impl<'a> Sites<'a> {
    /// `contigs` are those of the reads. Without the `reference` only substitutions tell.
    pub fn new(source: &'a mut dyn VariantSource, reference: Option<Reference>, contigs: &Contigs) -> Self {
        Self {
            source,
            reference,
            contigs: contigs.clone(),
            contig: 0,
            ahead: None,
            filled: i64::MAX,
            phased: VecDeque::new(),
            unphased: VecDeque::new(),
            passed: VecDeque::new(),
            known: VecDeque::new(),
            list: VecDeque::new(),
            first: 0,
            records: VecDeque::new(),
            first_record: 0,
            untold: Untold::default(),
            differing: Vec::new(),
        }
    }

    /// Go to a contig. All sites and records of the one before must have been dropped.
    ///
    /// # Errors
    /// What the source cannot read.
    pub fn enter(&mut self, contig: usize) -> Result<()> {
        self.contig = contig;
        self.phased.clear();
        self.unphased.clear();
        self.passed.clear();
        self.known.clear();
        self.source.enter(contig)?;
        self.ahead = self.source.next()?;
        self.filled = i64::MIN;
        Ok(())
    }

    /// Make all sites that begin before `position`.
    ///
    /// # Errors
    /// What the source or the reference cannot read.
    pub fn fill(&mut self, position: i64) -> Result<()> {
        while self.filled < position {
            let horizon = match &self.ahead {
                Some(variant) => variant.start as i64 - REACH_BACK - JOINED - 1,
                None => i64::MAX,
            };
            self.close(horizon)?;
            let pending = self.phased.front().into_iter().chain(self.unphased.front()).map(|i| i.start).min();
            self.filled = horizon.min(pending.unwrap_or(i64::MAX));
            if let Some(variant) = self.ahead.take() {
                self.ahead = self.source.next()?;
                self.take(variant)?;
            }
        }
        Ok(())
    }

    /// Make a variant an item.
    fn take(&mut self, variant: Variant) -> Result<()> {
        let differs = match variant.phased {
            true => variant.differs(),
            false => variant.hap1 != variant.hap2 && variant.hap1 != MISSING && variant.hap2 != MISSING,
        };
        let mut item = Item { start: 0, end: 0, variant, record: None, gapped: false, differs, units: 1 };
        if item.edit(1).is_none() && item.edit(2).is_none() {
            return Ok(());
        }
        (item.start, item.end) = item.changes();
        let gapped = |e: Option<Edit>| e.is_some_and(|e| e.bases.len() as u64 != e.end - e.start);
        item.gapped = gapped(item.edit(1)) || gapped(item.edit(2));
        if differs && item.variant.phased {
            self.differing.push([1, 2].map(|haplotype| item.edit(haplotype).map(|e| (e.start, e.end))));
        }
        if item.gapped {
            self.widen(&mut item)?;
        }
        if item.differs {
            item.record = Some(self.first_record + self.records.len() as u64);
            self.records.push_back((item.variant.clone(), true));
        }
        let list = if item.is_phased() { &mut self.phased } else { &mut self.unphased };
        let at = list.partition_point(|other| other.start <= item.start);
        list.insert(at, item);
        Ok(())
    }

    /// Give an indel the span within which its place is not determined.
    fn widen(&mut self, item: &mut Item) -> Result<()> {
        let (from, to) = (item.start - SHIFT_CONTEXT, item.end + SHIFT_CONTEXT);
        let Some(bases) = self.bases(from, to)? else { return Ok(()) };
        let (mut start, mut end) = (item.start, item.end);
        for haplotype in [1, 2] {
            if let Some(edit) = item.edit(haplotype) {
                let (a, b) = ((edit.start as i64 - from) as usize, (edit.end as i64 - from) as usize);
                let (s, e, units) = shifts(&edit, &bases[..a], &bases[b..], &bases[a..b]);
                (start, end) = (start.min(s), end.max(e));
                item.units = item.units.max(units);
            }
        }
        (item.start, item.end) = (start - PAD, end + PAD);
        Ok(())
    }

    /// True if insertions, deletions and clipped ends can be looked at.
    pub fn has_reference(&self) -> bool {
        self.reference.is_some()
    }

    /// Reference bases of the contig (0-based half-open), if there is a reference.
    pub(super) fn bases(&mut self, from: i64, to: i64) -> Result<Option<Vec<u8>>> {
        let Some(reference) = &mut self.reference else { return Ok(None) };
        let name = self.contigs.name(self.contig);
        let theirs = reference.contigs().find(name).ok_or_else(|| {
            Error::input(
                reference.path(),
                format!("has no sequence \"{name}\" (it has {})", reference.contigs().summary()),
            )
        })?;
        reference.fetch(theirs, from, to).map(Some)
    }

    /// Make sites of the items that nothing before `horizon` can join any more.
    fn close(&mut self, horizon: i64) -> Result<()> {
        loop {
            let phased = self.phased.front().map(|_| group(&self.phased));
            let unphased = self.unphased.front().map(|i| (1, i.end));
            let phased_first = match (self.phased.front(), self.unphased.front()) {
                (Some(a), Some(b)) => a.start <= b.start,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return Ok(()),
            };
            let (n, end) = match (phased_first, phased, unphased) {
                (true, Some(group), _) => group,
                (false, _, Some(group)) => group,
                _ => return Ok(()),
            };
            if end >= horizon {
                return Ok(());
            }
            if n == 1 && self.make_plain(phased_first) {
                continue;
            }
            let list = if phased_first { &mut self.phased } else { &mut self.unphased };
            let items: Vec<Item> = list.drain(..n).collect();
            self.make(&items, end)?;
            let gapped = items.iter().any(|i| i.gapped);
            for item in items {
                if self.reference.is_some() && item.is_phased() && (gapped || !item.differs) {
                    self.known.push_back(item);
                } else {
                    self.let_pass(item);
                }
            }
        }
    }

    /// The next site if it is that of a single differing base, as nearly all are; false if it is not.
    fn make_plain(&mut self, phased: bool) -> bool {
        let list = if phased { &mut self.phased } else { &mut self.unphased };
        let Some(item) = list.front() else { return false };
        let (Some(record), false) = (item.record, item.gapped) else { return false };
        let Some((position, first, second)) = item.variant.single_base() else { return false };
        let start = position as i64;
        if self.list.back().is_some_and(|s| s.start > start) {
            return false;
        }
        let tells = Tells::Base(first, second);
        self.list.push_back(Site { start, end: start + 1, tells, phased, records: Records::One(record) });
        if let Some(item) = list.pop_front() {
            self.let_pass(item);
        }
        true
    }

    /// Keep an item that has become a site as long as it may lie in the margin of another.
    fn let_pass(&mut self, item: Item) {
        while self.passed.front().is_some_and(|i| i.end + 2 * MARGIN + LONG_ENOUGH < item.start) {
            self.passed.pop_front();
        }
        self.passed.push_back(item);
    }

    /// One site of `items`, sorted by start, which end at `end`.
    fn make(&mut self, items: &[Item], end: i64) -> Result<()> {
        let telling: Vec<&Item> = items.iter().filter(|i| i.differs).collect();
        if telling.is_empty() {
            return Ok(());
        }
        let start = items[0].start;
        let phased = items[0].is_phased();
        let mut records: Vec<u64> = telling.iter().filter_map(|i| i.record).collect();
        records.sort_unstable();
        let n = records.len() as u64;
        let tells = if items.iter().any(|i| i.gapped) {
            if end - start > LONGEST_SITE {
                self.untold.too_long += n;
                self.hide(&records);
                return Ok(());
            }
            match self.local(items, start, end, &records)? {
                Some(local) if local.tells() => Tells::Local(Box::new(local)),
                Some(_) => {
                    self.untold.same += n;
                    self.hide(&records);
                    return Ok(());
                }
                None => {
                    self.untold.without_reference += n;
                    self.hide(&records);
                    return Ok(());
                }
            }
        } else {
            let bases = substituted(items);
            match bases[..] {
                [] => {
                    self.untold.same += n;
                    self.hide(&records);
                    return Ok(());
                }
                [(_, first, second)] => Tells::Base(first, second),
                _ => Tells::Bases(bases.into()),
            }
        };
        let (start, end) = match &tells {
            Tells::Base(..) => (substituted(items)[0].0, substituted(items)[0].0 + 1),
            Tells::Bases(list) => (list[0].0, list[list.len() - 1].0 + 1),
            Tells::Local(_) => (start, end),
        };
        let site = Site { start, end, tells, phased, records: Records::new(records) };
        // The bases that differ may begin behind their item: keep the order. No read has come this far yet.
        let at = self.list.partition_point(|s| s.start <= start);
        self.list.insert(at, site);
        Ok(())
    }

    fn local(&mut self, items: &[Item], start: i64, end: i64, records: &[u64]) -> Result<Option<Local>> {
        let Some(reference) = self.bases(start - MARGIN, end + MARGIN)? else { return Ok(None) };
        let phased = items[0].is_phased();
        let mut neighbours = Vec::new();
        let near = |i: &&Item| i.start < end + MARGIN && start - MARGIN < i.end;
        let known = self.known.iter().rev().take_while(|i| i.start > start - MARGIN - LONGEST_SITE);
        let mut beside: Vec<&Item> =
            known.chain(&self.passed).chain(&self.phased).chain(&self.unphased).filter(near).collect();
        beside.sort_by_key(|i| i.start);
        for item in beside {
            if item.is_phased() && !item.differs {
                neighbours.extend(item.edit(1).map(Neighbour::Shared));
            } else if !item.gapped {
                let (from, to) = item.changes();
                neighbours.push(Neighbour::Unknown(from, to));
            }
        }
        let variants: Vec<&Variant> = items.iter().map(|i| &i.variant).collect();
        let changes = records.iter().filter_map(|r| items.iter().find(|i| i.record == Some(*r))).map(Item::changes);
        Ok(Some(Local::new(Parts {
            start,
            end,
            reference: &reference,
            variants: &variants,
            phased,
            neighbours: &neighbours,
            units: items.iter().map(|i| i.units).max().unwrap_or(1),
            changes: changes.collect(),
        })))
    }

    /// How many sites have ever been dropped: the number of the first that is there.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// How many sites are there.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if no site is there.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The contigs by whose indices it goes.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// True if a site of this number is there.
    pub fn contains(&self, number: u32) -> bool {
        number >= self.first && ((number - self.first) as usize) < self.list.len()
    }

    /// Up to where all sites are there; `i64::MAX` at the end of the contig.
    pub fn filled(&self) -> i64 {
        self.filled
    }

    /// Site by number, which must not have been dropped.
    pub fn get(&self, number: u32) -> &Site {
        &self.list[(number - self.first) as usize]
    }

    /// Sites with their numbers, from a number on.
    pub(super) fn from(&self, number: u32) -> impl Iterator<Item = (u32, &Site)> {
        let skipped = (number.saturating_sub(self.first) as usize).min(self.list.len());
        (self.first + skipped as u32..).zip(self.list.range(skipped..))
    }

    /// The phased records near the reads that sites of single bases do not tell of: those that insert or delete
    /// bases, those beside them, and those that both haplotypes have.
    pub(super) fn known(&self) -> impl Iterator<Item = &Item> {
        self.known.iter()
    }

    /// No read to come begins before `position`.
    pub(super) fn reads_begin(&mut self, position: i64) {
        while self.known.front().is_some_and(|i| i.end + KEPT <= position) {
            self.known.pop_front();
        }
    }

    /// Drop the sites that end before `position`.
    pub fn drop_before(&mut self, position: i64) {
        self.reads_begin(position);
        while self.list.front().is_some_and(|s| s.end <= position) {
            self.list.pop_front();
            self.first += 1;
        }
    }

    /// Number of the first record that a site, or a site to be, still needs. Those before it have their final
    /// counts; they are taken with [`Sites::take_record`].
    pub fn first_needed(&self) -> u64 {
        let of_sites = self.list.iter().map(|s| s.records.as_slice()[0]);
        let pending = self.phased.iter().chain(&self.unphased).filter_map(|i| i.record);
        of_sites.chain(pending).min().unwrap_or(self.first_record + self.records.len() as u64)
    }

    /// Take the first record and its number; `None` in place of a variant that told nothing.
    pub fn take_record(&mut self) -> Option<(u64, Option<Variant>)> {
        let (variant, told) = self.records.pop_front()?;
        self.first_record += 1;
        Some((self.first_record - 1, told.then_some(variant)))
    }

    /// A record by its number, which must not have been taken.
    pub fn record(&self, number: u64) -> &Variant {
        &self.records[(number - self.first_record) as usize].0
    }

    /// Numbers of the records that are there.
    pub fn records(&self) -> std::ops::Range<u64> {
        self.first_record..self.first_record + self.records.len() as u64
    }

    fn hide(&mut self, records: &[u64]) {
        for number in records {
            self.records[(number - self.first_record) as usize].1 = false;
        }
    }
}

#[cfg(test)]
#[path = "site_window_tests.rs"]
mod tests;
