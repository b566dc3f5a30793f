//! One pass over the reads: every fragment with its class, every variant with its counts.

use std::collections::VecDeque;

use crate::assignment::mates::{is_single, mate_position, strand};
use crate::assignment::{
    BaseCosts, Class, Evidence, Filter, FragmentEvidence, Fragments, Observer, SiteAlleles, SiteWindow, ASSIGN_LLR,
};
use crate::counts::region_counts::RegionVariants;
use crate::counts::{Fragment, FragmentSink, Summary, VariantSink, VariantTally};
use crate::error::Result;
use crate::io::bam::{Alignment, MergedAlignments, Tag};
use crate::io::regions::Regions;

/// Mates further apart than this (in bases), or on different contigs, get one class from both, but the alleles that each
/// shows are counted from that mate alone. SiteWindow and records further upstream than this are complete.
pub const MAX_MATE_DISTANCE: i64 = 1_000_000;

/// Complete sites and records are written out every so many bases.
const FLUSH_INTERVAL: i64 = 1 << 18;

/// Alignments between two calls of `progress`.
const PROGRESS_INTERVAL: u64 = 1 << 16;

/// What to count, and which reads to use.
#[derive(Clone, Copy, Default)]
pub struct Counting<'a> {
    /// Regions to count in, by the contigs of the alignments.
    pub regions: Option<&'a Regions>,
    /// Reads with an aligned base in one of these are excluded; by the contigs of the alignments.
    pub excluded: Option<&'a Regions>,
    /// Which reads and bases count.
    pub filter: Filter,
    /// Exclude reads whose tag `vW` has a value other than 1 (van de Geijn 2015, as STAR writes it).
    pub wasp: bool,
    /// Tag by which fragments are grouped, such as `CB`.
    pub group_by: Option<[u8; 2]>,
    /// Tag of the molecular identifier, such as `UB`.
    pub umi: Option<[u8; 2]>,
    /// Also pass on fragments that overlap no region and cover no variant.
    pub everything: bool,
}

/// The result of [`count`], apart from what the sinks received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Alignments and fragments over the whole run.
    pub summary: Summary,
    /// For each region, the records within it in which the haplotypes differ.
    pub variants: Vec<u64>,
}

/// Count the fragments of `alignments`. A fragment is a pair or a single read. It counts in every region that one of
/// its aligned bases overlaps, and all its reads determine its class. `sites` are by the contigs of `alignments`.
/// Each of `sinks` receives every fragment, `records` every record with the counts of each file.
/// `progress` is called now and then with the number of alignments read since the last call.
///
/// # Errors
/// Inputs that cannot be read, and sinks that cannot write.
pub fn count<'d>(
    alignments: &mut MergedAlignments,
    sites: &mut SiteWindow,
    counting: &Counting,
    sinks: &mut [&'d mut dyn FragmentSink],
    records: Option<&mut (dyn VariantSink + 'd)>,
    progress: &mut dyn FnMut(u64),
) -> Result<Counted> {
    let contigs = alignments.contigs().len();
    let mut observer = Observer::new(counting.regions, counting.excluded, counting.filter.base_quality);
    let mut counter = Counter {
        sites,
        counting,
        costs: BaseCosts::new(counting.filter.base_quality),
        sinks,
        records,
        contigs,
        samples: alignments.files().len(),
        tallies: VecDeque::new(),
        variants: RegionVariants::new(counting.regions),
        summary: Summary::default(),
    };
    let mut fragments = Fragments::default();
    let mut evidence = Evidence::default();
    let mut current: Option<usize> = None;
    let mut next_flush = 0;
    let mut read_so_far = 0u64;
    while let Some((sample, read)) = alignments.next_read()? {
        read_so_far += 1;
        if read_so_far.is_multiple_of(PROGRESS_INTERVAL) {
            progress(PROGRESS_INTERVAL);
        }
        if !counter.passes_filters(&read) {
            continue;
        }
        let contig = read.contig as usize;
        if current != Some(contig) {
            counter.next_contig(current, contig, &mut fragments)?;
            next_flush = 0;
        }
        current = Some(contig);
        if read.position >= next_flush {
            next_flush = read.position + FLUSH_INTERVAL;
            for single in fragments.release((read.contig as u32, read.position)) {
                counter.add_fragment(&single)?;
            }
            counter.flush_before(contig, read.position - MAX_MATE_DISTANCE)?;
        }
        if !observer.read(&read, counter.sites, &mut evidence)? {
            counter.summary.excluded += 1;
            continue;
        }
        counter.add_read(&read, sample, observer.aligned().end(), &mut evidence, &mut fragments)?;
    }
    counter.next_contig(current, contigs, &mut fragments)?;
    counter.summary.alignments = read_so_far;
    progress(read_so_far % PROGRESS_INTERVAL);
    Ok(Counted { summary: counter.summary, variants: counter.variants.into_counts() })
}

/// Counts of the records in the window of sites, and totals of the run.
struct Counter<'a, 'b, 'c, 'd> {
    sites: &'a mut SiteWindow<'b>,
    counting: &'a Counting<'c>,
    costs: BaseCosts,
    sinks: &'a mut [&'d mut dyn FragmentSink],
    records: Option<&'a mut (dyn VariantSink + 'd)>,
    contigs: usize,
    samples: usize,
    /// For each record from [`SiteWindow::records`]'s start on, one tally per sample; may end before the last record.
    tallies: VecDeque<VariantTally>,
    variants: RegionVariants,
    summary: Summary,
}

