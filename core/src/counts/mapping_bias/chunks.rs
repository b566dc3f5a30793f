//! Parts of the genome that can be simulated independently, in bounded memory: the variants that reads of a given length
//! can cover together, with the reference around them.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::genome::{Variant, VariantStream};
use crate::io::fasta::Reference;
use crate::io::{Contigs, Spans};

/// Most variants that one chunk reports; it also holds those nearby that its reads can cover.
const MOST: usize = 256;

/// Variants up to this many bases beyond a read's length can affect how a site is scored: adjacent insertions and
/// deletions are realigned together.
const CONTEXT: u64 = 1024;

/// Variants further than this from all requested spans are ignored.
const MAX_DISTANCE: u64 = 20_000;

/// Variants close to each other, and the reference around them.
pub(super) struct Chunk {
    /// Index in the contigs of the variants.
    pub contig: usize,
    /// Index in the FASTA.
    pub fasta_contig: usize,
    /// Sorted by start.
    pub variants: Vec<Variant>,
    /// Those of `variants` that this chunk reports; its reads can cover the others too.
    pub own: Range<usize>,
    /// Which of `variants` are sites: the haplotypes differ, and they overlap the requested spans.
    pub sites: Vec<bool>,
    /// First base of `reference` on the contig, 0-based.
    pub start: u64,
    pub reference: Vec<u8>,
}

/// Cuts a stream of variants into chunks.
pub(super) struct Chunks<'a> {
    stream: &'a mut VariantStream,
    reference: Reference,
    contigs: Contigs,
    /// Spans that sites must overlap.
    within: Option<Spans>,
    /// Bases of the reference needed on either side.
    window: u64,
    /// Variants further apart than this are independent.
    reach: u64,
    /// [`MOST`], or less in tests.
    pub most: usize,
    contig: Option<usize>,
    waiting: Vec<Variant>,
    /// The furthest end of those waiting.
    furthest: u64,
    /// Variants at the front of `waiting` that an earlier chunk reported.
    context: usize,
    ended: bool,
}

impl<'a> Chunks<'a> {
    /// Chunks of the variants of `stream`, which are by `contigs`, for reads of `length` bases.
    pub fn new(
        stream: &'a mut VariantStream,
        reference: Reference,
        contigs: &Contigs,
        within: Option<&Spans>,
        length: usize,
    ) -> Self {
        Self {
            stream,
            reference,
            contigs: contigs.clone(),
            within: within.cloned(),
            window: 2 * length as u64,
            reach: 2 * length as u64 + CONTEXT,
            most: MOST,
            contig: None,
            waiting: Vec::new(),
            furthest: 0,
            context: 0,
            ended: true,
        }
    }

    /// The next chunk; None after the last contig.
    ///
    /// # Errors
    /// Variants or a FASTA that cannot be read.
    pub fn next(&mut self) -> Result<Option<Chunk>> {
        loop {
            if self.ended {
                if self.context < self.waiting.len() {
                    return self.cut(self.waiting.len()).map(Some);
                }
                self.waiting.clear();
                (self.context, self.furthest) = (0, 0);
                let contig = self.contig.map_or(0, |c| c + 1);
                if contig >= self.contigs.len() {
                    return Ok(None);
                }
                self.contig = Some(contig);
                self.stream.enter(contig)?;
                self.ended = false;
            }
            match self.stream.next()? {
                None => self.ended = true,
                // Unphased, or not applied to either haplotype.
                Some(variant) if variant.edit(1).is_none() && variant.edit(2).is_none() => {}
                Some(variant) if self.is_distant(&variant) => {}
                Some(variant) => {
                    let apart = !self.waiting.is_empty() && variant.start >= self.furthest + self.reach;
                    let chunk = match apart && self.context < self.waiting.len() {
                        true => Some(self.cut(self.waiting.len())?),
                        false => None,
                    };
                    if apart {
                        self.waiting.clear();
                        (self.context, self.furthest) = (0, 0);
                    }
                    self.furthest = self.furthest.max(variant.end());
                    self.waiting.push(variant);
                    if chunk.is_some() {
                        return Ok(chunk);
                    }
                }
            }
            let split = self.context + self.most;
            if self.waiting.len() > split && self.right_of(split) < self.waiting.len() {
                return self.cut(split).map(Some);
            }
        }
    }

    /// True for a variant too far from the requested spans to affect a site.
    fn is_distant(&self, variant: &Variant) -> bool {
        let (start, end) = (variant.start.saturating_sub(MAX_DISTANCE), variant.end().saturating_add(MAX_DISTANCE));
        self.within.as_ref().is_some_and(|w| !w.overlap(self.contig.unwrap_or(0), start, end))
    }

    /// The first variant from `split` on that no read covers together with one before it.
    fn right_of(&self, split: usize) -> usize {
        let end = self.waiting[..split].iter().map(Variant::end).max().unwrap_or(0);
        let mut reach = end + self.reach;
        let mut i = split;
        while i < self.waiting.len() && self.waiting[i].start < reach {
            // Deleted bases bring further ones into reach.
            reach += self.waiting[i].end() - self.waiting[i].start;
            i += 1;
        }
        i
    }

    /// A chunk that reports the variants up to `split`; those that later chunks need stay.
    fn cut(&mut self, split: usize) -> Result<Chunk> {
        let contig = self.contig.unwrap_or(0);
        let variants = self.waiting[..self.right_of(split)].to_vec();
        let own = self.context..split;
        let reach = |list: &[Variant]| self.window + list.iter().map(|v| v.end() - v.start).sum::<u64>();
        let first = variants[own.start].start.saturating_sub(reach(&variants[..own.start]));
        let last = variants[own.clone()].iter().map(Variant::end).max().unwrap_or(0);
        let last = last.saturating_add(reach(&variants[own.end..]));
        let name = self.contigs.name(contig);
        let fasta_contig = self.reference.contigs().find(name).ok_or_else(|| {
            Error::input(
                self.reference.path(),
                format!("has no sequence \"{name}\" (it has {})", self.reference.contigs().summary()),
            )
        })?;
        let length = self.reference.contigs().length(fasta_contig);
        let (start, end) = (first, last.min(length).max(first));
        let reference = self.reference.fetch(fasta_contig, start as i64, end as i64)?;
        // From the right: variants before the first one needed are dropped.
        let mut keep = split;
        if let Some(next) = self.waiting.get(split) {
            let mut reach = self.reach;
            for (i, v) in self.waiting[..split].iter().enumerate().rev() {
                reach += v.end() - v.start;
                if v.end() + reach > next.start {
                    keep = i;
                }
            }
        }
        self.waiting.drain(..keep);
        self.context = split - keep;
        let within = |v: &Variant| self.within.as_ref().is_none_or(|w| w.overlap(contig, v.start, v.end()));
        let sites = variants.iter().map(|v| v.differs() && within(v)).collect();
        Ok(Chunk { contig, fasta_contig, variants, own, sites, start, reference })
    }
}
