use ndarray::Array2;
use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::encode::encode_windows;
use crate::model::onnx::external::outputs::Output;
use crate::model::onnx::external::tensors::Numbers;
use crate::model::onnx::proto::*;

const WINDOW: usize = 12;
/// Numbers that the network of the tests gives for a window.
const WIDTH: usize = 6;

/// A graph that multiplies the flattened input with a matrix: output `flat` (N, 6), and the same as `bins` (N, 3, 2).
struct Linear {
    layout: &'static str,
    /// The axes of the graph's input after N, where they are not those of `layout`.
    axes: Option<Vec<Option<i64>>>,
    batch: Option<i64>,
    /// Types of the input and of the outputs.
    types: [i32; 2],
    /// The last step before the outputs.
    then: Then,
    /// By place in the flattened input, then by output.
    weights: Vec<f32>,
}

/// A last step.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    /// A second input `control` (N, 1) is added, and with `true` a third one, `scale` (free, 6), is the factor.
    Control(bool),
    /// The mean over the windows is subtracted, as by batch normalisation in training mode.
    Centre,
    /// The softmax over the windows.
    SoftmaxOfBatch,
    /// The softmax over the outputs, with which nothing is wrong.
    SoftmaxOfOutputs,
    /// Random numbers are added.
    Noise,
    /// All windows have the outputs of the first.
    FirstForAll,
    /// Reshaped to one window, whatever their number.
    OneWindow,
}

const UINT8: i32 = 2;
const INT8: i32 = 3;
const STRING: i32 = 8;
const BOOL: i32 = 9;
const FLOAT16: i32 = 10;
const DOUBLE: i32 = 11;

impl Linear {
    fn new(layout: &'static str, batch: Option<i64>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let weights = (0..4 * WINDOW * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect();
        Linear { layout, axes: None, batch, types: [FLOAT, FLOAT], then: Then::Nothing, weights }
    }

    /// By definition: the output for a window in which channel `channel(base)` is set.
    fn expected(&self, sequence: &[u8], output: usize, bases: &[u8], unknown: f64) -> f64 {
        let mut sum = 0.0;
        for (place, base) in sequence.iter().enumerate() {
            for (channel, own) in bases.iter().enumerate() {
                let value = match base {
                    b'N' => unknown,
                    base => f64::from(u8::from(base == own)),
                };
                let row = match self.layout.find('4') < self.layout.find('L') {
                    true => channel * WINDOW + place,
                    false => 4 * place + channel,
                };
                sum += value * f64::from(self.weights[row * WIDTH + output]);
            }
        }
        sum
    }

