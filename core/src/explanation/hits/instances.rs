//! The sites of motifs in both alleles of a pair, joined, with the state of each.
//!
//! Sites of the two alleles are of one place if they are of the same motif on the same strand and their first bases and
//! their last bases stand in the same columns of the pair. Sites without such a partner are joined with a site of the
//! same motif and strand in the other allele that shares a column with them, the nearest first.

use std::ops::Range;

use crate::choice::choice;
use crate::error::Result;
use crate::explanation::hits::pair::{groups, SitePair};
use crate::motifs::log_odds::LogOdds;
use crate::motifs::paired::AlignedSequences;
use crate::motifs::{Hit, Motif, ScanOptions, Scanner, Strand};

choice!(
    /// What becomes of a site from the first to the second allele.
    State, "state",
    /// Both alleles have it with the same score.
    Kept "kept",
    /// Both have it, the second with a larger score.
    Strengthened "strengthened",
    /// Both have it, the second with a smaller score.
    Weakened "weakened",
    /// Only the second allele has it.
    Created "created",
    /// Only the first allele has it.
    Destroyed "destroyed",
    /// The second allele has it at another place that overlaps on the map.
    Moved "moved",
);

impl State {
    /// What it means, for a legend.
    pub fn meaning(self) -> &'static str {
        match self {
            State::Kept => "both alleles have the site, with the same score",
            State::Strengthened => "both alleles have the site, haplotype 2 with the better score",
            State::Weakened => "both alleles have the site, haplotype 1 with the better score",
            State::Created => "only haplotype 2 has the site",
            State::Destroyed => "only haplotype 1 has the site",
            State::Moved => "haplotype 2 has the site at another place that overlaps",
        }
    }

    /// The state from the second to the first allele.
    pub fn reversed(self) -> Self {
        match self {
            State::Strengthened => State::Weakened,
            State::Weakened => State::Strengthened,
            State::Created => State::Destroyed,
            State::Destroyed => State::Created,
            State::Kept | State::Moved => self,
        }
    }
}

/// A window of a motif in one allele.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Offsets of its bases.
    pub offsets: Range<usize>,
    /// Score in bits.
    pub score: f64,
    /// p-value of the score.
    pub p_value: f64,
    /// Whether the p-value is below the threshold.
    pub is_hit: bool,
}

/// A site with its counterpart in the other allele.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Number of the motif.
    pub motif: usize,
    /// The strand that resembles the motif.
    pub strand: Strand,
    /// The columns of the pair from its first to past its last base, in both alleles where both have it.
    pub columns: Range<usize>,
    /// In both alleles. Where an allele does not have it, the window that begins (else ends) in the same column, if
    /// there is one.
    pub sites: [Option<Site>; 2],
    /// What becomes of it.
    pub state: State,
    /// The first differing column of the change that it has, as [`Locus`](super::Locus) counts it.
    pub change: Option<usize>,
}

impl Instance {
    /// The least p-value of its sites.
    pub fn best_p(&self) -> f64 {
        self.sites.iter().flatten().map(|site| site.p_value).fold(1.0, f64::min)
    }
}

/// Finds sites of motifs in both alleles of pairs.
pub struct InstanceFinder {
    scanner: Scanner,
    /// On the forward and the reverse strand.
    scores: Vec<[LogOdds; 2]>,
}

/// A hit by the columns of its first and last base.
struct Placed {
    motif: usize,
    strand: Strand,
    columns: [usize; 2],
    hit: Hit,
}

impl Placed {
    fn key(&self) -> (usize, Strand, [usize; 2]) {
        (self.motif, self.strand, self.columns)
    }
}

impl InstanceFinder {
    /// Finds sites of `motifs` with p < `threshold` on both strands.
    ///
    /// # Errors
    /// The threshold is not in 0..=1, without 0.
    pub fn new(motifs: &[Motif], threshold: f64) -> Result<Self> {
        let scanner = Scanner::new(motifs, ScanOptions { threshold, both_strands: true })?;
        let both = |motif: &Motif| {
            let forward = LogOdds::new(motif);
            let reverse = forward.reverse_complement();
            [forward, reverse]
        };
        Ok(Self { scanner, scores: motifs.iter().map(both).collect() })
    }

    /// The motifs that can have no site.
    pub fn unreachable(&self) -> &[usize] {
        self.scanner.unreachable()
    }

    /// The instances of each pair that lie in the columns both alleles reach, by columns, motif and strand.
    ///
    /// # Errors
    /// A pair has blocks out of order.
    pub fn find(&self, pairs: &[SitePair]) -> Result<Vec<Vec<Instance>>> {
        let letters: Vec<[Vec<u8>; 2]> = pairs.iter().map(|pair| [pair.letters(0), pair.letters(1)]).collect();
        let blocks: Vec<_> = pairs.iter().map(SitePair::blocks).collect();
        let aligned: Vec<AlignedSequences> = letters
            .iter()
            .zip(&blocks)
            .map(|([first, second], blocks)| AlignedSequences { first, second, blocks })
            .collect();
        let hits = self.scanner.scan_pairs(&aligned)?;
        Ok(pairs.iter().zip(hits).map(|(pair, hits)| self.join(pair, hits)).collect())
    }

