//! Convolutions, pools and the dense layer, for whole sequences or for the positions that a change reaches.
//!
//! The input of each layer is kept as rows, one per position, of one number per channel.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Result;
use crate::model::architecture::same_padding;
use crate::model::incremental::first_convolution::Lookup;
use crate::model::incremental::kmer_table::KmerTable;
use crate::model::incremental::product::{in_blocks, Matrix, Scratch};
use crate::model::incremental::receptive_field::{pooled, reached};
use crate::model::onnx::export::{fold, tensor, Folded};
use crate::model::{Architecture, Weights};

/// Convolution ("same"), ReLU and batch norm.
struct Block {
    matrix: Matrix,
    bias: Vec<f32>,
    sign: Vec<f32>,
    shift: Vec<f32>,
    /// Positions that the kernel reads on either side of its own.
    left: usize,
    right: usize,
    dilation: usize,
}

impl Block {
    fn new(architecture: &Architecture, weights: &Weights, key: &str, dilation: usize) -> Result<Self> {
        let Folded { weight, bias, sign, shift } = fold(architecture, weights, key)?;
        let (width, channels, taps) = (weight.shape[0], weight.shape[1], weight.shape[2]);
        let of = |tap, channel, out| weight.data[(out * channels + channel) * taps + tap];
        let (left, right) = same_padding(taps, dilation);
        let matrix = Matrix::new(taps, channels, width, of);
        Ok(Block { matrix, bias, sign, shift, left, right, dilation })
    }

    /// ReLU and batch norm of sums that begin at channel `first`.
    fn finish(&self, first: usize, sums: &[f32], mut put: impl FnMut(usize, f32)) {
        for (c, sum) in (first..).zip(sums) {
            put(c, self.sign[c] * (sum + self.bias[c]).max(0.0) + self.shift[c]);
        }
    }

    /// The position that each tap reads for output `at`, `None` before the start of the sequence.
    fn reads(&self, at: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        (0..self.matrix.parts()).map(move |tap| (at + tap * self.dilation).checked_sub(self.left))
    }
}

enum Step {
    /// x + block(x)
    Residual(Block),
    /// Means of windows of this many positions; the last window may be shorter.
    Pool(usize),
}

/// The layers up to and including the dense one.
pub struct Tower {
    conv0: Lookup,
    conv0_reach: (usize, usize),
    first: Block,
    steps: Vec<Step>,
    /// Positions before each step, and after the last.
    lengths: Vec<usize>,
    /// Channels of every convolution but the very first.
    channels: usize,
    dense: Matrix,
    dense_bias: Vec<f32>,
    kmers: Option<KmerTable>,
}

/// One sequence to be computed.
pub struct Job<'a> {
    /// All codes, as the tower reads them.
    pub codes: &'a [u8],
    /// Where they differ from the base sequence. An empty span at an end marks that the sequence ends there while its
    /// base goes on.
    pub spans: Vec<Range<usize>>,
    /// Where activations that are not recomputed are taken from.
    pub origin: Origin,
}

/// The base sequence of a sequence, and the offset of its positions in it: one pair for positions before `turn`, one
/// for those from there on.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    first: (usize, isize),
    second: (usize, isize),
    turn: usize,
}

impl Origin {
    /// Sequence `base`, at the same positions.
    pub fn same(base: usize) -> Self {
        Origin::shifted(base, 0)
    }

    /// Sequence `base`, `offset` positions further on.
    pub fn shifted(base: usize, offset: isize) -> Self {
        Origin { first: (base, offset), second: (base, offset), turn: 0 }
    }

    /// This origin up to `turn`, `second` from there on.
    pub fn until(self, turn: usize, second: Origin) -> Self {
        Origin { first: self.first, second: second.first, turn }
    }

    /// Base sequence and position in it.
    fn map(self, at: usize) -> Option<(usize, usize)> {
        let (base, offset) = if at < self.turn { self.first } else { self.second };
        Some((base, at.checked_add_signed(offset)?))
    }
}

