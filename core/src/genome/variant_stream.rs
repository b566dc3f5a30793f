//! The variants of two haplotypes as a stream: a mouse cross has 20 million of them.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::thread;

use crate::error::{Error, Result};
use crate::genome::overlapping_records::Settler;
use crate::genome::record_reader::{fits_reference, judge_reference, reference_contig, RecordReader, Step};
use crate::genome::record_status::{write_variant, Skipped};
use crate::genome::HaplotypeSource;
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Variants handed over at a time.
const CHUNK: usize = 1024;
/// Chunks read ahead.
const AHEAD: usize = 8;
/// Bytes of the table of fates handed over at a time.
const LINES: usize = 1 << 16;
/// Variants of later contigs that are kept while the file may still hold the one asked for, before the order
/// of its header is believed.
const PATIENCE: usize = 1_000_000;
/// Records compared with the FASTA before a wrong assembly stops the run.
const SAMPLE: u64 = 1000;

/// The variants of two haplotypes, contig by contig, in constant memory while the contigs of the VCF come in
/// the order in which they are asked for. A thread of its own reads ahead.
pub struct VariantStream {
    path: PathBuf,
    contigs: Contigs,
    /// None at the end of the file.
    from: Option<Receiver<Message>>,
    /// By contig: its number in the header of the VCF.
    numbers: Vec<Option<usize>>,
    states: Vec<State>,
    /// The contig asked for.
    current: Option<usize>,
    /// The contig of the last chunk received, which may go on.
    growing: Option<usize>,
    chunk: std::vec::IntoIter<Variant>,
    /// Chunks of contigs still to be asked for.
    parked: BTreeMap<usize, VecDeque<Vec<Variant>>>,
    n_parked: usize,
    fates: Vec<u8>,
    report: VariantReport,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    Seen,
    /// Taken for absent, because contigs behind it in the header came.
    GivenUp,
}

enum Message {
    /// Lines about records, in the order of the file.
    Fates(Vec<u8>),
    Chunk(usize, Vec<Variant>),
    Done(Box<VariantReport>),
    Failed(Error),
}

impl VariantStream {
    /// Open `vcf` (VCF or BCF, contig by contig and sorted by position; `-`: standard input) for what two
    /// haplotypes carry on `contigs`. With `reference`, REF is compared record by record: those that differ are
    /// dropped and counted.
    ///
    /// # Errors
    /// An unreadable file, a sample it does not have. Everything else is found while it is read.
    pub fn open(
        vcf: &Path,
        contigs: &Contigs,
        hap1: &HaplotypeSource,
        hap2: &HaplotypeSource,
        reference: Option<Reference>,
    ) -> Result<Self> {
        Self::start(vcf, contigs, None, hap1, hap2, reference, false)
    }

    /// As [`VariantStream::open`], for contigs of which only those in `wanted` will be entered: where the VCF has an
    /// index, no others are read.
    ///
    /// # Errors
    /// As [`VariantStream::open`].
    pub fn open_on(
        vcf: &Path,
        contigs: &Contigs,
        wanted: &[usize],
        hap1: &HaplotypeSource,
        hap2: &HaplotypeSource,
        reference: Option<Reference>,
    ) -> Result<Self> {
        Self::start(vcf, contigs, Some(wanted), hap1, hap2, reference, false)
    }

    /// As [`VariantStream::open`], and tell what becomes of each record on each haplotype: take the lines with
    /// [`VariantStream::take_fates`].
    ///
    /// # Errors
    /// As [`VariantStream::open`].
    pub fn open_with_fates(
        vcf: &Path,
        contigs: &Contigs,
        hap1: &HaplotypeSource,
        hap2: &HaplotypeSource,
        reference: Option<Reference>,
    ) -> Result<Self> {
        Self::start(vcf, contigs, None, hap1, hap2, reference, true)
    }

    fn start(
        vcf: &Path,
        contigs: &Contigs,
        wanted: Option<&[usize]>,
        hap1: &HaplotypeSource,
        hap2: &HaplotypeSource,
        reference: Option<Reference>,
        fates: bool,
    ) -> Result<Self> {
        let mut records = RecordReader::open(vcf, contigs, hap1, hap2)?;
        records.fates = fates.then(Vec::new);
        if let Some(wanted) = wanted {
            records.only(wanted);
        }
        let mut numbers = vec![None; contigs.len()];
        for (number, name) in records.header_contigs().iter().enumerate() {
            if let Some(contig) = contigs.find(name) {
                numbers[contig] = Some(number);
            }
        }
        let (to, from) = sync_channel(AHEAD);
        let mut producer = Producer::new(vcf, contigs, records, reference, to);
        thread::Builder::new().name("variants".into()).spawn(move || producer.run()).map_err(|e| Error::io(vcf, e))?;
        Ok(Self {
            path: vcf.to_path_buf(),
            contigs: contigs.clone(),
            from: Some(from),
            numbers,
            states: vec![State::Unseen; contigs.len()],
            current: None,
            growing: None,
            chunk: Vec::new().into_iter(),
            parked: BTreeMap::new(),
            n_parked: 0,
            fates: Vec::new(),
            report: VariantReport::default(),
        })
    }

