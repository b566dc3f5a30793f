//! The posterior of the variants of a region.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::erf::erf;

use super::combinations::{by_effect, combinations, rest, Combination, COMBINED};
use super::{Parameters, Region};

/// Draws of contributions for each combination in which several variants have an effect.
const DRAWS: usize = 128;

/// Combinations with less of the posterior are not drawn: their whole share goes to the variant with the largest mean.
const LEAST: f64 = 1e-4;

/// Share of the posterior among variants that a credible set has.
pub const CREDIBLE: f64 = 0.95;

/// The posterior of one variant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VariantPosterior {
    /// Posterior inclusion probability: that it changes the log2 ratio by at least the smallest effect.
    pub inclusion: f64,
    /// Probability that this is so, and that no other variant changes the ratio more.
    pub main: f64,
    /// Posterior mean of what it contributes to the log2 ratio, haplotype 1 over haplotype 2.
    pub contribution: f64,
}

/// The posterior of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionPosterior {
    /// Probability that no variant changes the ratio by the smallest effect; with the `main` of all variants it sums to 1.
    pub none: f64,
    /// One for each variant, in the order of the effects.
    pub variants: Vec<VariantPosterior>,
}

/// Numbers that are the same in every region.
pub struct Posteriors {
    parameters: Parameters,
    smallest: f64,
    /// Standard normal numbers, for each draw one of each variant and one of everything else.
    draws: Vec<[f64; COMBINED + 1]>,
}

/// What one enumeration of combinations gives: the probability of no cause, and the posteriors of its variants.
struct Enumerated {
    none: f64,
    variants: Vec<VariantPosterior>,
}

impl Posteriors {
    /// With these parameters; `smallest` is the smallest effect, log2, that counts as a cause.
    pub fn new(parameters: Parameters, smallest: f64) -> Self {
        Self { parameters, smallest, draws: draws() }
    }

    /// The posterior of a region.
    ///
    /// Up to four variants are combined exactly. Of more, those beyond the four with the largest predicted effects are a normal
    /// sum (see [`combinations`]); each of them has its posterior from its own combinations with the first three. The main
    /// probabilities are then scaled so that they sum to 1 with that of no cause.
    pub fn of(&self, region: &Region) -> RegionPosterior {
        let order = by_effect(region);
        let (first, further) = order.split_at(order.len().min(COMBINED));
        let mut variants = vec![VariantPosterior { inclusion: 0.0, main: 0.0, contribution: 0.0 }; order.len()];
        let mut all = Vec::new();
        let together = self.enumerate(region, first, further.iter().copied(), &mut all);
        for (&variant, posterior) in first.iter().zip(&together.variants) {
            variants[variant] = *posterior;
        }
        let mut none = together.none;
        for &variant in further {
            let mut these: Vec<usize> = first[..COMBINED - 1].to_vec();
            these.push(variant);
            let others = order[COMBINED - 1..].iter().copied().filter(|&other| other != variant);
            let own = self.enumerate(region, &these, others, &mut all);
            if let Some(&posterior) = own.variants.last() {
                variants[variant] = posterior;
                none *= 1.0 - posterior.inclusion;
            }
        }
        let sum: f64 = variants.iter().map(|variant| variant.main).sum();
        if sum > 0.0 {
            variants.iter_mut().for_each(|variant| variant.main *= (1.0 - none) / sum);
        }
        RegionPosterior { none, variants }
    }

