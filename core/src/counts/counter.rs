//! One pass over the reads: how many fragments of each haplotype lie in each region and show each variant.

use crate::error::Result;
use crate::genome::Regions;
use crate::reads::{Alignments, Class, Evidence, Filter, Fragments, Sites, Sweep};

/// Fragments by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub hap1: u64,
    pub hap2: u64,
    pub uninformative: u64,
    pub conflicting: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, class: Class) {
        *match class {
            Class::Hap1 => &mut self.hap1,
            Class::Hap2 => &mut self.hap2,
            Class::Uninformative => &mut self.uninformative,
            Class::Conflicting => &mut self.conflicting,
        } += 1;
    }

    /// All four.
    pub fn total(&self) -> u64 {
        self.hap1 + self.hap2 + self.uninformative + self.conflicting
    }

    fn words(&self) -> String {
        format!(
            "{} (haplotype 1: {}, haplotype 2: {}, uninformative: {}, conflicting: {})",
            self.total(),
            self.hap1,
            self.hap2,
            self.uninformative,
            self.conflicting
        )
    }
}

/// Fragments by the base they show at one variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VariantTally {
    /// With the base of haplotype 1 (first allele of an unphased call).
    pub hap1: u64,
    /// With the base of haplotype 2 (second allele).
    pub hap2: u64,
    /// With another base.
    pub other: u64,
    /// Among `hap1` and `hap2`: those that fit the other haplotype elsewhere.
    pub conflicting: u64,
}

/// What was read and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Alignments read.
    pub alignments: u64,
    /// Left out by a flag.
    pub flagged: u64,
    /// Left out by mapping quality.
    pub low_mapping_quality: u64,
    /// Without a place on a contig.
    pub unplaced: u64,
    /// Fragments that touch a region, each once.
    pub in_regions: Tally,
    /// Fragments that cover a phased SNV, whether they touch a region or not.
    pub at_variants: Tally,
    /// Bases at SNVs below the base quality, after overlapping mates are reconciled.
    pub low_base_quality: u64,
}

impl Summary {
    /// Sentences for the user.
    pub fn lines(&self, regions: bool) -> Vec<String> {
        let mut lines = vec![format!(
            "{} alignments read; left out: {} by flags, {} by mapping quality, {} unplaced",
            self.alignments, self.flagged, self.low_mapping_quality, self.unplaced
        )];
        if regions {
            lines.push(format!("fragments in the regions: {}", self.in_regions.words()));
        }
        lines.push(format!("fragments that cover a phased SNV: {}", self.at_variants.words()));
        if self.low_base_quality > 0 {
            lines.push(format!(
                "{} bases at SNVs left out by base quality or because the mates differ",
                self.low_base_quality
            ));
        }
        lines
    }
}

/// The result of [`count`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// One for each region, in their order.
    pub regions: Vec<Tally>,
    /// One for each of [`Sites::records`], in their order.
    pub variants: Vec<VariantTally>,
    pub summary: Summary,
}

impl Counted {
    fn add(&mut self, evidence: &Evidence, sites: &Sites, quality: u8) {
        let class = evidence.class(sites, quality);
        for &region in &evidence.regions {
            self.regions[region as usize].add(class);
        }
        if !evidence.regions.is_empty() {
            self.summary.in_regions.add(class);
        }
        let mut phased = false;
        for o in &evidence.observations {
            let site = sites.get(o.site);
            phased |= site.haplotypes.is_some();
            if o.quality < quality {
                self.summary.low_base_quality += 1;
                continue;
            }
            if !matches!(o.base, b'A' | b'C' | b'G' | b'T') {
                continue;
            }
            for i in site.records.clone() {
                let (record, tally) = (&sites.records[i], &mut self.variants[i]);
                if o.base == record.first {
                    tally.hap1 += 1;
                } else if o.base == record.second {
                    tally.hap2 += 1;
                } else {
                    tally.other += 1;
                    continue;
                }
                tally.conflicting += (site.haplotypes.is_some() && class == Class::Conflicting) as u64;
            }
        }
        if phased {
            self.summary.at_variants.add(class);
        }
    }
}

/// Count the fragments of `alignments` in `regions` and at `sites` (both by the contigs of `alignments`).
/// A fragment is a pair or a single read; it belongs to every region that one of its aligned bases touches,
/// and its class rests on the bases of all its reads. `progress` is called now and then with the number of
/// alignments read since the last call.
///
/// # Errors
/// Whatever [`Alignments::next_read`] finds wrong.
pub fn count(
    alignments: &mut Alignments,
    regions: Option<&Regions>,
    sites: &Sites,
    filter: &Filter,
    progress: &mut dyn FnMut(u64),
) -> Result<Counted> {
    const EVERY: u64 = 1 << 16;
    let mut counted = Counted {
        regions: vec![Tally::default(); regions.map_or(0, |r| r.list.len())],
        variants: vec![VariantTally::default(); sites.records.len()],
        summary: Summary::default(),
    };
    let mut sweep = Sweep::new(regions, sites);
    let mut fragments = Fragments::default();
    let mut evidence = Evidence::default();
    let mut read_so_far = 0u64;
    while let Some(read) = alignments.next_read()? {
        read_so_far += 1;
        if read_so_far % EVERY == 0 {
            progress(EVERY);
        }
        if read.flags & filter.excluded_flags != 0 {
            counted.summary.flagged += 1;
            continue;
        }
        if read.contig < 0 || read.position < 0 {
            counted.summary.unplaced += 1;
            continue;
        }
        if read.mapping_quality < filter.mapping_quality {
            counted.summary.low_mapping_quality += 1;
            continue;
        }
        sweep.look(&read, &mut evidence);
        fragments.add(&read, &mut evidence, &mut |e| counted.add(e, sites, filter.base_quality));
    }
    fragments.finish(&mut |e| counted.add(e, sites, filter.base_quality));
    counted.summary.alignments = read_so_far;
    progress(read_so_far % EVERY);
    Ok(counted)
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
