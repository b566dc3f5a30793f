//! Published checkpoints: their predictions through the exported model, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use deepallele_tests::*;

fn parity(network: &str) {
    let folder = scratch();
    let model = imported(folder.path(), network);
    let table = predict_raw(&model, &data(&format!("parity/{network}/pairs.tsv")));
    let golden = Table::read(&data(&format!("parity/{network}/predictions.tsv")));
    assert_eq!(table.rows.len(), golden.rows.len());
    assert!(golden.rows.len() >= 8);
    assert_eq!(&table.columns[..4], ["id", "count_a", "count_b", "ratio"]);
    for row in 0..golden.rows.len() {
        assert_eq!(table.text(row, "id"), golden.text(row, "id"));
        for column in &golden.columns[1..] {
            let (ours, theirs) = (table.number(row, column), golden.number(row, column));
            assert!((ours - theirs).abs() <= 1e-4, "{network}, row {row}, {column}: {ours} against {theirs}");
        }
    }
}

#[test]
fn the_multi_head_network_predicts_as_published() {
    parity("mh");
}

#[test]
fn the_computed_ratio_network_predicts_as_published() {
    parity("cr");
}

#[test]
fn the_single_head_network_predicts_as_published() {
    parity("sh");
}

#[test]
fn safetensors_come_on_request() {
    let folder = scratch();
    let (model, weights) = (folder.path().join("m.onnx"), folder.path().join("m.safetensors"));
    let mut command = deepallele("import");
    command.arg(data("parity/mh/model.ckpt")).arg("-o").arg(model).arg("--safetensors").arg(&weights);
    good(&mut command);
    let bytes = fs::read(weights).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = text(&bytes[8..8 + length]);
    assert!(header.contains("\"conv0.0.weight\"") && header.contains("\"ratio_out.0.weight\""), "{header}");
    assert_eq!(listing(folder.path()), ["m.onnx", "m.safetensors"]);
}

/// The multi-head checkpoint changed by a script, which has `members`, a dictionary of the archive's content.
fn changed(folder: &Path, name: &str, change: &str) -> PathBuf {
    let path = folder.join(name);
    let script = r#"
import struct, sys, zipfile
source, target, change = sys.argv[1:]
with zipfile.ZipFile(source) as archive:
    members = {name: archive.read(name) for name in archive.namelist()}
exec(change)
with zipfile.ZipFile(target, "w") as archive:
    for name, content in members.items():
        archive.writestr(name, content)
"#;
    good(tool("python3", ["-c", script]).arg(data("parity/mh/model.ckpt")).arg(&path).arg(change));
    path
}

/// A mask switches kernels off behind the first convolution. So does the next convolution when its weights for them
/// are 0, which is another way to the same predictions.
#[test]
fn masked_kernels_are_silent() {
    let folder = scratch();
    let masked = changed(
        folder.path(),
        "masked.ckpt",
        r#"
pickle = members["model/data.pkl"]
at = pickle.index(b"mask") + 4 + 5
assert pickle[at:at + 1] == b"N"
members["model/data.pkl"] = pickle[:at] + b"](K\x02K\x0bK\x17e" + pickle[at + 1:]
"#,
    );
    // convlayers.0.0.weight: 16 filters of 24 kernels of 5 positions, by its size the only such tensor.
    let deaf = changed(
        folder.path(),
        "deaf.ckpt",
        r#"
[name] = [n for n, content in members.items() if "/data/" in n and len(content) == 16 * 24 * 5 * 4]
weights = list(struct.unpack("<1920f", members[name]))
for i in range(1920):
    if i // 5 % 24 in (2, 11, 23):
        weights[i] = 0.0
members[name] = struct.pack("<1920f", *weights)
"#,
    );
    let predictions = |checkpoint: &Path| {
        let model = folder.path().join("m.onnx");
        let mut command = deepallele("import");
        let output = run(command.arg(checkpoint).arg("-o").arg(&model));
        assert!(output.status.success(), "{}", text(&output.stderr));
        (predict_raw(&model, &data("parity/mh/pairs.tsv")), text(&output.stderr))
    };
    let (masked, said) = predictions(&masked);
    assert!(said.contains("3 of 24 kernels are masked"), "{said}");
    let (deaf, _) = predictions(&deaf);
    let (plain, said) = predictions(&data("parity/mh/model.ckpt"));
    assert!(!said.contains("masked"), "{said}");
    let mut furthest = 0f64;
    for row in 0..masked.rows.len() {
        for column in ["count_a", "count_b", "ratio"] {
            close(masked.number(row, column), deaf.number(row, column), column);
            furthest = furthest.max((masked.number(row, column) - plain.number(row, column)).abs());
        }
    }
    assert!(furthest > 0.01, "the mask changes nothing: {furthest}");
}

