//! Whether main variants lie in sites of a motif more often than the other variants of the same regions.
//!
//! Sites and main variants both crowd around the centre of a region, so the variants are compared within layers of equal
//! distance from it.

use crate::stats::fisher::{stratified_fisher, StratifiedFisher};

/// A variant of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedVariant {
    /// Bases between it and the centre of its region.
    pub distance: u64,
    /// The variant with the largest predicted effect in its region.
    pub main: bool,
    /// Motifs with a site that holds it, in order.
    pub motifs: Vec<usize>,
}

/// Main variants and others, within sites of a motif and outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Enrichment {
    /// Main variants within sites, main variants outside, other variants within, others outside; over all layers.
    pub counts: [[u64; 2]; 2],
    /// The test within layers.
    pub test: StratifiedFisher,
}

/// For each of `motifs` motifs, whether main variants lie in its sites more often than others, in `layers` layers of
/// about equally many variants by their distance from the centre.
pub fn enrichment(variants: &[PlacedVariant], motifs: usize, layers: usize) -> Vec<Enrichment> {
    let mut distances: Vec<u64> = variants.iter().map(|variant| variant.distance).collect();
    distances.sort_unstable();
    // Equal distances are in one layer.
    let limits: Vec<u64> =
        (1..layers.max(1)).filter_map(|i| distances.get(i * distances.len() / layers)).copied().collect();
    let layers = limits.len() + 1;
    let mut all = vec![[0u64; 2]; layers];
    let mut within = vec![vec![[0u64; 2]; layers]; motifs];
    for variant in variants {
        let layer = limits.partition_point(|limit| *limit <= variant.distance);
        let kind = usize::from(!variant.main);
        all[layer][kind] += 1;
        variant.motifs.iter().for_each(|motif| within[*motif][layer][kind] += 1);
    }
    let of_motif = |within: Vec<[u64; 2]>| {
        let tables: Vec<[[u64; 2]; 2]> =
            within.iter().zip(&all).map(|(n, all)| [0, 1].map(|kind| [n[kind], all[kind] - n[kind]])).collect();
        let counts = [0, 1].map(|row| [0, 1].map(|column| tables.iter().map(|table| table[row][column]).sum()));
        Enrichment { counts, test: stratified_fisher(&tables) }
    };
    within.into_iter().map(of_motif).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::fisher::fisher;

    fn variants(list: &[(u64, bool, bool, usize)]) -> Vec<PlacedVariant> {
        let of = |&(distance, main, within, times): &(u64, bool, bool, usize)| {
            let motifs = if within { vec![1] } else { vec![] };
            vec![PlacedVariant { distance, main, motifs }; times]
        };
        list.iter().flat_map(of).collect()
    }

    #[test]
    fn one_layer_is_fishers_test() {
        let list = variants(&[(5, true, true, 8), (5, true, false, 2), (5, false, true, 1), (5, false, false, 5)]);
        let found = enrichment(&list, 2, 3);
        assert_eq!(found[1].counts, [[8, 2], [1, 5]]);
        let expected = fisher([[8, 2], [1, 5]]);
        assert!((found[1].test.p_value - expected.p_value).abs() < 1e-12);
        assert_eq!(found[1].test.odds_ratio, expected.odds_ratio);
        assert_eq!((found[0].counts, found[0].test.p_value), ([[0, 10], [0, 6]], 1.0));
    }

    #[test]
    fn what_the_distance_explains_is_no_enrichment() {
        // Near the centre most variants are main ones and lie in sites, far from it neither: within layers nothing is left.
        let list = variants(&[
            (1, true, true, 40),
            (1, true, false, 10),
            (1, false, true, 40),
            (1, false, false, 10),
            (90, true, true, 1),
            (90, true, false, 9),
            (90, false, true, 9),
            (90, false, false, 81),
        ]);
        let pooled = &enrichment(&list, 2, 1)[1];
        let layered = &enrichment(&list, 2, 2)[1];
        assert!(pooled.test.p_value < 1e-3 && layered.test.p_value > 0.9, "{pooled:?} {layered:?}");
        assert!((layered.test.odds_ratio - 1.0).abs() < 1e-12);
        assert_eq!(pooled.counts, layered.counts);
    }
}
