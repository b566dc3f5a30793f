//! Stretches of the genome that can be looked at by themselves: the variants that reads of a given length may
//! share, with the reference around them, in bounded memory.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::genome::{Contigs, Reference, Variant, VariantStream};

/// Variants that one chunk answers for, at most; with those around them that its reads may cover as well.
const MOST: usize = 256;

/// Variants close to each other, and the reference around them.
pub(super) struct Chunk {
    /// Index in the contigs of the variants.
    pub contig: usize,
    /// Sorted by start.
    pub variants: Vec<Variant>,
    /// Those of `variants` that this chunk answers for; the others are there because reads cover both.
    pub own: Range<usize>,
    /// First base of `reference` on the contig, 0-based.
    pub start: u64,
    pub reference: Vec<u8>,
}

/// Cuts a stream of variants into chunks.
pub(super) struct Chunks<'a> {
    stream: &'a mut VariantStream,
    reference: Reference,
    contigs: Contigs,
    /// No two variants further apart than this share a read.
    reach: u64,
    /// [`MOST`], but in tests.
    pub most: usize,
    contig: Option<usize>,
    /// Index of the contig in the FASTA.
    theirs: usize,
    waiting: Vec<Variant>,
    /// The furthest end of those that wait.
    furthest: u64,
    /// Variants at the front of `waiting` that an earlier chunk answered for.
    context: usize,
    ended: bool,
}

impl<'a> Chunks<'a> {
    /// Of variants by `contigs`, for reads of `length`.
    pub fn new(stream: &'a mut VariantStream, reference: Reference, contigs: &Contigs, length: usize) -> Self {
        Self {
            stream,
            reference,
            contigs: contigs.clone(),
            reach: 2 * length as u64,
            most: MOST,
            contig: None,
            theirs: 0,
            waiting: Vec::new(),
            furthest: 0,
            context: 0,
            ended: true,
        }
    }

    /// The next chunk; None when all contigs are through.
    ///
    /// # Errors
    /// What is wrong with the variants or the FASTA.
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

    /// The first variant behind `split` that no read covers together with one before it.
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

    /// A chunk that answers for the variants up to `split`; what later ones need stays.
    fn cut(&mut self, split: usize) -> Result<Chunk> {
        let contig = self.contig.unwrap_or(0);
        let variants = self.waiting[..self.right_of(split)].to_vec();
        let own = self.context..split;
        let (first, last) = (variants.iter().map(|v| v.start).min(), variants.iter().map(Variant::end).max());
        let (first, last) = (first.unwrap_or(0), last.unwrap_or(0));
        let name = self.contigs.name(contig);
        self.theirs = self.reference.contigs().find(name).ok_or_else(|| {
            Error::input(
                self.reference.path(),
                format!("has no sequence \"{name}\" (it has {})", self.reference.contigs().summary()),
            )
        })?;
        let length = self.reference.contigs().length(self.theirs);
        let (start, end) = (first.saturating_sub(self.reach), last.saturating_add(self.reach).min(length));
        let reference = self.reference.fetch(self.theirs, start as i64, end as i64)?;
        // From the right: what lies before the first variant needed is dropped.
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
        Ok(Chunk { contig, variants, own, start, reference })
    }
}
