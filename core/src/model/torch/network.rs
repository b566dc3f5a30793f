//! The paired network on libtorch: section 2 of the published method, arranged for speed.
//!
//! Both alleles of a batch pass through the tower as one batch of 2B sequences, in the order a0 b0 a1 b1 …
//! Viewed as (B, 2C, n) instead of (2B, C, n), the same memory has the two alleles in separate channels, so that one
//! batch-norm call computes statistics per allele, as in the published network, without a copy. Strands that are read
//! separately make a batch of 4B: all forward strands, then all reverse complements. Without per-allele statistics, the
//! part that both alleles share passes through the first stage once (`shared_stage`).

use ndarray::{Array2, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind as Type, Tensor as Torch};

use crate::error::{Error, Result};
use crate::model::architecture::{RatioHead, Strands, KMER_WEIGHT};
use crate::model::encode::flat;
use crate::model::torch::layers::{ConvBlock, KmerLayer, Linear};
use crate::model::torch::loader::Loader;
use crate::model::{Architecture, Kind, Tensor, Weights};

/// How batch norm and dropout work in a forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, running statistics updated, dropout on.
    Train,
    /// Running statistics, no dropout.
    Evaluate,
}

/// Whether the part that both alleles of a pair share passes through the first stage of the tower once. Results differ
/// only by rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// On a CPU, where few enough positions differ.
    #[default]
    WherePaying,
    /// Wherever it can be, for checks.
    Always,
    /// Both alleles are computed in full.
    Never,
}

/// How a network computes. [`Default`] is the published training in float32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkOptions {
    /// Whether batch norm in training takes its statistics over each allele separately, haplotype 1 first, so that
    /// running values are updated twice a step (as published), or over both alleles together.
    pub per_allele_statistics: bool,
    /// Whether dropout drops the same units of both alleles of a pair. With separate masks, as published, equal
    /// alleles differ by their noise.
    pub shared_dropout: bool,
    /// Convolutions and the dense layer in bfloat16, everything else (weights, statistics, heads, loss) in
    /// `precision`.
    pub mixed_precision: bool,
    /// Number type of the weights: float32, or float64 for checks in which rounding must not count.
    pub precision: Type,
    /// Whether alleles share the first stage.
    pub sharing: Sharing,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            per_allele_statistics: true,
            shared_dropout: false,
            mixed_precision: false,
            precision: Type::Float,
            sharing: Sharing::default(),
        }
    }
}

/// Pairs that [`Network::predict`] passes through the network together.
const PREDICTED_AT_ONCE: usize = 128;

/// A float tensor as numbers on the host, row-major.
pub(crate) fn to_host(tensor: &Torch) -> Result<Vec<f32>> {
    let tensor = tensor.detach().f_to_device(Device::Cpu)?.f_to_kind(Type::Float)?.f_contiguous()?;
    let mut numbers = vec![0.0f32; tensor.numel()];
    let count = numbers.len();
    tensor.f_copy_data(&mut numbers, count)?;
    Ok(numbers)
}

/// Which rows of a batch are the two alleles of a pair.
#[derive(Clone, Copy)]
enum Pairing {
    /// Row 2i pairs with row 2i + 1.
    Alternating,
    /// Row i pairs with row i + B/2.
    Halves,
    /// Each row is a pair.
    None,
}

/// The network with its weights on one device.
pub struct Network {
    architecture: Architecture,
    device: Device,
    pub(super) conv0: ConvBlock,
    pub(super) first: ConvBlock,
    pub(super) stages: Vec<Vec<ConvBlock>>,
    fc0: Linear,
    kmers: Option<KmerLayer>,
    /// Hidden layers and last layer of the count head.
    counts: (Vec<Linear>, Linear),
    /// The same of the ratio head.
    ratio: Option<(Vec<Linear>, Linear)>,
    /// Every tensor by its published name; storage is shared with the fields above.
    named: Vec<(String, Torch)>,
    /// Code 0..5 to one-hot column, (6, 4).
    columns: Torch,
    /// Code to the code of its complement, (6).
    complement: Torch,
    options: NetworkOptions,
    /// Sequence-independent bias of the ratio, (S).
    ratio_bias: Option<Torch>,
}

