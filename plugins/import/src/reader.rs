//! A published data set, read in blocks of rows by a separate thread.
//!
//! The thread has two reasons: blocks are decompressed while rows are processed, and a call of the HDF5 library may never
//! return for a damaged file (1.14.6 loops endlessly in a heap of strings that was zeroed), which the receiver of the
//! blocks notices by waiting too long.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use deepallele_core::error::{Error, Result};
use deepallele_core::io::bam::watch::processor_time;
use deepallele_core::model::published::data_set::{
    batches, read_row, value_names, Assay, Values, GENE_NAME, PEAK_NAME, SEQUENCES, SUM,
};

use crate::library::{Dataset, File, Kind, Number, Part};

/// Longest time to wait for one block, and four times the longest time to compute it; normal is a second.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Bytes of one allele's rows in a block, unless chunks are larger.
const BLOCK: u64 = 16 << 20;
/// Bytes of a block at most, with large chunks.
const LARGEST_BLOCK: u64 = 256 << 20;
/// Longest row read, in bases: far above any published window.
const LONGEST_ROW: u64 = 1 << 20;

/// A data set that is being read.
pub struct DataSet {
    path: PathBuf,
    patience: Duration,
    blocks: Receiver<Part<Message>>,
    /// Its assay and size.
    pub about: About,
}

/// The assay and size of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What was measured.
    pub assay: Assay,
    /// What the assay was recognised by.
    pub recognised_by: &'static str,
    /// The batch whose values are read; None for ChIP.
    pub batch: Option<String>,
    /// Number of rows.
    pub rows: u64,
    /// Bases of a row, with padding.
    pub length: u64,
    /// True when the file has the ratio of the values.
    pub has_ratio: bool,
    /// True when all values are float64.
    exact: bool,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Name of the peak.
    pub name: &'a str,
    /// Bases of both alleles, without padding.
    pub alleles: [&'a [u8]; 2],
    /// Values of both alleles, on the requested scale.
    pub values: [f64; 2],
}

/// Statistics of the rows read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Number of rows.
    pub rows: u64,
    /// Bases other than A, C, G, T and N, read as N.
    pub unknown: u64,
    /// Rows with such bases.
    pub rows_unknown: u64,
    /// Rows whose ratio is not the difference of their values.
    pub odd_ratios: u64,
}

enum Message {
    About(About),
    Block(Block),
}

/// Rows as they are stored.
struct Block {
    names: Vec<String>,
    one_hot: [OneHot; 2],
    values: [Vec<f64>; 2],
    /// Empty when the file has none.
    ratios: Vec<f64>,
}

/// In the type of the file where possible: conversion takes longer than reading.
enum OneHot {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
}

impl OneHot {
    fn read(dataset: &Dataset, first: u64, rows: usize) -> Part<Self> {
        fn numbers<T: Number>(dataset: &Dataset, first: u64, rows: usize) -> Part<Vec<T>> {
            let mut numbers = Vec::new();
            dataset.read(first, rows, &mut numbers).map(|()| numbers)
        }
        match dataset.kind {
            Kind::Integer { size: 1, signed: false } => numbers(dataset, first, rows).map(OneHot::Bytes),
            Kind::Float(4) => numbers(dataset, first, rows).map(OneHot::Floats),
            _ => numbers(dataset, first, rows).map(OneHot::Doubles),
        }
    }

    /// Row `i`, of `width` numbers, as letters: [`read_row`].
    fn row(&self, i: usize, width: usize, sequence: &mut Vec<u8>) -> Part<usize> {
        let range = i * width..(i + 1) * width;
        match self {
            OneHot::Bytes(rows) => read_row(&rows[range], sequence),
            OneHot::Floats(rows) => read_row(&rows[range], sequence),
            OneHot::Doubles(rows) => read_row(&rows[range], sequence),
        }
    }
}

impl DataSet {
    /// Open `path`. `assay` is taken from the file when it is not given, and so is `batch` when there is only one.
    /// `patience` is how long one block may take.
    ///
    /// # Errors
    /// The file is not such a data set, or has several batches.
    pub fn open(path: &Path, assay: Option<Assay>, batch: Option<&str>, patience: Duration) -> Result<Self> {
        let (sender, blocks) = sync_channel(0);
        let (file, batch) = (path.to_path_buf(), batch.map(String::from));
        std::thread::spawn(move || {
            if let Err(problem) = send(&file, assay, batch.as_deref(), &sender) {
                // Without a receiver, reading was given up for another reason.
                let _ = sender.send(Err(problem));
            }
        });
        match receive(path, &blocks, patience, 0)? {
            Message::About(about) => Ok(Self { path: path.to_path_buf(), patience, blocks, about }),
            Message::Block(_) => Err(Error::input(path, "could not be read")),
        }
    }

