//! Sites of motifs in sequences, with the p-value of each (FIMO, Grant et al. 2011).
//!
//! Every window is scored with single-precision sums over four columns at a time, looked up by the four bases; only a
//! window whose sum comes near the cut is scored exactly. The lookup costs about a quarter of an addition per column
//! and base, and the bound of its rounding makes the outcome equal to scoring every window exactly.

use std::cmp::Ordering;
use std::ops::Range;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::motifs::log_odds::LogOdds;
use crate::motifs::motif::Motif;

/// Columns per lookup.
const COLUMNS: usize = 4;
/// Codes of four bases, each A, C, G, T or unknown.
const CODES: usize = 5usize.pow(COLUMNS as u32);
/// Windows whose sums are kept at a time.
const CHUNK: usize = 256;
/// Windows of a batch, which one thread scans with one motif after the other: enough for a motif's tables to be used
/// often, few enough for the codes to stay in the cache.
const BATCH: usize = 1 << 14;

/// The strand of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strand {
    /// As the sequence is written.
    Forward,
    /// Its reverse complement.
    Reverse,
}

impl Strand {
    /// `+` or `-`.
    pub fn symbol(self) -> char {
        match self {
            Strand::Forward => '+',
            Strand::Reverse => '-',
        }
    }
}

/// A site of a motif in a sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Place of the motif in the list given to [`Scanner::new`].
    pub motif: usize,
    /// First base, 0-based, on the forward strand.
    pub start: usize,
    /// After the last base.
    pub end: usize,
    /// The strand that resembles the motif.
    pub strand: Strand,
    /// log2-odds against uniform bases, in bits; an unknown base adds 0.
    pub score: f64,
    /// Probability of at least this score in random sequence of uniform bases ([`LogOdds::p_value`]).
    pub p_value: f64,
}

impl Hit {
    /// By start, end, motif and strand.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let key = |hit: &Self| (hit.start, hit.end, hit.motif, hit.strand);
        key(self).cmp(&key(other))
    }
}

/// How sequences are scanned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScanOptions {
    /// Hits have a p-value less than this.
    pub threshold: f64,
    /// Scan for the reverse complement of each motif, too.
    pub both_strands: bool,
}

impl Default for ScanOptions {
    /// p < 0.0001 on both strands.
    fn default() -> Self {
        Self { threshold: 1e-4, both_strands: true }
    }
}

/// One motif on one strand.
struct Pattern {
    motif: usize,
    strand: Strand,
    scores: LogOdds,
    /// Hits score more than this, in bits.
    cut: f64,
    /// Less than `cut` by more than the sums of `tables` are rounded.
    floor: f32,
    /// For each block of four columns the sum of their scores by the code of four bases.
    tables: Vec<[f32; CODES]>,
}

impl Pattern {
    fn new(motif: usize, strand: Strand, scores: LogOdds, cut: f64) -> Self {
        let matrix = scores.scores();
        let columns: Vec<usize> = (0..scores.width()).collect();
        let tables: Vec<[f32; CODES]> = columns
            .chunks(COLUMNS)
            .map(|block| {
                std::array::from_fn(|code| {
                    let bases = (0..COLUMNS as u32).map(|place| code / 5usize.pow(place) % 5);
                    let known = block.iter().zip(bases).filter(|(_, base)| *base < 4);
                    known.map(|(&column, base)| matrix[[column, base]]).sum::<f64>() as f32
                })
            })
            .collect();
        // n + 1 roundings of sums, none of them larger than the largest absolute scores together.
        let largest: f64 =
            matrix.rows().into_iter().map(|row| row.iter().fold(0.0, |most: f64, s| most.max(s.abs()))).sum();
        let margin = (tables.len() + 2) as f64 * (largest + cut.abs()) * f64::from(f32::EPSILON);
        let floor = (cut - margin) as f32;
        Self { motif, strand, scores, cut, floor, tables }
    }

    fn width(&self) -> usize {
        self.scores.width()
    }