    /// Go to contig `contig` (an index of the contigs given to [`VariantStream::open`]). Contigs are entered in
    /// ascending order; what lies on those left out is counted in the report and dropped.
    ///
    /// # Errors
    /// A contig that was entered or passed by before.
    pub fn enter(&mut self, contig: usize) -> Result<()> {
        match self.current {
            Some(current) if contig == current => return Ok(()),
            Some(current) if contig < current => {
                let (name, last) = (self.contigs.name(contig), self.contigs.name(current));
                return Err(Error::mismatch(format!("the variants of {name} were asked for after those of {last}")));
            }
            _ => {}
        }
        self.current = Some(contig);
        self.chunk = Vec::new().into_iter();
        while let Some(passed) = self.parked.first_entry().filter(|e| *e.key() < contig) {
            self.n_parked -= passed.remove().iter().map(Vec::len).sum::<usize>();
        }
        Ok(())
    }

    /// The next variant of the contig entered, in order of start, overlaps settled; None at its end, and before
    /// a contig is entered.
    ///
    /// # Errors
    /// A broken or cut file, records out of order, a position past the end of its contig, more than 1 % of REF
    /// unlike the FASTA.
    // Not an iterator: it can fail, and it goes on with another contig.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Variant>> {
        let Some(current) = self.current.filter(|&contig| contig < self.contigs.len()) else { return Ok(None) };
        loop {
            if let Some(variant) = self.chunk.next() {
                return Ok(Some(variant));
            }
            if let Some(chunk) = self.parked.get_mut(&current).and_then(VecDeque::pop_front) {
                self.n_parked -= chunk.len();
                self.chunk = chunk.into_iter();
                continue;
            }
            let over = self.states[current] == State::Seen && self.growing != Some(current);
            if over || self.give_up(current) || !self.receive()? {
                return Ok(None);
            }
        }
    }

    /// True when so many variants of later contigs came that `contig` is taken for absent: otherwise all of a
    /// large file would be kept for a small contig that it does not have.
    fn give_up(&mut self, contig: usize) -> bool {
        if self.states[contig] == State::Unseen && self.n_parked >= PATIENCE {
            let behind = match (self.numbers[contig], self.growing.and_then(|g| self.numbers[g])) {
                (Some(asked), Some(at)) => at > asked,
                _ => true,
            };
            if behind {
                self.states[contig] = State::GivenUp;
            }
        }
        self.states[contig] == State::GivenUp
    }

    /// Take in one message; false at the end of the file.
    fn receive(&mut self) -> Result<bool> {
        let Some(from) = &self.from else { return Ok(false) };
        match from.recv() {
            Ok(Message::Chunk(contig, variants)) => {
                if self.states[contig] == State::GivenUp {
                    let (name, at) = (self.contigs.name(contig), variants.first().map_or(0, |v| v.start + 1));
                    return Err(Error::input(
                        &self.path,
                        format!("{name}:{at} comes after contigs that its header lists behind {name}; {SORT}"),
                    ));
                }
                self.states[contig] = State::Seen;
                self.growing = Some(contig);
                if self.current == Some(contig) && self.chunk.len() == 0 {
                    self.chunk = variants.into_iter();
                } else if self.current.is_none_or(|current| contig >= current) {
                    self.n_parked += variants.len();
                    self.parked.entry(contig).or_default().push_back(variants);
                }
                Ok(true)
            }
            Ok(Message::Fates(lines)) => {
                if self.fates.is_empty() {
                    self.fates = lines;
                } else {
                    self.fates.extend_from_slice(&lines);
                }
                Ok(true)
            }
            Ok(Message::Done(report)) => {
                self.report = *report;
                self.from = None;
                Ok(false)
            }
            Ok(Message::Failed(error)) => {
                self.from = None;
                Err(error)
            }
            Err(_) => {
                self.from = None;
                Err(Error::input(&self.path, "reading it stopped short; please report this"))
            }
        }
    }

    /// Lines of the table of fates ([`FATES_HEADER`](crate::genome::FATES_HEADER)) that have come since the last call,
    /// in the order of the file. They pile up unless they are taken now and then, and once more after
    /// [`VariantStream::finish`].
    pub fn take_fates(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.fates)
    }

    /// What became of the records; complete after [`VariantStream::finish`].
    pub fn report(&self) -> &VariantReport {
        &self.report
    }

    /// Read what is left, so that the report is complete and nothing wrong at the end of the file is missed.
    ///
    /// # Errors
    /// As [`VariantStream::next`]; also no record on any of the contigs.
    pub fn finish(&mut self) -> Result<VariantReport> {
        // Nothing will be asked for any more.
        self.current = Some(self.contigs.len());
        self.parked.clear();
        self.n_parked = 0;
        while self.receive()? {}
        Ok(self.report.clone())
    }
}

