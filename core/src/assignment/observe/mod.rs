//! What one read shows at sites, and which regions its aligned bases touch.

mod ends;
mod joint;

use crate::assignment::local_haplotypes::{Local, MARGIN, SLACK};
use crate::assignment::realign::{Aligner, BaseCosts, Cost, End, DECISIVE, FOREIGN, FOREIGN_OPENING, LOUDEST, PHRED};
use crate::assignment::region_blocks::{touches, BlockSweep};
use crate::assignment::{Evidence, Observation};
use crate::assignment::{Site, Sites, Tells};
use crate::error::Result;
use crate::io::bam::reader::reference_length;
use crate::io::bam::Alignment;
use crate::io::regions::Regions;

/// Bases of a haplotype that an alignment with a free end may use beyond the read's length.
const ROOM: usize = 16;

/// Bases of a haplotype that an alignment with a free end must have to spare.
const SPARE: usize = 4;

/// A read that costs this much under both haplotypes, and more than what sets them apart, fits neither: an
/// adapter, or sequence from elsewhere.
const UNFIT: Cost = 50 * PHRED;

/// Cells of an alignment at most: reads against alleles of several thousand bases.
const MOST_CELLS: usize = 1 << 22;

/// Aligned bases without a gap between: reference position, index in the read, how many.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    position: i64,
    index: usize,
    length: usize,
}

impl Stretch {
    fn end(&self) -> i64 {
        self.position + self.length as i64
    }

    fn last_index(&self) -> usize {
        self.index + self.length
    }
}

/// The part of a read between two introns (or its ends): stretches `first..last`, and all bases of it, those
/// clipped softly included.
#[derive(Clone, Copy, Debug)]
struct Exon {
    first: usize,
    last: usize,
    from: usize,
    to: usize,
}

/// Looks at sorted reads, one after the other.
pub struct Look<'a> {
    regions: BlockSweep<'a>,
    excluded: BlockSweep<'a>,
    costs: BaseCosts,
    aligner: Aligner,
    contig: Option<usize>,
    /// Number of the first site that reads still reach.
    site: u32,
    stretches: Vec<Stretch>,
    exons: Vec<Exon>,
    /// Sites of the read's ends that were laid anew.
    laid: Vec<u32>,
    bases: Vec<u8>,
    qualities: Vec<u8>,
}

impl<'a> Look<'a> {
    /// All with indices of the alignment file's contigs. Bases below `quality` say nothing in alignments.
    pub fn new(regions: Option<&'a Regions>, excluded: Option<&'a Regions>, quality: u8) -> Self {
        Self {
            regions: BlockSweep::new(regions),
            excluded: BlockSweep::new(excluded),
            costs: BaseCosts::new(quality),
            aligner: Aligner::default(),
            contig: None,
            site: 0,
            stretches: Vec::new(),
            exons: Vec::new(),
            laid: Vec::new(),
            bases: Vec::new(),
            qualities: Vec::new(),
        }
    }

    /// What bases say by their quality.
    pub fn costs(&self) -> &BaseCosts {
        &self.costs
    }

