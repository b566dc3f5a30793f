//! Scores one read at the variant sites it covers, and finds the regions it overlaps.

mod ends;
mod joint;
mod local_site;
mod side;

use crate::assignment::local_haplotypes::{LocalHaplotypes, MARGIN, SLACK};
use crate::assignment::observe::ends::Ends;
use crate::assignment::phred::{ASSIGN_LLR, MAX_SITE_LLR};
use crate::assignment::realign::{Aligner, SegmentEnd};
use crate::assignment::region_blocks::BlockSweep;
use crate::assignment::{AlignedRead, BaseCosts, CoveredRecords, Evidence, Observation, ReadSegment};
use crate::assignment::{Site, SiteAlleles, SiteWindow};
use crate::error::Result;
use crate::io::bam::Alignment;
use crate::io::regions::Regions;

/// Maximum number of cells of an alignment: reads against alleles of several thousand bases.
const MAX_CELLS: usize = 1 << 22;

/// Observes sorted reads, one after the other.
pub struct Observer<'a> {
    regions: BlockSweep<'a>,
    excluded: BlockSweep<'a>,
    contig: Option<usize>,
    /// Number of the first site that reads still reach.
    site: u32,
    read: AlignedRead,
    realigner: Realigner,
    /// Sites of the read that have been realigned together.
    realigned: Vec<u32>,
}

/// Realigns parts of reads. Its memory is reused.
struct Realigner {
    aligner: Aligner,
    bases: Vec<u8>,
}

impl Realigner {
    /// Bases `from..to` of a read, with the alignment of their left and right end.
    fn segment<'s>(
        &'s mut self,
        read: &Alignment<'s>,
        (from, to): (usize, usize),
        [left, right]: [SegmentEnd; 2],
    ) -> (ReadSegment<'s>, &'s mut Aligner) {
        self.bases.clear();
        self.bases.extend((from..to).map(|i| read.base(i)));
        let qualities = &read.qualities[from..to];
        (ReadSegment { bases: &self.bases, qualities, left, right }, &mut self.aligner)
    }
}

impl<'a> Observer<'a> {
    /// `regions` and `excluded` are on the contigs of the alignments. Bases with a quality below `quality` are ignored
    /// in realignment.
    pub fn new(regions: Option<&'a Regions>, excluded: Option<&'a Regions>, quality: u8) -> Self {
        Self {
            regions: BlockSweep::new(regions),
            excluded: BlockSweep::new(excluded),
            contig: None,
            site: 0,
            read: AlignedRead::default(),
            realigner: Realigner { aligner: Aligner::new(BaseCosts::new(quality)), bases: Vec::new() },
            realigned: Vec::new(),
        }
    }

    /// Costs of bases by quality.
    pub fn costs(&self) -> &BaseCosts {
        &self.realigner.aligner.costs
    }

    /// The alignment of the last read.
    pub fn aligned(&self) -> &AlignedRead {
        &self.read
    }

