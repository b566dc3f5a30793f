//! The heads: embeddings of windows to counts and ratios.

use crate::error::Result;
use crate::model::architecture::{RatioHead, Strands};
use crate::model::incremental::product::{in_blocks, Matrix};
use crate::model::onnx::export::tensor;
use crate::model::{Architecture, Kind, Weights};

struct Dense {
    matrix: Matrix,
    bias: Vec<f32>,
    rectified: bool,
}

impl Dense {
    /// A layer whose input comes in `parts` parts.
    fn new(weights: &Weights, key: &str, parts: usize, rectified: bool) -> Result<Self> {
        let weight = tensor(weights, &format!("{key}.0.weight"))?;
        let (width, depth) = (weight.shape[0], weight.shape[1]);
        let part = depth / parts;
        let matrix = Matrix::new(parts, part, width, |p, number, out| weight.data[out * depth + p * part + number]);
        Ok(Dense { matrix, bias: tensor(weights, &format!("{key}.0.bias"))?.data.clone(), rectified })
    }

    fn forward(&self, parts: &[&[f32]]) -> Vec<f32> {
        let (width, of_row) = (self.matrix.width(), self.matrix.parts());
        let mut out = vec![0.0; parts.len() / of_row * width];
        in_blocks(&mut out, width, |from, rows, scratch| {
            let parts = &parts[from * of_row..][..rows.len() / width * of_row];
            self.matrix.multiply(parts, scratch, |row, column, sums| {
                let slots = rows[row * width + column..].iter_mut().zip(&self.bias[column..]);
                for ((slot, bias), sum) in slots.zip(sums) {
                    *slot = if self.rectified { (sum + bias).max(0.0) } else { sum + bias };
                }
            });
        });
        out
    }
}

/// Layers in order.
struct Head(Vec<Dense>);

impl Head {
    fn new(a: &Architecture, weights: &Weights, hidden: &str, last: (&str, bool), parts: usize) -> Result<Self> {
        let keys = (0..a.h_layers).map(|layer| (format!("{hidden}.{layer}"), true));
        let keys = keys.chain([(last.0.to_string(), last.1)]).enumerate();
        let of = |number: usize| if number == 0 { parts } else { 1 };
        Ok(Head(keys.map(|(n, (key, rectified))| Dense::new(weights, &key, of(n), rectified)).collect::<Result<_>>()?))
    }

    /// (rows, outputs).
    fn forward(&self, parts: &[&[f32]]) -> Vec<f32> {
        let mut values = Vec::new();
        for (number, layer) in self.0.iter().enumerate() {
            values = match number {
                0 => layer.forward(parts),
                _ => {
                    let rows: Vec<&[f32]> = values.chunks(layer.matrix.depth()).collect();
                    layer.forward(&rows)
                }
            };
        }
        values
    }
}

/// The heads of a network.
pub struct Heads {
    strands: Strands,
    hidden: usize,
    outputs: usize,
    counts: Head,
    ratio: Option<(Head, RatioHead)>,
}

impl Heads {
    /// The heads of a network.
    ///
    /// # Errors
    /// A tensor is missing.
    pub fn new(a: &Architecture, weights: &Weights) -> Result<Self> {
        let last = (a.count_output_key(), a.kind == Kind::Single);
        let ratio = match a.kind {
            Kind::Paired => Some((Head::new(a, weights, "ratio_fclayers", ("ratio_out", false), 2)?, a.ratio_head)),
            Kind::Difference | Kind::Single => None,
        };
        let counts = Head::new(a, weights, "fclayers", last, 1)?;
        Ok(Heads { strands: a.strands, hidden: a.hidden, outputs: a.outputs, counts, ratio })
    }

    /// Embeddings of windows, (windows, hidden), from the sums of the dense layer: of one sequence for each window, or,
    /// where strands are averaged, of all forward strands and then of all reverse complements.
    pub fn embeddings(&self, sums: &[f32]) -> Vec<f32> {
        match self.strands {
            Strands::Joined => sums.iter().map(|x| x.max(0.0)).collect(),
            Strands::Averaged => {
                let (forward, reverse) = sums.split_at(sums.len() / 2);
                forward.iter().zip(reverse).map(|(a, b)| (a.max(0.0) + b.max(0.0)) * 0.5).collect()
            }
        }
    }

    /// Count 1, count 2, ratio and the ratio with the alleles swapped of sample `sample`, for each pair of rows of
    /// `embeddings`, (windows, hidden).
    pub fn predict(&self, embeddings: &[f32], pairs: &[[usize; 2]], sample: usize) -> Vec<[f32; 4]> {
        let rows: Vec<&[f32]> = embeddings.chunks(self.hidden).collect();
        let of_sample =
            |values: Vec<f32>| -> Vec<f32> { values.chunks(self.outputs).map(|outputs| outputs[sample]).collect() };
        let counts = of_sample(self.counts.forward(&rows));
        let difference = |&[one, two]: &[usize; 2]| {
            let ratio = counts[one] - counts[two];
            [ratio, counts[two] - counts[one]]
        };
        let ratios: Vec<[f32; 2]> = match &self.ratio {
            None => pairs.iter().map(difference).collect(),
            Some((head, kind)) => {
                let parts = |&[one, two]: &[usize; 2]| [rows[one], rows[two], rows[two], rows[one]];
                let parts: Vec<&[f32]> = pairs.iter().flat_map(parts).collect();
                let both = of_sample(head.forward(&parts));
                let pair = |both: &[f32]| match kind {
                    RatioHead::Free => [both[0], both[1]],
                    RatioHead::Antisymmetric => {
                        let ratio = (both[0] - both[1]) * 0.5;
                        [ratio, -ratio]
                    }
                };
                both.chunks(2).map(pair).collect()
            }
        };
        pairs.iter().zip(ratios).map(|(&[a, b], [ratio, back])| [counts[a], counts[b], ratio, back]).collect()
    }
}