    /// What a placed read shows, into `evidence`; false if it touches an excluded region. Reads must come in
    /// order of contig and position. Only aligned bases touch regions (M, = and X): neither clipped ones nor
    /// gaps. `sites` must be on the read's contig.
    ///
    /// # Errors
    /// What the variants or the reference do not let be read.
    pub fn read(&mut self, read: &Alignment, sites: &mut Sites, evidence: &mut Evidence) -> Result<bool> {
        evidence.clear();
        let contig = usize::try_from(read.contig).unwrap_or(0);
        if self.contig != Some(contig) {
            self.contig = Some(contig);
            self.regions.enter(contig);
            self.excluded.enter(contig);
            self.site = sites.first();
        }
        let end = read.end();
        for block in self.excluded.near(read.position, end) {
            if touches(read, block.start as i64, block.end as i64) {
                return Ok(false);
            }
        }
        let mut several = false;
        for block in self.regions.near(read.position, end) {
            if touches(read, block.start as i64, block.end as i64) {
                evidence.regions.push(block.region);
                several = evidence.regions.len() > 1;
            }
        }
        if several {
            evidence.regions.sort_unstable();
            evidence.regions.dedup();
        }
        sites.fill(end)?;
        self.site = self.site.max(sites.first());
        // Sites come by start; the long ones among them keep the cursor where it is.
        while sites.contains(self.site) && sites.get(self.site).end <= read.position {
            self.site += 1;
        }
        let clipped = sites.has_reference() && is_clipped(read);
        let near = sites.contains(self.site) && sites.get(self.site).start < end;
        sites.reads_begin(read.position);
        let mut doubtful = clipped;
        let reached = sites.known().take_while(|i| i.start < end);
        for item in reached.filter(|i| i.gapped && i.end > read.position) {
            doubtful |= item.start < read.position + SLACK || item.end > end - SLACK || has_gap(read);
        }
        if !(near || doubtful) || read.qualities.is_empty() {
            return Ok(true);
        }
        self.take_apart(read);
        self.laid.clear();
        if doubtful {
            self.ends(read, sites, evidence)?;
        }
        // Two sequences are told from clipped bases alone, too.
        let (mut from, mut low, mut high) = (self.site, read.position, end);
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
            let reached = site.end > read.position && site.start < end;
            let reached = reached || (site.end > low && matches!(site.tells, Tells::Local(_)));
            if reached && !self.laid.contains(&from) {
                self.observe(read, from, site, evidence);
            }
            from += 1;
        }
        if !self.laid.is_empty() {
            evidence.observations.sort_by_key(|o| o.site);
        }
        Ok(true)
    }

    /// The stretches and exons of a read.
    fn take_apart(&mut self, read: &Alignment) {
        self.stretches.clear();
        self.exons.clear();
        let (mut position, mut index) = (read.position, 0usize);
        let (mut first, mut from) = (0, 0);
        for &operation in read.cigar {
            let length = (operation >> 4) as usize;
            match operation & 15 {
                0 | 7 | 8 => {
                    match self.stretches.last_mut() {
                        Some(s) if s.end() == position && s.last_index() == index => s.length += length,
                        _ => self.stretches.push(Stretch { position, index, length }),
                    }
                    index += length;
                }
                1 | 4 => index += length,
                3 => {
                    self.exons.push(Exon { first, last: self.stretches.len(), from, to: index });
                    (first, from) = (self.stretches.len(), index);
                }
                _ => {}
            }
            position += reference_length(operation);
        }
        self.exons.push(Exon { first, last: self.stretches.len(), from, to: index.min(read.qualities.len()) });
        self.exons.retain(|e| e.first < e.last && e.from < e.to && e.to <= read.qualities.len());
    }

    /// Index of the read's base at a reference position.
    fn index(&self, position: i64) -> Option<usize> {
        let s = self.stretches[..self.stretches.partition_point(|s| s.position <= position)].last()?;
        (position < s.end()).then(|| s.index + (position - s.position) as usize)
    }

    fn observe(&mut self, read: &Alignment, number: u32, site: &Site, evidence: &mut Evidence) {
        let plain = Observation { site: number, base: 0, quality: 0, other: false, contrast: 0, said: 0, covered: 0 };
        match &site.tells {
            Tells::Base(..) => {
                let Some(index) = self.index(site.start) else { return };
                if let Some(&quality) = read.qualities.get(index) {
                    evidence.observations.push(Observation { base: read.base(index), quality, ..plain });
                }
            }
            Tells::Bases(list) => {
                let (mut contrast, mut shown, mut other) = (0, false, false);
                for &(position, first, second) in list {
                    let Some(index) = self.index(position) else { continue };
                    let Some(&quality) = read.qualities.get(index) else { continue };
                    let (base, weight) = (read.base(index), self.costs.contrast(quality));
                    if weight == 0 || base == b'N' {
                        continue;
                    }
                    shown = true;
                    match base {
                        b if b == first => contrast += weight,
                        b if b == second => contrast -= weight,
                        _ => other = true,
                    }
                }
                if shown {
                    let contrast = contrast.clamp(-LOUDEST, LOUDEST);
                    let other = other && contrast.abs() < DECISIVE;
                    evidence.observations.push(Observation {
                        contrast,
                        said: contrast,
                        other,
                        covered: u16::MAX,
                        ..plain
                    });
                }
            }
            Tells::Local(local) => {
                let mut total: Option<Observation> = None;
                for i in 0..self.exons.len() {
                    let exon = self.exons[i];
                    let Some((contrast, other, covered)) = self.compare(read, exon, site, local) else { continue };
                    let t = total.get_or_insert(Observation { other: true, ..plain });
                    t.contrast = (t.contrast + contrast).clamp(-LOUDEST, LOUDEST);
                    t.said = t.contrast;
                    t.other &= other;
                    t.covered |= covered;
                }
                evidence.observations.extend(total);
            }
        }
    }

    /// By how much haplotype 1 explains an exon better than haplotype 2, whether it fits neither, and which of
    /// the first sixteen records it reaches on the better one. None if it does not reach the site.
    fn compare(&mut self, read: &Alignment, exon: Exon, site: &Site, local: &Local) -> Option<(Cost, bool, u16)> {
        let (first, last) = (self.stretches[exon.first], self.stretches[exon.last - 1]);
        let aligned = (first.index, last.last_index());
        let found = self.compare_held(read, exon, (exon.from, exon.to), site, local)?;
        // The few aligned bases between the site and a clipped end may be laid wrongly, too.
        match found.1 && aligned != (exon.from, exon.to) {
            true => self.compare_held(read, exon, aligned, site, local),
            false => Some(found),
        }
    }

    /// [`Look::compare`]. Beyond the borders the read is taken to be aligned right if enough of its bases `hold` it
    /// there.
    fn compare_held(
        &mut self,
        read: &Alignment,
        exon: Exon,
        hold: (usize, usize),
        site: &Site,
        local: &Local,
    ) -> Option<(Cost, bool, u16)> {
        let stretches = &self.stretches[exon.first..exon.last];
        let (start, end) = (stretches[0].position, stretches[stretches.len() - 1].end());
        let clips = (stretches[0].index - exon.from, exon.to - stretches[stretches.len() - 1].last_index());
        if end + clips.1.min(MARGIN as usize) as i64 <= site.start
            || site.end <= start - clips.0.min(MARGIN as usize) as i64
        {
            return None;
        }
        // Where the exon crosses the borders: index in the read and how far outside of the site.
        let (mut from, mut left, mut before) = (exon.from, End::Free(0), 0);
        if start <= site.start {
            let s = stretches[..stretches.partition_point(|s| s.position <= site.start)].last()?;
            let inside = (site.start - s.position).min(s.length as i64);
            let at = s.index + inside as usize;
            before = site.start - (s.position + inside);
            if before > MARGIN {
                return None;
            }
            if at.saturating_sub(hold.0) >= SLACK as usize {
                (from, left) = (at, End::Fixed);
            } else {
                before += (at - exon.from) as i64;
            }
        }
        let (mut to, mut right, mut behind) = (exon.to, End::Free(0), 0);
        if end >= site.end {
            let s = stretches.get(stretches.partition_point(|s| s.end() < site.end))?;
            let inside = (site.end - s.position).max(0);
            let at = s.index + inside as usize;
            behind = s.position + inside - site.end;
            if behind > MARGIN {
                return None;
            }
            if hold.1.saturating_sub(at) >= SLACK as usize {
                (to, right) = (at, End::Fixed);
            } else {
                behind += (exon.to - at) as i64;
            }
        }
        if from > to || to > read.qualities.len() {
            return None;
        }
        // A clipped end may go on beyond what is known of the haplotypes.
        let known = |h: usize| match left {
            End::Fixed => local.sequences[h].len().saturating_sub(local.starts[h].saturating_sub(before as usize)),
            End::Free(_) => local.ends[h] + behind as usize,
        };
        let known = known(0).min(known(1)).saturating_sub(SPARE);
        match (left, right) {
            (End::Fixed, End::Free(_)) => to = to.min(from + known),
            (End::Free(_), End::Fixed) => from = from.max(to.saturating_sub(known)),
            _ => {}
        }
        let (aligned, unaligned) = (stretches[0].index, stretches[stretches.len() - 1].last_index());
        if let End::Free(clipped) = &mut left {
            *clipped = aligned.saturating_sub(from).min(to - from);
        }
        if let End::Free(clipped) = &mut right {
            *clipped = to.saturating_sub(unaligned).min(to - from);
        }
        let begin = start - site.start - (aligned as i64 - from as i64);
        self.bases.clear();
        self.bases.extend((from..to).map(|i| read.base(i)));
        self.qualities.clear();
        self.qualities.extend_from_slice(&read.qualities[from..to]);
        let n = self.bases.len();
        let stretch = |h: usize| {
            let sequence = &local.sequences[h];
            let mut first = local.starts[h].saturating_sub(before as usize);
            let mut last = (local.ends[h] + behind as usize).min(sequence.len());
            // A free end needs no more of the haplotype than the read is long.
            match (left, right) {
                (End::Fixed, End::Free(_)) => last = sequence.len().min(first + n + ROOM),
                (End::Free(_), End::Fixed) => first = last.saturating_sub(n + ROOM),
                // Where the read begins on a haplotype depends on which gaps lie before it.
                (End::Free(_), End::Free(_)) => {
                    let begin = local.starts[h] as i64 + begin;
                    let (shorter, longer) = (local.shorter[h] as i64, local.longer[h] as i64);
                    let room = ROOM as i64;
                    first = (begin - shorter - room).clamp(0, sequence.len() as i64) as usize;
                    last = (begin + longer + (end - start) + n as i64 + room).clamp(0, sequence.len() as i64) as usize;
                }
                (End::Fixed, End::Fixed) => {}
            }
            (first.min(last), last)
        };
        let spans = [stretch(0), stretch(1)];
        let haplotypes = [0, 1].map(|h| &local.sequences[h][spans[h].0..spans[h].1]);
        // Where the read lies on a haplotype that it fits, as far as its fixed ends say.
        let covered = |contrast: Cost| {
            let h = usize::from(contrast < 0);
            let (first, last) = match (left, right) {
                (End::Fixed, End::Free(_)) => (spans[h].0, spans[h].0 + n),
                (End::Free(_), End::Fixed) => (spans[h].1.saturating_sub(n), spans[h].1),
                _ => spans[h],
            };
            let bits = local.changes.iter().take(16).enumerate();
            bits.filter(|(_, c)| first < c[h].1 && c[h].0 < last).fold(0, |all, (i, _)| all | 1 << i)
        };
        let verdict = |contrast: Cost, other: bool| Some((contrast, other, covered(contrast)));
        // Most reads are spelt as one of the haplotypes exactly. Then the other costs its mismatches, or as
        // much as opening a gap: nothing else is cheaper.
        let unlike = haplotypes.map(|h| match (left, right) {
            (End::Fixed, End::Fixed) if h.len() == n => Some(h),
            (End::Fixed, End::Free(_)) if h.len() >= n => Some(&h[..n]),
            (End::Free(_), End::Fixed) if h.len() >= n => Some(&h[h.len() - n..]),
            _ => None,
        });
        let unlike = unlike.map(|h| h.map(|h| self.costs.mismatches(&self.bases, &self.qualities, h, left, right)));
        let most = local.opening;
        match unlike {
            [Some(0), Some(0)] => return verdict(0, false),
            [Some(0), Some(other)] => return verdict(other.min(most), false),
            [Some(other), Some(0)] => return verdict(-other.min(most), false),
            [Some(0), None] if left.clipped() + right.clipped() == 0 => return verdict(most, false),
            [None, Some(0)] if left.clipped() + right.clipped() == 0 => return verdict(-most, false),
            _ => {}
        }
        if haplotypes.iter().any(|h| h.len().saturating_mul(n) > MOST_CELLS) {
            return verdict(0, true);
        }
        let least = self.costs.least(&self.bases, &self.qualities);
        let [one, two] = haplotypes.map(|h| {
            self.aligner.align(&self.costs, local.opening, &self.bases, &self.qualities, h, left, right) - least
        });
        let contrast = (two - one).clamp(-most, most);
        let unfit = one.min(two) - foreign(left) - foreign(right);
        let other = unfit >= UNFIT && unfit > contrast.abs();
        verdict(if other { 0 } else { contrast }, other)
    }
}

/// What foreign bases cost at most at a clipped end. They cost the same everywhere and are held against nobody.
fn foreign(end: End) -> Cost {
    match end.clipped() {
        0 => 0,
        n => FOREIGN_OPENING + FOREIGN * n as Cost,
    }
}

/// True if bases are inserted or deleted in the alignment.
fn has_gap(read: &Alignment) -> bool {
    read.cigar.iter().any(|o| matches!(o & 15, 1 | 2))
}

/// True if the read has soft-clipped bases.
fn is_clipped(read: &Alignment) -> bool {
    let soft = |operation: Option<&u32>| operation.is_some_and(|o| o & 15 == 4);
    let inner = |n: usize| read.cigar.get(n).is_some_and(|o| o & 15 == 5);
    soft(read.cigar.first())
        || soft(read.cigar.last())
        || (inner(0) && soft(read.cigar.get(1)))
        || (read.cigar.len() > 1 && inner(read.cigar.len() - 1) && soft(read.cigar.get(read.cigar.len() - 2)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
