//! The architecture of a network: its kind, its sizes, the published presets, and the tensors it needs.

use serde::{Deserialize, Serialize};

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::model::kmers;

choice!(
    /// Which heads follow the shared tower.
    Kind, "model kind",
    /// A count head for each allele, and a ratio head on both embeddings.
    Paired "paired",
    /// The count head alone; the ratio is the difference of the two counts.
    Difference "difference",
    /// One sequence at a time, with a rectified output; the ratio is the difference of two predictions.
    Single "single",
);

choice!(
    /// How the tower reads the two strands of an allele.
    #[derive(Default)]
    Strands, "way to read strands",
    /// Concatenated to one sequence of 2·`window` positions, as published: the predictions for a sequence and for its
    /// reverse complement differ, since the dense layer sees the two halves swapped.
    #[default]
    Joined "joined",
    /// Separately, and the embeddings averaged: the predictions for a sequence and for its reverse complement are
    /// equal.
    Averaged "averaged",
);

choice!(
    /// What the ratio head of a paired network computes from the two embeddings.
    #[derive(Default)]
    RatioHead, "ratio head",
    /// g(a, b), as published: equal alleles may have a ratio other than 0, and swapped ones another than the negative.
    #[default]
    Free "free",
    /// (g(a, b) - g(b, a)) / 2: 0 for equal alleles, the negative for swapped ones. A sequence-independent bias is
    /// learned separately, as `ratio_bias`, and is not included in predictions.
    Antisymmetric "antisymmetric",
);

/// Sizes of a network. `strands`, `ratio_head`, `tower_dropout`, `outputs` and `kmers` default to those of the published
/// network, so that older files keep their meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// Heads.
    pub kind: Kind,
    /// Bases of one allele (L).
    pub window: usize,
    /// Pooled stages of the tower.
    pub conv_layers: usize,
    /// Residual blocks in each pooled stage.
    pub conv_repeat: usize,
    /// Kernels of the first convolution (K).
    pub kernel_number: usize,
    /// Length of these kernels in bases.
    pub kernel_length: usize,
    /// Channels of every later convolution (F).
    pub filter_number: usize,
    /// Kernel length of every later convolution.
    pub kernel_size: usize,
    /// Size and stride of the average pools.
    pub pooling_size: usize,
    /// Dilation of the residual convolutions.
    pub dilation: usize,
    /// Hidden layers of each head.
    pub h_layers: usize,
    /// Embedding width of one allele (H).
    pub hidden: usize,
    /// Dropout rate in the heads, 0 to below 1.
    pub dropout: f64,
    /// Whether batch normalisation follows each convolution.
    pub batch_norm: bool,
    /// How the two strands are read.
    #[serde(default)]
    pub strands: Strands,
    /// What the ratio head computes; used by [`Kind::Paired`] alone.
    #[serde(default)]
    pub ratio_head: RatioHead,
    /// Dropout rate after each pool, 0 to below 1.
    #[serde(default)]
    pub tower_dropout: f64,
    /// Samples or conditions predicted at once (S), each with both counts and a ratio.
    #[serde(default = "one")]
    pub outputs: usize,
    /// Length of the k-mers whose counts are additional input of the dense layer ([`crate::model::kmers`]); 0 for none.
    #[serde(default)]
    pub kmers: usize,
}

fn one() -> usize {
    1
}

/// Name of the weights of k-mer counts in the dense layer (H, 4ᵏ).
pub const KMER_WEIGHT: &str = "kmers.weight";

/// Largest window and largest single size accepted: far above any real model, far below overflow.
const MAX_WINDOW: usize = 1 << 20;
const MAX_SIZE: usize = 1 << 16;
const MAX_OUTPUTS: usize = 4096;
/// 1.6 GB of float32: an ONNX file is one protobuf message, of 2 GB at most.
const MAX_PARAMETERS: usize = 400_000_000;

/// Zero padding (left, right) with which a convolution keeps the length: d(k-1) in total, an odd one on the right.
pub fn same_padding(kernel: usize, dilation: usize) -> (usize, usize) {
    let total = dilation * kernel.saturating_sub(1);
    (total / 2, total - total / 2)
}