    fn write(&self, path: &Path) {
        let mut nodes: Vec<NodeProto> = Vec::new();
        let mut node = |op: &str, input: &[&str], output: &str, attribute: Vec<Attribute>| {
            nodes.push(NodeProto {
                input: input.iter().map(|name| name.to_string()).collect(),
                output: vec![output.into()],
                name: output.into(),
                op_type: op.into(),
                attribute,
            })
        };
        let value = |name: &str, kind: i32, shape: &[Option<i64>]| {
            let dim = shape.iter().enumerate().map(|(axis, &value)| {
                let name = if axis == 0 { "N".into() } else { format!("{name}{axis}") };
                Dimension { value, param: value.is_none().then_some(name) }
            });
            let tensor = TensorType { elem_type: kind, shape: Some(TensorShape { dim: dim.collect() }) };
            ValueInfo { name: name.into(), kind: Some(TypeProto { tensor: Some(tensor) }) }
        };
        let int =
            |name: &str, i: i64| Attribute { name: name.into(), i: Some(i), kind: ATTRIBUTE_INT, ..Default::default() };
        let mut input = vec![self.batch];
        match &self.axes {
            Some(axes) => input.extend(axes),
            None => input.extend(self.layout.chars().skip(1).map(|axis| {
                Some(match axis {
                    '4' => 4,
                    'L' => WINDOW as i64,
                    _ => 1,
                })
            })),
        }
        let weights = TensorProto {
            dims: vec![4 * WINDOW as i64, WIDTH as i64],
            data_type: FLOAT,
            name: "weights".into(),
            raw_data: self.weights.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let shape = |name: &str, lengths: [i64; 3]| TensorProto {
            dims: vec![3],
            data_type: INT64,
            name: name.into(),
            raw_data: lengths.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let zero =
            TensorProto { dims: vec![1], data_type: INT64, name: "zero".into(), raw_data: 0i64.to_le_bytes().to_vec() };
        let mut inputs = vec![value("dna", self.types[0], &input)];
        node("Cast", &["dna"], "floats", vec![int("to", FLOAT.into())]);
        node("Flatten", &["floats"], "row", Vec::new());
        node("MatMul", &["row", "weights"], "product", Vec::new());
        let last = "last";
        match self.then {
            Then::Nothing | Then::OneWindow => node("Identity", &["product"], last, Vec::new()),
            Then::Control(scaled) => {
                inputs.push(value("control", FLOAT, &[None, Some(1)]));
                node("Add", &["product", "control"], "sum", Vec::new());
                if scaled {
                    inputs.push(value("scale", DOUBLE, &[None, Some(6), None]));
                    node("Cast", &["scale"], "scales", vec![int("to", FLOAT.into())]);
                    node("Flatten", &["scales"], "scale_row", Vec::new());
                    node("Mul", &["sum", "scale_row"], last, Vec::new());
                } else {
                    node("Identity", &["sum"], last, Vec::new());
                }
            }
            Then::Centre => {
                let axes = Attribute { name: "axes".into(), ints: vec![0], kind: ATTRIBUTE_INTS, ..Default::default() };
                node("ReduceMean", &["product"], "mean", vec![axes]);
                node("Sub", &["product", "mean"], last, Vec::new());
            }
            Then::SoftmaxOfBatch => node("Softmax", &["product"], last, vec![int("axis", 0)]),
            Then::SoftmaxOfOutputs => node("Softmax", &["product"], last, vec![int("axis", 1)]),
            Then::FirstForAll => {
                // The sum of the first row and the product less itself.
                node("Gather", &["product", "zero"], "first", vec![int("axis", 0)]);
                node("Sub", &["product", "product"], "nothing", Vec::new());
                node("Add", &["nothing", "first"], last, Vec::new());
            }
            Then::Noise => {
                node("RandomNormalLike", &["product"], "noise", Vec::new());
                node("Add", &["product", "noise"], last, Vec::new());
            }
        }
        let to = if self.types[1] == STRING { FLOAT } else { self.types[1] };
        node("Cast", &[last], "number", vec![int("to", to.into())]);
        node("Reshape", &["number", if self.then == Then::OneWindow { "one" } else { "shape" }], "bins", Vec::new());
        // A string is the type of an output that is not a number.
        node("Cast", &["number"], "flat", vec![int("to", self.types[1].into())]);
        let graph = GraphProto {
            node: nodes,
            name: "linear".into(),
            initializer: vec![weights, zero, shape("shape", [-1, 3, 2]), shape("one", [1, -1, 2])],
            input: inputs,
            output: vec![value("flat", self.types[1], &[None, Some(6)]), value("bins", to, &[None, None, Some(2)])],
        };
        let model = ModelProto {
            ir_version: 8,
            graph: Some(graph),
            opset_import: vec![OperatorSetId { domain: String::new(), version: 17 }],
            ..Default::default()
        };
        std::fs::write(path, model.encode_to_vec()).unwrap();
    }
}

fn described(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("own.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn sequences(count: usize) -> Vec<Vec<u8>> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    (0..count).map(|_| (0..WINDOW).map(|_| b"ACGTACGTN"[rng.random_range(0..9)]).collect()).collect()
}

fn codes(sequences: &[Vec<u8>]) -> Array2<u8> {
    encode_windows(sequences, WINDOW).unwrap()
}

/// log2 of the activity of each sequence.
fn predict(model: &mut SequenceModel, sequences: &[Vec<u8>]) -> Vec<f64> {
    let signals = model.predict(codes(sequences).view()).unwrap();
    (0..sequences.len()).map(|number| signals.log2(number, 0)).collect()
}

fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{got:?} {expected:?}");
    }
}

#[test]
fn layouts_channels_batches_and_places_are_as_described() {
    let windows = sequences(700);
    let settings = [
        ("N4L", None, "ACGT", 0.0),
        ("NL4", None, "TGCA", 0.25),
        ("N4L", Some(1), "AGCT", 0.0),
        ("NL4", Some(3), "ACGT", 0.25),
    ];
    for (layout, batch, bases, unknown) in settings {
        let folder = tempfile::tempdir().unwrap();
        let graph = Linear::new(layout, batch);
        graph.write(&folder.path().join("own.onnx"));
        let path = described(
            folder.path(),
            &format!(
                "window = {WINDOW}\nlayout = \"{layout}\"\nbases = \"{bases}\"\nunknown = {unknown:?}\n\
                 [[output]]\nsample = \"one\"\ntensor = \"flat\"\nat = [4]\nscale = \"log2\"\n\
                 [[output]]\nsample = \"two\"\ntensor = \"bins\"\nat = [[1, 3], 1]\nover = \"sum\"\nscale = \"ln\"\n"
            ),
        );
        let by_threads = [1, 3].map(|threads| {
            let mut model = SequenceModel::open(&path, threads).unwrap();
            assert_eq!(model.samples(), ["one", "two"]);
            let first = predict(&mut model, &windows);
            model.choose_sample("two").unwrap();
            let second = predict(&mut model, &windows);
            let problem = model.choose_sample("three").unwrap_err().to_string();
            assert!(problem.contains("own.toml") && problem.contains("one, two"), "{problem}");
            (first, second)
        });
        assert_eq!(by_threads[0], by_threads[1]);
        let [(first, second), _] = by_threads;
        let of = |sequence: &Vec<u8>, output| graph.expected(sequence, output, bases.as_bytes(), unknown);
        close(&first, &windows.iter().map(|s| of(s, 4)).collect::<Vec<_>>());
        // Bins 1 and 2, track 1: outputs 3 and 5.
        let ln2 = std::f64::consts::LN_2;
        close(&second, &windows.iter().map(|s| (of(s, 3) + of(s, 5)) / ln2).collect::<Vec<_>>());
    }
}

#[test]
fn both_strands_are_averaged_before_the_logarithm() {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = Linear::new("N4L", None);
    graph.weights.iter_mut().for_each(|w| *w = w.abs());
    graph.write(&folder.path().join("own.onnx"));
    let output = "[[output]]\ntensor = \"flat\"\nat = [2]\nscale = \"linear\"\npseudocount = 0.5\nstrand_pair = []\n";
    let text = format!("window = {WINDOW}\nlayout = \"N4L\"\nstrands = \"both\"\n{output}");
    let mut model = SequenceModel::open(&described(folder.path(), &text), 2).unwrap();
    let windows = sequences(20);
    let expected = windows.iter().map(|sequence| {
        let complement = |base: &u8| match base {
            b'A' => b'T',
            b'C' => b'G',
            b'G' => b'C',
            b'T' => b'A',
            other => *other,
        };
        let reverse: Vec<u8> = sequence.iter().rev().map(complement).collect();
        let of = |s: &[u8]| graph.expected(s, 2, b"ACGT", 0.0);
        ((of(sequence) + of(&reverse)) / 2.0 + 0.5).log2()
    });
    close(&predict(&mut model, &windows), &expected.collect::<Vec<_>>());
}

#[test]
fn a_description_that_does_not_fit_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    Linear::new("N4L", None).write(&folder.path().join("own.onnx"));
    std::fs::write(folder.path().join("junk.onnx"), b"junk").unwrap();
    let good = "window = 12\nlayout = \"N4L\"\n[[output]]\ntensor = \"flat\"\nscale = \"ln\"\n";
    SequenceModel::open(&described(folder.path(), good), 1).unwrap();
    for (from, to, words) in [
        ("window = 12", "window = 13", &["own.onnx", "(N, 4, 13)", "(?, 4, 12)"][..]),
        ("window = 12", "window = 0", &["own.toml", "window = 0"]),
        ("window = 12", "window = 99999999999", &["own.toml", "window = 99999999999"]),
        ("window = 12", "window = -1", &["own.toml", "line 1"]),
        ("window = 12\n", "", &["own.toml", "window"]),
        ("N4L", "NL4", &["own.onnx", "layout"]),
        ("N4L", "NCL", &["own.toml", "line 2", "N4L"]),
        ("layout", "bases = \"ACGU\"\nlayout", &["own.toml", "bases"]),
        ("layout", "bases = \"AACT\"\nlayout", &["own.toml", "bases"]),
        ("layout", "unknown = nan\nlayout", &["own.toml", "unknown"]),
        ("layout", "input = \"rna\"\nlayout", &["own.onnx", "\"rna\"", "dna"]),
        ("layout", "model = \"gone.onnx\"\nlayout", &["gone.onnx"]),
        ("layout", "model = \"junk.onnx\"\nlayout", &["junk.onnx"]),
        ("layout", "model = \".\"\nlayout", &["not a regular file"]),
        ("layout", "windows = 3\nlayout", &["own.toml", "windows"]),
        ("tensor = \"flat\"\n", "", &["own.toml", "[[output]] 1", "flat, bins"]),
        ("flat", "round", &["own.onnx", "\"round\"", "flat float32 (?, 6), bins float32 (?, 3, 2)"]),
        ("tensor", "at = [6]\ntensor", &["own.toml", "[[output]] 1", "6..7"]),
        ("[[output]]\ntensor = \"flat\"\nscale = \"ln\"\n", "output = []\n", &["own.toml", "no [[output]]"]),
        (
            "[[output]]\n",
            "[[output]]\ntensor = \"bins\"\nscale = \"ln\"\n[[output]]\n",
            &["own.toml", "[[output]] 2", "twice"],
        ),
    ] {
        let text = good.replace(from, to);
        assert_ne!(text, good);
        let problem = SequenceModel::open(&described(folder.path(), &text), 1).err().unwrap().to_string();
        assert!(words.iter().all(|word| problem.contains(word)), "{text}: {problem}");
        assert!(!problem.contains('\n'), "{problem}");
    }
    std::fs::write(folder.path().join("own.toml"), b"window = 1\xff").unwrap();
    let problem = SequenceModel::open(&folder.path().join("own.toml"), 1).err().unwrap().to_string();
    assert!(problem.contains("own.toml") && problem.contains("not UTF-8 text"), "{problem}");
}

