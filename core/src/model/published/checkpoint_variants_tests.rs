//! Checkpoints of every published variant, made here: a pickle of our own writing in a zip of our own.

use std::collections::BTreeMap;
use std::io::Write;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// A value of a pickle.
#[derive(Clone)]
enum Value {
    None,
    Bool(bool),
    Int(i32),
    Float(f64),
    Text(&'static str),
    List(Vec<Value>),
    Tuple(Vec<Value>),
}

/// A checkpoint to write: settings and tensors, the numbers of each counting up from its own start.
#[derive(Clone)]
struct Checkpoint {
    settings: BTreeMap<&'static str, Value>,
    tensors: BTreeMap<String, Vec<usize>>,
}

/// Number `i` of the tensor `name`.
fn number(name: &str, i: usize) -> f32 {
    let start: usize = name.bytes().map(usize::from).sum();
    match name.ends_with("running_var") {
        true => 0.5 + ((start + i) % 7) as f32,
        false => ((start + 3 * i) % 23) as f32 / 8.0 - 1.0,
    }
}

impl Checkpoint {
    fn of(architecture: &Architecture) -> Self {
        let whole = |n: usize| Value::Int(n as i32);
        let settings = BTreeMap::from([
            ("conv_layers", whole(architecture.conv_layers)),
            ("conv_repeat", whole(architecture.conv_repeat)),
            ("kernel_number", whole(architecture.kernel_number)),
            ("pooling_size", whole(architecture.pooling_size)),
            ("pooling_type", Value::Text("avg")),
            ("dilation", whole(architecture.dilation)),
            ("h_layers", whole(architecture.h_layers)),
            ("input_length", whole(2 * architecture.window)),
            ("dropout", Value::Float(architecture.dropout)),
            ("mask", Value::None),
            ("activation", Value::Bool(false)),
        ]);
        Checkpoint { settings, tensors: architecture.tensor_shapes().into_iter().collect() }
    }

