//! One pass over the reads: every fragment with its class, every variant with its counts.

use std::collections::VecDeque;

use crate::assignment::mates::{is_single, mate_position, strand};
use crate::assignment::ASSIGN_LLR;
use crate::assignment::{Class, Evidence, Filter, FragmentEvidence, Fragments, Observer, SiteAlleles, SiteWindow};
use crate::counts::{Fragment, FragmentSink, VariantSink};
use crate::error::Result;
use crate::io::bam::{Alignment, MergedAlignments, Tag};
use crate::io::regions::{Block, Regions};

/// Mates further apart than this (in bases), or on different contigs, join their classes, but what each shows
/// at a variant is judged by itself. Sites and records further behind are done with.
pub const FAR: i64 = 1_000_000;

/// How often, in bases, what is done with is looked for.
const STEP: i64 = 1 << 18;

/// Alignments between two calls of `progress`.
const EVERY: u64 = 1 << 16;

/// Fragments by class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub hap1: u64,
    pub hap2: u64,
    pub uninformative: u64,
    pub conflicting: u64,
}

impl Tally {
    /// One more fragment.
    pub fn add(&mut self, class: Class) {
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

    pub(super) fn words(&self) -> String {
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

/// Fragments by the allele they show at one variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VariantTally {
    /// With the allele of haplotype 1 (first allele of an unphased call).
    pub hap1: u64,
    /// With the allele of haplotype 2 (second allele).
    pub hap2: u64,
    /// With another.
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
    /// Left out because an aligned base lies in an excluded region.
    pub excluded: u64,
    /// Left out because WASP's tag says that they do not come back when their alleles are exchanged.
    pub wasp: u64,
    /// Fragments that touch a region, each once.
    pub in_regions: Tally,
    /// Fragments that cover a phased variant, whether they touch a region or not.
    pub at_variants: Tally,
    /// Bases at SNVs below the base quality, after overlapping mates are reconciled.
    pub low_base_quality: u64,
}

impl Summary {
    /// Sentences for the user.
    pub fn lines(&self, regions: bool) -> Vec<String> {
        let mut left_out = format!(
            "{} alignments read; left out: {} by flags, {} by mapping quality, {} unplaced",
            self.alignments, self.flagged, self.low_mapping_quality, self.unplaced
        );
        for (n, why) in [(self.excluded, "in excluded regions"), (self.wasp, "by WASP's tag vW")] {
            if n > 0 {
                left_out += &format!(", {n} {why}");
            }
        }
        let mut lines = vec![left_out];
        if regions {
            lines.push(format!("fragments in the regions: {}", self.in_regions.words()));
        }
        lines.push(format!("fragments that cover a phased variant: {}", self.at_variants.words()));
        if self.low_base_quality > 0 {
            lines.push(format!(
                "{} bases at SNVs left out by base quality or because the mates differ",
                self.low_base_quality
            ));
        }
        lines
    }
}

/// What to count, and which reads.
#[derive(Clone, Copy, Default)]
pub struct Counting<'a> {
    /// By the contigs of the alignments, as `excluded`.
    pub regions: Option<&'a Regions>,
    /// Reads with an aligned base in one of these are left out.
    pub excluded: Option<&'a Regions>,
    pub filter: Filter,
    /// Leave out reads whose tag `vW` is another than 1 (van de Geijn 2015, as STAR writes it).
    pub wasp: bool,
    /// Tag that groups fragments, such as `CB`, and tag of the molecule's identifier, such as `UB`.
    pub group_by: Option<[u8; 2]>,
    pub umi: Option<[u8; 2]>,
    /// Hand out fragments that touch no region and cover no variant as well.
    pub everything: bool,
}

/// The result of [`count`] beside what went to the sinks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub summary: Summary,
    /// For each region the records in it in which the haplotypes differ.
    pub variants: Vec<u64>,
}