/// Published links give folders of checkpoints, as one archive.
#[test]
fn one_of_many_checkpoints_is_taken_by_name() {
    let folder = scratch();
    let archive = folder.path().join("model.ckpt");
    let script = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for kind, path in zip(("mh", "cr", "sh"), sys.argv[2:]):
        archive.write(path, f"4_1_256/{kind}/random_seed_0/checkpoint/best.ckpt")
"#;
    let sources = ["mh", "cr", "sh"].map(|kind| data(&format!("parity/{kind}/model.ckpt")));
    good(tool("python3", ["-c", script]).arg(&archive).args(&sources));
    let import = |member: &[&str]| {
        let mut command = deepallele("import");
        command.arg(&archive).arg("-o").arg(folder.path().join("m.onnx")).args(member);
        command
    };
    refused_in(folder.path(), &mut import(&[]), &["archive of 3 checkpoints", "--member", "4_1_256/sh/random_seed_0"]);
    refused_in(folder.path(), &mut import(&["--member", "best.ckpt"]), &["more than one"]);
    for (kind, source) in ["mh", "cr", "sh"].into_iter().zip(&sources) {
        let output =
            run(&mut import(&["--no-version", "--member", &format!("{kind}/random_seed_0/checkpoint/best.ckpt")]));
        let said = text(&output.stderr);
        assert!(output.status.success() && said.contains(&format!(": 4_1_256/{kind}/")), "{said}");
        assert!(said.contains("best.ckpt was read from the archive"), "{said}");
        let direct = folder.path().join("direct.onnx");
        good(deepallele("import").arg(source).arg("-o").arg(&direct).arg("--no-version"));
        assert!(fs::read(folder.path().join("m.onnx")).unwrap() == fs::read(direct).unwrap(), "{kind}");
    }
}

/// A checkpoint whose pickle, loaded by Python, would run a command that makes `trace`.
fn evil(folder: &Path, how: &str, trace: &Path) -> PathBuf {
    let path = folder.join(format!("{how}.ckpt"));
    let script = r#"
import os, pickle, sys, zipfile, builtins
how, source, target, trace = sys.argv[1:]

class Evil:
    def __reduce__(self):
        if how == "system":
            return os.system, ("touch " + trace,)
        return builtins.eval, ("open(%r, 'w')" % trace,)

with zipfile.ZipFile(source) as good, zipfile.ZipFile(target, "w") as bad:
    for name in good.namelist():
        if name.endswith("data.pkl"):
            bad.writestr(name, pickle.dumps({"state_dict": {"conv0.0.weight": Evil()}, "hyper_parameters": {}}, 2))
        else:
            bad.writestr(name, good.read(name))
if how == "loads":  # the test of the test: Python does fall for it
    with zipfile.ZipFile(target) as bad:
        pickle.loads(next(bad.read(n) for n in bad.namelist() if n.endswith("data.pkl")))
"#;
    good(tool("python3", ["-c", script, how]).arg(data("parity/mh/model.ckpt")).arg(&path).arg(trace));
    path
}

#[test]
fn a_pickle_that_asks_to_execute_something() {
    let folder = scratch();
    let trace = folder.path().join("executed");
    for how in ["system", "eval"] {
        let checkpoint = evil(folder.path(), how, &trace);
        let mut command = deepallele("import");
        command.arg(&checkpoint).arg("-o").arg(folder.path().join("model.onnx"));
        refused_in(folder.path(), &mut command, &[&format!("{how}.ckpt"), how]);
        assert!(!trace.exists(), "it was executed");
    }
    evil(folder.path(), "loads", &trace);
    assert!(trace.exists(), "this checkpoint would not execute anything anywhere");
}

#[test]
fn checkpoints_that_are_none() {
    let folder = scratch();
    let import = |file: &Path| {
        let mut command = deepallele("import");
        command.arg(file).arg("-o").arg(folder.path().join("model.onnx"));
        command
    };
    let words = put(folder.path(), "words.ckpt", "these are words");
    refused_in(folder.path(), &mut import(&words), &["words.ckpt"]);
    let empty = put(folder.path(), "empty.ckpt", "");
    refused_in(folder.path(), &mut import(&empty), &["empty.ckpt"]);
    let whole = fs::read(data("parity/mh/model.ckpt")).unwrap();
    let short = put(folder.path(), "short.ckpt", &whole[..whole.len() / 2]);
    refused_in(folder.path(), &mut import(&short), &["short.ckpt"]);
    refused_in(folder.path(), &mut import("nowhere.ckpt".as_ref()), &["\"nowhere.ckpt\""]);
    let mut full = deepallele("import");
    full.arg(data("parity/mh/model.ckpt")).args(["-o", "/dev/full"]);
    refused_in(folder.path(), &mut full, &["/dev/full"]);
}

/// No byte of a checkpoint may bring the reader down: cut and damaged copies end in a line, not in a panic.
#[test]
fn damaged_checkpoints_never_panic() {
    let folder = scratch();
    let whole = fs::read(data("parity/sh/model.ckpt")).unwrap();
    for step in 0..40 {
        let mut damaged = whole.clone();
        let at = (step * 7919) % damaged.len();
        for byte in &mut damaged[at..(at + 16).min(whole.len())] {
            *byte ^= 0xa5;
        }
        let file = put(folder.path(), "damaged.ckpt", damaged);
        let output = run(deepallele("import").arg(&file).arg("-o").arg(folder.path().join("model.onnx")));
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}: {said}", output.status);
        assert!(!said.contains("internal error"), "{said}");
    }
}
