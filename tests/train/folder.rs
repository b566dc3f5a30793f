//! The output folder of a training: used by one training at a time, and free of what earlier ones have left.

use std::fs;
use std::path::Path;

use deepallele_tests::*;

use crate::runs::{counts, short, started, weights};

fn lock(folder: &Path) -> std::path::PathBuf {
    folder.join("training.lock")
}

#[test]
fn a_folder_is_used_by_one_training_at_a_time() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let model = folder.path().join("model");
    let long = short(&counts, &model, &["--epochs", "200", "--patience", "200"]);
    let brief = || short(&counts, &model, &["--epochs", "1"]);
    let mut child = started(&long, &lock(&model));
    let holder = format!("process {} on ", child.id());
    refused(&mut brief(), &["\"", "in use by another training", &holder]);
    // Also by another name of the folder.
    std::os::unix::fs::symlink(&model, folder.path().join("link")).unwrap();
    refused(&mut short(&counts, &folder.path().join("link"), &["--epochs", "1", "--resume"]), &[&holder]);
    // A dry run uses nothing.
    good(&mut short(&counts, &model, &["--dry-run"]));
    // Killed, it leaves its lock, which the next one replaces and removes.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lock(&model).exists());
    let ended = run(&mut brief());
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    assert!(text(&ended.stderr).contains("without removing its lock"), "{}", text(&ended.stderr));
    assert!(!lock(&model).exists() && model.join("model.onnx").exists());
    // So do a signal, and an error.
    for kill in ["HUP", "INT"] {
        let child = started(&long, &lock(&model));
        signal(&child, kill);
        child.wait_with_output().unwrap();
        assert!(!lock(&model).exists(), "{kill}");
    }
    // A lock of another host cannot be judged from here.
    fs::write(lock(&model), "{\"pid\":1,\"host\":\"elsewhere\",\"since\":0}").unwrap();
    refused(&mut brief(), &["process 1 on elsewhere", "if it has ended, remove \""]);
    assert!(lock(&model).exists());
}

#[test]
fn leftovers_of_another_training_do_not_stop_a_resumed_one() {
    let _turn = training_turn();
    let folder = scratch();
    let counts = counts(folder.path(), &["one"]);
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let earlier = short(&counts, &broken, &["--epochs", "2", "--members", "2"]);
    let options = ["--epochs", "2", "--learning-rate", "0.01", "--members", "2"];
    good(&mut short(&counts, &whole, &options));
    // The earlier training is killed when its first member is there.
    let finished = broken.join("finished.seed1.safetensors");
    let mut child = started(&earlier, &finished);
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = fs::read(&finished).unwrap();
    // Another one begins in the folder: it removes what lies there, but not a file of the user.
    let own = put(&broken, "finished.mine.safetensors", "mine");
    let mut child = started(&short(&counts, &broken, &options), &broken.join("training.seed1.state"));
    assert!(!finished.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    // Also where another version has left it.
    fs::write(&finished, kept).unwrap();
    let ended = run(&mut short(&counts, &broken, &[&options[..], &["--resume"]].concat()));
    let said = text(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("1 files of an earlier, different training are removed"), "{said}");
    for member in ["seed1.safetensors", "seed2.safetensors"] {
        assert!(weights(&whole.join(member)) == weights(&broken.join(member)), "{member} differs");
    }
    assert!(own.exists());
    assert!(!listing(&broken).iter().any(|name| name.ends_with("state") || name.starts_with("finished.seed")));
}
