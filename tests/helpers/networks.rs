//! Networks of other software: a linear ONNX graph, written here field by field, and its description in TOML. Since it is
//! linear, every effect can be written down: what ALT has at its place less what REF has there.

use std::fs;
use std::path::{Path, PathBuf};

/// Bases that the network reads.
pub const LINEAR_WINDOW: usize = 64;
/// Its outputs.
const WIDTH: usize = 2;

/// Fields of a protocol buffer, in which ONNX files are written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(mut self, mut value: u64) -> Self {
        while value >= 128 {
            self.0.push(value as u8 | 128);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn int(self, tag: u64, value: u64) -> Self {
        self.number(tag << 3).number(value)
    }

    fn bytes(self, tag: u64, value: &[u8]) -> Self {
        let mut with = self.number(tag << 3 | 2).number(value.len() as u64);
        with.0.extend_from_slice(value);
        with
    }
}

/// Types of tensors, as ONNX numbers them.
pub const FLOAT: u64 = 1;
pub const INT8: u64 = 3;
pub const DOUBLE: u64 = 11;

/// The graph (N, 64, 4) -> Flatten -> MatMul -> y (N, 2).
pub struct LinearNetwork {
    /// Lengths of the input's axes after N.
    pub axes: Vec<usize>,
    /// Types of the input and of the output.
    pub types: [u64; 2],
    /// A second input `control` (N, 1), which is added.
    pub control: bool,
    /// Subtract the mean over the windows, as batch normalisation in training mode does.
    pub centred: bool,
    /// A second output `bins` (N, 2, 1) with the same numbers.
    pub bins: bool,
}

impl Default for LinearNetwork {
    fn default() -> Self {
        Self { axes: vec![LINEAR_WINDOW, 4], types: [FLOAT, FLOAT], control: false, centred: false, bins: false }
    }
}

/// Weight of a base at a place of the window for an output: multiples of 1/64, exact in every engine.
fn weight(place: usize, base: usize, output: usize) -> f32 {
    ((place * 37 + base * 101 + output * 53) % 127) as f32 / 64.0 - 1.0
}

/// What the network says of a window.
pub fn linear_value(window: &str, output: usize) -> f64 {
    let base = |letter| "ACGT".find(letter);
    window.chars().enumerate().filter_map(|(p, b)| Some(f64::from(weight(p, base(b)?, output)))).sum()
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Option<(&str, u64)>) -> Vec<u8> {
    let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input.as_bytes()));
    let node = node.bytes(2, output.as_bytes()).bytes(4, op.as_bytes());
    match attribute {
        // A number is of type 2, a list of numbers of type 7.
        Some(("axes", value)) => node.bytes(5, &Message::default().bytes(1, b"axes").int(8, value).int(20, 7).0).0,
        Some((name, value)) => {
            node.bytes(5, &Message::default().bytes(1, name.as_bytes()).int(3, value).int(20, 2).0).0
        }
        None => node.0,
    }
}

fn value(name: &str, kind: u64, shape: &[usize]) -> Vec<u8> {
    let dimension = |&n: &usize| match n {
        0 => Message::default().bytes(2, b"N").0,
        n => Message::default().int(1, n as u64).0,
    };
    let shape = shape.iter().fold(Message::default(), |shape, n| shape.bytes(1, &dimension(n)));
    let tensor = Message::default().int(1, kind).bytes(2, &shape.0);
    Message::default().bytes(1, name.as_bytes()).bytes(2, &Message::default().bytes(1, &tensor.0).0).0
}

impl LinearNetwork {
    pub fn write(&self, path: &Path) {
        // Row-major: the bases of a place follow each other, or the places of a base.
        let channels_first = self.axes.iter().find(|&&n| n > 1) == Some(&4);
        let (outer, inner) = if channels_first { (4, LINEAR_WINDOW) } else { (LINEAR_WINDOW, 4) };
        let mut weights = Vec::new();
        for i in 0..outer {
            for j in 0..inner {
                let (place, base) = if channels_first { (j, i) } else { (i, j) };
                (0..WIDTH).for_each(|output| weights.extend(weight(place, base, output).to_le_bytes()));
            }
        }
        let tensor = Message::default().int(1, 4 * LINEAR_WINDOW as u64).int(1, WIDTH as u64).int(2, FLOAT);
        let tensor = tensor.bytes(8, b"w").bytes(9, &weights);
        let shape: Vec<u8> = [-1i64, 2, 1].iter().flat_map(|n| n.to_le_bytes()).collect();
        let shape = Message::default().int(1, 3).int(2, 7).bytes(8, b"shape").bytes(9, &shape);
        let input: Vec<usize> = std::iter::once(0).chain(self.axes.iter().copied()).collect();
        let mut graph = Message::default()
            .bytes(1, &node("Cast", &["x"], "numbers", Some(("to", FLOAT))))
            .bytes(1, &node("Flatten", &["numbers"], "row", None))
            .bytes(1, &node("MatMul", &["row", "w"], "product", None));
        let mut last = "product";
        if self.control {
            graph = graph.bytes(1, &node("Add", &[last, "control"], "sum", None));
            last = "sum";
        }
        if self.centred {
            graph = graph
                .bytes(1, &node("ReduceMean", &[last], "mean", Some(("axes", 0))))
                .bytes(1, &node("Sub", &[last, "mean"], "centred", None));
            last = "centred";
        }
        graph = graph
            .bytes(1, &node("Cast", &[last], "y", Some(("to", self.types[1]))))
            .bytes(2, b"linear")
            .bytes(5, &tensor.0)
            .bytes(11, &value("x", self.types[0], &input));
        if self.control {
            graph = graph.bytes(11, &value("control", FLOAT, &[0, 1]));
        }
        graph = graph.bytes(12, &value("y", self.types[1], &[0, WIDTH]));
        if self.bins {
            graph = graph
                .bytes(1, &node("Reshape", &["y", "shape"], "bins", None))
                .bytes(5, &shape.0)
                .bytes(12, &value("bins", self.types[1], &[0, WIDTH, 1]));
        }
        let opset = Message::default().bytes(1, b"").int(2, 17);
        fs::write(path, Message::default().int(1, 8).bytes(7, &graph.0).bytes(8, &opset.0).0).unwrap();
    }
}

