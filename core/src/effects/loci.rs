//! Which regions a record belongs to, and which of its alleles can be predicted.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::genome::{AssemblyCheck, Edit, KnownBases, OnMismatch};
use crate::io::fasta::Reference;
use crate::io::Contigs;
use crate::model::encode::code;
use crate::model::window::{Window, Windows};

use crate::effects::regions::RegionIndex;

/// Records compared with the FASTA before anything is said about the assembly.
const ENOUGH: u64 = 1000;

/// Records to collect before the first are written, so that a small file of the wrong assembly leaves nothing.
pub fn enough() -> usize {
    ENOUGH as usize
}

/// Why alleles have no effect, counted by allele, and what else the user should know, counted by record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EffectReport {
    /// Records seen.
    pub records: u64,
    /// Records with an effect for at least one allele.
    pub annotated: u64,
    /// Records outside every region.
    pub outside: u64,
    /// Records without an alternative (ALT is `.`).
    pub monomorphic: u64,
    /// Alleles without a sequence (`<DEL>`, breakends).
    pub symbolic: u64,
    /// `*` alleles: the base is deleted by another record; and `<*>` and `<NON_REF>`, for any other allele.
    pub star: u64,
    /// Missing or malformed alleles.
    pub missing: u64,
    /// Alleles of which the shortest record has a REF or ALT longer than the model's window.
    pub too_long: u64,
    /// In regions, but beyond the windows that the model reads of them.
    pub beyond_window: u64,
    /// Predictions that are no number, in each region.
    pub not_finite: u64,
    /// Records on contigs that the FASTA lacks, where no regions were given.
    pub unknown_contig: u64,
    /// REF compared with the FASTA; records that differ have no effect.
    pub assembly: AssemblyCheck,
}

impl EffectReport {
    /// What the user should know, a sentence a line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} of {} records annotated", self.annotated, self.records)];
        if self.outside > 0 {
            lines.push(format!("{} records outside every region, passed through", self.outside));
        }
        for (count, what) in [
            (self.monomorphic, "records without an alternative allele"),
            (self.symbolic, "alleles without a sequence (<DEL>, breakends)"),
            (self.star, "* alleles, and reference blocks (<*>, <NON_REF>)"),
            (self.missing, "missing or malformed alleles"),
            (self.too_long, "alleles longer than the model's window"),
            (self.beyond_window, "alleles in a region but beyond the window that the model reads of it"),
            (self.not_finite, "predictions that are no number"),
        ] {
            if count > 0 {
                lines.push(format!("left without an effect: {count} {what}"));
            }
        }
        if self.unknown_contig > 0 {
            lines.push(format!(
                "left without an effect: {} records on contigs that the FASTA does not have",
                self.unknown_contig
            ));
        }
        if self.assembly.mismatched > 0 {
            lines.push(format!(
                "left without an effect: {} records whose REF differs from the FASTA, first {}",
                self.assembly.mismatched,
                self.assembly.named()
            ));
        }
        lines
    }
}

/// What an alternative allele changes: bases of the reference, and those in their place. Bases that REF and ALT share at
/// their ends are not part of it ([`Edit::new`]), however the record was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// First replaced base, 0-based.
    pub start: u64,
    /// End of the replaced bases, exclusive; equal to `start` for an insertion.
    pub end: u64,
    /// The bases of the allele, upper case; empty for a deletion.
    pub bases: Vec<u8>,
}

impl Change {
    /// That of `alternative` in place of `reference` at 0-based `start`; where both are equal, REF by itself.
    fn new(start: u64, reference: &[u8], alternative: &[u8]) -> Self {
        match Edit::new(start, reference, alternative) {
            Some(edit) => Self::of(&edit),
            None => Self { start, end: start.saturating_add(reference.len() as u64), bases: reference.to_vec() },
        }
    }

    /// That of an edit.
    pub fn of(edit: &Edit) -> Self {
        Self { start: edit.start, end: edit.end, bases: edit.bases.to_vec() }
    }

    /// As an edit of the reference.
    pub fn edit(&self) -> Edit<'_> {
        Edit { start: self.start, end: self.end, bases: &self.bases }
    }

    /// Bases of the reference that a window has in addition, drawn in from either side, where this deletes more than it
    /// inserts.
    pub fn draws_in(&self) -> u64 {
        (self.end - self.start).saturating_sub(self.bases.len() as u64)
    }
}

