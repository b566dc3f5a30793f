//! Assigns made-up reads by the code that counts real ones.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;

use crate::assignment::{Class, Evidence, Filter, Observer, SiteWindow, VariantSource};
use crate::counts::mapping_bias::chunks::Chunk;
use crate::counts::mapping_bias::expected_alignment::Placed;
use crate::error::Result;
use crate::genome::Variant;
use crate::io::bam::Alignment;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Base quality of the reads, unless more is asked for.
const QUALITY: u8 = 40;

/// The variants of one chunk after the other as a source.
#[derive(Clone, Default)]
pub(super) struct OneChunk(Rc<RefCell<VecDeque<Variant>>>);

impl VariantSource for OneChunk {
    fn enter(&mut self, _contig: usize) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Variant>> {
        Ok(self.0.borrow_mut().pop_front())
    }
}

/// Assigns the reads of one chunk after the other.
pub(super) struct Judge<'a> {
    waiting: OneChunk,
    sites: SiteWindow<'a>,
    observer: Observer<'static>,
    evidence: Evidence,
    quality: u8,
    packed: Vec<u8>,
    qualities: Vec<u8>,
}

impl<'a> Judge<'a> {
    /// `waiting` is a clone of `source`.
    ///
    /// # Errors
    /// A FASTA that cannot be opened.
    pub fn new(
        source: &'a mut OneChunk,
        waiting: OneChunk,
        fasta: &Path,
        contigs: &Contigs,
        filter: &Filter,
    ) -> Result<Self> {
        Ok(Self {
            waiting,
            sites: SiteWindow::new(source, Some(Reference::open(fasta)?), contigs),
            observer: Observer::new(None, None, filter.base_quality),
            evidence: Evidence::default(),
            quality: filter.base_quality,
            packed: Vec::new(),
            qualities: Vec::new(),
        })
    }

    /// Go to a chunk.
    ///
    /// # Errors
    /// When the FASTA cannot be read.
    pub fn enter(&mut self, chunk: &Chunk) -> Result<()> {
        self.sites.drop_before(i64::MAX);
        while self.sites.take_record().is_some() {}
        *self.waiting.0.borrow_mut() = chunk.variants.iter().cloned().collect();
        self.sites.enter(chunk.contig)
    }

    /// The class of a read with `bases`; reads of a chunk come in order of position.
    ///
    /// # Errors
    /// When the FASTA cannot be read.
    pub fn class(&mut self, contig: usize, placed: &Placed, bases: &[u8]) -> Result<Class> {
        self.packed.clear();
        let two = |two: &[u8]| code(two[0]) << 4 | two.get(1).map_or(0, |b| code(*b));
        self.packed.extend(bases.chunks(2).map(two));
        self.qualities.resize(bases.len(), self.quality.max(QUALITY));
        let mut read = Alignment::made(&self.packed, &placed.cigar, &self.qualities, placed.position as i64);
        read.contig = contig as i32;
        self.observer.read(&read, &mut self.sites, &mut self.evidence)?;
        Ok(self.evidence.support(&self.sites, self.observer.costs(), self.quality).class())
    }
}

/// A base in BAM's four bits.
fn code(base: u8) -> u8 {
    match base {
        b'A' => 1,
        b'C' => 2,
        b'G' => 4,
        b'T' => 8,
        _ => 15,
    }
}
