//! Calibration on simulated regions whose process is not the fitted model.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::posterior::Posteriors;
use super::{credible_set, fit, Effect, NormalLikelihood, Region, RegionPosterior};

const SMALLEST: f64 = 0.1;

/// How regions are made.
#[derive(Clone, Copy)]
struct Process {
    /// Chance that a variant has an effect.
    causal: f64,
    /// Most variants in a region.
    most: usize,
    /// What the model sees of a true effect.
    skill: f64,
    /// Standard deviation of its error, and tails of Student's t with so many degrees of freedom.
    error: f64,
    freedom: u32,
    /// Chance that the model does not see an effect at all.
    missed: f64,
    /// Overdispersion of the counts.
    rho: f64,
    /// Fragments of a region on average.
    depth: f64,
}

const TYPICAL: Process =
    Process { causal: 0.3, most: 4, skill: 0.8, error: 0.1, freedom: 3, missed: 0.1, rho: 0.01, depth: 80.0 };

fn normal(random: &mut impl Rng) -> f64 {
    let (u, v): (f64, f64) = (random.random_range(1e-12..1.0), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn gamma(shape: f64, random: &mut impl Rng) -> f64 {
    // Marsaglia and Tsang 2000.
    if shape < 1.0 {
        let u: f64 = random.random_range(1e-12..1.0);
        return gamma(shape + 1.0, random) * u.powf(1.0 / shape);
    }
    let (d, c) = (shape - 1.0 / 3.0, 1.0 / (9.0 * shape - 3.0).sqrt());
    loop {
        let x = normal(random);
        let v = (1.0 + c * x).powi(3);
        let u: f64 = random.random_range(1e-12..1.0);
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Regions, and the true contributions of their variants.
fn simulate(process: Process, count: usize, seed: u64) -> Vec<(Region, Vec<f64>)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let student = |random: &mut ChaCha8Rng| {
        let squares: f64 = (0..process.freedom).map(|_| normal(random).powi(2)).sum();
        normal(random) / (squares / f64::from(process.freedom)).sqrt()
    };
    let mut made = Vec::new();
    while made.len() < count {
        let variants = random.random_range(1..=process.most);
        let (mut truth, mut effects) = (Vec::new(), Vec::new());
        for _ in 0..variants {
            // Laplace: neither one size nor normal.
            let size = -0.6 * random.random_range(1e-12f64..1.0).ln();
            let sign = if random.random() { 1.0 } else { -1.0 };
            let contribution = if random.random::<f64>() < process.causal { sign * size } else { 0.0 };
            let seen = if random.random::<f64>() < process.missed { 0.0 } else { process.skill * contribution };
            let mean = seen + process.error * student(&mut random);
            truth.push(contribution);
            effects.push(Effect { mean, error: 0.05 * normal(&mut random) * mean });
        }
        let ratio: f64 = truth.iter().sum();
        let mut share = 1.0 / (1.0 + (-ratio).exp2());
        if process.rho > 0.0 {
            let total = (1.0 - process.rho) / process.rho;
            let (a, b) = (gamma(share * total, &mut random), gamma((1.0 - share) * total, &mut random));
            share = a / (a + b);
        }
        let fragments = (gamma(2.0, &mut random) / 2.0 * process.depth) as u64;
        let hap1 = (0..fragments).filter(|_| random.random::<f64>() < share).count() as u64;
        let Some(measured) = NormalLikelihood::of_counts(hap1, fragments - hap1) else { continue };
        made.push((Region { measured, effects }, truth));
    }
    made
}

/// Of probabilities and whether they came true, for each tenth of the range: number, mean probability, share that came true.
fn deciles(predicted: &[(f64, bool)]) -> Vec<(usize, f64, f64)> {
    (0..10)
        .map(|tenth| {
            let inside: Vec<_> = predicted.iter().filter(|(p, _)| ((p * 10.0) as usize).min(9) == tenth).collect();
            let n = inside.len();
            let mean = inside.iter().map(|(p, _)| p).sum::<f64>() / n as f64;
            (n, mean, inside.iter().filter(|(_, came)| *came).count() as f64 / n as f64)
        })
        .collect()
}

/// Each tenth within `allowed` and three standard errors of what it says.
fn expect_calibrated(name: &str, predicted: &[(f64, bool)], allowed: f64) {
    let table = deciles(predicted);
    for &(n, mean, share) in table.iter().filter(|(n, ..)| *n >= 30) {
        let interval = 3.0 * (mean * (1.0 - mean) / n as f64).sqrt();
        assert!(
            (mean - share).abs() <= interval + allowed,
            "{name}: {n} with {mean:.3} on average, {share:.3} are: {table:?}"
        );
    }
}

struct Result {
    inclusion: Vec<(f64, bool)>,
    main: Vec<(f64, bool)>,
    none: Vec<(f64, bool)>,
    /// Share of credible sets that hold the main variant, of regions with one.
    held: f64,
    posteriors: Vec<RegionPosterior>,
}

fn explain(process: Process, count: usize, seed: u64) -> Result {
    let made = simulate(process, count, seed);
    let regions: Vec<Region> = made.iter().map(|(region, _)| region.clone()).collect();
    let fitted = fit(&regions);
    let posteriors = Posteriors::new(fitted.parameters, SMALLEST);
    let mut result = Result { inclusion: vec![], main: vec![], none: vec![], held: 0.0, posteriors: vec![] };
    let mut with_main = 0.0;
    for (region, truth) in &made {
        let posterior = posteriors.of(region);
        let largest = truth.iter().map(|t| t.abs()).fold(0.0, f64::max);
        let is_main = |t: f64| t.abs() == largest && largest >= SMALLEST;
        for (variant, truth) in posterior.variants.iter().zip(truth) {
            result.inclusion.push((variant.inclusion, truth.abs() >= SMALLEST));
            result.main.push((variant.main, is_main(*truth)));
        }
        result.none.push((posterior.none, largest < SMALLEST));
        if largest >= SMALLEST {
            with_main += 1.0;
            let inside = credible_set(&posterior);
            result.held += f64::from(u8::from(truth.iter().zip(&inside).any(|(t, inside)| is_main(*t) && *inside)));
        }
        result.posteriors.push(posterior);
    }
    result.held /= with_main;
    result
}

#[test]
fn posteriors_are_calibrated_where_the_process_is_another() {
    for (name, process) in [
        ("typical", TYPICAL),
        ("deep", Process { depth: 600.0, rho: 0.002, ..TYPICAL }),
        ("shallow", Process { depth: 15.0, rho: 0.05, ..TYPICAL }),
        ("several causes", Process { causal: 0.7, ..TYPICAL }),
        ("few causes", Process { causal: 0.05, most: 6, ..TYPICAL }),
        ("wrong scale", Process { skill: 0.2, error: 0.05, ..TYPICAL }),
        ("heavy tails", Process { error: 0.2, freedom: 1, ..TYPICAL }),
    ] {
        let result = explain(process, 2000, 11);
        expect_calibrated(&format!("{name}, inclusion"), &result.inclusion, 0.1);
        expect_calibrated(&format!("{name}, main"), &result.main, 0.1);
        expect_calibrated(&format!("{name}, none"), &result.none, 0.1);
        assert!(result.held > 0.95, "{name}: {}", result.held);
    }
}

#[test]
fn an_exact_model_is_not_believed_too_much() {
    let process = Process { skill: 1.0, error: 0.01, missed: 0.0, ..TYPICAL };
    let result = explain(process, 1000, 3);
    for (n, mean, share) in deciles(&result.inclusion).into_iter().filter(|(n, ..)| *n >= 30) {
        let interval = 3.0 * (mean * (1.0 - mean) / n as f64).sqrt();
        assert!(if mean < 0.5 { share < mean + interval } else { share > mean - interval }, "{mean} {share}");
    }
    assert!(result.held > 0.99, "{}", result.held);
}

#[test]
fn a_useless_model_is_not_believed() {
    let result = explain(Process { skill: 0.0, error: 0.4, ..TYPICAL }, 1500, 5);
    expect_calibrated("useless, inclusion", &result.inclusion, 0.1);
    expect_calibrated("useless, main", &result.main, 0.1);
    // No variant of a region is preferred by much.
    let several: Vec<_> = result.posteriors.iter().filter(|posterior| posterior.variants.len() > 1).collect();
    let spread = |posterior: &RegionPosterior| {
        let inclusion = posterior.variants.iter().map(|variant| variant.inclusion);
        inclusion.clone().fold(0.0, f64::max) - inclusion.fold(1.0, f64::min)
    };
    let mean = several.iter().map(|posterior| spread(posterior)).sum::<f64>() / several.len() as f64;
    assert!(mean < 0.1, "{mean}");
}

#[test]
fn a_useful_model_is_used() {
    let useful = explain(TYPICAL, 1000, 9);
    let useless = explain(Process { skill: 0.0, error: 0.4, ..TYPICAL }, 1000, 9);
    let right = |result: &Result| result.inclusion.iter().filter(|(p, _)| *p > 0.9).count();
    assert!(right(&useful) > 10 * right(&useless).max(1), "{} {}", right(&useful), right(&useless));
}
