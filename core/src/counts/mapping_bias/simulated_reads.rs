//! The simulated reads of both haplotypes in one chunk of the genome, and their mapping outcomes.

use std::collections::{BTreeMap, HashMap};

use crate::assignment::Class;
use crate::counts::mapping_bias::assigner::Assigner;
use crate::counts::mapping_bias::chunks::Chunk;
use crate::counts::mapping_bias::expected_alignment::{ExpectedAlignment, HaplotypeWindow, Scoring};
use crate::counts::mapping_bias::multimapping::ReadWindow;
use crate::counts::mapping_bias::outcomes::{Bias, Outcome};
use crate::counts::mapping_bias::summary::BiasOptions;
use crate::error::Result;
use crate::genome::{Edit, IntervalIndex, Variant};

/// The bases of a site on a haplotype: `start..end` of its sequence, or, where that is empty, the junction before base
/// `start`.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    start: usize,
    end: usize,
    /// Index of the variant in the chunk.
    site: usize,
}

impl Footprint {
    /// True if a read of bases `from..to` shows the site: it has one of its bases, or the bases on both sides of the
    /// junction.
    fn within(&self, from: usize, to: usize) -> bool {
        match self.start == self.end {
            true => from < self.start && self.start < to,
            false => from < self.end && self.start < to,
        }
    }
}

/// Most reads in one window of the search for other loci.
const READS_PER_WINDOW: usize = 2048;

/// One simulated read.
struct Read {
    haplotype: usize,
    /// First base on the haplotype.
    from: usize,
    outcome: Outcome,
}

/// Reads that start at consecutive bases of a haplotype.
pub(super) struct ChunkWindow {
    pub haplotype: usize,
    /// First base of the first read.
    pub from: usize,
    pub reads: ReadWindow,
}

/// Simulates the reads of both haplotypes over a chunk.
pub(super) struct Simulation<'a> {
    chunk: &'a Chunk,
    /// Bases per read.
    length: usize,
    haplotypes: [HaplotypeWindow; 2],
    /// Of each haplotype, by start.
    footprints: [Vec<Footprint>; 2],
}

/// The outcomes of the reads over a chunk.
pub(super) struct ChunkOutcomes {
    /// By index of the variant in the chunk.
    pub sites: BTreeMap<usize, Bias>,
    /// By index of the region.
    pub regions: HashMap<u32, Bias>,
    /// Each read once.
    pub reads: Bias,
}

impl<'a> Simulation<'a> {
    pub fn new(chunk: &'a Chunk, length: usize) -> Self {
        let [one, two] = [1, 2].map(|haplotype| haplotype_of(chunk, haplotype));
        Self { length, haplotypes: [one.0, two.0], footprints: [one.1, two.1], chunk }
    }