    fn join(&self, pair: &SitePair, hits: [Vec<Hit>; 2]) -> Vec<Instance> {
        let common = pair.common();
        let [mut one, mut two] = [0, 1].map(|allele| {
            let placed = hits[allele].iter().map(|hit| Placed {
                motif: hit.motif,
                strand: hit.strand,
                columns: [pair.column(allele, hit.start), pair.column(allele, hit.end - 1)],
                hit: *hit,
            });
            let inside = |placed: &Placed| placed.columns[0] >= common.start && placed.columns[1] < common.end;
            let mut placed: Vec<Placed> = placed.filter(inside).collect();
            placed.sort_unstable_by_key(Placed::key);
            placed
        });
        let mut instances = Vec::with_capacity(one.len().max(two.len()));
        let same = |a: &[Placed], b: &Placed| a.binary_search_by_key(&b.key(), Placed::key);
        for hit in &one {
            if let Ok(at) = same(&two, hit) {
                instances.push(self.instance(pair, [Some(hit), Some(&two[at])]));
            }
        }
        let in_two: Vec<bool> = one.iter().map(|hit| same(&two, hit).is_ok()).collect();
        let in_one: Vec<bool> = two.iter().map(|hit| same(&one, hit).is_ok()).collect();
        let alone = |list: &mut Vec<Placed>, found: &[bool]| {
            let mut found = found.iter();
            list.retain(|_| found.next() == Some(&false));
        };
        alone(&mut one, &in_two);
        alone(&mut two, &in_one);
        for [a, b] in overlapping(&one, &two) {
            instances.push(self.instance(pair, [a.map(|i| &one[i]), b.map(|i| &two[i])]));
        }
        instances.sort_unstable_by_key(|x| (x.columns.start, x.columns.end, x.motif, x.strand));
        instances
    }

    fn instance(&self, pair: &SitePair, placed: [Option<&Placed>; 2]) -> Instance {
        let found: Vec<&Placed> = placed.iter().copied().flatten().collect();
        let (motif, strand) = found.first().map_or((0, Strand::Forward), |p| (p.motif, p.strand));
        let start = found.iter().map(|p| p.columns[0]).min().unwrap_or(0);
        let end = found.iter().map(|p| p.columns[1] + 1).max().unwrap_or(start);
        let own = |p: &Placed| Site {
            offsets: p.hit.start..p.hit.end,
            score: p.hit.score,
            p_value: p.hit.p_value,
            is_hit: true,
        };
        let sites = [0, 1].map(|allele| match placed[allele] {
            Some(p) => Some(own(p)),
            None => self.counterpart(pair, allele, motif, strand, start..end),
        });
        let state = match (placed, &sites) {
            ([Some(a), Some(b)], _) if a.columns != b.columns => State::Moved,
            ([Some(a), Some(b)], _) if b.hit.score > a.hit.score => State::Strengthened,
            ([Some(a), Some(b)], _) if b.hit.score < a.hit.score => State::Weakened,
            ([Some(_), Some(_)], _) => State::Kept,
            ([None, _], _) => State::Created,
            ([_, None], _) => State::Destroyed,
        };
        let touched = found.iter().find_map(|p| pair.differing_in(&(p.columns[0]..p.columns[1] + 1)).first().copied());
        let width = self.scores[motif][0].width();
        let change = touched.and_then(|column| {
            let group = groups(pair.differing(), width).into_iter().find(|group| group.contains(&column));
            group.map(|group| group.start)
        });
        Instance { motif, strand, columns: start..end, sites, state, change }
    }

    /// The window of an allele that begins, or else ends, in the same column.
    fn counterpart(
        &self,
        pair: &SitePair,
        allele: usize,
        motif: usize,
        strand: Strand,
        columns: Range<usize>,
    ) -> Option<Site> {
        let scores = &self.scores[motif][usize::from(strand == Strand::Reverse)];
        let (width, bases) = (scores.width(), pair.codes(allele).len());
        let from_start = pair.offset(allele, columns.start);
        let from_end = || (pair.offset(allele, columns.end - 1)? + 1).checked_sub(width);
        let start = from_start.filter(|start| start + width <= bases).or_else(from_end)?;
        let score = scores.score(&pair.codes(allele)[start..start + width]);
        Some(Site { offsets: start..start + width, score, p_value: scores.p_value(score), is_hit: false })
    }
}

/// Partners among hits of one motif and strand that share a column, nearest first, each in one pair; then those that have
/// none.
fn overlapping(one: &[Placed], two: &[Placed]) -> Vec<[Option<usize>; 2]> {
    let mut near: Vec<(usize, usize, usize)> = Vec::new();
    for (i, a) in one.iter().enumerate() {
        let first = two.partition_point(|b| (b.motif, b.strand) < (a.motif, a.strand));
        let alike = two[first..].iter().take_while(|b| (b.motif, b.strand) == (a.motif, a.strand));
        for (j, b) in alike.enumerate() {
            if a.columns[0] <= b.columns[1] && b.columns[0] <= a.columns[1] {
                let distance = a.columns[0].abs_diff(b.columns[0]) + a.columns[1].abs_diff(b.columns[1]);
                near.push((distance, i, first + j));
            }
        }
    }
    near.sort_unstable();
    let (mut used_one, mut used_two) = (vec![false; one.len()], vec![false; two.len()]);
    let mut joined = Vec::new();
    for (_, i, j) in near {
        if !used_one[i] && !used_two[j] {
            (used_one[i], used_two[j]) = (true, true);
            joined.push([Some(i), Some(j)]);
        }
    }
    let alone = |used: Vec<bool>| used.into_iter().enumerate().filter(|(_, used)| !used).map(|(i, _)| i);
    joined.extend(alone(used_one).map(|i| [Some(i), None]));
    joined.extend(alone(used_two).map(|j| [None, Some(j)]));
    joined
}

#[cfg(test)]
#[path = "instances_tests.rs"]
mod tests;
