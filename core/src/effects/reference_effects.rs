//! The effect of an alternative allele: how much more active the model says a window is with it than with REF.

use std::ops::Range;

use crate::effects::loci::{join_alleles, strongest, Site, SiteWindow, Sites};
use crate::error::Result;
use crate::genome::Edit;
use crate::model::encode::as_windows;
use crate::model::onnx::ensemble::{Ensemble, MemberPrediction};
use crate::model::window::Window;
use crate::stats::moments::mean_and_deviation;

/// Predicted effect of one alternative allele, log2 of alternative over REF.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlleleEffect {
    /// From the ratio head, half the difference of both directions: f(alt, ref) - f(ref, alt) over 2. It is 0
    /// for equal alleles and changes its sign when they are exchanged, which the head by itself does not promise.
    /// Of several networks the mean.
    pub ratio: f64,
    /// Standard deviation of `ratio` over several networks.
    pub deviation: Option<f64>,
    /// From the count heads: count(alt) - count(ref).
    pub counts: f64,
}

/// The effects of one record in one region.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteEffects {
    /// The region used (0-based half-open): that of the list, or the window around the change; of several alternatives
    /// around that of the strongest.
    pub region: Range<u64>,
    /// The base around which the window lies, 0-based.
    pub anchor: u64,
    /// One for each alternative; `None` where there is no prediction, for a reason counted in the report.
    pub alleles: Vec<Option<AlleleEffect>>,
}

impl SiteEffects {
    /// The effect of the alternative with the strongest one.
    pub fn strongest(&self) -> Option<f64> {
        strongest(self.alleles.iter().flatten().map(|e| e.ratio))
    }
}

/// Collects records and predicts their alleles together.
pub struct VariantEffects {
    sites: Sites,
    models: Ensemble,
    /// Windows waiting, code after code; haplotype 1 carries the alternative, haplotype 2 REF.
    alternatives: Vec<u8>,
    references: Vec<u8>,
    /// What each record waiting gets, in each of its regions.
    waiting: Vec<Vec<Waiting>>,
}

/// A window, and for each alternative the number of its pair.
type Waiting = (Window, Vec<Option<usize>>);

impl VariantEffects {
    /// Of records at `sites`.
    pub fn new(sites: Sites, models: Ensemble) -> Self {
        Self { sites, models, alternatives: Vec::new(), references: Vec::new(), waiting: Vec::new() }
    }

    /// Where the records lie, and what is counted of them.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// Pairs of windows that wait for [`VariantEffects::predict`].
    pub fn waiting(&self) -> usize {
        self.alternatives.len() / self.models.window()
    }

    /// Take up one record: 0-based `start`, `alleles` with REF first, in upper case.
    ///
    /// # Errors
    /// As [`Sites::find`].
    pub fn add(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<()> {
        let mut waiting = Vec::new();
        if let Some(site) = self.sites.find(contig, start, alleles)? {
            for of in &site.windows {
                waiting.push((of.window.clone(), self.pairs(&site, of)?));
            }
            self.sites.count_beyond(&site, |allele| waiting.iter().any(|(_, pairs)| pairs[allele].is_some()));
        }
        self.waiting.push(waiting);
        Ok(())
    }

    fn pairs(&mut self, site: &Site, of: &SiteWindow) -> Result<Vec<Option<usize>>> {
        let length = self.models.window();
        let mut pairs = vec![None; site.alternatives.len()];
        // The window with REF is the same for every alternative.
        let mut plain = None;
        for (allele, change) in site.shown(of) {
            let mut build = |edits: &[Edit]| of.window.codes(&mut self.sites.reference, edits, site.known());
            let with_ref = match plain.take() {
                Some(codes) => Some(codes),
                None => build(&[])?,
            };
            let (Some(with_ref), Some(with_alternative)) = (with_ref, build(&[change.edit()])?) else { continue };
            pairs[allele] = Some(self.alternatives.len() / length);
            self.alternatives.extend_from_slice(&with_alternative);
            self.references.extend_from_slice(&with_ref);
            plain = Some(with_ref);
        }
        Ok(pairs)
    }

    /// Predict all that waits: for each record added since the last call its effects in each of its regions, the
    /// strongest first; nothing for one that stays untouched.
    ///
    /// # Errors
    /// An engine failed.
    pub fn predict(&mut self) -> Result<Vec<Vec<SiteEffects>>> {
        let window = self.models.window();
        let (alternatives, references) =
            (as_windows(&self.alternatives, window)?, as_windows(&self.references, window)?);
        let predicted = self.models.predict(alternatives, references)?;
        self.alternatives.clear();
        self.references.clear();
        let effect = |pair: usize| {
            let members = predicted.row(pair);
            let (ratio, deviation) = mean_and_deviation(members.iter().map(MemberPrediction::antisymmetric_ratio));
            let (counts, _) = mean_and_deviation(members.iter().map(|member| member.counts[0] - member.counts[1]));
            AlleleEffect { ratio, deviation, counts }
        };
        let mut sites = Vec::with_capacity(self.waiting.len());
        for waiting in std::mem::take(&mut self.waiting) {
            let mut finite = |effect: AlleleEffect| {
                let good = effect.ratio.is_finite() && effect.counts.is_finite();
                self.sites.report.not_finite += u64::from(!good);
                good.then_some(effect)
            };
            let mut found = Vec::with_capacity(waiting.len());
            for (Window { region, anchor, .. }, pairs) in waiting {
                let alleles = pairs.into_iter().map(|pair| pair.map(effect).and_then(&mut finite)).collect();
                found.push(SiteEffects { region, anchor, alleles });
            }
            self.sites.rank(&mut found, SiteEffects::strongest);
            if !self.sites.has_regions() {
                join_alleles(&mut found, |site| &mut site.alleles);
            }
            sites.push(found);
        }
        Ok(sites)
    }
}

#[cfg(test)]
#[path = "reference_effects_tests.rs"]
mod tests;