/// Which activations are computed.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// All.
    Whole,
    /// All up to the first pool, of sequences of this length.
    Start(usize),
    /// Up to the first pool those that differ from the base, then all.
    Shifted(&'a Activations<'a>),
    /// Those that differ from the base.
    Changed(&'a Activations<'a>),
}

/// Consecutive positions of one sequence that were computed.
struct Run {
    job: usize,
    span: Range<usize>,
    /// Row of the first position.
    at: usize,
}

/// The input of one step.
struct Level {
    rows: Vec<f32>,
    width: usize,
    length: usize,
    runs: Vec<Run>,
    /// The runs of each sequence.
    of: Vec<Range<usize>>,
}

/// The input of each step, for several sequences, and the sums of the dense layer.
pub struct Activations<'a> {
    levels: Vec<Level>,
    dense: Vec<f32>,
    /// Contribution of k-mers to `dense`; empty for a network without them.
    kmers: Vec<f32>,
    origins: Vec<Origin>,
    base: Option<&'a Activations<'a>>,
}

impl Activations<'_> {
    /// The row of a position, computed here or in the base.
    fn find(&self, level: usize, job: usize, at: usize) -> Option<&[f32]> {
        let own = self.levels.get(level)?.own(job, at);
        own.or_else(|| {
            let (job, at) = self.origins[job].map(at)?;
            self.base?.find(level, job, at)
        })
    }

    /// Sums of the dense layer, bias and k-mers included: (sequences, hidden).
    pub fn dense(&self) -> Cow<'_, [f32]> {
        match &self.kmers[..] {
            [] => Cow::Borrowed(&self.dense),
            kmers => self.dense.iter().zip(kmers).map(|(sum, added)| sum + added).collect(),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        4 * (self.dense.len() + self.kmers.len() + self.levels.iter().map(|level| level.rows.len()).sum::<usize>())
    }
}

impl Level {
    /// Rows of zeros for the spans of each sequence.
    fn new(spans: &[Vec<Range<usize>>], width: usize, length: usize) -> Self {
        let (mut runs, mut of, mut at) = (Vec::new(), Vec::new(), 0);
        for (job, spans) in spans.iter().enumerate() {
            of.push(runs.len()..runs.len() + spans.len());
            for span in spans {
                runs.push(Run { job, span: span.clone(), at });
                at += span.len();
            }
        }
        Level { rows: vec![0.0; at * width], width, length, runs, of }
    }

    /// The row of a position, if it was computed.
    fn own(&self, job: usize, at: usize) -> Option<&[f32]> {
        let run = self.runs[self.of[job].clone()].iter().find(|run| run.span.contains(&at))?;
        Some(&self.rows[(run.at + at - run.span.start) * self.width..][..self.width])
    }

    /// Sequence and positions of `count` rows from row `from` on, by run.
    fn pieces(&self, from: usize, count: usize) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        let begin = self.runs.partition_point(|run| run.at + run.span.len() <= from);
        let end = from + count;
        self.runs[begin..].iter().take_while(move |run| run.at < end).map(move |run| {
            let first = run.span.start + from.saturating_sub(run.at);
            let last = run.span.end.min(run.span.start + (end - run.at));
            (run.job, first..last)
        })
    }

    /// Compute all rows, in blocks on all threads: `fill` is called with the number of the first row, and the rows.
    fn fill(&mut self, fill: impl Fn(&Level, usize, &mut [f32], &mut Scratch) + Sync) {
        let mut rows = std::mem::take(&mut self.rows);
        in_blocks(&mut rows, self.width, |from, rows, scratch| fill(self, from, rows, scratch));
        self.rows = rows;
    }
}

/// The input of step `number`, with the base for what was not computed.
#[derive(Clone, Copy)]
struct Input<'a> {
    level: &'a Level,
    number: usize,
    origins: &'a [Origin],
    base: Option<&'a Activations<'a>>,
}

