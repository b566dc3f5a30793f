//! Pairs of windows that differ in a few places, as those of a variant do, predicted from what the places reach.
//!
//! A variant changes a small part of what each layer sees. So the tower goes once over the whole window with the
//! reference allele, and what enters each layer is kept. For each window that differs from it only the positions
//! that the difference reaches are computed, layer after layer; pools narrow them again; the dense layer adds what
//! differs to its sums for the reference. The heads follow in full. (The idea is that of fastISM, Nair et al. 2022,
//! and Yuzu, Schreiber et al. 2022.)
//!
//! Reference windows that overlap, as those centred on neighbouring variants do, share what lies before the first pool:
//! it is computed once for the stretch they cover, and for each window where it sees its own ends. After the pool
//! each window has its own positions.
//!
//! The convolutions are matrix products of our own ([`product`]) over many windows at once, on all threads. A number
//! of the result depends on the pair of windows alone: not on the threads, nor on what else is predicted with it.
//! From a full pass of ONNX Runtime it differs by rounding, below 1e-5 of 1 + its size.
//!
//! Windows that differ in many places (behind an insertion, say) need no other way: the more positions are reached
//! the more it costs, up to one pass of the tower for that window, beside one for the reference that others share.
//! Measured (docs/benchmarks.md), insertions cost less than full passes, also where each has a reference of its own.
//!
//! | module | what it is about |
//! |---|---|
//! | [`receptive_field`] | where windows differ, and how far that reaches |
//! | [`overlap`] | windows of which one goes on where another is |
//! | [`product`] | rows put together from parts, times weights |
//! | [`first_convolution`] | the first convolution: sums of rows of a table |
//! | [`kmer_table`] | what k-mers add to the dense layer |
//! | [`tower`] | convolutions, pools and the dense layer, where something changed |
//! | [`heads`] | embeddings to counts and ratios |

mod first_convolution;
mod heads;
mod kmer_table;
mod overlap;
mod product;
mod receptive_field;
mod tower;

use std::collections::HashMap;
use std::ops::Range;

use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::model::architecture::Strands;
use crate::model::encode::complement;
use crate::model::incremental::heads::Heads;
use crate::model::incremental::overlap::{stretches, Stretch};
use crate::model::incremental::receptive_field::differences;
use crate::model::incremental::tower::{Activations, Job, Link, Tower};
use crate::model::onnx::ensemble::mean_and_deviation;
use crate::model::onnx::initializers::read_weights;
use crate::model::onnx::predictor::{count_pairs, Prediction, Predictor};
use crate::model::Architecture;
use crate::model::ModelInfo;
use crate::model::Weights;

/// Bytes of activations of reference windows that are computed at once, but for a single one that takes more.
const REFERENCE_BYTES: usize = 64 << 20;
/// Bytes of activations of reference windows that are kept for the next call.
const KEPT_BYTES: usize = 256 << 20;
/// Positions before the first pool that are computed at once for windows that differ from their reference.
const CHANGED_ROWS: usize = 4096;

/// Windows that went through the tower, for each member of an ensemble once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// As a whole.
    pub whole: u64,
    /// As a whole from the first pool on.
    pub overlapping: u64,
    /// Where they differ from one of those.
    pub local: u64,
}

/// A model that predicts pairs of windows that differ little.
pub struct LocalPredictor {
    info: ModelInfo,
    engine: Engine,
}

enum Engine {
    Local(Local),
    /// A graph that is not made by this suite's writer.
    Full(Predictor),
}

impl LocalPredictor {
    /// Take over an open model, with the sample it was told to predict.
    pub fn new(predictor: Predictor) -> Self {
        let info = predictor.info().clone();
        let networks = read_weights(predictor.model(), &info)
            .and_then(|members| members.iter().map(|weights| Network::new(&info.architecture, weights)).collect());
        let engine = match networks {
            Some(networks) => Engine::Local(Local {
                networks,
                architecture: info.architecture.clone(),
                sample: predictor.sample_number(),
                threads: predictor.threads(),
                pool: None,
                kept: None,
                passes: Passes::default(),
            }),
            None => Engine::Full(predictor),
        };
        LocalPredictor { info, engine }
    }

