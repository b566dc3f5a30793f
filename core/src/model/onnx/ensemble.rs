//! The networks of one or of several model files, which look at the same windows and predict together.

use crate::error::{Error, Result};
use crate::model::incremental::LocalPredictor;
use crate::model::onnx::external::SequenceModel;
use crate::model::window::WindowRule;

/// What one network says about a pair of windows, all in log2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    /// Signal of haplotype 1 and of haplotype 2.
    pub counts: [f64; 2],
    /// Haplotype 1 over haplotype 2.
    pub ratio: f64,
    /// The same output with the two exchanged.
    pub ratio_swapped: f64,
}

impl Told {
    /// Half the difference of both directions: exactly the negative when the haplotypes are exchanged.
    pub fn antisymmetric_ratio(&self) -> f64 {
        (self.ratio - self.ratio_swapped) / 2.0
    }
}

/// A network of one kind or the other.
pub enum Network {
    /// Of this suite: it reads pairs.
    Paired(LocalPredictor),
    /// Of another: it reads one sequence, and a ratio is the difference of two.
    Sequence(SequenceModel),
}

impl From<LocalPredictor> for Network {
    fn from(model: LocalPredictor) -> Self {
        Network::Paired(model)
    }
}

impl From<SequenceModel> for Network {
    fn from(model: SequenceModel) -> Self {
        Network::Sequence(model)
    }
}

impl Network {
    /// Bases of a window, and which bases of a region they are.
    fn windows(&self) -> (usize, WindowRule) {
        match self {
            Network::Paired(model) => (model.window(), model.info().windows),
            Network::Sequence(model) => (model.window(), WindowRule::default()),
        }
    }

    fn members(&self) -> usize {
        match self {
            Network::Paired(model) => model.members(),
            Network::Sequence(_) => 1,
        }
    }

    fn predict(&mut self, haplotype1: &[u8], haplotype2: &[u8]) -> Result<Vec<Vec<Told>>> {
        match self {
            Network::Paired(model) => {
                let targets = model.info().targets;
                let log2 = |x: f32| targets.log2(x.into());
                let told = |[count1, count2, ratio, ratio_swapped]: [f32; 4]| Told {
                    counts: [log2(count1), log2(count2)],
                    ratio: log2(ratio),
                    ratio_swapped: log2(ratio_swapped),
                };
                let by_pair = model.predict_members(haplotype1, haplotype2)?;
                Ok(by_pair.into_iter().map(|members| members.into_iter().map(told).collect()).collect())
            }
            Network::Sequence(model) => {
                let values = model.predict(&[haplotype1, haplotype2].concat())?;
                let (one, two) = values.split_at(values.len() / 2);
                let told = |(&a, &b): (&f64, &f64)| Told { counts: [a, b], ratio: a - b, ratio_swapped: b - a };
                Ok(one.iter().zip(two).map(|pair| vec![told(pair)]).collect())
            }
        }
    }
}

/// Model files with one kind of window.
pub struct Ensemble {
    models: Vec<Network>,
    window: usize,
    rule: WindowRule,
}

impl Ensemble {
    /// One model by itself.
    pub fn one(model: impl Into<Network>) -> Self {
        let model = model.into();
        let (window, rule) = model.windows();
        Ensemble { models: vec![model], window, rule }
    }

    /// With one more, each of its networks as good as those that are there.
    ///
    /// # Errors
    /// It reads other windows. The message names no file; the caller does.
    pub fn with(mut self, model: impl Into<Network>) -> Result<Self> {
        let model = model.into();
        let (window, rule) = model.windows();
        if (window, rule) != (self.window, self.rule) {
            return Err(Error::mismatch(format!(
                "reads windows of {window} bases, {rule}, but the first model of the ensemble {} bases, {}",
                self.window, self.rule
            )));
        }
        self.models.push(model);
        Ok(self)
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Which bases of a region the window holds.
    pub fn rule(&self) -> &WindowRule {
        &self.rule
    }

    /// Networks that can be told apart. A file that is an ensemble by itself but only tells its mean counts as one.
    pub fn members(&self) -> usize {
        self.models.iter().map(Network::members).sum()
    }

    /// The model files.
    pub fn models(&self) -> &[Network] {
        &self.models
    }

    /// Whether counts say more than the ratio: not where the latter is their difference, by other networks.
    pub fn has_counts(&self) -> bool {
        self.models.iter().all(|model| matches!(model, Network::Paired(_)))
    }

    /// Predict n pairs, as [`LocalPredictor::predict`] takes them: for each what every network says of it.
    ///
    /// # Errors
    /// The two differ in length or are no multiple of the window; an engine failed.
    pub fn predict(&mut self, haplotype1: &[u8], haplotype2: &[u8]) -> Result<Vec<Vec<Told>>> {
        let mut told = vec![Vec::with_capacity(self.members()); haplotype1.len() / self.window];
        for model in &mut self.models {
            let by_pair = model.predict(haplotype1, haplotype2)?;
            told.iter_mut().zip(by_pair).for_each(|(told, members)| told.extend(members));
        }
        Ok(told)
    }
}

/// Mean, and standard deviation (with n - 1) where there is more than one value.
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