/// Random weights as PyTorch draws them by default: uniform within ±1/√fan_in for convolutions and linear
/// layers (weights and biases), batch norm 1 and 0. A seed gives the same weights on every machine.
pub fn initial_weights(architecture: &Architecture, seed: u64) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weights = Weights::default();
    let mut bound = 1.0f32;
    for (name, shape) in architecture.tensor_shapes() {
        let count: usize = shape.iter().product();
        let is_norm = name.contains(".2.");
        let data = if name == "ratio_bias" {
            vec![0.0; count]
        } else if is_norm {
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
    /// Build on `device` with `weights`.
    ///
    /// # Errors
    /// The weights do not fit the architecture, or libtorch fails.
    pub fn new(
        architecture: &Architecture,
        weights: &Weights,
        device: Device,
        options: NetworkOptions,
    ) -> Result<Self> {
        architecture.validate()?;
        weights.check(architecture)?;
        let a = architecture;
        let precision = options.precision;
        // The optimiser takes parameters in the order of loading.
        let mut loader = Loader { weights, device, precision, named: Vec::new() };
        let conv0 = loader.block("conv0", 1, a.batch_norm)?;
        let first = loader.block("convlayers.0", 1, a.batch_norm)?;
        let mut stages = Vec::new();
        for stage in 0..a.conv_layers {
            let mut block = |repeat| loader.block(&a.residual_key(stage, repeat), a.dilation, a.batch_norm);
            stages.push((0..a.conv_repeat).map(&mut block).collect::<Result<_>>()?);
        }
        let fc0 = loader.linear("fc0")?;
        let counts = loader.head("fclayers", a.h_layers, a.count_output_key())?;
        let ratio = match a.kind {
            Kind::Paired => Some(loader.head("ratio_fclayers", a.h_layers, "ratio_out")?),
            Kind::Difference | Kind::Single => None,
        };
        let kmers = match a.kmers {
            0 => None,
            k => Some(KmerLayer::new(loader.tensor(KMER_WEIGHT, true)?, a.window, k)?),
        };
        let ratio_bias = a.has_ratio_bias().then(|| loader.tensor("ratio_bias", true)).transpose()?;
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
            architecture: a.clone(),
            device,
            conv0,
            first,
            stages,
            fc0,
            kmers,
            counts,
            ratio,
            named: loader.named,
            columns,
            complement,
            options,
            ratio_bias,
        })
    }

    /// How it computes.
    pub fn options(&self) -> &NetworkOptions {
        &self.options
    }

    /// The sequence-independent bias learned with an antisymmetric ratio head, (S), in the network's logarithm. A
    /// measured ratio is [`Network::forward`]'s plus this bias.
    pub fn ratio_bias(&self) -> Option<&Torch> {
        self.ratio_bias.as_ref()
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The number type of its tensors.
    pub fn precision(&self) -> Type {
        self.options.precision
    }

    /// Number type of convolutions and of the dense layer.
    pub(super) fn compute(&self) -> Type {
        match self.options.mixed_precision {
            true => Type::BFloat16,
            false => self.options.precision,
        }
    }

    /// The device its tensors are on.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The learned tensors by their published names.
    pub fn parameters(&self) -> impl Iterator<Item = &(String, Torch)> {
        self.named.iter().filter(|(_, t)| t.requires_grad())
    }

    /// All tensors, running batch-norm statistics included, by their published names.
    pub fn tensors(&self) -> impl Iterator<Item = &(String, Torch)> {
        self.named.iter()
    }

    /// A copy of all tensors on the host.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn weights(&self) -> Result<Weights> {
        let mut weights = Weights::default();
        for (name, tensor) in &self.named {
            let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
            weights.0.insert(name.clone(), Tensor { shape, data: to_host(tensor)? });
        }
        Ok(weights)
    }

    /// Copy `weights` into the tensors.
    ///
    /// # Errors
    /// They do not fit the architecture, or libtorch fails.
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

    /// Windows (n, L) of byte codes on the network's device.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn codes(&self, windows: ArrayView2<u8>) -> Result<Torch> {
        let shape = [windows.nrows() as i64, windows.ncols() as i64];
        Ok(Torch::f_from_data_size(&flat(windows), &shape, Type::Uint8)?.f_to_device(self.device)?)
    }

    /// Predict n pairs in evaluation mode from byte codes (n, L): as [`Network::forward`], (n, 3·S), on the host.
    ///
    /// # Errors
    /// The shapes differ or are others; libtorch fails.
    pub fn predict(&self, hap1: ArrayView2<u8>, hap2: ArrayView2<u8>) -> Result<Array2<f32>> {
        let window = self.architecture.window;
        if hap1.dim() != hap2.dim() || hap1.ncols() != window {
            let (one, two) = (hap1.dim(), hap2.dim());
            return Err(Error::mismatch(format!(
                "arrays of shape {one:?} and {two:?} are not pairs of windows of {window} bases"
            )));
        }
        let _guard = tch::no_grad_guard();
        let mut predictions = Array2::zeros((hap1.nrows(), 3 * self.architecture.outputs));
        let outs = predictions.axis_chunks_iter_mut(Axis(0), PREDICTED_AT_ONCE);
        let chunks = hap1.axis_chunks_iter(Axis(0), PREDICTED_AT_ONCE);
        let chunks = chunks.zip(hap2.axis_chunks_iter(Axis(0), PREDICTED_AT_ONCE));
        for ((one, two), mut out) in chunks.zip(outs) {
            let found = self.forward(&self.codes(one)?, &self.codes(two)?, Mode::Evaluate)?;
            let values = to_host(&found)?;
            out.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        }
        Ok(predictions)
    }

    /// Predict a batch. `hap1` and `hap2`: codes (B, L) as bytes on the network's device. Returns (B, 3·S): the
    /// counts of haplotype 1 for all S outputs, those of haplotype 2, the ratios, in the scale of the targets. For
    /// the difference and single models the ratios are the differences of the counts.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn forward(&self, hap1: &Torch, hap2: &Torch, mode: Mode) -> Result<Torch> {
        let embedding = self.embed(hap1, hap2, mode)?;
        self.heads(&embedding, hap1.size()[0], mode)
    }

    /// One-hot (rows, 4, positions) of codes (rows, positions).
    pub(super) fn one_hot(&self, codes: &Torch) -> Result<Torch> {
        self.one_hot_as(codes, self.compute())
    }

    fn one_hot_as(&self, codes: &Torch, kind: Type) -> Result<Torch> {
        let size = codes.size();
        let hot = self.columns.f_index_select(0, &codes.f_reshape([-1])?.f_to_kind(Type::Int64)?)?;
        Ok(hot.f_to_kind(kind)?.f_view([size[0], size[1], 4])?.f_transpose(1, 2)?.f_contiguous()?)
    }

    /// Codes (rows, positions) of the reverse complement.
    pub(crate) fn reverse_complement(&self, codes: &Torch) -> Result<Torch> {
        let complement = self.complement.f_index_select(0, &codes.f_reshape([-1])?.f_to_kind(Type::Int64)?)?;
        Ok(complement.f_view(codes.size().as_slice())?.f_flip([1])?)
    }

    /// Embeddings (2B, H) of both alleles, alternating.
    fn embed(&self, hap1: &Torch, hap2: &Torch, mode: Mode) -> Result<Torch> {
        let axis = if self.architecture.strands == Strands::Joined { 1 } else { 0 };
        let strands =
            |codes: &Torch| -> Result<Torch> { Ok(Torch::f_cat(&[codes, &self.reverse_complement(codes)?], axis)?) };
        let x = self.tower(&strands(hap1)?, &strands(hap2)?, mode)?;
        let mut sums = self.fc0.forward(&x.f_flatten(1, -1)?)?;
        if let Some(layer) = &self.kmers {
            let codes = Torch::f_stack(&[hap1, hap2], 1)?.f_view([-1, hap1.size()[1]])?;
            let counted = layer.forward(&self.one_hot_as(&codes, self.precision())?)?;
            // k-mers are those of both strands: the same for both passes of an allele whose strands are read separately.
            let passes = sums.size()[0] / counted.size()[0];
            sums = sums.f_to_kind(self.precision())?.f_add(&counted.f_repeat([passes, 1])?)?;
        }
        let embedding = sums.f_relu_()?.f_to_kind(self.precision())?;
        match self.architecture.strands {
            Strands::Joined => Ok(embedding),
            Strands::Averaged => {
                let width = embedding.size()[1];
                let by_strand = embedding.f_view([2, -1, width])?;
                Ok(by_strand.f_mean_dim(&[0i64][..], false, self.precision())?)
            }
        }
    }

    /// Convolutions and pools of the codes (R, T) of each allele: (2R, F, n), alleles alternating.
    fn tower(&self, one: &Torch, two: &Torch, mode: Mode) -> Result<Torch> {
        let train = mode == Mode::Train;
        // The single model sees one sequence at a time: no statistics by allele.
        let groups = if self.options.per_allele_statistics && self.architecture.kind != Kind::Single { 2 } else { 1 };
        let shared = if train && groups == 2 { None } else { self.shared_first_stage(one, two, mode)? };
        let started = shared.is_some();
        let mut x = match shared {
            Some(pooled) => pooled,
            None => {
                // (R, 2, T): the allele varies fastest along the batch.
                let codes = Torch::f_stack(&[one, two], 1)?.f_view([-1, one.size()[1]])?;
                let x = self.conv0.forward(&self.one_hot(&codes)?, train, groups)?;
                self.first.forward(&x, train, groups)?
            }
        };
        let pool = self.architecture.pooling_size as i64;
        for (i, stage) in self.stages.iter().enumerate() {
            if i > 0 || !started {
                for block in stage {
                    x = block.add(&x, block.forward(&x, train, groups)?)?;
                }
                x = x.f_avg_pool1d([pool], [pool], [0], true, true)?;
            }
            x = self.drop(x, self.architecture.tower_dropout, Pairing::Alternating, mode)?;
        }
        Ok(x)
    }

    /// Dropout with rate `share`; with [`NetworkOptions::shared_dropout`], of the same units in both rows of a pair.
    fn drop(&self, x: Torch, share: f64, pairing: Pairing, mode: Mode) -> Result<Torch> {
        if mode != Mode::Train || share == 0.0 {
            return Ok(x);
        }
        let size = x.size();
        let half = size[0] / 2;
        let [grouped, single] = match pairing {
            Pairing::Alternating => [[half, 2], [half, 1]],
            Pairing::Halves => [[2, half], [1, half]],
            Pairing::None => [[1, size[0]]; 2],
        };
        if !self.options.shared_dropout || grouped == single {
            return Ok(x.f_dropout(share, true)?);
        }
        let with_rest = |first: [i64; 2]| -> Vec<i64> { first.iter().chain(&size[1..]).copied().collect() };
        let mask = Torch::f_ones(with_rest(single), (x.kind(), x.device()))?.f_dropout(share, true)?;
        Ok(x.f_view(with_rest(grouped).as_slice())?.f_mul(&mask)?.f_view(size.as_slice())?)
    }

    /// (B, 3·S) from embeddings (2B, H), alleles alternating.
    fn heads(&self, embedding: &Torch, batch: i64, mode: Mode) -> Result<Torch> {
        let dropout = self.architecture.dropout;
        let outputs = self.architecture.outputs as i64;
        let run = |(layers, out): &(Vec<Linear>, Linear), input: &Torch, pairing: Pairing| -> Result<Torch> {
            let mut hidden = input.shallow_clone();
            for layer in layers {
                hidden = self.drop(layer.forward(&hidden)?.f_relu_()?, dropout, pairing, mode)?;
            }
            out.forward(&hidden)
        };
        let mut counts = run(&self.counts, embedding, Pairing::Alternating)?;
        if self.architecture.kind == Kind::Single {
            counts = counts.f_relu_()?;
        }
        let counts = counts.f_view([batch, 2 * outputs])?;
        let ratio = match &self.ratio {
            Some(head) => {
                let pairs = embedding.f_view([batch, -1])?;
                match self.architecture.ratio_head {
                    RatioHead::Free => run(head, &pairs, Pairing::None)?,
                    RatioHead::Antisymmetric => {
                        let swapped = embedding.f_view([batch, 2, -1])?.f_flip([1])?.f_view([batch, -1])?;
                        let both = run(head, &Torch::f_cat(&[&pairs, &swapped], 0)?, Pairing::Halves)?;
                        let (one, two) = (both.f_narrow(0, 0, batch)?, both.f_narrow(0, batch, batch)?);
                        one.f_sub(&two)?.f_mul_scalar(0.5)?
                    }
                }
            }
            None => counts.f_narrow(1, 0, outputs)?.f_sub(&counts.f_narrow(1, outputs, outputs)?)?,
        };
        Ok(Torch::f_cat(&[counts, ratio], 1)?)
    }
}
