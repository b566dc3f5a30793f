//! The first stage of the tower (all convolutions before the first pool: nine tenths of the multiplications of the
//! published networks) for both alleles, with their shared part computed once.
//!
//! With batch statistics over both alleles, or in evaluation, an activation depends only on the codes of its row within
//! its receptive field. So the activations of the second allele are those of the first, except in windows around the
//! positions that differ. These windows are computed from the second allele's codes by convolutions without padding,
//! from input that is wider by the padding of all layers; positions outside of the sequence are set to zero before each
//! layer, as padding would be. After the pooling layer, whose steps are the cells of the windows, they replace the
//! corresponding part of a copy of the first allele's rows. No intermediate activation of the first allele is gathered,
//! and gradients flow through both parts.
//!
//! Each position of the second allele counts once in batch statistics: in its window if it is in one, else as a second
//! count of the first allele's position.

use tch::{Device, Kind as Type, Tensor as Torch};

use crate::error::Result;
use crate::model::encode::NOTHING;
use crate::model::torch::layers::{ConvBlock, Weighted};
use crate::model::torch::network::{Mode, Network, Sharing};
use crate::model::torch::shared_windows::{Reach, Stage, Windows};

/// Windows do not pay for their overhead if they take more than this share of the work for whole rows.
const MOST: f64 = 0.8;

/// The windows of the second alleles of a batch, on the device.
struct Second {
    /// Codes (n, W + margin) of the windows with their receptive fields.
    codes: Torch,
    /// For each code of the above 1 if it is in the sequence, else 0: (n, 1, W + margin).
    inside: Torch,
    /// 1 if it is in the sequence and in the window itself: (n, 1, W + margin).
    counted: Torch,
    /// Whether any position is outside.
    ragged: bool,
    /// Factor of the average over a cell in which the sequence ends: (n, 1, cells).
    cell_scale: Torch,
    /// Cells inside: their index among the n·cells of the windows, and among the cells of all rows.
    source: Torch,
    target: Torch,
    /// 0 for cells of rows that windows take, else 1: (R, 1, cells of a row).
    kept: Torch,
}

impl Network {
    /// The blocks of the first stage; those from the third on are residual.
    fn first_blocks(&self) -> impl Iterator<Item = &ConvBlock> {
        [&self.conv0, &self.first].into_iter().chain(&self.stages[0])
    }

    /// The layers as [`Stage::windows`] needs them.
    fn first_stage(&self, length: usize) -> Stage {
        let layer = |block: &ConvBlock| {
            let (left, right) = block.padding();
            Reach { left, right, work: block.weight.size().iter().product::<i64>() as f64 }
        };
        Stage { layers: self.first_blocks().map(layer).collect(), length, pool: self.architecture().pooling_size }
    }

    /// The first stage and its pool for the codes (R, T) of each allele: (2R, F, ⌈T/pool⌉), alleles alternating, equal to
    /// the full pass up to rounding. `None` if the full pass should be used. Must not be called in training with
    /// per-allele statistics.
    pub(super) fn shared_first_stage(&self, one: &Torch, two: &Torch, mode: Mode) -> Result<Option<Torch>> {
        let covered = !self.stages.is_empty() && self.compute() == self.precision();
        // On a GPU, launching small kernels and waiting for the codes costs more than is saved.
        let wanted = self.options().sharing == Sharing::Always
            || self.options().sharing == Sharing::WherePaying && self.device() == Device::Cpu;
        if !covered || !wanted {
            return Ok(None);
        }
        let size = one.size();
        let (rows, length) = (size[0] as usize, size[1] as usize);
        let stage = self.first_stage(length);
        let (one_codes, two_codes) = (bytes(one)?, bytes(two)?);
        let differs: Vec<bool> = one_codes.iter().zip(&two_codes).map(|(a, b)| a != b).collect();
        let windows = stage.windows(&differs);
        if self.options().sharing != Sharing::Always && windows.share > MOST {
            return Ok(None);
        }
        // How often positions of the first allele count.
        let mut times = vec![2.0; rows * length];
        for &(row, cell) in &windows.places {
            let end = ((cell + windows.cells) * stage.pool).min(length);
            times[row * length + cell * stage.pool..row * length + end].fill(1.0);
        }
        let mut parts =
            vec![Weighted { values: self.one_hot(one)?, times: self.numbers(&times, &[size[0], 1, size[1]])? }];
        let mut second = None;
        if !windows.places.is_empty() {
            let made = second.insert(self.second(&stage, &windows, &two_codes, rows)?);
            parts.push(Weighted { values: self.one_hot(&made.codes)?, times: made.counted.shallow_clone() });
        }
        let count = (mode == Mode::Train).then_some(2.0 * rows as f64 * length as f64);
        let mut start = 0;
        for (i, block) in self.first_blocks().enumerate() {
            both_parts(block, i >= 2, &mut parts, count)?;
            start += block.padding().0 as i64;
            if let (Some(part), Some(second)) = (parts.get_mut(1), second.as_ref().filter(|s| s.ragged)) {
                let width = part.values.size()[2];
                part.values = part.values.f_mul(&second.inside.f_narrow(2, start, width)?)?;
            }
        }
        let pool = stage.pool as i64;
        let pooled = parts[0].values.f_avg_pool1d([pool], [pool], [0], true, true)?;
        let other = match (&second, parts.get(1)) {
            (Some(second), Some(part)) => second.put_into(&pooled, &part.values, pool)?,
            _ => pooled.shallow_clone(),
        };
        let cells = stage.cells() as i64;
        Ok(Some(Torch::f_stack(&[pooled, other], 1)?.f_view([2 * size[0], -1, cells])?))
    }