#[test]
fn the_example_of_the_manual_is_a_description() {
    let manual = include_str!("../../../../../docs/annotation.md");
    let example = manual.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).expect("an example").0;
    let description: Description = toml::from_str(example).unwrap();
    assert_eq!((description.window, description.strands), (2114, StrandsShown::Forward));
    let output = Output::new(&description.outputs[0], &[1, 3, 6], description.strands).unwrap();
    // The mean of place 5 of three rows, plus 1.
    let mut values = [0.0; 18];
    (values[5], values[11], values[17]) = (3.0, 6.0, 12.0);
    assert_eq!(output.log2(output.value(Numbers::Single(&values), 0, false)), 3.0);
}

/// A model whose description has `more` keys and the output `flat` at 4, and the graph itself.
fn of(graph: &Linear, more: &str) -> Result<SequenceModel> {
    let folder = tempfile::tempdir().unwrap();
    graph.write(&folder.path().join("own.onnx"));
    let (layout, output) = (graph.layout, "[[output]]\ntensor = \"flat\"\nat = [4]\nscale = \"log2\"\n");
    // Keys of the whole description come before tables.
    let text = format!("window = {WINDOW}\nlayout = \"{layout}\"\n{more}\n{output}");
    SequenceModel::open(&described(folder.path(), &text), 2)
}