    /// What the file says about itself.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.info.architecture.window
    }

    /// Windows computed so far; `None` if the model's graph is unknown, so that every pair takes two full passes.
    pub fn passes(&self) -> Option<Passes> {
        match &self.engine {
            Engine::Local(local) => Some(local.passes),
            Engine::Full(_) => None,
        }
    }

    /// Predict n pairs as [`Predictor::predict`] does. `haplotype2` holds the windows with the reference allele:
    /// each of them that is new is computed in full, once, and what `haplotype1` has in its place where it differs.
    ///
    /// # Errors
    /// The two differ in length or are no multiple of the window; the engine failed.
    pub fn predict(&mut self, haplotype1: &[u8], haplotype2: &[u8]) -> Result<Vec<Prediction>> {
        count_pairs(haplotype1, haplotype2, self.window())?;
        match &mut self.engine {
            Engine::Local(local) => Ok(local.predict(haplotype1, haplotype2)?.iter().map(|m| summarise(m)).collect()),
            Engine::Full(predictor) => predictor.predict(haplotype1, haplotype2),
        }
    }

    /// As [`LocalPredictor::predict`], but what each of [`LocalPredictor::members`] says: count 1, count 2, ratio and
    /// ratio with the alleles exchanged.
    ///
    /// # Errors
    /// As [`LocalPredictor::predict`].
    pub fn predict_members(&mut self, haplotype1: &[u8], haplotype2: &[u8]) -> Result<Vec<Vec<[f32; 4]>>> {
        count_pairs(haplotype1, haplotype2, self.window())?;
        match &mut self.engine {
            Engine::Local(local) => local.predict(haplotype1, haplotype2),
            Engine::Full(predictor) => {
                let predictions = predictor.predict(haplotype1, haplotype2)?;
                Ok(predictions.iter().map(|p| vec![[p.count1, p.count2, p.ratio, p.ratio_swapped]]).collect())
            }
        }
    }

    /// Networks that can be told apart: those of the ensemble, but 1 if the model's graph is unknown.
    pub fn members(&self) -> usize {
        match &self.engine {
            Engine::Local(local) => local.networks.len(),
            Engine::Full(_) => 1,
        }
    }
}

/// One member.
struct Network {
    tower: Tower,
    heads: Heads,
}

impl Network {
    fn new(architecture: &Architecture, weights: &Weights) -> Option<Self> {
        let tower = Tower::new(architecture, weights).ok()?;
        Some(Network { tower, heads: Heads::new(architecture, weights).ok()? })
    }
}

struct Local {
    networks: Vec<Network>,
    architecture: Architecture,
    sample: usize,
    threads: usize,
    pool: Option<ThreadPool>,
    kept: Option<References>,
    passes: Passes,
}

/// Reference windows and, for each member, what they give in the tower.
struct References {
    windows: Vec<Vec<u8>>,
    activations: Vec<Activations<'static>>,
}

/// A reference window and those that are compared with it, all different.
struct Group<'a> {
    reference: &'a [u8],
    alternatives: Vec<&'a [u8]>,
    /// Whether the reference is to be compared with itself.
    itself: bool,
}

/// What each member says about a pair: count 1, count 2, ratio and ratio with the alleles exchanged.
type Values = Vec<[f32; 4]>;

/// Which of a group's windows a pair is about; `None` is the reference itself.
type Place = (usize, Option<usize>);

impl Local {
    fn predict(&mut self, alternatives: &[u8], references: &[u8]) -> Result<Vec<Values>> {
        let window = self.architecture.window;
        let (groups, places) = group(alternatives, references, window);
        let pool = match self.pool.take() {
            Some(pool) => pool,
            None => rayon::ThreadPoolBuilder::new()
                .num_threads(self.threads)
                .build()
                .map_err(|e| Error::engine(format!("cannot start {} threads: {e}", self.threads)))?,
        };
        let by_group = pool.install(|| self.groups(&groups));
        self.pool = Some(pool);
        let of = |(g, place): Place| by_group[g][place.unwrap_or(groups[g].alternatives.len())].clone();
        Ok(places.into_iter().map(of).collect())
    }

