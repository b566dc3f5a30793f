//! The evidence of a read or fragment at the sites it covers, and the class that follows from it.

use crate::assignment::phred::{BaseCosts, PhredCost, ASSIGN_LLR, MAX_SITE_LLR};
use crate::assignment::{CoveredRecords, SiteAlleles, SiteWindow};

/// The evidence of a read at one site: the base aligned to an SNV, or else a log-likelihood ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Number of the site, see [`SiteWindow::get`].
    pub site: u32,
    /// The aligned base at an SNV (upper case); 0 at other sites, and for soft-clipped bases.
    pub base: u8,
    /// Its quality, Phred-scaled: up to 200 where mates agree, 255 where the file gives none.
    pub quality: u8,
    /// Without a base: it fits neither haplotype.
    pub other: bool,
    /// Without a base: log-likelihood ratio of the alleles of this site, positive for haplotype 1.
    pub llr: PhredCost,
    /// The part of it that counts for the fragment: sites that are realigned together contribute one LLR.
    pub fragment_llr: PhredCost,
    /// Without a base: records of the site that the read covers.
    pub covered: CoveredRecords,
}

impl Observation {
    /// Of a site, by an aligned base.
    pub fn of_base(site: u32, base: u8, quality: u8) -> Self {
        Self { base, quality, ..Self::of_llr(site, 0, CoveredRecords::NONE) }
    }

    /// Of a site, by a log-likelihood ratio.
    pub fn of_llr(site: u32, llr: PhredCost, covered: CoveredRecords) -> Self {
        Self { site, base: 0, quality: 0, other: false, llr, fragment_llr: llr, covered }
    }
}

/// Sums over the phased sites of a fragment. Costs as in [`crate::assignment::phred`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// For haplotype 1 and 2: sum of the log-likelihood ratios of the sites that favour it.
    pub sums: [PhredCost; 2],
    /// For haplotype 1 and 2: the largest of them.
    pub largest: [PhredCost; 2],
    /// LLR that sequencing errors are expected to add to the wrong haplotype.
    pub errors: PhredCost,
    /// True if the fragment covers a phased site.
    pub phased: bool,
}

/// How a fragment fits the two haplotypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Assigned to haplotype 1.
    Hap1,
    /// Assigned to haplotype 2.
    Hap2,
    /// Fits both equally well.
    Uninformative,
    /// Fits each at different sites.
    Conflicting,
}

impl Support {
    /// Add the log-likelihood ratio of a site, and its expected error.
    fn add_llr(&mut self, llr: PhredCost, error: PhredCost) {
        let side = usize::from(llr < 0);
        let size = llr.abs().min(MAX_SITE_LLR);
        self.sums[side] = self.sums[side].saturating_add(size);
        self.largest[side] = self.largest[side].max(size);
        self.errors = self.errors.saturating_add(error);
    }

    /// Add the support of other sites.
    pub fn join(&mut self, other: &Support) {
        for side in 0..2 {
            self.sums[side] = self.sums[side].saturating_add(other.sums[side]);
            self.largest[side] = self.largest[side].max(other.largest[side]);
        }
        self.errors = self.errors.saturating_add(other.errors);
        self.phased |= other.phased;
    }

    /// The class. From the sum of the weaker haplotype its largest site is subtracted, which one error can explain, and
    /// three times the expected error. The fragment is conflicting if the rest still reaches [`ASSIGN_LLR`], or if both
    /// sums do and their difference does not.
    pub fn class(&self) -> Class {
        let [one, two] = self.sums;
        let weak = usize::from(one > two);
        let unexplained = self.sums[weak] - self.largest[weak] - 3 * self.errors.min(PhredCost::MAX / 8);
        if unexplained >= ASSIGN_LLR {
            Class::Conflicting
        } else if one - two >= ASSIGN_LLR {
            Class::Hap1
        } else if two - one >= ASSIGN_LLR {
            Class::Hap2
        } else if one >= ASSIGN_LLR && two >= ASSIGN_LLR {
            Class::Conflicting
        } else {
            Class::Uninformative
        }
    }
}

/// The evidence of one read, or of the reads of one fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// One per site, in order of site.
    pub observations: Vec<Observation>,
    /// Sum over sites whose observations are no longer kept.
    pub summed: Support,
    /// Numbers of the regions that aligned bases overlap, ascending, each once.
    pub regions: Vec<u32>,
}

