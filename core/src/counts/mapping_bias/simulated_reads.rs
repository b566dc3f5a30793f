//! The reads of both haplotypes over a chunk of the genome, and what becomes of each.

use std::collections::{BTreeMap, HashMap};

use crate::assignment::Class;
use crate::counts::mapping_bias::assigner::Judge;
use crate::counts::mapping_bias::chunks::Chunk;
use crate::counts::mapping_bias::expected_alignment::{Placed, Scoring, Strand};
use crate::counts::mapping_bias::multimapping::Window;
use crate::counts::mapping_bias::{Bias, BiasOptions, Fate};
use crate::error::Result;
use crate::genome::{Edit, Variant};
use crate::io::regions::Regions;

/// Where a site shows on a haplotype: bases `start..end` of its sequence, or where that is empty the joint before
/// base `start`.
#[derive(Clone, Copy, Debug)]
struct Print {
    start: usize,
    end: usize,
    /// Index of the variant in the chunk.
    site: usize,
}

impl Print {
    /// True if a read of bases `from..to` tells something of the site: it has one of its bases, or both beside the
    /// joint.
    fn within(&self, from: usize, to: usize) -> bool {
        match self.start == self.end {
            true => from < self.start && self.start < to,
            false => from < self.end && self.start < to,
        }
    }
}

/// Reads that are looked for elsewhere together, at most.
const WINDOW: usize = 2048;

/// One read: its first base on the haplotype, and what becomes of it.
struct Read {
    haplotype: usize,
    from: usize,
    fate: Fate,
}

/// Reads that begin at consecutive bases of a haplotype.
pub(super) struct Home {
    pub haplotype: usize,
    /// First base of the first read.
    pub from: usize,
    pub window: Window,
}

/// The reads of both haplotypes over a chunk.
pub(super) struct Laying<'a> {
    chunk: &'a Chunk,
    length: usize,
    strands: [Strand; 2],
    /// Of each haplotype, by start.
    prints: [Vec<Print>; 2],
}

pub(super) struct Outcome {
    /// By index of the variant in the chunk.
    pub sites: BTreeMap<usize, Bias>,
    pub regions: HashMap<u32, Bias>,
    pub reads: Bias,
}

impl<'a> Laying<'a> {
    pub fn new(chunk: &'a Chunk, length: usize) -> Self {
        let [one, two] = [1, 2].map(|haplotype| haplotype_of(chunk, haplotype));
        Self { length, strands: [one.0, two.0], prints: [one.1, two.1], chunk }
    }

    /// Call `read` with the first base of each read that lies over a site the chunk answers for, and the sites it
    /// lies over, those of neighbours among them, in order.
    fn each(&self, haplotype: usize, read: &mut impl FnMut(usize, &[usize])) {
        let (strand, prints) = (&self.strands[haplotype - 1], &self.prints[haplotype - 1]);
        let Some(last) = strand.sequence().len().checked_sub(self.length) else { return };
        let mut reach = 0;
        // The furthest end up to each print: those before the first that reaches a read are past.
        let reaches: Vec<usize> = prints
            .iter()
            .map(|p| {
                reach = reach.max(p.end);
                reach
            })
            .collect();
        let (mut from, mut first, mut sites) = (0, 0, Vec::new());
        for print in prints.iter().filter(|p| self.chunk.own.contains(&p.site)) {
            from = from.max((print.start + 1).saturating_sub(self.length));
            while from <= last && from < print.end.max(print.start) {
                while first < prints.len() && reaches[first] <= from {
                    first += 1;
                }
                sites.clear();
                let near = prints[first..].iter().take_while(|p| p.start < from + self.length);
                sites.extend(near.filter(|p| p.within(from, from + self.length)).map(|p| p.site));
                sites.sort_unstable();
                if sites.iter().any(|s| self.chunk.own.contains(s)) {
                    read(from, &sites);
                }
                from += 1;
            }
        }
    }

    fn bases(&self, haplotype: usize, from: usize) -> &[u8] {
        &self.strands[haplotype - 1].sequence()[from..from + self.length]
    }

