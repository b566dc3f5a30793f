use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Draws from a beta-binomial distribution by its cumulative probabilities.
struct Draw {
    cdf: Vec<f64>,
}

impl Draw {
    fn new(n: u64, mean: f64, rho: f64) -> Self {
        let d = BetaBinomial::new(n, mean, rho);
        let mut sum = 0.0;
        let cdf = (0..=n).map(|k| {
            sum += d.ln_pmf(k).exp();
            sum
        });
        Self { cdf: cdf.collect() }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> u64 {
        let u: f64 = rng.random();
        self.cdf.partition_point(|&c| c < u).min(self.cdf.len() - 1) as u64
    }
}

fn null(rows: u64, n: u64, rho: f64, seed: u64) -> Vec<(u64, u64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let draw = Draw::new(n, 0.5, rho);
    (0..rows).map(|_| draw.draw(&mut rng)).map(|k| (k, n - k)).collect()
}

fn histogram(rows: &[(u64, u64)]) -> Histogram {
    let mut histogram = Histogram::new();
    for &pair in rows {
        *histogram.entry(pair).or_insert(0) += 1;
    }
    histogram
}

/// Largest distance of the distribution of p from the uniform one, and its p-value after Kolmogorov and Smirnov.
fn uniform(mut p: Vec<f64>) -> (f64, f64) {
    p.sort_by(f64::total_cmp);
    let n = p.len() as f64;
    let distance = |(i, x): (usize, &f64)| ((i + 1) as f64 / n - x).max(x - i as f64 / n);
    let d = p.iter().enumerate().map(distance).fold(0.0, f64::max);
    let x = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * d;
    let tail: f64 = (1..101).map(|k| (-1f64).powi(k - 1) * (-2.0 * f64::from(k * k) * x * x).exp()).sum();
    (d, (2.0 * tail).clamp(0.0, 1.0))
}

#[test]
fn p_is_uniform_on_null_data() {
    // Depths vary, as they do in data: at one depth alone p has few values.
    for (seed, (from, to, rho)) in
        [(400, 1600, 0.0), (2000, 3000, 0.0), (40, 160, 0.02), (100, 300, 0.05), (300, 900, 0.2), (1000, 3000, 0.01)]
            .into_iter()
            .enumerate()
    {
        let mut rng = ChaCha8Rng::seed_from_u64(seed as u64);
        let mut rows = Vec::new();
        for _ in 0..2000 {
            let n = rng.random_range(from..to);
            let k = Draw::new(n, 0.5, rho).draw(&mut rng);
            rows.push((k, n - k));
        }
        let test = ImbalanceTest::fit(&histogram(&rows), Settings::default());
        let p: Vec<f64> = rows.iter().map(|r| test.row(r.0, r.1).unwrap().p_value).collect();
        let (d, ks) = uniform(p);
        assert!(ks > 0.05, "{from} to {to}, rho {rho}: distance {d}, p {ks}, fitted {}", test.dispersion);
        // To test the test: the binomial p-value is far from uniform on overdispersed data.
        if rho > 0.0 {
            let binomial = |r: &(u64, u64)| BetaBinomial::new(r.0 + r.1, 0.5, 0.0).two_sided(r.0).0;
            assert!(uniform(rows.iter().map(binomial).collect()).1 < 1e-4);
        }
    }
}

#[test]
fn at_one_depth_p_is_uniform_up_to_its_discreteness() {
    for (n, rho) in [(5, 0.0), (20, 0.1), (200, 0.0)] {
        let d = BetaBinomial::new(n, 0.5, rho);
        let mut values: Vec<(f64, f64)> = (0..=n).map(|k| (d.two_sided(k).0, d.ln_pmf(k).exp())).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Half of the probability of each value counts as below it: P(p' < p) + P(p' = p) / 2 = p.
        for &(p, _) in &values {
            let below: f64 = values.iter().filter(|v| v.0 < p - 1e-12).map(|v| v.1).sum();
            let here: f64 = values.iter().filter(|v| (v.0 - p).abs() <= 1e-12).map(|v| v.1).sum();
            assert!((below + here / 2.0 - p).abs() < 1e-10, "n {n}: {p}");
        }
    }
}

#[test]
fn p_has_mean_one_half_with_few_fragments() {
    for (n, rho) in [(1, 0.0), (2, 0.1), (5, 0.0), (12, 0.05)] {
        let rows = null(20_000, n, rho, n);
        let settings = Settings { dispersion: Some(rho), ..Settings::default() };
        let test = ImbalanceTest::fit(&histogram(&rows), settings);
        let p: Vec<f64> = rows.iter().map(|r| test.row(r.0, r.1).unwrap().p_value).collect();
        let mean = p.iter().sum::<f64>() / p.len() as f64;
        assert!((mean - 0.5).abs() < 0.008, "n {n}: {mean}");
        // Mid-p may exceed its level slightly.
        for level in [0.001, 0.01, 0.05] {
            let below = p.iter().filter(|p| **p <= level).count() as f64 / p.len() as f64;
            assert!(below < 1.6 * level + 0.002, "n {n}: {below} at {level}");
        }
    }
}

#[test]
fn the_dispersion_is_recovered() {
    for (n, rho, seed) in [(20, 0.1, 1), (100, 0.02, 2), (100, 0.3, 3), (1000, 0.005, 4), (10, 0.5, 5)] {
        let fit = dispersion::fit(&histogram(&null(3000, n, rho, seed)), 0.5).unwrap();
        assert!((fit.rho / rho - 1.0).abs() < 0.12, "n {n}, rho {rho}: {fit:?}");
        assert_eq!(fit.imbalanced, 0.0);
    }
    let fit = dispersion::fit(&histogram(&null(5000, 50, 0.0, 6)), 0.5).unwrap();
    assert!(fit.rho < 0.001, "{fit:?}");
    // Around another mean.
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let draw = Draw::new(80, 0.4, 0.05);
    let rows: Vec<_> = (0..3000).map(|_| draw.draw(&mut rng)).map(|k| (k, 80 - k)).collect();
    let fit = dispersion::fit(&histogram(&rows), 0.4).unwrap();
    assert!((fit.rho / 0.05 - 1.0).abs() < 0.12, "{fit:?}");
}

#[test]
fn imbalanced_regions_do_not_inflate_the_dispersion() {
    let mut rows = null(1800, 100, 0.02, 11);
    rows.extend(null(100, 100, 0.02, 12).iter().map(|_| (97, 3)));
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let draw = Draw::new(100, 0.12, 0.02);
    rows.extend((0..100).map(|_| draw.draw(&mut rng)).map(|k| (k, 100 - k)));
    let fit = dispersion::fit(&histogram(&rows), 0.5).unwrap();
    assert!((fit.rho / 0.02 - 1.0).abs() < 0.15, "{fit:?}");
    assert!((0.07..0.13).contains(&fit.imbalanced), "{fit:?}");
}

#[test]
fn false_discoveries_stay_within_their_rate() {
    let (mut called, mut wrong, mut found) = (0, 0, 0);
    for seed in 0..20 {
        let mut rows = null(900, 150, 0.01, 100 + seed);
        let mut rng = ChaCha8Rng::seed_from_u64(200 + seed);
        let draw = Draw::new(150, 0.75, 0.01);
        rows.extend((0..100).map(|_| draw.draw(&mut rng)).map(|k| (k, 150 - k)));
        let test = ImbalanceTest::fit(&histogram(&rows), Settings::default());
        for (i, r) in rows.iter().enumerate() {
            if test.q(r.0, r.1).unwrap() <= 0.1 {
                called += 1;
                wrong += usize::from(i < 900);
                found += usize::from(i >= 900);
            }
        }
    }
    let rate = wrong as f64 / called as f64;
    assert!(rate < 0.11, "{wrong} of {called}");
    assert!(rate > 0.04, "too strict: {wrong} of {called}");
    assert!(found > 1800, "{found} of 2000");
}

#[test]
fn shrunken_ratios_are_nearer_to_the_truth_than_those_of_the_counts() {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    let mut truth = Vec::new();
    let mut rows = Vec::new();
    for i in 0..3000 {
        // Twelve uniform draws less six: nearly normal, with a standard deviation of 1.
        let ratio = 0.8 * ((0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0);
        let n = [12, 30, 100][i % 3];
        let share = 1.0 / (1.0 + (-ratio).exp2());
        let k = Draw::new(n, share, 0.005).draw(&mut rng);
        truth.push(ratio);
        rows.push((k, n - k));
    }
    let settings = Settings { dispersion: Some(0.005), ..Settings::default() };
    let test = ImbalanceTest::fit(&histogram(&rows), settings);
    let sd = test.prior.as_ref().unwrap().sd();
    assert!((sd - 0.8).abs() < 0.06, "{sd}");
    let (mut plain, mut shrunk, mut inside) = (0.0, 0.0, 0);
    for (r, t) in rows.iter().zip(&truth) {
        let row = test.row(r.0, r.1).unwrap();
        let (mean, sd) = row.shrunk.unwrap();
        plain += (row.log2_ratio - t).powi(2);
        shrunk += (mean - t).powi(2);
        inside += usize::from((mean - t).abs() < 1.959964 * sd);
    }
    assert!(shrunk < 0.75 * plain, "{shrunk} {plain}");
    assert!((2790..2910).contains(&inside), "{inside} of 3000 within the 95 % interval");
}

#[test]
fn too_few_data_are_reported_and_tested_as_binomial() {
    let few = histogram(&null(29, 1000, 0.0, 3));
    let test = ImbalanceTest::fit(&few, Settings::default());
    assert_eq!((test.dispersion, test.source), (0.0, Source::TooFew { rows: 29 }));
    assert!(test.warning().unwrap().contains("29 rows"));
    let shallow = histogram(&null(500, 2, 0.0, 3));
    assert_eq!(ImbalanceTest::fit(&shallow, Settings::default()).source, Source::TooFew { rows: 500 });
    let given = ImbalanceTest::fit(&few, Settings { dispersion: Some(0.25), ..Settings::default() });
    assert_eq!((given.dispersion, given.source, given.warning()), (0.25, Source::Given, None));
    let none = ImbalanceTest::fit(&Histogram::new(), Settings::default());
    assert_eq!((none.row(0, 0), none.q(3, 4)), (None, None));
    assert!(none.row(3, 4).is_some() && none.summary().contains("no shrunken ratios"));
    assert_eq!(ImbalanceTest::fit(&[((0, 0), 10)].into(), Settings::default()).q(0, 0), None);
}

#[test]
fn q_values_are_known_on_paper() {
    let q = q_values(&[(0.04, 1), (0.01, 1), (0.03, 2), (0.5, 1)]);
    // Five rows: 0.01·5/1, 0.03·5/3 twice, 0.04·5/4, 0.5.
    for (a, b) in q.iter().zip([0.05, 0.05, 0.05, 0.5]) {
        assert!((a - b).abs() < 1e-12, "{q:?}");
    }
    assert!(q_values(&[]).is_empty());
    let many = q_values(&[(0.001, 1), (0.9, 999)]);
    assert_eq!(many, [0.9, 0.9]);
}

#[test]
fn replicates_combine_to_uniform_p_on_null_data() {
    let (a, b) = (null(3000, 100, 0.02, 41), null(3000, 300, 0.05, 42));
    let p = a.iter().zip(&b).map(|(a, b)| {
        let list = [(a, 0.02), (b, 0.05)].map(|(&(hap1, hap2), rho)| Replicate { hap1, hap2, rho });
        combine(&list, 0.5).unwrap().p_value
    });
    let (d, ks) = uniform(p.collect());
    assert!(ks > 0.05, "distance {d}, p {ks}");
}
