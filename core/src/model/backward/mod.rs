//! Derivatives of predictions by the bases of both alleles, and DeepLIFT multipliers, by a backward pass written for these
//! networks: exact, on all threads, without a library for automatic differentiation.
//!
//! A pass starts at a prediction and goes back to the input. Convolutions, batch norm, pools, sums and dense layers are
//! linear: back through them goes the transposed weight. At a rectifier (ReLU) the derivative is 1 or 0. The Rescale rule
//! of DeepLIFT (Shrikumar et al. 2017) replaces it by the slope between the pair and a reference pair,
//! (relu(x) - relu(r))/(x - r), so that multipliers times differences of the input sum to the difference of the
//! predictions. Where |x - r| < 1e-10 it is the derivative, as published.
//!
//! Inputs are numbers, four for each position, so that points between sequences can be passed through, too.
//!
//! | module | what it holds |
//! |---|---|
//! | `layers` | convolutions and dense layers, forward and backward |
//! | `tower` | from bases to the sums of the dense layer |
//! | `kmers` | the k-mers of an allele, additional input of the dense layer |
//! | `heads` | from embeddings to counts and ratios |

mod heads;
mod kmers;
mod layers;
mod tower;

use crate::error::Result;
use crate::model::architecture::Strands;
use crate::model::backward::heads::Heads;
use crate::model::backward::kmers::KmerLayer;
use crate::model::backward::layers::slope;
use crate::model::backward::tower::Tower;
use crate::model::encode::one_hot_into;
use crate::model::{Architecture, Weights};

/// Numbers of a position of an input: A, C, G, T.
pub const BASES: usize = 4;

/// What is differentiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The ratio, by both alleles.
    Ratio,
    /// The count of each allele, by this allele.
    Counts,
}

/// A network with what its backward pass needs.
pub struct DifferentiableNetwork {
    architecture: Architecture,
    sample: usize,
    tower: Tower,
    kmers: Option<KmerLayer>,
    heads: Heads,
}

/// What the tower computed for several windows.
pub struct Activations {
    /// (windows, window, 4).
    inputs: Vec<f32>,
    /// Before each rectifier of the tower.
    tower: tower::Trace,
    /// Sums of the dense layer, (windows, strands read separately, hidden).
    sums: Vec<f32>,
    /// (windows, hidden).
    embeddings: Vec<f32>,
}

/// A window among several.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// What was computed for them.
    pub of: &'a Activations,
    /// Which of them.
    pub number: usize,
}

/// A pair of alleles to be differentiated.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The pair.
    pub pair: [Window<'a>; 2],
    /// The reference pair: multipliers by the Rescale rule; derivatives without it.
    pub reference: Option<[Window<'a>; 2]>,
    /// By which alleles.
    pub wanted: [bool; 2],
}

/// One strand, or both joined, of an allele on its way back.
struct Lane<'a> {
    window: Window<'a>,
    reference: Option<Window<'a>>,
    /// Number of the strand, if strands are read separately.
    strand: usize,
}

/// Write byte codes (window) as numbers (window, 4): one-hot, a quarter of each for N, zeros for padding.
pub fn as_input(codes: &[u8]) -> Vec<f32> {
    let mut by_channel = vec![0.0; BASES * codes.len()];
    one_hot_into(codes, &mut by_channel);
    let number = |at: usize| by_channel[at % BASES * codes.len() + at / BASES];
    (0..by_channel.len()).map(number).collect()
}

impl DifferentiableNetwork {
    /// The network with these weights; predictions are those of the output number `sample`.
    ///
    /// # Errors
    /// The weights do not fit the architecture.
    pub fn new(architecture: &Architecture, weights: &Weights, sample: usize) -> Result<Self> {
        weights.check(architecture)?;
        Ok(Self {
            architecture: architecture.clone(),
            sample: sample.min(architecture.outputs.saturating_sub(1)),
            tower: Tower::new(architecture, weights)?,
            kmers: (architecture.kmers > 0).then(|| KmerLayer::new(architecture, weights)).transpose()?,
            heads: Heads::new(architecture, weights)?,
        })
    }

    /// Bases of a window.
    pub fn window(&self) -> usize {
        self.architecture.window
    }

    /// Bytes that the activations of one window take, or its backward pass.
    pub fn bytes(&self) -> usize {
        self.tower.bytes() * self.strands()
    }

    /// Sequences that the tower reads for a window.
    fn strands(&self) -> usize {
        match self.architecture.strands {
            Strands::Joined => 1,
            Strands::Averaged => 2,
        }
    }

    /// Pass windows through the tower, numbers (windows, window, 4), on the threads of the current pool.
    pub fn forward(&self, inputs: Vec<f32>) -> Activations {
        let size = BASES * self.window();
        let sequences: Vec<Vec<f32>> = inputs.chunks_exact(size).flat_map(|window| self.read(window)).collect();
        let (tower, mut sums) = self.tower.forward(&sequences);
        let (strands, hidden) = (self.strands(), self.architecture.hidden);
        if let Some(layer) = &self.kmers {
            let added = layer.forward(&inputs);
            for (sums, added) in sums.chunks_mut(strands * hidden).zip(added.chunks(hidden)) {
                sums.chunks_mut(hidden).for_each(|sums| sums.iter_mut().zip(added).for_each(|(sum, x)| *sum += x));
            }
        }
        let share = 1.0 / strands as f32;
        let embeddings = sums
            .chunks(strands * hidden)
            .flat_map(|sums| (0..hidden).map(move |unit| share * of_strands(sums, hidden, unit)))
            .collect();
        Activations { inputs, tower, sums, embeddings }
    }

