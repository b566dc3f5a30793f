//! The variants around successive positions, from a stream that is read once.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::genome::VariantStream;
use crate::io::Contigs;

/// A window that moves along a [`VariantStream`]. Variants too far to the left are dropped, so that memory depends on
/// the density of variants and not on their number.
pub struct NearbyVariants {
    stream: VariantStream,
    /// Contigs in the order of the stream.
    contigs: Contigs,
    contig: Option<usize>,
    held: VecDeque<Variant>,
    /// End of the furthest variant dropped, 0-based exclusive.
    dropped: u64,
    /// Bases kept to the left of a query.
    kept: u64,
    /// The stream has nothing more on this contig.
    ended: bool,
}

impl NearbyVariants {
    /// Of `stream`, which was opened for `contigs`. Queries come contig by contig in that order, and on a contig none
    /// begins more than `kept` bases before an earlier one.
    pub fn new(stream: VariantStream, contigs: Contigs, kept: u64) -> Self {
        Self { stream, contigs, contig: None, held: VecDeque::new(), dropped: 0, kept, ended: true }
    }

    /// The variants around `start..end` (0-based half-open) of the contig of this name, in order of start: all whose REF
    /// overlaps the interval widened on both sides by the number of bases that they delete together, at most `kept` bases
    /// to the left.
    ///
    /// # Errors
    /// As [`VariantStream::next`]; a query that begins too far before an earlier one.
    pub fn around(&mut self, contig: &str, start: u64, end: u64) -> Result<Vec<Variant>> {
        let Some(number) = self.contigs.find(contig) else { return Ok(Vec::new()) };
        if self.contig != Some(number) {
            self.stream.enter(number)?;
            (self.contig, self.dropped, self.ended) = (Some(number), 0, false);
            self.held.clear();
        }
        if start < self.dropped {
            return Err(Error::mismatch(format!(
                "comes too far after a later position of {contig}; sort the file with: bcftools sort"
            )));
        }
        let keep = start.saturating_sub(self.kept);
        while let Some(first) = self.held.front().filter(|v| v.end() <= keep) {
            self.dropped = self.dropped.max(first.end());
            self.held.pop_front();
        }
        let mut margin = 0u64;
        loop {
            let (from, to) = (start.saturating_sub(margin), end.saturating_add(margin));
            self.read_to(to)?;
            let near = self.held.iter().take_while(|v| v.start < to).filter(|v| v.end() > from);
            let deleted: u64 = near.clone().map(|v| v.end() - v.start).sum();
            if deleted <= margin {
                return Ok(near.cloned().collect());
            }
            margin = deleted;
        }
    }

    fn read_to(&mut self, to: u64) -> Result<()> {
        while !self.ended && self.held.back().is_none_or(|v| v.start < to) {
            match self.stream.next()? {
                Some(variant) => self.held.push_back(variant),
                None => self.ended = true,
            }
        }
        Ok(())
    }

    /// Read to the end; counts of used and skipped records.
    ///
    /// # Errors
    /// As [`VariantStream::finish`].
    pub fn finish(&mut self) -> Result<VariantReport> {
        self.stream.finish()
    }
}
