//! Adam, with weight decay in the gradient, as the published training uses it, or decoupled.

use std::collections::BTreeMap;

use tch::{Kind as Type, Tensor};

use crate::error::{Error, Result};
use crate::model::torch::network::Network;
use crate::training::options::Decay;

/// Kingma & Ba 2015: m, v the running moments of the gradient g;
/// p ← p − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
/// Weight decay wd: g ← g + wd·p, or p ← p − lr·wd·p before the step ([`Decay`]).
pub struct Adam {
    weight_decay: f64,
    decay: Decay,
    clip: f64,
    step: i32,
    slots: Vec<Slot>,
}

struct Slot {
    name: String,
    parameter: Tensor,
    first: Tensor,
    second: Tensor,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Adam {
    /// Moments start at zero, for every learned tensor of `network`; weight decay as published.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn new(network: &Network, weight_decay: f64) -> Result<Self> {
        Self::with(network, &[], weight_decay, Decay::Gradient, 0.0)
    }

    /// As [`Adam::new`], with `more` parameters in addition to the network's, and the norm of all gradients together
    /// limited to `clip` unless that is 0.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn with(
        network: &Network,
        more: &[(String, Tensor)],
        weight_decay: f64,
        decay: Decay,
        clip: f64,
    ) -> Result<Self> {
        let mut slots = Vec::new();
        for (name, parameter) in network.parameters().chain(more) {
            slots.push(Slot {
                name: name.clone(),
                parameter: parameter.shallow_clone(),
                first: parameter.f_zeros_like()?.set_requires_grad(false),
                second: parameter.f_zeros_like()?.set_requires_grad(false),
            });
        }
        Ok(Self { weight_decay, decay, clip, step: 0, slots })
    }

    /// Reset the gradients.
    pub fn zero_grad(&mut self) {
        for slot in &mut self.slots {
            slot.parameter.zero_grad();
        }
    }

    /// Update every parameter by its gradient, with learning rate `rate`.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn step(&mut self, rate: f64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.step += 1;
        let correction1 = 1.0 - BETA1.powi(self.step);
        let correction2 = 1.0 - BETA2.powi(self.step);
        let shrink = self.shrink()?;
        for slot in &mut self.slots {
            let gradient = slot.parameter.grad();
            if !gradient.defined() {
                continue;
            }
            let gradient = match &shrink {
                Some(factor) => gradient.f_mul(&factor.f_to_kind(gradient.kind())?)?,
                None => gradient,
            };
            let gradient = match self.decay {
                Decay::Gradient => gradient.f_add(&slot.parameter.f_mul_scalar(self.weight_decay)?)?,
                Decay::Decoupled => {
                    if slot.parameter.dim() > 1 {
                        let _ = slot.parameter.f_mul_scalar_(1.0 - rate * self.weight_decay)?;
                    }
                    gradient
                }
            };
            let _ = slot.first.f_lerp_(&gradient, 1.0 - BETA1)?;
            let square = gradient.f_mul(&gradient)?.f_mul_scalar_(1.0 - BETA2)?;
            let _ = slot.second.f_mul_scalar_(BETA2)?.f_add_(&square)?;
            let mut scale = slot.second.f_sqrt()?;
            let _ = scale.f_mul_scalar_(1.0 / correction2.sqrt())?.f_add_scalar_(EPSILON)?;
            let mut update = slot.first.f_div(&scale)?;
            let _ = update.f_mul_scalar_(-rate / correction1)?;
            let _ = slot.parameter.f_add_(&update)?;
        }
        Ok(())
    }

    /// The factor by which the norm of all gradients becomes at most `clip`; it stays on the device.
    fn shrink(&self) -> Result<Option<Tensor>> {
        if self.clip == 0.0 {
            return Ok(None);
        }
        let mut squares = Vec::new();
        for slot in &self.slots {
            let gradient = slot.parameter.grad();
            if gradient.defined() {
                squares.push(gradient.f_square()?.f_sum(Type::Double)?);
            }
        }
        let norm = Tensor::f_stack(&squares, 0)?.f_sum(Type::Double)?.f_sqrt()?;
        Ok(Some(norm.f_add_scalar(1e-6)?.f_reciprocal()?.f_mul_scalar(self.clip)?.f_clamp_max(1.0)?))
    }

    /// Steps done, and both moments of every parameter under `first.NAME` and `second.NAME`.
    pub fn state(&self) -> (i32, Vec<(String, Tensor)>) {
        let moments = self.slots.iter().flat_map(|slot| {
            [("first", &slot.first), ("second", &slot.second)]
                .map(|(moment, t)| (format!("{moment}.{}", slot.name), t.shallow_clone()))
        });
        (self.step, moments.collect())
    }

    /// Restore the result of [`Adam::state`].
    ///
    /// # Errors
    /// A moment is missing or has another shape.
    pub fn restore(&mut self, step: i32, moments: &BTreeMap<String, Tensor>) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for slot in &mut self.slots {
            for (moment, place) in [("first", &mut slot.first), ("second", &mut slot.second)] {
                let name = format!("{moment}.{}", slot.name);
                let saved = moments
                    .get(&name)
                    .filter(|t| t.size() == place.size())
                    .ok_or_else(|| Error::mismatch(format!("the saved state has no {name} of the right shape")))?;
                place.f_copy_(saved)?;
            }
        }
        self.step = step;
        Ok(())
    }
}
