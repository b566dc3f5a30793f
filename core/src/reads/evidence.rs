//! What a read or fragment shows: its bases at sites and the regions its aligned bases touch.

use super::alignments::{reference_length, Alignment};
use super::sites::Sites;
use crate::genome::Regions;

/// A base at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Index in [`Sites`].
    pub site: u32,
    /// Letter in upper case.
    pub base: u8,
    /// Phred-scaled; up to 200 where mates agree, 255 where the file gives none.
    pub quality: u8,
}

/// What one read, or the reads of one fragment, show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// In order of site, one a site.
    pub observations: Vec<Observation>,
    /// Indices of the regions touched, in order, each once.
    pub regions: Vec<u32>,
}

/// How a fragment fits the two haplotypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Hap1,
    Hap2,
    /// No base tells.
    Uninformative,
    /// Fits each in different places.
    Conflicting,
}

impl Evidence {
    /// True if there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.regions.is_empty()
    }

    fn clear(&mut self) {
        self.observations.clear();
        self.regions.clear();
    }

    /// Join what the mate shows. A base both mates cover counts once, as in samtools' and bcftools' pileup:
    /// where they agree with the sum of both qualities (at most 200), where they differ the better base with
    /// 0.8 of its quality. Equally good bases that differ are no evidence (a pileup picks one at random).
    pub fn join(&mut self, mate: &Evidence) {
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
            *a = reconcile(*a, *b);
            true
        });
    }

    /// How the fragment fits, by the bases of at least `quality` at phased sites. Bases that fit neither
    /// haplotype say nothing.
    pub fn class(&self, sites: &Sites, quality: u8) -> Class {
        let (mut one, mut two) = (false, false);
        for o in self.observations.iter().filter(|o| o.quality >= quality) {
            if let Some((hap1, hap2)) = sites.get(o.site).haplotypes {
                one |= o.base == hap1;
                two |= o.base == hap2;
            }
        }
        match (one, two) {
            (true, false) => Class::Hap1,
            (false, true) => Class::Hap2,
            (false, false) => Class::Uninformative,
            (true, true) => Class::Conflicting,
        }
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

/// Walks regions and sites along with sorted reads.
pub struct Sweep<'a> {
    regions: Option<&'a Regions>,
    sites: &'a Sites,
    /// Regions of contig `i`: `begins[i]..begins[i + 1]`.
    begins: Vec<usize>,
    /// The furthest end up to each region of its contig: regions before the first that reaches a read are past.
    reach: Vec<i64>,
    contig: usize,
    region: usize,
    last_region: usize,
    site: usize,
    last_site: usize,
}

impl<'a> Sweep<'a> {
    /// `regions` and `sites` carry indices of the alignment file's contigs.
    pub fn new(regions: Option<&'a Regions>, sites: &'a Sites) -> Self {
        let list = regions.map_or(&[][..], |r| &r.list);
        let contigs = regions.map_or(0, |r| r.contigs.len());
        let begins = (0..=contigs).map(|c| list.partition_point(|r| r.contig < c)).collect();
        let mut reach = Vec::with_capacity(list.len());
        let mut furthest = (usize::MAX, 0);
        for region in list {
            if furthest.0 != region.contig {
                furthest = (region.contig, 0);
            }
            furthest.1 = furthest.1.max(region.end as i64);
            reach.push(furthest.1);
        }
        let mut sweep =
            Self { regions, sites, begins, reach, contig: 0, region: 0, last_region: 0, site: 0, last_site: 0 };
        sweep.enter(0);
        sweep
    }

    fn enter(&mut self, contig: usize) {
        self.contig = contig;
        (self.region, self.last_region) = match (self.begins.get(contig), self.begins.get(contig + 1)) {
            (Some(&a), Some(&b)) => (a, b),
            _ => (0, 0),
        };
        let sites = self.sites.of(contig);
        (self.site, self.last_site) = (sites.start, sites.end);
    }

    /// What a placed read shows, into `evidence`. Reads must come in order of contig and position.
    /// Only aligned bases count (M, = and X): neither clipped ones nor gaps.
    pub fn look(&mut self, read: &Alignment, evidence: &mut Evidence) {
        evidence.clear();
        if read.contig as usize != self.contig {
            self.enter(read.contig as usize);
        }
        while self.region < self.last_region && self.reach[self.region] <= read.position {
            self.region += 1;
        }
        while self.site < self.last_site && self.sites.position(self.site) < read.position {
            self.site += 1;
        }
        let list = self.regions.map_or(&[][..], |r| &r.list[self.region..self.last_region]);
        let no_region = list.is_empty();
        if no_region && self.site == self.last_site {
            return;
        }
        let end = read.end();
        let far_region = no_region || list[0].start as i64 >= end;
        let far_site = self.site == self.last_site || self.sites.position(self.site) >= end;
        if far_region && far_site {
            return;
        }
        if !far_region {
            let base = self.region as u32;
            let near = list.iter().enumerate().take_while(|(_, r)| (r.start as i64) < end);
            for (i, region) in near {
                if (region.end as i64) > read.position && touches(read, region.start as i64, region.end as i64) {
                    evidence.regions.push(base + i as u32);
                }
            }
        }
        if !far_site {
            self.observe(read, evidence);
        }
    }

    fn observe(&self, read: &Alignment, evidence: &mut Evidence) {
        let mut site = self.site;
        let (mut position, mut index) = (read.position, 0usize);
        for &operation in read.cigar {
            let length = (operation >> 4) as usize;
            match operation & 15 {
                0 | 7 | 8 => {
                    let end = position + length as i64;
                    while site < self.last_site && self.sites.position(site) < end {
                        let at = index + (self.sites.position(site) - position) as usize;
                        // A read without bases (`*`) shows none.
                        if let Some(&quality) = read.qualities.get(at) {
                            evidence.observations.push(Observation { site: site as u32, base: read.base(at), quality });
                        }
                        site += 1;
                    }
                    position = end;
                    index += length;
                }
                1 | 4 => index += length,
                _ => {
                    position += reference_length(operation);
                    while site < self.last_site && self.sites.position(site) < position {
                        site += 1;
                    }
                }
            }
            if site == self.last_site {
                break;
            }
        }
    }
}

/// True if an aligned base of the read lies in `start..end`.
fn touches(read: &Alignment, start: i64, end: i64) -> bool {
    let mut position = read.position;
    for &operation in read.cigar {
        let next = position + reference_length(operation);
        if matches!(operation & 15, 0 | 7 | 8) && position < end && start < next {
            return true;
        }
        position = next;
    }
    false
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