impl Counter<'_, '_, '_, '_> {
    /// True for a read that counts; the others are counted by reason.
    fn passes_filters(&mut self, read: &Alignment) -> bool {
        let summary = &mut self.summary;
        let why = if read.flags & self.counting.filter.excluded_flags != 0 {
            &mut summary.flagged
        } else if read.contig < 0 || read.position < 0 {
            &mut summary.unplaced
        } else if read.mapping_quality < self.counting.filter.mapping_quality {
            &mut summary.low_mapping_quality
        } else if self.counting.wasp && matches!(read.tag(b"vW"), Some(Tag::Int(n)) if n != 1) {
            &mut summary.wasp
        } else {
            return true;
        };
        *why += 1;
        false
    }

    /// Join a read with its mate, and count the fragment if it is complete. `evidence` is that of the read.
    fn add_read(
        &mut self,
        read: &Alignment,
        sample: usize,
        end: i64,
        evidence: &mut Evidence,
        fragments: &mut Fragments,
    ) -> Result<()> {
        let earlier = fragments.take(read, sample);
        if earlier.is_none() && evidence.is_empty() && !self.counting.everything {
            return Ok(());
        }
        let tag = |name: Option<[u8; 2]>| match name.and_then(|n| read.tag(&n)) {
            Some(Tag::Text(text)) if !text.is_empty() => Some(text.into()),
            _ => None,
        };
        let mut seen = FragmentEvidence {
            evidence: std::mem::take(evidence),
            sample,
            contig: read.contig as usize,
            start: read.position,
            end,
            flags: read.flags,
            strand: strand(read.flags),
            paired: false,
            group: tag(self.counting.group_by),
            umi: tag(self.counting.umi),
        };
        let mut complete = false;
        if let Some(found) = earlier {
            let waiting = fragments.get(found);
            if found.is_mate {
                waiting.join(&seen);
                complete = true;
            }
            self.add_fragment(waiting)?;
            fragments.recycle(found);
        }
        if !complete && Fragments::awaits_mate(read) {
            let distant = mate_position(read)
                .is_none_or(|m| m.0 != read.contig as u32 || m.1 - read.position > MAX_MATE_DISTANCE);
            if distant {
                let quality = self.counting.filter.base_quality;
                let shown = seen.evidence.observed_support(self.sites, &self.costs, quality);
                self.count_alleles(&seen.evidence, sample, shown.class() == Class::Conflicting);
                seen.evidence.keep_sum(self.sites, &self.costs, quality);
            }
            if let Some(before) = fragments.wait(read, &mut seen) {
                self.add_fragment(fragments.get(before))?;
                fragments.recycle(before);
            }
        } else if !complete {
            self.add_fragment(&seen)?;
        }
        // The next read reuses its memory.
        *evidence = seen.evidence;
        Ok(())
    }

    /// Count a fragment of which no further read can follow, and pass it to the sinks.
    fn add_fragment(&mut self, seen: &FragmentEvidence) -> Result<()> {
        let shown = seen.evidence.observed_support(self.sites, &self.costs, self.counting.filter.base_quality);
        let mut support = shown;
        support.join(&seen.evidence.summed);
        let class = support.class();
        if !seen.evidence.regions.is_empty() {
            self.summary.in_regions.add(class);
        }
        if support.phased {
            self.summary.at_variants.add(class);
        }
        self.count_alleles(&seen.evidence, seen.sample, shown.class() == Class::Conflicting);
        let fragment = Fragment {
            sample: seen.sample,
            class,
            regions: &seen.evidence.regions,
            contig: seen.contig,
            start: seen.start as u64,
            end: seen.end as u64,
            strand: seen.strand,
            paired: seen.paired,
            single: is_single(seen.flags),
            group: seen.group.as_deref(),
            umi: seen.umi.as_deref(),
        };
        self.sinks.iter_mut().try_for_each(|sink| sink.add(&fragment))
    }

