//! The paired network on libtorch: section 2 of the published method, arranged for speed.
//!
//! Both alleles of a batch go through the tower as one batch of 2B sequences, in the order a0 b0 a1 b1 …
//! Seen as (B, 2C, n) instead of (2B, C, n), the same memory has the two alleles in separate channels, so one
//! batch-norm call gives statistics by allele, as the published network has them, without a copy.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind as Type, TchError, Tensor as Torch};

use super::config::{same_padding, Architecture, Kind};
use super::weights::{Tensor, Weights};
use crate::error::{Error, Result};

const BN_EPSILON: f64 = 1e-5;
const BN_MOMENTUM: f64 = 0.1;

/// A libtorch failure in one line: only its first, the rest is a C++ stack.
impl From<TchError> for Error {
    fn from(error: TchError) -> Self {
        let text = error.to_string();
        Error::Engine(format!("libtorch: {}", text.lines().next().unwrap_or("unknown failure")))
    }
}

struct Norm {
    weight: Torch,
    bias: Torch,
    mean: Torch,
    var: Torch,
}

/// Convolution ("same"), ReLU, batch norm: in this order.
struct ConvBlock {
    weight: Torch,
    bias: Torch,
    norm: Option<Norm>,
    dilation: i64,
}

struct Linear {
    weight: Torch,
    bias: Torch,
}

/// How a forward pass treats batch norm and dropout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, running statistics moved, dropout on.
    Train,
    /// Running statistics, no dropout.
    Evaluate,
}

/// The network with its weights on one device.
pub struct Network {
    architecture: Architecture,
    device: Device,
    conv0: ConvBlock,
    first: ConvBlock,
    stages: Vec<Vec<ConvBlock>>,
    fc0: Linear,
    count_layers: Vec<Linear>,
    count_out: Linear,
    ratio: Option<(Vec<Linear>, Linear)>,
    /// Every tensor by its published name, sharing storage with the fields above.
    named: Vec<(String, Torch)>,
    /// Code 0..5 to one-hot column, (6, 4).
    columns: Torch,
    /// Code to the code of its complement, (6).
    complement: Torch,
}

/// Random weights as PyTorch draws them by default: uniform within ±1/√fan_in for convolutions and linear
/// layers (weights and biases), batch norm 1 and 0. The generator's stream is fixed, so a seed means the same
/// weights on every machine.
pub fn initial_weights(architecture: &Architecture, seed: u64) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = Weights::default();
    let mut bound = 1.0f32;
    for (name, shape) in architecture.tensor_shapes() {
        let count: usize = shape.iter().product();
        let is_norm = name.contains(".2.");
        let data = if is_norm {
            let value = if name.ends_with("weight") || name.ends_with("running_var") { 1.0 } else { 0.0 };
            vec![value; count]
        } else {
            // A bias follows its weight in `tensor_shapes` and has the same fan-in.
            if name.ends_with(".weight") {
                bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
            }
            (0..count).map(|_| rng.random_range(-bound..bound)).collect()
        };
        weights.0.insert(name, Tensor { shape, data });
    }
    weights
}

impl Network {
    /// Build on `device` with `weights`, which must fit `architecture`.
    pub fn new(architecture: &Architecture, weights: &Weights, device: Device) -> Result<Self> {
        Self::with_precision(architecture, weights, device, Type::Float)
    }

    /// As [`Network::new`], in `Type::Double` for checks in which float32 rounding must not count.
    pub fn with_precision(
        architecture: &Architecture,
        weights: &Weights,
        device: Device,
        precision: Type,
    ) -> Result<Self> {
        architecture.validate()?;
        weights.check(architecture)?;
        let mut store = Store { weights, device, precision, named: Vec::new() };
        let dilation = architecture.dilation as i64;
        let norms = architecture.batch_norm;
        let conv0 = store.block("conv0", 1, norms)?;
        let first = store.block("convlayers.0", 1, norms)?;
        let mut stages = Vec::new();
        for stage in 0..architecture.conv_layers {
            let mut blocks = Vec::new();
            for repeat in 0..architecture.conv_repeat {
                blocks.push(store.block(&architecture.residual_key(stage, repeat), dilation, norms)?);
            }
            stages.push(blocks);
        }
        let fc0 = store.linear("fc0.0")?;
        let mut count_layers = Vec::new();
        for layer in 0..architecture.h_layers {
            count_layers.push(store.linear(&format!("fclayers.{layer}.0"))?);
        }
        let count_out = store.linear(&format!("{}.0", architecture.count_output_key()))?;
        let ratio = match architecture.kind {
            Kind::Paired => {
                let mut layers = Vec::new();
                for layer in 0..architecture.h_layers {
                    layers.push(store.linear(&format!("ratio_fclayers.{layer}.0"))?);
                }
                Some((layers, store.linear("ratio_out.0")?))
            }
            _ => None,
        };
        let named = store.named;
        #[rustfmt::skip]
        let columns = [
            1.0f32, 0.0, 0.0, 0.0,
            0.0, 1.0, 0.0, 0.0,
            0.0, 0.0, 1.0, 0.0,
            0.0, 0.0, 0.0, 1.0,
            0.25, 0.25, 0.25, 0.25,
            0.0, 0.0, 0.0, 0.0,
        ];
        let columns = Torch::f_from_slice(&columns)?.f_view([6, 4])?.f_to_kind(precision)?.f_to_device(device)?;
        let complement = Torch::f_from_slice(&[3u8, 2, 1, 0, 4, 5])?.f_to_device(device)?;
        Ok(Self {
            architecture: architecture.clone(),
            device,
            conv0,
            first,
            stages,
            fc0,
            count_layers,
            count_out,
            ratio,
            named,
            columns,
            complement,
        })
    }