    /// Numbers from the host in the number type of the network.
    fn numbers(&self, values: &[f64], shape: &[i64]) -> Result<Torch> {
        Ok(Torch::f_from_slice(values)?.f_view(shape)?.f_to_kind(self.precision())?.f_to_device(self.device())?)
    }

    /// The `windows` of second alleles, codes (rows, T) on the host.
    fn second(&self, stage: &Stage, windows: &Windows, codes: &[u8], rows: usize) -> Result<Second> {
        let (left, right) = stage.margin();
        let (length, pool, row_cells) = (stage.length, stage.pool, stage.cells());
        let (n, width) = (windows.places.len(), windows.cells * pool);
        let wide = width + left + right;
        let mut input = vec![NOTHING; n * wide];
        let mut inside = vec![0.0; n * wide];
        let mut counted = vec![0.0; n * wide];
        let mut cell_scale = vec![1.0; n * windows.cells];
        let (mut source, mut target) = (Vec::new(), Vec::new());
        let mut kept = vec![1.0; rows * row_cells];
        for (i, &(row, cell)) in windows.places.iter().enumerate() {
            let start = cell * pool;
            // Input k of the window is position start + k - left of the row.
            let (from, to) = (left.saturating_sub(start), (length + left - start).min(wide));
            let first = row * length + start + from - left;
            input[i * wide + from..i * wide + to].copy_from_slice(&codes[first..first + to - from]);
            inside[i * wide + from..i * wide + to].fill(1.0);
            counted[i * wide + left..i * wide + to.min(left + width)].fill(1.0);
            for k in 0..windows.cells.min(row_cells - cell) {
                let there = pool.min(length - (cell + k) * pool);
                cell_scale[i * windows.cells + k] = pool as f64 / there as f64;
                source.push((i * windows.cells + k) as i64);
                target.push((row * row_cells + cell + k) as i64);
                kept[row * row_cells + cell + k] = 0.0;
            }
        }
        let (n, wide, device) = (n as i64, wide as i64, self.device());
        Ok(Second {
            codes: Torch::f_from_slice(&input)?.f_view([n, wide])?.f_to_device(device)?,
            ragged: inside.contains(&0.0),
            inside: self.numbers(&inside, &[n, 1, wide])?,
            counted: self.numbers(&counted, &[n, 1, wide])?,
            cell_scale: self.numbers(&cell_scale, &[n, 1, windows.cells as i64])?,
            source: Torch::f_from_slice(&source)?.f_to_device(device)?,
            target: Torch::f_from_slice(&target)?.f_to_device(device)?,
            kept: self.numbers(&kept, &[rows as i64, 1, row_cells as i64])?,
        })
    }
}

/// A block on whole rows, the first of `parts`, and on windows, the second if there is one, which become narrower by the
/// padding of the block. `count`: positions of both alleles, in training.
fn both_parts(block: &ConvBlock, residual: bool, parts: &mut [Weighted], count: Option<f64>) -> Result<()> {
    let left = block.padding().0 as i64;
    let mut inputs = Vec::new();
    for (i, part) in parts.iter_mut().enumerate() {
        let input = part.values.shallow_clone();
        if i == 0 {
            part.values = block.activations(&input)?;
            inputs.push(input);
        } else {
            part.values = block.inner_activations(&input)?;
            let width = part.values.size()[2];
            part.times = part.times.f_narrow(2, left, width)?;
            inputs.push(input.f_narrow(2, left, width)?);
        }
    }
    if let Some(norm) = &block.norm {
        let values = match count {
            Some(count) => norm.forward_weighted(parts, count)?,
            None => parts.iter().map(|p| norm.forward(&p.values, false, 1)).collect::<Result<_>>()?,
        };
        for (part, values) in parts.iter_mut().zip(values) {
            part.values = values;
        }
    }
    if residual {
        for (part, input) in parts.iter_mut().zip(&inputs) {
            part.values = block.add(input, part.values.shallow_clone())?;
        }
    }
    Ok(())
}

impl Second {
    /// A copy of the first allele's pooled rows (R, F, cells) with the windows (n, F, W), pooled here, put in.
    fn put_into(&self, first: &Torch, windows: &Torch, pool: i64) -> Result<Torch> {
        let size = first.size();
        let (rows, channels, cells) = (size[0], size[1], size[2]);
        let pooled = windows.f_avg_pool1d([pool], [pool], [0], false, true)?.f_mul(&self.cell_scale)?;
        let by_cell = pooled.f_transpose(1, 2)?.f_reshape([-1, channels])?.f_index_select(0, &self.source)?;
        let nothing = Torch::f_zeros([rows * cells, channels], (first.kind(), first.device()))?;
        let placed = nothing.f_index_copy(0, &self.target, &by_cell)?.f_view([rows, cells, channels])?;
        Ok(first.f_mul(&self.kept)?.f_add(&placed.f_transpose(1, 2)?)?)
    }
}

/// Codes on the host.
fn bytes(codes: &Torch) -> Result<Vec<u8>> {
    let codes = codes.f_to_device(Device::Cpu)?.f_to_kind(Type::Uint8)?.f_contiguous()?;
    let mut host = vec![0; codes.numel()];
    let count = host.len();
    codes.f_copy_data_u8(&mut host, count)?;
    Ok(host)
}
