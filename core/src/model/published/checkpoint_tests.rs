use std::io::Write;
use std::path::PathBuf;

use zip::write::SimpleFileOptions;
use zip::ZipWriter;

use super::*;

fn parity(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data/parity").join(name)
}

/// A zip file with its members changed by `change`.
fn rewritten(source: &Path, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> tempfile::NamedTempFile {
    let mut zip = ZipArchive::new(File::open(source).unwrap()).unwrap();
    let mut members = BTreeMap::new();
    for i in 0..zip.len() {
        let mut member = zip.by_index(i).unwrap();
        let mut content = vec![];
        member.read_to_end(&mut content).unwrap();
        members.insert(member.name().unwrap().to_string(), content);
    }
    change(&mut members);
    zipped(&members, CompressionMethod::Stored)
}

fn zipped(members: &BTreeMap<String, Vec<u8>>, method: CompressionMethod) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut writer = ZipWriter::new(file.reopen().unwrap());
    for (name, content) in members {
        writer.start_file(name.as_str(), SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    file
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).expect("the pattern is there");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn complaint(path: &Path) -> String {
    let message = read_checkpoint(path).expect_err("refused").to_string();
    assert!(!message.contains('\n') && message.contains(&path.display().to_string()), "{message}");
    message
}

fn pickle_changed(from: &[u8], to: &[u8]) -> String {
    let file = rewritten(&parity("mh/model.ckpt"), |members| {
        let pickle = members.get_mut("model/data.pkl").unwrap();
        *pickle = replaced(pickle, from, to);
    });
    complaint(file.path())
}

#[test]
fn published_checkpoints_are_read() {
    for (name, kind) in [
        ("mh/model.ckpt", Kind::Paired),
        ("mh/train_init.ckpt", Kind::Paired),
        ("cr/model.ckpt", Kind::Difference),
        ("sh/model.ckpt", Kind::Single),
    ] {
        let (architecture, weights) = read_checkpoint(&parity(name)).unwrap();
        assert_eq!(
            architecture,
            Architecture {
                kind,
                window: 110,
                conv_layers: 3,
                conv_repeat: 1,
                kernel_number: 24,
                kernel_length: 15,
                filter_number: 16,
                kernel_size: 5,
                pooling_size: 4,
                dilation: 1,
                h_layers: 2,
                hidden: 20,
                dropout: if name.contains("init") { 0.0 } else { 0.2 },
                batch_norm: true,
                ..Architecture::preset("small", kind).unwrap()
            }
        );
        weights.check(&architecture).unwrap();
    }
}

#[test]
fn files_that_are_no_checkpoint_are_refused() {
    let write = |content: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    };
    assert!(complaint(write(b"").path()).contains("not a zip archive"));
    assert!(complaint(write(b"\x80\x02}q\0.").path()).contains("not a zip archive"));
    let whole = std::fs::read(parity("mh/model.ckpt")).unwrap();
    complaint(write(&whole[..whole.len() / 2]).path());
    complaint(write(&whole[..whole.len() - 1]).path());
    let no_checkpoint = BTreeMap::from([("a.txt".to_string(), vec![0])]);
    assert!(complaint(zipped(&no_checkpoint, CompressionMethod::Stored).path()).contains("no data.pkl"));
    assert!(read_checkpoint(Path::new("/no/such.ckpt")).unwrap_err().to_string().contains("No such file"));
    assert!(read_checkpoint(Path::new("/")).unwrap_err().to_string().contains("not a regular file"));
}

#[test]
fn every_flipped_byte_is_harmless() {
    // Each byte of pickle and archive structure in turn is one file too many; every 97th shows the same.
    let whole = std::fs::read(parity("sh/model.ckpt")).unwrap();
    for at in (0..whole.len()).step_by(97) {
        let mut bad = whole.clone();
        bad[at] ^= 0xff;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bad).unwrap();
        let _ = read_checkpoint(file.path());
    }
}