    /// The shape of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The number type of its tensors.
    pub fn precision(&self) -> Type {
        self.columns.kind()
    }

    /// The device its tensors are on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The tensors that are learned, with their published names.
    pub fn parameters(&self) -> impl Iterator<Item = &(String, Torch)> {
        self.named.iter().filter(|(_, t)| t.requires_grad())
    }

    /// A copy of all tensors on the host.
    pub fn weights(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        for (name, tensor) in &self.named {
            let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
            let host = tensor.detach().f_to_device(Device::Cpu)?.f_to_kind(Type::Float)?.f_contiguous()?;
            let mut data = vec![0.0f32; shape.iter().product()];
            let count = data.len();
            host.f_copy_data(&mut data, count)?;
            weights.0.insert(name.clone(), Tensor { shape, data });
        }
        Ok(weights)
    }

    /// Put `weights` into the tensors in place.
    pub fn load(&mut self, weights: &Weights) -> Result<()> {
        weights.check(&self.architecture)?;
        let _guard = tch::no_grad_guard();
        for (name, tensor) in &mut self.named {
            let source = &weights.0[name.as_str()];
            let shape: Vec<i64> = source.shape.iter().map(|&n| n as i64).collect();
            let source = Torch::f_from_slice(&source.data)?.f_view(shape.as_slice())?.f_to_device(self.device)?;
            tensor.f_copy_(&source)?;
        }
        Ok(())
    }

    /// Predict a batch. `hap1` and `hap2`: codes (B, L) as bytes on the network's device. Returns (B, 3): both
    /// counts and the ratio, in the scale of the targets (natural log). For the difference and single models
    /// the third is the difference of the first two.
    pub fn forward(&self, hap1: &Torch, hap2: &Torch, mode: Mode) -> Result<Torch> {
        let size = hap1.size();
        let (batch, window) = (size[0], size[1]);
        let train = mode == Mode::Train;
        // (B, 2, L) and on: allele varies fastest along the batch.
        let codes = Torch::f_stack(&[hap1, hap2], 1)?.f_view([2 * batch, window])?;
        let reverse = self.complement.f_index_select(0, &codes.f_reshape([-1])?.f_to_kind(Type::Int64)?)?;
        let reverse = reverse.f_view([2 * batch, window])?.f_flip([1])?;
        let both = Torch::f_cat(&[codes, reverse], 1)?;
        let hot = self.columns.f_index_select(0, &both.f_reshape([-1])?.f_to_kind(Type::Int64)?)?;
        let hot = hot.f_view([2 * batch, 2 * window, 4])?.f_transpose(1, 2)?.f_contiguous()?;

        // The single model sees one sequence at a time: nothing to keep apart by allele.
        let alleles = if self.architecture.kind == Kind::Single { 1 } else { 2 };
        let mut x = self.conv0.forward(&hot, train, alleles)?;
        x = self.first.forward(&x, train, alleles)?;
        let pool = self.architecture.pooling_size as i64;
        for stage in &self.stages {
            for block in stage {
                // Batch norm does not need its own output again, so the sum can be made in place.
                let mut sum = block.forward(&x, train, alleles)?;
                x = sum.f_add_(&x)?;
            }
            x = x.f_avg_pool1d([pool], [pool], [0], true, true)?;
        }
        let embedding = self.fc0.forward(&x.f_flatten(1, -1)?)?.f_relu_()?;

        let dropout = self.architecture.dropout;
        let mut hidden = embedding.shallow_clone();
        for layer in &self.count_layers {
            hidden = layer.forward(&hidden)?.f_relu_()?.f_dropout(dropout, train)?;
        }
        let mut counts = self.count_out.forward(&hidden)?;
        if self.architecture.kind == Kind::Single {
            counts = counts.f_relu_()?;
        }
        let counts = counts.f_view([batch, 2])?;
        let ratio = match &self.ratio {
            Some((layers, out)) => {
                let mut hidden = embedding.f_view([batch, -1])?;
                for layer in layers {
                    hidden = layer.forward(&hidden)?.f_relu_()?.f_dropout(dropout, train)?;
                }
                out.forward(&hidden)?
            }
            None => counts.f_narrow(1, 0, 1)?.f_sub(&counts.f_narrow(1, 1, 1)?)?,
        };
        Ok(Torch::f_cat(&[counts, ratio], 1)?)
    }
}