    /// The reads to be looked for elsewhere: how many bases may differ there until it fits worse than here.
    pub fn windows(&self, scoring: &Scoring) -> Vec<Home> {
        let mut homes: Vec<Home> = Vec::new();
        let chunk = self.chunk;
        let place = (chunk.theirs, chunk.start, chunk.start + chunk.reference.len() as u64);
        let mut placed = Placed::default();
        for haplotype in [1, 2] {
            let strand = &self.strands[haplotype - 1];
            let (mut from, mut allowed) = (0, Vec::new());
            let mut close = |from: usize, allowed: &mut Vec<u32>| {
                if !allowed.is_empty() {
                    let bases = &strand.sequence()[from..from + allowed.len() + self.length - 1];
                    let window = Window::new(bases, place, std::mem::take(allowed));
                    homes.push(Home { haplotype, from, window });
                }
            };
            self.each(haplotype, &mut |at, _| {
                if at != from + allowed.len() || allowed.len() >= WINDOW {
                    close(from, &mut allowed);
                }
                if allowed.is_empty() {
                    from = at;
                }
                let worse = match strand.place(at, self.length, scoring, &mut placed) {
                    true => (self.length as i32 * scoring.matching - placed.score).max(0),
                    false => 0,
                };
                allowed.push((worse / (scoring.matching + scoring.mismatch)) as u32);
            });
            close(from, &mut allowed);
        }
        homes
    }

    /// What becomes of every read. `homes` are haplotype and first base of each of `windows`, ascending; without any
    /// no read is elsewhere.
    ///
    /// # Errors
    /// When the FASTA cannot be read.
    pub fn run(
        &self,
        judge: &mut Judge,
        places: &RegionPlaces,
        homes: &[(usize, usize)],
        windows: &[Window],
        options: &BiasOptions,
    ) -> Result<Outcome> {
        let chunk = self.chunk;
        let mut reads: Vec<Read> = Vec::new();
        let mut aligned: Vec<(Placed, usize)> = Vec::new();
        let mut placed = Placed::default();
        for haplotype in [1, 2] {
            self.each(haplotype, &mut |from, _| {
                let bases = self.bases(haplotype, from);
                if !bases.iter().all(|b| matches!(b, b'A' | b'C' | b'G' | b'T')) {
                    return;
                }
                let here = self.strands[haplotype - 1].place(from, self.length, &options.scoring, &mut placed);
                let i = homes.partition_point(|home| *home <= (haplotype, from));
                let window = i.checked_sub(1).filter(|i| homes[*i].0 == haplotype);
                let elsewhere = window.is_some_and(|i| windows[i].elsewhere(from - homes[i].1));
                let fate = if elsewhere { Fate::Elsewhere } else { Fate::Lost };
                if here && fate == Fate::Lost {
                    aligned.push((placed.clone(), reads.len()));
                }
                reads.push(Read { haplotype, from, fate });
            });
        }
        // Clipped reads lie out of order; evidence is looked for along the genome.
        aligned.sort_by_key(|(placed, i)| (placed.position, *i));
        judge.enter(chunk)?;
        for (placed, i) in &aligned {
            let read = &mut reads[*i];
            let class = judge.class(chunk.contig, placed, self.bases(read.haplotype, read.from))?;
            read.fate = match (class, read.haplotype) {
                (Class::Hap1, 1) | (Class::Hap2, 2) => Fate::Right,
                (Class::Hap1 | Class::Hap2, _) => Fate::Wrong,
                _ => Fate::Unassigned,
            };
        }
        Ok(self.tally(&reads, places))
    }

