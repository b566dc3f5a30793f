//! The variants of two haplotypes as a stream: a mouse cross has 20 million of them.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, Receiver};
use std::thread;

use crate::error::{Error, Result};
use crate::genome::record_reader::RecordReader;
use crate::genome::variant_producer::{Message, Producer, SORT};
use crate::genome::HaplotypeSource;
use crate::genome::OnMismatch;
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Chunks read ahead.
const AHEAD: usize = 8;
/// Variants of later contigs kept in memory while the contig entered has not come yet; from then on it is taken for
/// absent if the order of the header says so.
const MAX_PARKED: usize = 1_000_000;

/// What to read as a [`VariantStream`]; made by [`VariantStream::builder`].
pub struct VariantStreamBuilder<'a> {
    vcf: &'a Path,
    contigs: &'a Contigs,
    haplotypes: [&'a HaplotypeSource; 2],
    only: Option<&'a [usize]>,
    reference: Option<Reference>,
    on_mismatch: OnMismatch,
    any_order: bool,
    record_status: bool,
}

impl<'a> VariantStreamBuilder<'a> {
    /// Compare REF of every record with this FASTA; records that differ are dropped and counted. The stream needs a
    /// handle to itself, since it is used by the thread that reads ahead.
    pub fn reference(mut self, reference: impl Into<Option<Reference>>) -> Self {
        self.reference = reference.into();
        self
    }

    /// What to do with records whose REF is not that of the FASTA.
    pub fn on_mismatch(mut self, policy: OnMismatch) -> Self {
        self.on_mismatch = policy;
        self
    }

    /// Contigs will be entered in an order that is not known ahead: variants of contigs that were not entered yet stay in
    /// memory, up to a million.
    pub fn any_order(mut self) -> Self {
        self.any_order = true;
        self
    }

    /// Only these contigs (indices) will be entered: if the VCF has an index, no others are read.
    pub fn only_contigs(mut self, contigs: impl Into<Option<&'a [usize]>>) -> Self {
        self.only = contigs.into();
        self
    }

    /// Keep a per-record report, to be taken with [`VariantStream::take_record_status`].
    pub fn with_record_status(mut self, wanted: bool) -> Self {
        self.record_status = wanted;
        self
    }