#[test]
fn a_pickle_that_asks_to_execute_is_refused() {
    // The very first call of a real checkpoint, redirected.
    let message = pickle_changed(b"ccollections\nOrderedDict\n", b"cos\nsystem\n");
    assert!(message.contains("os.system") && message.contains("nothing was executed"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("executed");
    let mut pickle = b"\x80\x02cposix\nsystem\nX".to_vec();
    let command = format!("touch {}", flag.display());
    pickle.extend((command.len() as u32).to_le_bytes());
    pickle.extend(command.bytes());
    pickle.extend(b"\x85R.");
    let file = rewritten(&parity("mh/model.ckpt"), |m| *m.get_mut("model/data.pkl").unwrap() = pickle);
    assert!(complaint(file.path()).contains("posix.system"));
    assert!(!flag.exists());
}

#[test]
fn bombs_and_lies_about_sizes_are_refused() {
    // A compressed member could unfold without end.
    let members = BTreeMap::from([("m/data.pkl".to_string(), vec![b'N'; 50 << 20])]);
    assert!(complaint(zipped(&members, CompressionMethod::Deflated).path()).contains("compressed"));
    assert!(complaint(zipped(&members, CompressionMethod::Stored).path()).contains("too large"));
    // The first tensor: 1440 elements in its storage, shape (24, 4, 15), strides (60, 15, 1).
    let sizes = b"M\xa0\x05t";
    assert!(pickle_changed(sizes, b"J\xff\xff\xff\x7ft").contains("reaches outside"));
    assert!(pickle_changed(sizes, b"M\x9f\x05t").contains("outside its storage"));
    assert!(pickle_changed(sizes, b"M\xa1\x05t").contains("5760 bytes, expected 5764"));
    assert!(pickle_changed(b"K<K\x0fK\x01\x87", b"K=K\x0fK\x01\x87").contains("outside its storage"));
    // The same architecture blown up by its settings.
    assert!(pickle_changed(b"conv_layersr\x0c\x02\0\0K\x03", b"conv_layersr\x0c\x02\0\0K\xff").contains("conv_layers"));
    assert!(
        pickle_changed(b"input_lengthr\x14\x02\0\0K\xdc", b"input_lengthr\x14\x02\0\0J\0\0\0\x40").contains("window")
    );
}

#[test]
fn networks_of_another_design_are_refused() {
    assert!(pickle_changed(b"\x03\0\0\0avg", b"\x03\0\0\0max").contains("max pooling"));
    assert!(
        pickle_changed(b"pooling_sizer\x09\x02\0\0K\x04", b"pooling_sizer\x09\x02\0\0K\x03").contains("fc0.0.weight")
    );
    assert!(pickle_changed(b"input_length", b"input_lengte").contains("lacks the hyper-parameter input_length"));
    assert!(pickle_changed(b"hyper_parameters", b"hyper_parameterz").contains("no hyper_parameters"));
    assert!(pickle_changed(b"state_dict", b"state_dikt").contains("no state_dict"));
    assert!(pickle_changed(b"conv0.0.weight", b"conv9.0.weight").contains("lacks the tensor conv0.0.weight"));
    assert!(pickle_changed(b"conv0.2.running_mean", b"conv0.2.walking_mean").contains("running_mean is missing"));
}

#[test]
fn half_precision_is_exact() {
    for (bits, value) in [
        (0x0000, 0.0),
        (0x3c00, 1.0),
        (0xc000, -2.0),
        (0x3555, 0.333_251_95),
        (0x7bff, 65504.0),
        (0x0001, 5.960_464_5e-8),
        (0x0400, 6.103_515_6e-5),
    ] {
        assert_eq!(f16::from_bits(bits).to_f32(), value);
    }
    assert_eq!(f16::from_bits(0xfc00).to_f32(), f32::NEG_INFINITY);
    assert!(f16::from_bits(0x7e00).to_f32().is_nan());
}