/// The reading side.
struct Producer {
    path: PathBuf,
    contigs: Contigs,
    records: RecordReader,
    reference: Option<Reference>,
    to: SyncSender<Message>,
    settler: Settler,
    chunk: Vec<Variant>,
    /// Lines whose turn comes when the settler has given back so many variants.
    early: VecDeque<(u64, Vec<u8>)>,
    lines: Vec<u8>,
}

impl Producer {
    fn new(
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
            settler: Settler::default(),
            chunk: Vec::with_capacity(CHUNK),
            early: VecDeque::new(),
            lines: Vec::new(),
        }
    }

    fn run(&mut self) {
        let last = match self.read() {
            Ok(true) => Message::Done(Box::new(std::mem::take(&mut self.records.report))),
            Ok(false) => return,
            Err(error) => Message::Failed(error),
        };
        // Nobody listens any more when that fails.
        let _ = self.to.send(last);
    }

    /// Read to the end; false when nobody listens any more.
    fn read(&mut self) -> Result<bool> {
        let mut finished = vec![false; self.contigs.len()];
        let (mut at, mut last, mut theirs) = (None, 0, 0);
        loop {
            let (contig, variant) = match self.records.step()? {
                Step::Variant(contig, variant) => (contig, variant),
                Step::Nothing => {
                    if !self.pass_lines(LINES) {
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
                if !fits_reference(reference, theirs, name, &variant, report)? {
                    if report.checked >= SAMPLE {
                        judge_reference(reference, &self.path, report)?;
                    }
                    if let Some(lines) = &mut self.records.fates {
                        write_variant(lines, self.contigs.name(contig), &variant, Some(Skipped::ReferenceMismatch));
                    }
                    continue;
                }
            }
            self.records.report.used += 1;
            if !self.pass_lines(1) {
                return Ok(false);
            }
            self.settler.add(variant);
            if !self.hand_over(contig, CHUNK) {
                return Ok(false);
            }
        }
        if let Some(reference) = &self.reference {
            judge_reference(reference, &self.path, &self.records.report)?;
        }
        if at.is_some_and(|contig| !self.close(contig)) {
            return Ok(false);
        }
        Ok(self.pass_lines(1) && self.send_lines())
    }

    /// Collect what is settled and send it once there are `enough`; false when nobody listens any more.
    fn hand_over(&mut self, contig: usize, enough: usize) -> bool {
        self.tell_early();
        while let Some(variant) = self.settler.next() {
            if self.records.fates.is_some() {
                write_variant(&mut self.lines, self.contigs.name(contig), &variant, None);
                self.tell_early();
            }
            self.records.report.overlapping += (variant.overlaps != [false; 2]) as u64;
            self.chunk.push(variant);
        }
        if self.lines.len() >= LINES && !self.send_lines() {
            return false;
        }
        if self.chunk.len() < enough {
            return true;
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.to.send(Message::Chunk(contig, chunk)).is_ok()
    }

    /// Queue the lines of the records read last behind the variants before them, once there are `enough`; false
    /// when nobody listens any more.
    fn pass_lines(&mut self, enough: usize) -> bool {
        if let Some(lines) = self.records.fates.as_mut().filter(|lines| lines.len() >= enough) {
            self.early.push_back((self.settler.added(), std::mem::take(lines)));
            self.tell_early();
        }
        self.lines.len() < LINES || self.send_lines()
    }

    fn tell_early(&mut self) {
        while self.early.front().is_some_and(|(turn, _)| *turn <= self.settler.given()) {
            if let Some((_, lines)) = self.early.pop_front() {
                self.lines.extend_from_slice(&lines);
            }
        }
    }

    fn send_lines(&mut self) -> bool {
        let lines = std::mem::take(&mut self.lines);
        lines.is_empty() || self.to.send(Message::Fates(lines)).is_ok()
    }

    fn close(&mut self, contig: usize) -> bool {
        self.settler.close();
        let listened = self.hand_over(contig, 1);
        self.settler = Settler::default();
        listened
    }

    fn out_of_order(&self, contig: usize, start: u64, how: &str) -> Error {
        let (name, number) = (self.contigs.name(contig), self.records.number());
        Error::input(&self.path, format!("record {number} ({name}:{}) comes {how}; {SORT}", start + 1))
    }
}

const SORT: &str = "sort the file with: bcftools sort";

#[cfg(test)]
#[path = "variant_stream_tests.rs"]
mod tests;
