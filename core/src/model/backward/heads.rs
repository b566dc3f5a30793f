//! From embeddings to counts and ratios, and back.

use crate::error::Result;
use crate::model::architecture::RatioHead;
use crate::model::backward::layers::{slope, Dense};
use crate::model::backward::Target;
use crate::model::{Architecture, Kind, Weights};

/// Layers in order.
struct Head(Vec<Dense>);

impl Head {
    fn new(a: &Architecture, weights: &Weights, hidden: &str, last: (&str, bool)) -> Result<Self> {
        let keys =
            (0..a.h_layers).map(|layer| (format!("{hidden}.{layer}"), true)).chain([(last.0.to_string(), last.1)]);
        Ok(Self(keys.map(|(key, rectified)| Dense::new(weights, &key, rectified)).collect::<Result<_>>()?))
    }

    /// Sums of each layer for rows of input.
    fn sums(&self, mut rows: Vec<f32>) -> Vec<Vec<f32>> {
        let mut all = Vec::with_capacity(self.0.len());
        for layer in &self.0 {
            let sums = layer.sums(&rows);
            rows = if layer.rectified { sums.iter().map(|x| x.max(0.0)).collect() } else { sums.clone() };
            all.push(sums);
        }
        all
    }

    /// Output number `sample` of each row.
    fn outputs(&self, rows: Vec<f32>, sample: usize) -> Vec<f32> {
        let Some((last, sums)) = self.0.last().zip(self.sums(rows).pop()) else { return Vec::new() };
        let value = |sum: f32| if last.rectified { sum.max(0.0) } else { sum };
        sums.chunks(last.width()).map(|row| value(row[sample])).collect()
    }

    /// Multipliers of the input of each row by output number `sample`: derivatives, or with references slopes.
    fn backward(&self, rows: Vec<f32>, references: Option<Vec<f32>>, sample: usize) -> Vec<f32> {
        let sums = self.sums(rows);
        let references = references.map(|rows| self.sums(rows));
        let mut multipliers: Vec<f32> = Vec::new();
        for (number, layer) in self.0.iter().enumerate().rev() {
            if number + 1 == self.0.len() {
                multipliers = vec![0.0; sums[number].len()];
                multipliers.iter_mut().skip(sample).step_by(layer.width()).for_each(|x| *x = 1.0);
            }
            if layer.rectified {
                let r = references.as_ref().map(|sums| &sums[number]);
                for (place, (multiplier, x)) in multipliers.iter_mut().zip(&sums[number]).enumerate() {
                    *multiplier *= slope(*x, r.map(|r| r[place]));
                }
            }
            multipliers = layer.backward(&multipliers);
        }
        multipliers
    }
}

/// The heads of a network.
pub struct Heads {
    hidden: usize,
    counts: Head,
    ratio: Option<(Head, RatioHead)>,
}

/// Embeddings of a pair, and of its reference.
pub type Embeddings = ([Vec<f32>; 2], Option<[Vec<f32>; 2]>);

impl Heads {
    /// The heads of a network.
    ///
    /// # Errors
    /// A tensor is missing.
    pub fn new(a: &Architecture, weights: &Weights) -> Result<Self> {
        let last = (a.count_output_key(), a.kind == Kind::Single);
        let ratio = match a.kind {
            Kind::Paired => Some((Head::new(a, weights, "ratio_fclayers", ("ratio_out", false))?, a.ratio_head)),
            Kind::Difference | Kind::Single => None,
        };
        Ok(Self { hidden: a.hidden, counts: Head::new(a, weights, "fclayers", last)?, ratio })
    }

    /// Count 1, count 2 and ratio of sample `sample` for each pair of embeddings.
    pub fn predict(&self, pairs: &[[&[f32]; 2]], sample: usize) -> Vec<[f32; 3]> {
        let rows = |swap: bool| -> Vec<f32> {
            let order = if swap { [1, 0] } else { [0, 1] };
            pairs.iter().flat_map(|pair| order.into_iter().flat_map(|allele| pair[allele])).copied().collect()
        };
        let counts = self.counts.outputs(rows(false), sample);
        let ratios: Vec<f32> = match &self.ratio {
            None => counts.chunks(2).map(|pair| pair[0] - pair[1]).collect(),
            Some((head, RatioHead::Free)) => head.outputs(rows(false), sample),
            Some((head, RatioHead::Antisymmetric)) => {
                let back = head.outputs(rows(true), sample);
                head.outputs(rows(false), sample).iter().zip(back).map(|(one, two)| (one - two) * 0.5).collect()
            }
        };
        counts.chunks(2).zip(ratios).map(|(counts, ratio)| [counts[0], counts[1], ratio]).collect()
    }

    /// Multipliers of both embeddings of each pair.
    pub fn backward(&self, pairs: &[Embeddings], target: Target, sample: usize) -> Vec<[Vec<f32>; 2]> {
        let rows = |swap: bool| {
            let joined = |alleles: &[Vec<f32>; 2]| {
                let [a, b] = alleles;
                if swap {
                    [&b[..], a].concat()
                } else {
                    [&a[..], b].concat()
                }
            };
            let own: Vec<f32> = pairs.iter().flat_map(|(pair, _)| joined(pair)).collect();
            // The slope between a pair and itself is the derivative.
            let of = |(pair, reference): &Embeddings| joined(reference.as_ref().unwrap_or(pair));
            let any = pairs.iter().any(|(_, reference)| reference.is_some());
            (own, any.then(|| pairs.iter().flat_map(of).collect()))
        };
        let run = |head: &Head, swap: bool| {
            let (own, references) = rows(swap);
            head.backward(own, references, sample)
        };
        let halves = |multipliers: Vec<f32>| -> Vec<[Vec<f32>; 2]> {
            let split = |pair: &[f32]| [pair[..self.hidden].to_vec(), pair[self.hidden..].to_vec()];
            multipliers.chunks(2 * self.hidden).map(split).collect()
        };
        match (&self.ratio, target) {
            (_, Target::Counts) => halves(run(&self.counts, false)),
            (None, Target::Ratio) => {
                let mut found = halves(run(&self.counts, false));
                found.iter_mut().for_each(|[_, second]| second.iter_mut().for_each(|x| *x = -*x));
                found
            }
            (Some((head, RatioHead::Free)), Target::Ratio) => halves(run(head, false)),
            (Some((head, RatioHead::Antisymmetric)), Target::Ratio) => {
                let (one, back) = (halves(run(head, false)), halves(run(head, true)));
                let half = |a: Vec<f32>, b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b) * 0.5).collect();
                let pair = |([a, b], back): ([Vec<f32>; 2], &[Vec<f32>; 2])| [half(a, &back[1]), half(b, &back[0])];
                one.into_iter().zip(&back).map(pair).collect()
            }
        }
    }
}
