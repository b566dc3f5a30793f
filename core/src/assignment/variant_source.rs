//! Where sites take their variants from: a stream, or a list in memory.

use crate::error::Result;
use crate::genome::{Variant, VariantStream, Variants};

/// The variants of each contig, sorted by start.
pub trait VariantSource {
    /// Go to a contig. Indices only increase.
    ///
    /// # Errors
    /// Variants that cannot be read.
    fn enter(&mut self, contig: usize) -> Result<()>;

    /// The next variant of the contig.
    ///
    /// # Errors
    /// Variants that cannot be read.
    fn next(&mut self) -> Result<Option<Variant>>;
}

impl VariantSource for VariantStream {
    fn enter(&mut self, contig: usize) -> Result<()> {
        VariantStream::enter(self, contig)
    }

    fn next(&mut self) -> Result<Option<Variant>> {
        VariantStream::next(self)
    }
}

/// Variants in memory as a source.
pub struct ListSource<'a> {
    variants: &'a Variants,
    contig: usize,
    next: usize,
}

impl<'a> ListSource<'a> {
    /// Starts at the first contig.
    pub fn new(variants: &'a Variants) -> Self {
        Self { variants, contig: 0, next: 0 }
    }
}

impl VariantSource for ListSource<'_> {
    fn enter(&mut self, contig: usize) -> Result<()> {
        (self.contig, self.next) = (contig, 0);
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Variant>> {
        let found = self.variants.of(self.contig).get(self.next).cloned();
        self.next += 1;
        Ok(found)
    }
}
