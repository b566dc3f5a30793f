//! A trained network as an ONNX graph (opset 17), shaped for speed, and the metadata of such a file.
//!
//! Inputs `haplotype1`, `haplotype2`: float32 (N, 4, L). Outputs, for S samples: `prediction` (N, 3·S), that is
//! the counts of haplotype 1, those of haplotype 2 and the ratios in the network's own logarithm, and
//! `ratio_swapped` (N, S), the ratios with the alleles exchanged, which costs only a second run of the small ratio
//! head. A file of several networks gives the mean over them, and `spread` (N, 3·S), the standard deviation (with
//! n - 1) of `prediction` over them.
//!
//! Differences from the network as trained, which change results by rounding only:
//! - both alleles pass through the tower as one batch;
//! - tensors have a second spatial axis of length 1, since ONNX Runtime has its blocked layout for images only;
//! - a batch norm after ReLU is y = s·relu(Wx + b) + t. A positive s moves into W and b; t stays, and passes
//!   through sums and average pools to be added once, where the tensor is smallest;
//! - the contribution of k-mers to the dense layer is computed once for both strands;
//! - a pool whose last window is partial has padding on the right that the average excludes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use prost::Message;

use crate::error::{Error, Result};
use crate::model::architecture::{same_padding, RatioHead, Strands, KMER_WEIGHT};
use crate::model::kmers;
use crate::model::onnx::proto::*;
use crate::model::ModelInfo;
use crate::model::{Architecture, Kind};
use crate::model::{Tensor, Weights};

/// Names of the graph's inputs and outputs.
pub const INPUTS: [&str; 2] = ["haplotype1", "haplotype2"];
/// See [`INPUTS`].
pub const OUTPUTS: [&str; 2] = ["prediction", "ratio_swapped"];
/// The output of ensembles alone.
pub const SPREAD: &str = "spread";

/// epsilon of PyTorch's batch norm.
const BATCH_NORM_EPSILON: f64 = 1e-5;

/// The bytes of a model file of one network.
///
/// # Errors
/// The weights do not fit the architecture.
pub fn export(info: &ModelInfo, weights: &Weights) -> Result<Vec<u8>> {
    export_ensemble(info, std::slice::from_ref(weights))
}

/// The bytes of a model file that predicts the mean of several networks of one architecture. The number of members and
/// the ratio bias in the metadata are those of `members`, not those of `info`.
///
/// # Errors
/// There are no members, or the weights of one do not fit the architecture.
pub fn export_ensemble(info: &ModelInfo, members: &[Weights]) -> Result<Vec<u8>> {
    let graph = graph(&info.architecture, members)?;
    let info = ModelInfo { members: members.len(), ratio_bias: mean_bias(members), ..info.clone() };
    let model = ModelProto {
        ir_version: 8,
        producer_name: "deepallele".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetId { domain: String::new(), version: 17 }],
        metadata_props: info.to_metadata().into_iter().map(|(key, value)| StringEntry { key, value }).collect(),
    };
    Ok(model.encode_to_vec())
}

/// The graph of these networks.
pub(crate) fn graph(architecture: &Architecture, members: &[Weights]) -> Result<GraphProto> {
    for weights in members {
        weights.check(architecture)?;
    }
    let Some(first) = members.first() else {
        return Err(Error::mismatch("a model needs at least one network"));
    };
    let mut graph = Graph {
        weights: first,
        architecture,
        prefix: String::new(),
        proto: GraphProto { name: "deepallele".into(), ..Default::default() },
    };
    graph.build(members)?;
    Ok(graph.proto)
}

/// Prefix of the names of the tensors of network `number` of `members`.
pub(crate) fn member_prefix(number: usize, members: usize) -> String {
    match members {
        1 => String::new(),
        _ => format!("member{number}."),
    }
}

/// A convolution with its batch norm: y = sign·relu(weight·x + bias) + shift.
pub(crate) struct Folded {
    /// (out, in, kernel)
    pub weight: Tensor,
    pub bias: Vec<f32>,
    /// Of each channel, 1 or -1.
    pub sign: Vec<f32>,
    pub shift: Vec<f32>,
}

