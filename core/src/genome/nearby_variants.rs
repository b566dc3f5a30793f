//! The variants around one place after the other, of a stream that is read once.

use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::genome::VariantStream;
use crate::io::Contigs;

/// A window that moves along a [`VariantStream`]: what lies too far behind is dropped, so that memory depends on how
/// densely variants lie and not on how many there are.
pub struct NearbyVariants {
    stream: VariantStream,
    /// Contigs in the order of the stream.
    contigs: Contigs,
    contig: Option<usize>,
    held: VecDeque<Variant>,
    /// End of the furthest variant dropped, 0-based exclusive.
    dropped: u64,
    /// Bases kept behind the place asked for.
    behind: u64,
    /// The stream has nothing more on this contig.
    ended: bool,
}

impl NearbyVariants {
    /// Of `stream`, which was opened for `contigs`. Places are asked for contig by contig in that order, and on a
    /// contig no place begins more than `behind` bases before an earlier one.
    pub fn new(stream: VariantStream, contigs: Contigs, behind: u64) -> Self {
        Self { stream, contigs, contig: None, held: VecDeque::new(), dropped: 0, behind, ended: true }
    }

    /// The variants around `start..end` of the contig of this name (0-based half-open), in order of start, and as many
    /// beside it as its deletions may draw in: all whose REF touches the span widened by what they delete together, at most `behind` bases to the left.
    ///
    /// # Errors
    /// As [`VariantStream::next`]; a place that begins too far before an earlier one.
    pub fn around(&mut self, contig: &str, start: u64, end: u64) -> Result<Vec<Variant>> {
        let Some(number) = self.contigs.find(contig) else { return Ok(Vec::new()) };
        if self.contig != Some(number) {
            self.stream.enter(number)?;
            (self.contig, self.dropped, self.ended) = (Some(number), 0, false);
            self.held.clear();
        }
        if start < self.dropped {
            return Err(Error::mismatch(format!(
                "comes too far behind a later place of {contig}; sort the file with: bcftools sort"
            )));
        }
        let keep = start.saturating_sub(self.behind);
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

    /// Read what is left; what became of the records.
    ///
    /// # Errors
    /// As [`VariantStream::finish`].
    pub fn finish(&mut self) -> Result<VariantReport> {
        self.stream.finish()
    }
}
