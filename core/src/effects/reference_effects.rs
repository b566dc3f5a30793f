//! The effect of an alternative allele: how much more active the model says a window is with it than with REF.

use std::ops::Range;

use ndarray::Array2;

use crate::effects::loci::{join_alleles, strongest, Site, SiteWindow, Sites};
use crate::effects::null::{NullEffects, NullRank};
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
    /// Jensen-Shannon distance of the two profiles, for networks that predict profiles. Of several the mean.
    pub distance: Option<f64>,
    /// Where `ratio` lies among null effects, where they were drawn.
    pub null: Option<NullRank>,
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
    null: Option<NullEffects>,
}

/// A window, and for each alternative its pairs.
type Waiting = (Window, Vec<Option<AllelePairs>>);

/// Pairs of windows by their number: that of an alternative, and the null effects after it.
#[derive(Clone, Copy, Debug)]
struct AllelePairs {
    pair: usize,
    null: usize,
}

impl VariantEffects {
    /// Of records at `sites`.
    pub fn new(sites: Sites, models: Ensemble) -> Self {
        Self { sites, models, alternatives: Vec::new(), references: Vec::new(), waiting: Vec::new(), null: None }
    }

    /// Also compare each effect with these null effects.
    pub fn with_null(mut self, null: Option<NullEffects>) -> Self {
        self.null = null;
        self
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

    fn pairs(&mut self, site: &Site, of: &SiteWindow) -> Result<Vec<Option<AllelePairs>>> {
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
            // ALT that is REF changes nothing.
            let null = match self.null.filter(|_| with_ref != with_alternative) {
                Some(null) => {
                    let replaced = usize::try_from(change.end - change.start).unwrap_or(usize::MAX);
                    null.pairs(&with_ref, &with_alternative, replaced, change.bases.len())
                }
                None => Vec::new(),
            };
            pairs[allele] = Some(AllelePairs { pair: self.alternatives.len() / length, null: null.len() });
            self.alternatives.extend_from_slice(&with_alternative);
            self.references.extend_from_slice(&with_ref);
            for [with_alternative, with_ref] in null {
                self.alternatives.extend_from_slice(&with_alternative);
                self.references.extend_from_slice(&with_ref);
            }
            plain = Some(with_ref);
        }
        Ok(pairs)
    }

    /// Predict all that waits: for each record added since the last call its effects in each of its regions, the
    /// strongest first; nothing for one that stays untouched. Of several outputs those by the first.
    ///
    /// # Errors
    /// An engine failed.
    pub fn predict(&mut self) -> Result<Vec<Vec<SiteEffects>>> {
        Ok(self.predict_outputs()?.into_iter().next().unwrap_or_default())
    }

    /// As [`predict`](Self::predict), by each output of the models ([`Ensemble::outputs`]).
    ///
    /// # Errors
    /// An engine failed.
    pub fn predict_outputs(&mut self) -> Result<Vec<Vec<Vec<SiteEffects>>>> {
        let window = self.models.window();
        let (alternatives, references) =
            (as_windows(&self.alternatives, window)?, as_windows(&self.references, window)?);
        let predicted = self.models.predict(alternatives, references)?;
        self.alternatives.clear();
        self.references.clear();
        let waiting = std::mem::take(&mut self.waiting);
        Ok(self.sites.for_outputs(&predicted, |sites, predicted| of_output(sites, &waiting, predicted)))
    }
}

/// The effects by one output, whose predictions are `predicted` (pairs, networks).
fn of_output(
    sites: &mut Sites,
    waiting: &[Vec<Waiting>],
    predicted: &Array2<MemberPrediction>,
) -> Vec<Vec<SiteEffects>> {
    let ratio = |pair: usize| mean_and_deviation(predicted.row(pair).iter().map(MemberPrediction::antisymmetric_ratio));
    let effect = |AllelePairs { pair, null }: AllelePairs| {
        let members = predicted.row(pair);
        let (ratio_of_pair, deviation) = ratio(pair);
        let (counts, _) = mean_and_deviation(members.iter().map(|member| member.counts[0] - member.counts[1]));
        let distances = members.iter().filter_map(|member| member.distance);
        let distance = (distances.clone().count() == members.len()).then(|| mean_and_deviation(distances).0);
        let null = NullRank::of(ratio_of_pair, (pair + 1..=pair + null).map(|pair| ratio(pair).0));
        AlleleEffect { ratio: ratio_of_pair, deviation, counts, distance, null }
    };
    let mut found = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        let mut finite = |effect: AlleleEffect| {
            let good = effect.ratio.is_finite() && effect.counts.is_finite();
            sites.report.not_finite += u64::from(!good);
            good.then_some(effect)
        };
        let mut of_record = Vec::with_capacity(waiting.len());
        for (window, pairs) in waiting {
            let alleles = pairs.iter().map(|pair| pair.map(effect).and_then(&mut finite)).collect();
            of_record.push(SiteEffects { region: window.region.clone(), anchor: window.anchor, alleles });
        }
        sites.rank(&mut of_record, SiteEffects::strongest);
        if !sites.has_regions() {
            join_alleles(&mut of_record, |site| &mut site.alleles);
        }
        found.push(of_record);
    }
    found
}

#[cfg(test)]
#[path = "reference_effects_tests.rs"]
mod tests;
