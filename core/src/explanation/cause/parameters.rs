//! The parameters of the model, what is believed of them before the regions are seen, and the prior of one effect.

use super::Effect;

/// Number of parameters.
pub const COUNT: usize = 10;

/// |e| is shifted by the first, and compared with the second, before its logarithm decides on π(e).
const SHIFT: f64 = 0.01;
const TYPICAL: f64 = 0.31;

/// Least standard deviation of a contribution whose prediction holds, log2.
const LEAST_ERROR: f64 = 0.02;

/// Two normal distributions around the same mean in place of one double-exponential (Laplace) distribution with the same
/// variance and fourth moment: their shares, and their variances relative to its variance. A Laplace distribution is a normal one
/// whose variance is exponentially distributed; these are the nodes of Gauss-Laguerre quadrature, 2 -+ sqrt(2).
const LAPLACE: [(f64, f64); 2] =
    [(0.853_553_390_593_273_8, 0.585_786_437_626_904_9), (0.146_446_609_406_726_24, 3.414_213_562_373_095)];

/// The parameters; [`super`] has the formulas. All effects are log2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// b: true effect per predicted effect.
    pub scale: f64,
    /// a: by how much a predicted effect that holds is too small, as if it were shrunken towards 0.
    pub shrunken: f64,
    /// t: standard deviation of predicted effects around those that would be true, on the scale of predictions.
    pub error: f64,
    /// r: the same in proportion to the predicted effect.
    pub relative_error: f64,
    /// g: log-odds that the prediction holds, at a typical predicted effect (0.3).
    pub predicted: f64,
    /// h: by how much these log-odds rise per unit of ln |e|; at least 0.
    pub predicted_slope: f64,
    /// μ: chance of an effect that the model does not see.
    pub missed: f64,
    /// m: standard deviation of such an effect.
    pub missed_size: f64,
    /// s: standard deviation of what other causes add to the ratio of a region.
    pub background: f64,
    /// ν: share of regions with a large effect of other causes.
    pub outliers: f64,
}

/// Centre and standard deviation of the normal priors of [`Parameters::to_vector`].
const PRIORS: [(f64, f64); COUNT] = [
    (1.0, 0.5),  // b
    (-3.5, 0.7), // ln a: 0.03
    (-2.3, 0.7), // ln t: 0.1
    (-1.2, 0.7), // ln r: 0.3
    (0.5, 1.5),  // g
    (0.5, 0.5),  // ln h: 1.6
    (-2.9, 1.0), // logit μ: 0.05
    (0.0, 0.5),  // ln m: 1
    (-1.9, 0.7), // ln s: 0.15
    (-3.5, 1.0), // logit ν: 0.03
];

/// Number of states of a variant.
pub const STATES: usize = 4;

/// The states of a variant: chance, mean and variance of its contribution to the ratio. The first is no contribution.
pub type States = [(f64, f64, f64); STATES];

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Default for Parameters {
    /// The centres of the priors: what holds until there are regions enough to know better.
    fn default() -> Self {
        Self::of_vector(&PRIORS.map(|(centre, _)| centre))
    }
}

impl Parameters {
    /// From unbounded numbers.
    pub(super) fn of_vector(x: &[f64; COUNT]) -> Self {
        // Wide limits keep the arithmetic finite.
        let positive = |x: f64| x.clamp(-9.0, 4.0).exp();
        let chance = |x: f64| logistic(x.clamp(-14.0, 14.0));
        Self {
            scale: x[0],
            shrunken: positive(x[1]),
            error: positive(x[2]),
            relative_error: positive(x[3]),
            predicted: x[4].clamp(-30.0, 30.0),
            predicted_slope: positive(x[5]),
            missed: chance(x[6]),
            missed_size: positive(x[7]),
            background: positive(x[8]),
            outliers: chance(x[9]),
        }
    }

    /// Natural logarithm of the prior density at these unbounded numbers, less a constant.
    pub(super) fn ln_prior(x: &[f64; COUNT]) -> f64 {
        x.iter().zip(PRIORS).map(|(x, (centre, sd))| -0.5 * ((x - centre) / sd).powi(2)).sum()
    }

    /// Where the search for the best parameters begins: the centres, and a model without skill.
    pub(super) fn starts() -> [[f64; COUNT]; 2] {
        let centres = PRIORS.map(|(centre, _)| centre);
        let mut useless = centres;
        (useless[0], useless[4], useless[6]) = (0.2, -3.0, -1.0);
        [centres, useless]
    }

    /// π(e): chance that the prediction of an effect of this size holds.
    pub fn holds(&self, effect: f64) -> f64 {
        logistic(self.predicted + self.predicted_slope * ((effect.abs() + SHIFT) / TYPICAL).ln())
    }

    /// The states of a variant with this predicted effect.
    pub fn states(&self, effect: Effect) -> States {
        let holds = self.holds(effect.mean);
        let middle = self.scale * effect.mean * (1.0 + self.shrunken / (effect.mean.abs() + SHIFT));
        // In proportion to b: a model without skill predicts nothing, also no error.
        let error = self.error.powi(2) + (self.relative_error * effect.mean).powi(2) + effect.error.powi(2);
        let error = LEAST_ERROR.powi(2) + self.scale.powi(2) * error;
        let missed = (1.0 - holds) * self.missed;
        let [(share, narrow), (rest, wide)] = LAPLACE;
        let size = self.missed_size.powi(2);
        [
            ((1.0 - holds) * (1.0 - self.missed), 0.0, 0.0),
            (holds, middle, error),
            (missed * share, 0.0, size * narrow),
            (missed * rest, 0.0, size * wide),
        ]
    }

    /// Other causes of a region: chance and variance of each of their two states.
    pub fn others(&self) -> [(f64, f64); 2] {
        let small = self.background.powi(2);
        [(1.0 - self.outliers, small), (self.outliers, small + self.missed_size.powi(2))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_sum_to_one_and_rise_with_the_predicted_effect() {
        let parameters = Parameters::default();
        let mut last = 0.0;
        for mean in [0.0, 0.01, 0.1, 0.5, 3.0] {
            let states = parameters.states(Effect { mean: -mean, error: 0.02 });
            assert!((states.iter().map(|s| s.0).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(states[1].0 > last && (mean == 0.0 || states[1].1 < -mean), "{states:?}");
            last = states[1].0;
        }
        assert!((parameters.holds(0.3) - logistic(0.5)).abs() < 1e-12);
        assert!((parameters.others().iter().map(|s| s.0).sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