impl<'a> Input<'a> {
    /// The row of a position; empty outside of the sequence.
    fn at(self, job: usize, at: Option<usize>) -> &'a [f32] {
        let found = at.filter(|&at| at < self.level.length).and_then(|at| {
            self.level.own(job, at).or_else(|| {
                let (job, at) = self.origins[job].map(at)?;
                self.base?.find(self.number, job, at)
            })
        });
        found.unwrap_or(&[])
    }
}

impl Tower {
    /// The tower of a network.
    ///
    /// # Errors
    /// The weights do not fit the architecture.
    pub fn new(architecture: &Architecture, weights: &Weights) -> Result<Self> {
        weights.check(architecture)?;
        let a = architecture;
        let (mut steps, mut lengths) = (Vec::new(), vec![a.tower_length()]);
        for stage in 0..a.conv_layers {
            for repeat in 0..a.conv_repeat {
                steps.push(Step::Residual(Block::new(a, weights, &a.residual_key(stage, repeat), a.dilation)?));
                lengths.push(lengths[lengths.len() - 1]);
            }
            steps.push(Step::Pool(a.pooling_size));
            lengths.push(lengths[lengths.len() - 1].div_ceil(a.pooling_size));
        }
        let (positions, channels) = (a.pooled_length(), a.filter_number);
        let dense = &tensor(weights, "fc0.0.weight")?.data;
        // In the flat input the positions of a channel are adjacent; here the channels of a position are.
        let of = |position, channel, out| dense[(out * channels + channel) * positions + position];
        Ok(Tower {
            conv0: Lookup::new(a, weights)?,
            conv0_reach: same_padding(a.kernel_length, 1),
            first: Block::new(a, weights, "convlayers.0", 1)?,
            steps,
            lengths,
            channels,
            dense: Matrix::new(positions, channels, a.hidden, of),
            dense_bias: tensor(weights, "fc0.0.bias")?.data.clone(),
            kmers: (a.kmers > 0).then(|| KmerTable::new(a, weights)).transpose()?,
        })
    }

    /// Width of an embedding.
    pub fn hidden(&self) -> usize {
        self.dense.width()
    }

    /// Bytes of the activations of one whole sequence.
    pub fn bytes(&self) -> usize {
        4 * self.channels * self.lengths.iter().sum::<usize>()
    }

    /// Bytes of those after the first pool.
    pub fn bytes_after_pool(&self) -> usize {
        4 * self.channels * self.lengths[self.before_pool() + 1..].iter().sum::<usize>()
    }

    /// Rows that a job computes before the first step: its time and memory are proportional to them.
    pub fn reach(&self, spans: &[Range<usize>]) -> usize {
        self.first_reached(spans, self.lengths[0]).iter().map(|span| span.len()).sum()
    }

    fn first_reached(&self, spans: &[Range<usize>], length: usize) -> Vec<Range<usize>> {
        let (left, right) = self.conv0_reach;
        reached(spans, left + self.first.left, right + self.first.right, length)
    }

    /// Whether there is a pool. Windows that overlap share what comes before it.
    pub fn pools(&self) -> bool {
        self.before_pool() < self.steps.len()
    }

    fn before_pool(&self) -> usize {
        self.steps.iter().take_while(|step| matches!(step, Step::Residual(_))).count()
    }

    /// Positions at the start and at the end of a sequence whose receptive field before the first pool reaches beyond
    /// it.
    pub fn ends(&self) -> usize {
        let (left, right) = self.conv0_reach;
        let blocks = self.steps[..self.before_pool()].iter().filter_map(|step| match step {
            Step::Residual(block) => Some(block),
            Step::Pool(_) => None,
        });
        left + right + std::iter::once(&self.first).chain(blocks).map(|block| block.left + block.right).sum::<usize>()
    }

    /// Bytes of a position before the first pool.
    pub fn bytes_before_pool(&self) -> usize {
        4 * self.channels * (1 + self.before_pool())
    }

