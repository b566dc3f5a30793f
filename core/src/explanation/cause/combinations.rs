//! All combinations of the states of the variants of a region.

use super::parameters::STATES;
use super::{Parameters, Region};

/// Variants whose states are combined with each other: those with the largest predicted effects. Those of further ones
/// are summed to one normal contribution with their mean and variance.
pub const COMBINED: usize = 4;

/// Combinations with a smaller prior probability are left out.
const LEAST_CHANCE: f64 = 1e-8;

/// The sum of the contributions of further variants: mean and variance.
pub type Rest = (f64, f64);

/// Numbers of the variants of a region, the largest predicted effect first; of equal ones the first.
pub fn by_effect(region: &Region) -> Vec<usize> {
    let mut order: Vec<usize> = (0..region.effects.len()).collect();
    order.sort_by(|&a, &b| region.effects[b].mean.abs().total_cmp(&region.effects[a].mean.abs()));
    order
}

/// Mean and variance of the sum of the contributions of these variants.
pub fn rest(region: &Region, variants: impl Iterator<Item = usize>, parameters: &Parameters) -> Rest {
    variants.fold((0.0, 0.0), |(mean, variance), variant| {
        let states = parameters.states(region.effects[variant]);
        let first: f64 = states.iter().map(|s| s.0 * s.1).sum();
        let second: f64 = states.iter().map(|s| s.0 * (s.1 * s.1 + s.2)).sum();
        (mean + first, variance + (second - first * first).max(0.0))
    })
}

/// A combination: its chance, and mean and variance of the ratio of the region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Combination {
    /// Prior probability.
    pub chance: f64,
    /// Mean of the log2 ratio.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// The states of the variants, see [`Combination::state`].
    states: u32,
}

/// All combinations of the states of `variants` and of the other causes, except very improbable ones.
pub fn combinations(
    region: &Region,
    variants: &[usize],
    rest: Rest,
    parameters: &Parameters,
    all: &mut Vec<Combination>,
) {
    all.clear();
    all.extend(parameters.others().map(|(chance, variance)| Combination {
        chance,
        mean: rest.0,
        variance: variance + rest.1,
        states: 0,
    }));
    for (place, &variant) in variants.iter().enumerate() {
        let states = parameters.states(region.effects[variant]);
        let known = all.len();
        for (state, (chance, mean, variance)) in states.into_iter().enumerate().skip(1) {
            for i in 0..known {
                let one = all[i];
                let chance = one.chance * chance;
                if chance < LEAST_CHANCE {
                    continue;
                }
                all.push(Combination {
                    chance,
                    mean: one.mean + mean,
                    variance: one.variance + variance,
                    states: one.states + state as u32 * weight(place),
                });
            }
        }
        all[..known].iter_mut().for_each(|one| one.chance *= states[0].0);
    }
}

fn weight(place: usize) -> u32 {
    (STATES as u32).pow(place as u32)
}

impl Combination {
    /// State of variant number `place` of the slice that was combined.
    pub fn state(&self, place: usize) -> usize {
        (self.states / weight(place)) as usize % STATES
    }
}