/// The convolution of that key with its batch norm in evaluation mode, s = γ/√(variance + ε) and t = β - mean·s:
/// |s| goes into weight and bias; its sign, which cannot pass the ReLU, and t stay.
pub(crate) fn fold(architecture: &Architecture, weights: &Weights, key: &str) -> Result<Folded> {
    let tensor = |name: &str| tensor(weights, &format!("{key}.{name}"));
    let (mut weight, mut bias) = (tensor("0.weight")?.clone(), tensor("0.bias")?.data.clone());
    let channels = bias.len();
    let (mut scale, mut shift) = (vec![1.0f64; channels], vec![0.0f32; channels]);
    if architecture.batch_norm {
        let (gamma, beta) = (&tensor("2.weight")?.data, &tensor("2.bias")?.data);
        let (mean, variance) = (&tensor("2.running_mean")?.data, &tensor("2.running_var")?.data);
        for c in 0..channels {
            scale[c] = gamma[c] as f64 / (variance[c] as f64 + BATCH_NORM_EPSILON).sqrt();
            shift[c] = (beta[c] as f64 - mean[c] as f64 * scale[c]) as f32;
        }
    }
    let size = weight.data.len() / channels.max(1);
    for (channel, s) in scale.iter().enumerate() {
        let s = s.abs();
        weight.data[channel * size..][..size].iter_mut().for_each(|w| *w = (*w as f64 * s) as f32);
        bias[channel] = (bias[channel] as f64 * s) as f32;
    }
    let sign = scale.iter().map(|s| if *s < 0.0 { -1.0 } else { 1.0 }).collect();
    Ok(Folded { weight, bias, sign, shift })
}

pub(crate) fn tensor<'a>(weights: &'a Weights, name: &str) -> Result<&'a Tensor> {
    weights.get(name).ok_or_else(|| Error::mismatch(format!("the tensor {name} is missing")))
}

/// The bias learned with the ratio head, the mean over the members; empty if they have none.
fn mean_bias(members: &[Weights]) -> Vec<f64> {
    let all: Vec<&[f32]> = members.iter().filter_map(|w| Some(&w.get("ratio_bias")?.data[..])).collect();
    let Some(first) = all.first() else { return Vec::new() };
    (0..first.len()).map(|s| all.iter().map(|b| f64::from(b[s])).sum::<f64>() / all.len() as f64).collect()
}

/// A model file as a whole, and its metadata.
///
/// # Errors
/// It cannot be read, is not a regular file, or is not a model file of this suite.
pub fn read_model_file(path: &Path) -> Result<(Vec<u8>, ModelInfo)> {
    let file = fs::metadata(path).map_err(|e| Error::io(path, e))?;
    // A device could be read without end.
    if !file.is_file() {
        return Err(Error::input(path, "is not a regular file, so it cannot be a model file"));
    }
    let model = fs::read(path).map_err(|e| Error::io(path, e))?;
    let info = read_info(&model).map_err(|e| Error::input(path, e.to_string()))?;
    Ok((model, info))
}

/// The metadata of a model file.
///
/// # Errors
/// The bytes are not an ONNX model, or one without metadata of this suite. The message does not name the file; the
/// caller does.
pub fn read_info(model: &[u8]) -> Result<ModelInfo> {
    check_size(model).map_err(Error::mismatch)?;
    let head = ModelHead::decode(model).map_err(|_| Error::mismatch("is not an ONNX model"))?;
    if head.ir_version == 0 {
        return Err(Error::mismatch("is not an ONNX model"));
    }
    let metadata: BTreeMap<String, String> = head.metadata_props.into_iter().map(|e| (e.key, e.value)).collect();
    if !metadata.keys().any(|key| key.starts_with("deepallele.")) {
        return Err(Error::mismatch("is an ONNX model, but not one made by deepallele (annotate reads others by a description, docs/annotation.md)"));
    }
    ModelInfo::from_metadata(&metadata)
}

