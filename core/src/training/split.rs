//! The division of examples into training, validation and test.

use std::collections::BTreeMap;
use std::fmt;

use rand::seq::SliceRandom;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The part to which an example belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Trains the network.
    Train,
    /// Chooses the epoch; not seen by the optimiser.
    Validation,
    /// Used for the final metrics alone.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        })
    }
}

/// The locus of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the contig.
    pub chrom: String,
    /// Start of the window that the network reads, 0-based; may be negative.
    pub start: i64,
    /// Its end, exclusive.
    pub end: i64,
}

/// Whole chromosomes: `validation` and `test` by name (with or without `chr`), all others train. Without names for the
/// test part, as published, it is empty.
///
/// # Errors
/// A name without examples, a chromosome in both lists, or another part that would be empty.
pub fn by_chromosome(places: &[Place], validation: &[String], test: &[String]) -> Result<Vec<Part>> {
    let plain = |name: &str| name.strip_prefix("chr").unwrap_or(name).to_string();
    for name in validation.iter().chain(test) {
        if !places.iter().any(|p| plain(&p.chrom) == plain(name)) {
            return Err(Error::option(format!("there is no example on chromosome {name}, which should be held out")));
        }
    }
    if let Some(twice) = validation.iter().find(|v| test.iter().any(|t| plain(t) == plain(v))) {
        return Err(Error::option(format!("chromosome {twice} cannot be both validation and test")));
    }
    let holds = |names: &[String], chrom: &str| names.iter().any(|n| plain(n) == plain(chrom));
    let parts = places
        .iter()
        .map(|place| match () {
            _ if holds(validation, &place.chrom) => Part::Validation,
            _ if holds(test, &place.chrom) => Part::Test,
            _ => Part::Train,
        })
        .collect();
    complete(parts, test.is_empty())
}

/// Blocks of `block` bases of each chromosome, shuffled by `seed` and assigned to test and validation until each has its
/// share of the examples. Windows that overlap stay together, even across blocks, so that no base of a test window is
/// trained on.
///
/// # Errors
/// Too few blocks to fill all three parts.
pub fn by_block(places: &[Place], block: u64, validation_share: f64, test_share: f64, seed: u64) -> Result<Vec<Part>> {
    let keys = block_keys(places, block);
    by_shuffled_key(&keys, validation_share, test_share, seed)
}

/// Groups given by the user (a locus, a gene): CRC-32 of the name modulo 10, 0-7 train, 8 validation, 9 test.
/// A group is in the same part in every table and at every seed.
///
/// # Errors
/// A part would be empty.
pub fn by_group(groups: &[String]) -> Result<Vec<Part>> {
    complete(groups.iter().map(|group| part_of_group(group)).collect(), false)
}

/// The part of one group, by the rule of [`by_group`].
pub fn part_of_group(group: &str) -> Part {
    match crc32fast::hash(group.as_bytes()) % 10 {
        8 => Part::Validation,
        9 => Part::Test,
        _ => Part::Train,
    }
}

/// The key of each locus in [`by_block`]: its block of `block` bases, or that of the window it overlaps.
fn block_keys(places: &[Place], block: u64) -> Vec<String> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| {
        let key = |i: usize| (&places[i].chrom, places[i].start, places[i].end);
        key(a).cmp(&key(b))
    });
    let mut block_of = vec![(0usize, 0i64); places.len()];
    let mut chroms: Vec<&str> = Vec::new();
    let mut reach = i64::MIN;
    let mut current = (0, 0);
    for &i in &order {
        let place = &places[i];
        let same = chroms.last() == Some(&place.chrom.as_str());
        if !same {
            chroms.push(&place.chrom);
            reach = i64::MIN;
        }
        if place.start >= reach {
            current = (chroms.len() - 1, place.start.div_euclid(block.max(1) as i64));
        }
        reach = reach.max(place.end);
        block_of[i] = current;
    }
    block_of.iter().map(|(chrom, n)| format!("{}:{n}", chroms[*chrom])).collect()
}