    fn enumerate(
        &self,
        region: &Region,
        variants: &[usize],
        others: impl Iterator<Item = usize>,
        all: &mut Vec<Combination>,
    ) -> Enumerated {
        combinations(region, variants, rest(region, others, &self.parameters), &self.parameters, all);
        let measured = region.measured;
        let ln: Vec<f64> =
            all.iter().map(|one| one.chance.max(1e-300).ln() + measured.ln_evidence(one.mean, one.variance)).collect();
        let top = ln.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = ln.iter().map(|ln| (ln - top).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let states: Vec<_> = variants.iter().map(|&v| self.parameters.states(region.effects[v])).collect();
        let nothing = VariantPosterior { inclusion: 0.0, main: 0.0, contribution: 0.0 };
        let mut result = Enumerated { none: 0.0, variants: vec![nothing; variants.len()] };
        let mut active = Vec::with_capacity(COMBINED);
        for (one, weight) in all.iter().zip(&weights) {
            let share = weight / sum;
            let total = one.variance + measured.variance;
            let beyond = measured.mean - one.mean;
            active.clear();
            for (place, states) in states.iter().enumerate() {
                let state = one.state(place);
                if state == 0 {
                    continue;
                }
                let (_, mean, variance) = states[state];
                let middle = mean + variance / total * beyond;
                let spread = (variance - variance * variance / total).max(0.0).sqrt();
                let inclusion = share * self.beyond_smallest(middle, spread);
                result.variants[place].inclusion += inclusion;
                result.variants[place].contribution += share * middle;
                active.push(Active { place, mean, variance, middle, inclusion });
            }
            match &active[..] {
                [] => result.none += share,
                [one] => {
                    result.variants[one.place].main += one.inclusion;
                    result.none += share - one.inclusion;
                }
                several if share < LEAST => {
                    let largest = several.iter().max_by(|a, b| a.middle.abs().total_cmp(&b.middle.abs()));
                    largest.iter().for_each(|one| result.variants[one.place].main += share);
                }
                several => self.draw(several, share, total, beyond, &mut result),
            }
        }
        result
    }

    /// P(|x| >= smallest effect) of x ~ N(`middle`, `spread`²).
    fn beyond_smallest(&self, middle: f64, spread: f64) -> f64 {
        if spread <= 0.0 {
            return f64::from(u8::from(middle.abs() >= self.smallest));
        }
        let below = |x: f64| 0.5 * (1.0 + erf((x - middle) / spread / std::f64::consts::SQRT_2));
        (1.0 - (below(self.smallest) - below(-self.smallest))).clamp(0.0, 1.0)
    }

    /// Share the posterior of a combination, `share`, among its variants and none, by drawing their contributions given the
    /// measurement: contributions and measurement drawn from the prior, then shifted so that the measurement is met (Matheron's
    /// rule). `total` is the variance of the measurement, `beyond` what it has beyond its mean.
    fn draw(&self, active: &[Active], share: f64, total: f64, beyond: f64, result: &mut Enumerated) {
        let own: f64 = active.iter().map(|one| one.variance).sum();
        let other = (total - own).max(0.0).sqrt();
        let each = share / self.draws.len() as f64;
        let mut deviations = [0.0; COMBINED];
        for draw in &self.draws {
            let mut missing = beyond - other * draw[COMBINED];
            for (deviation, (one, number)) in deviations.iter_mut().zip(active.iter().zip(draw)) {
                *deviation = one.variance.sqrt() * number;
                missing -= *deviation;
            }
            let (mut largest, mut size) = (None, self.smallest);
            for (one, deviation) in active.iter().zip(deviations) {
                let contribution = (one.mean + deviation + one.variance / total * missing).abs();
                if contribution >= size {
                    (largest, size) = (Some(one.place), contribution);
                }
            }
            match largest {
                Some(place) => result.variants[place].main += each,
                None => result.none += each,
            }
        }
    }
}

/// A variant that has an effect in a combination.
struct Active {
    place: usize,
    /// Mean and variance of its contribution before the measurement.
    mean: f64,
    variance: f64,
    /// Its mean after it.
    middle: f64,
    /// Its part of the inclusion probability.
    inclusion: f64,
}

/// Points that fill the unit cube evenly (Roberts 2018: multiples of the powers of the root g of g^(d+1) = g + 1) as
/// standard normal numbers, each with its negative. The same in every run.
fn draws() -> Vec<[f64; COMBINED + 1]> {
    let dimensions = COMBINED + 1;
    let mut root = 1.5f64;
    for _ in 0..64 {
        root = (1.0 + root).powf(1.0 / (dimensions as f64 + 1.0));
    }
    let normal = Normal::standard();
    let mut list = Vec::with_capacity(DRAWS);
    for number in 1..=DRAWS / 2 {
        let point: [f64; COMBINED + 1] = std::array::from_fn(|dimension| {
            let at = (0.5 + number as f64 / root.powi(dimension as i32 + 1)).fract();
            normal.inverse_cdf(at.clamp(1e-6, 1.0 - 1e-6))
        });
        list.push(point);
        list.push(point.map(|x| -x));
    }
    list
}

/// Which variants are in the credible set: the smallest set whose main probabilities are at least 95 % of those of all
/// variants; of equal ones the first are taken.
pub fn credible_set(posterior: &RegionPosterior) -> Vec<bool> {
    let variants = &posterior.variants;
    let mut order: Vec<usize> = (0..variants.len()).collect();
    order.sort_by(|&a, &b| variants[b].main.total_cmp(&variants[a].main));
    let all: f64 = variants.iter().map(|variant| variant.main).sum();
    let mut inside = vec![false; variants.len()];
    let mut sum = 0.0;
    for variant in order {
        // Rounding must not add a variant.
        if sum >= CREDIBLE * all - 1e-12 {
            break;
        }
        inside[variant] = true;
        sum += variants[variant].main;
    }
    inside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::{Effect, NormalLikelihood};
    use super::*;

    fn region(mean: f64, variance: f64, effects: &[f64]) -> Region {
        let effects = effects.iter().map(|&mean| Effect { mean, error: 0.05 }).collect();
        Region { measured: NormalLikelihood { mean, variance }, effects }
    }

    /// A standard normal number.
    fn normal(random: &mut impl Rng) -> f64 {
        let (u, v): (f64, f64) = (random.random_range(1e-12..1.0), random.random());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// By drawing regions from the model and weighting them with the likelihood.
    fn brute_force(region: &Region, parameters: &Parameters, smallest: f64, draws: usize) -> RegionPosterior {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let count = region.effects.len();
        let (mut sum, mut none, mut found) = (0.0, 0.0, vec![[0.0; 3]; count]);
        for _ in 0..draws {
            let [(_, small), (chance, large)] = parameters.others();
            let other: f64 = if random.random::<f64>() < chance { large } else { small };
            let mut ratio = other.sqrt() * normal(&mut random);
            let mut contributions = Vec::new();
            for &effect in &region.effects {
                let mut left: f64 = random.random();
                let states = parameters.states(effect);
                let state = states.iter().find(|state| {
                    left -= state.0;
                    left < 0.0
                });
                let (_, mean, variance) = state.copied().unwrap_or(states[0]);
                contributions.push(mean + variance.sqrt() * normal(&mut random));
            }
            ratio += contributions.iter().sum::<f64>();
            let weight = (-0.5 * (region.measured.mean - ratio).powi(2) / region.measured.variance).exp();
            sum += weight;
            let largest = contributions.iter().map(|c| c.abs()).fold(0.0, f64::max);
            none += if largest < smallest { weight } else { 0.0 };
            for (found, contribution) in found.iter_mut().zip(&contributions) {
                let size = contribution.abs();
                found[0] += if size >= smallest { weight } else { 0.0 };
                found[1] += if size >= smallest && size == largest { weight } else { 0.0 };
                found[2] += weight * contribution;
            }
        }
        let variants = found.iter().map(|f| f.map(|x| x / sum));
        let variants =
            variants.map(|[inclusion, main, contribution]| VariantPosterior { inclusion, main, contribution });
        RegionPosterior { none: none / sum, variants: variants.collect() }
    }

    #[test]
    fn posteriors_are_those_of_drawn_regions() {
        let parameters = Parameters { missed: 0.2, outliers: 0.1, ..Parameters::default() };
        for (mean, effects) in [
            (1.0, &[0.8][..]),
            (-0.9, &[0.7, -0.8]),
            (0.9, &[0.1, 0.5, 0.6]),
            (0.1, &[0.6, -0.5, 0.05, 0.02]),
            (1.4, &[0.5, 0.4, 0.3, 0.3, -0.2]),
            // More than are combined.
            (0.8, &[0.5, 0.3, 0.3, 0.2, 0.15, 0.1, -0.1, 0.05]),
        ] {
            let region = region(mean, 0.04, effects);
            let ours = Posteriors::new(parameters, 0.1).of(&region);
            let drawn = brute_force(&region, &parameters, 0.1, 300_000);
            let most = if effects.len() > COMBINED { 0.05 } else { 0.02 };
            let near = |a: f64, b: f64, what: &str| assert!((a - b).abs() < most, "{effects:?} {what}: {a} {b}");
            near(ours.none, drawn.none, "none");
            for (a, b) in ours.variants.iter().zip(&drawn.variants) {
                near(a.inclusion, b.inclusion, "inclusion");
                near(a.main, b.main, "main");
                near(a.contribution, b.contribution, "contribution");
            }
        }
    }

    #[test]
    fn the_variant_that_explains_the_ratio_is_the_cause() {
        let posteriors = Posteriors::new(Parameters::default(), 0.1);
        let clear = posteriors.of(&region(1.1, 0.01, &[0.02, 1.0, -0.03]));
        assert!(clear.variants[1].inclusion > 0.99 && clear.variants[1].main > 0.95, "{clear:?}");
        assert!(clear.variants[0].inclusion < 0.25 && clear.variants[2].inclusion < 0.25, "{clear:?}");
        assert_eq!(credible_set(&clear), [false, true, false]);
        let opposed = posteriors.of(&region(1.1, 0.01, &[0.8, -0.8]));
        assert!(opposed.variants[0].main > 0.9 && opposed.variants[1].main < 0.1, "{opposed:?}");
        let balanced = posteriors.of(&region(0.0, 0.01, &[0.02, 0.01]));
        assert!(balanced.none > 0.8, "{balanced:?}");
        // Equal predictions, equal posteriors.
        let equal = posteriors.of(&region(1.0, 0.04, &[0.01; 7]));
        for variant in &equal.variants {
            assert!((variant.inclusion - equal.variants[0].inclusion).abs() < 0.02, "{equal:?}");
        }
        assert_eq!(posteriors.of(&region(1.0, 0.04, &[])), RegionPosterior { none: 1.0, variants: Vec::new() });
    }

    proptest! {
        #[test]
        fn probabilities_are_a_distribution_and_sides_are_alike(
            mean in -4.0f64..4.0, variance in 1e-3f64..4.0, effects in prop::collection::vec(-2.0f64..2.0, 1..9),
            smallest in 0.0f64..0.5, scale in 0.0f64..2.0, missed in 0.01f64..0.5
        ) {
            let parameters = Parameters { scale, missed, ..Parameters::default() };
            let posteriors = Posteriors::new(parameters, smallest);
            let one = region(mean, variance, &effects);
            let posterior = posteriors.of(&one);
            let sum: f64 = posterior.variants.iter().map(|v| v.main).sum();
            prop_assert!((sum + posterior.none - 1.0).abs() < 1e-9);
            for v in &posterior.variants {
                prop_assert!((0.0..=1.0 + 1e-9).contains(&v.inclusion) && (0.0..=1.0 + 1e-9).contains(&v.main));
                prop_assert!(effects.len() > COMBINED || v.main <= v.inclusion + 0.06);
            }
            // The credible set is the smallest: it holds enough, and without its weakest member it does not.
            let inside = credible_set(&posterior);
            let held: Vec<f64> =
                posterior.variants.iter().zip(&inside).filter(|(_, i)| **i).map(|(v, _)| v.main).collect();
            let total: f64 = held.iter().sum();
            let least = held.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(total >= CREDIBLE * sum - 1e-9 && (held.is_empty() || total - least < CREDIBLE * sum));
            // Haplotypes exchanged.
            let other = region(-mean, variance, &effects.iter().map(|e| -e).collect::<Vec<_>>());
            let mirrored = posteriors.of(&other);
            for (a, b) in posterior.variants.iter().zip(&mirrored.variants) {
                prop_assert!((a.inclusion - b.inclusion).abs() < 1e-9);
                prop_assert!((a.main - b.main).abs() < 1e-9 && (a.contribution + b.contribution).abs() < 1e-9);
            }
        }
    }
}