    /// Count the allele that a fragment shows at each of its records.
    fn count_alleles(&mut self, evidence: &Evidence, sample: usize, conflicting: bool) {
        if evidence.observations.is_empty() {
            return;
        }
        let quality = self.counting.filter.base_quality;
        let records = self.sites.records();
        self.tallies.resize((records.end - records.start) as usize * self.samples, VariantTally::default());
        for o in &evidence.observations {
            let site = self.sites.get(o.site);
            let numbers = site.records.as_slice();
            if o.base != 0 && o.quality < quality {
                self.summary.low_base_quality += 1;
                continue;
            }
            for (i, &number) in numbers.iter().enumerate() {
                let allele = match site.alleles {
                    SiteAlleles::Snv(first, second) if o.base != 0 => {
                        // Records of a split multi-allelic site each have their own two bases.
                        let own = if numbers.len() == 1 { None } else { self.sites.record(number).single_base() };
                        let (first, second) = own.map_or((first, second), |(_, a, b)| (a, b));
                        match o.base {
                            b if b == first => Some(1),
                            b if b == second => Some(2),
                            b'A' | b'C' | b'G' | b'T' => Some(0),
                            _ => None,
                        }
                    }
                    _ if !o.covered.contains(i) => None,
                    _ if o.llr >= ASSIGN_LLR => Some(1),
                    _ if o.llr <= -ASSIGN_LLR => Some(2),
                    _ => o.other.then_some(0),
                };
                let Some(allele) = allele else { continue };
                let tally = &mut self.tallies[(number - records.start) as usize * self.samples + sample];
                *match allele {
                    1 => &mut tally.hap1,
                    2 => &mut tally.hap2,
                    _ => &mut tally.other,
                } += 1;
                tally.conflicting += (allele != 0 && site.phased && conflicting) as u64;
            }
        }
    }

    /// Complete contig `from` (None before the first), those without reads after it, and enter contig `to`; all
    /// contigs are complete when `to` is their number.
    fn next_contig(&mut self, from: Option<usize>, to: usize, fragments: &mut Fragments) -> Result<()> {
        if let Some(from) = from {
            for single in fragments.release((from as u32 + 1, 0)) {
                self.add_fragment(&single)?;
            }
            self.flush_before(from, i64::MAX)?;
        }
        for contig in from.map_or(0, |f| f + 1)..to {
            self.sites.enter(contig)?;
            self.flush_before(contig, i64::MAX)?;
        }
        if to < self.contigs {
            return self.sites.enter(to);
        }
        // Reads whose mate should lie on a later contig, which has no reads.
        for single in fragments.release((u32::MAX, i64::MAX)) {
            self.add_fragment(&single)?;
        }
        Ok(())
    }

    /// Drop the sites and write the records that end before `position` (0-based) of the contig. No read to come and
    /// no waiting mate may reach back beyond it.
    fn flush_before(&mut self, contig: usize, position: i64) -> Result<()> {
        loop {
            let to =
                self.sites.filled().saturating_add(FLUSH_INTERVAL).clamp(FLUSH_INTERVAL, position.max(FLUSH_INTERVAL));
            self.sites.fill(to.min(position))?;
            for spans in self.sites.drain_differing() {
                self.variants.add(contig, spans.into_iter().flatten());
            }
            self.sites.drop_before(position.min(self.sites.filled()));
            self.write_records(contig)?;
            if self.sites.filled() >= position {
                return Ok(());
            }
        }
    }

    /// Pass the records whose counts are final to their sink.
    fn write_records(&mut self, contig: usize) -> Result<()> {
        let needed = self.sites.first_needed();
        let mut tallies = Vec::with_capacity(self.samples);
        while self.sites.records().start < needed {
            let Some((_, record)) = self.sites.take_record() else { break };
            tallies.clear();
            let counted = self.tallies.len().min(self.samples);
            tallies.extend(self.tallies.drain(..counted));
            tallies.resize(self.samples, VariantTally::default());
            if let (Some(sink), Some(record)) = (&mut self.records, record) {
                sink.add(contig, &record, &tallies)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
