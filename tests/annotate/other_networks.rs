//! Networks of other makers in `deepallele annotate`: an ONNX file and its description in TOML. The network is linear, so
//! that every effect can be written down: what ALT has at its place less what REF has there.

use std::fs;
use std::path::{Path, PathBuf};

use deepallele_tests::*;

const WINDOW: usize = 64;
/// Outputs of the network.
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

/// Weight of a base at a place of the window for an output: multiples of 1/64, exact in every engine.
fn weight(place: usize, base: usize, output: usize) -> f32 {
    ((place * 37 + base * 101 + output * 53) % 127) as f32 / 64.0 - 1.0
}

/// The graph (N, 64, 4) -> Flatten -> MatMul -> (N, 2).
fn network(path: &Path) {
    let node = |op: &str, inputs: &[&str], output: &str| {
        let node = inputs.iter().fold(Message::default(), |node, input| node.bytes(1, input.as_bytes()));
        node.bytes(2, output.as_bytes()).bytes(4, op.as_bytes()).0
    };
    let value = |name: &str, shape: &[usize]| {
        let dimension = |&n: &usize| match n {
            0 => Message::default().bytes(2, b"N").0,
            n => Message::default().int(1, n as u64).0,
        };
        let shape = shape.iter().fold(Message::default(), |shape, n| shape.bytes(1, &dimension(n)));
        let tensor = Message::default().int(1, 1).bytes(2, &shape.0);
        let kind = Message::default().bytes(1, &tensor.0);
        Message::default().bytes(1, name.as_bytes()).bytes(2, &kind.0).0
    };
    let mut weights = Vec::new();
    for place in 0..WINDOW {
        for base in 0..4 {
            (0..WIDTH).for_each(|output| weights.extend(weight(place, base, output).to_le_bytes()));
        }
    }
    let tensor = Message::default().int(1, 4 * WINDOW as u64).int(1, WIDTH as u64).int(2, 1);
    let tensor = tensor.bytes(8, b"w").bytes(9, &weights);
    let graph = Message::default()
        .bytes(1, &node("Flatten", &["x"], "row"))
        .bytes(1, &node("MatMul", &["row", "w"], "y"))
        .bytes(2, b"linear")
        .bytes(5, &tensor.0)
        .bytes(11, &value("x", &[0, WINDOW, 4]))
        .bytes(12, &value("y", &[0, WIDTH]));
    let opset = Message::default().bytes(1, b"").int(2, 17);
    fs::write(path, Message::default().int(1, 8).bytes(7, &graph.0).bytes(8, &opset.0).0).unwrap();
}

fn described(folder: &Path, scale: &str) -> PathBuf {
    network(&folder.join("linear.onnx"));
    let text = format!(
        "window = {WINDOW}\nlayout = \"NL4\"\nmodel = \"linear.onnx\"\n\
         [[output]]\nsample = \"liver\"\nat = [0]\nscale = \"{scale}\"\n\
         [[output]]\nsample = \"brain\"\nat = [1]\nscale = \"{scale}\"\n"
    );
    put(folder, "linear.toml", text)
}

/// What the network says of a window.
fn value(window: &str, output: usize) -> f64 {
    let base = |letter| "ACGT".find(letter);
    window.chars().enumerate().filter_map(|(p, b)| Some(f64::from(weight(p, base(b)?, output)))).sum()
}

fn close(got: &str, expected: f64, what: &str) {
    let got: f64 = got.parse().unwrap_or_else(|_| panic!("{what}: {got}"));
    assert!((got - expected).abs() < 1e-4, "{what}: {got} and not {expected}");
}

#[test]
fn effects_are_differences_of_the_described_output() {
    let folder = scratch();
    let model = described(folder.path(), "ln");
    for (sample, output) in [("liver", 0), ("brain", 1)] {
        let out = good(annotate(&model, &phased()).args(["--model-sample", sample]));
        let header = text(&out);
        assert!(header.contains("##INFO=<ID=DA_LFC,Number=A") && !header.contains("ID=DA_CLFC"), "{header}");
        let rows = query_bytes(&out, "%POS\t%REF\t%ALT\t%DA_LFC\n");
        assert_eq!(rows.len(), 623);
        for row in rows.iter().step_by(20) {
            let start = row[0].parse::<u64>().unwrap() - 1;
            let before = bases(start - WINDOW as u64 / 2, start);
            let behind = bases(start + row[1].len() as u64, start + 2 * WINDOW as u64);
            let window = |allele: &str| format!("{before}{allele}{behind}")[..WINDOW].to_owned();
            let expected = value(&window(&row[2]), output) - value(&window(&row[1]), output);
            close(&row[3], expected / std::f64::consts::LN_2, &format!("{row:?}"));
        }
    }
}

