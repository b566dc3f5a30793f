//! The references and alternatives of a call, in batches that fit into memory.

use std::ops::Range;

use rayon::ThreadPool;

use crate::error::{Error, Result};
use crate::model::architecture::Strands;
use crate::model::encode::complement;
use crate::model::incremental::groups::{by_group, group, Group, Values};
use crate::model::incremental::heads::Heads;
use crate::model::incremental::overlap::{merge_overlapping, Merged};
use crate::model::incremental::receptive_field::differences;
use crate::model::incremental::tower::{Activations, Job, Origin, Tower};
use crate::model::incremental::Passes;
use crate::model::{Architecture, Weights};

/// Bytes of activations of reference windows that are computed at once; a single window may take more.
const REFERENCE_BYTES: usize = 64 << 20;
/// Bytes of activations of reference windows that are kept for the next call.
const KEPT_BYTES: usize = 256 << 20;
/// Positions before the first pool that are computed at once for alternatives.
const CHANGED_ROWS: usize = 4096;

/// One member of an ensemble.
struct Network {
    tower: Tower,
    heads: Heads,
}

/// The networks of a model file, and the references of the last call.
pub struct Engine {
    networks: Vec<Network>,
    architecture: Architecture,
    sample: usize,
    threads: usize,
    pool: Option<ThreadPool>,
    kept: Option<References>,
    passes: Passes,
}

/// Reference windows and, for each member, their activations.
struct References {
    windows: Vec<Vec<u8>>,
    activations: Vec<Activations<'static>>,
}

impl Engine {
    /// An engine of `members`, on `threads` threads, that predicts sample number `sample`. `None` if they do not fit
    /// `architecture`.
    pub fn new(architecture: &Architecture, members: &[Weights], sample: usize, threads: usize) -> Option<Self> {
        let network = |weights: &Weights| {
            let tower = Tower::new(architecture, weights).ok()?;
            Some(Network { tower, heads: Heads::new(architecture, weights).ok()? })
        };
        Some(Engine {
            networks: members.iter().map(network).collect::<Option<_>>()?,
            architecture: architecture.clone(),
            sample,
            threads,
            pool: None,
            kept: None,
            passes: Passes::default(),
        })
    }

    /// Passes so far.
    pub fn passes(&self) -> Passes {
        self.passes
    }

    /// Number of networks.
    pub fn members(&self) -> usize {
        self.networks.len()
    }

    /// Predictions of every member for each pair of windows.
    pub fn predict(&mut self, alternatives: &[u8], references: &[u8]) -> Result<Vec<Values>> {
        let (groups, pairs) = group(alternatives, references, self.architecture.window);
        let pool = self.pool()?;
        let values = pool.install(|| self.predict_groups(&groups));
        self.pool = Some(pool);
        Ok(pairs.into_iter().map(|(group, pair)| values[group][pair].clone()).collect())
    }

    /// Predictions of the pairs of each group.
    fn predict_groups(&mut self, groups: &[Group]) -> Vec<Vec<Values>> {
        let mut out = vec![Vec::new(); groups.len()];
        let kept = self.kept.take();
        let known = |group: &Group| kept.as_ref()?.windows.iter().position(|w| w == group.reference);
        // Groups whose reference is known from the last call first, then the others, as many at once as memory allows.
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (number, group) in groups.iter().enumerate() {
            match known(group) {
                Some(reference) => old.push((number, reference)),
                None => new.push(number),
            }
        }
        if let Some(kept) = kept.as_ref().filter(|_| !old.is_empty()) {
            let some: Vec<(&Group, usize)> = old.iter().map(|&(number, base)| (&groups[number], base)).collect();
            let values = self.with_references(&some, kept);
            old.iter().zip(values).for_each(|(&(number, _), v)| out[number] = v);
        }
        self.kept = kept;
        let tower = &self.networks[0].tower;
        let bytes = self.strands() * tower.bytes();
        let longest = if tower.pools() { REFERENCE_BYTES / (2 * tower.bytes_before_pool()) } else { 0 };
        let windows: Vec<&[u8]> = new.iter().map(|&number| groups[number].reference).collect();
        let (single, merged) = merge_overlapping(&windows, tower.ends(), longest);
        for numbers in single.chunks((REFERENCE_BYTES / bytes).max(1)) {
            let numbers: Vec<usize> = numbers.iter().map(|&n| new[n]).collect();
            // Freed before the next ones are computed.
            self.kept = None;
            let windows = numbers.iter().map(|&number| groups[number].reference.to_vec()).collect();
            let some: Vec<(&Group, usize)> = numbers.iter().map(|&n| &groups[n]).zip(0..).collect();
            let (references, values) = self.with_new_references(&some, windows);
            numbers.iter().zip(values).for_each(|(&number, v)| out[number] = v);
            self.kept = references;
        }
        for merged in merged {
            let some: Vec<&Group> = merged.windows.iter().map(|&(n, _)| &groups[new[n]]).collect();
            let values = self.with_merged(&some, &merged);
            merged.windows.iter().zip(values).for_each(|(&(n, _), v)| out[new[n]] = v);
        }
        out
    }