fn problem_of(graph: &Linear, more: &str) -> String {
    let problem = of(graph, more).err().unwrap_or_else(|| panic!("{more} was accepted")).to_string();
    assert!(!problem.contains('\n'), "{problem}");
    problem
}

fn as_expected(graph: &Linear, more: &str, tolerance: f64, expected: impl Fn(f64) -> f64) {
    let windows = sequences(40);
    let mut model = of(graph, more).unwrap_or_else(|e| panic!("{more}: {e}"));
    let found = predict(&mut model, &windows);
    for (sequence, found) in windows.iter().zip(found) {
        let expected = expected(graph.expected(sequence, 4, b"ACGT", 0.0));
        assert!((found - expected).abs() < tolerance * (1.0 + expected.abs()), "{more}: {found} {expected}");
    }
}

#[test]
fn axes_of_length_one_and_types_are_those_of_the_graph() {
    let (four, window) = (Some(4), Some(WINDOW as i64));
    for (layout, axes) in [
        ("N4L", vec![four, Some(1), window]),
        ("N4L", vec![four, window, Some(1)]),
        ("N4L", vec![Some(1), four, window]),
        ("NL4", vec![window, Some(1), four]),
        ("N41L", vec![four, None, None]),
        ("NL14", vec![window, Some(1), four]),
    ] {
        for batch in [None, Some(2)] {
            let graph = Linear { axes: Some(axes.clone()), ..Linear::new(layout, batch) };
            as_expected(&graph, "", 1e-5, |x| x);
        }
    }
    for types in [FLOAT16, DOUBLE, INT8, UINT8, BOOL].map(|kind| [kind, FLOAT]) {
        as_expected(&Linear { types, ..Linear::new("N4L", None) }, "", 1e-5, |x| x);
    }
    as_expected(&Linear { types: [FLOAT, DOUBLE], ..Linear::new("N4L", None) }, "", 1e-5, |x| x);
    as_expected(&Linear { types: [INT8, FLOAT16], ..Linear::new("NL4", Some(3)) }, "", 2e-3, |x| x);
}