impl Architecture {
    /// Names of the presets.
    pub const PRESETS: [&'static str; 4] = ["atac", "chip", "rna", "small"];

    /// A preset: `atac`, `chip` and `rna` as published (reference window, 330, 551 and 5000 bases), `small` for
    /// CPUs (512 bases). `None` for any other name.
    pub fn preset(name: &str, kind: Kind) -> Option<Self> {
        let atac = Architecture {
            kind,
            window: 330,
            conv_layers: 4,
            conv_repeat: 1,
            kernel_number: 512,
            kernel_length: 15,
            filter_number: 256,
            kernel_size: 5,
            pooling_size: 4,
            dilation: 1,
            h_layers: 2,
            hidden: 512,
            dropout: 0.2,
            batch_norm: true,
            strands: Strands::Joined,
            ratio_head: RatioHead::Free,
            tower_dropout: 0.0,
            outputs: 1,
            kmers: 0,
        };
        match name {
            "atac" => Some(atac),
            "chip" => Some(Architecture { window: 551, conv_layers: 6, pooling_size: 2, ..atac }),
            "rna" => Some(Architecture { window: 5000, kernel_length: 10, kernel_size: 3, pooling_size: 5, ..atac }),
            "small" => Some(Architecture {
                window: 512,
                conv_layers: 3,
                kernel_number: 64,
                filter_number: 64,
                h_layers: 1,
                hidden: 64,
                ..atac
            }),
            _ => None,
        }
    }

    /// The same sizes with the recommended symmetries: strands averaged, and an antisymmetric ratio head.
    pub fn recommended(self) -> Self {
        Architecture { strands: Strands::Averaged, ratio_head: RatioHead::Antisymmetric, ..self }
    }

    /// Check that the sizes are possible, and that the network fits into a model file.
    ///
    /// # Errors
    /// Names the size and its limits.
    pub fn validate(&self) -> Result<()> {
        let sizes = [
            ("window", self.window, 1, MAX_WINDOW),
            ("conv_layers", self.conv_layers, 0, 64),
            ("conv_repeat", self.conv_repeat, 1, 64),
            ("kernel_number", self.kernel_number, 1, MAX_SIZE),
            ("kernel_length", self.kernel_length, 1, MAX_SIZE),
            ("filter_number", self.filter_number, 1, MAX_SIZE),
            ("kernel_size", self.kernel_size, 1, MAX_SIZE),
            ("pooling_size", self.pooling_size, 1, MAX_SIZE),
            ("dilation", self.dilation, 1, MAX_SIZE),
            ("h_layers", self.h_layers, 0, 64),
            ("hidden", self.hidden, 1, MAX_SIZE),
            ("outputs", self.outputs, 1, MAX_OUTPUTS),
            ("kmers", self.kmers, 0, kmers::LONGEST),
        ];
        for (name, value, least, most) in sizes {
            if value < least || value > most {
                return Err(Error::option(format!("{name} is {value}; it must be {least} to {most}")));
            }
        }
        if self.kmers > self.window {
            return Err(Error::option(format!("kmers is {}, longer than the window", self.kmers)));
        }
        for (name, share) in [("dropout", self.dropout), ("tower_dropout", self.tower_dropout)] {
            if !(0.0..1.0).contains(&share) {
                return Err(Error::option(format!("{name} is {share}; it must be at least 0 and below 1")));
            }
        }
        match self.checked_parameter_count() {
            Some(count) if count <= MAX_PARAMETERS => Ok(()),
            _ => Err(Error::option(format!(
                "the network would have more than {} million parameters; make it smaller",
                MAX_PARAMETERS / 1_000_000
            ))),
        }
    }

    /// Positions in one pass of the tower: both strands of an allele if they are joined, else one.
    pub fn tower_length(&self) -> usize {
        match self.strands {
            Strands::Joined => 2 * self.window,
            Strands::Averaged => self.window,
        }
    }

    /// Positions left after the pools: [`Self::tower_length`] divided by `pooling_size`, rounded up, `conv_layers`
    /// times.
    pub fn pooled_length(&self) -> usize {
        (0..self.conv_layers).fold(self.tower_length(), |length, _| length.div_ceil(self.pooling_size.max(1)))
    }

    /// Whether the network learns a `ratio_bias`.
    pub fn has_ratio_bias(&self) -> bool {
        self.kind == Kind::Paired && self.ratio_head == RatioHead::Antisymmetric
    }

    /// Width of the tower's output once flattened, channel by channel.
    pub fn flat_width(&self) -> usize {
        self.pooled_length() * self.filter_number
    }

    /// Learned parameters: all tensors except the running statistics.
    pub fn parameter_count(&self) -> usize {
        self.checked_parameter_count().unwrap_or(usize::MAX)
    }

    fn checked_parameter_count(&self) -> Option<usize> {
        self.tensor_shapes().iter().filter(|(name, _)| !name.contains(".running_")).try_fold(0usize, |sum, (_, s)| {
            sum.checked_add(s.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?)
        })
    }

    /// Key of the residual block `repeat` of pooled stage `stage` (both 0-based): `convlayers.{i}._module`. Pools are
    /// numbered, too, but have no tensors.
    pub fn residual_key(&self, stage: usize, repeat: usize) -> String {
        format!("convlayers.{}._module", 1 + stage * (self.conv_repeat + 1) + repeat)
    }

    /// Key of the last layer of the count head: `out` for single networks, `counts_out` for the others.
    pub fn count_output_key(&self) -> &'static str {
        match self.kind {
            Kind::Single => "out",
            Kind::Paired | Kind::Difference => "counts_out",
        }
    }

