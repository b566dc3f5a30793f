//! Two-sided tail of Student's t distribution, and of a correlation.

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;

/// Degrees of freedom from which the expansion about the normal distribution is used: the continued fraction of
/// `beta_reg` does not converge in its number of terms there.
const MANY: f64 = 5000.0;

/// P(|T| >= |t|) for Student's t distribution with `freedom` > 0 degrees of freedom, not necessarily a whole number:
/// I_x(freedom / 2, 1 / 2) with x = freedom / (freedom + t²) (Abramowitz and Stegun 1964, 26.7.1). From 5,000 degrees
/// of freedom on by a normal deviate instead (Hill 1970). NaN if an argument is NaN.
pub fn two_sided_p(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() {
        return f64::NAN;
    }
    if t.is_infinite() {
        return 0.0;
    }
    if freedom < MANY {
        return beta_reg(freedom / 2.0, 0.5, freedom / (freedom + t * t));
    }
    erfc(normal_deviate(t.abs(), freedom) / std::f64::consts::SQRT_2)
}

/// Two-sided p-value of a Pearson correlation of `n` pairs of independent normal values, with n - 2 degrees of freedom.
/// 0 for a correlation of 1 or -1, 1 for fewer than three pairs, NaN if the correlation is NaN.
pub fn correlation_p(r: f64, n: f64) -> f64 {
    if r.is_nan() {
        return f64::NAN;
    }
    let unexplained = ((1.0 - r) * (1.0 + r)).clamp(0.0, 1.0);
    let freedom = n - 2.0;
    if freedom <= 0.0 {
        return 1.0;
    }
    if freedom < MANY {
        // freedom / (freedom + t²) is 1 - r², so t, infinite at 1 and -1, is not needed.
        return beta_reg(freedom / 2.0, 0.5, unexplained);
    }
    two_sided_p(r * (freedom / unexplained).sqrt(), freedom)
}

/// The deviate of the normal distribution with the tail of `t`: Hill's series in 1 / (freedom - 1/2).
fn normal_deviate(t: f64, freedom: f64) -> f64 {
    let a = freedom - 0.5;
    let b = 48.0 * a * a;
    let squared = a * (t * t / freedom).ln_1p();
    let z = squared.sqrt();
    if z == 0.0 {
        return 0.0;
    }
    let first = (squared + 3.0) * z / b;
    let second = ((((4.0 * squared + 33.0) * squared + 240.0) * squared + 855.0) * z) / (10.0 * b * b);
    z + first - second
}

#[cfg(test)]
mod tests {
    use super::{correlation_p, two_sided_p};

    /// `2 * scipy.stats.t.sf(t, freedom)` of SciPy 1.17.
    #[test]
    fn tails_of_scipy() {
        for (t, freedom, p) in [
            (0.1, 3.0, 0.9266523488008059),
            (2.0, 5.5, 0.09675439023118504),
            (1.0, 1e3, 0.31755241808467255),
            (1.0, 1e5, 0.3173129275641102),
            (1.01, 1e6, 0.31249553442062),
            (5.0, 1e6, 5.733997870890745e-07),
            (12.0, 40.0, 7.82417130425598e-15),
            (40.0, 60.0, 5.755480486627385e-45),
            (1e-9, 10.0, 0.9999999992217833),
            (0.999, 12345.6, 0.31781427103097915),
            (30.0, 1e5, 7.37853687222276e-197),
        ] {
            let got = two_sided_p(t, freedom);
            assert!((got / p - 1.0).abs() < 1e-9, "t {t}, {freedom} degrees of freedom: {got} instead of {p}");
            assert_eq!(got, two_sided_p(-t, freedom));
        }
    }

    #[test]
    fn the_two_ways_agree_where_they_meet() {
        for t in [0.0, 0.5, 1.0, 2.0, 5.0, 12.0] {
            let (below, above) = (two_sided_p(t, 4999.999), two_sided_p(t, 5000.0));
            assert!((below / above - 1.0).abs() < 1e-6, "t {t}: {below} and {above}");
        }
        assert_eq!(two_sided_p(f64::INFINITY, 5.0), 0.0);
        assert!(two_sided_p(f64::NAN, 5.0).is_nan());
    }

    /// `scipy.stats.pearsonr(x, y).pvalue` of SciPy 1.17 for x = 0..6 and y = [1, 3, 2, 5, 4, 6].
    #[test]
    fn a_correlation_of_scipy() {
        assert!((correlation_p(0.8857142857142857, 6.0) / 0.018845481049562695 - 1.0).abs() < 1e-9);
        assert_eq!((correlation_p(1.0, 40.0), correlation_p(-1.0, 40.0), correlation_p(0.0, 40.0)), (0.0, 0.0, 1.0));
        assert_eq!(correlation_p(0.9, 2.0), 1.0);
        assert!(correlation_p(f64::NAN, 9.0).is_nan());
        let (below, above) = (correlation_p(0.05, 5001.0), correlation_p(0.05, 5003.0));
        assert!((below / above - 1.0).abs() < 5e-3 && above < below);
    }
}
