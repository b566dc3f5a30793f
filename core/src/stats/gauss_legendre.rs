//! Quadrature.

/// Gauss-Legendre quadrature on [0, 1]: `count` points in increasing order, each with its weight. Exact for polynomials of
/// degree 2·`count` - 1. Points are roots of the Legendre polynomial, by Newton's method.
pub fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let n = count as f64;
    let root = |number: usize| {
        let mut x = -(std::f64::consts::PI * (number as f64 + 0.75) / (n + 0.5)).cos();
        let mut derivative = 1.0;
        for _ in 0..100 {
            let (mut before, mut value) = (0.0, 1.0);
            for degree in 0..count {
                let k = degree as f64;
                (before, value) = (value, ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0));
            }
            derivative = n * (x * value - before) / (x * x - 1.0);
            let step = value / derivative;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        ((x + 1.0) / 2.0, 1.0 / ((1.0 - x * x) * derivative * derivative))
    };
    (0..count).map(root).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        let points = gauss_legendre(3);
        let expected = [(0.5 - 0.15f64.sqrt(), 5.0 / 18.0), (0.5, 4.0 / 9.0), (0.5 + 0.15f64.sqrt(), 5.0 / 18.0)];
        assert!(points.iter().zip(expected).all(|(a, b)| (a.0 - b.0).abs() < 1e-14 && (a.1 - b.1).abs() < 1e-14));
        assert_eq!(gauss_legendre(1).len(), 1);
        assert!((gauss_legendre(1)[0].0 - 0.5).abs() < 1e-15 && (gauss_legendre(1)[0].1 - 1.0).abs() < 1e-15);
    }

    #[test]
    fn polynomials_are_integrated_exactly() {
        for count in [2, 7, 100] {
            let points = gauss_legendre(count);
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
            for degree in [0, 1, 2 * count - 1] {
                let sum: f64 = points.iter().map(|(x, weight)| weight * x.powi(degree as i32)).sum();
                assert!((sum - 1.0 / (degree as f64 + 1.0)).abs() < 1e-13, "{count} {degree} {sum}");
            }
        }
    }
}
