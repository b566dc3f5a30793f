//! Welch's t-test: whether two groups with unequal variances have the same mean.

use super::moments::mean_and_deviation;
use super::student::two_sided_p;

/// Result of [`welch`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// Mean of the first group less that of the second, in the unit of the values.
    pub difference: f64,
    /// The difference divided by its standard error.
    pub t: f64,
    /// Degrees of freedom, not a whole number in general.
    pub freedom: f64,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// Welch's t-test (Welch 1947) of two groups. `None` if a group has fewer than two values or both are constant.
pub fn welch(first: &[f64], second: &[f64]) -> Option<Welch> {
    let part = |group: &[f64]| -> Option<(f64, f64, f64)> {
        let (mean, deviation) = mean_and_deviation(group.iter().copied());
        let n = group.len() as f64;
        Some((mean, deviation?.powi(2) / n, n - 1.0))
    };
    let (mean_1, error_1, freedom_1) = part(first)?;
    let (mean_2, error_2, freedom_2) = part(second)?;
    let error = error_1 + error_2;
    if error == 0.0 {
        return None;
    }
    let difference = mean_1 - mean_2;
    let t = difference / error.sqrt();
    let freedom = error * error / (error_1 * error_1 / freedom_1 + error_2 * error_2 / freedom_2);
    Some(Welch { difference, t, freedom, p_value: two_sided_p(t, freedom) })
}

#[cfg(test)]
mod tests {
    use super::welch;

    /// `scipy.stats.ttest_ind(x, y, equal_var=False)` of SciPy 1.17.
    #[test]
    fn values_of_scipy() {
        let x = [20.1, 22.3, 19.8, 25.0, 21.7];
        let y = [18.2, 17.9, 20.0, 16.5, 19.1, 18.8, 17.2];
        let got = welch(&x, &y).unwrap();
        assert!((got.t - 3.4213148688886905).abs() < 1e-12);
        assert!((got.freedom - 5.840923636598733).abs() < 1e-11);
        assert!((got.p_value / 0.014727830455899543 - 1.0).abs() < 1e-10);

        let x: Vec<f64> = (0..40).map(|i| f64::from(i % 7) + 0.25 * f64::from(i)).collect();
        let y: Vec<f64> = (0..25).map(|i| f64::from(i * i % 11) - 0.1 * f64::from(i)).collect();
        let got = welch(&x, &y).unwrap();
        assert!((got.t - 6.270790654382399).abs() < 1e-12);
        assert!((got.freedom - 58.1020883279119).abs() < 1e-10);
        assert!((got.p_value / 4.8256211052516866e-08 - 1.0).abs() < 1e-10);
        let reversed = welch(&y, &x).unwrap();
        assert_eq!((reversed.t, reversed.p_value), (-got.t, got.p_value));
    }

    #[test]
    fn groups_that_cannot_be_compared() {
        assert!(welch(&[1.0], &[1.0, 2.0]).is_none());
        assert!(welch(&[], &[]).is_none());
        assert!(welch(&[1.0, 1.0], &[2.0, 2.0]).is_none());
        // One constant group is enough of a variance.
        assert!(welch(&[1.0, 1.0], &[2.0, 3.0]).is_some());
    }
}
