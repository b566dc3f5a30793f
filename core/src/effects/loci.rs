//! Which regions a record belongs to, and which of its alleles can be predicted.

use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::io::fasta::Reference;
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
    /// `*` alleles: the base is deleted by another record.
    pub star: u64,
    /// Missing or malformed alleles.
    pub missing: u64,
    /// Alleles or REF longer than the model's window.
    pub too_long: u64,
    /// In regions, but beyond the windows that the model reads of them.
    pub beyond_window: u64,
    /// Predictions that are no number, in each region.
    pub not_finite: u64,
    /// Records compared with the FASTA.
    pub checked: u64,
    /// Records whose REF differs from it.
    pub mismatched: u64,
    /// The first of those, `chr1:100 A (FASTA: G)`.
    pub mismatches: Vec<String>,
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
            (self.star, "* alleles"),
            (self.missing, "missing or malformed alleles"),
            (self.too_long, "alleles longer than the model's window"),
            (self.beyond_window, "alleles in a region but beyond the window that the model reads of it"),
            (self.not_finite, "predictions that are no number"),
        ] {
            if count > 0 {
                lines.push(format!("left without an effect: {count} {what}"));
            }
        }
        if self.mismatched > 0 {
            lines.push(format!(
                "left without an effect: {} records whose REF differs from the FASTA, first {}",
                self.mismatched,
                self.mismatches.join(", ")
            ));
        }
        lines
    }
}

/// A record that lies where the model looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// One for each region, that with the nearest anchor first; without regions the one around the record.
    pub windows: Vec<Window>,
    /// First base of REF, 0-based.
    pub start: u64,
    /// REF, in upper case.
    pub reference_allele: Vec<u8>,
    /// The alternatives; `None` for one without a prediction, for a reason counted in the report.
    pub alternatives: Vec<Option<Vec<u8>>>,
}

impl Site {
    /// The bases of REF, 0-based half-open.
    pub fn span(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.reference_allele.len().max(1) as u64)
    }
}

/// The effect with the largest size.
pub fn strongest(effects: impl Iterator<Item = f64>) -> Option<f64> {
    effects.reduce(|a, b| if b.abs() > a.abs() { b } else { a })
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
    /// around the variant's first base, of the same length.
    pub fn new(reference: Reference, regions: Option<Arc<RegionIndex>>, windows: Windows) -> Self {
        Self { reference, report: EffectReport::default(), regions, windows }
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
    /// The contig is not in the FASTA (unless regions are given and it has none), or the FASTA cannot be read.
    /// The message names no record; the caller does.
    pub fn find(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<Option<Site>> {
        let found = self.site(contig, start, alleles)?;
        self.report.records += 1;
        Ok(found)
    }

    fn site(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<Option<Site>> {
        let Some(number) = self.reference.contigs().find(contig) else {
            if self.regions.is_some() {
                self.report.outside += 1;
                return Ok(None);
            }
            return Err(Error::input(
                self.reference.path(),
                format!("has no sequence \"{contig}\" (it has {})", self.reference.contigs().summary()),
            ));
        };
        let (Some((ref_allele, alternatives)), Ok(first)) = (alleles.split_first(), u64::try_from(start)) else {
            self.report.missing += 1;
            return Ok(None);
        };
        let window = self.windows.length;
        let end = first.saturating_add(ref_allele.len().max(1) as u64);
        let fits = ref_allele.len() <= window;
        let mut found: Vec<Window> = match &self.regions {
            // Without regions there is nothing to see but the window around the variant.
            None => vec![Window::around(number, first, window)],
            Some(regions) => {
                let near = regions.overlapping(number, first, end, self.windows.anchor);
                near.into_iter().map(|region| self.windows.of_checked(region)).collect()
            }
        };
        // What passes through needs no more of the FASTA than it takes to know the assembly.
        let compared = fits && (!found.is_empty() || self.report.checked < ENOUGH);
        if compared && !self.reference_agrees(number, contig, first, ref_allele)? {
            return Ok(None);
        }
        if found.is_empty() {
            self.report.outside += 1;
            return Ok(None);
        }
        if alternatives.is_empty() {
            self.report.monomorphic += 1;
            return Ok(None);
        }
        let length = self.reference.contigs().length(number);
        for window in &mut found {
            window.region.end = window.region.end.min(length.max(window.region.start + 1));
        }
        // A region that is listed twice.
        found.dedup();
        let mut take = |alternative: &Vec<u8>| {
            let counter = match kind(alternative, ref_allele) {
                Allele::Sequence if !fits || alternative.len() > window => &mut self.report.too_long,
                Allele::Sequence => return Some(alternative.clone()),
                Allele::Symbolic => &mut self.report.symbolic,
                Allele::Star => &mut self.report.star,
                Allele::Missing => &mut self.report.missing,
            };
            *counter += 1;
            None
        };
        let alternatives = alternatives.iter().map(&mut take).collect();
        let reference_allele = ref_allele.clone();
        Ok(Some(Site { windows: found, start: first, reference_allele, alternatives }))
    }

    /// Count the alternatives of a site for which no region has a window that shows them.
    pub fn count_beyond(&mut self, site: &Site, shown: impl Fn(usize) -> bool) {
        let with_sequence = site.alternatives.iter().zip(0..).filter(|(alternative, _)| alternative.is_some());
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

    /// Compare REF with the FASTA, in which N fits any base.
    fn reference_agrees(&mut self, number: usize, contig: &str, start: u64, ref_allele: &[u8]) -> Result<bool> {
        self.report.checked += 1;
        let position = i64::try_from(start).unwrap_or(i64::MAX - ref_allele.len() as i64);
        let found = self.reference.fetch(number, position, position + ref_allele.len() as i64)?;
        let inside = start < self.reference.contigs().length(number);
        if inside && ref_allele.iter().zip(&found).all(|(a, b)| a == b || *b == b'N') {
            return Ok(true);
        }
        self.report.mismatched += 1;
        if self.report.mismatches.len() < 5 {
            let text = |b: &[u8]| String::from_utf8_lossy(&b[..b.len().min(20)]).into_owned();
            let found = if inside { text(&found) } else { "past its end".into() };
            let named = format!("{contig}:{} {} (FASTA: {found})", start + 1, text(ref_allele));
            self.report.mismatches.push(named);
        }
        Ok(false)
    }

    /// Whether REF agrees with the FASTA often enough. Before `ENOUGH` records were compared it says so only when
    /// `last`.
    ///
    /// # Errors
    /// More than 1 % of the records differ: it is the wrong assembly. The message is about the VCF, unnamed.
    pub fn check_assembly(&self, last: bool) -> Result<()> {
        let EffectReport { checked, mismatched, .. } = self.report;
        if (last || checked >= ENOUGH) && mismatched * 100 > checked {
            return Err(Error::mismatch(format!(
                "REF differs from \"{}\" at {mismatched} of {checked} records, first {}: is it the right assembly?",
                self.reference.path().display(),
                self.report.mismatches.first().map_or("", |m| m)
            )));
        }
        Ok(())
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
