//! The layers of the tower and the heads on libtorch.

use tch::{Kind as Type, Tensor as Torch};

use crate::error::Result;
use crate::model::architecture::same_padding;
use crate::model::kmers;

const BN_EPSILON: f64 = 1e-5;
const BN_MOMENTUM: f64 = 0.1;

/// Batch normalisation over the first and last axis of (rows, channels, positions).
pub(super) struct Norm {
    pub(super) weight: Torch,
    pub(super) bias: Torch,
    pub(super) mean: Torch,
    pub(super) var: Torch,
}

/// Convolution ("same"), ReLU and batch norm, in this order.
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

/// Counts of k-mers on both strands, times weights (H, 4ᵏ).
pub(super) struct KmerLayer {
    weight: Torch,
    /// (4ᵏ, 4, k)
    kernels: Torch,
    bias: Torch,
    /// The reverse complement of each k-mer.
    complements: Torch,
    scale: kmers::Scale,
}

/// `tensor` in the number type of `like`; the same tensor if it has this type.
fn as_type_of(tensor: &Torch, like: &Torch) -> Result<Torch> {
    Ok(tensor.f_to_kind(like.kind())?)
}

impl ConvBlock {
    /// Multiplies in the number type of `x`; the statistics of batch norm stay in that of the weights. In training
    /// each of `groups` interleaved groups of rows (the alleles) has its own statistics.
    pub(super) fn forward(&self, x: &Torch, train: bool, groups: i64) -> Result<Torch> {
        let y = self.activations(x)?;
        match &self.norm {
            Some(norm) => norm.forward(&y, train, groups),
            None => Ok(y),
        }
    }

    /// Zero padding on the left and on the right that keeps the length.
    pub(super) fn padding(&self) -> (usize, usize) {
        same_padding(self.weight.size()[2] as usize, self.dilation as usize)
    }

    /// Convolution of unchanged length and ReLU.
    pub(super) fn activations(&self, x: &Torch) -> Result<Torch> {
        let (weight, bias) = (as_type_of(&self.weight, x)?, as_type_of(&self.bias, x)?);
        let (left, right) = self.padding();
        let (left, right) = (left as i64, right as i64);
        let y = if left == right {
            x.f_conv1d(&weight, Some(&bias), [1], [left], [self.dilation], 1)?
        } else {
            x.f_constant_pad_nd([left, right])?.f_conv1d(&weight, Some(&bias), [1], [0], [self.dilation], 1)?
        };
        let mut y = y;
        Ok(y.f_relu_()?)
    }

    /// `x` + `y`, where `y` is this block's output for `x`. In place after batch norm, whose backward pass does not need
    /// its output; that of ReLU does.
    pub(super) fn add(&self, x: &Torch, mut y: Torch) -> Result<Torch> {
        match self.norm {
            Some(_) => Ok(y.f_add_(x)?),
            None => Ok(y.f_add(x)?),
        }
    }

    /// Convolution without padding, and ReLU: shorter by [`ConvBlock::padding`].
    pub(super) fn inner_activations(&self, x: &Torch) -> Result<Torch> {
        let mut y = x.f_conv1d(&self.weight, Some(&self.bias), [1], [0], [self.dilation], 1)?;
        Ok(y.f_relu_()?)
    }
}

/// Values (rows, channels, positions), and how often each position counts in batch statistics: (rows, 1, positions).
pub(super) struct Weighted {
    pub(super) values: Torch,
    pub(super) times: Torch,
}