    /// Predictions of groups whose references overlap.
    fn with_merged(&mut self, groups: &[&Group], merged: &Merged) -> Vec<Vec<Values>> {
        let (window, length) = (self.architecture.window, merged.codes.len());
        let strands = both_strands(std::iter::once(&merged.codes[..]));
        let strands: Vec<&[u8]> = strands.iter().map(|codes| &codes[..]).collect();
        let bytes = self.strands() * self.networks[0].tower.bytes_after_pool();
        let many = (REFERENCE_BYTES / bytes).max(1);
        let mut values = Vec::with_capacity(self.networks.len());
        for network in &self.networks {
            let base = network.tower.start(&strands);
            let mut of_member = Vec::new();
            for (groups, offsets) in groups.chunks(many).zip(merged.windows.chunks(many)) {
                let windows: Vec<Vec<u8>> = groups.iter().map(|group| group.reference.to_vec()).collect();
                let sequences = self.sequences(windows.iter().map(|w| &w[..]));
                // A sequence sees nothing beyond its own ends, and, where strands are joined, the other strand.
                let edge = |at: usize| at..at;
                let job = |number: usize| {
                    let (strand, offset) = (number / groups.len(), offsets[number % groups.len()].1);
                    let forward = Origin::shifted(0, offset as isize);
                    let to_end = (length - offset - window) as isize;
                    let (spans, origin) = match self.architecture.strands {
                        Strands::Joined => {
                            let reverse = Origin::shifted(1, to_end - window as isize);
                            (vec![edge(0), edge(window), edge(2 * window)], forward.until(window, reverse))
                        }
                        Strands::Averaged if strand == 0 => (vec![edge(0), edge(window)], forward),
                        Strands::Averaged => (vec![edge(0), edge(window)], Origin::shifted(1, to_end)),
                    };
                    Job { codes: &sequences[number], spans, origin }
                };
                let jobs: Vec<Job> = (0..sequences.len()).map(job).collect();
                let base = network.tower.shifted(&jobs, &base);
                let groups: Vec<(&Group, usize)> = groups.iter().copied().zip(0..).collect();
                of_member.extend(self.member(network, &groups, &windows, &base));
            }
            values.push(of_member);
        }
        self.passes.whole += 1;
        self.passes.overlapping += groups.len() as u64;
        self.passes.incremental += alternatives(groups.iter().copied());
        by_group(groups.iter().copied(), &values)
    }