/// Count the fragments of `alignments`. A fragment is a pair or a single read; it belongs to every region
/// that one of its aligned bases touches, and its class rests on all its reads. `sites` are on the contigs of
/// `alignments`. Fragments go to each of `sinks`, records with the counts of each file to `records`.
/// `progress` is called now and then with the number of alignments read since the last call.
///
/// # Errors
/// What the inputs do not let be read, and what the sinks cannot write.
pub fn count<'d>(
    alignments: &mut MergedAlignments,
    sites: &mut SiteWindow,
    counting: &Counting,
    sinks: &mut [&'d mut dyn FragmentSink],
    records: Option<&mut (dyn VariantSink + 'd)>,
    progress: &mut dyn FnMut(u64),
) -> Result<Counted> {
    let contigs = alignments.contigs().len();
    let samples = alignments.files().len();
    let mut observer = Observer::new(counting.regions, counting.excluded, counting.filter.base_quality);
    let mut book = Book::new(sites, counting, sinks, records, (contigs, samples));
    let mut fragments = Fragments::default();
    let mut evidence = Evidence::default();
    let mut here: Option<(usize, i64)> = None;
    let mut next_step = 0;
    let mut read_so_far = 0u64;
    while let Some((sample, read)) = alignments.next_read()? {
        read_so_far += 1;
        if read_so_far % EVERY == 0 {
            progress(EVERY);
        }
        if !book.wanted(&read) {
            continue;
        }
        let contig = read.contig as usize;
        if here.is_none_or(|h| h.0 != contig) {
            book.leave(here.map(|h| h.0), contig, &mut fragments, &observer)?;
            next_step = 0;
        }
        here = Some((contig, read.position));
        if read.position >= next_step {
            next_step = read.position + STEP;
            for late in fragments.release((read.contig as u32, read.position)) {
                book.finish(&late, &observer)?;
            }
            book.pass(contig, read.position - FAR)?;
        }
        if !observer.read(&read, book.sites, &mut evidence)? {
            book.counted.summary.excluded += 1;
            continue;
        }
        book.fragment(&read, sample, &mut evidence, &mut fragments, &observer)?;
    }
    book.leave(here.map(|h| h.0), contigs, &mut fragments, &observer)?;
    book.counted.summary.alignments = read_so_far;
    progress(read_so_far % EVERY);
    Ok(book.counted)
}

/// The sites around the reads, and what has been counted.
struct Book<'a, 'b, 'c, 'd> {
    sites: &'a mut SiteWindow<'b>,
    counting: &'a Counting<'c>,
    sinks: &'a mut [&'d mut dyn FragmentSink],
    records: Option<&'a mut (dyn VariantSink + 'd)>,
    contigs: usize,
    samples: usize,
    /// For each record that is there, one a sample.
    tallies: VecDeque<VariantTally>,
    /// See [`Regions::reach`].
    reach: Vec<u64>,
    counted: Counted,
}

