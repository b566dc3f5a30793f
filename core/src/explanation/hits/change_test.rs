//! How unusual the change of a motif's best site is, among changes of the same class at random places.
//!
//! The statistic of a motif and a change is |log2 p2 - log2 p1|, where p1 and p2 are the least p-values of the windows on
//! both strands that have a base of the change or lie across it, in the first and the second allele (as in ADASTRA and in
//! the rank test of atSNP). Since the same is computed of the placements of the null, the number of windows and strands is
//! accounted for.
//!
//! - Of a single base with a motif's width of bases around it, every placement in the pool is gone through: p =
//!   (k + 1)/(n + 1), if k of n statistics are at least as large.
//! - Of all others, placements are drawn until [`EXCEEDING`] of them are at least as large, at the L-th: p = EXCEEDING/L
//!   (Besag and Clifford 1991); or p = (k + 1)/(n + 1) after n = [`DRAWS`]. The changes of one class share the placements
//!   and therefore their error, so that [`DRAWS_EACH`] times as many are drawn as there are such changes, at most
//!   [`SHARED_DRAWS`], before drawing may end: if EXCEEDING or more of these m are at least as large, p = (k + 1)/(m + 1).
//!   The generator is seeded by the motif's name and the class.

use std::collections::{BTreeMap, HashMap};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::explanation::hits::background::Pool;
use crate::explanation::hits::integer_scores::{IntegerScores, LOG2_UNITS, NO_WINDOW};
use crate::explanation::hits::templates::{Column, Locus, Template};
use crate::motifs::log_odds::LogOdds;
use crate::motifs::Motif;
use crate::stats::false_discovery::q_values;

/// Drawn statistics at least as large as that of a change, after which drawing ends.
pub const EXCEEDING: usize = 20;
/// Placements drawn for each change of a class in any case, and for all of them at most.
pub const DRAWS_EACH: usize = 20;
/// Placements drawn for the changes of a class in any case, at most.
pub const SHARED_DRAWS: usize = 2000;
/// Drawn placements at most.
pub const DRAWS: usize = 50_000;
/// Attempts to find a place for a drawn stretch.
const ATTEMPTS: usize = 10_000;

/// The test of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// log2 of the least p-value of the windows around the change, in both alleles.
    pub log2_p: [f64; 2],
    /// p-value of the difference; `None` where the class has no placement in the pool.
    pub p_value: Option<f64>,
    /// Benjamini and Hochberg's q over all tests of the run.
    pub q_value: Option<f64>,
}

/// The tests of a run.
#[derive(Clone, Debug, Default)]
pub struct ChangeTests {
    /// Of changes that may have a site: by number of the pair, motif and first differing column.
    near_sites: HashMap<(u32, u32, usize), Tested>,
    /// How many tests have each p-value, by its bits, which are in the order of the values.
    p_values: BTreeMap<u64, u64>,
    /// Tests with a p-value.
    pub tests: u64,
    /// Tests of a class that has no placement in the pool, or of unknown bases.
    pub untested: u64,
}

impl ChangeTests {
    /// The test of `motif` and the change that begins in column `column` of pair `pair`, if it may have a site.
    pub fn get(&self, pair: u32, motif: usize, column: usize) -> Option<&Tested> {
        self.near_sites.get(&(pair, u32::try_from(motif).ok()?, column))
    }

    /// The p-values of all tests in order, each with the number of tests that have it.
    pub fn p_values(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.p_values.iter().map(|(&bits, &count)| (f64::from_bits(bits), count))
    }

    fn add(&mut self, other: Self) {
        self.near_sites.extend(other.near_sites);
        self.tests += other.tests;
        self.untested += other.untested;
        for (bits, count) in other.p_values {
            *self.p_values.entry(bits).or_default() += count;
        }
    }

    fn count(&mut self, p: Option<f64>) {
        match p {
            Some(p) => {
                *self.p_values.entry(p.to_bits()).or_default() += 1;
                self.tests += 1;
            }
            None => self.untested += 1,
        }
    }

    fn with_q_values(mut self) -> Self {
        let p: Vec<(f64, u64)> = self.p_values().collect();
        let q: HashMap<u64, f64> = p.iter().zip(q_values(&p)).map(|((p, _), q)| (p.to_bits(), q)).collect();
        for tested in self.near_sites.values_mut() {
            tested.q_value = tested.p_value.and_then(|p| q.get(&p.to_bits()).copied());
        }
        self
    }
}