    /// Call `each` with every row, with values on the scale `values`.
    ///
    /// # Errors
    /// The first row that is not a pair of sequences with values, a failure to read, or the error of `each`.
    pub fn read(self, values: Values, each: &mut dyn FnMut(Row) -> Result<()>) -> Result<Seen> {
        let mut seen = Seen::default();
        let mut alleles: [Vec<u8>; 2] = Default::default();
        while seen.rows < self.about.rows {
            if let Message::Block(block) = receive(&self.path, &self.blocks, self.patience, seen.rows)? {
                self.rows(&block, values, &mut alleles, &mut seen, each)?;
            }
        }
        Ok(seen)
    }

    fn rows(
        &self,
        block: &Block,
        values: Values,
        alleles: &mut [Vec<u8>; 2],
        seen: &mut Seen,
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let width = 4 * self.about.length as usize;
        let value_names = value_names(self.about.batch.as_deref());
        for (i, name) in block.names.iter().enumerate() {
            let at = |problem: String| {
                Error::input(&self.path, format!("row {} (\"{}\"): {problem}", seen.rows + 1, name.escape_debug()))
            };
            if name.is_empty() || name.contains(|c: char| c.is_control()) {
                return Err(at("its name is empty or contains a control character such as a tab".into()));
            }
            let mut unknown = 0;
            for side in 0..2 {
                let letters = block.one_hot[side].row(i, width, &mut alleles[side]);
                unknown += letters.map_err(|problem| at(format!("{} {problem}", SEQUENCES[side])))? as u64;
            }
            let stored = [block.values[0][i], block.values[1][i]];
            let shown = stored.map(|v| values.from_stored(v));
            if let Some(side) = (0..2).find(|&side| !shown[side].is_finite()) {
                let problem = match stored[side].is_finite() {
                    true => "is too large for a logarithm of counts; see --values",
                    false => "is not a number",
                };
                return Err(at(format!("{} is {}, which {problem}", value_names[side], stored[side])));
            }
            each(Row { name, alleles: [&alleles[0], &alleles[1]], values: shown })?;
            seen.rows += 1;
            seen.unknown += unknown;
            seen.rows_unknown += (unknown > 0) as u64;
            seen.odd_ratios += block.ratios.get(i).is_some_and(|r| !self.about.is_difference(*r, stored)) as u64;
        }
        Ok(())
    }
}

impl About {
    /// True when `ratio` is A minus B, to the precision that the file keeps.
    fn is_difference(&self, ratio: f64, [a, b]: [f64; 2]) -> bool {
        let precision = if self.exact { 1e-9 } else { 1e-5 };
        (ratio - (a - b)).abs() <= precision * (1.0 + a.abs() + b.abs())
    }
}

/// Wait for the next message of the thread, after `rows` rows: for `patience`, or until a quarter of it was spent
/// computing, as a thread that waits for a slow disk does not.
fn receive(path: &Path, blocks: &Receiver<Part<Message>>, patience: Duration, rows: u64) -> Result<Message> {
    let (start, computed) = (Instant::now(), processor_time());
    loop {
        let waited = start.elapsed();
        let stuck = processor_time().saturating_sub(computed) >= patience / 4;
        let left = if stuck { Duration::ZERO } else { patience.saturating_sub(waited) };
        match blocks.recv_timeout(left.min(Duration::from_secs(1))) {
            Ok(Ok(message)) => return Ok(message),
            Ok(Err(problem)) => return Err(Error::input(path, problem)),
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(RecvTimeoutError::Timeout) => {
                let seconds = waited.as_secs();
                let problem = format!("is damaged after row {rows}, or very slow: no data for {seconds} s");
                return Err(Error::input(path, problem));
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Error::input(path, "could not be read to its end")),
        }
    }
}

/// Read `path` and send what it is, then all of its blocks. Stops early when the receiver is gone.
fn send(path: &Path, assay: Option<Assay>, batch: Option<&str>, to: &SyncSender<Part<Message>>) -> Part<()> {
    let file = PublishedFile::open(path, assay, batch)?;
    let rows = file.about.rows;
    if to.send(Ok(Message::About(file.about.clone()))).is_err() {
        return Ok(());
    }
    let most = file.block();
    let mut first = 0;
    while first < rows {
        let block = file.read(first, most.min(rows - first) as usize)?;
        if to.send(Ok(Message::Block(block))).is_err() {
            return Ok(());
        }
        first += most;
    }
    Ok(())
}

/// The parts of an open data set.
struct PublishedFile {
    about: About,
    sequences: [Dataset; 2],
    names: Dataset,
    values: [Dataset; 2],
    ratio: Option<Dataset>,
    _file: File,
}

