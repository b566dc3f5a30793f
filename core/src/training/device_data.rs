//! A data set on the network's device: sequences as byte codes, one-hot only for one batch at a time.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tch::{Kind as Type, Tensor};

use crate::error::Result;
use crate::model::encode::{as_windows, NOTHING};
use crate::model::torch::network::Network;
use crate::training::dataset::Dataset;

/// Sequences, targets and counts of all examples on one device.
pub struct DeviceData {
    hap1: Tensor,
    hap2: Tensor,
    /// (n, 3·S) in the order of [`Network::forward`], 0 where a sample has no measurement.
    targets: Tensor,
    /// (n, S): weight of each measurement, 0 where there is none. Absent if all are 1.
    weights: Option<Tensor>,
    /// (n, 3·S) in float64: fragments of haplotype 1, of haplotype 2, uninformative ones; 0 where there is none.
    /// Absent if no fragments were counted.
    fragments: Option<Tensor>,
    window: i64,
    margin: i64,
}

/// The examples of a step.
pub struct Batch {
    /// Codes (B, L).
    pub hap1: Tensor,
    /// Codes (B, L).
    pub hap2: Tensor,
    /// Targets (B, 3·S): counts of haplotype 1, of haplotype 2, ratios.
    pub targets: Tensor,
    /// Weights (B, S) of measurements.
    pub weights: Option<Tensor>,
    /// Fragments (B, 3·S) of haplotype 1, of haplotype 2, uninformative.
    pub fragments: Option<Tensor>,
}

/// Changes of the windows of one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Augmentation {
    /// Bases by which windows are shifted to the right on the sequence.
    pub shift: i64,
    /// For each example, whether it is reverse-complemented.
    pub reversed: Option<Vec<bool>>,
    /// For each example, whether its alleles are swapped.
    pub swapped: Option<Vec<bool>>,
}

impl Augmentation {
    /// Random changes of `rows` examples: one shift of at most `shift` bases for all of them, strand and swap for each.
    pub fn draw(rng: &mut ChaCha8Rng, rows: usize, shift: usize, strand: bool, swap: bool) -> Self {
        let shift = shift as i64;
        let mut coins = |wanted: bool| wanted.then(|| (0..rows).map(|_| rng.random_bool(0.5)).collect());
        let (reversed, swapped) = (coins(strand), coins(swap));
        let shift = if shift > 0 { rng.random_range(-shift..=shift) } else { 0 };
        Self { shift, reversed, swapped }
    }
}