/// Test every change of `loci` with every motif that can have a site, a window of p < `threshold`. Work is shared between
/// the threads of rayon's current pool; the result does not depend on their number.
pub fn test_changes(motifs: &[Motif], loci: &[Locus], pool: &Pool, threshold: f64, seed: u64) -> ChangeTests {
    let of_motif = |(number, motif): (usize, &Motif)| {
        let scores = IntegerScores::new(&LogOdds::new(motif), threshold)?;
        Some(OfMotif::new(&scores, pool, motif.name(), seed).test(number as u32, loci))
    };
    let all: Vec<Option<ChangeTests>> = motifs.par_iter().enumerate().map(of_motif).collect();
    let mut tests = ChangeTests::default();
    all.into_iter().flatten().for_each(|of_motif| tests.add(of_motif));
    tests.with_q_values()
}

/// The null of one motif.
struct OfMotif<'a> {
    scores: &'a IntegerScores,
    pool: &'a Pool,
    /// Scores of the windows of the pool on both strands.
    windows: [Vec<i32>; 2],
    /// Of transitions and transversions, once they are needed.
    single: [Option<Tail>; 2],
    drawn: HashMap<Template, Drawn>,
    seed: u64,
}

/// How many placements have at least each statistic.
struct Tail {
    at_least: Vec<u64>,
}

/// Statistics of drawn placements, as many as were needed so far.
struct Drawn {
    random: ChaCha8Rng,
    /// Changes of the class in this run.
    changes: usize,
    statistics: Vec<u32>,
    codes: [Vec<u8>; 2],
}

impl Drawn {
    fn new(motif_seed: u64, class: &Template) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed_of(motif_seed, class));
        Self { random, changes: 1, statistics: Vec::new(), codes: Default::default() }
    }
}

impl<'a> OfMotif<'a> {
    fn new(scores: &'a IntegerScores, pool: &'a Pool, name: &str, seed: u64) -> Self {
        let windows = scores.all(pool.codes());
        // FNV-1a of the name.
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        let seed = name.bytes().chain(seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, hash);
        Self { scores, pool, windows, single: [None, None], drawn: HashMap::new(), seed }
    }

    fn test(mut self, motif: u32, loci: &[Locus]) -> ChangeTests {
        let mut tests = ChangeTests::default();
        let width = self.scores.width();
        let mut codes = Vec::new();
        let mut changes = Vec::new();
        for locus in loci {
            for change in locus.changes(width) {
                let best = [0, 1].map(|allele| {
                    change.codes(allele, &mut codes);
                    self.scores.best(&codes)
                });
                if best.contains(&NO_WINDOW) {
                    tests.untested += 1;
                    continue;
                }
                let class = change.template();
                if let Some(drawn) = class.as_ref().filter(|class| !self.is_single_base(class)) {
                    match self.drawn.get_mut(drawn) {
                        Some(drawn) => drawn.changes += 1,
                        None => drop(self.drawn.insert(drawn.clone(), Drawn::new(self.seed, drawn))),
                    }
                }
                changes.push((locus.pair, change.column, best, class));
            }
        }
        for (pair, column, best, class) in changes {
            let log2_p = best.map(|score| self.scores.log2_p(score));
            let p_value = class.and_then(|class| self.p_value(class, log2_p[0].abs_diff(log2_p[1])));
            tests.count(p_value);
            if best.iter().any(|score| self.scores.may_be_site(*score)) {
                let log2_p = log2_p.map(|p| f64::from(p) / LOG2_UNITS);
                tests.near_sites.insert((pair, motif, column), Tested { log2_p, p_value, q_value: None });
            }
        }
        tests
    }

    /// Whether it is a replaced base with all windows around it.
    fn is_single_base(&self, class: &Template) -> bool {
        let replaced = matches!(class.columns[..], [Column::Transition | Column::Transversion]);
        replaced && class.flanks == [self.scores.width() - 1; 2]
    }

    fn p_value(&mut self, class: Template, statistic: u32) -> Option<f64> {
        match self.is_single_base(&class) {
            true => self.of_single_base(usize::from(class.columns[0] == Column::Transversion), statistic),
            false => self.of_drawn(class, statistic),
        }
    }

    fn of_single_base(&mut self, kind: usize, statistic: u32) -> Option<f64> {
        if self.single[kind].is_none() {
            let [transitions, transversions] = self.every_single_base();
            self.single = [Some(transitions), Some(transversions)];
        }
        let tail = self.single[kind].as_ref()?;
        let n = *tail.at_least.first()?;
        let k = tail.at_least.get(statistic as usize).copied().unwrap_or(0);
        (n > 0).then(|| (k + 1) as f64 / (n + 1) as f64)
    }