    /// Append the hits of windows that begin in `starts`; all of them must end within the sequence. `sums` is memory.
    fn scan(&self, sequence: &Coded, starts: Range<usize>, sums: &mut [f32; CHUNK], hits: &mut Vec<Hit>) {
        let mut begin = starts.start;
        while begin < starts.end {
            let size = CHUNK.min(starts.end - begin);
            let sums = &mut sums[..size];
            for (block, table) in self.tables.iter().enumerate() {
                let from = begin + COLUMNS * block;
                let codes = sums.iter_mut().zip(&sequence.fours[from..from + size]);
                match block {
                    0 => codes.for_each(|(sum, &code)| *sum = table[usize::from(code)]),
                    _ => codes.for_each(|(sum, &code)| *sum += table[usize::from(code)]),
                }
            }
            for (i, _) in sums.iter().enumerate().filter(|(_, sum)| **sum >= self.floor) {
                let start = begin + i;
                let score = self.scores.score(&sequence.bases[start..]);
                if score > self.cut {
                    let (end, p_value) = (start + self.width(), self.scores.p_value(score));
                    hits.push(Hit { motif: self.motif, start, end, strand: self.strand, score, p_value });
                }
            }
            begin += size;
        }
    }
}

/// Codes of a sequence.
struct Coded {
    /// 0 to 3 for A, C, G, T, 4 for others.
    bases: Vec<u8>,
    /// For each place the code of four bases from there on; after the end they are unknown.
    fours: Vec<u16>,
}

impl Coded {
    fn new(letters: &[u8]) -> Self {
        let bases: Vec<u8> = letters.iter().map(|&letter| code(letter)).collect();
        let mut fours = vec![0; bases.len()];
        let mut four = (CODES - 1) as u16;
        for (&base, slot) in bases.iter().zip(&mut fours).rev() {
            four = four % (CODES / 5) as u16 * 5 + u16::from(base);
            *slot = four;
        }
        Self { bases, fours }
    }
}

/// The code of a letter as [`LogOdds::score`] takes it: 0 to 3 for A, C, G and T or U of either case, 4 for every other
/// letter.
pub fn code(letter: u8) -> u8 {
    match letter.to_ascii_uppercase() {
        b'A' => 0,
        b'C' => 1,
        b'G' => 2,
        b'T' | b'U' => 3,
        _ => 4,
    }
}

/// A sequence and the parts of it that hits must touch.
#[derive(Clone, Copy, Debug)]
pub struct Touching<'a> {
    /// Letters of either case; all but A, C, G, T and U are unknown bases.
    pub sequence: &'a [u8],
    /// 0-based half-open ranges of bases, in order. A hit has a base in one of them; of an empty range i..i, it has the
    /// bases i - 1 and i on either side.
    pub ranges: &'a [Range<usize>],
}

/// Scans sequences for motifs.
pub struct Scanner {
    patterns: Vec<Pattern>,
    unreachable: Vec<usize>,
}

impl Scanner {
    /// Prepare `motifs`.
    ///
    /// # Errors
    /// The threshold is not in 0..=1, without 0.
    pub fn new(motifs: &[Motif], options: ScanOptions) -> Result<Self> {
        let threshold = options.threshold;
        if !(threshold > 0.0 && threshold <= 1.0) {
            return Err(Error::option(format!("a p-value threshold of {threshold} is not between 0 and 1")));
        }
        let prepared: Vec<Vec<Pattern>> = motifs
            .par_iter()
            .enumerate()
            .map(|(place, motif)| {
                let forward = LogOdds::new(motif);
                let Some(cut) = forward.cut(threshold) else { return Vec::new() };
                let reverse = options.both_strands.then(|| forward.reverse_complement());
                let reverse = reverse.map(|reverse| Pattern::new(place, Strand::Reverse, reverse, cut));
                let forward = Pattern::new(place, Strand::Forward, forward, cut);
                std::iter::once(forward).chain(reverse).collect()
            })
            .collect();
        let unreachable = (0..motifs.len()).filter(|&place| prepared[place].is_empty()).collect();
        Ok(Self { patterns: prepared.into_iter().flatten().collect(), unreachable })
    }