/// Which examples stay together in a fold.
pub enum Together<'a> {
    /// Those of a chromosome.
    Chromosomes(&'a [Place]),
    /// Those of a block of this many bases, as in [`by_block`].
    Blocks(&'a [Place], u64),
    /// Those of a group.
    Groups(&'a [String]),
}

/// The parts of all examples in each of `count` folds of a cross-validation: sets that stay together are shuffled by
/// `seed` and assigned to `count` folds, the largest first, each to the smallest fold. Division k tests on fold k,
/// validates on the next and trains on all others, so that each example is tested exactly once.
///
/// # Errors
/// Fewer than three folds, or fewer sets than folds.
pub fn folds(together: &Together, count: usize, seed: u64) -> Result<Vec<Vec<Part>>> {
    if count < 3 {
        return Err(Error::option("there must be at least 3 folds: to test on, to validate on, to train on"));
    }
    let keys: Vec<String> = match together {
        Together::Chromosomes(places) => places.iter().map(|p| p.chrom.clone()).collect(),
        Together::Blocks(places, block) => block_keys(places, *block),
        Together::Groups(groups) => groups.to_vec(),
    };
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for key in &keys {
        *sizes.entry(key).or_default() += 1;
    }
    if sizes.len() < count {
        return Err(Error::option(format!(
            "{} chromosomes, blocks or groups cannot be dealt out to {count} folds: ask for fewer, or smaller blocks",
            sizes.len()
        )));
    }
    let mut order: Vec<&str> = sizes.keys().copied().collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order.sort_by_key(|key| std::cmp::Reverse(sizes[key]));
    let mut held = vec![0usize; count];
    let mut fold_of: BTreeMap<&str, usize> = BTreeMap::new();
    for key in order {
        let least = (0..count).min_by_key(|&fold| held[fold]).unwrap_or(0);
        held[least] += sizes[key];
        fold_of.insert(key, least);
    }
    let part = |fold: usize, way: usize| match fold {
        _ if fold == way => Part::Test,
        _ if fold == (way + 1) % count => Part::Validation,
        _ => Part::Train,
    };
    Ok((0..count).map(|way| keys.iter().map(|key| part(fold_of[key.as_str()], way)).collect()).collect())
}

fn by_shuffled_key(keys: &[String], validation_share: f64, test_share: f64, seed: u64) -> Result<Vec<Part>> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for key in keys {
        *sizes.entry(key).or_default() += 1;
    }
    let mut blocks: Vec<&str> = sizes.keys().copied().collect();
    blocks.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let total = keys.len() as f64;
    let mut part_of: BTreeMap<&str, Part> = BTreeMap::new();
    let mut given = [0usize; 2];
    for block in blocks {
        let part = if (given[0] as f64) < test_share * total {
            given[0] += sizes[block];
            Part::Test
        } else if (given[1] as f64) < validation_share * total {
            given[1] += sizes[block];
            Part::Validation
        } else {
            Part::Train
        };
        part_of.insert(block, part);
    }
    complete(keys.iter().map(|key| part_of[key.as_str()]).collect(), false)
}

fn complete(parts: Vec<Part>, without_test: bool) -> Result<Vec<Part>> {
    for part in [Part::Train, Part::Validation, Part::Test] {
        if !(parts.contains(&part) || without_test && part == Part::Test) {
            return Err(Error::option(format!(
                "the split leaves no example for {part}: name chromosomes to hold out, or use smaller blocks"
            )));
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(chrom: &str, start: i64) -> Place {
        Place { chrom: chrom.into(), start, end: start + 500 }
    }

    #[test]
    fn chromosomes_are_found_without_chr_and_must_exist() {
        let places = [place("chr1", 0), place("chr2", 0), place("chr3", 0)];
        let parts = by_chromosome(&places, &["2".into()], &["chr3".into()]).unwrap();
        assert_eq!(parts, [Part::Train, Part::Validation, Part::Test]);
        assert!(by_chromosome(&places, &["7".into()], &["chr3".into()]).is_err());
        assert!(by_chromosome(&places, &["2".into()], &["chr2".into()]).is_err());
    }

    proptest::proptest! {
        /// No window of one part shares a base with a window of another.
        #[test]
        fn blocks_never_share_a_base(starts in proptest::collection::vec(0i64..200_000, 60..200), seed in 0u64..50) {
            let places: Vec<Place> = starts.iter().map(|&s| place("chr1", s)).collect();
            if let Ok(parts) = by_block(&places, 5_000, 0.1, 0.1, seed) {
                for i in 0..places.len() {
                    for j in 0..i {
                        if parts[i] != parts[j] {
                            let (a, b) = (&places[i], &places[j]);
                            proptest::prop_assert!(a.end <= b.start || b.end <= a.start);
                        }
                    }
                }
                proptest::prop_assert_eq!(&parts, &by_block(&places, 5_000, 0.1, 0.1, seed).unwrap());
            }
        }
    }

    proptest::proptest! {
        /// Each example is tested on once, and nothing that stays together is in two folds.
        #[test]
        fn folds_test_everything_once(names in proptest::collection::vec(0u8..40, 30..120), count in 3usize..6, seed in 0u64..9) {
            let groups: Vec<String> = names.iter().map(|n| n.to_string()).collect();
            let Ok(ways) = folds(&Together::Groups(&groups), count, seed) else { return Ok(()) };
            for i in 0..groups.len() {
                let of = |part| ways.iter().filter(|way| way[i] == part).count();
                proptest::prop_assert_eq!((of(Part::Test), of(Part::Validation)), (1, 1));
                for j in 0..i {
                    if groups[i] == groups[j] {
                        proptest::prop_assert!(ways.iter().all(|way| way[i] == way[j]));
                    }
                }
            }
            for way in &ways {
                proptest::prop_assert!(way.contains(&Part::Train));
            }
        }
    }

    #[test]
    fn too_few_chromosomes_make_no_folds() {
        let places = [place("chr1", 0), place("chr2", 0), place("chr3", 0), place("chr3", 900)];
        assert_eq!(folds(&Together::Chromosomes(&places), 3, 1).unwrap().len(), 3);
        let refused = folds(&Together::Chromosomes(&places), 4, 1).unwrap_err().to_string();
        assert!(refused.contains("3 chromosomes"), "{refused}");
        assert!(folds(&Together::Chromosomes(&places), 2, 1).is_err());
    }

    #[test]
    fn groups_stay_together() {
        let groups: Vec<String> = (0..400).map(|i| format!("locus{}", i / 4)).collect();
        let parts = by_group(&groups).unwrap();
        assert!(parts.chunks(4).all(|c| c.iter().all(|p| *p == c[0])));
    }
}