    /// Count `reads` at the sites and in the regions, haplotype by haplotype in order of their first base.
    fn tally(&self, reads: &[Read], places: &RegionPlaces) -> Outcome {
        let chunk = self.chunk;
        let differing = chunk.own.clone().filter(|&i| chunk.sites[i]);
        let mut outcome = Outcome {
            sites: differing.map(|i| (i, Bias::default())).collect(),
            regions: HashMap::new(),
            reads: Bias::default(),
        };
        let regions: Vec<Vec<u32>> = chunk.variants.iter().map(|v| places.of(chunk.contig, v)).collect();
        let mut next = reads.iter().peekable();
        let mut touched: Vec<(u32, usize)> = Vec::new();
        for haplotype in [1, 2] {
            self.each(haplotype, &mut |from, sites| {
                let Some(read) = next.next_if(|r| (r.haplotype, r.from) == (haplotype, from)) else { return };
                let own = |site: &usize| chunk.own.contains(site);
                for site in sites.iter().filter(|s| own(s)) {
                    if let Some(bias) = outcome.sites.get_mut(site) {
                        bias.of(haplotype).add(read.fate);
                    }
                }
                if sites.first().is_some_and(own) {
                    outcome.reads.of(haplotype).add(read.fate);
                }
                // Once a region: by the chunk that answers for the first of its sites under the read.
                touched.clear();
                touched.extend(sites.iter().flat_map(|&s| regions[s].iter().map(move |&r| (r, s))));
                touched.sort_unstable();
                touched.dedup_by_key(|t| t.0);
                for (region, _) in touched.iter().filter(|(_, s)| own(s)) {
                    outcome.regions.entry(*region).or_default().of(haplotype).add(read.fate);
                }
            });
        }
        outcome
    }
}

/// A haplotype over a chunk, and where the sites lie on it.
fn haplotype_of(chunk: &Chunk, haplotype: usize) -> (Strand, Vec<Print>) {
    let window = chunk.start..chunk.start + chunk.reference.len() as u64;
    let mut edits: Vec<(Edit, usize)> =
        chunk.variants.iter().enumerate().filter_map(|(i, v)| Some((v.edit(haplotype)?, i))).collect();
    edits.sort_by_key(|(e, i)| (e.start, e.end, *i));
    let mut end = window.start;
    edits.retain(|(e, _)| {
        let fits = e.start >= end && e.end <= window.end;
        if fits {
            end = e.end;
        }
        fits
    });
    let strand = Strand::new(chunk.start, &chunk.reference, &edits.iter().map(|e| e.0).collect::<Vec<_>>());
    let own: HashMap<usize, usize> = edits.iter().enumerate().map(|(place, (_, variant))| (*variant, place)).collect();
    let print = |(site, v): (usize, &Variant)| {
        if !chunk.sites[site] {
            return None;
        }
        let (start, end) = match own.get(&site) {
            Some(&place) => strand.edit(place),
            None => {
                let other = v.edit(3 - haplotype)?;
                (strand.at(other.start), strand.at(other.end))
            }
        };
        Some(Print { start, end, site })
    };
    let mut prints: Vec<Print> = chunk.variants.iter().enumerate().filter_map(print).collect();
    prints.sort_by_key(|p| (p.start, p.end, p.site));
    (strand, prints)
}

/// Finds the regions of a site.
pub(super) struct RegionPlaces<'a> {
    regions: Option<&'a Regions>,
    /// The furthest end up to each block of its contig.
    reaches: Vec<u64>,
}

impl<'a> RegionPlaces<'a> {
    pub fn new(regions: Option<&'a Regions>) -> Self {
        let mut reaches = Vec::new();
        let mut furthest = (usize::MAX, 0);
        for block in regions.iter().flat_map(|r| &r.blocks) {
            if furthest.0 != block.contig {
                furthest = (block.contig, 0);
            }
            furthest.1 = furthest.1.max(block.end);
            reaches.push(furthest.1);
        }
        Self { regions, reaches }
    }

    /// Regions in which the haplotypes differ by `variant`, ascending.
    fn of(&self, contig: usize, variant: &Variant) -> Vec<u32> {
        let Some(regions) = self.regions else { return Vec::new() };
        let blocks = &regions.blocks;
        let (begin, end) =
            (blocks.partition_point(|b| b.contig < contig), blocks.partition_point(|b| b.contig <= contig));
        let first = begin + self.reaches[begin..end].partition_point(|&reach| reach <= variant.start);
        let near = blocks[first.min(end)..end].iter().take_while(|b| b.start < variant.end());
        let mut found: Vec<u32> = near.filter(|b| variant.differs_within(b.start, b.end)).map(|b| b.region).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
