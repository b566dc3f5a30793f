//! What a read or fragment shows, and what it amounts to.

use crate::assignment::realign::{BaseCosts, Cost, DECISIVE, LOUDEST};
use crate::assignment::{Sites, Tells};

/// What a read shows at one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Number of the site, see [`Sites::get`].
    pub site: u32,
    /// The letter shown at a site of one base (upper case); 0 at other sites, and for bases that are clipped.
    pub base: u8,
    /// Its quality, Phred-scaled: up to 200 where mates agree, 255 where the file gives none.
    pub quality: u8,
    /// Without a letter: fits neither haplotype.
    pub other: bool,
    /// Without a letter, by how much haplotype 1 explains the read better than haplotype 2; negative if worse.
    pub contrast: Cost,
    /// What of it counts for the fragment: several sites in one end of a read have one say together.
    pub said: Cost,
    /// Without a letter: which of the first sixteen records of the site the read covers, lowest bit first.
    pub covered: u16,
}

/// What all sites of a fragment say together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// For haplotype 1 and 2: what speaks for each, and the loudest single site of it.
    pub sums: [Cost; 2],
    pub loudest: [Cost; 2],
    /// What sequencing errors alone may be expected to say for the wrong side.
    pub errors: Cost,
    /// It covers a phased site.
    pub phased: bool,
}

/// How a fragment fits the two haplotypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Hap1,
    Hap2,
    /// Nothing tells.
    Uninformative,
    /// Fits each in different places.
    Conflicting,
}

impl Support {
    /// Hear a site.
    fn hear(&mut self, contrast: Cost, errors: Cost) {
        let side = usize::from(contrast < 0);
        let loud = contrast.abs().min(LOUDEST);
        self.sums[side] = self.sums[side].saturating_add(loud);
        self.loudest[side] = self.loudest[side].max(loud);
        self.errors = self.errors.saturating_add(errors);
    }

    /// Add what other sites say.
    pub fn join(&mut self, other: &Support) {
        for side in 0..2 {
            self.sums[side] = self.sums[side].saturating_add(other.sums[side]);
            self.loudest[side] = self.loudest[side].max(other.loudest[side]);
        }
        self.errors = self.errors.saturating_add(other.errors);
        self.phased |= other.phased;
    }

    /// The class. What speaks for the weaker side is forgiven its loudest site, which one error can explain,
    /// and three times what errors are expected to say; if the rest is still decisive, or if both sides are
    /// decisive and neither outweighs the other decisively, the fragment is conflicting.
    pub fn class(&self) -> Class {
        let [one, two] = self.sums;
        let weak = usize::from(one > two);
        let unexplained = self.sums[weak] - self.loudest[weak] - 3 * self.errors.min(Cost::MAX / 8);
        if unexplained >= DECISIVE {
            Class::Conflicting
        } else if one - two >= DECISIVE {
            Class::Hap1
        } else if two - one >= DECISIVE {
            Class::Hap2
        } else if one >= DECISIVE && two >= DECISIVE {
            Class::Conflicting
        } else {
            Class::Uninformative
        }
    }
}

/// What one read, or the reads of one fragment, show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In order of site, one a site.
    pub observations: Vec<Observation>,
    /// What sites said whose observations are no longer kept.
    pub settled: Support,
    /// Numbers of the regions touched, ascending, each once.
    pub regions: Vec<u32>,
}

impl Evidence {
    /// True if there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.regions.is_empty() && self.settled == Support::default()
    }

    pub(super) fn clear(&mut self) {
        self.observations.clear();
        self.regions.clear();
        self.settled = Support::default();
    }

    /// Join what the mate shows. A base both mates cover counts once, as in samtools' and bcftools' pileup:
    /// where they agree with the sum of both qualities (at most 200), where they differ the better base with
    /// 0.8 of its quality. Equally good bases that differ are no evidence (a pileup picks one at random). Of
    /// two alignments to the same pair of sequences the clearer counts if they agree, else their difference.
    pub fn join(&mut self, mate: &Evidence) {
        self.settled.join(&mate.settled);
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
                (0, 0) => weigh(*a, *b),
                // An aligned letter says more than a clipped one.
                (0, _) => Observation { said: a.said, ..*b },
                (_, 0) => Observation { said: b.said, ..*a },
                _ => reconcile(*a, *b),
            };
            true
        });
    }

    /// What all phased sites say together, by bases of at least `quality`. Bases that fit neither haplotype
    /// say nothing.
    pub fn support(&self, sites: &Sites, costs: &BaseCosts, quality: u8) -> Support {
        let mut support = self.shown(sites, costs, quality);
        support.join(&self.settled);
        support
    }

    /// [`Evidence::support`] without what was settled before.
    pub fn shown(&self, sites: &Sites, costs: &BaseCosts, quality: u8) -> Support {
        let mut support = Support::default();
        for o in &self.observations {
            let site = sites.get(o.site);
            if !site.phased {
                continue;
            }
            support.phased = true;
            match site.tells {
                Tells::Base(first, second)
                    if o.base != 0 && o.quality >= quality && (o.base == first || o.base == second) =>
                {
                    let loud = costs.contrast(o.quality).min(LOUDEST);
                    support.hear(if o.base == first { loud } else { -loud }, costs.expected_error(o.quality));
                }
                _ if o.other => {}
                _ => support.hear(o.said, 0),
            }
        }
        support
    }

    /// Keep only the sum of what the observations say: they are about sites that will be gone.
    pub fn settle(&mut self, sites: &Sites, costs: &BaseCosts, quality: u8) {
        self.settled = self.support(sites, costs, quality);
        self.observations.clear();
    }
}

fn reconcile(a: Observation, b: Observation) -> Observation {
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

fn weigh(a: Observation, b: Observation) -> Observation {
    let of = |x: Cost, y: Cost| match (a.other, b.other) {
        (true, false) => y,
        (false, true) => x,
        _ if (x < 0) != (y < 0) => x + y,
        _ if x.abs() >= y.abs() => x,
        _ => y,
    };
    let (contrast, said) = (of(a.contrast, b.contrast), of(a.said, b.said));
    // What one mate tells it does not tell of the records that only the other one reaches.
    let covered = match [a, b].map(|o| o.contrast.abs() >= DECISIVE) {
        [true, false] => a.covered,
        [false, true] => b.covered,
        _ => a.covered | b.covered,
    };
    Observation { contrast, said, other: a.other && b.other, covered, ..a }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
