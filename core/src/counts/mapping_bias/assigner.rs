//! Assigns simulated reads with the code that counts real ones.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::rc::Rc;

use crate::assignment::{Class, Evidence, Filter, Observer, SiteWindow, VariantSource};
use crate::counts::mapping_bias::chunks::Chunk;
use crate::counts::mapping_bias::expected_alignment::ExpectedAlignment;
use crate::error::Result;
use crate::genome::Variant;
use crate::io::bam::Alignment;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Base quality of the reads, or the least that counts if that is higher.
const QUALITY: u8 = 40;

/// A source of the variants of the current chunk.
#[derive(Clone, Default)]
pub(super) struct ChunkVariants(Rc<RefCell<VecDeque<Variant>>>);

impl VariantSource for ChunkVariants {
    fn enter(&mut self, _contig: usize) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Variant>> {
        Ok(self.0.borrow_mut().pop_front())
    }
}

/// Assigns simulated reads, chunk by chunk.
pub(super) struct Assigner<'a> {
    queue: ChunkVariants,
    sites: SiteWindow<'a>,
    observer: Observer<'static>,
    evidence: Evidence,
    quality: u8,
    packed: Vec<u8>,
    qualities: Vec<u8>,
}

impl<'a> Assigner<'a> {
    /// `queue` is a clone of `source`, by which the variants of a chunk are handed to it.
    ///
    /// # Errors
    /// A FASTA that cannot be opened.
    pub fn new(
        source: &'a mut ChunkVariants,
        queue: ChunkVariants,
        fasta: &Path,
        contigs: &Contigs,
        filter: &Filter,
    ) -> Result<Self> {
        Ok(Self {
            queue,
            sites: SiteWindow::new(source, Some(Reference::open(fasta)?), contigs),
            observer: Observer::new(None, None, filter.base_quality),
            evidence: Evidence::default(),
            quality: filter.base_quality,
            packed: Vec::new(),
            qualities: Vec::new(),
        })
    }

    /// Move to a chunk.
    ///
    /// # Errors
    /// When the FASTA cannot be read.
    pub fn enter(&mut self, chunk: &Chunk) -> Result<()> {
        self.sites.drop_before(i64::MAX);
        while self.sites.take_record().is_some() {}
        *self.queue.0.borrow_mut() = chunk.variants.iter().cloned().collect();
        self.sites.enter(chunk.contig)
    }

    /// The class of a read with `bases`, aligned as `alignment`. Reads of a chunk must be in order of position.
    ///
    /// # Errors
    /// When the FASTA cannot be read.
    pub fn class(&mut self, contig: usize, alignment: &ExpectedAlignment, bases: &[u8]) -> Result<Class> {
        self.packed.clear();
        let pack = |pair: &[u8]| code(pair[0]) << 4 | pair.get(1).map_or(0, |b| code(*b));
        self.packed.extend(bases.chunks(2).map(pack));
        self.qualities.resize(bases.len(), self.quality.max(QUALITY));
        let mut read = Alignment::made(&self.packed, &alignment.cigar, &self.qualities, alignment.position as i64);
        read.contig = contig as i32;
        self.observer.read(&read, &mut self.sites, &mut self.evidence)?;
        Ok(self.evidence.support(&self.sites, self.observer.costs(), self.quality).class())
    }
}

/// The four-bit code of a base in BAM.
fn code(base: u8) -> u8 {
    match base {
        b'A' => 1,
        b'C' => 2,
        b'G' => 4,
        b'T' => 8,
        _ => 15,
    }
}