impl<'a, 'b, 'c, 'd> Book<'a, 'b, 'c, 'd> {
    fn new(
        sites: &'a mut SiteWindow<'b>,
        counting: &'a Counting<'c>,
        sinks: &'a mut [&'d mut dyn FragmentSink],
        records: Option<&'a mut (dyn VariantSink + 'd)>,
        (contigs, samples): (usize, usize),
    ) -> Self {
        let reach = counting.regions.map(Regions::reach).unwrap_or_default();
        let counted =
            Counted { summary: Summary::default(), variants: vec![0; counting.regions.map_or(0, |r| r.list.len())] };
        Self { sites, counting, sinks, records, contigs, samples, tallies: VecDeque::new(), reach, counted }
    }

    /// True for a read that counts; others are counted by reason.
    fn wanted(&mut self, read: &Alignment) -> bool {
        let summary = &mut self.counted.summary;
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

    /// Join a read to its fragment, and count the fragment if it is complete.
    fn fragment(
        &mut self,
        read: &Alignment,
        sample: usize,
        evidence: &mut Evidence,
        fragments: &mut Fragments,
        observer: &Observer,
    ) -> Result<()> {
        let other = fragments.take(read, sample);
        if other.is_none() && evidence.is_empty() && !self.counting.everything {
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
            end: observer.aligned().end(),
            flags: read.flags,
            strand: strand(read.flags),
            paired: false,
            group: tag(self.counting.group_by),
            umi: tag(self.counting.umi),
        };
        let mut complete = false;
        if let Some(found) = other {
            let waited = fragments.get(found);
            if found.is_mate {
                waited.join(&seen);
                complete = true;
            }
            self.finish(waited, observer)?;
            fragments.recycle(found);
        }
        if !complete && Fragments::awaits_mate(read) {
            let far = mate_position(read).is_none_or(|m| m.0 != read.contig as u32 || m.1 - read.position > FAR);
            if far {
                let quality = self.counting.filter.base_quality;
                let shown = seen.evidence.observed_support(self.sites, observer.costs(), quality);
                self.tally(&seen.evidence, sample, shown.class() == Class::Conflicting);
                seen.evidence.keep_sum(self.sites, observer.costs(), quality);
            }
            if let Some(before) = fragments.wait(read, &mut seen) {
                self.finish(fragments.get(before), observer)?;
                fragments.recycle(before);
            }
        } else if !complete {
            self.finish(&seen, observer)?;
        }
        // Its memory serves the next read.
        *evidence = seen.evidence;
        Ok(())
    }

    /// A fragment to which nothing is to come any more.
    fn finish(&mut self, seen: &FragmentEvidence, observer: &Observer) -> Result<()> {
        let shown = seen.evidence.observed_support(self.sites, observer.costs(), self.counting.filter.base_quality);
        let mut support = shown;
        support.join(&seen.evidence.summed);
        let class = support.class();
        if !seen.evidence.regions.is_empty() {
            self.counted.summary.in_regions.add(class);
        }
        if support.phased {
            self.counted.summary.at_variants.add(class);
        }
        self.tally(&seen.evidence, seen.sample, shown.class() == Class::Conflicting);
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

    /// Count what a fragment shows at each of its sites.
    fn tally(&mut self, evidence: &Evidence, sample: usize, conflicting: bool) {
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
                self.counted.summary.low_base_quality += 1;
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

    /// Go on from contig `from`, or the very beginning, to contig `to`.
    fn leave(&mut self, from: Option<usize>, to: usize, fragments: &mut Fragments, observer: &Observer) -> Result<()> {
        if let Some(from) = from {
            for late in fragments.release((from as u32 + 1, 0)) {
                self.finish(&late, observer)?;
            }
            self.pass(from, i64::MAX)?;
        }
        for contig in from.map_or(0, |f| f + 1)..to {
            self.sites.enter(contig)?;
            self.pass(contig, i64::MAX)?;
        }
        if to < self.contigs {
            return self.sites.enter(to);
        }
        // Mates said to lie on a contig that has no reads.
        for late in fragments.release((u32::MAX, i64::MAX)) {
            self.finish(&late, observer)?;
        }
        Ok(())
    }

    /// No read to come reaches back before `position` of the contig, and nothing waits that does.
    fn pass(&mut self, contig: usize, position: i64) -> Result<()> {
        loop {
            let to = self.sites.filled().saturating_add(STEP).clamp(STEP, position.max(STEP));
            self.sites.fill(to.min(position))?;
            self.note_differing(contig);
            self.sites.drop_before(position.min(self.sites.filled()));
            self.write_records(contig)?;
            if self.sites.filled() >= position {
                return Ok(());
            }
        }
    }

    /// Hand out the records whose counts are final.
    fn write_records(&mut self, contig: usize) -> Result<()> {
        let needed = self.sites.first_needed();
        let mut tallies = Vec::with_capacity(self.samples);
        while self.sites.records().start < needed {
            let Some((_, record)) = self.sites.take_record() else { break };
            tallies.clear();
            let there = self.tallies.len().min(self.samples);
            tallies.extend(self.tallies.drain(..there));
            tallies.resize(self.samples, VariantTally::default());
            if let (Some(sink), Some(record)) = (&mut self.records, record) {
                sink.add(contig, &record, &tallies)?;
            }
        }
        Ok(())
    }

    /// Count the variants that came up by the regions in which they change something.
    fn note_differing(&mut self, contig: usize) {
        let differing = self.sites.drain_differing();
        if differing.len() == 0 {
            return;
        }
        let blocks = self.counting.regions.map_or(&[][..], |r| &r.blocks);
        let (first, last) =
            (blocks.partition_point(|b| b.contig < contig), blocks.partition_point(|b| b.contig <= contig));
        let (blocks, reach) = (&blocks[first..last], &self.reach[first..last]);
        let mut touched: Vec<u32> = Vec::new();
        for spans in differing {
            touched.clear();
            for (start, end) in spans.into_iter().flatten() {
                // An insertion lies between two bases of the block.
                let inside = |b: &&Block| match start == end {
                    true => b.start < start && start < b.end,
                    false => start < b.end && b.start < end,
                };
                let from = reach.partition_point(|&r| r <= start);
                let near = blocks[from..].iter().take_while(|b| b.start < end.max(start + 1));
                touched.extend(near.filter(inside).map(|b| b.region));
            }
            touched.sort_unstable();
            touched.dedup();
            touched.iter().for_each(|&r| self.counted.variants[r as usize] += 1);
        }
    }
}

#[cfg(test)]
#[path = "counter_tests.rs"]
mod tests;