    /// What the tower reads of a window, (positions, 4) each.
    fn read(&self, window: &[f32]) -> Vec<Vec<f32>> {
        // Both the order of positions and that of bases are reversed.
        let reverse = window.iter().rev().copied();
        match self.architecture.strands {
            Strands::Joined => vec![window.iter().copied().chain(reverse).collect()],
            Strands::Averaged => vec![window.to_vec(), reverse.collect()],
        }
    }

    /// Count 1, count 2 and ratio of each pair, in the network's logarithm.
    pub fn predict(&self, pairs: &[[Window; 2]]) -> Vec<[f32; 3]> {
        let embeddings: Vec<[&[f32]; 2]> = pairs.iter().map(|pair| pair.map(|window| self.embedding(window))).collect();
        self.heads.predict(&embeddings, self.sample)
    }

    fn embedding<'a>(&self, window: Window<'a>) -> &'a [f32] {
        &window.of.embeddings[window.number * self.architecture.hidden..][..self.architecture.hidden]
    }

    fn sums<'a>(&self, window: Window<'a>, strand: usize) -> &'a [f32] {
        let hidden = self.architecture.hidden;
        &window.of.sums[(window.number * self.strands() + strand) * hidden..][..hidden]
    }

    /// Multipliers (window, 4) of the input of each allele that is wanted, for each job, on the threads of the current
    /// pool: derivatives, or, with a reference, those of the Rescale rule.
    pub fn backward(&self, jobs: &[Job], target: Target) -> Vec<[Option<Vec<f32>>; 2]> {
        let (strands, hidden) = (self.strands(), self.architecture.hidden);
        let embeddings = |pair: [Window<'_>; 2]| pair.map(|window| self.embedding(window).to_vec());
        let pairs: Vec<_> = jobs.iter().map(|job| (embeddings(job.pair), job.reference.map(embeddings))).collect();
        let by_embedding = self.heads.backward(&pairs, target, self.sample);
        let alleles: Vec<(usize, usize)> = (0..jobs.len())
            .flat_map(|job| (0..2).map(move |allele| (job, allele)))
            .filter(|&(job, allele)| jobs[job].wanted[allele])
            .collect();
        let mut lanes = Vec::with_capacity(alleles.len() * strands);
        let mut by_sum = Vec::with_capacity(alleles.len() * strands * hidden);
        for &(number, allele) in &alleles {
            let job = &jobs[number];
            for strand in 0..strands {
                let (window, reference) = (job.pair[allele], job.reference.map(|pair| pair[allele]));
                let (x, r) = (self.sums(window, strand), reference.map(|window| self.sums(window, strand)));
                let outer = &by_embedding[number][allele];
                by_sum
                    .extend((0..hidden).map(|unit| outer[unit] * slope(x[unit], r.map(|r| r[unit])) / strands as f32));
                lanes.push(Lane { window, reference, strand });
            }
        }
        let by_sequence = self.tower.backward(&lanes, strands, &by_sum);
        let size = BASES * self.window();
        let of_allele = by_sequence.chunks(self.tower.length() * BASES * strands);
        let mut found: Vec<[Option<Vec<f32>>; 2]> = jobs.iter().map(|_| [None, None]).collect();
        for (place, (numbers, &(number, allele))) in of_allele.zip(&alleles).enumerate() {
            // Either the second half of one sequence or the second sequence is the reverse complement.
            let (forward, reverse) = numbers.split_at(size);
            let mut multipliers: Vec<f32> = forward.iter().zip(reverse.iter().rev()).map(|(a, b)| a + b).collect();
            if let Some(layer) = &self.kmers {
                let by_sum = &by_sum[place * strands * hidden..][..strands * hidden];
                let total: Vec<f32> = (0..hidden).map(|unit| of_lanes(by_sum, hidden, unit)).collect();
                let input = |window: Window<'_>| window.of.inputs[window.number * size..][..size].to_vec();
                let (window, reference) = (jobs[number].pair[allele], jobs[number].reference.map(|pair| pair[allele]));
                layer.backward(&input(window), reference.map(input).as_deref(), &total, &mut multipliers);
            }
            found[number][allele] = Some(multipliers);
        }
        found
    }
}

/// The sum over strands of rectified sums of a unit.
fn of_strands(sums: &[f32], hidden: usize, unit: usize) -> f32 {
    sums.iter().skip(unit).step_by(hidden).map(|x| x.max(0.0)).sum()
}

fn of_lanes(values: &[f32], hidden: usize, unit: usize) -> f32 {
    values.iter().skip(unit).step_by(hidden).sum()
}

#[cfg(test)]
mod tests;