    /// For each group the values of its alternatives, and, if asked for, of the reference with itself.
    fn groups(&mut self, groups: &[Group]) -> Vec<Vec<Values>> {
        let mut out = vec![Vec::new(); groups.len()];
        let kept = self.kept.take();
        let known = |group: &Group| kept.as_ref()?.windows.iter().position(|w| w == group.reference);
        // Those whose reference is known from the last call, then the others, as many at once as memory allows.
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (number, group) in groups.iter().enumerate() {
            match known(group) {
                Some(place) => old.push((number, place)),
                None => new.push(number),
            }
        }
        if let Some(kept) = kept.as_ref().filter(|_| !old.is_empty()) {
            let some: Vec<(&Group, usize)> = old.iter().map(|&(number, place)| (&groups[number], place)).collect();
            let predictions = self.with_references(&some, kept);
            old.iter().zip(predictions).for_each(|(&(number, _), p)| out[number] = p);
        }
        self.kept = kept;
        let tower = &self.networks[0].tower;
        let bytes = self.strands() * tower.bytes();
        let longest = if tower.pools() { REFERENCE_BYTES / (2 * tower.bytes_before_pool()) } else { 0 };
        let windows: Vec<&[u8]> = new.iter().map(|&number| groups[number].reference).collect();
        let (alone, stretches) = stretches(&windows, tower.ends(), longest);
        for numbers in alone.chunks((REFERENCE_BYTES / bytes).max(1)) {
            let numbers: Vec<usize> = numbers.iter().map(|&n| new[n]).collect();
            // Before the next ones are computed.
            self.kept = None;
            let windows = numbers.iter().map(|&number| groups[number].reference.to_vec()).collect();
            let some: Vec<(&Group, usize)> = numbers.iter().map(|&n| &groups[n]).zip(0..).collect();
            let (references, predictions) = self.with_new_references(&some, windows);
            numbers.iter().zip(predictions).for_each(|(&number, p)| out[number] = p);
            self.kept = references;
        }
        for stretch in stretches {
            let some: Vec<&Group> = stretch.windows.iter().map(|&(n, _)| &groups[new[n]]).collect();
            let predictions = self.with_stretch(&some, &stretch);
            stretch.windows.iter().zip(predictions).for_each(|(&(n, _), p)| out[new[n]] = p);
        }
        out
    }

    /// Predictions of groups whose references overlap.
    fn with_stretch(&mut self, groups: &[&Group], stretch: &Stretch) -> Vec<Vec<Values>> {
        let (window, length) = (self.architecture.window, stretch.codes.len());
        let ground = strands(std::iter::once(&stretch.codes[..]));
        let ground: Vec<&[u8]> = ground.iter().map(|codes| &codes[..]).collect();
        let bytes = self.strands() * self.networks[0].tower.bytes_after_pool();
        let many = (REFERENCE_BYTES / bytes).max(1);
        let mut values = Vec::with_capacity(self.networks.len());
        for network in &self.networks {
            let ground = network.tower.start(&ground);
            let mut of_member = Vec::new();
            for (groups, places) in groups.chunks(many).zip(stretch.windows.chunks(many)) {
                let windows: Vec<Vec<u8>> = groups.iter().map(|group| group.reference.to_vec()).collect();
                let sequences = self.sequences(windows.iter().map(|w| &w[..]));
                // A sequence sees nothing beyond its own ends, and, where strands are joined, the other strand.
                let edge = |at: usize| at..at;
                let job = |number: usize| {
                    let (strand, offset) = (number / groups.len(), places[number % groups.len()].1);
                    let forward = Link::moved(0, offset as isize);
                    let behind = (length - offset - window) as isize;
                    let (spans, link) = match self.architecture.strands {
                        Strands::Joined => {
                            let reverse = Link::moved(1, behind - window as isize);
                            (vec![edge(0), edge(window), edge(2 * window)], forward.until(window, reverse))
                        }
                        Strands::Averaged if strand == 0 => (vec![edge(0), edge(window)], forward),
                        Strands::Averaged => (vec![edge(0), edge(window)], Link::moved(1, behind)),
                    };
                    Job { codes: &sequences[number], spans, link }
                };
                let jobs: Vec<Job> = (0..sequences.len()).map(job).collect();
                let base = network.tower.moved(&jobs, &ground);
                let groups: Vec<(&Group, usize)> = groups.iter().copied().zip(0..).collect();
                of_member.extend(self.member(network, &groups, &windows, &base));
            }
            values.push(of_member);
        }
        self.passes.whole += 1;
        self.passes.overlapping += groups.len() as u64;
        self.passes.local += groups.iter().map(|group| group.alternatives.len() as u64).sum::<u64>();
        let groups: Vec<(&Group, usize)> = groups.iter().copied().zip(0..).collect();
        split(&groups, &values)
    }