    /// Call `read` with the first base of each read that covers a site which the chunk reports, and all sites that the
    /// read covers, including those that neighbouring chunks report, in order.
    fn each(&self, haplotype: usize, read: &mut impl FnMut(usize, &[usize])) {
        let (window, footprints) = (&self.haplotypes[haplotype - 1], &self.footprints[haplotype - 1]);
        let Some(last) = window.sequence().len().checked_sub(self.length) else { return };
        let mut reach = 0;
        // The furthest end up to each footprint: those before the first that reaches a read end before it.
        let reaches: Vec<usize> = footprints
            .iter()
            .map(|p| {
                reach = reach.max(p.end);
                reach
            })
            .collect();
        let (mut from, mut first, mut sites) = (0, 0, Vec::new());
        for footprint in footprints.iter().filter(|p| self.chunk.own.contains(&p.site)) {
            from = from.max((footprint.start + 1).saturating_sub(self.length));
            while from <= last && from < footprint.end.max(footprint.start) {
                while first < footprints.len() && reaches[first] <= from {
                    first += 1;
                }
                sites.clear();
                let near = footprints[first..].iter().take_while(|p| p.start < from + self.length);
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
        &self.haplotypes[haplotype - 1].sequence()[from..from + self.length]
    }

    /// The reads whose other loci are to be found, each with the mismatches up to which a locus matches as well as its
    /// own.
    pub fn windows(&self, scoring: &Scoring) -> Vec<ChunkWindow> {
        let mut windows: Vec<ChunkWindow> = Vec::new();
        let chunk = self.chunk;
        let locus = (chunk.fasta_contig, chunk.start, chunk.start + chunk.reference.len() as u64);
        let mut alignment = ExpectedAlignment::default();
        for haplotype in [1, 2] {
            let window = &self.haplotypes[haplotype - 1];
            let (mut from, mut allowed) = (0, Vec::new());
            let mut close = |from: usize, allowed: &mut Vec<u32>| {
                if !allowed.is_empty() {
                    let bases = &window.sequence()[from..from + allowed.len() + self.length - 1];
                    let reads = ReadWindow::new(bases, locus, std::mem::take(allowed));
                    windows.push(ChunkWindow { haplotype, from, reads });
                }
            };
            self.each(haplotype, &mut |at, _| {
                if at != from + allowed.len() || allowed.len() >= READS_PER_WINDOW {
                    close(from, &mut allowed);
                }
                if allowed.is_empty() {
                    from = at;
                }
                let lost = match window.align(at, self.length, scoring, &mut alignment) {
                    true => (self.length as i32 * scoring.matching - alignment.score).max(0),
                    false => 0,
                };
                allowed.push((lost / (scoring.matching + scoring.mismatch)) as u32);
            });
            close(from, &mut allowed);
        }
        windows
    }

    /// The outcomes of all reads. `starts` are haplotype and first base of each of `windows`, ascending; without windows
    /// no read is multimapping. `blocks` are those of the regions.
    ///
    /// # Errors
    /// When the FASTA cannot be read.
    pub fn run(
        &self,
        assigner: &mut Assigner,
        blocks: &IntervalIndex,
        starts: &[(usize, usize)],
        windows: &[ReadWindow],
        options: &BiasOptions,
    ) -> Result<ChunkOutcomes> {
        let chunk = self.chunk;
        let mut reads: Vec<Read> = Vec::new();
        let mut aligned: Vec<(ExpectedAlignment, usize)> = Vec::new();
        let mut alignment = ExpectedAlignment::default();
        for haplotype in [1, 2] {
            self.each(haplotype, &mut |from, _| {
                let bases = self.bases(haplotype, from);
                if !bases.iter().all(|b| matches!(b, b'A' | b'C' | b'G' | b'T')) {
                    return;
                }
                let window = &self.haplotypes[haplotype - 1];
                let aligns = window.align(from, self.length, &options.scoring, &mut alignment);
                let i = starts.partition_point(|start| *start <= (haplotype, from));
                let window = i.checked_sub(1).filter(|i| starts[*i].0 == haplotype);
                let multimapping = window.is_some_and(|i| windows[i].is_multimapping(from - starts[i].1));
                if aligns && !multimapping {
                    aligned.push((alignment.clone(), reads.len()));
                }
                let outcome = if multimapping { Outcome::Multimapping } else { Outcome::Unaligned };
                reads.push(Read { haplotype, from, outcome });
            });
        }
        // Clipping changes the order of positions; reads are assigned along the genome.
        aligned.sort_by_key(|(alignment, i)| (alignment.position, *i));
        assigner.enter(chunk)?;
        for (alignment, i) in &aligned {
            let read = &mut reads[*i];
            let class = assigner.class(chunk.contig, alignment, self.bases(read.haplotype, read.from))?;
            read.outcome = match (class, read.haplotype) {
                (Class::Hap1, 1) | (Class::Hap2, 2) => Outcome::Right,
                (Class::Hap1 | Class::Hap2, _) => Outcome::Wrong,
                _ => Outcome::Unassigned,
            };
        }
        Ok(self.tally(&reads, blocks))
    }

    /// Count `reads` at the sites and in the regions, haplotype by haplotype in order of their first base.
    fn tally(&self, reads: &[Read], blocks: &IntervalIndex) -> ChunkOutcomes {
        let chunk = self.chunk;
        let sites = chunk.own.clone().filter(|&i| chunk.sites[i]);
        let mut outcomes = ChunkOutcomes {
            sites: sites.map(|i| (i, Bias::default())).collect(),
            regions: HashMap::new(),
            reads: Bias::default(),
        };
        let regions: Vec<Vec<u32>> = chunk.variants.iter().map(|v| regions_of(blocks, chunk.contig, v)).collect();
        let mut next = reads.iter().peekable();
        let mut overlapped: Vec<(u32, usize)> = Vec::new();
        for haplotype in [1, 2] {
            self.each(haplotype, &mut |from, sites| {
                let Some(read) = next.next_if(|r| (r.haplotype, r.from) == (haplotype, from)) else { return };
                let own = |site: &usize| chunk.own.contains(site);
                for site in sites.iter().filter(|s| own(s)) {
                    if let Some(bias) = outcomes.sites.get_mut(site) {
                        bias.of(haplotype).add(read.outcome);
                    }
                }
                if sites.first().is_some_and(own) {
                    outcomes.reads.of(haplotype).add(read.outcome);
                }
                // Once per region: in the chunk that reports the first of the region's sites that the read covers.
                overlapped.clear();
                overlapped.extend(sites.iter().flat_map(|&s| regions[s].iter().map(move |&r| (r, s))));
                overlapped.sort_unstable();
                overlapped.dedup_by_key(|t| t.0);
                for (region, _) in overlapped.iter().filter(|(_, s)| own(s)) {
                    outcomes.regions.entry(*region).or_default().of(haplotype).add(read.outcome);
                }
            });
        }
        outcomes
    }
}

/// A haplotype over a chunk, and the footprints of the sites on it.
fn haplotype_of(chunk: &Chunk, haplotype: usize) -> (HaplotypeWindow, Vec<Footprint>) {
    let span = chunk.start..chunk.start + chunk.reference.len() as u64;
    let mut edits: Vec<(Edit, usize)> =
        chunk.variants.iter().enumerate().filter_map(|(i, v)| Some((v.edit(haplotype)?, i))).collect();
    edits.sort_by_key(|(e, i)| (e.start, e.end, *i));
    let mut end = span.start;
    edits.retain(|(e, _)| {
        let fits = e.start >= end && e.end <= span.end;
        if fits {
            end = e.end;
        }
        fits
    });
    let window = HaplotypeWindow::new(chunk.start, &chunk.reference, &edits.iter().map(|e| e.0).collect::<Vec<_>>());
    let applied: HashMap<usize, usize> = edits.iter().enumerate().map(|(i, (_, variant))| (*variant, i)).collect();
    let footprint = |(site, v): (usize, &Variant)| {
        if !chunk.sites[site] {
            return None;
        }
        let (start, end) = match applied.get(&site) {
            Some(&edit) => window.edit(edit),
            None => {
                let other = v.edit(3 - haplotype)?;
                (window.at(other.start), window.at(other.end))
            }
        };
        Some(Footprint { start, end, site })
    };
    let mut footprints: Vec<Footprint> = chunk.variants.iter().enumerate().filter_map(footprint).collect();
    footprints.sort_by_key(|p| (p.start, p.end, p.site));
    (window, footprints)
}

/// Regions in which the haplotypes differ by `variant`, ascending.
fn regions_of(blocks: &IntervalIndex, contig: usize, variant: &Variant) -> Vec<u32> {
    if !variant.differs() {
        return Vec::new();
    }
    let edits = [1, 2].into_iter().filter_map(|haplotype| variant.edit(haplotype));
    let mut found: Vec<u32> = edits.flat_map(|e| blocks.overlapping(contig, e.start, e.end)).collect();
    found.sort_unstable();
    found.dedup();
    found
}
