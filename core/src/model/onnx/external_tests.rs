use ndarray::Array2;
use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::encode::encode_windows;
use crate::model::onnx::proto::*;

const WINDOW: usize = 12;
/// Numbers that the network of the tests gives for a window.
const WIDTH: usize = 6;

/// A graph that multiplies the flattened input with a matrix: output `flat` (N, 6), and the same as `bins` (N, 3, 2).
struct Linear {
    layout: InputLayout,
    batch: Option<i64>,
    /// By place in the flattened input, then by output.
    weights: Vec<f32>,
}

impl Linear {
    fn new(layout: InputLayout, batch: Option<i64>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        Linear { layout, batch, weights: (0..4 * WINDOW * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect() }
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
                let row = match self.layout {
                    InputLayout::ChannelsFirst => channel * WINDOW + place,
                    InputLayout::ChannelsLast => 4 * place + channel,
                };
                sum += value * f64::from(self.weights[row * WIDTH + output]);
            }
        }
        sum
    }

    fn write(&self, path: &Path) {
        let node = |op: &str, input: &[&str], output: &str| NodeProto {
            input: input.iter().map(|name| name.to_string()).collect(),
            output: vec![output.into()],
            name: output.into(),
            op_type: op.into(),
            attribute: Vec::new(),
        };
        let value = |name: &str, shape: &[Option<i64>]| {
            let dim = shape.iter().map(|&value| Dimension { value, param: value.is_none().then(|| "N".into()) });
            let tensor = TensorType { elem_type: FLOAT, shape: Some(TensorShape { dim: dim.collect() }) };
            ValueInfo { name: name.into(), kind: Some(TypeProto { tensor: Some(tensor) }) }
        };
        let (four, window) = (Some(4), Some(WINDOW as i64));
        let input = match self.layout {
            InputLayout::ChannelsFirst => [self.batch, four, window],
            InputLayout::ChannelsLast => [self.batch, window, four],
        };
        let weights = TensorProto {
            dims: vec![4 * WINDOW as i64, WIDTH as i64],
            data_type: FLOAT,
            name: "weights".into(),
            raw_data: self.weights.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let shape = TensorProto {
            dims: vec![3],
            data_type: INT64,
            name: "shape".into(),
            raw_data: [-1i64, 3, 2].iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let graph = GraphProto {
            node: vec![
                node("Flatten", &["dna"], "row"),
                node("MatMul", &["row", "weights"], "flat"),
                node("Reshape", &["flat", "shape"], "bins"),
            ],
            name: "linear".into(),
            initializer: vec![weights, shape],
            input: vec![value("dna", &input)],
            output: vec![value("flat", &[None, Some(6)]), value("bins", &[None, Some(3), Some(2)])],
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
        (InputLayout::ChannelsFirst, None, "ACGT", 0.0),
        (InputLayout::ChannelsLast, None, "TGCA", 0.25),
        (InputLayout::ChannelsFirst, Some(1), "AGCT", 0.0),
        (InputLayout::ChannelsLast, Some(3), "ACGT", 0.25),
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
            let first = model.predict(codes(&windows).view()).unwrap().to_vec();
            model.choose_sample("two").unwrap();
            let second = model.predict(codes(&windows).view()).unwrap().to_vec();
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
    let mut graph = Linear::new(InputLayout::ChannelsFirst, None);
    graph.weights.iter_mut().for_each(|w| *w = w.abs());
    graph.write(&folder.path().join("own.onnx"));
    let output = "[[output]]\ntensor = \"flat\"\nat = [2]\nscale = \"linear\"\npseudocount = 0.5\n";
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
    close(&model.predict(codes(&windows).view()).unwrap().to_vec(), &expected.collect::<Vec<_>>());
}

#[test]
fn a_description_that_does_not_fit_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    Linear::new(InputLayout::ChannelsFirst, None).write(&folder.path().join("own.onnx"));
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
        ("flat", "round", &["own.onnx", "\"round\"", "flat, bins"]),
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
    let manual = include_str!("../../../../docs/annotation.md");
    let example = manual.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).expect("an example").0;
    let description: Description = toml::from_str(example).unwrap();
    assert_eq!((description.window, description.strands), (2114, StrandsShown::Forward));
    let output = Output::new(&description.output[0], &[1, 3, 6]).unwrap();
    // The mean of place 5 of three rows, plus 1.
    let mut values = [0.0; 18];
    (values[5], values[11], values[17]) = (3.0, 6.0, 12.0);
    assert_eq!(output.log2(output.value(&values)), 3.0);
}