    /// Name and shape of each tensor, in forward order. The names are those of published checkpoints, without their
    /// `num_batches_tracked` counters.
    pub fn tensor_shapes(&self) -> Vec<(String, Vec<usize>)> {
        let mut list = Vec::new();
        let mut convolution = |key: &str, out: usize, channels: usize, length: usize| {
            list.push((format!("{key}.0.weight"), vec![out, channels, length]));
            list.push((format!("{key}.0.bias"), vec![out]));
            if self.batch_norm {
                for part in ["weight", "bias", "running_mean", "running_var"] {
                    list.push((format!("{key}.2.{part}"), vec![out]));
                }
            }
        };
        convolution("conv0", self.kernel_number, 4, self.kernel_length);
        convolution("convlayers.0", self.filter_number, self.kernel_number, self.kernel_size);
        for stage in 0..self.conv_layers {
            for repeat in 0..self.conv_repeat {
                let key = self.residual_key(stage, repeat);
                convolution(&key, self.filter_number, self.filter_number, self.kernel_size);
            }
        }
        let mut linear = |key: String, out: usize, width: usize| {
            list.push((format!("{key}.0.weight"), vec![out, width]));
            list.push((format!("{key}.0.bias"), vec![out]));
        };
        linear("fc0".into(), self.hidden, self.flat_width());
        for layer in 0..self.h_layers {
            linear(format!("fclayers.{layer}"), self.hidden, self.hidden);
        }
        if self.kind == Kind::Paired {
            for layer in 0..self.h_layers {
                linear(format!("ratio_fclayers.{layer}"), 2 * self.hidden, 2 * self.hidden);
            }
            linear("ratio_out".into(), self.outputs, 2 * self.hidden);
        }
        linear(self.count_output_key().into(), self.outputs, self.hidden);
        if self.kmers > 0 {
            list.push((KMER_WEIGHT.into(), vec![self.hidden, kmers::number(self.kmers)]));
        }
        if self.has_ratio_bias() {
            list.push(("ratio_bias".into(), vec![self.outputs]));
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_one_on_the_right() {
        assert_eq!(same_padding(10, 1), (4, 5));
        assert_eq!(same_padding(15, 1), (7, 7));
        assert_eq!(same_padding(5, 2), (4, 4));
        assert_eq!(same_padding(1, 3), (0, 0));
    }

    #[test]
    fn presets_have_the_published_lengths_and_sizes() {
        let get = |name| Architecture::preset(name, Kind::Paired).unwrap();
        for name in Architecture::PRESETS {
            get(name).validate().unwrap();
        }
        assert_eq!((get("atac").pooled_length(), get("atac").flat_width()), (3, 768));
        assert_eq!((get("chip").pooled_length(), get("chip").flat_width()), (18, 4608));
        assert_eq!((get("rna").pooled_length(), get("rna").flat_width()), (16, 4096));
        // Millions of parameters as published: 5.02, 7.64, 5.93; 2.51 and 4.15 with K = H = 256.
        let millions = |a: &Architecture| (a.parameter_count() as f64 / 1e4).round() / 100.0;
        assert_eq!(millions(&get("atac")), 5.02);
        assert_eq!(millions(&get("chip")), 7.64);
        assert_eq!(millions(&get("rna")), 5.93);
        let narrow = |name| Architecture { kernel_number: 256, hidden: 256, ..get(name) };
        assert_eq!(millions(&narrow("atac")), 2.51);
        assert_eq!(millions(&narrow("chip")), 4.15);
        assert!(Architecture::preset("mouse", Kind::Paired).is_none());
    }

    #[test]
    fn pools_keep_their_place_in_the_numbering() {
        let one = Architecture::preset("small", Kind::Single).unwrap();
        assert_eq!(one.residual_key(2, 0), "convlayers.5._module");
        let two = Architecture { conv_repeat: 2, ..one };
        assert_eq!(two.residual_key(1, 1), "convlayers.5._module");
        assert!(two.tensor_shapes().iter().any(|(name, shape)| name == "out.0.weight" && shape[..] == [1, 64]));
    }

    #[test]
    fn sizes_that_make_no_network_are_refused() {
        let good = Architecture::preset("small", Kind::Paired).unwrap();
        for bad in [
            Architecture { window: 0, ..good.clone() },
            Architecture { window: usize::MAX, ..good.clone() },
            Architecture { pooling_size: 0, ..good.clone() },
            Architecture { hidden: 1 << 16, ..good.clone() },
            Architecture { dropout: 1.0, ..good.clone() },
            Architecture { dropout: f64::NAN, ..good.clone() },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn kinds_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
        }
        assert!("mh".parse::<Kind>().is_err());
    }
}