    /// Predictions of some groups whose references are computed first, and the references if they can be kept.
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
        self.passes.incremental += alternatives(groups.iter().map(|&(group, _)| group));
        let kept = activations.len() == self.networks.len();
        let values = by_group(groups.iter().map(|&(group, _)| group), &values);
        (kept.then_some(References { windows, activations }), values)
    }

    /// Predictions of some groups whose references are in memory.
    fn with_references(&mut self, groups: &[(&Group, usize)], references: &References) -> Vec<Vec<Values>> {
        self.passes.incremental += alternatives(groups.iter().map(|&(group, _)| group));
        let members = self.networks.iter().zip(&references.activations);
        let values: Vec<_> =
            members.map(|(network, base)| self.member(network, groups, &references.windows, base)).collect();
        by_group(groups.iter().map(|&(group, _)| group), &values)
    }

    /// One member's predictions of the pairs of one group after the other. `groups` come with the index of their
    /// reference in `windows`, of which `base` has the activations.
    fn member(
        &self,
        network: &Network,
        groups: &[(&Group, usize)],
        windows: &[Vec<u8>],
        base: &Activations,
    ) -> Vec<[f32; 4]> {
        let changed: Vec<(&[u8], usize)> =
            groups.iter().flat_map(|&(g, base)| g.alternatives.iter().map(move |&codes| (codes, base))).collect();
        let embeddings = self.embeddings(network, &changed, windows, base);
        let mut pairs = Vec::new();
        let mut next = windows.len()..;
        for &(group, base) in groups {
            pairs.extend(next.by_ref().take(group.alternatives.len()).map(|row| [row, base]));
            pairs.extend(group.itself.then_some([base, base]));
        }
        network.heads.predict(&embeddings, &pairs, self.sample)
    }

    /// Embeddings of the references, then of the windows `changed`, each with the number of its reference.
    fn embeddings(
        &self,
        network: &Network,
        changed: &[(&[u8], usize)],
        windows: &[Vec<u8>],
        base: &Activations,
    ) -> Vec<f32> {
        let Network { tower, heads } = network;
        let mut embeddings = heads.embeddings(&base.dense());
        let mut rest = changed;
        while !rest.is_empty() {
            let mut spans: Vec<Vec<Vec<Range<usize>>>> = Vec::new();
            let mut rows = 0;
            for &(codes, base) in rest {
                let own = self.spans(codes, &windows[base]);
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
                    let origin = Origin::same(strand * windows.len() + now[window].1);
                    Job { codes, spans: std::mem::take(&mut spans[window][strand]), origin }
                })
                .collect();
            embeddings.extend(heads.embeddings(&tower.changed(&jobs, base).dense()));
        }
        embeddings
    }

    /// Predictions of every member for `pair` itself, and then for the pair with each of `changed` in the place of the
    /// allele (0 or 1) that it comes with. Of each only the positions are computed in which it differs from that allele.
    pub fn predict_changed(&mut self, pair: [&[u8]; 2], changed: &[(usize, &[u8])]) -> Result<Vec<Values>> {
        let pool = self.pool()?;
        let (windows, alleles) = match pair[0] == pair[1] {
            true => (vec![pair[0].to_vec()], [0, 0]),
            false => (pair.map(<[u8]>::to_vec).to_vec(), [0, 1]),
        };
        let rows: Vec<(&[u8], usize)> = changed.iter().map(|&(allele, codes)| (codes, alleles[allele])).collect();
        let row = windows.len()..;
        let pairs = changed.iter().zip(row).map(|(&(allele, _), row)| match allele {
            0 => [row, alleles[1]],
            _ => [alleles[0], row],
        });
        let pairs: Vec<[usize; 2]> = std::iter::once(alleles).chain(pairs).collect();
        let members: Vec<Vec<[f32; 4]>> = pool.install(|| {
            let sequences = self.sequences(windows.iter().map(|w| &w[..]));
            let sequences: Vec<&[u8]> = sequences.iter().map(|s| &s[..]).collect();
            let of_member = |network: &Network| {
                let base = network.tower.whole(&sequences);
                network.heads.predict(&self.embeddings(network, &rows, &windows, &base), &pairs, self.sample)
            };
            self.networks.iter().map(of_member).collect()
        });
        self.pool = Some(pool);
        self.passes.whole += windows.len() as u64;
        self.passes.incremental += changed.len() as u64;
        Ok((0..pairs.len()).map(|pair| members.iter().map(|values| values[pair]).collect()).collect())
    }

    /// The threads, to be put back.
    fn pool(&mut self) -> Result<ThreadPool> {
        match self.pool.take() {
            Some(pool) => Ok(pool),
            None => rayon::ThreadPoolBuilder::new()
                .num_threads(self.threads)
                .build()
                .map_err(|e| Error::engine(format!("cannot start {} threads: {e}", self.threads))),
        }
    }

    /// Sequences of a window that the tower reads.
    fn strands(&self) -> usize {
        match self.architecture.strands {
            Strands::Joined => 1,
            Strands::Averaged => 2,
        }
    }

    /// The sequences that the tower reads of windows: both strands joined, or all forward strands and then all reverse
    /// complements.
    fn sequences<'a>(&self, windows: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<Vec<u8>> {
        match self.architecture.strands {
            Strands::Joined => windows.map(|codes| [codes, &reverse_complement(codes)].concat()).collect(),
            Strands::Averaged => both_strands(windows),
        }
    }

    /// Where a window differs from its reference, in each of the sequences that the tower reads of it.
    fn spans(&self, codes: &[u8], reference: &[u8]) -> Vec<Vec<Range<usize>>> {
        let (length, reach) = (codes.len(), self.architecture.kernel_length);
        let forward = differences(codes, reference, reach);
        let mirrored = forward.iter().rev().map(|s| length - s.end..length - s.start);
        match self.architecture.strands {
            Strands::Averaged => vec![forward.clone(), mirrored.collect()],
            Strands::Joined => {
                let shifted = mirrored.map(|s| s.start + length..s.end + length);
                vec![forward.iter().cloned().chain(shifted).collect()]
            }
        }
    }
}

fn alternatives<'a>(groups: impl Iterator<Item = &'a Group<'a>>) -> u64 {
    groups.map(|group| group.alternatives.len() as u64).sum()
}

/// All sequences, then all their reverse complements.
fn both_strands<'a>(sequences: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<Vec<u8>> {
    sequences.clone().map(<[u8]>::to_vec).chain(sequences.map(reverse_complement)).collect()
}

fn reverse_complement(codes: &[u8]) -> Vec<u8> {
    codes.iter().rev().map(|&code| complement(code)).collect()
}