impl PublishedFile {
    fn open(path: &Path, assay: Option<Assay>, batch: Option<&str>) -> Part<Self> {
        let file = File::open(path)?;
        let names = file.names()?;
        let has = |name: &str| names.iter().any(|n| n == name);
        if let Some(lacking) = SEQUENCES.iter().chain([&PEAK_NAME]).find(|name| !has(name)) {
            return Err(format!("has no {lacking}; it is not a published data set of DeepAllele"));
        }
        let data_type = file.attribute("data_type")?;
        let (assay, recognised_by) = match (assay, data_type.as_deref().and_then(Assay::find)) {
            (Some(assay), _) => (assay, "--assay"),
            (None, Some(assay)) => (assay, "its attribute data_type"),
            (None, None) if has(GENE_NAME) => (Assay::Rna, "its gene_name"),
            (None, None) if has(&value_names(None)[0]) => (Assay::Chip, "its B6_counts"),
            (None, None) => (Assay::Atac, "its batches of values"),
        };
        let batch = pick_batch(assay, batch, &names)?;
        let [value_a, value_b, ratio] = value_names(batch.as_deref());
        if let Some(lacking) = [&value_a, &value_b].into_iter().find(|name| !has(name)) {
            return Err(format!("has no {lacking}, which a data set of {assay} has (give --assay if it is another)"));
        }
        let open = |name: &str| file.dataset(name);
        let sequences = [open(SEQUENCES[0])?, open(SEQUENCES[1])?];
        let values = [open(&value_a)?, open(&value_b)?];
        let ratio = if has(&ratio) { Some(open(&ratio)?) } else { None };
        let [rows, length, 4] = sequences[0].shape[..] else {
            return Err(format!("has {} of shape {:?}, not (rows, length, 4)", SEQUENCES[0], sequences[0].shape));
        };
        let peaks = open(PEAK_NAME)?;
        if sequences[1].shape != sequences[0].shape {
            return Err(format!(
                "has {} of shape {:?}, but {:?} of {}",
                SEQUENCES[1], sequences[1].shape, sequences[0].shape, SEQUENCES[0]
            ));
        }
        for lines in values.iter().chain(&ratio).chain([&peaks]) {
            if lines.shape != [rows] {
                return Err(format!("has {} of shape {:?} for {rows} rows", lines.name(), lines.shape));
            }
        }
        if rows == 0 {
            return Err("contains no rows".into());
        }
        if length == 0 || length > LONGEST_ROW {
            return Err(format!("has rows of {length} bases; they must have 1 to {LONGEST_ROW}"));
        }
        for numbers in sequences.iter().chain(&values).chain(&ratio) {
            if !matches!(numbers.kind, Kind::Float(_) | Kind::Integer { .. }) {
                return Err(format!("has {}, which does not consist of numbers", numbers.name()));
            }
        }
        if !matches!(peaks.kind, Kind::Text(_)) {
            return Err(format!("has {PEAK_NAME}, which does not consist of strings"));
        }
        let exact = values.iter().chain(&ratio).all(|d| d.kind == Kind::Float(8));
        let about = About { assay, recognised_by, batch, rows, length, has_ratio: ratio.is_some(), exact };
        Ok(Self { about, sequences, names: peaks, values, ratio, _file: file })
    }

    fn read(&self, first: u64, rows: usize) -> Part<Block> {
        let one_hot = |side: usize| OneHot::read(&self.sequences[side], first, rows);
        let mut block = Block {
            names: self.names.read_texts(first, rows)?,
            one_hot: [one_hot(0)?, one_hot(1)?],
            values: Default::default(),
            ratios: Vec::new(),
        };
        for (dataset, list) in self.values.iter().zip(&mut block.values) {
            dataset.read(first, rows, list)?;
        }
        if let Some(ratio) = &self.ratio {
            ratio.read(first, rows, &mut block.ratios)?;
        }
        Ok(block)
    }

    /// Rows of a block: whole chunks, so that none is decompressed twice, unless they are too large.
    fn block(&self) -> u64 {
        let row_bytes = 4 * self.about.length * std::mem::size_of::<f64>() as u64;
        let chunk = |d: &Dataset| d.chunk.as_ref().map_or(1, |c| c[0]);
        let chunk = self.sequences.iter().map(chunk).max().unwrap_or(1);
        let rows = (BLOCK / row_bytes).max(1);
        match chunk.saturating_mul(row_bytes) <= LARGEST_BLOCK {
            true => (rows / chunk).max(1) * chunk,
            false => rows,
        }
    }
}

fn pick_batch(assay: Assay, named: Option<&str>, names: &[String]) -> Part<Option<String>> {
    if assay == Assay::Chip {
        return match named {
            Some(_) => Err("is a data set of chip, which has no batches; omit --batch".into()),
            None => Ok(None),
        };
    }
    let found = batches(names);
    let list = || found.join(", ");
    // For expression, the sum of the logarithms over conditions is not a useful target.
    let worth: Vec<&str> = found.iter().copied().filter(|&b| assay != Assay::Rna || b != SUM).collect();
    match (named, &worth[..]) {
        (Some(name), _) if found.contains(&name) => Ok(Some(name.to_string())),
        (Some(name), _) if !found.is_empty() => Err(format!("has no batch \"{name}\"; it has {}", list())),
        (None, [one]) => Ok(Some(one.to_string())),
        (None, [_, ..]) => Err(format!("has several batches of values; choose with --batch: {}", list())),
        _ if found.len() == 1 => Ok(Some(found[0].to_string())),
        _ => Err(format!("has no values such as sum.B6 and sum.CAST, which a data set of {assay} has")),
    }
}