impl ConvBlock {
    fn forward(&self, x: &Torch, train: bool, alleles: i64) -> Result<Torch> {
        let kernel = self.weight.size()[2];
        let (left, right) = same_padding(kernel as usize, self.dilation as usize);
        let (left, right) = (left as i64, right as i64);
        let y = if left == right {
            x.f_conv1d(&self.weight, Some(&self.bias), [1], [left], [self.dilation], 1)?
        } else {
            x.f_constant_pad_nd([left, right])?.f_conv1d(
                &self.weight,
                Some(&self.bias),
                [1],
                [0],
                [self.dilation],
                1,
            )?
        };
        let mut y = y;
        let y = y.f_relu_()?;
        match &self.norm {
            Some(norm) => norm.forward(&y, train, alleles),
            None => Ok(y),
        }
    }
}

impl Norm {
    fn forward(&self, x: &Torch, train: bool, alleles: i64) -> Result<Torch> {
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
        let apart = x.f_view([rows / alleles, alleles * channels, length])?;
        let weight = self.weight.f_repeat([alleles])?;
        let bias = self.bias.f_repeat([alleles])?;
        // Momentum 1 leaves this batch's mean and unbiased variance in these two.
        let mean = self.mean.f_repeat([alleles])?;
        let var = self.var.f_repeat([alleles])?;
        let y =
            apart.f_batch_norm(Some(&weight), Some(&bias), Some(&mean), Some(&var), true, 1.0, BN_EPSILON, false)?;
        let y = y.f_view([rows, channels, length])?;
        let _guard = tch::no_grad_guard();
        for (running, batch) in [(&self.mean, &mean), (&self.var, &var)] {
            let mut running = running.shallow_clone();
            for allele in 0..alleles {
                // Allele A first, then B: the running value moves twice a step.
                let _ = running.f_lerp_(&batch.f_narrow(0, allele * channels, channels)?, BN_MOMENTUM)?;
            }
        }
        Ok(y)
    }
}

impl Linear {
    fn forward(&self, x: &Torch) -> Result<Torch> {
        Ok(x.f_linear(&self.weight, Some(&self.bias))?)
    }
}

/// Moves tensors out of `Weights` onto the device, remembering their names.
struct Store<'a> {
    weights: &'a Weights,
    device: Device,
    precision: Type,
    named: Vec<(String, Torch)>,
}

impl Store<'_> {
    fn take(&mut self, name: String, learned: bool) -> Result<Torch> {
        let source =
            self.weights.0.get(&name).ok_or_else(|| Error::Mismatch(format!("the weights lack the tensor {name}")))?;
        let shape: Vec<i64> = source.shape.iter().map(|&n| n as i64).collect();
        let tensor = Torch::f_from_slice(&source.data)?.f_view(shape.as_slice())?.f_to_kind(self.precision)?;
        let tensor = tensor.f_to_device(self.device)?.f_detach()?.set_requires_grad(learned);
        self.named.push((name, tensor.shallow_clone()));
        Ok(tensor)
    }

    fn block(&mut self, prefix: &str, dilation: i64, norm: bool) -> Result<ConvBlock> {
        let weight = self.take(format!("{prefix}.0.weight"), true)?;
        let bias = self.take(format!("{prefix}.0.bias"), true)?;
        let norm = match norm {
            true => Some(Norm {
                weight: self.take(format!("{prefix}.2.weight"), true)?,
                bias: self.take(format!("{prefix}.2.bias"), true)?,
                mean: self.take(format!("{prefix}.2.running_mean"), false)?,
                var: self.take(format!("{prefix}.2.running_var"), false)?,
            }),
            false => None,
        };
        Ok(ConvBlock { weight, bias, norm, dilation })
    }

    fn linear(&mut self, prefix: &str) -> Result<Linear> {
        Ok(Linear {
            weight: self.take(format!("{prefix}.weight"), true)?,
            bias: self.take(format!("{prefix}.bias"), true)?,
        })
    }
}
