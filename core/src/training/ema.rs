//! An exponential moving average of the weights over the steps of training (after Polyak & Juditsky 1992): steps scatter
//! around an optimum, and their mean is closer to it than most of them.

use tch::Tensor;

use crate::error::Result;
use crate::model::torch::network::Network;

/// The average a ← a + (1 - d)(w - a) of every weight w, running batch-norm statistics included, with decay
/// d = min(decay, (1 + t)/(10 + t)) at step t: the average is short at first, so that the random initial weights soon
/// lose their influence.
pub struct Average {
    decay: f64,
    tensors: Vec<(String, Tensor, Tensor)>,
}

impl Average {
    /// Starts at the current weights. With decay 0 there is no average, and [`Average::exchange`] has no effect.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn new(network: &Network, decay: f64) -> Result<Self> {
        if decay == 0.0 {
            return Ok(Self { decay, tensors: Vec::new() });
        }
        let of = |(name, live): &(String, Tensor)| -> Result<_> {
            Ok((name.clone(), live.shallow_clone(), live.f_detach_copy()?))
        };
        Ok(Self { decay, tensors: network.tensors().map(of).collect::<Result<_>>()? })
    }

    /// Add the weights after step `step`, counted from 1.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn step(&mut self, step: u64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        let step = step as f64;
        let decay = self.decay.min((1.0 + step) / (10.0 + step));
        for (_, live, average) in &mut self.tensors {
            let _ = average.f_lerp_(live, 1.0 - decay)?;
        }
        Ok(())
    }

    /// Exchange the average and the network's weights; a second call restores both.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn exchange(&mut self) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (_, live, average) in &mut self.tensors {
            let kept = live.f_detach_copy()?;
            live.f_copy_(average)?;
            average.f_copy_(&kept)?;
        }
        Ok(())
    }

    /// The average by name, for a saved state.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        self.tensors.iter().map(|(name, _, average)| (name.clone(), average.shallow_clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::torch::network::{initial_weights, NetworkOptions};
    use crate::model::{Architecture, Kind};

    #[test]
    fn it_follows_its_formula_and_can_be_exchanged_with_the_weights() {
        let sizes = Architecture { window: 64, ..Architecture::preset("small", Kind::Paired).unwrap().recommended() };
        let weights = initial_weights(&sizes, 1);
        let network = Network::new(&sizes, &weights, tch::Device::Cpu, NetworkOptions::default()).unwrap();
        let bias = || network.weights().unwrap().get("counts_out.0.bias").unwrap().data[0];
        let set = |value: f64| {
            let (_, tensor) = network.tensors().find(|(name, _)| name == "counts_out.0.bias").unwrap();
            let _guard = tch::no_grad_guard();
            let _ = tensor.shallow_clone().fill_(value);
        };
        set(1.0);
        let mut average = Average::new(&network, 0.3).unwrap();
        // Decays 2/11 and 3/12, then the limit.
        let mut wanted = 1.0;
        for (step, (value, decay)) in [(5.0, 2.0 / 11.0), (-3.0, 0.25), (2.0, 0.3)].into_iter().enumerate() {
            set(value);
            average.step(step as u64 + 1).unwrap();
            wanted = decay * wanted + (1.0 - decay) * value;
        }
        average.exchange().unwrap();
        assert!((f64::from(bias()) - wanted).abs() < 1e-6, "{} and not {wanted}", bias());
        average.exchange().unwrap();
        assert_eq!(bias(), 2.0);
    }
}