    /// Predictions of some groups whose references are computed first, and the latter if they can be kept.
    fn with_new_references(
        &mut self,
        groups: &[(&Group, usize)],
        windows: Vec<Vec<u8>>,
    ) -> (Option<References>, Vec<Vec<Values>>) {
        self.passes.whole += windows.len() as u64;
        let sequences: Vec<Vec<u8>> = self.sequences(windows.iter().map(|w| &w[..]));
        let sequences: Vec<&[u8]> = sequences.iter().map(|s| &s[..]).collect();
        let (mut activations, mut values, mut bytes) = (Vec::new(), Vec::new(), 0);
        for network in &self.networks {
            let made = network.tower.whole(&sequences);
            values.push(self.member(network, groups, &windows, &made));
            bytes += made.bytes();
            if bytes <= KEPT_BYTES {
                activations.push(made);
            } else {
                activations.clear();
            }
        }
        self.passes.local += groups.iter().map(|(group, _)| group.alternatives.len() as u64).sum::<u64>();
        let kept = activations.len() == self.networks.len();
        (kept.then_some(References { windows, activations }), split(groups, &values))
    }

    /// Predictions of some groups whose references are there.
    fn with_references(&mut self, groups: &[(&Group, usize)], references: &References) -> Vec<Vec<Values>> {
        self.passes.local += groups.iter().map(|(group, _)| group.alternatives.len() as u64).sum::<u64>();
        let members = self.networks.iter().zip(&references.activations);
        let values: Vec<_> =
            members.map(|(network, base)| self.member(network, groups, &references.windows, base)).collect();
        split(groups, &values)
    }

    /// Count 1, count 2, ratio and swapped ratio of one member, for the alternatives of one group after the other,
    /// each group's reference behind them if it is asked for. Groups come with the place of their reference in `base`.
    fn member(
        &self,
        network: &Network,
        groups: &[(&Group, usize)],
        windows: &[Vec<u8>],
        base: &Activations,
    ) -> Vec<[f32; 4]> {
        let Network { tower, heads } = network;
        // References first, then alternatives.
        let mut embeddings = heads.embeddings(&base.dense());
        let changed: Vec<(&[u8], usize)> =
            groups.iter().flat_map(|&(g, place)| g.alternatives.iter().map(move |&codes| (codes, place))).collect();
        let mut rest = &changed[..];
        while !rest.is_empty() {
            let mut spans: Vec<Vec<Vec<Range<usize>>>> = Vec::new();
            let mut rows = 0;
            for &(codes, place) in rest {
                let own = self.spans(codes, &windows[place]);
                rows += own.iter().map(|spans| tower.reach(spans)).sum::<usize>();
                if rows > CHANGED_ROWS && !spans.is_empty() {
                    break;
                }
                spans.push(own);
            }
            let (now, later) = rest.split_at(spans.len());
            rest = later;
            let sequences = self.sequences(now.iter().map(|&(codes, _)| codes));
            let jobs: Vec<Job> = sequences
                .iter()
                .enumerate()
                .map(|(number, codes)| {
                    let (strand, window) = (number / now.len(), number % now.len());
                    let link = Link::same(strand * windows.len() + now[window].1);
                    Job { codes, spans: std::mem::take(&mut spans[window][strand]), link }
                })
                .collect();
            embeddings.extend(heads.embeddings(&tower.changed(&jobs, base).dense()));
        }
        let mut pairs = Vec::new();
        let mut next = windows.len()..;
        for &(group, place) in groups {
            pairs.extend(next.by_ref().take(group.alternatives.len()).map(|row| [row, place]));
            pairs.extend(group.itself.then_some([place, place]));
        }
        heads.predict(&embeddings, &pairs, self.sample)
    }