/// A tensor of the tower: the named value plus a per-channel shift that is still to be added.
struct Pending {
    name: String,
    shift: Option<Vec<f32>>,
}

struct Graph<'a> {
    /// Weights of the member that is being written.
    weights: &'a Weights,
    architecture: &'a Architecture,
    /// Prefix of the names of a member's tensors; empty for a single member.
    prefix: String,
    proto: GraphProto,
}

impl<'a> Graph<'a> {
    fn build(&mut self, members: &'a [Weights]) -> Result<()> {
        let a = self.architecture;
        let outputs = a.outputs as i64;
        for name in INPUTS {
            self.proto.input.push(value_info(name, &[None, Some(4), Some(a.window as i64)]));
        }
        self.proto.output.push(value_info(OUTPUTS[0], &[None, Some(3 * outputs)]));
        self.proto.output.push(value_info(OUTPUTS[1], &[None, Some(outputs)]));
        let alleles = self.node("Concat", &INPUTS, &[int("axis", 0)]);
        let image = self.image(&alleles);
        let kmers = (a.kmers > 0).then(|| self.kmers(&alleles));
        let mut predictions = Vec::with_capacity(members.len());
        for (number, weights) in members.iter().enumerate() {
            self.weights = weights;
            self.prefix = member_prefix(number, members.len());
            predictions.push(self.member(&image, kmers.as_deref())?);
        }
        if let [(prediction, swapped)] = &predictions[..] {
            self.named("Identity", &[prediction], &[OUTPUTS[0]], &[]);
            self.named("Identity", &[swapped], &[OUTPUTS[1]], &[]);
            return Ok(());
        }
        self.proto.output.push(value_info(SPREAD, &[None, Some(3 * outputs)]));
        let (forward, swapped): (Vec<String>, Vec<String>) = predictions.into_iter().unzip();
        let mean = self.mean_of(&forward, OUTPUTS[0]);
        self.mean_of(&swapped, OUTPUTS[1]);
        let mut squares = Vec::with_capacity(forward.len());
        for one in &forward {
            let difference = self.node("Sub", &[one, &mean], &[]);
            squares.push(self.node("Mul", &[&difference, &difference], &[]));
        }
        let squares: Vec<&str> = squares.iter().map(String::as_str).collect();
        let sum = self.node("Sum", &squares, &[]);
        let variance = self.scaled(&sum, 1.0 / (forward.len() - 1) as f32);
        self.named("Sqrt", &[&variance], &[SPREAD], &[]);
        Ok(())
    }

    /// Both alleles of the batch as one batch of images: (2N, 4, 1, 2L) with the strands joined, (4N, 4, 1, L) with
    /// all forward strands before all reverse complements.
    fn image(&mut self, alleles: &str) -> String {
        self.integers("backwards", &[-1, -1]);
        self.integers("before_start", &[i64::MIN, i64::MIN]);
        self.integers("channel_and_length", &[1, 2]);
        let slice = [alleles, "backwards", "before_start", "channel_and_length", "backwards"];
        let complement = self.node("Slice", &slice, &[]);
        let axis = if self.architecture.strands == Strands::Joined { 2 } else { 0 };
        let strands = self.node("Concat", &[alleles, &complement], &[int("axis", axis)]);
        self.integers("height", &[2]);
        self.node("Unsqueeze", &[&strands, "height"], &[])
    }