#[test]
fn other_types_and_shapes_are_refused_by_what_the_graph_has() {
    let with = |types| Linear { types, ..Linear::new("N4L", None) };
    let problem = problem_of(&with([INT8, FLOAT]), "unknown = 0.25");
    assert!(problem.contains("dna int8 (?, 4, 12)") && problem.contains("unknown = 0.25"), "{problem}");
    let problem = problem_of(&with([STRING, FLOAT]), "");
    assert!(problem.contains("own.onnx") && problem.contains("dna string (?, 4, 12)"), "{problem}");
    let problem = problem_of(&with([FLOAT, STRING]), "");
    assert!(problem.contains("flat string (?, 6), bins float32 (?, 3, 2)"), "{problem}");
    assert!(problem.contains("float32, float16 or float64"), "{problem}");
    let axes = Some(vec![Some(2), Some(4), Some(WINDOW as i64 / 2)]);
    let problem = problem_of(&Linear { axes, ..Linear::new("N4L", None) }, "");
    assert!(problem.contains("dna float32 (?, 2, 4, 6), not (N, 4, 12)"), "{problem}");
}

#[test]
fn other_inputs_are_constants() {
    let control = |scaled| Linear { then: Then::Control(scaled), ..Linear::new("N4L", None) };
    let constant = |input: &str, rest: &str| format!("[[constant]]\ninput = \"{input}\"\n{rest}\n");
    let one = constant("control", "value = 0.5");
    as_expected(&control(false), &one, 1e-5, |x| x + 0.5);
    as_expected(&control(false), &format!("input = \"dna\"\n{one}"), 1e-5, |x| x + 0.5);
    as_expected(&control(false), &constant("control", "value = 2\nshape = [\"N\", 1]"), 1e-5, |x| x + 2.0);
    let fixed = Linear { batch: Some(3), ..control(false) };
    as_expected(&fixed, &one, 1e-5, |x| x + 0.5);
    let both = one.clone() + &constant("scale", "value = 3\nshape = [\"N\", 6, 1]");
    as_expected(&control(true), &both, 1e-5, |x| (x + 0.5) * 3.0);
    let twice = one.clone() + &one;
    for (graph, more, words) in [
        (
            control(false),
            "input = \"dna\"".into(),
            &["also reads control float32 (?, 1)", "[[constant]]", "own.toml"][..],
        ),
        (
            control(false),
            String::new(),
            &["2 inputs", "dna float32 (?, 4, 12), control float32 (?, 1)", "[[constant]]"],
        ),
        (control(false), constant("kontrol", "value = 0"), &["no input \"kontrol\"", "control float32"]),
        (control(false), twice, &["two [[constant]]"]),
        (control(false), constant("control", "value = 1e300"), &["control float32 (?, 1)", "value = 1"]),
        (control(false), constant("control", "value = 0\nshape = [1]"), &["control float32 (?, 1)", "another shape"]),
        (control(false), constant("control", "value = 0\nshape = [\"N\", 2]"), &["another shape"]),
        (control(false), constant("control", "value = 0\nshape = [-1, 1]"), &["own.toml", "line 6", "\"N\""]),
        (control(false), constant("control", "shape = [1, 1]"), &["own.toml", "value"]),
        (
            control(true),
            one.clone() + &constant("scale", "value = 3"),
            &["scale float64 (?, 6, ?)", "shape = [\"N\", 6"],
        ),
        (
            control(true),
            one.clone() + &constant("scale", "value = 3\nshape = [\"N\", 6, 9999999999999]"),
            &["scale float64", "too large"],
        ),
    ] {
        let problem = problem_of(&graph, &more);
        assert!(words.iter().all(|word| problem.contains(word)), "{more}: {problem}");
    }
}

