//! The effect of an alternative allele: how much more active the model says a window is with it than with REF.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::genome::{variant_region, variant_window, Reference};
use crate::model::encode::{code, encode};
use crate::model::info::WindowLayout;
use crate::model::local::LocalPredictor;
use crate::model::predictor::Predictor;

use super::regions::RegionIndex;

/// Records compared with the FASTA before anything is said about the assembly.
const ENOUGH: u64 = 1000;

/// Predicted effect of one alternative allele, log2 of alternative over REF.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlleleEffect {
    /// From the ratio head, half the difference of both directions: f(alt, ref) - f(ref, alt) over 2. It is 0
    /// for equal alleles and changes its sign when they are exchanged, which the head by itself does not promise.
    pub ratio: f64,
    /// From the count heads: count(alt) - count(ref).
    pub counts: f64,
}

/// What became of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteEffects {
    /// The region used (0-based half-open): that of the list, or the window around the variant.
    pub region: Range<u64>,
    /// One for each alternative; `None` where there is no prediction, for a reason counted in the report.
    pub alleles: Vec<Option<AlleleEffect>>,
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
    /// In a region, but beyond the window that the model reads of it.
    pub beyond_window: u64,
    /// Predictions that are no number.
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
            (self.not_finite, "alleles whose prediction is no number"),
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

/// Collects records and predicts their alleles together.
pub struct VariantEffects {
    reference: Reference,
    predictor: LocalPredictor,
    regions: Option<RegionIndex>,
    report: EffectReport,
    /// Windows waiting, code after code; haplotype 1 carries the alternative, haplotype 2 REF.
    alternatives: Vec<u8>,
    references: Vec<u8>,
    /// What each record waiting gets: its region and for each allele the number of its pair.
    sites: Vec<Option<Waiting>>,
}

/// Region, and for each alternative the number of its pair.
type Waiting = (Range<u64>, Vec<Option<usize>>);

impl VariantEffects {
    /// With `regions` (their contigs numbered as in `reference`), windows lie around the centre of the region;
    /// without, around the variant's first base.
    pub fn new(reference: Reference, predictor: Predictor, regions: Option<RegionIndex>) -> Self {
        Self {
            reference,
            predictor: LocalPredictor::new(predictor),
            regions,
            report: EffectReport::default(),
            alternatives: Vec::new(),
            references: Vec::new(),
            sites: Vec::new(),
        }
    }

    /// The counts so far.
    pub fn report(&self) -> &EffectReport {
        &self.report
    }

    /// Pairs of windows that wait for [`VariantEffects::predict`].
    pub fn waiting(&self) -> usize {
        self.alternatives.len() / self.predictor.window()
    }

