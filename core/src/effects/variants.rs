//! The effect of an alternative allele: how much more active the model says a window is with it than with REF.

use std::ops::Range;

use crate::error::Result;
use crate::genome::Edit;
use crate::model::local::LocalPredictor;
use crate::model::predictor::Predictor;

use super::sites::{Site, Sites};

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

/// Collects records and predicts their alleles together.
pub struct VariantEffects {
    sites: Sites,
    predictor: LocalPredictor,
    /// Windows waiting, code after code; haplotype 1 carries the alternative, haplotype 2 REF.
    alternatives: Vec<u8>,
    references: Vec<u8>,
    /// What each record waiting gets: its region and for each allele the number of its pair.
    waiting: Vec<Option<Waiting>>,
}

/// Region, and for each alternative the number of its pair.
type Waiting = (Range<u64>, Vec<Option<usize>>);

impl VariantEffects {
    /// Of records at `sites`.
    pub fn new(sites: Sites, predictor: Predictor) -> Self {
        let predictor = LocalPredictor::new(predictor);
        Self { sites, predictor, alternatives: Vec::new(), references: Vec::new(), waiting: Vec::new() }
    }

    /// Where the records lie, and what is counted of them.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Pairs of windows that wait for [`VariantEffects::predict`].
    pub fn waiting(&self) -> usize {
        self.alternatives.len() / self.predictor.window()
    }

    /// Take up one record: 0-based `start`, `alleles` with REF first, in upper case.
    ///
    /// # Errors
    /// As [`Sites::find`].
    pub fn add(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<()> {
        let pairs = self.sites.find(contig, start, alleles)?.map(|site| self.pairs(site)).transpose()?;
        self.waiting.push(pairs);
        Ok(())
    }

    fn pairs(&mut self, site: Site) -> Result<Waiting> {
        let window = self.predictor.window();
        let Site { frame, start, reference_allele, alternatives } = site;
        let mut pairs = Vec::with_capacity(alternatives.len());
        // The window with REF is the same for every alternative.
        let mut plain = None;
        for alternative in alternatives {
            let Some(alternative) = alternative else {
                pairs.push(None);
                continue;
            };
            let edit = Edit::new(start, &reference_allele, &alternative);
            let mut build = |edits: &[Edit]| match edits.iter().all(|e| frame.holds(e)) {
                true => frame.codes(&mut self.sites.reference, edits),
                false => Ok(None),
            };
            let with_ref = match plain.take() {
                Some(codes) => Some(codes),
                None => build(&[])?,
            };
            let (Some(with_ref), Some(with_alternative)) = (with_ref, build(edit.as_slice())?) else {
                self.sites.report.beyond_window += 1;
                pairs.push(None);
                continue;
            };
            pairs.push(Some(self.alternatives.len() / window));
            self.alternatives.extend_from_slice(&with_alternative);
            self.references.extend_from_slice(&with_ref);
            plain = Some(with_ref);
        }
        Ok((frame.region, pairs))
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
        let report = &mut self.sites.report;
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
        let sites = std::mem::take(&mut self.waiting).into_iter().map(|site| {
            let (region, pairs) = site?;
            let alleles: Vec<_> = pairs.into_iter().map(|pair| pair.and_then(&mut effect)).collect();
            Some(SiteEffects { region, alleles })
        });
        let sites: Vec<_> = sites.collect();
        let annotated = sites.iter().flatten().filter(|s| s.alleles.iter().any(Option::is_some)).count();
        self.sites.report.annotated += annotated as u64;
        Ok(sites)
    }
}

#[cfg(test)]
#[path = "variants_tests.rs"]
mod tests;
