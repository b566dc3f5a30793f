//! What the sites of a region say of its imbalance, and the share of regions that are explained.

use crate::choice::choice;
use crate::explanation::mechanisms::motif_tests::MotifTest;
use crate::explanation::mechanisms::ComparedPair;
use crate::stats::bootstrap::Resampling;

choice!(
    /// What the sites of a region say of its imbalance.
    RegionClass, "class",
    /// No site of a motif in question.
    NoSite "no_site",
    /// Sites, none of which changes.
    NoChange "no_change",
    /// The site that changes most makes the more active allele the more active one.
    SameDirection "same_direction",
    /// The other one.
    Opposite "opposite",
);

impl RegionClass {
    /// That of a region with the measured log2 ratio `measured`, whose sites change it by `change` (in any unit, positive
    /// for haplotype 1); `None` without a site. A ratio of 0 has no direction, and a change is then opposite to it.
    pub fn of(measured: f64, change: Option<f64>) -> Self {
        match change {
            None => Self::NoSite,
            Some(0.0) => Self::NoChange,
            Some(change) if change * measured > 0.0 => Self::SameDirection,
            Some(_) => Self::Opposite,
        }
    }
}

/// The site that changes most of those of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrongestChange {
    /// Which motif.
    pub motif: usize,
    /// How it changes the region, positive for haplotype 1.
    pub change: f64,
}

impl StrongestChange {
    /// The larger of what was found and another site; of equal ones the first motif.
    pub fn with(found: Option<Self>, other: Self) -> Option<Self> {
        match found {
            Some(found) if (found.change.abs(), other.motif) >= (other.change.abs(), found.motif) => Some(found),
            _ => Some(other),
        }
    }
}

/// Of each pair the motif that decides, among those that are `significant`, and the class it gives: the site that changes
/// most, in bits. Of a motif that goes with the less active allele a better site counts for the other haplotype.
pub fn classify(
    tests: &[MotifTest],
    significant: &[bool],
    pairs: &[ComparedPair],
) -> Vec<(Option<StrongestChange>, RegionClass)> {
    let mut strongest: Vec<Option<StrongestChange>> = vec![None; pairs.len()];
    for (motif, (test, _)) in tests.iter().zip(significant).enumerate().filter(|(_, (_, significant))| **significant) {
        let sign = if test.difference.first_is_higher { 1.0 } else { -1.0 };
        for site in &test.sites {
            let found = &mut strongest[site.pair];
            *found = StrongestChange::with(*found, StrongestChange { motif, change: sign * site.delta });
        }
    }
    let class = |(found, pair): (Option<StrongestChange>, &ComparedPair)| {
        (found, RegionClass::of(pair.measured, found.map(|found| found.change)))
    };
    strongest.into_iter().zip(pairs).map(class).collect()
}

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The share, from 0 to 1; NaN of nothing.
    pub share: f64,
    /// Ends of the interval; NaN where there are too few regions.
    pub interval: [f64; 2],
}

/// The share of regions whose imbalance is explained (class same direction) by each of two ways, and by how much the
/// second is larger, with bootstrap intervals over `units` (of each region, its unit; overlapping regions share one).
pub fn explained_shares(classes: [&[RegionClass]; 2], units: &[u32], times: usize, seed: u64) -> [Share; 3] {
    let statistic = |weights: &[u32]| -> Vec<f64> {
        let of = |classes: &[RegionClass]| {
            let (mut explained, mut all) = (0u64, 0u64);
            for (class, unit) in classes.iter().zip(units) {
                let weight = u64::from(weights[*unit as usize]);
                all += weight;
                explained += if *class == RegionClass::SameDirection { weight } else { 0 };
            }
            explained as f64 / all as f64
        };
        let [first, second] = classes.map(of);
        vec![first, second, second - first]
    };
    let number = units.iter().max().map_or(0, |unit| *unit as usize + 1);
    let resampling = Resampling { units: number, times, seed };
    let (shares, intervals) = (statistic(&vec![1; number]), resampling.intervals(statistic));
    [0, 1, 2].map(|i| Share { share: shares[i], interval: intervals[i] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use RegionClass::*;

    #[test]
    fn classes_are_of_the_signs() {
        for (measured, change, class) in [
            (1.0, None, NoSite),
            (1.0, Some(0.0), NoChange),
            (1.0, Some(0.1), SameDirection),
            (-1.0, Some(-3.0), SameDirection),
            (-1.0, Some(3.0), Opposite),
        ] {
            assert_eq!(RegionClass::of(measured, change), class);
        }
    }

    #[test]
    fn the_strongest_change_does_not_depend_on_the_order() {
        let sites = [(3, -2.0), (1, 2.0), (0, 0.5), (2, 2.0)].map(|(motif, change)| StrongestChange { motif, change });
        let strongest =
            |sites: &[StrongestChange]| sites.iter().fold(None, |found, site| StrongestChange::with(found, *site));
        let expected = Some(StrongestChange { motif: 1, change: 2.0 });
        assert_eq!(strongest(&sites), expected);
        let mut turned = sites;
        turned.reverse();
        assert_eq!(strongest(&turned), expected);
    }

    #[test]
    fn shares_have_intervals() {
        let one: Vec<RegionClass> = (0..400).map(|i| if i % 4 == 0 { SameDirection } else { Opposite }).collect();
        let two: Vec<RegionClass> = (0..400).map(|i| if i % 2 == 0 { SameDirection } else { NoSite }).collect();
        let units: Vec<u32> = (0..400).collect();
        let [first, second, more] = explained_shares([&one, &two], &units, 1000, 1);
        assert_eq!((first.share, second.share, more.share), (0.25, 0.5, 0.25));
        // Standard errors 0.0217, 0.025 and 0.0217 (a quarter of the regions differ).
        for (share, error) in [(first, 0.02165), (second, 0.025), (more, 0.02165)] {
            let half = (share.interval[1] - share.interval[0]) / 2.0;
            assert!((half / (1.96 * error) - 1.0).abs() < 0.15, "{share:?}");
        }
        assert!(explained_shares([&[], &[]], &[], 10, 1)[0].share.is_nan());
    }
}