    /// Take up one record: 0-based `start`, `alleles` with REF first, in upper case.
    ///
    /// # Errors
    /// The contig is not in the FASTA (unless regions are given and it has none), or the FASTA cannot be read.
    /// The message names no record; the caller does.
    pub fn add(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<()> {
        let site = self.site(contig, start, alleles)?;
        self.report.records += 1;
        self.sites.push(site);
        Ok(())
    }

    fn site(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<Option<Waiting>> {
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
        let window = self.predictor.window();
        let end = first.saturating_add(ref_allele.len().max(1) as u64);
        let fits = ref_allele.len() <= window;
        if fits && !self.reference_agrees(number, contig, first, ref_allele)? {
            return Ok(None);
        }
        let (centre, region) = match &self.regions {
            None => (first, first.saturating_sub(window as u64 / 2)..first + (window - window / 2) as u64),
            Some(regions) => match regions.nearest(number, first, end) {
                Some(region) => (region.centre(), region.start..region.end),
                None => {
                    self.report.outside += 1;
                    return Ok(None);
                }
            },
        };
        if alternatives.is_empty() {
            self.report.monomorphic += 1;
            return Ok(None);
        }
        let region = region.start..region.end.min(self.reference.contigs().length(number).max(region.start + 1));
        // A model of regions alone sees the region; without regions there is nothing but the window around the variant.
        let alone = self.regions.is_some() && self.predictor.info().layout == WindowLayout::LeftAligned;
        let from = centre.saturating_sub(window as u64 / 2);
        let seen = alone || (first < centre + (window - window / 2) as u64 && end > from);
        let mut pairs = Vec::with_capacity(alternatives.len());
        // The window with REF is the same for every alternative.
        let mut plain = None;
        for alternative in alternatives {
            let counter = match kind(alternative, ref_allele) {
                Allele::Sequence if !fits || alternative.len() > window => Some(&mut self.report.too_long),
                Allele::Sequence if !seen => Some(&mut self.report.beyond_window),
                Allele::Sequence => None,
                Allele::Symbolic => Some(&mut self.report.symbolic),
                Allele::Star => Some(&mut self.report.star),
                Allele::Missing => Some(&mut self.report.missing),
            };
            if let Some(counter) = counter {
                *counter += 1;
                pairs.push(None);
                continue;
            }
            let mut build = |bases: &[u8]| -> Result<Option<Vec<u8>>> {
                let made = if alone {
                    let span = (region.start, region.end);
                    variant_region(&mut self.reference, number, first, ref_allele, bases, span)?
                } else {
                    Some(variant_window(&mut self.reference, number, first, ref_allele, bases, centre, window)?)
                };
                match made {
                    Some(made) if made.len() <= window => encode(&made, window).map(Some),
                    _ => Ok(None),
                }
            };
            let with_ref = match plain.take() {
                Some(codes) => Some(codes),
                None => build(ref_allele)?,
            };
            let (Some(with_ref), Some(with_alternative)) = (with_ref, build(alternative)?) else {
                self.report.beyond_window += 1;
                pairs.push(None);
                continue;
            };
            pairs.push(Some(self.alternatives.len() / window));
            self.alternatives.extend_from_slice(&with_alternative);
            self.references.extend_from_slice(&with_ref);
            plain = Some(with_ref);
        }
        Ok(Some((region, pairs)))
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

    /// Whether REF agrees with the FASTA often enough. Before [`enough`](Self::enough) records were compared it
    /// says so only when `last`.
    ///
    /// # Errors
    /// More than 1 % of the records differ: it is the wrong assembly. The message is about the VCF, unnamed.
    pub fn check_assembly(&self, last: bool) -> Result<()> {
        let EffectReport { checked, mismatched, .. } = self.report;
        if (last || checked >= ENOUGH) && mismatched * 100 > checked {
            return Err(Error::Mismatch(format!(
                "REF differs from \"{}\" at {mismatched} of {checked} records, first {}: is it the right assembly?",
                self.reference.path().display(),
                self.report.mismatches.first().map_or("", |m| m)
            )));
        }
        Ok(())
    }

    /// Records to collect before the first are written, so that a small file of the wrong assembly leaves nothing.
    pub fn enough() -> usize {
        ENOUGH as usize
    }

    /// Predict all that waits: for each record added since the last call its effects, `None` for one that stays
    /// untouched.
    ///
    /// # Errors
    /// ONNX Runtime failed.
    pub fn predict(&mut self) -> Result<Vec<Option<SiteEffects>>> {
        let predictions = match self.waiting() {
            0 => Vec::new(),
            _ => self.predictor.predict(&self.alternatives, &self.references)?,
        };
        self.alternatives.clear();
        self.references.clear();
        let targets = self.predictor.info().targets;
        let report = &mut self.report;
        let mut effect = |pair: usize| {
            let p = predictions.get(pair)?;
            let effect = AlleleEffect {
                ratio: targets.log2(p.antisymmetric_ratio().into()),
                counts: targets.log2(f64::from(p.count1) - f64::from(p.count2)),
            };
            if effect.ratio.is_finite() && effect.counts.is_finite() {
                return Some(effect);
            }
            report.not_finite += 1;
            None
        };
        let sites = std::mem::take(&mut self.sites).into_iter().map(|site| {
            let (region, pairs) = site?;
            let alleles: Vec<_> = pairs.into_iter().map(|pair| pair.and_then(&mut effect)).collect();
            Some(SiteEffects { region, alleles })
        });
        let sites: Vec<_> = sites.collect();
        let annotated = sites.iter().flatten().filter(|s| s.alleles.iter().any(Option::is_some)).count();
        self.report.annotated += annotated as u64;
        Ok(sites)
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

#[cfg(test)]
#[path = "variants_tests.rs"]
mod tests;
