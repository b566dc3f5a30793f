//! Control of the false discovery rate.

/// q-values (Benjamini and Hochberg 1995) of p-values, in the same order: q of the i-th smallest of n p-values is the
/// least p(j) n / j over j >= i, at most 1. A NaN counts as the largest of them.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    q_values(&p.iter().map(|&p| (p, 1)).collect::<Vec<_>>())
}

/// As [`benjamini_hochberg`], of p-values given with the number of rows that have each.
pub fn q_values(p: &[(f64, u64)]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].0.total_cmp(&p[b].0));
    let total: u64 = p.iter().map(|x| x.1).sum();
    let mut rank = total;
    let mut least: f64 = 1.0;
    let mut q = vec![1.0; p.len()];
    for &i in order.iter().rev() {
        least = least.min(p[i].0 * total as f64 / rank.max(1) as f64);
        q[i] = least;
        rank -= p[i].1;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_on_paper() {
        let q = benjamini_hochberg(&[0.04, 0.01, 0.03, 0.03, 0.5]);
        for (a, b) in q.iter().zip([0.05, 0.05, 0.05, 0.05, 0.5]) {
            assert!((a - b).abs() < 1e-12, "{q:?}");
        }
        assert!(benjamini_hochberg(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn the_definition(p in prop::collection::vec(0.0..1.0f64, 1..30)) {
            let (n, q) = (p.len() as f64, benjamini_hochberg(&p));
            let rank = |x: f64| p.iter().filter(|&&y| y <= x).count() as f64;
            for (&own, found) in p.iter().zip(q) {
                let least = p.iter().filter(|&&y| y >= own).map(|&y| y * n / rank(y)).fold(1.0, f64::min);
                prop_assert!((found - least).abs() < 1e-14);
            }
        }
    }
}