impl DeviceData {
    /// Copy `data` to the device of `network`.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn new(data: &Dataset, network: &Network) -> Result<Self> {
        let (n, outputs) = (data.len() as i64, data.outputs());
        let device = network.device();
        // n × S × 3 to n × 3 × S: all first values, all second ones, all third.
        let by_head = |values: &[[f32; 3]]| -> Result<Tensor> {
            let mut flat = Vec::with_capacity(values.len() * 3);
            for example in values.chunks(outputs) {
                for head in 0..3 {
                    flat.extend(example.iter().map(|v| if v[head].is_finite() { v[head] } else { 0.0 }));
                }
            }
            Ok(Tensor::f_from_slice(&flat)?.f_view([n, 3 * outputs as i64])?)
        };
        let targets = by_head(&data.targets)?.f_to_kind(network.precision())?.f_to_device(device)?;
        let weights = match data.weights.iter().all(|w| *w == 1.0) {
            true => None,
            false => Some(
                Tensor::f_from_slice(&data.weights)?
                    .f_view([n, outputs as i64])?
                    .f_to_kind(network.precision())?
                    .f_to_device(device)?,
            ),
        };
        let fragments = match data.fragments.iter().any(|f| f[0].is_finite()) {
            true => Some(by_head(&data.fragments)?.f_to_kind(Type::Double)?.f_to_device(device)?),
            false => None,
        };
        Ok(Self {
            hap1: network.codes(as_windows(&data.hap1, data.stride())?)?,
            hap2: network.codes(as_windows(&data.hap2, data.stride())?)?,
            targets,
            weights,
            fragments,
            window: data.window as i64,
            margin: data.margin as i64,
        })
    }

    /// Whether fragments were counted.
    pub fn has_fragments(&self) -> bool {
        self.fragments.is_some()
    }

    /// The examples of `rows`, unchanged.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn batch(&self, rows: &[i64]) -> Result<Batch> {
        self.shifted(rows, 0)
    }

    /// The examples of `rows`, each window shifted by `shift` bases to the right.
    fn shifted(&self, rows: &[i64], shift: i64) -> Result<Batch> {
        let rows = Tensor::f_from_slice(rows)?.f_to_device(self.targets.device())?;
        let pick = |t: &Tensor| -> Result<Tensor> { Ok(t.f_index_select(0, &rows)?) };
        let window = |t: &Tensor| -> Result<Tensor> { Ok(pick(t)?.f_narrow(1, self.margin + shift, self.window)?) };
        Ok(Batch {
            hap1: window(&self.hap1)?,
            hap2: window(&self.hap2)?,
            targets: pick(&self.targets)?,
            weights: self.weights.as_ref().map(pick).transpose()?,
            fragments: self.fragments.as_ref().map(pick).transpose()?,
        })
    }

    /// The examples of `rows`, with the changes of `augmentation`.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn augmented(&self, rows: &[i64], augmentation: &Augmentation, network: &Network) -> Result<Batch> {
        let mut batch = self.shifted(rows, augmentation.shift)?;
        let device = self.targets.device();
        let column = |coins: &[bool]| -> Result<Tensor> {
            let coins: Vec<i64> = coins.iter().map(|&c| i64::from(c)).collect();
            Ok(Tensor::f_from_slice(&coins)?.f_to_kind(Type::Bool)?.f_to_device(device)?.f_view([-1, 1])?)
        };
        if let Some(reversed) = &augmentation.reversed {
            let reversed = column(reversed)?;
            for codes in [&mut batch.hap1, &mut batch.hap2] {
                *codes = reverse_complement(codes, network)?.f_where_self(&reversed, codes)?;
            }
        }
        if let Some(swapped) = &augmentation.swapped {
            let swapped = column(swapped)?;
            let (one, two) = (batch.hap1.shallow_clone(), batch.hap2.shallow_clone());
            batch.hap1 = two.f_where_self(&swapped, &one)?;
            batch.hap2 = one.f_where_self(&swapped, &two)?;
            let outputs = batch.targets.size()[1] / 3;
            let exchange = |t: &Tensor, sign: f64| -> Result<Tensor> {
                let part = |head: i64| t.f_narrow(1, head * outputs, outputs);
                let other = Tensor::f_cat(&[part(1)?, part(0)?, part(2)?.f_mul_scalar(sign)?], 1)?;
                Ok(other.f_where_self(&swapped, t)?)
            };
            batch.targets = exchange(&batch.targets, -1.0)?;
            batch.fragments = batch.fragments.as_ref().map(|f| exchange(f, 1.0)).transpose()?;
        }
        Ok(batch)
    }
}

/// Reverse complements (rows, positions), left-aligned again: padding stays after the bases.
fn reverse_complement(codes: &Tensor, network: &Network) -> Result<Tensor> {
    let reversed = network.reverse_complement(codes)?;
    let window = codes.size()[1];
    // Padding is now at the start: shift each row to the left by its amount.
    let padding = codes.f_eq(i64::from(NOTHING))?.f_sum_dim_intlist(&[1i64][..], true, Type::Int64)?;
    let place = Tensor::f_arange(window, (Type::Int64, codes.device()))?.f_view([1, window])?;
    let from = place.f_add(&padding)?.f_remainder(window)?;
    Ok(reversed.f_gather(1, &from, false)?)
}