    /// Whole sequences, each of the tower's length.
    pub fn whole(&self, sequences: &[&[u8]]) -> Activations<'static> {
        let jobs: Vec<Job> =
            sequences.iter().map(|codes| Job { codes, spans: all(codes), origin: Origin::same(0) }).collect();
        self.run(&jobs, Part::Whole)
    }

    /// Sequences of one length, of any size, up to the first pool.
    pub fn start(&self, sequences: &[&[u8]]) -> Activations<'static> {
        let jobs: Vec<Job> =
            sequences.iter().map(|codes| Job { codes, spans: all(codes), origin: Origin::same(0) }).collect();
        self.run(&jobs, Part::Start(sequences.first().map_or(0, |codes| codes.len())))
    }

    /// Sequences that are part of the longer ones of `base`, except at their spans.
    pub fn shifted<'a>(&self, jobs: &[Job], base: &'a Activations<'a>) -> Activations<'a> {
        self.run(jobs, Part::Shifted(base))
    }

    /// What changes in sequences that differ from those of `base` at their spans.
    pub fn changed<'a>(&self, jobs: &[Job], base: &'a Activations<'a>) -> Activations<'a> {
        self.run(jobs, Part::Changed(base))
    }

    fn run<'a>(&self, jobs: &[Job], part: Part<'a>) -> Activations<'a> {
        let base = match part {
            Part::Whole | Part::Start(_) => None,
            Part::Shifted(base) | Part::Changed(base) => Some(base),
        };
        let (mut length, steps) = match part {
            Part::Start(length) => (length, &self.steps[..self.before_pool()]),
            _ => (self.lengths[0], &self.steps[..]),
        };
        let origins: Vec<Origin> = jobs.iter().map(|job| job.origin).collect();
        let mut spans: Vec<Vec<Range<usize>>> = jobs.iter().map(|job| self.first_reached(&job.spans, length)).collect();
        let mut level = Level::new(&spans, self.channels, length);
        level.fill(|level, from, rows, scratch| self.first_rows(jobs, level, from, rows, scratch));
        let mut levels = vec![level];
        for (number, step) in steps.iter().enumerate() {
            let input = Input { level: &levels[number], number, origins: &origins, base };
            length = match step {
                Step::Residual(_) => length,
                Step::Pool(size) => length.div_ceil(*size),
            };
            let grown = |spans: &Vec<Range<usize>>| match step {
                Step::Residual(block) => reached(spans, block.left, block.right, length),
                Step::Pool(_) if matches!(part, Part::Shifted(_)) => vec![0..length; 1],
                Step::Pool(size) => pooled(spans, *size),
            };
            spans.iter_mut().for_each(|spans| *spans = grown(spans));
            let mut level = Level::new(&spans, self.channels, length);
            level.fill(|level, from, rows, scratch| match step {
                Step::Residual(block) => residual_rows(block, input, level, from, rows, scratch),
                Step::Pool(size) => pool_rows(*size, input, level, from, rows),
            });
            levels.push(level);
        }
        let dense = match part {
            Part::Start(_) => Vec::new(),
            Part::Whole | Part::Shifted(_) => self.dense_rows(jobs, &mut levels[self.steps.len()], None),
            Part::Changed(base) => self.dense_rows(jobs, &mut levels[self.steps.len()], Some(base)),
        };
        let kmers = match (&self.kmers, part) {
            (None, _) | (_, Part::Start(_)) => Vec::new(),
            (Some(table), _) => table.sums(&jobs.iter().map(|job| job.codes).collect::<Vec<_>>()),
        };
        Activations { levels, dense, kmers, origins, base }
    }

    /// Rows of the second convolution, with the rows of the first that they read.
    fn first_rows(&self, jobs: &[Job], level: &Level, from: usize, rows: &mut [f32], scratch: &mut Scratch) {
        let (first, width) = (&self.first, self.conv0.channels());
        let mut inputs = std::mem::take(&mut scratch.rows);
        // For each run its outputs, its inputs, and the row of the first input.
        let (mut pieces, mut count) = (Vec::new(), 0);
        for (job, span) in level.pieces(from, rows.len() / self.channels) {
            let read = span.start.saturating_sub(first.left)..(span.end + first.right).min(level.length);
            inputs.resize(inputs.len().max((count + read.len()) * width), 0.0);
            for (row, at) in inputs[count * width..].chunks_mut(width).zip(read.clone()) {
                self.conv0.position(jobs[job].codes, at, row);
            }
            pieces.push((span, read.clone(), count));
            count += read.len();
        }
        let parts: Vec<&[f32]> = pieces
            .iter()
            .flat_map(|(span, read, row)| {
                let inputs = &inputs;
                let input = move |at: Option<usize>| match at.filter(|at| read.contains(at)) {
                    Some(at) => &inputs[(row + at - read.start) * width..][..width],
                    None => &[],
                };
                span.clone().flat_map(move |at| first.reads(at).map(input))
            })
            .collect();
        first.matrix.multiply(&parts, scratch, |row, column, sums| {
            let out = &mut rows[row * self.channels..][..self.channels];
            first.finish(column, sums, |c, value| out[c] = value);
        });
        drop(parts);
        scratch.rows = inputs;
    }

    /// Sums of the dense layer. With a base only what differs from it is multiplied; `level` then holds the
    /// differences.
    fn dense_rows(&self, jobs: &[Job], level: &mut Level, base: Option<&Activations>) -> Vec<f32> {
        if let Some(base) = base {
            let mut rows = std::mem::take(&mut level.rows);
            let mut next = rows.chunks_mut(self.channels);
            for run in &level.runs {
                for (row, at) in next.by_ref().take(run.span.len()).zip(run.span.clone()) {
                    let same = base.find(self.steps.len(), jobs[run.job].origin.second.0, at).unwrap_or(&[]);
                    row.iter_mut().zip(same).for_each(|(x, y)| *x -= y);
                }
            }
            level.rows = rows;
        }
        let hidden = self.hidden();
        let mut out = vec![0.0; jobs.len() * hidden];
        let level = &*level;
        in_blocks(&mut out, hidden, |from, rows, scratch| {
            let jobs = &jobs[from..from + rows.len() / hidden];
            let parts: Vec<&[f32]> = (from..from + jobs.len())
                .flat_map(|job| (0..level.length).map(move |at| level.own(job, at).unwrap_or(&[])))
                .collect();
            self.dense.multiply(&parts, scratch, |row, column, sums| {
                let start = match base {
                    Some(base) => &base.dense[jobs[row].origin.second.0 * hidden..][..hidden],
                    None => &self.dense_bias,
                };
                let out = rows[row * hidden + column..].iter_mut();
                out.zip(&start[column..]).zip(sums).for_each(|((out, start), sum)| *out = start + sum);
            });
        });
        out
    }
}

