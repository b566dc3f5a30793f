use super::*;
use crate::stats::ridge_path::tests::dense_solve;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const WINDOW: usize = 40;

struct World {
    hap1: Vec<u8>,
    hap2: Vec<u8>,
    targets: Vec<[f64; 3]>,
}

impl World {
    /// Pairs of which the second has some other bases; the activity depends on how often `TT` or `AA` is there.
    fn new(pairs: usize, seed: u64, noise: f64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut world = Self { hap1: vec![], hap2: vec![], targets: vec![] };
        for pair in 0..pairs {
            let one: Vec<u8> = (0..WINDOW).map(|_| chance.random_range(0..4)).collect();
            let mut two = one.clone();
            if pair % 7 != 0 {
                for _ in 0..3 {
                    two[chance.random_range(0..WINDOW)] = chance.random_range(0..4);
                }
            }
            if pair % 5 == 0 {
                two[0] = 4;
            }
            let count = |codes: &[u8]| codes.windows(2).filter(|w| *w == [0, 0] || *w == [3, 3]).count() as f64;
            let mut value = |codes: &[u8]| 1.0 + 0.5 * count(codes) + noise * (chance.random::<f64>() - 0.5);
            let (a, b) = (value(&one), value(&two));
            world.hap1.extend(one);
            world.hap2.extend(two);
            world.targets.push([a, b, a - b]);
        }
        world
    }

    fn codes(&self, i: usize) -> (&[u8], &[u8]) {
        let range = i * WINDOW..(i + 1) * WINDOW;
        (&self.hap1[range.clone()], &self.hap2[range])
    }

    fn fit(&self, k: usize, train: &[usize], validation: &[usize]) -> KmerRidge {
        KmerRidge::fit(k, &|i| self.codes(i), &self.targets, train, validation).unwrap()
    }
}

fn features(kmers: &Kmers, codes: &[u8]) -> Vec<f64> {
    let mut counts = vec![0.0; kmers.distinct()];
    kmers.of(codes).for_each(|n| counts[usize::from(n)] += 1.0);
    counts
}

/// Centre, normal equations with the penalty, Gauss: weights, intercept, and the mean squared length of the rows.
fn dense_ridge(rows: &[Vec<f64>], values: &[f64], multiple: f64) -> (Vec<f64>, f64) {
    let (n, width) = (rows.len() as f64, rows[0].len());
    let mean = values.iter().sum::<f64>() / n;
    let centre: Vec<f64> = (0..width).map(|j| rows.iter().map(|r| r[j]).sum::<f64>() / n).collect();
    let centred: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().zip(&centre).map(|(x, c)| x - c).collect()).collect();
    let scale = centred.iter().flatten().map(|x| x * x).sum::<f64>() / n;
    let mut matrix = vec![vec![0.0; width]; width];
    let mut right = vec![0.0; width];
    for (row, value) in centred.iter().zip(values) {
        for i in 0..width {
            right[i] += row[i] * (value - mean);
            for j in 0..width {
                matrix[i][j] += row[i] * row[j];
            }
        }
    }
    (0..width).for_each(|i| matrix[i][i] += multiple * scale);
    let weights = dense_solve(matrix, right);
    let intercept = mean - weights.iter().zip(&centre).map(|(w, c)| w * c).sum::<f64>();
    (weights, intercept)
}

#[test]
fn equals_a_dense_solve() {
    let world = World::new(120, 1, 1.0);
    let (train, validation): (Vec<usize>, Vec<usize>) = (0..120).partition(|i| i % 4 != 0);
    for k in [1, 2, 3] {
        let model = world.fit(k, &train, &validation);
        let kmers = Kmers::new(k);
        let own = |x: &[f64]| if model.with_allele_a { x.to_vec() } else { vec![] };
        let (mut rows, mut values, mut pair_rows, mut ratios) = (vec![], vec![], vec![], vec![]);
        for &i in &train {
            let (a, b) = world.codes(i);
            let (x, y) = (features(&kmers, a), features(&kmers, b));
            if a != b {
                pair_rows.push(x.iter().zip(&y).map(|(x, y)| x - y).chain(own(&x)).collect::<Vec<_>>());
                ratios.push(world.targets[i][2]);
            }
            rows.extend([x, y]);
            values.extend(&world.targets[i][..2]);
        }
        let (activity, base) = dense_ridge(&rows, &values, model.penalties[0]);
        let (ratio, middle) = dense_ridge(&pair_rows, &ratios, model.penalties[1]);
        for i in 0..120 {
            let (a, b) = world.codes(i);
            let (x, y) = (features(&kmers, a), features(&kmers, b));
            let found = model.predict(a, b);
            let dot = |w: &[f64], x: &[f64]| -> f64 { w.iter().zip(x).map(|(w, x)| w * x).sum() };
            let both: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).chain(own(&x)).collect();
            let truth = [base + dot(&activity, &x), base + dot(&activity, &y), middle + dot(&ratio, &both)];
            for (found, truth) in found.iter().zip(truth) {
                assert!((found - truth).abs() < 1e-6, "k {k}, pair {i}: {found} against {truth}");
            }
        }
    }
}