    /// Scaled k-mer counts of both alleles (2N, 4ᵏ).
    fn kmers(&mut self, alleles: &str) -> String {
        let (k, window) = (self.architecture.kmers, self.architecture.window);
        let (number, kmers::Scale { expected, factor }) = (kmers::number(k), kmers::scale(window, k));
        self.floats("kmers.kernels", &Tensor { shape: vec![number, 4, k], data: kmers::kernels(k) });
        self.floats("kmers.bias", &Tensor { shape: vec![number], data: vec![1.0 - k as f32; number] });
        let sum = self.node("Conv", &[alleles, "kmers.kernels", "kmers.bias"], &[ints("kernel_shape", &[k as i64])]);
        let found = self.node("Relu", &[&sum], &[]);
        self.integers("kmers.positions", &[2]);
        let strand = self.node("ReduceSum", &[&found, "kmers.positions"], &[int("keepdims", 0)]);
        let complements: Vec<i64> = (0..number).map(|j| kmers::reverse_complement(j, k) as i64).collect();
        self.integers("kmers.turned", &complements);
        let other = self.node("Gather", &[&strand, "kmers.turned"], &[int("axis", 1)]);
        let both = self.node("Add", &[&strand, &other], &[]);
        self.floats("kmers.expected", &Tensor { shape: vec![1], data: vec![expected as f32] });
        let beyond = self.node("Sub", &[&both, "kmers.expected"], &[]);
        self.scaled(&beyond, factor as f32)
    }

    /// One network: names of its prediction (N, 3·S) and its swapped ratios (N, S).
    fn member(&mut self, image: &str, kmers: Option<&str>) -> Result<(String, String)> {
        let a = self.architecture;
        let mut x = self.convolution(image.to_string(), "conv0", 1)?;
        let input = self.add_shift(x);
        x = self.convolution(input, "convlayers.0", 1)?;
        let mut length = a.tower_length();
        for stage in 0..a.conv_layers {
            for repeat in 0..a.conv_repeat {
                let input = self.add_shift(x);
                let branch = self.convolution(input.clone(), &a.residual_key(stage, repeat), a.dilation)?;
                let sum = self.node("Add", &[&input, &branch.name], &[]);
                x = Pending { name: sum, shift: branch.shift };
            }
            let pooled = length.div_ceil(a.pooling_size);
            let missing = pooled * a.pooling_size - length;
            let attributes = [
                ints("kernel_shape", &[1, a.pooling_size as i64]),
                ints("strides", &[1, a.pooling_size as i64]),
                ints("pads", &[0, 0, 0, missing as i64]),
                int("count_include_pad", 0),
            ];
            x.name = self.node("AveragePool", &[&x.name], &attributes);
            length = pooled;
        }
        let tower = self.add_shift(x);
        let flat = self.node("Flatten", &[&tower], &[int("axis", 1)]);
        let mut embedding = match kmers {
            None => self.linear(&flat, "fc0", true)?,
            Some(kmers) => {
                let tower = self.linear(&flat, "fc0", false)?;
                let (name, weight) = (format!("{}{KMER_WEIGHT}", self.prefix), self.tensor(KMER_WEIGHT)?.clone());
                self.floats(&name, &weight);
                let mut counted = self.node("Gemm", &[kmers, &name], &[int("transB", 1)]);
                if a.strands == Strands::Averaged {
                    counted = self.node("Concat", &[&counted, &counted], &[int("axis", 0)]);
                }
                let sum = self.node("Add", &[&tower, &counted], &[]);
                self.node("Relu", &[&sum], &[])
            }
        };
        if a.strands == Strands::Averaged {
            let [forward, reverse] = self.halves(&embedding);
            let sum = self.node("Add", &[&forward, &reverse], &[]);
            embedding = self.scaled(&sum, 0.5);
        }
        let counts = self.head(&embedding, "fclayers", a.count_output_key(), a.kind == Kind::Single)?;
        let [count1, count2] = self.halves(&counts);
        let (ratio, swapped) = if a.kind == Kind::Paired {
            let [one, two] = self.halves(&embedding);
            let as_given = self.node("Concat", &[&one, &two], &[int("axis", 1)]);
            let exchanged = self.node("Concat", &[&two, &one], &[int("axis", 1)]);
            let both = self.node("Concat", &[&as_given, &exchanged], &[int("axis", 0)]);
            let ratios = self.head(&both, "ratio_fclayers", "ratio_out", false)?;
            let [ratio, swapped] = self.halves(&ratios);
            match a.ratio_head {
                RatioHead::Free => (ratio, swapped),
                RatioHead::Antisymmetric => {
                    let difference = self.node("Sub", &[&ratio, &swapped], &[]);
                    let ratio = self.scaled(&difference, 0.5);
                    let swapped = self.node("Neg", &[&ratio], &[]);
                    (ratio, swapped)
                }
            }
        } else {
            (self.node("Sub", &[&count1, &count2], &[]), self.node("Sub", &[&count2, &count1], &[]))
        };
        let prediction = self.node("Concat", &[&count1, &count2, &ratio], &[int("axis", 1)]);
        Ok((prediction, swapped))
    }

