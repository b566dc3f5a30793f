//! Effects of variants in the two haplotypes of a sample.
//!
//! With f(a, b) the predicted ratio of a pair of windows, h₁ and h₂ the haplotypes, and h|x haplotype h with the allele
//! x of one record in it, everything else as it is:
//!
//! - the effect of ALT over REF in background 1 is f(h₁|ALT, h₂) - f(h₁|REF, h₂), in background 2
//!   f(h₁, h₂|REF) - f(h₁, h₂|ALT), and their mean is the effect;
//! - a record in which the haplotypes differ, x₁ in h₁ and x₂ in h₂, contributes to the ratio of the pair
//!   v = ((f(h₁, h₂) - f(h₁|x₂, h₂)) + (f(h₁, h₂) - f(h₁, h₂|x₁))) / 2, the published average effect of a variant;
//! - the main variant of a region has the largest |v|, and what f(h₁, h₂) has beyond the sum of all v is left
//!   unexplained by single variants.
//!
//! Where a haplotype carries another record that overlaps the allele put in, that record is taken out of both windows
//! that are compared.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::Array2;

use crate::error::Result;
use crate::genome::{Edit, KnownBases, NearbyVariants, Variant};
use crate::model::encode::as_windows;
use crate::model::onnx::ensemble::{Ensemble, MemberPrediction};
use crate::stats::moments::mean_and_deviation;

use crate::effects::loci::{join_alleles, strongest, Change, Site, SiteWindow, Sites};
use crate::model::window::Window;

/// Effect of one alternative, log2 of alternative over REF.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackgroundEffect {
    /// In haplotype 1 and in haplotype 2, from the ratio head. Of several networks the mean, as everything here.
    pub ratio: [f64; 2],
    /// Standard deviation of the mean of both over several networks.
    pub deviation: Option<f64>,
    /// The mean of both backgrounds, from the count head.
    pub counts: f64,
}

impl BackgroundEffect {
    /// The mean of both backgrounds.
    pub fn mean(&self) -> f64 {
        (self.ratio[0] + self.ratio[1]) / 2.0
    }
}

/// The effects of one record in one region.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSite {
    /// As in [`crate::effects::reference_effects::SiteEffects`].
    pub region: Range<u64>,
    /// The base around which the window lies, 0-based.
    pub anchor: u64,
    /// One for each alternative; `None` where there is no prediction, for a reason counted in the report.
    pub alleles: Vec<Option<BackgroundEffect>>,
    /// Predicted log2 ratio of the two haplotypes, haplotype 1 over haplotype 2.
    pub pair: f64,
    /// What the whole region has, where regions were given.
    pub of_region: Option<OfRegion>,
}

impl PairSite {
    /// The mean effect of the alternative with the strongest one.
    pub fn strongest(&self) -> Option<f64> {
        strongest(self.alleles.iter().flatten().map(BackgroundEffect::mean))
    }
}

/// A region and the record in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OfRegion {
    /// Whether the record is the main variant.
    pub main: bool,
    /// The predicted log2 ratio less the sum of the contributions of all records.
    pub unexplained: f64,
}

/// Collects records and predicts their alleles in both haplotypes together.
pub struct PairEffects {
    sites: Sites,
    models: Ensemble,
    variants: NearbyVariants,
    pairs: Pairs,
    /// Regions begun since the last prediction, by where they lie.
    regions: Vec<PairRegion>,
    known: HashMap<Window, usize>,
    waiting: Vec<Vec<WaitingSite>>,
    /// By output of the models.
    mains: Vec<Mains>,
}

/// Windows whose main variant has been found: another record of the same change is not a second one. Those far behind
/// are dropped.
#[derive(Default)]
struct Mains(Vec<Window>);

impl Mains {
    /// Whether it is the first main variant of the window.
    fn first_of(&mut self, window: &Window) -> bool {
        let behind = |w: &Window| w.contig != window.contig || w.region.end < window.region.start;
        self.0.retain(|w| !behind(w));
        let first = !self.0.contains(window);
        if first {
            self.0.push(window.clone());
        }
        first
    }
}

/// Pairs of windows to predict, each once.
#[derive(Default)]
struct Pairs {
    hap1: Vec<u8>,
    hap2: Vec<u8>,
    known: HashMap<(Vec<u8>, Vec<u8>), usize>,
}

impl Pairs {
    /// Number of this pair of codes.
    fn number(&mut self, one: &[u8], two: &[u8]) -> usize {
        let next = self.known.len();
        let number = *self.known.entry((one.to_vec(), two.to_vec())).or_insert(next);
        if number == next {
            self.hap1.extend_from_slice(one);
            self.hap2.extend_from_slice(two);
        }
        number
    }