#[test]
fn the_penalty_is_that_of_the_least_validation_error() {
    let world = World::new(200, 2, 3.0);
    let (train, validation): (Vec<usize>, Vec<usize>) = (0..200).partition(|i| i % 4 != 0);
    let model = world.fit(2, &train, &validation);
    let kmers = Kmers::new(2);
    let differ = |i: &&usize| world.codes(**i).0 != world.codes(**i).1;
    let row = |i: &usize, with_a: bool| -> Vec<f64> {
        let (a, b) = world.codes(*i);
        let (x, y) = (features(&kmers, a), features(&kmers, b));
        let own = x.iter().copied().take(if with_a { x.len() } else { 0 });
        x.iter().zip(&y).map(|(x, y)| x - y).chain(own).collect()
    };
    let values: Vec<f64> = train.iter().filter(differ).map(|i| world.targets[*i][2]).collect();
    let error = |multiple: f64, with_a: bool| -> f64 {
        let rows: Vec<Vec<f64>> = train.iter().filter(differ).map(|i| row(i, with_a)).collect();
        let (weights, intercept) = dense_ridge(&rows, &values, multiple);
        let found = |i: &usize| intercept + row(i, with_a).iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>();
        validation.iter().filter(differ).map(|i| (found(i) - world.targets[*i][2]).powi(2)).sum()
    };
    let grid = (0..21).map(|i| 10f64.powf(f64::from(i) / 4.0 - 1.0)).flat_map(|p| [(p, true), (p, false)]);
    let best = grid.min_by(|a, b| error(a.0, a.1).total_cmp(&error(b.0, b.1))).unwrap();
    assert!((model.penalties[1] / best.0 - 1.0).abs() < 1e-9, "{:?} against {best:?}", model.penalties);
    assert_eq!(model.with_allele_a, best.1);
}

#[test]
fn allele_a_is_used_where_it_tells_something() {
    let mut world = World::new(800, 6, 0.5);
    let (train, validation): (Vec<usize>, Vec<usize>) = (0..800).partition(|i| i % 4 != 0);
    // A ratio that hangs on allele a alone, and one that does not.
    let plain: Vec<f64> = world.targets.iter().map(|t| t[2]).collect();
    for i in 0..800 {
        world.targets[i][2] = 0.3 * world.codes(i).0.iter().filter(|c| **c == 0 || **c == 3).count() as f64;
    }
    assert!(world.fit(3, &train, &validation).with_allele_a);
    world.targets.iter_mut().zip(plain).for_each(|(t, p)| t[2] = p);
    assert!(!world.fit(3, &train, &validation).with_allele_a);
}

#[test]
fn what_is_linear_in_k_mers_is_learnt_and_what_is_noise_is_not() {
    let world = World::new(1500, 3, 0.1);
    let (train, rest): (Vec<usize>, Vec<usize>) = (0..1500).partition(|i| i % 5 > 1);
    let (validation, test): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|i| i % 5 == 0);
    let model = world.fit(3, &train, &validation);
    let found: Vec<[f64; 3]> = test.iter().map(|&i| model.predict(world.codes(i).0, world.codes(i).1)).collect();
    for k in 0..3 {
        let x: Vec<f64> = found.iter().map(|t| t[k]).collect();
        let y: Vec<f64> = test.iter().map(|&i| world.targets[i][k]).collect();
        let r = crate::stats::correlation::pearson(&x, &y);
        assert!(r > 0.97, "{k}: {r}");
    }
    let mut shuffled = World::new(1500, 3, 0.1);
    shuffled.targets.rotate_right(311);
    let model = shuffled.fit(3, &train, &validation);
    let variance = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
    };
    for k in 0..3 {
        let found = variance(test.iter().map(|&i| model.predict(world.codes(i).0, world.codes(i).1)[k]).collect());
        let seen = variance(test.iter().map(|&i| shuffled.targets[i][k]).collect());
        assert!(found < 0.05 * seen, "{k}: {found} of {seen} at {:?}", model.penalties);
    }
}

#[test]
fn the_same_at_any_number_of_threads() {
    let world = World::new(1300, 4, 1.0);
    let (train, validation): (Vec<usize>, Vec<usize>) = (0..1300).partition(|i| i % 10 != 0);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| world.fit(3, &train, &validation))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn it_needs_windows_of_both_parts() {
    let world = World::new(20, 5, 1.0);
    let fit = |train: &[usize], validation: &[usize]| {
        KmerRidge::fit(3, &|i| world.codes(i), &world.targets, train, validation).unwrap_err().to_string()
    };
    assert!(fit(&[], &[1, 2]).contains("training"));
    assert!(fit(&[1, 2], &[]).contains("validation"));
    // Pair 7 has two equal alleles.
    assert!(fit(&[7], &[1, 2]).contains("training"));
}