/// A whole sequence as one span.
fn all(codes: &[u8]) -> Vec<Range<usize>> {
    vec![0..codes.len(); 1]
}

fn residual_rows(block: &Block, input: Input, level: &Level, from: usize, rows: &mut [f32], scratch: &mut Scratch) {
    let width = level.width;
    let places = || level.pieces(from, rows.len() / width).flat_map(|(job, span)| span.map(move |at| (job, at)));
    let parts: Vec<&[f32]> = places().flat_map(|(job, at)| block.reads(at).map(move |at| input.at(job, at))).collect();
    let same: Vec<&[f32]> = places().map(|(job, at)| input.at(job, Some(at))).collect();
    block.matrix.multiply(&parts, scratch, |row, column, sums| {
        let out = &mut rows[row * width..][..width];
        block.finish(column, sums, |c, value| out[c] = same[row][c] + value);
    });
}

fn pool_rows(size: usize, input: Input, level: &Level, from: usize, rows: &mut [f32]) {
    let places = level.pieces(from, rows.len() / level.width).flat_map(|(job, span)| span.map(move |at| (job, at)));
    for (row, (job, at)) in rows.chunks_mut(level.width).zip(places) {
        let window = at * size..((at + 1) * size).min(input.level.length);
        let count = window.len() as f32;
        for position in window {
            row.iter_mut().zip(input.at(job, Some(position))).for_each(|(sum, x)| *sum += x);
        }
        row.iter_mut().for_each(|sum| *sum /= count);
    }
}