/// In two haplotypes, in regions, beside a network of this suite, with any number of threads.
#[test]
fn it_goes_where_other_models_go() {
    let folder = scratch();
    let model = described(folder.path(), "log2");
    let with = |more: &[&str]| good(annotate(&model, &phased()).args(more).arg("-L").arg(regions()));
    let alone =
        query_bytes(&with(&["-s", "NA12878"]), "%POS\t%DA_LFC\t%DA_LFC_BG1\t%DA_LFC_BG2\t%DA_EPI\t%DA_REGION\n");
    let mut annotated = 0;
    for row in alone.iter().filter(|row| row[1] != "." && row[5] != ".") {
        // A sum over places has the same effect in both backgrounds, and sums of effects leave nothing.
        close(&row[2], row[1].parse().unwrap(), "background 1");
        close(&row[3], row[1].parse().unwrap(), "background 2");
        annotated += 1;
    }
    assert!(annotated > 10, "{annotated}");
    assert!(with(&["--no-version", "-@", "1"]) == with(&["--no-version", "-@", "3"]));

    let ours = imported(folder.path(), "mh");
    let mut both = annotate(&ours, &phased());
    both.args(["--tag", "ours", "--tag", "theirs"]).arg("-m").arg(&model).arg("-L").arg(regions());
    let both = good(&mut both);
    let fields = "%POS\t%DA_LFC\t%DA_REGION\n";
    assert_eq!(query_bytes(&both, "%POS\t%DA_LFC_theirs\t%DA_REGION_theirs\n"), query_bytes(&with(&[]), fields));
    let one = good(annotate(&ours, &phased()).arg("-L").arg(regions()));
    assert_eq!(query_bytes(&both, "%POS\t%DA_LFC_ours\t%DA_REGION_ours\n"), query_bytes(&one, fields));
}

#[test]
fn what_has_no_logarithm_has_no_effect() {
    let folder = scratch();
    let model = described(folder.path(), "linear");
    let output = run(&mut annotate(&model, &phased()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let missing = query_bytes(&output.stdout, "%DA_LFC\n").iter().filter(|row| row[0] == ".").count();
    assert!(missing > 50, "{missing}");
    let said = text(&output.stderr);
    assert!(said.contains(&format!("left without an effect: {missing} predictions that are no number")), "{said}");
}

#[test]
fn a_wrong_description_is_named() {
    let folder = scratch();
    let model = described(folder.path(), "ln");
    let description = fs::read_to_string(&model).unwrap();
    for (from, to, words) in [
        ("window = 64", "window = 65", &["linear.onnx", "(N, 65, 4)"][..]),
        ("at = [1]", "at = [2]", &["linear.toml", "[[output]] 2"]),
        ("linear.onnx", "other.onnx", &["other.onnx", "No such file"]),
        ("scale", "scales", &["linear.toml", "line 7", "scales"]),
    ] {
        let wrong = put(folder.path(), "linear.toml", description.replace(from, to));
        refused(&mut annotate(&wrong, &phased()), words);
    }
    put(folder.path(), "linear.toml", &description);
    refused(annotate(&model, &phased()).args(["--model-sample", "heart"]), &["linear.toml", "heart", "liver, brain"]);
    // Two kinds of windows are no ensemble.
    let ours = imported(folder.path(), "mh");
    let mut mixed = annotate(&ours, &phased());
    refused(mixed.arg("-m").arg(&model).arg("--ensemble"), &["linear.toml", "64 bases", "110"]);
    // A model of this suite reads two sequences.
    let text = "window = 110\nlayout = \"N4L\"\nmodel = \"mh.onnx\"\n[[output]]\nscale = \"ln\"\n";
    let wrong = put(folder.path(), "mh.toml", text);
    refused(&mut annotate(&wrong, &phased()), &["mh.onnx", "2 inputs"]);
}