    /// The pair of `changed` in place of haplotype 1 or 2 with the other one of `codes`. The changed window comes first in
    /// either case: what is computed is then only where it differs from a second that many pairs have.
    fn with(&mut self, haplotype: usize, changed: &[u8], codes: &[Vec<u8>; 2]) -> Query {
        let [one, two] = codes;
        match haplotype {
            1 => Query { number: self.number(changed, two), swapped: false },
            _ if changed == two => Query { number: self.number(one, two), swapped: false },
            _ => Query { number: self.number(changed, one), swapped: true },
        }
    }
}

/// A pair of windows by its number; `swapped` if its first window stands for haplotype 2.
#[derive(Clone, Copy, Debug)]
struct Query {
    number: usize,
    swapped: bool,
}

/// The predictions of each network, (pairs, networks).
struct Predictions(Array2<MemberPrediction>);

impl Predictions {
    /// The mean over networks.
    fn mean(&self, query: Query, value: impl Fn(&MemberPrediction) -> f64) -> f64 {
        mean_and_deviation(self.0.row(query.number).iter().map(&value)).0
    }

    /// Haplotype 1 over haplotype 2, the mean over networks.
    fn ratio(&self, query: Query) -> f64 {
        self.mean(query, |prediction| ratio(prediction, query))
    }

    /// Signal of haplotype 1 or 2, likewise.
    fn count(&self, haplotype: usize, query: Query) -> f64 {
        self.mean(query, |prediction| prediction.counts[usize::from((haplotype == 1) == query.swapped)])
    }

    /// The pairs (h₁|ALT, h₂), (h₁|REF, h₂), (h₁, h₂|REF), (h₁, h₂|ALT) as an effect.
    fn effect(&self, [alt1, ref1, ref2, alt2]: [Query; 4]) -> BackgroundEffect {
        // The mean of both backgrounds, by one network.
        let by_one = |network: usize| {
            let ratio = |query: Query| ratio(&self.0[[query.number, network]], query);
            (ratio(alt1) - ratio(ref1) + ratio(ref2) - ratio(alt2)) / 2.0
        };
        let (_, deviation) = mean_and_deviation((0..self.0.ncols()).map(by_one));
        let first = self.count(1, alt1) - self.count(1, ref1);
        let second = self.count(2, alt2) - self.count(2, ref2);
        let ratio = [self.ratio(alt1) - self.ratio(ref1), self.ratio(ref2) - self.ratio(alt2)];
        BackgroundEffect { ratio, deviation, counts: (first + second) / 2.0 }
    }
}

fn ratio(prediction: &MemberPrediction, query: Query) -> f64 {
    if query.swapped {
        prediction.ratio_swapped
    } else {
        prediction.ratio
    }
}

/// A region whose pair is predicted.
struct PairRegion {
    window: Window,
    near: Vec<Variant>,
    /// Codes of both haplotypes.
    codes: [Vec<u8>; 2],
    /// The pair itself.
    pair: Query,
    /// Of each record in which the haplotypes differ within the window: what it changes in haplotype 1 and 2, and the pairs
    /// with the other haplotype's allele put into haplotype 1 and into haplotype 2.
    differing: Vec<([Option<Change>; 2], [Query; 2])>,
}

struct WaitingSite {
    region: usize,
    changes: Vec<Option<Change>>,
    /// For each alternative the pairs (h₁|ALT, h₂), (h₁|REF, h₂), (h₁, h₂|REF), (h₁, h₂|ALT).
    alleles: Vec<Option<[Query; 4]>>,
}

impl PairEffects {
    /// Of records at `sites`, in the haplotypes that `variants` make: opened with [`Sites::reach`] bases behind.
    pub fn new(sites: Sites, models: Ensemble, variants: NearbyVariants) -> Self {
        Self {
            sites,
            models,
            variants,
            pairs: Pairs::default(),
            regions: Vec::new(),
            known: HashMap::new(),
            waiting: Vec::new(),
            mains: Vec::new(),
        }
    }

    /// Where the records lie, and what is counted of them.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The variants of the haplotypes.
    pub fn variants(&mut self) -> &mut NearbyVariants {
        &mut self.variants
    }

    /// Pairs of windows that wait for [`PairEffects::predict`].
    pub fn waiting(&self) -> usize {
        self.pairs.known.len()
    }