    fn strands(&self) -> usize {
        match self.architecture.strands {
            Strands::Joined => 1,
            Strands::Averaged => 2,
        }
    }

    /// What the tower reads of windows: both strands as one, or all forward strands and then all reverse complements.
    fn sequences<'a>(&self, windows: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<Vec<u8>> {
        match self.architecture.strands {
            Strands::Joined => windows.map(|codes| [codes, &reverse_complement(codes)].concat()).collect(),
            Strands::Averaged => strands(windows),
        }
    }

    /// Where a window differs from its reference in each of the tower's sequences.
    fn spans(&self, codes: &[u8], reference: &[u8]) -> Vec<Vec<Range<usize>>> {
        let (length, reach) = (codes.len(), self.architecture.kernel_length);
        let forward = differences(codes, reference, reach);
        let mirrored = forward.iter().rev().map(|s| length - s.end..length - s.start);
        match self.architecture.strands {
            Strands::Averaged => vec![forward.clone(), mirrored.collect()],
            Strands::Joined => {
                let moved = mirrored.map(|s| s.start + length..s.end + length);
                vec![forward.iter().cloned().chain(moved).collect()]
            }
        }
    }
}

/// All sequences, and then all their reverse complements.
fn strands<'a>(sequences: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<Vec<u8>> {
    sequences.clone().map(<[u8]>::to_vec).chain(sequences.map(reverse_complement)).collect()
}

fn reverse_complement(codes: &[u8]) -> Vec<u8> {
    codes.iter().rev().map(|&code| complement(code)).collect()
}

/// Pairs by their reference, and the place of each pair.
fn group<'a>(alternatives: &'a [u8], references: &'a [u8], window: usize) -> (Vec<Group<'a>>, Vec<Place>) {
    let (mut groups, mut places): (Vec<Group>, Vec<Place>) = (Vec::new(), Vec::new());
    let (mut by_reference, mut by_both) = (HashMap::new(), HashMap::new());
    for (alternative, reference) in alternatives.chunks(window).zip(references.chunks(window)) {
        let number = *by_reference.entry(reference).or_insert_with(|| {
            groups.push(Group { reference, alternatives: Vec::new(), itself: false });
            groups.len() - 1
        });
        let group = &mut groups[number];
        if alternative == reference {
            group.itself = true;
            places.push((number, None));
            continue;
        }
        let place = *by_both.entry((number, alternative)).or_insert_with(|| {
            group.alternatives.push(alternative);
            group.alternatives.len() - 1
        });
        places.push((number, Some(place)));
    }
    (groups, places)
}

/// Mean and spread over members of what each says about a pair.
fn summarise(members: &[[f32; 4]]) -> Prediction {
    let of = |value: usize| mean_and_deviation(members.iter().map(move |member| f64::from(member[value])));
    let ([count1, count2, ratio], ratio_swapped) = ([0, 1, 2].map(of), of(3).0 as f32);
    let spread = match (count1.1, count2.1, ratio.1) {
        (Some(one), Some(two), Some(three)) => Some([one as f32, two as f32, three as f32]),
        _ => None,
    };
    Prediction { count1: count1.0 as f32, count2: count2.0 as f32, ratio: ratio.0 as f32, ratio_swapped, spread }
}

/// What each member says about the pairs of several groups, by group and pair.
fn split(groups: &[(&Group, usize)], members: &[Vec<[f32; 4]>]) -> Vec<Vec<Values>> {
    let mut pairs = 0..;
    let count = |group: &Group| group.alternatives.len() + usize::from(group.itself);
    let of_pair = |pair: usize| members.iter().map(|values| values[pair]).collect();
    groups.iter().map(|(group, _)| pairs.by_ref().take(count(group)).map(of_pair).collect()).collect()
}

#[cfg(test)]
mod tests;
