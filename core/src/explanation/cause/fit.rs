//! The parameters of a run: those of the highest posterior density given all its regions.

use rayon::prelude::*;

use super::combinations::{by_effect, ln_likelihood};
use super::parameters::COUNT;
use super::{Parameters, Region};

/// Fewest regions with variants from which parameters are fitted.
pub const MIN_REGIONS: usize = 50;

/// Most regions of which they are fitted: of more, every second, third and so on.
const MOST_REGIONS: usize = 10_000;

/// Regions of one sum. Sums of the same regions are added in the same order with any number of threads.
const CHUNK: usize = 256;

/// Most steps of the search from one start, and the gain of a step below which it ends.
const STEPS: usize = 60;
const LEAST_GAIN: f64 = 1e-3;

/// Step of the numeric derivative, of numbers whose prior has a standard deviation near 1.
const DIFFERENCE: f64 = 1e-3;

/// Parameters, and from how many regions they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// The parameters.
    pub parameters: Parameters,
    /// Regions with variants; 0 if they are too few and the parameters are fixed ones.
    pub regions: usize,
}

/// Fit the parameters to regions, of which those without a variant do not count. With fewer than [`MIN_REGIONS`] the
/// parameters are [`Parameters::default`].
pub fn fit(regions: &[Region]) -> Fitted {
    let with: Vec<&Region> = regions.iter().filter(|region| !region.effects.is_empty()).collect();
    if with.len() < MIN_REGIONS {
        return Fitted { parameters: Parameters::default(), regions: 0 };
    }
    let every = with.len().div_ceil(MOST_REGIONS);
    let used: Vec<(&Region, Vec<usize>)> =
        with.iter().step_by(every).map(|&region| (region, by_effect(region))).collect();
    let density = |x: &[f64; COUNT]| -> f64 {
        let parameters = Parameters::of_vector(x);
        let sums: Vec<f64> = used
            .par_chunks(CHUNK)
            .map(|chunk| {
                let mut all = Vec::new();
                chunk.iter().map(|(region, order)| ln_likelihood(region, order, &parameters, &mut all)).sum()
            })
            .collect();
        sums.iter().sum::<f64>() + Parameters::ln_prior(x)
    };
    let mut best: Option<(f64, [f64; COUNT])> = None;
    for start in Parameters::starts() {
        let (value, x) = maximum(&density, start);
        if best.is_none_or(|(highest, _)| value > highest) {
            best = Some((value, x));
        }
    }
    let parameters = best.map_or_else(Parameters::default, |(_, x)| Parameters::of_vector(&x));
    Fitted { parameters, regions: with.len() }
}

/// Value and place of a maximum of `f` near `start`, by the method of Broyden, Fletcher, Goldfarb and Shanno (1970) with
/// numeric derivatives.
fn maximum<const N: usize>(f: &impl Fn(&[f64; N]) -> f64, start: [f64; N]) -> (f64, [f64; N]) {
    let gradient = |x: &[f64; N]| -> [f64; N] {
        std::array::from_fn(|i| {
            let (mut up, mut down) = (*x, *x);
            up[i] += DIFFERENCE;
            down[i] -= DIFFERENCE;
            (f(&up) - f(&down)) / (2.0 * DIFFERENCE)
        })
    };
    let dot = |a: &[f64; N], b: &[f64; N]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (mut x, mut value) = (start, f(&start));
    let mut slope = gradient(&x);
    // The inverse of minus the second derivatives, as it is known so far.
    let unit = |scale: f64| -> [[f64; N]; N] {
        std::array::from_fn(|i| std::array::from_fn(|j| if i == j { scale } else { 0.0 }))
    };
    let mut inverse = unit(1.0 / dot(&slope, &slope).sqrt().max(1.0));
    let mut fresh = true;
    for _ in 0..STEPS {
        let mut direction: [f64; N] = std::array::from_fn(|i| dot(&inverse[i], &slope));
        if dot(&direction, &slope) <= 0.0 {
            direction = slope;
        }
        // No step leaves the range in which the priors are.
        let longest = direction.iter().fold(0.0f64, |most, d| most.max(d.abs()));
        let mut length = if longest > 1.0 { 1.0 / longest } else { 1.0 };
        let rise = dot(&direction, &slope);
        let mut found = None;
        for _ in 0..30 {
            let next: [f64; N] = std::array::from_fn(|i| x[i] + length * direction[i]);
            let there = f(&next);
            if there > value + 1e-4 * length * rise {
                found = Some((next, there));
                break;
            }
            length *= 0.5;
        }
        let Some((next, there)) = found else {
            if fresh {
                break;
            }
            inverse = unit(1.0 / dot(&slope, &slope).sqrt().max(1.0));
            fresh = true;
            continue;
        };
        let next_slope = gradient(&next);
        let step: [f64; N] = std::array::from_fn(|i| next[i] - x[i]);
        let fall: [f64; N] = std::array::from_fn(|i| slope[i] - next_slope[i]);
        let gain = there - value;
        (x, value, slope) = (next, there, next_slope);
        let along = dot(&step, &fall);
        if along > 1e-10 {
            if fresh {
                inverse = unit(along / dot(&fall, &fall));
            }
            let of_fall: [f64; N] = std::array::from_fn(|i| dot(&inverse[i], &fall));
            let factor = (1.0 + dot(&fall, &of_fall) / along) / along;
            for i in 0..N {
                for j in 0..N {
                    inverse[i][j] += factor * step[i] * step[j] - (of_fall[i] * step[j] + step[i] * of_fall[j]) / along;
                }
            }
            fresh = false;
        }
        if gain < LEAST_GAIN && !fresh {
            break;
        }
    }
    (value, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_ridge_is_climbed() {
        let ridge = |x: &[f64; 2]| -((1.0 - x[0]).powi(2) + 20.0 * (x[1] - x[0] * x[0]).powi(2));
        let (value, x) = maximum(&ridge, [-1.2, 1.0]);
        assert!(value > -1e-2 && (x[0] - 1.0).abs() < 0.1, "{value} {x:?}");
        let bowl = |x: &[f64; 3]| -(x[0] - 1.0).powi(2) - 100.0 * (x[1] + 2.0).powi(2) - 3.0 * (x[2] - 0.5).powi(2);
        let (_, x) = maximum(&bowl, [0.0; 3]);
        assert!((x[0] - 1.0).abs() < 0.03 && (x[1] + 2.0).abs() < 1e-3 && (x[2] - 0.5).abs() < 0.03, "{x:?}");
    }

    #[test]
    fn few_regions_have_the_fixed_parameters() {
        assert_eq!(fit(&[]), Fitted { parameters: Parameters::default(), regions: 0 });
    }
}