    /// Take up one record: 0-based `start`, `alleles` with REF first, in upper case.
    ///
    /// # Errors
    /// As [`Sites::find`] and [`NearbyVariants::around`].
    pub fn add(&mut self, contig: &str, start: i64, alleles: &[Vec<u8>]) -> Result<()> {
        let mut waiting = Vec::new();
        if let Some(site) = self.sites.find(contig, start, alleles)? {
            for of in &site.windows {
                waiting.extend(self.site(&site, of)?);
            }
            self.sites.count_beyond(&site, |allele| waiting.iter().any(|site| site.alleles[allele].is_some()));
        }
        self.waiting.push(waiting);
        Ok(())
    }

    /// A record in one region; `None` where the haplotypes do not fit the network.
    fn site(&mut self, site: &Site, of: &SiteWindow) -> Result<Option<WaitingSite>> {
        let number = match self.known.get(&of.window) {
            Some(&number) => number,
            None => {
                let Some(region) = self.region(of.window.clone())? else { return Ok(None) };
                self.regions.push(region);
                self.known.insert(of.window.clone(), self.regions.len() - 1);
                self.regions.len() - 1
            }
        };
        let region = &self.regions[number];
        let mut alleles = vec![None; site.alternatives.len()];
        for (allele, change) in site.shown(of) {
            // A deletion draws bases into the window, with what the haplotypes carry there.
            let further = match change.draws_in() {
                0 => None,
                bases => {
                    let (from, to) = of.window.reach();
                    let name = self.sites.reference.contigs().name(of.window.contig);
                    Some(self.variants.around(name, from.saturating_sub(bases), to.saturating_add(bases))?)
                }
            };
            let near = further.as_ref().unwrap_or(&region.near);
            let edit = change.edit();
            let mut put = |haplotype: usize| -> Result<Option<[Query; 2]>> {
                let without = carried(near, haplotype, Some(&edit));
                let mut with = without.clone();
                with.push(edit);
                with.sort_by_key(|e| (e.start, e.end));
                let mut query_of = |edits: &[Edit]| -> Result<Option<Query>> {
                    let codes = region.window.codes(&mut self.sites.reference, edits, site.known())?;
                    Ok(codes.map(|codes| self.pairs.with(haplotype, &codes, &region.codes)))
                };
                Ok(query_of(&with)?.zip(query_of(&without)?).map(|(alt, plain)| [alt, plain]))
            };
            alleles[allele] = put(1)?.zip(put(2)?).map(|([a, b], [c, d])| [a, b, d, c]);
        }
        let changes = site.alternatives.iter().map(|one| one.as_ref().map(|one| one.change.clone())).collect();
        Ok(Some(WaitingSite { region: number, changes, alleles }))
    }

    /// The pair of a region, and with regions given the pairs in which one variant is made equal; `None` where an
    /// allele does not fit the network.
    fn region(&mut self, window: Window) -> Result<Option<PairRegion>> {
        let name = self.sites.reference.contigs().name(window.contig).to_string();
        let (from, to) = window.reach();
        let near = self.variants.around(&name, from, to)?;
        let reference = &mut self.sites.reference;
        let mut haplotype = |h: usize| window.codes(reference, &carried(&near, h, None), KnownBases::default());
        let (Some(one), Some(two)) = (haplotype(1)?, haplotype(2)?) else { return Ok(None) };
        let codes = [one, two];
        let pair = self.pairs.with(1, &codes[0], &codes);
        let mut differing = Vec::new();
        if self.sites.has_regions() {
            for variant in near.iter().filter(|v| v.differs()) {
                let mut made_equal = |h: usize| -> Result<Option<Vec<u8>>> {
                    let other = variant.edit(3 - h);
                    let own = variant.edit(h);
                    let mut edits = carried(&near, h, other.as_ref().or(own.as_ref()));
                    if let Some(own) = own {
                        edits.retain(|e| *e != own);
                    }
                    edits.extend(other);
                    edits.sort_by_key(|e| (e.start, e.end));
                    window.codes(&mut self.sites.reference, &edits, KnownBases::default())
                };
                let (Some(first), Some(second)) = (made_equal(1)?, made_equal(2)?) else { continue };
                if first == codes[0] && second == codes[1] {
                    // It lies outside the window.
                    continue;
                }
                let pairs = [self.pairs.with(1, &first, &codes), self.pairs.with(2, &second, &codes)];
                differing.push(([1, 2].map(|h| variant.edit(h).map(|edit| Change::of(&edit))), pairs));
            }
        }
        Ok(Some(PairRegion { window, near, codes, pair, differing }))
    }

