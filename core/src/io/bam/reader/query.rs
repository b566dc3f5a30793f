//! Reading only alignments that overlap given intervals, by the index or by reading everything.

use std::fmt::Display;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::bam::Alignments;
use crate::io::index_check::{CheckedIndex, NoIndex};
use crate::io::paths::c_path;
use crate::io::text_input::is_stdio;
use crate::io::Spans;

/// An index that cannot be loaded is an error of ours, not a line of htslib's.
const SILENT: i32 = htslib::HTS_IDX_SILENT_FAIL as i32;

impl Alignments {
    /// Read everything, but return only alignments that overlap `spans` (contigs as indices of the header).
    pub fn restrict_by_reading(&mut self, spans: &Spans) {
        self.spans = Some(spans.clone());
    }

    /// Read only alignments that overlap `spans` (contigs as indices of the header), by the index.
    ///
    /// # Errors
    /// There is no readable index, or the input is standard input.
    pub fn restrict_by_index(&mut self, spans: &Spans) -> Result<()> {
        if is_stdio(&self.path) {
            return Err(Error::input(&self.path, "standard input has no index; name a file to use -r or -R"));
        }
        let refused = |why: &dyn Display| {
            Error::input(&self.path, format!("{why}; make it with: samtools index {}", self.path.display()))
        };
        let checked = match self.is_cram() {
            true => CheckedIndex::of_cram(&self.path, self.contigs.len()),
            false => CheckedIndex::of_bam(&self.path, self.contigs.len()),
        };
        let checked = checked.map_err(|why| refused(&why))?;
        let name = c_path(&self.path)?;
        // SAFETY: file and names are valid; the result is checked.
        let index = unsafe { htslib::sam_index_load3(self.file, name.as_ptr(), checked.name().as_ptr(), SILENT) };
        if index.is_null() {
            return Err(refused(&NoIndex::Missing));
        }
        self.index = index;
        self.reach = checked.reach();
        self.spans = Some(spans.clone());
        Ok(())
    }

    /// Open the iterator of the next span; false when there is none left.
    pub(super) fn next_span(&mut self) -> Result<bool> {
        let (contig, start, end) = loop {
            match self.spans.as_ref().and_then(|s| s.list().get(self.span)) {
                None => return Ok(false),
                // No read begins there, and htslib would search for its bin without end.
                Some(&(_, start, _)) if start >= self.reach as u64 => self.span += 1,
                Some(&span) => break span,
            }
        };
        let (start, end) = (i64::try_from(start).unwrap_or(i64::MAX), i64::try_from(end).unwrap_or(i64::MAX));
        // SAFETY: the index is loaded; contig is an index of the header.
        self.iterator = unsafe { htslib::sam_itr_queryi(self.index, contig as i32, start, end) };
        if self.iterator.is_null() {
            return Err(self.wrong(format!("the index cannot find {}", self.contigs.name(contig))));
        }
        let only = self.spans.as_ref().is_some_and(|spans| spans.list().len() == 1);
        // With more spans it would have to seek again, which does not work with threads.
        if only && self.threads > 1 && self.read_sequentially()? {
            return Ok(true);
        }
        if self.is_cram() {
            self.start_threads()?;
        }
        Ok(true)
    }

    /// Seek once to where the iterator of the only span begins, and read sequentially from there with all threads. False
    /// if there is nothing to seek to, or the file is not a BAM.
    fn read_sequentially(&mut self) -> Result<bool> {
        // SAFETY: the iterator was just made, and has as many chunks as it says; the file says what it is.
        let found = unsafe {
            let iterator = &*self.iterator;
            let bam = (*self.file).is_bgzf() != 0 && (*self.file).format.format == htslib::htsExactFormat_bam;
            let plain = iterator.read_rest() == 0 && iterator.finished() == 0;
            (bam && plain && iterator.n_off > 0 && !iterator.off.is_null()).then(|| (*iterator.off).u)
        };
        let Some(place) = found else { return Ok(false) };
        // SAFETY: the file is BGZF and open for reading.
        if unsafe { htslib::bgzf_seek((*self.file).fp.bgzf, place as i64, libc::SEEK_SET) } < 0 {
            return Err(
                self.wrong("cannot be read at the offset given by its index; is the index older than the file?".into())
            );
        }
        self.straight = true;
        self.start_threads()?;
        Ok(true)
    }

    /// True if the current alignment, already checked with [`Alignments::in_spans`], is after the last span.
    pub(super) fn after_spans(&self) -> bool {
        // SAFETY: the record was just read.
        let contig = unsafe { (*self.record).core.tid };
        contig < 0 || self.spans.as_ref().is_none_or(|spans| self.span >= spans.list().len())
    }

    /// True if the current alignment overlaps a span; alignments come in order.
    pub(super) fn in_spans(&mut self) -> bool {
        let Some(spans) = &self.spans else { return true };
        // SAFETY: the record was just read.
        let (contig, position, end) =
            unsafe { ((*self.record).core.tid, (*self.record).core.pos, htslib::bam_endpos(self.record)) };
        let passed = |s: &(usize, u64, u64)| (s.0 as i64, s.2 as i64) <= (contig as i64, position);
        // Unplaced reads come last.
        while contig >= 0 && spans.list().get(self.span).is_some_and(passed) {
            self.span += 1;
        }
        spans.list().get(self.span).is_some_and(|s| s.0 as i64 == contig as i64 && (s.1 as i64) < end)
    }

    /// True if the current alignment overlaps the span before this one and has been returned already.
    pub(super) fn in_earlier_span(&self) -> bool {
        let Some(spans) = &self.spans else { return false };
        let earlier = self.span.checked_sub(1).and_then(|i| spans.list().get(i));
        // SAFETY: the record was just read.
        let (contig, position) = unsafe { ((*self.record).core.tid, (*self.record).core.pos) };
        earlier.is_some_and(|&(c, _, end)| c as i32 == contig && position < end as i64)
    }
}