/// An alternative allele that can be predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// What it changes.
    pub change: Change,
    /// The bases of REF in the shortest record of it, 0-based half-open: without what REF and ALT share at the right and then
    /// at the left, but for one base. They decide where it lies: the first is the centre of its window where there are
    /// no regions, and it belongs to the regions that they overlap.
    pub record: Range<u64>,
    /// Bases of ALT in that record.
    length: u64,
}

impl Alternative {
    /// `alternative` in place of `reference` at 0-based `start`.
    fn new(start: u64, reference: &[u8], alternative: &[u8]) -> Self {
        let (mut old, mut new, mut from) = (reference, alternative, start);
        while let ([o @ .., x], [n @ .., y]) = (old, new) {
            if x != y || o.is_empty() || n.is_empty() {
                break;
            }
            (old, new) = (o, n);
        }
        while let ([x, o @ ..], [y, n @ ..]) = (old, new) {
            if x != y || o.is_empty() || n.is_empty() {
                break;
            }
            (old, new, from) = (o, n, from.saturating_add(1));
        }
        let record = from..from.saturating_add(old.len() as u64);
        Self { change: Change::new(start, reference, alternative), record, length: new.len() as u64 }
    }

    /// Whether REF or ALT of the shortest record has more than `window` bases.
    fn is_longer_than(&self, window: u64) -> bool {
        self.record.end - self.record.start > window || self.length > window
    }
}

/// A window in which alternatives of a record are predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteWindow {
    /// The window of a region; without regions that around the change.
    pub window: Window,
    /// For each alternative whether it is predicted here: in a region, those that change it.
    pub shows: Vec<bool>,
}

/// A record that lies where the model looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// One for each region, that with the nearest anchor first; without regions one for each place that the alternatives
    /// change.
    pub windows: Vec<SiteWindow>,
    /// First base of REF, 0-based.
    pub start: u64,
    /// REF, in upper case.
    pub reference_allele: Vec<u8>,
    /// The alternatives; `None` for one without a prediction, for a reason counted in the report.
    pub alternatives: Vec<Option<Alternative>>,
}

impl Site {
    /// What REF says of the reference.
    pub fn known(&self) -> KnownBases<'_> {
        KnownBases { start: self.start, bases: &self.reference_allele }
    }

    /// The alternatives that are predicted in a window, by their numbers from 0.
    pub fn shown<'a>(&'a self, of: &'a SiteWindow) -> impl Iterator<Item = (usize, &'a Change)> {
        let seen = |one: &&Alternative| {
            of.window.sees(one.record.start, one.record.end) && of.window.holds(&one.change.edit())
        };
        let shown = self.alternatives.iter().enumerate().zip(&of.shows).filter(|(_, shows)| **shows);
        shown.filter_map(move |((i, one), _)| one.as_ref().filter(seen).map(|one| (i, &one.change)))
    }
}

/// The effect with the largest size.
pub fn strongest(effects: impl Iterator<Item = f64>) -> Option<f64> {
    effects.reduce(|a, b| if b.abs() > a.abs() { b } else { a })
}

/// Without regions each alternative has the window around its own change: put what was found in these into the first of
/// them, the strongest.
pub(super) fn join_alleles<T, E>(found: &mut Vec<T>, alleles: impl Fn(&mut T) -> &mut Vec<Option<E>>) {
    let mut others = found.split_off(found.len().min(1));
    let Some(first) = found.first_mut() else { return };
    for other in &mut others {
        for (to, from) in alleles(first).iter_mut().zip(alleles(other)) {
            if to.is_none() {
                *to = from.take();
            }
        }
    }
}

/// Finds the [`Site`] of a record and keeps count of what has none.
pub struct Sites {
    /// The genome.
    pub reference: Reference,
    /// Alleles without an effect by reason, and what else the user should know.
    pub report: EffectReport,
    regions: Option<Arc<RegionIndex>>,
    windows: Windows,
}

impl Sites {
    /// With `regions` (their contigs numbered as in `reference`), the windows of the regions by `windows`; without, those
    /// around each allele ([`Alternative::record`]), of the same length.
    pub fn new(reference: Reference, regions: Option<Arc<RegionIndex>>, windows: Windows) -> Self {
        Self { reference, report: EffectReport::default(), regions, windows }
    }

