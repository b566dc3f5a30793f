//! How different two distributions are.

use std::f64::consts::LN_2;

/// Jensen-Shannon distance of two distributions over the same places: the square root of the divergence with logarithms
/// to base 2, from 0 (equal) to 1 (nothing in common). Both are scaled to a sum of 1. NaN if one of them has none.
/// (Lin 1991; Endres and Schindelin 2003.)
///
/// # Panics
/// They have different lengths.
pub fn jensen_shannon_distance(one: &[f32], two: &[f32]) -> f64 {
    assert_eq!(one.len(), two.len(), "distributions over different places");
    let sum = |list: &[f32]| list.iter().map(|&x| f64::from(x)).sum::<f64>();
    let (sum1, sum2) = (sum(one), sum(two));
    let term = |x: f64, mean: f64| if x > 0.0 { x * (x / mean).ln() } else { 0.0 };
    let terms = one.iter().zip(two).map(|(&x, &y)| {
        let (x, y) = (f64::from(x) / sum1, f64::from(y) / sum2);
        let mean = (x + y) / 2.0;
        // A NaN is in neither term: it must not become a distance.
        if mean.is_nan() {
            f64::NAN
        } else {
            term(x, mean) + term(y, mean)
        }
    });
    // Rounding may leave a divergence slightly below 0; max would turn NaN into 0.
    let divergence = terms.sum::<f64>() / 2.0 / LN_2;
    if divergence < 0.0 {
        0.0
    } else {
        divergence.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_definition() {
        assert_eq!(jensen_shannon_distance(&[0.25, 0.75], &[0.25, 0.75]), 0.0);
        assert_eq!(jensen_shannon_distance(&[1.0, 0.0], &[0.0, 1.0]), 1.0);
        // By hand: the means are 3/4 and 1/4, the divergence (log2(4/3) + (log2(2/3) + log2 2) / 2) / 2.
        let expected = (((4f64 / 3.0).log2() + ((2f64 / 3.0).log2() + 1.0) / 2.0) / 2.0).sqrt();
        assert!((jensen_shannon_distance(&[1.0, 0.0], &[0.5, 0.5]) - expected).abs() < 1e-12);
        // Scaled to a sum of 1, and the same in both directions.
        assert!((jensen_shannon_distance(&[3.0, 3.0], &[4.0, 0.0]) - expected).abs() < 1e-12);
        assert!(jensen_shannon_distance(&[0.0, 0.0], &[1.0, 0.0]).is_nan());
        assert!(jensen_shannon_distance(&[f32::NAN, 1.0], &[1.0, 0.0]).is_nan());
    }
}