    /// Statistics of every replaced base of the pool that has a window's width of bases around it.
    fn every_single_base(&self) -> [Tail; 2] {
        let width = self.scores.width();
        let mut counts = [(); 2].map(|()| vec![0u64; self.scores.largest_difference() + 1]);
        // What a replaced base adds, by strand, the base that is there and the one that replaces it.
        let added: Vec<Vec<i32>> =
            (0..32u8).map(|i| self.scores.substitution(usize::from(i / 16), i / 4 % 4, i % 4)).collect();
        for (start, &room) in self.pool.room().iter().enumerate() {
            if (room as usize) < 2 * width - 1 {
                continue;
            }
            let from = self.pool.codes()[start + width - 1];
            let windows = self.windows.each_ref().map(|windows| &windows[start..start + width]);
            let best = windows.iter().flat_map(|scores| scores.iter()).copied().fold(NO_WINDOW, i32::max);
            let before = self.scores.log2_p(best);
            for to in (0..4).filter(|to| *to != from) {
                let mut best = NO_WINDOW;
                for (strand, scores) in windows.iter().enumerate() {
                    let added = &added[16 * strand + 4 * usize::from(from) + usize::from(to)];
                    best = scores.iter().zip(added).fold(best, |best, (score, more)| best.max(score + more));
                }
                let statistic = before.abs_diff(self.scores.log2_p(best)) as usize;
                counts[usize::from(from.abs_diff(to) != 2)][statistic] += 1;
            }
        }
        counts.map(|mut at_least| {
            let mut sum = 0;
            for count in at_least.iter_mut().rev() {
                sum += *count;
                *count = sum;
            }
            Tail { at_least }
        })
    }

    fn of_drawn(&mut self, class: Template, statistic: u32) -> Option<f64> {
        if class.len() > self.pool.longest() {
            return None;
        }
        // Taken out, because drawing needs the rest.
        let mut drawn = self.drawn.remove(&class)?;
        let least = (DRAWS_EACH * drawn.changes).min(SHARED_DRAWS);
        let (mut exceeding, mut seen) = (0, 0);
        let mut p_value = None;
        while p_value.is_none() {
            if seen == drawn.statistics.len() {
                let Some(next) = self.draw(&class, &mut drawn) else { break };
                drawn.statistics.push(next);
            }
            exceeding += usize::from(drawn.statistics[seen] >= statistic);
            seen += 1;
            p_value = match seen {
                seen if seen > least && exceeding >= EXCEEDING => Some(exceeding as f64 / seen as f64),
                seen if (seen == least && exceeding >= EXCEEDING) || seen == DRAWS => {
                    Some((exceeding + 1) as f64 / (seen + 1) as f64)
                }
                _ => None,
            };
        }
        self.drawn.insert(class, drawn);
        p_value
    }

    /// The statistic of a change of `class` at a random place.
    fn draw(&self, class: &Template, drawn: &mut Drawn) -> Option<u32> {
        let (room, size) = (self.pool.room(), class.len());
        let place = |_| drawn.random.random_range(0..room.len());
        let start = (0..ATTEMPTS).map(place).find(|&start| room[start] as usize >= size)?;
        let stretch = &self.pool.codes()[start..start + size];
        let [first, second] = &mut drawn.codes;
        let [left, right] = class.flanks;
        for (codes, lacking) in [(&mut *first, Column::Second), (&mut *second, Column::First)] {
            codes.clear();
            codes.extend_from_slice(&stretch[..left]);
            let middle = stretch[left..].iter().zip(&class.columns);
            codes.extend(middle.filter(|(_, column)| **column != lacking).map(|(code, _)| *code));
            codes.extend_from_slice(&stretch[size - right..]);
        }
        // Replaced bases are those of the second allele.
        let mut at = left;
        for column in &class.columns {
            match column {
                Column::Transition => second[at] ^= 2,
                Column::Transversion => second[at] ^= if drawn.random.random() { 1 } else { 3 },
                Column::Equal | Column::First | Column::Second => {}
            }
            at += usize::from(*column != Column::First);
        }
        let width = self.scores.width();
        let first = match class.first_is_whole() {
            true => {
                let windows = self.windows.iter().flat_map(|scores| scores[start..start + size + 1 - width].iter());
                windows.copied().fold(NO_WINDOW, i32::max)
            }
            false => self.scores.best(first),
        };
        Some(self.scores.log2_p(first).abs_diff(self.scores.log2_p(self.scores.best(second))))
    }
}

/// A seed that differs between the classes of a motif.
fn seed_of(motif: u64, class: &Template) -> u64 {
    let columns = class.columns.iter().map(|column| *column as u64);
    let parts = class.flanks.iter().map(|flank| *flank as u64).chain(columns);
    parts.fold(motif, |hash, part| (hash ^ part).wrapping_mul(0x100_0000_01b3).rotate_left(23))
}

#[cfg(test)]
#[path = "change_test_tests.rs"]
mod tests;