    /// Open the file and start to read ahead.
    ///
    /// # Errors
    /// An unreadable file, a missing sample. All other problems are found while it is read.
    pub fn open(self) -> Result<VariantStream> {
        let Self { vcf, contigs, haplotypes: [hap1, hap2], only, reference, on_mismatch, any_order, record_status } =
            self;
        let mut records = RecordReader::open(vcf, contigs, hap1, hap2)?;
        records.record_status = record_status.then(Vec::new);
        records.report.assembly.policy = on_mismatch;
        if let Some(only) = only {
            records.only(only);
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
        Ok(VariantStream {
            path: vcf.to_path_buf(),
            contigs: contigs.clone(),
            from: Some(from),
            numbers,
            states: vec![State::Unseen; contigs.len()],
            any_order,
            current: None,
            growing: None,
            chunk: Vec::new().into_iter(),
            parked: BTreeMap::new(),
            n_parked: 0,
            record_status: Vec::new(),
            report: VariantReport::default(),
        })
    }
}

/// The variants of two haplotypes, contig by contig, in constant memory while the contigs of the VCF come in the order in
/// which they are entered. A separate thread reads ahead.
pub struct VariantStream {
    path: PathBuf,
    contigs: Contigs,
    /// `None` at the end of the file.
    from: Option<Receiver<Message>>,
    /// By contig: its number in the header of the VCF.
    numbers: Vec<Option<usize>>,
    states: Vec<State>,
    /// See [`VariantStreamBuilder::any_order`].
    any_order: bool,
    /// The contig entered.
    current: Option<usize>,
    /// The contig of the last chunk received, of which more may follow.
    growing: Option<usize>,
    chunk: std::vec::IntoIter<Variant>,
    /// Chunks of contigs still to be entered.
    parked: BTreeMap<usize, VecDeque<Vec<Variant>>>,
    n_parked: usize,
    record_status: Vec<u8>,
    report: VariantReport,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    Seen,
    /// Taken for absent, because variants of contigs after it in the header have come.
    GivenUp,
    /// With any order: entered, and left for another.
    Left,
    /// With any order: its variants were dropped, since there were too many to keep.
    Dropped,
}

impl VariantStream {
    /// Read the variants that two haplotypes carry on `contigs` from `vcf` (VCF or BCF, contig by contig and sorted by
    /// position; `-`: standard input).
    pub fn builder<'a>(
        vcf: &'a Path,
        contigs: &'a Contigs,
        hap1: &'a HaplotypeSource,
        hap2: &'a HaplotypeSource,
    ) -> VariantStreamBuilder<'a> {
        VariantStreamBuilder {
            vcf,
            contigs,
            haplotypes: [hap1, hap2],
            only: None,
            reference: None,
            on_mismatch: OnMismatch::default(),
            any_order: false,
            record_status: false,
        }
    }

    /// Go to contig `contig` (an index of the contigs given to [`VariantStream::builder`]). Contigs are entered in
    /// ascending order, or with [`VariantStreamBuilder::any_order`] each once; variants on those left out are counted in the
    /// report and dropped.
    ///
    /// # Errors
    /// A contig before the current one; with any order, one that was left or dropped.
    pub fn enter(&mut self, contig: usize) -> Result<()> {
        if self.any_order {
            return self.enter_any(contig);
        }
        match self.current {
            Some(current) if contig == current => return Ok(()),
            Some(current) if contig < current => {
                let (name, last) = (self.contigs.name(contig), self.contigs.name(current));
                return Err(Error::mismatch(format!("the variants of {name} were requested after those of {last}")));
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

    fn enter_any(&mut self, contig: usize) -> Result<()> {
        if self.current == Some(contig) {
            return Ok(());
        }
        let name = self.contigs.name(contig);
        match self.states.get(contig) {
            Some(State::Left) => {
                return Err(Error::mismatch(format!("the records of {name} are not all together; {SORT}")));
            }
            Some(State::Dropped) => {
                let problem = format!(
                    "has {name} in another place than the records to be annotated, with more than {MAX_PARKED} variants \
                     between: give both files one order of contigs, with: bcftools sort"
                );
                return Err(Error::input(&self.path, problem));
            }
            _ => {}
        }
        if let Some(left) = self.current.replace(contig) {
            self.states[left] = State::Left;
            self.forget(left);
        }
        self.chunk = Vec::new().into_iter();
        Ok(())
    }

    /// Drop what is in memory of a contig.
    fn forget(&mut self, contig: usize) {
        self.n_parked -= self.parked.remove(&contig).iter().flatten().map(Vec::len).sum::<usize>();
    }

    /// With any order: keep no more than a million variants of contigs to come, those that come first in the list of
    /// contigs the least.
    fn limit_parked(&mut self) {
        while self.any_order && self.n_parked > MAX_PARKED {
            let current = self.current;
            let Some(first) = self.parked.keys().copied().find(|&contig| Some(contig) != current) else { return };
            if current.is_none_or(|current| first > current) {
                return;
            }
            self.states[first] = State::Dropped;
            self.forget(first);
        }
    }

    /// The next variant of the contig entered, in order of start, with its overlaps decided; `None` at its end, and
    /// before a contig is entered.
    ///
    /// # Errors
    /// A broken or truncated file, records out of order, and at the end of the file that it is of another assembly
    /// ([`AssemblyCheck::verdict`](crate::genome::AssemblyCheck::verdict)).
    // Not an iterator: it can fail, and continues with another contig.
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

    /// True when so many variants of later contigs have come that `contig` is taken for absent: otherwise all of a large
    /// file would be kept in memory for a small contig that it does not have.
    fn give_up(&mut self, contig: usize) -> bool {
        if self.states[contig] == State::Unseen && self.n_parked >= MAX_PARKED {
            let later = match (self.numbers[contig], self.growing.and_then(|g| self.numbers[g])) {
                (Some(wanted), Some(at)) => at > wanted,
                _ => true,
            };
            if later {
                self.states[contig] = State::GivenUp;
            }
        }
        self.states[contig] == State::GivenUp
    }

    /// Receive one message; false at the end of the file.
    fn receive(&mut self) -> Result<bool> {
        let Some(from) = &self.from else { return Ok(false) };
        match from.recv() {
            Ok(Message::Chunk(contig, variants)) => {
                if self.states[contig] == State::GivenUp {
                    let (name, at) = (self.contigs.name(contig), variants.first().map_or(0, |v| v.start + 1));
                    return Err(Error::input(
                        &self.path,
                        format!("{name}:{at} comes after contigs that its header lists after {name}; {SORT}"),
                    ));
                }
                self.growing = Some(contig);
                if matches!(self.states[contig], State::Left | State::Dropped) {
                    return Ok(true);
                }
                self.states[contig] = State::Seen;
                if self.current == Some(contig) && self.chunk.len() == 0 {
                    self.chunk = variants.into_iter();
                } else if self.any_order || self.current.is_none_or(|current| contig >= current) {
                    self.n_parked += variants.len();
                    self.parked.entry(contig).or_default().push_back(variants);
                    self.limit_parked();
                }
                Ok(true)
            }
            Ok(Message::RecordStatus(lines)) => {
                if self.record_status.is_empty() {
                    self.record_status = lines;
                } else {
                    self.record_status.extend_from_slice(&lines);
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
                Err(Error::input(&self.path, "reading it ended without a reason; please report this"))
            }
        }
    }

    /// Lines of the per-record report (see [`RECORD_STATUS_HEADER`](crate::genome::RECORD_STATUS_HEADER)) since the last
    /// call, in the order of the file. They stay in memory until taken; the last ones come with
    /// [`VariantStream::finish`].
    pub fn take_record_status(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.record_status)
    }

    /// Counts of used and skipped records; complete after [`VariantStream::finish`].
    pub fn report(&self) -> &VariantReport {
        &self.report
    }

    /// Read to the end, so that the report is complete and no error at the end of the file is missed.
    ///
    /// # Errors
    /// As [`VariantStream::next`]; also no record on any of the contigs.
    pub fn finish(&mut self) -> Result<VariantReport> {
        // No variants are needed any more.
        self.current = Some(self.contigs.len());
        self.any_order = false;
        self.parked.clear();
        self.n_parked = 0;
        while self.receive()? {}
        Ok(self.report.clone())
    }
}

#[cfg(test)]
#[path = "tests/variant_stream.rs"]
mod tests;