/// Natural logarithm of the likelihood of a region, less a constant; `all` is memory for the combinations.
pub fn ln_likelihood(region: &Region, order: &[usize], parameters: &Parameters, all: &mut Vec<Combination>) -> f64 {
    let (variants, further) = order.split_at(order.len().min(COMBINED));
    combinations(region, variants, rest(region, further.iter().copied(), parameters), parameters, all);
    let measured = region.measured;
    // Without a logarithm of each, unless all of them are too improbable.
    let density = |one: &Combination| {
        let precision = 1.0 / (measured.variance + one.variance);
        let distance = measured.mean - one.mean;
        one.chance * (-0.5 * distance * distance * precision).exp() * precision.sqrt()
    };
    let sum: f64 = all.iter().map(density).sum();
    if sum > 1e-250 {
        return sum.ln();
    }
    let (mut sum, mut top) = (0.0, f64::NEG_INFINITY);
    for one in all.iter() {
        let ln = one.chance.max(1e-300).ln() + measured.ln_evidence(one.mean, one.variance);
        if ln > top {
            sum = sum * (top - ln).exp() + 1.0;
            top = ln;
        } else {
            sum += (ln - top).exp();
        }
    }
    top + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::super::{Effect, NormalLikelihood};
    use super::*;

    fn region(effects: &[f64]) -> Region {
        let effects = effects.iter().map(|&mean| Effect { mean, error: 0.03 }).collect();
        Region { measured: NormalLikelihood { mean: 0.8, variance: 0.09 }, effects }
    }

    #[test]
    fn every_combination_is_there_once_with_its_states() {
        let region = region(&[0.1, -0.9, 0.4]);
        let order = by_effect(&region);
        assert_eq!(order, [1, 2, 0]);
        let parameters = Parameters::default();
        let mut all = Vec::new();
        combinations(&region, &order, (0.25, 0.5), &parameters, &mut all);
        assert!(all.len() <= 2 * STATES.pow(3) && all.len() > 100, "{}", all.len());
        let mut seen = std::collections::BTreeSet::new();
        for one in &all {
            let fits = parameters.others().iter().any(|&(chance, variance)| {
                let mut expected = Combination { chance, mean: 0.25, variance: variance + 0.5, ..*one };
                for (place, &variant) in order.iter().enumerate() {
                    let (chance, mean, variance) = parameters.states(region.effects[variant])[one.state(place)];
                    expected.chance *= chance;
                    expected.mean += mean;
                    expected.variance += variance;
                }
                (one.chance - expected.chance).abs() < 1e-12
                    && (one.mean - expected.mean).abs() < 1e-12
                    && (one.variance - expected.variance).abs() < 1e-12
            });
            assert!(fits, "{one:?}");
            assert!(seen.insert((one.states, one.variance.to_bits(), one.chance.to_bits())), "{one:?} twice");
        }
        assert!((all.iter().map(|one| one.chance).sum::<f64>() - 1.0).abs() < 1e-6);
        let direct: f64 =
            all.iter().map(|one| one.chance * region.measured.ln_evidence(one.mean, one.variance).exp()).sum();
        // Without further variants.
        combinations(&region, &order, (0.0, 0.0), &parameters, &mut all);
        let without: f64 =
            all.iter().map(|one| one.chance * region.measured.ln_evidence(one.mean, one.variance).exp()).sum();
        assert!((ln_likelihood(&region, &order, &parameters, &mut all) - without.ln()).abs() < 1e-12);
        assert!((direct - without).abs() > 1e-3);
        // Far from everything.
        let far = Region { measured: NormalLikelihood { mean: 900.0, variance: 0.01 }, ..region };
        let [near, farther] =
            [far.clone(), Region { measured: NormalLikelihood { mean: 950.0, variance: 0.01 }, ..far }]
                .map(|region| ln_likelihood(&region, &order, &parameters, &mut all));
        assert!(near.is_finite() && near < -1000.0 && farther < near, "{near} {farther}");
    }

    #[test]
    fn further_variants_have_the_moments_of_their_states() {
        let region = region(&[0.3, 0.2]);
        let parameters = Parameters::default();
        let mut all = Vec::new();
        combinations(&region, &[0, 1], (0.0, 0.0), &parameters, &mut all);
        let mean: f64 = all.iter().map(|c| c.chance * c.mean).sum();
        let second: f64 = all.iter().map(|c| c.chance * (c.mean * c.mean + c.variance)).sum();
        let others: f64 = parameters.others().iter().map(|o| o.0 * o.1).sum();
        let (first, variance) = rest(&region, 0..2, &parameters);
        assert!((first - mean).abs() < 1e-12 && (variance + others - (second - mean * mean)).abs() < 1e-12);
    }
}
