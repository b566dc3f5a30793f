//! What a model has learned: clusters of the seqlets of both alleles, the motif of each, and known motifs that resemble
//! it.

use std::cmp::Reverse;
use std::collections::HashSet;

use ndarray::{s, Array2};
use rayon::prelude::*;

use crate::error::Result;
use crate::explanation::clusters::contribution_motif::{
    contribution_motif, effects, frequencies_in, Direction, Effects, Placement,
};
use crate::explanation::clusters::linkage::bounded;
use crate::explanation::clusters::similarity::{Comparison, Metric, Neighbours, Prepared};
use crate::explanation::clusters::tree::Tree;
use crate::explanation::seqlets::of_pairs::PairSeqlet;
use crate::motifs::{Match, Motif, Tomtom};

/// Known motifs that are named for each learned one.
pub const NAMED_MATCHES: usize = 3;

/// How motifs are made from seqlets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotifOptions {
    /// How seqlets are compared; the default is the published way with its errors corrected.
    pub comparison: Comparison,
    /// Seqlets of a cluster are closer than this to each other; 0.05 as published.
    pub distance: f64,
    /// A motif has at least so many seqlets; 20 as published.
    pub least_seqlets: usize,
    /// Pairs of similar seqlets kept in memory at a time, 32 bytes each. Does not change the result.
    pub most_pairs: usize,
}

impl Default for MotifOptions {
    fn default() -> Self {
        Self { comparison: Comparison::default(), distance: 0.05, least_seqlets: 20, most_pairs: 16 << 20 }
    }
}

/// A motif that a model has learned.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedMotif {
    /// Base frequencies, named `motif_1` and so on, the one of most seqlets first.
    pub motif: Motif,
    /// Shape (width, 4): mean contributions of its seqlets, each with its sign taken out, at the columns of `motif`.
    pub contributions: Array2<f64>,
    /// Its seqlets by number, ascending.
    pub members: Vec<usize>,
    /// Where each of them lies in `motif`.
    pub placements: Vec<Placement>,
    /// Effects of its seqlets.
    pub effects: Effects,
    /// Pairs with at least one of its seqlets.
    pub regions: usize,
    /// Seqlets that have a counterpart in the other allele.
    pub common: usize,
}

impl LearnedMotif {
    /// Whether its seqlets increase the prediction on average.
    pub fn direction(&self) -> Direction {
        if self.effects.mean < 0.0 {
            Direction::Decreases
        } else {
            Direction::Increases
        }
    }
}

/// Motifs, and what was left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// The motifs, that of most seqlets first; of equal ones that whose first seqlet comes first.
    pub motifs: Vec<LearnedMotif>,
    /// Number of clusters, with those that are no motif.
    pub clusters: usize,
    /// Clusters of enough seqlets in which less than three positions contribute.
    pub without_positions: usize,
}

/// Clusters of seqlets by complete linkage: the number of the cluster of each, in the order of their first seqlets. Memory
/// does not grow with the square of the number of seqlets, time does.
///
/// # Errors
/// A distance outside 0 to 1, or contributions that are not finite.
pub fn cluster(seqlets: &[PairSeqlet], options: &MotifOptions) -> Result<Vec<u32>> {
    let prepared: Vec<Prepared> =
        seqlets.iter().map(|s| Prepared::new(s.contributions.mapv(f64::from).view())).collect::<Result<_>>()?;
    let neighbours = Neighbours::new(options.comparison, &prepared, options.distance)?;
    bounded(prepared.len(), options.distance, options.most_pairs, |first| neighbours.after(first))
}

/// The motifs of the clusters of `seqlets`, numbered by [`cluster`].
///
/// # Errors
/// Contributions that are not finite.
pub fn learned_motifs(seqlets: &[PairSeqlet], clusters: &[u32], options: &MotifOptions) -> Result<Learned> {
    let number = clusters.iter().max().map_or(0, |most| *most as usize + 1);
    let mut members = vec![Vec::new(); number];
    for (seqlet, cluster) in clusters.iter().enumerate() {
        members[*cluster as usize].push(seqlet);
    }
    members.retain(|members| members.len() >= options.least_seqlets.max(1));
    // Stable: the order of first seqlets stays.
    members.sort_by_key(|members| Reverse(members.len()));
    let made: Vec<Option<LearnedMotif>> = members
        .into_iter()
        .map(|members| learned_motif(seqlets, members, &options.comparison))
        .collect::<Result<_>>()?;
    let all = made.len();
    let mut motifs: Vec<LearnedMotif> = made.into_iter().flatten().collect();
    let without_positions = all - motifs.len();
    for (i, learned) in motifs.iter_mut().enumerate() {
        let sites = learned.members.len() as f64;
        let probabilities = learned.motif.probabilities().to_owned();
        learned.motif = Motif::new(format!("motif_{}", i + 1), probabilities)?.with_sites(sites);
    }
    Ok(Learned { motifs, clusters: number, without_positions })
}