    /// Predict all that waits: for each record added since the last call its effects in each of its regions, the
    /// strongest first; nothing for one that stays untouched. Of several outputs those by the first.
    ///
    /// # Errors
    /// An engine failed.
    pub fn predict(&mut self) -> Result<Vec<Vec<PairSite>>> {
        Ok(self.predict_outputs()?.into_iter().next().unwrap_or_default())
    }

    /// As [`predict`](Self::predict), by each output of the models ([`Ensemble::outputs`]).
    ///
    /// # Errors
    /// An engine failed.
    pub fn predict_outputs(&mut self) -> Result<Vec<Vec<Vec<PairSite>>>> {
        let Pairs { hap1, hap2, .. } = std::mem::take(&mut self.pairs);
        let window = self.models.window();
        let predicted = self.models.predict(as_windows(&hap1, window)?, as_windows(&hap2, window)?)?;
        let predicted: Vec<Predictions> = predicted.into_iter().map(Predictions).collect();
        let (regions, waiting) = (std::mem::take(&mut self.regions), std::mem::take(&mut self.waiting));
        self.known.clear();
        self.mains.resize_with(predicted.len(), Mains::default);
        let mut mains = self.mains.iter_mut();
        Ok(self.sites.for_outputs(&predicted, |sites, predicted| {
            let mains = mains.next().expect("one for each output");
            of_output(sites, &regions, &waiting, predicted, mains)
        }))
    }
}

/// The effects by one output.
fn of_output(
    sites: &mut Sites,
    regions: &[PairRegion],
    waiting: &[Vec<WaitingSite>],
    predictions: &Predictions,
    mains: &mut Mains,
) -> Vec<Vec<PairSite>> {
    let of_regions: Vec<_> =
        regions
            .iter()
            .map(|region| {
                let whole = predictions.ratio(region.pair);
                let contribution = |[one, two]: [Query; 2]| {
                    ((whole - predictions.ratio(one)) + (whole - predictions.ratio(two))) / 2.0
                };
                let contributions: Vec<f64> = region.differing.iter().map(|d| contribution(d.1)).collect();
                // Of equal ones the first; what has no effect is none.
                let main = (0..contributions.len()).reduce(|a, b| {
                    if contributions[b].abs() > contributions[a].abs() {
                        b
                    } else {
                        a
                    }
                });
                let main = main.filter(|&i| contributions[i] != 0.0).map(|i| &region.differing[i].0);
                let unexplained = whole - contributions.iter().sum::<f64>();
                (&region.window, whole, main, unexplained)
            })
            .collect();
    let with_regions = sites.has_regions();
    let mut all = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        let mut found = Vec::with_capacity(waiting.len());
        for WaitingSite { region, changes, alleles } in waiting {
            let (window, pair, main, unexplained) = &of_regions[*region];
            let mut finite = |effect: BackgroundEffect| {
                let good = effect.mean().is_finite() && effect.counts.is_finite();
                sites.report.not_finite += u64::from(!good);
                good.then_some(effect)
            };
            let effect = |pairs: &Option<[Query; 4]>| pairs.map(|p| predictions.effect(p)).and_then(&mut finite);
            let alleles = alleles.iter().map(effect).collect();
            let is_main = main.is_some_and(|main| {
                changes.iter().flatten().any(|change| main.iter().flatten().any(|carried| carried == change))
            });
            let main = is_main && with_regions && mains.first_of(window);
            let of_region = with_regions.then_some(OfRegion { main, unexplained: *unexplained });
            let (region, anchor) = (window.region.clone(), window.anchor);
            found.push(PairSite { region, anchor, alleles, pair: *pair, of_region });
        }
        sites.rank(&mut found, PairSite::strongest);
        if !with_regions {
            join_alleles(&mut found, |site| &mut site.alleles);
        }
        all.push(found);
    }
    all
}

/// What haplotype 1 or 2 carries of `near`, in order of start, but for what overlaps `but`.
fn carried<'a>(near: &'a [Variant], haplotype: usize, but: Option<&Edit>) -> Vec<Edit<'a>> {
    let clashes =
        |e: &Edit| but.is_some_and(|b| e.start < b.end && b.start < e.end || (e.start, e.end) == (b.start, b.end));
    let mut edits: Vec<Edit> = near.iter().filter_map(|v| v.edit(haplotype)).filter(|e| !clashes(e)).collect();
    edits.sort_by_key(|e| (e.start, e.end));
    edits
}

#[cfg(test)]
#[path = "haplotype_effects_tests.rs"]
mod tests;