    fn with(mut self, setting: &'static str, value: Value) -> Self {
        self.settings.insert(setting, value);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut members = Vec::new();
        let mut pickle = b"\x80\x02}(".to_vec();
        text(&mut pickle, "state_dict");
        pickle.extend(b"}(");
        for (key, (name, shape)) in self.tensors.iter().enumerate() {
            let n: usize = shape.iter().product();
            text(&mut pickle, name);
            pickle.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
            text(&mut pickle, "storage");
            pickle.extend(b"ctorch\nFloatStorage\n");
            text(&mut pickle, &key.to_string());
            text(&mut pickle, "cpu");
            integer(&mut pickle, n as i32);
            pickle.extend(b"tQK\x00");
            let mut stride = vec![Value::Int(1); shape.len()];
            for axis in (1..shape.len()).rev() {
                let Value::Int(inner) = stride[axis] else { unreachable!() };
                stride[axis - 1] = Value::Int(inner * shape[axis] as i32);
            }
            value(&mut pickle, &Value::Tuple(shape.iter().map(|&n| Value::Int(n as i32)).collect()));
            value(&mut pickle, &Value::Tuple(stride));
            pickle.extend(b"\x89ccollections\nOrderedDict\n)RtR");
            let numbers: Vec<u8> = (0..n).flat_map(|i| number(name, i).to_le_bytes()).collect();
            members.push((format!("archive/data/{key}"), numbers));
        }
        pickle.push(b'u');
        text(&mut pickle, "hyper_parameters");
        pickle.extend(b"}(");
        for (name, setting) in &self.settings {
            text(&mut pickle, name);
            value(&mut pickle, setting);
        }
        pickle.extend(b"uu.");
        members.insert(0, ("archive/data.pkl".into(), pickle));
        zipped(&members, CompressionMethod::Stored)
    }
}

fn text(pickle: &mut Vec<u8>, text: &str) {
    pickle.push(b'X');
    pickle.extend((text.len() as u32).to_le_bytes());
    pickle.extend(text.bytes());
}

fn integer(pickle: &mut Vec<u8>, value: i32) {
    pickle.push(b'J');
    pickle.extend(value.to_le_bytes());
}

fn value(pickle: &mut Vec<u8>, one: &Value) {
    match one {
        Value::None => pickle.push(b'N'),
        Value::Bool(true) => pickle.push(0x88),
        Value::Bool(false) => pickle.push(0x89),
        Value::Int(n) => integer(pickle, *n),
        Value::Float(x) => {
            pickle.push(b'G');
            pickle.extend(x.to_be_bytes());
        }
        Value::Text(words) => text(pickle, words),
        Value::List(items) => {
            pickle.extend(b"](");
            items.iter().for_each(|item| value(pickle, item));
            pickle.push(b'e');
        }
        Value::Tuple(items) => {
            pickle.push(b'(');
            items.iter().for_each(|item| value(pickle, item));
            pickle.push(b't');
        }
    }
}

fn zipped(members: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(name.as_str(), SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn read(bytes: &[u8], member: Option<&str>) -> Result<Imported> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    read_member(file.path(), member)
}

fn complaint(bytes: &[u8], member: Option<&str>) -> String {
    let message = read(bytes, member).expect_err("refused").to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn small(kind: Kind) -> Architecture {
    Architecture {
        kind,
        window: 20,
        conv_layers: 2,
        conv_repeat: 1,
        kernel_number: 5,
        kernel_length: 4,
        filter_number: 3,
        kernel_size: 3,
        pooling_size: 2,
        dilation: 1,
        h_layers: 2,
        hidden: 6,
        ..Architecture::preset("atac", kind).unwrap()
    }
}

/// What the published folders name: K, kl, F, ks, p, lr, hidden layers, H, batch norm.
#[test]
fn every_variant_is_read_with_all_its_numbers() {
    for kind in Kind::ALL {
        for architecture in [
            small(kind),
            Architecture { h_layers: 1, ..small(kind) },
            Architecture { h_layers: 0, ..small(kind) },
            Architecture { batch_norm: false, ..small(kind) },
            Architecture { conv_repeat: 2, dilation: 2, kernel_size: 4, ..small(kind) },
            Architecture { kernel_number: 8, hidden: 8, conv_layers: 3, pooling_size: 4, ..small(kind) },
            Architecture { conv_layers: 0, dropout: 0.5, ..small(kind) },
        ] {
            let found = read(&Checkpoint::of(&architecture).bytes(), None).unwrap();
            assert_eq!(found.architecture, architecture);
            assert_eq!((found.member, found.masked), (None, 0));
            assert_eq!(found.weights.0.len(), architecture.tensor_shapes().len());
            for (name, tensor) in &found.weights.0 {
                assert!(tensor.data.iter().enumerate().all(|(i, x)| *x == number(name, i)), "{name}");
            }
        }
    }
}

/// The sizes of the checkpoints that were published, of which K and H are 256 and hidden layers 1 or 2.
#[test]
fn published_sizes_are_read() {
    for preset in ["atac", "chip"] {
        for h_layers in [1, 2] {
            let whole = Architecture::preset(preset, Kind::Paired).unwrap();
            let published = Architecture { kernel_number: 256, hidden: 256, h_layers, ..whole };
            assert_eq!(read(&Checkpoint::of(&published).bytes(), None).unwrap().architecture, published);
        }
    }
}

#[test]
fn settings_that_older_checkpoints_lack_have_the_defaults_of_their_classes() {
    let architecture = Architecture { conv_layers: 4, ..small(Kind::Paired) };
    let mut checkpoint = Checkpoint::of(&architecture);
    for name in
        ["conv_layers", "conv_repeat", "pooling_size", "pooling_type", "dilation", "dropout", "mask", "activation"]
    {
        checkpoint.settings.remove(name);
    }
    assert_eq!(read(&checkpoint.bytes(), None).unwrap().architecture, architecture);
}

#[test]
fn a_mask_is_built_into_the_weights() {
    let list = |kernels: &[i32]| Value::List(kernels.iter().map(|&k| Value::Int(k)).collect());
    for (architecture, layer) in
        [(small(Kind::Paired), "conv0.2"), (Architecture { batch_norm: false, ..small(Kind::Difference) }, "conv0.0")]
    {
        let checkpoint = Checkpoint::of(&architecture);
        let plain = read(&checkpoint.bytes(), None).unwrap().weights;
        for mask in [list(&[3, 1, 3]), Value::Tuple(vec![Value::Int(1), Value::Int(3)])] {
            let found = read(&checkpoint.clone().with("mask", mask).bytes(), None).unwrap();
            assert_eq!(found.masked, 2);
            for (name, tensor) in &found.weights.0 {
                let touched = [format!("{layer}.weight"), format!("{layer}.bias")].contains(name);
                let each = tensor.data.len() / tensor.shape[0];
                for (i, x) in tensor.data.iter().enumerate() {
                    let off = touched && [1, 3].contains(&(i / each));
                    assert_eq!(*x, if off { 0.0 } else { plain.0[name].data[i] }, "{name} {i}");
                }
            }
        }
        assert_eq!(read(&checkpoint.clone().with("mask", list(&[])).bytes(), None).unwrap().weights, plain);
        for wrong in [list(&[5]), list(&[-1]), Value::List(vec![Value::Float(1.0)]), Value::Int(1), Value::Text("1")] {
            assert!(complaint(&checkpoint.clone().with("mask", wrong).bytes(), None).contains("mask"));
        }
    }
}

/// The setting says what a call gives back; the network is the same.
#[test]
fn the_setting_activation_changes_no_weight() {
    let checkpoint = Checkpoint::of(&small(Kind::Paired));
    let with = read(&checkpoint.clone().with("activation", Value::Bool(true)).bytes(), None).unwrap();
    assert_eq!(with.weights, read(&checkpoint.bytes(), None).unwrap().weights);
}

#[test]
fn other_pools_are_refused_by_name() {
    for pool in ["max", "attention", "softmax"] {
        let mut checkpoint = Checkpoint::of(&small(Kind::Paired)).with("pooling_type", Value::Text(pool));
        // Attention pools have an additional tensor.
        checkpoint.tensors.insert("convlayers.2.to_attn_logits.weight".into(), vec![3, 3, 1, 1]);
        let message = complaint(&checkpoint.bytes(), None);
        assert!(message.contains(&format!("{pool} pooling (pooling_type)")), "{message}");
    }
    let mut checkpoint = Checkpoint::of(&small(Kind::Paired));
    checkpoint.tensors.insert("transformer.0.weight".into(), vec![3]);
    assert!(complaint(&checkpoint.bytes(), None).contains("transformer.0.weight does not belong to it"));
}

#[test]
fn one_checkpoint_of_an_archive_is_chosen_by_name() {
    let (first, second) = (small(Kind::Paired), Architecture { h_layers: 1, ..small(Kind::Single) });
    let folder = |seed: u32| format!("4_1_256_15_256_5_4_0.0001_2_256_True/B6/random_seed_{seed}/checkpoint");
    let members = [
        ("read me.txt".to_string(), b"PK".to_vec()),
        (format!("{}/epoch=3-val_loss=0.50.ckpt", folder(1)), Checkpoint::of(&first).bytes()),
        (format!("{}/epoch=7-val_loss=0.40.ckpt", folder(2)), Checkpoint::of(&second).bytes()),
        (format!("{}/epoch=3-val_loss=0.50.ckpt", folder(3)), Checkpoint::of(&second).bytes()),
        ("broken.ckpt".to_string(), b"PK no more".to_vec()),
    ];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let archive = zipped(&members, method);
        let found = read(&archive, Some(&members[1].0)).unwrap();
        assert_eq!((found.architecture, found.member.as_ref()), (first.clone(), Some(&members[1].0)));
        let found = read(&archive, Some("epoch=7-val_loss=0.40.ckpt")).unwrap();
        assert_eq!((found.architecture, found.member.as_ref()), (second.clone(), Some(&members[2].0)));
        let end = "random_seed_3/checkpoint/epoch=3-val_loss=0.50.ckpt";
        assert_eq!(read(&archive, Some(end)).unwrap().architecture, second);

        let message = complaint(&archive, None);
        assert!(message.contains("archive of 4 checkpoints") && message.contains("--member"), "{message}");
        assert!(message.contains(&members[2].0), "{message}");
        assert!(complaint(&archive, Some("epoch=3-val_loss=0.50.ckpt")).contains("more than one"));
        // Half a name is none.
        assert!(complaint(&archive, Some("val_loss=0.40.ckpt")).contains("has no checkpoint"));
        assert!(complaint(&archive, Some("read me.txt")).contains("has no checkpoint"));
        assert!(complaint(&archive, Some("broken.ckpt")).contains("its member \"broken.ckpt\" is not a checkpoint"));
        // One that holds a single checkpoint needs no name.
        assert_eq!(read(&zipped(&members[..2], method), None).unwrap().member.as_ref(), Some(&members[1].0));
    }
    let single = Checkpoint::of(&first).bytes();
    assert!(complaint(&single, Some("epoch=3.ckpt")).contains("leave --member out"));
    // Of many names only the first are listed.
    let many: Vec<_> = (0..30).map(|i| (format!("{i}.ckpt"), vec![])).collect();
    assert!(complaint(&zipped(&many, CompressionMethod::Stored), None).contains("and 22 more"));
}

#[test]
fn damaged_and_boastful_archives_are_refused() {
    let members = [("a.ckpt".to_string(), Checkpoint::of(&small(Kind::Paired)).bytes()), ("b.ckpt".into(), vec![])];
    let archive = zipped(&members, CompressionMethod::Deflated);
    for at in (0..archive.len()).step_by(11) {
        let mut bad = archive.clone();
        bad[at] ^= 0x55;
        let _ = read(&bad, Some("a.ckpt"));
    }
    // The size of a.ckpt in the list at the end of the archive: it says that it unfolds to almost 4 GB.
    let at = archive.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let mut boast = archive.clone();
    boast[at + 24..at + 28].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    assert!(complaint(&boast, Some("a.ckpt")).contains("too large to be right"));
    boast[at + 24..at + 28].copy_from_slice(&100u32.to_le_bytes());
    assert!(complaint(&boast, Some("a.ckpt")).contains("is damaged"));
}