    /// Observe a placed read: its evidence goes into `evidence`. False if it overlaps an excluded region. Reads must
    /// come in order of contig and position. Only aligned bases (M, = and X) overlap regions: neither soft clips nor
    /// gaps. `sites` must be on the read's contig.
    ///
    /// # Errors
    /// Variants or reference that cannot be read.
    pub fn read(&mut self, read: &Alignment, sites: &mut SiteWindow, evidence: &mut Evidence) -> Result<bool> {
        evidence.clear();
        let contig = usize::try_from(read.contig).unwrap_or(0);
        if self.contig != Some(contig) {
            self.contig = Some(contig);
            self.regions.enter(contig);
            self.excluded.enter(contig);
            self.site = sites.first();
        }
        self.read.fill(read);
        let (start, end) = (self.read.start(), self.read.end());
        for block in self.excluded.near(start, end) {
            if self.read.touches(block.start as i64, block.end as i64) {
                return Ok(false);
            }
        }
        for block in self.regions.near(start, end) {
            if self.read.touches(block.start as i64, block.end as i64) {
                evidence.regions.push(block.region);
            }
        }
        if evidence.regions.len() > 1 {
            evidence.regions.sort_unstable();
            evidence.regions.dedup();
        }
        sites.fill(end)?;
        self.site = self.site.max(sites.first());
        // Sites come by start; a long one stops the cursor until reads have passed its end.
        while sites.contains(self.site) && sites.get(self.site).end <= start {
            self.site += 1;
        }
        let clipped = sites.has_reference() && self.read.is_soft_clipped();
        let near = sites.contains(self.site) && sites.get(self.site).start < end;
        sites.reads_begin(start);
        let mut doubtful = clipped;
        let reached = sites.context().take_while(|v| v.start < end);
        for variant in reached.filter(|v| v.gapped && v.end > start) {
            doubtful |= variant.start < start + SLACK || variant.end > end - SLACK || self.read.is_gapped();
        }
        if !(near || doubtful) || read.qualities.is_empty() {
            return Ok(true);
        }
        self.realigned.clear();
        if doubtful {
            for window in (Ends { read: &self.read, site: self.site }).windows(sites)? {
                if self.realigner.realign(read, &window, sites, evidence)? {
                    self.realigned.extend_from_slice(&window.sites);
                }
            }
        }
        // Soft-clipped bases alone can distinguish two local haplotypes.
        let (mut from, mut low, mut high) = (self.site, start, end);
        if clipped {
            (low, high) = (low - MARGIN, high + MARGIN);
            sites.fill(high)?;
            from = from.saturating_sub(ends::LOOK_BACK).max(sites.first());
        }
        while sites.contains(from) {
            let site = sites.get(from);
            if site.start >= high {
                break;
            }
            let reached = site.end > start && site.start < end;
            let reached = reached || (site.end > low && matches!(site.alleles, SiteAlleles::Local(_)));
            if reached && !self.realigned.contains(&from) {
                evidence.observations.extend(self.observe(read, from, site));
            }
            from += 1;
        }
        if !self.realigned.is_empty() {
            evidence.observations.sort_by_key(|o| o.site);
        }
        Ok(true)
    }

    /// The evidence of a read at one site, if it covers the site.
    fn observe(&mut self, read: &Alignment, number: u32, site: &Site) -> Option<Observation> {
        match &site.alleles {
            SiteAlleles::Snv(..) => {
                let index = self.read.index_of(site.start)?;
                let &quality = read.qualities.get(index)?;
                Some(Observation::of_base(number, read.base(index), quality))
            }
            SiteAlleles::Mnv(list) => self.observe_mnv(read, number, list),
            SiteAlleles::Local(local) => self.observe_local(read, number, site, local),
        }
    }

    /// The sum over the bases of a site without insertions and deletions.
    fn observe_mnv(&self, read: &Alignment, number: u32, list: &[(i64, u8, u8)]) -> Option<Observation> {
        let (mut llr, mut covered, mut other) = (0, false, false);
        for &(position, first, second) in list {
            let Some(index) = self.read.index_of(position) else { continue };
            let Some(&quality) = read.qualities.get(index) else { continue };
            let (base, of_base) = (read.base(index), self.costs().llr(quality));
            if of_base == 0 || base == b'N' {
                continue;
            }
            covered = true;
            match base {
                b if b == first => llr += of_base,
                b if b == second => llr -= of_base,
                _ => other = true,
            }
        }
        let llr = llr.clamp(-MAX_SITE_LLR, MAX_SITE_LLR);
        let other = other && llr.abs() < ASSIGN_LLR;
        covered.then_some(Observation { other, ..Observation::of_llr(number, llr, CoveredRecords::ALL) })
    }

    /// The sum over the exons at a site with insertions or deletions.
    fn observe_local(
        &mut self,
        read: &Alignment,
        number: u32,
        site: &Site,
        local: &LocalHaplotypes,
    ) -> Option<Observation> {
        let mut total: Option<Observation> = None;
        for exon in self.read.exons() {
            let Some(found) = self.realigner.score(read, exon, site, local) else { continue };
            let none = Observation { other: true, ..Observation::of_llr(number, 0, CoveredRecords::NONE) };
            let total = total.get_or_insert(none);
            total.llr = (total.llr + found.llr).clamp(-MAX_SITE_LLR, MAX_SITE_LLR);
            total.fragment_llr = total.llr;
            total.other &= found.unfit;
            total.covered = total.covered | found.covered;
        }
        total
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