    /// The motifs that can have no hit: no sequence has a p-value below the threshold. A motif of L columns has no
    /// p-value below 4^-L, so that at 0.0001 those of six columns and fewer are among them.
    pub fn unreachable(&self) -> &[usize] {
        &self.unreachable
    }

    /// The hits in each of `sequences`, by start, end, motif and strand. All letters but A, C, G, T and U are unknown
    /// bases. Work is shared between the threads of rayon's current pool; the result does not depend on their number.
    pub fn scan<S: AsRef<[u8]> + Sync>(&self, sequences: &[S]) -> Vec<Vec<Hit>> {
        let whole: Vec<Range<usize>> = sequences.iter().map(|sequence| 0..sequence.as_ref().len()).collect();
        let parts = sequences.iter().zip(&whole);
        let parts = parts.map(|(s, range)| Touching { sequence: s.as_ref(), ranges: std::slice::from_ref(range) });
        self.scan_touching(&parts.collect::<Vec<_>>())
    }

    /// As [`Scanner::scan`], but only the hits that touch the ranges of each sequence.
    pub fn scan_touching(&self, parts: &[Touching]) -> Vec<Vec<Hit>> {
        let mut hits = vec![Vec::new(); parts.len()];
        let found: Vec<Vec<(usize, Hit)>> =
            batches(parts).into_par_iter().map(|batch| self.scan_batch(parts, &batch)).collect();
        for (sequence, hit) in found.into_iter().flatten() {
            hits[sequence].push(hit);
        }
        hits.par_iter_mut().for_each(|hits| hits.sort_unstable_by(Hit::order));
        hits
    }

    fn scan_batch(&self, parts: &[Touching], batch: &[Piece]) -> Vec<(usize, Hit)> {
        // A piece of a sequence is coded together with what its last windows reach into.
        let longest = self.patterns.iter().map(Pattern::width).max().unwrap_or(0);
        let coded: Vec<Coded> = batch
            .iter()
            .map(|piece| {
                let sequence = parts[piece.sequence].sequence;
                Coded::new(&sequence[piece.starts.start..sequence.len().min(piece.starts.end + longest)])
            })
            .collect();
        let (mut found, mut hits, mut sums) = (Vec::new(), Vec::new(), [0.0; CHUNK]);
        for pattern in &self.patterns {
            for (piece, coded) in batch.iter().zip(&coded) {
                let part = &parts[piece.sequence];
                let shift = piece.starts.start;
                let mut scanned = piece.starts.start;
                for range in part.ranges {
                    let Some(last) = part.sequence.len().checked_sub(pattern.width()) else { break };
                    let from = (range.start + 1).saturating_sub(pattern.width()).max(scanned);
                    let to = range.end.min(last + 1).min(piece.starts.end);
                    if from < to {
                        pattern.scan(coded, from - shift..to - shift, &mut sums, &mut hits);
                        scanned = to;
                    }
                }
                found.extend(
                    hits.drain(..)
                        .map(|hit| (piece.sequence, Hit { start: hit.start + shift, end: hit.end + shift, ..hit })),
                );
            }
        }
        found
    }
}

/// Some successive windows of a sequence.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    sequence: usize,
    starts: Range<usize>,
}

/// The sequences in batches of about the same work.
fn batches(parts: &[Touching]) -> Vec<Vec<Piece>> {
    let mut batches = vec![Vec::new()];
    let mut size = 0;
    for (sequence, part) in parts.iter().enumerate() {
        // What lies before the first range is not coded where no motif can reach into it.
        let (Some(first), Some(last)) = (part.ranges.first(), part.ranges.last()) else { continue };
        let mut begin = first.start.saturating_sub(crate::motifs::motif::LONGEST_MOTIF);
        let end = last.end.min(part.sequence.len());
        while begin < end {
            if size >= BATCH {
                batches.push(Vec::new());
                size = 0;
            }
            let taken = (BATCH - size).min(end - begin);
            if let Some(batch) = batches.last_mut() {
                batch.push(Piece { sequence, starts: begin..begin + taken });
            }
            begin += taken;
            size += taken;
        }
    }
    batches
}

#[cfg(test)]
#[path = "scan_tests.rs"]
pub(crate) mod tests;