#[test]
fn both_strands_are_averaged_at_the_same_place() {
    let folder = tempfile::tempdir().unwrap();
    let graph = Linear::new("N4L", None);
    graph.write(&folder.path().join("own.onnx"));
    let text = |keys: &str| {
        let top = format!("window = {WINDOW}\nlayout = \"N4L\"\nstrands = \"both\"\n");
        format!("{top}[[output]]\ntensor = \"bins\"\nscale = \"log2\"\n{keys}\n")
    };
    let windows = sequences(70);
    // Bin 0 of 3 and track 1 of 2 are output 1. On the other strand, bin 0 is bin 2, and track 1 perhaps track 0.
    for (keys, other) in [
        ("axis = 1\nat = [0, 1]", 5),
        ("axis = 1\nat = [0, 1]\nstrand_pair = [[0, 1]]", 4),
        ("axis = 1\nat = [0, 1]\nstrand_pair = [1, 0]", 4),
    ] {
        let mut model = SequenceModel::open(&described(folder.path(), &text(keys)), 2).unwrap();
        let expected = windows.iter().map(|sequence| {
            let complement = |base: &u8| b"ACGT".iter().position(|b| b == base).map_or(b'N', |i| b"TGCA"[i]);
            let reverse: Vec<u8> = sequence.iter().rev().map(complement).collect();
            (graph.expected(sequence, 1, b"ACGT", 0.0) + graph.expected(&reverse, other, b"ACGT", 0.0)) / 2.0
        });
        close(&predict(&mut model, &windows), &expected.collect::<Vec<_>>());
    }
    let problem = SequenceModel::open(&described(folder.path(), &text("at = [0, 1]")), 2).err().unwrap().to_string();
    let words = ["own.toml", "[[output]] 1", "at 0..1 of axis 1", "axis = 1", "strand_pair"];
    assert!(words.iter().all(|word| problem.contains(word)), "{problem}");
}

#[test]
fn a_graph_whose_windows_influence_each_other_is_refused() {
    for batch in [None, Some(4)] {
        let with = |then| Linear { then, ..Linear::new("N4L", batch) };
        for then in [Then::Centre, Then::SoftmaxOfBatch, Then::FirstForAll] {
            let problem = problem_of(&with(then), "");
            let words = ["own.onnx", "output flat", "depends on the other sequences", "model.eval()"];
            assert!(words.iter().all(|word| problem.contains(word)), "{problem}");
        }
        let problem = problem_of(&with(Then::Noise), "");
        assert!(problem.contains("each time for the same sequence"), "{problem}");
        of(&with(Then::SoftmaxOfOutputs), "").unwrap();
    }
    let problem = problem_of(&Linear { then: Then::Noise, ..Linear::new("N4L", Some(1)) }, "");
    assert!(problem.contains("each time for the same sequence"), "{problem}");
    // Each alone is all right.
    of(&Linear { then: Then::Centre, ..Linear::new("N4L", Some(1)) }, "").unwrap();
}

