//! The reading side of a [`VariantStream`](crate::genome::VariantStream), which runs in a thread.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use crate::error::{Error, Result};
use crate::genome::assembly_check::reference_contig;
use crate::genome::overlapping_records::OverlapFilter;
use crate::genome::record_reader::{RecordReader, Step};
use crate::genome::record_status::{write_variant, Skipped};
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Variants in a chunk.
const CHUNK: usize = 1024;
/// Bytes of the per-record report sent at a time.
const STATUS_BYTES: usize = 1 << 16;

/// What to do about records out of order, for messages.
pub(super) const SORT: &str = "sort the file with: bcftools sort";

/// What is sent to the stream, in the order of the file.
pub(super) enum Message {
    /// Lines of the per-record report.
    RecordStatus(Vec<u8>),
    /// Variants of one contig.
    Chunk(usize, Vec<Variant>),
    /// The end of the file.
    Done(Box<VariantReport>),
    Failed(Error),
}

/// Reads a VCF and sends its variants, in chunks, and the lines of the per-record report.
pub(super) struct Producer {
    path: PathBuf,
    contigs: Contigs,
    records: RecordReader,
    reference: Option<Reference>,
    to: SyncSender<Message>,
    overlaps: OverlapFilter,
    chunk: Vec<Variant>,
    /// Report lines, to be sent when so many variants have been returned by `overlaps`.
    waiting_lines: VecDeque<(u64, Vec<u8>)>,
    lines: Vec<u8>,
}

impl Producer {
    pub fn new(
        vcf: &Path,
        contigs: &Contigs,
        records: RecordReader,
        reference: Option<Reference>,
        to: SyncSender<Message>,
    ) -> Self {
        Self {
            path: vcf.to_path_buf(),
            contigs: contigs.clone(),
            records,
            reference,
            to,
            overlaps: OverlapFilter::default(),
            chunk: Vec::with_capacity(CHUNK),
            waiting_lines: VecDeque::new(),
            lines: Vec::new(),
        }
    }

    pub fn run(&mut self) {
        let last = match self.read() {
            Ok(true) => Message::Done(Box::new(std::mem::take(&mut self.records.report))),
            Ok(false) => return,
            Err(error) => Message::Failed(error),
        };
        // Fails only when the receiver is gone.
        let _ = self.to.send(last);
    }

    /// Read to the end; false when the receiver is gone.
    fn read(&mut self) -> Result<bool> {
        let mut finished = vec![false; self.contigs.len()];
        let (mut at, mut last, mut theirs) = (None, 0, 0);
        loop {
            let (contig, variant) = match self.records.step()? {
                Step::Variant(contig, variant) => (contig, variant),
                Step::Nothing => {
                    if !self.queue_lines(STATUS_BYTES) {
                        return Ok(false);
                    }
                    continue;
                }
                Step::End => break,
            };
            if at != Some(contig) {
                if let Some(before) = at {
                    finished[before] = true;
                    if !self.close(before) {
                        return Ok(false);
                    }
                }
                if finished[contig] {
                    return Err(self.out_of_order(contig, variant.start, "after another contig's"));
                }
                if let Some(reference) = &self.reference {
                    theirs = reference_contig(reference, &self.contigs, contig)?;
                }
                (at, last) = (Some(contig), 0);
            }
            if variant.start < last {
                return Err(self.out_of_order(contig, variant.start, &format!("after position {}", last + 1)));
            }
            last = variant.start;
            if let Some(reference) = &mut self.reference {
                let (name, report) = (self.contigs.name(contig), &mut self.records.report);
                let assembly = &mut report.assembly;
                let agrees = assembly.agrees(reference, theirs, name, variant.start, &variant.alleles[0]);
                if !agrees.map_err(|e| e.in_file(&self.path))? {
                    assembly.verdict(reference.path(), false).map_err(|e| e.in_file(&self.path))?;
                    if let Some(lines) = &mut self.records.record_status {
                        write_variant(lines, self.contigs.name(contig), &variant, Some(Skipped::ReferenceMismatch));
                    }
                    continue;
                }
            }
            self.records.report.used += 1;
            if !self.queue_lines(1) {
                return Ok(false);
            }
            self.overlaps.add(variant);
            if !self.send_variants(contig, CHUNK) {
                return Ok(false);
            }
        }
        if let Some(reference) = &self.reference {
            let assembly = &self.records.report.assembly;
            assembly.verdict(reference.path(), true).map_err(|e| e.in_file(&self.path))?;
        }
        if at.is_some_and(|contig| !self.close(contig)) {
            return Ok(false);
        }
        Ok(self.queue_lines(1) && self.send_lines())
    }

    /// Collect the variants whose overlaps have been decided, and send them once there are `enough`; false when the
    /// receiver is gone.
    fn send_variants(&mut self, contig: usize, enough: usize) -> bool {
        self.release_lines();
        while let Some(variant) = self.overlaps.next() {
            if self.records.record_status.is_some() {
                write_variant(&mut self.lines, self.contigs.name(contig), &variant, None);
                self.release_lines();
            }
            self.records.report.overlapping += (variant.overlaps != [false; 2]) as u64;
            self.chunk.push(variant);
        }
        if self.lines.len() >= STATUS_BYTES && !self.send_lines() {
            return false;
        }
        if self.chunk.len() < enough {
            return true;
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.to.send(Message::Chunk(contig, chunk)).is_ok()
    }

    /// Queue the report lines of the records read last after the variants before them, once there are `enough` bytes;
    /// false when the receiver is gone.
    fn queue_lines(&mut self, enough: usize) -> bool {
        if let Some(lines) = self.records.record_status.as_mut().filter(|lines| lines.len() >= enough) {
            self.waiting_lines.push_back((self.overlaps.added(), std::mem::take(lines)));
            self.release_lines();
        }
        self.lines.len() < STATUS_BYTES || self.send_lines()
    }

    /// Take over the queued lines whose turn has come.
    fn release_lines(&mut self) {
        while self.waiting_lines.front().is_some_and(|(turn, _)| *turn <= self.overlaps.returned()) {
            if let Some((_, lines)) = self.waiting_lines.pop_front() {
                self.lines.extend_from_slice(&lines);
            }
        }
    }

    /// Send the report lines; false when the receiver is gone.
    fn send_lines(&mut self) -> bool {
        let lines = std::mem::take(&mut self.lines);
        lines.is_empty() || self.to.send(Message::RecordStatus(lines)).is_ok()
    }

    /// End a contig; false when the receiver is gone.
    fn close(&mut self, contig: usize) -> bool {
        self.overlaps.close();
        let received = self.send_variants(contig, 1);
        self.overlaps = OverlapFilter::default();
        received
    }

    fn out_of_order(&self, contig: usize, start: u64, how: &str) -> Error {
        let (name, number) = (self.contigs.name(contig), self.records.number());
        Error::input(&self.path, format!("record {number} ({name}:{}) comes {how}; {SORT}", start + 1))
    }
}
