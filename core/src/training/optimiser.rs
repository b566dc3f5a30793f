//! Adam with L2 weight decay in the gradient, as the published training uses it.

use tch::Tensor;

use crate::error::Result;
use crate::model::network::Network;

/// Kingma & Ba 2015 with the decay term added to the gradient: g ← g + wd·p; m, v the running moments;
/// p ← p − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
pub struct Adam {
    weight_decay: f64,
    step: i32,
    slots: Vec<Slot>,
}

struct Slot {
    parameter: Tensor,
    first: Tensor,
    second: Tensor,
}

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

impl Adam {
    /// Moments start at zero, for every learned tensor of `network`.
    pub fn new(network: &Network, weight_decay: f64) -> Result<Self> {
        let mut slots = Vec::new();
        for (_, parameter) in network.parameters() {
            slots.push(Slot {
                parameter: parameter.shallow_clone(),
                first: parameter.f_zeros_like()?.set_requires_grad(false),
                second: parameter.f_zeros_like()?.set_requires_grad(false),
            });
        }
        Ok(Self { weight_decay, step: 0, slots })
    }

    /// Forget the gradients of the step before.
    pub fn zero_grad(&mut self) {
        for slot in &mut self.slots {
            slot.parameter.zero_grad();
        }
    }

    /// Move every parameter along its gradient with learning rate `rate`.
    pub fn step(&mut self, rate: f64) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.step += 1;
        let correction1 = 1.0 - BETA1.powi(self.step);
        let correction2 = 1.0 - BETA2.powi(self.step);
        for slot in &mut self.slots {
            let gradient = slot.parameter.grad();
            if !gradient.defined() {
                continue;
            }
            let gradient = gradient.f_add(&slot.parameter.f_mul_scalar(self.weight_decay)?)?;
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
}