    /// The mean of several values, under a name of the graph's outputs.
    fn mean_of(&mut self, values: &[String], output: &str) -> String {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        self.named("Mean", &values, &[output], &[]);
        output.to_string()
    }

    /// A value times a constant.
    fn scaled(&mut self, input: &str, factor: f32) -> String {
        let name = format!("factor{}", self.proto.node.len());
        self.floats(&name, &Tensor { shape: vec![1], data: vec![factor] });
        self.node("Mul", &[input, &name], &[])
    }

    /// Convolution, ReLU and batch norm.
    fn convolution(&mut self, input: String, key: &str, dilation: usize) -> Result<Pending> {
        let Folded { weight, bias, sign, shift } = fold(self.architecture, self.weights, key)?;
        let &[out, channels, kernel] = &weight.shape[..] else {
            return Err(Error::mismatch(format!("the tensor {key}.0.weight is not a convolution")));
        };
        let weight = Tensor { shape: vec![out, channels, 1, kernel], data: weight.data };
        let bias = Tensor { shape: vec![out], data: bias };
        let (left, right) = same_padding(kernel, dilation);
        let (w, b) = (format!("{}{key}.weight", self.prefix), format!("{}{key}.bias", self.prefix));
        self.floats(&w, &weight);
        self.floats(&b, &bias);
        let attributes = [
            ints("kernel_shape", &[1, kernel as i64]),
            ints("dilations", &[1, dilation as i64]),
            ints("pads", &[0, left as i64, 0, right as i64]),
        ];
        let sum = self.node("Conv", &[&input, &w, &b], &attributes);
        let mut name = self.node("Relu", &[&sum], &[]);
        if sign.iter().any(|&s| s < 0.0) {
            name = self.affine(&name, sign, vec![0.0; out]);
        }
        Ok(Pending { name, shift: shift.iter().any(|&t| t != 0.0).then_some(shift) })
    }

    /// Add what is still to be added.
    fn add_shift(&mut self, x: Pending) -> String {
        match x.shift {
            Some(shift) => self.affine(&x.name, vec![1.0; shift.len()], shift),
            None => x.name,
        }
    }

    /// scale·x + shift by channel. A batch norm of mean 0 and variance 1, which ONNX Runtime keeps in its blocked
    /// layout; a Mul and Add would be carried out of it and back.
    fn affine(&mut self, input: &str, scale: Vec<f32>, shift: Vec<f32>) -> String {
        let channels = vec![scale.len()];
        let prefix = format!("affine{}", self.proto.node.len());
        let names = ["scale", "shift", "mean", "variance"].map(|part| format!("{prefix}.{part}"));
        let count = scale.len();
        for (name, data) in names.iter().zip([scale, shift, vec![0.0; count], vec![1.0; count]]) {
            self.floats(name, &Tensor { shape: channels.clone(), data });
        }
        let epsilon = Attribute { name: "epsilon".into(), f: Some(0.0), kind: ATTRIBUTE_FLOAT, ..Default::default() };
        self.node("BatchNormalization", &[input, &names[0], &names[1], &names[2], &names[3]], &[epsilon])
    }

    fn head(&mut self, input: &str, layers: &str, output: &str, rectified: bool) -> Result<String> {
        let mut x = input.to_string();
        for layer in 0..self.architecture.h_layers {
            x = self.linear(&x, &format!("{layers}.{layer}"), true)?;
        }
        self.linear(&x, output, rectified)
    }

