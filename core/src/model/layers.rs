//! The layers of the tower and the heads on libtorch.

use tch::Tensor as Torch;

use super::config::same_padding;
use crate::error::Result;

const BN_EPSILON: f64 = 1e-5;
const BN_MOMENTUM: f64 = 0.1;

/// Batch normalisation over the first and last axis of (rows, channels, positions).
pub(super) struct Norm {
    pub(super) weight: Torch,
    pub(super) bias: Torch,
    pub(super) mean: Torch,
    pub(super) var: Torch,
}

/// Convolution ("same"), ReLU, batch norm: in this order.
pub(super) struct ConvBlock {
    pub(super) weight: Torch,
    pub(super) bias: Torch,
    pub(super) norm: Option<Norm>,
    pub(super) dilation: i64,
}

pub(super) struct Linear {
    pub(super) weight: Torch,
    pub(super) bias: Torch,
}

/// `tensor` in the number type of `like`, the same tensor when it has it already.
fn as_type_of(tensor: &Torch, like: &Torch) -> Result<Torch> {
    Ok(tensor.f_to_kind(like.kind())?)
}

impl ConvBlock {
    /// Multiplies in the number type of `x`; the statistics of batch norm stay in that of the weights. In training
    /// each of `groups` interleaved groups of rows (the alleles) has its own statistics.
    pub(super) fn forward(&self, x: &Torch, train: bool, groups: i64) -> Result<Torch> {
        let (weight, bias) = (as_type_of(&self.weight, x)?, as_type_of(&self.bias, x)?);
        let kernel = self.weight.size()[2];
        let (left, right) = same_padding(kernel as usize, self.dilation as usize);
        let (left, right) = (left as i64, right as i64);
        let y = if left == right {
            x.f_conv1d(&weight, Some(&bias), [1], [left], [self.dilation], 1)?
        } else {
            x.f_constant_pad_nd([left, right])?.f_conv1d(&weight, Some(&bias), [1], [0], [self.dilation], 1)?
        };
        let mut y = y;
        let y = y.f_relu_()?;
        match &self.norm {
            Some(norm) => norm.forward(&y, train, groups),
            None => Ok(y),
        }
    }
}

impl Norm {
    fn forward(&self, x: &Torch, train: bool, groups: i64) -> Result<Torch> {
        if !train {
            return Ok(x.f_batch_norm(
                Some(&self.weight),
                Some(&self.bias),
                Some(&self.mean),
                Some(&self.var),
                false,
                BN_MOMENTUM,
                BN_EPSILON,
                false,
            )?);
        }
        let size = x.size();
        let (rows, channels, length) = (size[0], size[1], size[2]);
        let apart = x.f_view([rows / groups, groups * channels, length])?;
        let weight = self.weight.f_repeat([groups])?;
        let bias = self.bias.f_repeat([groups])?;
        // Momentum 1 leaves this batch's mean and unbiased variance in these two.
        let mean = self.mean.f_repeat([groups])?;
        let var = self.var.f_repeat([groups])?;
        let y =
            apart.f_batch_norm(Some(&weight), Some(&bias), Some(&mean), Some(&var), true, 1.0, BN_EPSILON, false)?;
        let y = y.f_view([rows, channels, length])?;
        let _guard = tch::no_grad_guard();
        for (running, batch) in [(&self.mean, &mean), (&self.var, &var)] {
            let mut running = running.shallow_clone();
            for group in 0..groups {
                // Allele A first, then B: the running value moves twice a step.
                let _ = running.f_lerp_(&batch.f_narrow(0, group * channels, channels)?, BN_MOMENTUM)?;
            }
        }
        Ok(y)
    }
}

impl Linear {
    /// Multiplies in the number type of `x`.
    pub(super) fn forward(&self, x: &Torch) -> Result<Torch> {
        Ok(x.f_linear(&as_type_of(&self.weight, x)?, Some(&as_type_of(&self.bias, x)?))?)
    }
}