/// The network and its description with the samples `liver` and `brain`, on `scale`.
pub fn linear_network(folder: &Path, scale: &str) -> PathBuf {
    LinearNetwork::default().write(&folder.join("linear.onnx"));
    let sample =
        |name: &str, output: usize| format!("[[output]]\nsample = \"{name}\"\nat = [{output}]\nscale = \"{scale}\"\n");
    let top = format!("window = {LINEAR_WINDOW}\nlayout = \"NL4\"\nmodel = \"linear.onnx\"\n");
    let path = folder.join("linear.toml");
    fs::write(&path, top + &sample("liver", 0) + &sample("brain", 1)).unwrap();
    path
}

/// Bases that a detector reads.
pub const DETECTOR_WINDOW: usize = 96;

/// A network that detects motifs on both strands, and its description: Conv -> Relu -> sum over the window with the weight
/// of each motif. Its output is log2; a motif scores from 0.4 of the largest score on.
pub fn detector_network(folder: &Path, motifs: &[(&[[f64; 4]], f32)]) -> PathBuf {
    let width = motifs.iter().map(|(motif, _)| motif.len()).max().unwrap_or(1);
    let places = DETECTOR_WINDOW + 1 - width;
    let (mut kernels, mut limits, mut sums) = (Vec::new(), Vec::new(), Vec::new());
    for (motif, weight) in motifs {
        let odds: Vec<[f32; 4]> = motif.iter().map(|row| row.map(|p| ((p + 0.01).log2() + 2.0) as f32 / 8.0)).collect();
        let most: f32 = odds.iter().map(|row| row.iter().copied().fold(f32::MIN, f32::max)).sum();
        for reverse in [false, true] {
            for base in 0..4 {
                for at in 0..width {
                    let value = match reverse {
                        false => odds.get(at).map(|row| row[base]),
                        true => odds.iter().rev().nth(at).map(|row| row[3 - base]),
                    };
                    kernels.extend(value.unwrap_or(0.0).to_le_bytes());
                }
            }
            limits.extend((-0.4 * most).to_le_bytes());
            (0..places).for_each(|_| sums.extend(weight.to_le_bytes()));
        }
    }
    let tensor = |name: &str, shape: &[usize], values: &[u8]| {
        let tensor = shape.iter().fold(Message::default(), |tensor, n| tensor.int(1, *n as u64)).int(2, FLOAT);
        tensor.bytes(8, name.as_bytes()).bytes(9, values).0
    };
    let number = 2 * motifs.len();
    let graph = Message::default()
        .bytes(1, &node("Conv", &["x", "kernels", "limits"], "scores", None))
        .bytes(1, &node("Relu", &["scores"], "found", None))
        .bytes(1, &node("Flatten", &["found"], "row", None))
        .bytes(1, &node("MatMul", &["row", "sums"], "y", None))
        .bytes(2, b"detector")
        .bytes(5, &tensor("kernels", &[number, 4, width], &kernels))
        .bytes(5, &tensor("limits", &[number], &limits))
        .bytes(5, &tensor("sums", &[number * places, 1], &sums))
        .bytes(11, &value("x", FLOAT, &[0, 4, DETECTOR_WINDOW]))
        .bytes(12, &value("y", FLOAT, &[0, 1]));
    let opset = Message::default().bytes(1, b"").int(2, 17);
    let onnx = Message::default().int(1, 8).bytes(7, &graph.0).bytes(8, &opset.0).0;
    fs::write(folder.join("detector.onnx"), onnx).unwrap();
    let path = folder.join("detector.toml");
    let text = format!("window = {DETECTOR_WINDOW}\nlayout = \"N4L\"\nmodel = \"detector.onnx\"\n");
    fs::write(&path, text + "[[output]]\nsample = \"detected\"\nat = [0]\nscale = \"log2\"\n").unwrap();
    path
}
