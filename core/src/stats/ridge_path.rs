//! Ridge solutions for a whole grid of penalties at the cost of one.

/// Relative size of the residual at which a solution has converged.
const TOLERANCE: f64 = 1e-9;

/// Solve (A + p·I)·x = b for every penalty p, where `apply` gives A·v for a symmetric A without negative
/// eigenvalues. `penalties` must be above 0.
///
/// By conjugate gradients for shifted systems (Frommer and Maass 1999): the residuals of all penalties are
/// multiples of those of the smallest, so that each iteration takes one product with A for all penalties. At most
/// `rounds` iterations.
pub fn solve(mut apply: impl FnMut(&[f64]) -> Vec<f64>, b: &[f64], penalties: &[f64], rounds: usize) -> Vec<Vec<f64>> {
    let size = b.len();
    let mut solutions = vec![vec![0.0; size]; penalties.len()];
    let base = penalties.iter().copied().fold(f64::INFINITY, f64::min);
    let start = dot(b, b).sqrt();
    if penalties.is_empty() || start == 0.0 {
        return solutions;
    }
    let (mut residual, mut direction) = (b.to_vec(), b.to_vec());
    let mut directions = vec![b.to_vec(); penalties.len()];
    // The ratio of each penalty's residual to that of the base, now and one iteration before.
    let (mut share, mut share_before) = (vec![1.0; penalties.len()], vec![1.0; penalties.len()]);
    let (mut step_before, mut beta_before) = (1.0, 0.0);
    let mut done = vec![false; penalties.len()];
    let mut norm = start * start;
    for _ in 0..rounds {
        let mut product = apply(&direction);
        product.iter_mut().zip(&direction).for_each(|(p, d)| *p += base * d);
        let step = norm / dot(&direction, &product);
        let mut next_share = vec![0.0; penalties.len()];
        for (j, penalty) in penalties.iter().enumerate() {
            // For good: its recurrence ends here, even if the residual of the base rises again.
            done[j] |= share[j] * norm.sqrt() <= TOLERANCE * start;
            if done[j] {
                continue;
            }
            let shift = penalty - base;
            next_share[j] = share[j] * share_before[j] * step_before
                / (step * beta_before * (share_before[j] - share[j])
                    + share_before[j] * step_before * (1.0 + shift * step));
            let own_step = step * next_share[j] / share[j];
            solutions[j].iter_mut().zip(&directions[j]).for_each(|(x, d)| *x += own_step * d);
        }
        residual.iter_mut().zip(&product).for_each(|(r, p)| *r -= step * p);
        let next_norm = dot(&residual, &residual);
        let beta = next_norm / norm;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + beta * *d);
        for j in 0..penalties.len() {
            if done[j] {
                continue;
            }
            let own_beta = beta * (next_share[j] / share[j]).powi(2);
            let scale = next_share[j];
            directions[j].iter_mut().zip(&residual).for_each(|(d, r)| *d = scale * r + own_beta * *d);
            (share_before[j], share[j]) = (share[j], scale);
        }
        (step_before, beta_before, norm) = (step, beta, next_norm);
        if norm.sqrt() <= TOLERANCE * start {
            break;
        }
    }
    solutions
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gaussian elimination with row exchange, the truth for small systems.
    pub fn dense_solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for i in 0..n {
            let pivot = (i..n).max_by(|&p, &q| a[p][i].abs().total_cmp(&a[q][i].abs())).unwrap();
            a.swap(i, pivot);
            b.swap(i, pivot);
            let (done, below) = a.split_at_mut(i + 1);
            let top = &done[i];
            for (offset, row) in below.iter_mut().enumerate() {
                let factor = row[i] / top[i];
                row[i..].iter_mut().zip(&top[i..]).for_each(|(value, t)| *value -= factor * t);
                b[i + 1 + offset] -= factor * b[i];
            }
        }
        let mut x = vec![0.0; n];
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| a[i][j] * x[j]).sum();
            x[i] = (b[i] - known) / a[i][i];
        }
        x
    }

    proptest! {
        #[test]
        fn equals_a_dense_solve_for_every_penalty(
            rows in prop::collection::vec(prop::collection::vec(-3i32..4, 6), 1..12),
            b in prop::collection::vec(-5.0f64..5.0, 6)
        ) {
            let gram = |i: usize, j: usize| -> f64 { rows.iter().map(|r| f64::from(r[i] * r[j])).sum() };
            let matrix: Vec<Vec<f64>> = (0..6).map(|i| (0..6).map(|j| gram(i, j)).collect()).collect();
            let penalties = [0.1, 3.0, 0.5, 100.0];
            let got = solve(|v| matrix.iter().map(|row| dot(row, v)).collect(), &b, &penalties, 200);
            for (penalty, x) in penalties.iter().zip(&got) {
                let mut full = matrix.clone();
                (0..6).for_each(|i| full[i][i] += penalty);
                for (mine, truth) in x.iter().zip(dense_solve(full, b.clone())) {
                    prop_assert!((mine - truth).abs() < 1e-6 * (1.0 + truth.abs()), "{} against {}", mine, truth);
                }
            }
        }
    }

    #[test]
    fn nothing_to_explain_is_zero() {
        assert_eq!(solve(|v| v.to_vec(), &[0.0, 0.0], &[1.0], 10), [[0.0, 0.0]]);
    }
}