    /// What to do with records whose REF is not that of the FASTA.
    pub fn on_mismatch(mut self, policy: OnMismatch) -> Self {
        self.report.assembly.policy = policy;
        self
    }

    /// Whether regions were given.
    pub fn has_regions(&self) -> bool {
        self.regions.is_some()
    }

    /// Bases by which a window, or the region that it belongs to, may begin before a record that lies in it.
    pub fn reach(&self) -> u64 {
        let longest = self.regions.as_deref().map_or(0, RegionIndex::longest);
        longest.saturating_add(2 * self.windows.length as u64)
    }

    /// The site of one record: 0-based `start`, `alleles` with REF first, in upper case; `None` where the model
    /// does not look, or REF is not the FASTA's.
    ///
    /// # Errors
    /// The FASTA cannot be read; REF differs from it, and such a record stops the run ([`OnMismatch::Stop`]). The message
    /// names no record; the caller does.
    ///
    /// [`OnMismatch::Stop`]: crate::genome::OnMismatch::Stop
    pub fn find(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<Option<Site>> {
        let found = self.site(contig, start, alleles)?;
        self.report.records += 1;
        Ok(found)
    }

    fn site(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<Option<Site>> {
        let Some(number) = self.reference.contigs().find(contig) else {
            match self.regions {
                Some(_) => self.report.outside += 1,
                None => self.report.unknown_contig += 1,
            }
            return Ok(None);
        };
        let (Some((ref_allele, alternatives)), Ok(first)) = (alleles.split_first(), u64::try_from(start)) else {
            self.report.missing += 1;
            return Ok(None);
        };
        if !alternatives.is_empty() && alternatives.iter().all(|a| matches!(&a[..], b"<*>" | b"<NON_REF>")) {
            // A reference block of a gVCF: it says nothing of a variant, and stays as it is.
            self.report.star += alternatives.len() as u64;
            return Ok(None);
        }
        // Most records of a genome are in no region: only others are taken apart.
        let span = first..first.saturating_add(ref_allele.len().max(1) as u64);
        let outside = self.regions.as_ref().is_some_and(|regions| !regions.overlaps(number, &span));
        let kinds: Vec<Allele> = match outside {
            true => Vec::new(),
            false => alternatives.iter().map(|alternative| kind(alternative, ref_allele)).collect(),
        };
        let one = |(kind, alternative): (&Allele, &Vec<u8>)| {
            matches!(kind, Allele::Sequence).then(|| Alternative::new(first, ref_allele, alternative))
        };
        let mut found: Vec<Option<Alternative>> = kinds.iter().zip(alternatives).map(one).collect();
        let windows = match outside {
            true => Vec::new(),
            false => self.windows_of(number, span, &found),
        };
        // What passes through needs no more of the FASTA than it takes to know the assembly.
        let compared = !windows.is_empty() || self.report.assembly.checked < ENOUGH;
        if compared && !self.report.assembly.agrees(&mut self.reference, number, contig, first, ref_allele)? {
            return Ok(None);
        }
        if windows.is_empty() {
            self.report.outside += 1;
            return Ok(None);
        }
        if alternatives.is_empty() {
            self.report.monomorphic += 1;
            return Ok(None);
        }
        let longest = self.windows.length as u64;
        for (kind, one) in kinds.into_iter().zip(&mut found) {
            let counter = match kind {
                Allele::Sequence => {
                    if one.as_ref().is_none_or(|one| !one.is_longer_than(longest)) {
                        continue;
                    }
                    *one = None;
                    &mut self.report.too_long
                }
                Allele::Symbolic => &mut self.report.symbolic,
                Allele::Star => &mut self.report.star,
                Allele::Missing => &mut self.report.missing,
            };
            *counter += 1;
        }
        Ok(Some(Site { windows, start: first, reference_allele: ref_allele.clone(), alternatives: found }))
    }

    /// The windows in which a record is predicted, and which alternatives in each. Records without a sequence to predict
    /// are where their REF is.
    fn windows_of(&self, contig: usize, ref_span: Range<u64>, alternatives: &[Option<Alternative>]) -> Vec<SiteWindow> {
        let spans: Vec<Option<Range<u64>>> = match alternatives.iter().any(Option::is_some) {
            true => alternatives.iter().map(|one| one.as_ref().map(|one| one.record.clone())).collect(),
            false => vec![Some(ref_span); alternatives.len().max(1)],
        };
        let length = self.reference.contigs().length(contig);
        let mut found: Vec<SiteWindow> = Vec::new();
        for (allele, span) in spans.iter().enumerate() {
            let Some(span) = span else { continue };
            let windows: Vec<Window> = match &self.regions {
                // Without regions there is nothing to see but the window around what changes.
                None => vec![Window::around(contig, span.start, self.windows.length)],
                Some(regions) => {
                    let near = regions.overlapping(contig, span.start, span.end, self.windows.anchor);
                    near.into_iter().map(|region| self.windows.of_checked(region)).collect()
                }
            };
            for mut window in windows {
                window.region.end = window.region.end.min(length.max(window.region.start + 1));
                // Another allele changes it, too, or a region is listed twice.
                let known = found.iter().position(|other| other.window == window);
                let at = known.unwrap_or_else(|| {
                    found.push(SiteWindow { window, shows: vec![false; alternatives.len()] });
                    found.len() - 1
                });
                if let Some(shows) = found[at].shows.get_mut(allele) {
                    *shows = true;
                }
            }
        }
        found
    }

    /// Count the alternatives of a site for which no region has a window that shows them.
    pub fn count_beyond(&mut self, site: &Site, shown: impl Fn(usize) -> bool) {
        let with_sequence = site.alternatives.iter().zip(0..).filter(|(one, _)| one.is_some());
        self.report.beyond_window += with_sequence.filter(|&(_, allele)| !shown(allele)).count() as u64;
    }

    /// Put what was found of a record in several regions in the order of its strength, and count the record if there is
    /// any. What has none comes last; equal ones keep their order.
    pub fn rank<T>(&mut self, found: &mut [T], strength: impl Fn(&T) -> Option<f64>) {
        let key = |one: &T| strength(one).map_or(-1.0, f64::abs);
        found.sort_by(|a, b| key(b).total_cmp(&key(a)));
        self.report.annotated += u64::from(found.first().is_some_and(|one| strength(one).is_some()));
    }

    /// Call `effects` for the predictions of each output of a model. A record is annotated if it is by one of them.
    pub fn for_outputs<P, T>(&mut self, predictions: &[P], mut effects: impl FnMut(&mut Self, &P) -> T) -> Vec<T> {
        let before = self.report.annotated;
        let mut most = before;
        let of = |predictions| {
            self.report.annotated = before;
            let found = effects(self, predictions);
            most = most.max(self.report.annotated);
            found
        };
        let found = predictions.iter().map(of).collect();
        self.report.annotated = most;
        found
    }

    /// The verdict on the assembly ([`AssemblyCheck::verdict`]), that of the whole file when `last`.
    ///
    /// # Errors
    /// It is the wrong one, or none of the records is on a contig of the FASTA. The message is about the VCF, unnamed;
    /// `declared` are the contigs of its header.
    pub fn check_assembly(&self, declared: &Contigs, last: bool) -> Result<()> {
        let EffectReport { records, unknown_contig, .. } = self.report;
        let known = || declared.iter().any(|(name, _)| self.reference.contigs().find(name).is_some());
        if last && records > 0 && unknown_contig == records && !known() {
            let path = self.reference.path().display();
            let (theirs, ours) = (declared.summary(), self.reference.contigs().summary());
            let theirs = if declared.is_empty() { String::new() } else { format!(" (it has {theirs})") };
            return Err(Error::mismatch(format!("has no record on a contig of \"{path}\", which has {ours}{theirs}")));
        }
        self.report.assembly.verdict(self.reference.path(), last)
    }
}

enum Allele {
    Sequence,
    Symbolic,
    Star,
    Missing,
}

fn kind(alternative: &[u8], ref_allele: &[u8]) -> Allele {
    match alternative {
        b"" | b"." => Allele::Missing,
        b"*" | b"<*>" | b"<NON_REF>" => Allele::Star,
        a if a.iter().any(|b| b"<>[].".contains(b)) => Allele::Symbolic,
        a if a.iter().chain(ref_allele).any(|&b| code(b).is_none()) => Allele::Missing,
        _ => Allele::Sequence,
    }
}
