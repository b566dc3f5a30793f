//! The commands on the test data, and what several tests make with them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{data, deepallele, genome, good, good_text, phased, put, reads, regions, Table};

/// Window of the published networks of the test data, in bases.
pub const WINDOW: u64 = 110;

/// A published network as `model.onnx` in `folder`: `mh`, `cr` or `sh` of the golden vectors.
pub fn imported(folder: &Path, network: &str) -> PathBuf {
    let model = folder.join(format!("{network}.onnx"));
    good(deepallele("import").arg(data(&format!("parity/{network}/model.ckpt"))).arg("-o").arg(&model));
    model
}

/// `deepallele haplotypes` of a sample.
pub fn haplotypes(reference: &Path, vcf: &Path, sample: &str) -> Command {
    let mut command = deepallele("haplotypes");
    command.arg("-f").arg(reference).arg("-v").arg(vcf).args(["-s", sample]);
    command
}

/// `deepallele count` of alignments at the phased variants of NA12878, in `regions`.
pub fn count(alignments: &Path, regions: &Path) -> Command {
    let mut command = deepallele("count");
    command.arg(alignments).arg("-v").arg(phased()).args(["-s", "NA12878", "-L"]).arg(regions);
    command
}

/// The count table of the test data as `folder/name`.
pub fn counted(folder: &Path, name: &str) -> PathBuf {
    let table = folder.join(name);
    good(count(&reads(), &regions()).arg("-o").arg(&table));
    table
}

/// `deepallele train` on a count table of NA12878, on the CPU.
pub fn train(counts: &Path, output: &Path) -> Command {
    let mut command = deepallele("train");
    command.arg(counts).arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "NA12878"]);
    command.args(["--device", "cpu"]).arg("-o").arg(output);
    command
}

/// Held while a network is trained: several trainings that share the cores take many times as long as one after the
/// other.
pub fn training_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `deepallele predict` for the two haplotypes of NA12878, in `regions`.
pub fn predict(model: &Path, regions: &Path) -> Command {
    let mut command = deepallele("predict");
    command.arg("-m").arg(model).arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "NA12878", "-L"]);
    command.arg(regions);
    command
}

/// The windows that a training held out have the same predictions as in a table of `deepallele predict`.
pub fn same_predictions(held: &Table, predicted: &Table) {
    let names = predicted.column("name");
    assert!(!held.rows.is_empty());
    for row in 0..held.rows.len() {
        let name = held.text(row, "name");
        let there = names.iter().position(|other| other == name).expect("every region");
        for column in ["hap1", "hap2", "log2_ratio"] {
            let (ours, theirs) = (predicted.number(there, column), held.number(row, column));
            assert!((ours - theirs).abs() <= 2e-3 * (1.0 + theirs.abs()), "{name}, {column}: {ours}, {theirs}");
        }
    }
}

/// `deepallele predict --raw` of a table of pairs: the outputs of the network themselves.
pub fn predict_raw(model: &Path, pairs: &Path) -> Table {
    let mut command = deepallele("predict");
    Table::parse(&good_text(command.arg("-m").arg(model).arg("--pairs").arg(pairs).arg("--raw")))
}

/// Both counts and the ratio of the network for pairs of sequences: the third way to a number, next to tables and VCF
/// fields.
pub fn raw_predictions(folder: &Path, model: &Path, pairs: &[(String, String)]) -> Vec<[f64; 3]> {
    let mut content = String::from("id\tallele_a\tallele_b\n");
    for (number, (a, b)) in pairs.iter().enumerate() {
        content += &format!("p{number}\t{a}\t{b}\n");
    }
    let table = predict_raw(model, &put(folder, "pairs.tsv", content));
    assert_eq!(table.rows.len(), pairs.len());
    (0..pairs.len())
        .map(|row| {
            assert_eq!(table.text(row, "id"), format!("p{row}"));
            ["count_a", "count_b", "ratio"].map(|column| table.number(row, column))
        })
        .collect()
}

/// `deepallele annotate` of `input`.
pub fn annotate(model: &Path, input: &Path) -> Command {
    let mut command = deepallele("annotate");
    command.arg("-m").arg(model).arg("-f").arg(genome()).arg(input);
    command
}