fn learned_motif(seqlets: &[PairSeqlet], members: Vec<usize>, comparison: &Comparison) -> Result<Option<LearnedMotif>> {
    let matrices: Vec<Array2<f64>> = members.iter().map(|&m| seqlets[m].contributions.mapv(f64::from)).collect();
    let views: Vec<_> = matrices.iter().map(|matrix| matrix.view()).collect();
    let Some(found) = contribution_motif(&views, comparison)? else { return Ok(None) };
    // The sign of each seqlet has been taken out.
    let direction = Direction::Increases;
    let Some(bases) = frequencies_in(found.contributions.view(), direction) else { return Ok(None) };
    let rows = bases.start..bases.start + bases.frequencies.nrows();
    let placed = |placement: Placement| Placement { offset: placement.offset - bases.start as isize, ..placement };
    let own = || members.iter().map(|&member| &seqlets[member]);
    let regions: HashSet<usize> = own().map(PairSeqlet::pair).collect();
    Ok(Some(LearnedMotif {
        contributions: found.contributions.slice(s![rows, ..]).to_owned(),
        placements: found.placements.into_iter().map(placed).collect(),
        effects: effects(own().map(|seqlet| &seqlet.seqlet)),
        regions: regions.len(),
        common: own().filter(|seqlet| seqlet.common).count(),
        motif: Motif::new("motif", bases.frequencies)?,
        members,
    }))
}

/// The motif of each of `seqlets` seqlets: its number, and whether the seqlet is reverse complemented in it.
pub fn motif_of_seqlets(motifs: &[LearnedMotif], seqlets: usize) -> Vec<Option<(usize, bool)>> {
    let mut of = vec![None; seqlets];
    for (number, motif) in motifs.iter().enumerate() {
        for (member, placement) in motif.members.iter().zip(&motif.placements) {
            of[*member] = Some((number, placement.reverse));
        }
    }
    of
}

/// The `most` targets that each query resembles most, by p-value and then by their order, with their numbers.
pub fn best_matches(tomtom: &Tomtom, queries: &[Motif], most: usize) -> Vec<Vec<(usize, Match)>> {
    let best = |query: &Motif| {
        let mut matches: Vec<(usize, Match)> = tomtom.compare(query).into_iter().enumerate().collect();
        matches.sort_by(|(_, a), (_, b)| a.p_value.total_cmp(&b.p_value));
        matches.truncate(most);
        matches
    };
    queries.par_iter().map(best).collect()
}

/// Motifs in a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct MotifTree {
    /// Average linkage of 1 - r, r being the largest correlation of the contributions over offsets and strands.
    pub tree: Tree,
    /// Motifs in the order of the tree, and whether each is shown reverse complemented: so that it is on the strand of the
    /// one before it.
    pub leaves: Vec<(usize, bool)>,
}

/// The tree of `motifs`.
///
/// # Errors
/// Contributions that are not finite.
pub fn motif_tree(motifs: &[LearnedMotif]) -> Result<MotifTree> {
    let comparison = Comparison { metric: Metric::Correlation, ..Comparison::default() };
    let prepared: Vec<Prepared> =
        motifs.iter().map(|motif| Prepared::new(motif.contributions.view())).collect::<Result<_>>()?;
    let distances = |first: usize| -> Vec<f64> {
        prepared[first + 1..].iter().map(|second| comparison.align(&prepared[first], second).distance).collect()
    };
    let distances: Vec<Vec<f64>> = (0..prepared.len()).into_par_iter().map(distances).collect();
    let tree = Tree::average_linkage(prepared.len(), &distances.concat())?;
    let mut leaves: Vec<(usize, bool)> = Vec::with_capacity(motifs.len());
    for motif in tree.order() {
        let reverse = leaves
            .last()
            .is_some_and(|&(before, reverse)| comparison.align(&prepared[motif], &prepared[before]).reverse != reverse);
        leaves.push((motif, reverse));
    }
    Ok(MotifTree { tree, leaves })
}

#[cfg(test)]
#[path = "learned_motifs_tests.rs"]
mod tests;