impl Evidence {
    /// True if there is neither an observation nor a region.
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.regions.is_empty() && self.summed == Support::default()
    }

    pub(super) fn clear(&mut self) {
        self.observations.clear();
        self.regions.clear();
        self.summed = Support::default();
    }

    /// Join the evidence of the mate. A base that both mates cover counts once, as in the pileups of samtools and
    /// bcftools: where they agree with the sum of both qualities (at most 200), where they differ the better base with
    /// 0.8 of its quality. Equally good bases that differ are no evidence (a pileup picks one at random). Of
    /// two log-likelihood ratios the larger counts if they favour the same haplotype, else their sum.
    pub fn join(&mut self, mate: &Evidence) {
        self.summed.join(&mate.summed);
        if !mate.regions.is_empty() {
            self.regions.extend_from_slice(&mate.regions);
            self.regions.sort_unstable();
            self.regions.dedup();
        }
        if mate.observations.is_empty() {
            return;
        }
        self.observations.extend_from_slice(&mate.observations);
        self.observations.sort_by_key(|o| o.site);
        self.observations.dedup_by(|b, a| {
            if a.site != b.site {
                return false;
            }
            *a = match (a.base, b.base) {
                (0, 0) => join_llrs(*a, *b),
                // An aligned base is better evidence than a soft-clipped one.
                (0, _) => Observation { fragment_llr: a.fragment_llr, ..*b },
                (_, 0) => Observation { fragment_llr: b.fragment_llr, ..*a },
                _ => join_bases(*a, *b),
            };
            true
        });
    }

    /// Support by all phased sites, from bases of at least `quality`. Bases that fit neither haplotype add nothing.
    pub fn support(&self, sites: &SiteWindow, costs: &BaseCosts, quality: u8) -> Support {
        let mut support = self.observed_support(sites, costs, quality);
        support.join(&self.summed);
        support
    }

    /// [`Evidence::support`] by the observations alone, without what was summed before.
    pub fn observed_support(&self, sites: &SiteWindow, costs: &BaseCosts, quality: u8) -> Support {
        let mut support = Support::default();
        for o in &self.observations {
            let site = sites.get(o.site);
            if !site.phased {
                continue;
            }
            support.phased = true;
            match site.alleles {
                SiteAlleles::Snv(first, second)
                    if o.base != 0 && o.quality >= quality && (o.base == first || o.base == second) =>
                {
                    let llr = costs.llr(o.quality).min(MAX_SITE_LLR);
                    support.add_llr(if o.base == first { llr } else { -llr }, costs.expected_error(o.quality));
                }
                _ if o.other => {}
                _ => support.add_llr(o.fragment_llr, 0),
            }
        }
        support
    }

    /// Keep only the sum of the observations, since their sites are about to be dropped.
    pub fn keep_sum(&mut self, sites: &SiteWindow, costs: &BaseCosts, quality: u8) {
        self.summed = self.support(sites, costs, quality);
        self.observations.clear();
    }
}

fn join_bases(a: Observation, b: Observation) -> Observation {
    if a.base == b.base {
        let quality =
            if a.quality == 255 || b.quality == 255 { 255 } else { a.quality.saturating_add(b.quality).min(200) };
        return Observation { quality, ..a };
    }
    let better = if a.quality > b.quality { a } else { b };
    if a.quality == b.quality {
        // N fits neither haplotype.
        return Observation { base: b'N', quality: 0, ..a };
    }
    Observation { quality: (better.quality as u16 * 4 / 5) as u8, ..better }
}

fn join_llrs(a: Observation, b: Observation) -> Observation {
    let of = |x: PhredCost, y: PhredCost| match (a.other, b.other) {
        (true, false) => y,
        (false, true) => x,
        _ if (x < 0) != (y < 0) => x + y,
        _ if x.abs() >= y.abs() => x,
        _ => y,
    };
    let (llr, fragment_llr) = (of(a.llr, b.llr), of(a.fragment_llr, b.fragment_llr));
    // The evidence of one mate does not extend to records that only the other one covers.
    let covered = match [a, b].map(|o| o.llr.abs() >= ASSIGN_LLR) {
        [true, false] => a.covered,
        [false, true] => b.covered,
        _ => a.covered | b.covered,
    };
    Observation { llr, fragment_llr, other: a.other && b.other, covered, ..a }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
