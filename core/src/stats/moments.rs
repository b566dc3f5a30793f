//! Mean and standard deviation.

/// Mean, and sample standard deviation (with n - 1) of two or more values. The mean of no value is NaN.
pub fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, Option<f64>) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|x| (x - mean).powi(2)).sum();
    (mean, (count > 1.0).then(|| (squares / (count - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        assert_eq!(mean_and_deviation([1.0, 3.0].into_iter()), (2.0, Some(2.0f64.sqrt())));
        assert_eq!(mean_and_deviation([4.0].into_iter()), (4.0, None));
        assert!(mean_and_deviation(std::iter::empty()).0.is_nan());
    }
}