/// A graph that claims to predict any number of windows, but has one written into it.
#[test]
fn windows_are_predicted_one_by_one_where_the_graph_cannot_do_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let graph = Linear { then: Then::OneWindow, ..Linear::new("N4L", None) };
    graph.write(&folder.path().join("own.onnx"));
    let output = "[[output]]\ntensor = \"bins\"\nat = [2, 0]\nscale = \"log2\"\n";
    let text = format!("window = {WINDOW}\nlayout = \"N4L\"\n{output}");
    let mut model = SequenceModel::open(&described(folder.path(), &text), 2).unwrap();
    let windows = sequences(9);
    let expected: Vec<f64> = windows.iter().map(|s| graph.expected(s, 4, b"ACGT", 0.0)).collect();
    close(&predict(&mut model, &windows), &expected);
}

#[test]
fn named_outputs_are_predicted_in_one_pass() {
    let folder = tempfile::tempdir().unwrap();
    let graph = Linear::new("N4L", None);
    graph.write(&folder.path().join("own.onnx"));
    let top = format!("window = {WINDOW}\nlayout = \"N4L\"\n");
    let output =
        |key: &str, name: &str, rest: &str| format!("[[output]]\n{key} = \"{name}\"\n{rest}\nscale = \"log2\"\n");
    let one = output("name", "k562", "tensor = \"flat\"\nat = [4]");
    let two = output("name", "hepg2", "tensor = \"bins\"\nat = [0, 1]");
    let text = format!("{top}{one}{two}[output.profile]\ntensor = \"bins\"\nat = [\"*\", 0]\n");
    let mut model = SequenceModel::open(&described(folder.path(), &text), 2).unwrap();
    assert_eq!(model.outputs(), [Some("k562"), Some("hepg2")]);
    assert!(!model.has_profile(0) && model.has_profile(1));
    let windows = sequences(50);
    let signals = model.predict(codes(&windows).view()).unwrap();
    let of = |number: usize, output: usize| graph.expected(&windows[number], output, b"ACGT", 0.0);
    for number in 0..50 {
        assert!((signals.log2(number, 0) - of(number, 4)).abs() < 1e-4);
        assert!((signals.log2(number, 1) - of(number, 1)).abs() < 1e-4);
        assert_eq!(signals.distance(number, 3, 0), None);
        // The softmax of three numbers, and the distance by the definition with entropies.
        let softmax = |number: usize| {
            let exps = [0, 2, 4].map(|output| of(number, output).exp());
            exps.map(|x| x / exps.iter().sum::<f64>())
        };
        let entropy = |p: [f64; 3]| -p.map(|x| x * x.log2()).iter().sum::<f64>();
        let (p, q) = (softmax(number), softmax(3));
        let middle = [0, 1, 2].map(|i| (p[i] + q[i]) / 2.0);
        let expected = (entropy(middle) - (entropy(p) + entropy(q)) / 2.0).max(0.0).sqrt();
        let found = signals.distance(number, 3, 1).unwrap();
        assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    }
    model.choose_sample("hepg2").unwrap();
    assert_eq!(model.outputs(), [None]);
    close(&predict(&mut model, &windows), &(0..50).map(|number| of(number, 1)).collect::<Vec<_>>());
    for (text, words) in [
        (format!("{top}{one}{one}"), "[[output]] 2: name \"k562\" comes twice"),
        (format!("{top}{one}{}", two.replace("name", "sample")), "every output a name, or every output a sample"),
        (format!("{top}{}", one.replace("tensor", "sample = \"a\"\ntensor")), "both a sample and a name"),
        (format!("{top}{}", one.replace("k562", "k 562")), "INFO field"),
        (format!("{top}{one}profile = {{ tensor = \"round\" }}"), "no output \"round\""),
        (format!("{top}{one}profile = {{ tensor = \"bins\", at = [1] }}"), "profile: at names 1 axes"),
        (format!("{top}strands = \"both\"\n{two}profile = {{ tensor = \"bins\" }}"), "at 0..1 of axis 1"),
    ] {
        let problem = SequenceModel::open(&described(folder.path(), &text), 1).err().unwrap().to_string();
        assert!(problem.contains(words), "{text}: {problem}");
    }
}
