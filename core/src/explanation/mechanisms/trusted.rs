//! Regions whose measured imbalance a model predicts, as the published method chooses them.

/// What a region must have to be trusted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrustedRule {
    /// The size of the measured log2 ratio is above this.
    pub measured: f64,
    /// The size of the predicted ratio over the root mean square of all predicted ratios is above this.
    pub deviations: f64,
}

impl Default for TrustedRule {
    /// Twofold imbalance, and 1.65 deviations.
    fn default() -> Self {
        Self { measured: 1.0, deviations: 1.65 }
    }
}

impl TrustedRule {
    /// Which regions are trusted: both sizes above the limits and of the same sign. `measured` and `predicted` are log2
    /// ratios; regions without one of them are not trusted.
    pub fn choose(&self, measured: &[Option<f64>], predicted: &[f64]) -> Vec<bool> {
        let finite: Vec<f64> = predicted.iter().copied().filter(|p| p.is_finite()).collect();
        let root_mean_square = (finite.iter().map(|p| p * p).sum::<f64>() / finite.len() as f64).sqrt();
        let trusted = |(measured, predicted): (&Option<f64>, &f64)| {
            measured.is_some_and(|measured| {
                measured.abs() > self.measured
                    && (predicted / root_mean_square).abs() > self.deviations
                    && measured * predicted > 0.0
            })
        };
        measured.iter().zip(predicted).map(trusted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sizes_and_the_sign() {
        // The root mean square is 2.
        let predicted = [4.0, -4.0, 3.2, 0.0, 0.0, 0.0, 0.0, f64::NAN, 3.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let scale = (predicted.iter().filter(|p| p.is_finite()).map(|p| p * p).sum::<f64>() / 14.0f64).sqrt();
        let predicted = predicted.map(|p| p * 2.0 / scale);
        let mut measured = vec![Some(1.5); 15];
        measured[1] = Some(1.5);
        measured[8] = None;
        let trusted = TrustedRule::default().choose(&measured, &predicted);
        assert_eq!(trusted.iter().filter(|t| **t).count(), 1 + usize::from(3.2 * 2.0 / scale / 2.0 > 1.65));
        assert!(trusted[0] && !trusted[1] && !trusted[7] && !trusted[8]);
        measured[0] = Some(1.0);
        assert!(!TrustedRule::default().choose(&measured, &predicted)[0]);
        measured[1] = Some(-1.01);
        assert!(TrustedRule::default().choose(&measured, &predicted)[1]);
    }
}
