//! Weights onto a device, layer by layer, with a list of the tensors by name.

use tch::{Device, Kind as Type, Tensor as Torch};

use crate::error::{Error, Result};
use crate::model::torch::layers::{ConvBlock, Linear, Norm};
use crate::model::Weights;

/// Copies the tensors of `weights` to `device`, and remembers their names in the order of loading.
pub(super) struct Loader<'a> {
    pub(super) weights: &'a Weights,
    pub(super) device: Device,
    pub(super) precision: Type,
    /// What was loaded, sharing storage with the layers.
    pub(super) named: Vec<(String, Torch)>,
}

impl Loader<'_> {
    /// The tensor `name`; `learned` ones take gradients.
    pub(super) fn tensor(&mut self, name: &str, learned: bool) -> Result<Torch> {
        let source =
            self.weights.get(name).ok_or_else(|| Error::mismatch(format!("the weights lack the tensor {name}")))?;
        let shape: Vec<i64> = source.shape.iter().map(|&n| n as i64).collect();
        let tensor = Torch::f_from_slice(&source.data)?.f_view(shape.as_slice())?.f_to_kind(self.precision)?;
        let tensor = tensor.f_to_device(self.device)?.f_detach()?.set_requires_grad(learned);
        self.named.push((name.to_string(), tensor.shallow_clone()));
        Ok(tensor)
    }

    /// The convolution `key`, with its batch norm if there is one.
    pub(super) fn block(&mut self, key: &str, dilation: usize, norm: bool) -> Result<ConvBlock> {
        let mut part = |name: &str, learned: bool| self.tensor(&format!("{key}.{name}"), learned);
        let (weight, bias) = (part("0.weight", true)?, part("0.bias", true)?);
        let norm = match norm {
            true => Some(Norm {
                weight: part("2.weight", true)?,
                bias: part("2.bias", true)?,
                mean: part("2.running_mean", false)?,
                var: part("2.running_var", false)?,
            }),
            false => None,
        };
        Ok(ConvBlock { weight, bias, norm, dilation: dilation as i64 })
    }

    /// The dense layer `key`.
    pub(super) fn linear(&mut self, key: &str) -> Result<Linear> {
        Ok(Linear {
            weight: self.tensor(&format!("{key}.0.weight"), true)?,
            bias: self.tensor(&format!("{key}.0.bias"), true)?,
        })
    }

    /// The dense layers `hidden.0`, `hidden.1`, … and the last one, `out`.
    pub(super) fn head(&mut self, hidden: &str, layers: usize, out: &str) -> Result<(Vec<Linear>, Linear)> {
        let hidden = (0..layers).map(|layer| self.linear(&format!("{hidden}.{layer}"))).collect::<Result<_>>()?;
        Ok((hidden, self.linear(out)?))
    }
}