    fn linear(&mut self, input: &str, key: &str, rectified: bool) -> Result<String> {
        let (w, b) = (format!("{}{key}.weight", self.prefix), format!("{}{key}.bias", self.prefix));
        let weight = self.tensor(&format!("{key}.0.weight"))?.clone();
        let bias = self.tensor(&format!("{key}.0.bias"))?.clone();
        self.floats(&w, &weight);
        self.floats(&b, &bias);
        let sum = self.node("Gemm", &[input, &w, &b], &[int("transB", 1)]);
        Ok(if rectified { self.node("Relu", &[&sum], &[]) } else { sum })
    }

    /// First and second half of a batch.
    fn halves(&mut self, input: &str) -> [String; 2] {
        let names = ["a", "b"].map(|half| format!("{input}.{half}"));
        self.named("Split", &[input], &[&names[0], &names[1]], &[int("axis", 0)]);
        names
    }

    fn tensor(&self, name: &str) -> Result<&Tensor> {
        tensor(self.weights, name)
    }

    /// Append a node with one output, and name that after it.
    fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Attribute]) -> String {
        let output = format!("{}{}", operator.to_lowercase(), self.proto.node.len());
        self.named(operator, inputs, &[&output], attributes);
        output
    }

    fn named(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) {
        let strings = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        self.proto.node.push(NodeProto {
            input: strings(inputs),
            output: strings(outputs),
            name: format!("{operator}_{}", self.proto.node.len()),
            op_type: operator.into(),
            attribute: attributes.to_vec(),
        });
    }

    fn floats(&mut self, name: &str, tensor: &Tensor) {
        self.proto.initializer.push(TensorProto {
            dims: tensor.shape.iter().map(|&n| n as i64).collect(),
            data_type: FLOAT,
            name: name.into(),
            raw_data: tensor.data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        });
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        self.proto.initializer.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: INT64,
            name: name.into(),
            raw_data: values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        });
    }
}

fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.into(), i: Some(value), kind: ATTRIBUTE_INT, ..Default::default() }
}

fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: values.to_vec(), kind: ATTRIBUTE_INTS, ..Default::default() }
}

/// A float32 value; `None` is the batch axis.
fn value_info(name: &str, shape: &[Option<i64>]) -> ValueInfo {
    let dim =
        (shape.iter()).map(|&value| Dimension { value, param: value.is_none().then(|| "N".to_string()) }).collect();
    let tensor = TensorType { elem_type: FLOAT, shape: Some(TensorShape { dim }) };
    ValueInfo { name: name.into(), kind: Some(TypeProto { tensor: Some(tensor) }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::weights::random_weights;

    #[test]
    fn a_file_tells_what_it_is() {
        for kind in Kind::ALL {
            let info = ModelInfo::new(Architecture::preset("small", kind).unwrap());
            let model = export(&info, &random_weights(&info.architecture, 3)).unwrap();
            assert_eq!(read_info(&model).unwrap(), info);
        }
    }

    #[test]
    fn other_files_are_refused() {
        let complaint = |bytes: &[u8]| read_info(bytes).unwrap_err().to_string();
        assert!(complaint(b"").contains("not an ONNX model"));
        assert!(complaint(b"PK\x03\x04 and more").contains("not an ONNX model"));
        assert!(complaint(b"#chrom\tstart\tend\n").contains("not an ONNX model"));
        let other = ModelProto { ir_version: 8, ..Default::default() }.encode_to_vec();
        assert!(complaint(&other).contains("not one made by deepallele"));
    }

    #[test]
    fn weights_must_fit() {
        let info = ModelInfo::new(Architecture::preset("small", Kind::Paired).unwrap());
        let mut weights = random_weights(&info.architecture, 3);
        weights.0.remove("fc0.0.weight");
        assert!(export(&info, &weights).unwrap_err().to_string().contains("fc0.0.weight"));
    }
}