impl Norm {
    /// Training with statistics over all of `parts`, which weigh `count` positions together.
    ///
    /// Float32 is enough for the sums of each row, since they are of differences from a value near the mean; rows are
    /// added in float64. So nothing cancels, and errors do not grow with the number of rows.
    pub(super) fn forward_weighted(&self, parts: &[Weighted], count: f64) -> Result<Vec<Torch>> {
        let kind = self.weight.kind();
        // Over rows and positions, in float64.
        let sum = |x: &Torch| -> Result<Torch> {
            let by_row = x.f_sum_dim_intlist(&[2i64][..], false, kind)?;
            Ok(by_row.f_sum_dim_intlist(&[0i64][..], false, Type::Double)?)
        };
        // c: the mean of the first part, each position once.
        let seen = parts[0].values.f_detach()?;
        let positions = seen.size()[0] * seen.size()[2];
        let centre = sum(&seen)?.f_div_scalar(positions as f64)?.f_to_kind(kind)?;
        let column = centre.f_view([-1, 1])?;
        let (mut sums, mut squares) = (Vec::new(), Vec::new());
        for part in parts {
            let centred = part.values.f_sub(&column)?;
            let weighted = centred.f_mul(&part.times)?;
            sums.push(sum(&weighted)?);
            // One of the factors takes no gradient, which saves a pass: this has half the gradient.
            squares.push(sum(&centred.f_mul(&weighted.f_detach()?)?)?);
        }
        let mean_of = |sums: &[Torch]| -> Result<Torch> {
            Ok(Torch::f_stack(sums, 0)?.f_sum_dim_intlist(&[0i64][..], false, Type::Double)?.f_div_scalar(count)?)
        };
        // Means of x - c and of its square; then the other half of the gradient of the latter.
        let (off, half) = (mean_of(&sums)?, mean_of(&squares)?);
        let square = half.f_mul_scalar(2.0)?.f_sub(&half.f_detach()?)?;
        let var = square.f_sub(&off.f_square()?)?.f_clamp_min(0.0)?;
        let scale = var.f_add_scalar(BN_EPSILON)?.f_rsqrt()?.f_mul(&self.weight)?;
        let shift = self.bias.f_sub(&off.f_mul(&scale)?)?.f_to_kind(kind)?;
        let scale = scale.f_to_kind(kind)?;
        {
            let _guard = tch::no_grad_guard();
            let mean = off.f_add(&centre)?;
            let unbiased = var.f_mul_scalar(count / (count - 1.0))?;
            for (running, batch) in [(&self.mean, &mean), (&self.var, &unbiased)] {
                let _ = running.shallow_clone().f_lerp_(&batch.f_to_kind(kind)?, BN_MOMENTUM)?;
            }
        }
        // A batch norm with given statistics is scale·(x - c) + shift in one pass, backward too.
        let one = centre.f_ones_like()?;
        let apply = |part: &Weighted| {
            let [weight, bias, mean, var] = [&scale, &shift, &centre, &one].map(Some);
            Ok(part.values.f_batch_norm(weight, bias, mean, var, false, BN_MOMENTUM, 0.0, false)?)
        };
        parts.iter().map(apply).collect()
    }

    pub(super) fn forward(&self, x: &Torch, train: bool, groups: i64) -> Result<Torch> {
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
        let by_group = x.f_view([rows / groups, groups * channels, length])?;
        let weight = self.weight.f_repeat([groups])?;
        let bias = self.bias.f_repeat([groups])?;
        // Momentum 1 leaves this batch's mean and unbiased variance in these two.
        let mean = self.mean.f_repeat([groups])?;
        let var = self.var.f_repeat([groups])?;
        let y =
            by_group.f_batch_norm(Some(&weight), Some(&bias), Some(&mean), Some(&var), true, 1.0, BN_EPSILON, false)?;
        let y = y.f_view([rows, channels, length])?;
        let _guard = tch::no_grad_guard();
        for (running, batch) in [(&self.mean, &mean), (&self.var, &var)] {
            let mut running = running.shallow_clone();
            for group in 0..groups {
                // Allele A first, then B: the running value is updated twice a step.
                let _ = running.f_lerp_(&batch.f_narrow(0, group * channels, channels)?, BN_MOMENTUM)?;
            }
        }
        Ok(y)
    }
}

impl KmerLayer {
    /// For alleles of `window` bases; on the device and in the number type of `weight`.
    pub(super) fn new(weight: Torch, window: usize, k: usize) -> Result<Self> {
        let (number, kind, device) = (kmers::number(k) as i64, weight.kind(), weight.device());
        let kernels = Torch::f_from_slice(&kmers::kernels(k))?.f_view([number, 4, k as i64])?;
        let complements: Vec<i64> = (0..kmers::number(k)).map(|j| kmers::reverse_complement(j, k) as i64).collect();
        Ok(Self {
            kernels: kernels.f_to_kind(kind)?.f_to_device(device)?,
            bias: Torch::f_full([number], 1.0 - k as f64, (kind, device))?,
            complements: Torch::f_from_slice(&complements)?.f_to_device(device)?,
            scale: kmers::scale(window, k),
            weight,
        })
    }

    /// (N, H) of one-hot bases (N, 4, L).
    pub(super) fn forward(&self, hot: &Torch) -> Result<Torch> {
        let found = hot.f_conv1d(&self.kernels, Some(&self.bias), [1], [0], [1], 1)?.f_relu_()?;
        let strand = found.f_sum_dim_intlist(&[2i64][..], false, self.weight.kind())?;
        let both = strand.f_add(&strand.f_index_select(1, &self.complements)?)?;
        let seen = both.f_sub_scalar(self.scale.expected)?.f_mul_scalar(self.scale.factor)?;
        Ok(seen.f_linear::<Torch>(&self.weight, None)?)
    }
}

impl Linear {
    /// Multiplies in the number type of `x`.
    pub(super) fn forward(&self, x: &Torch) -> Result<Torch> {
        Ok(x.f_linear(&as_type_of(&self.weight, x)?, Some(&as_type_of(&self.bias, x)?))?)
    }
}
