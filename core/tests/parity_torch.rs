//! The golden vectors of the published networks through libtorch: predictions, and 90 steps of training.
#![cfg(feature = "torch")]

use std::path::{Path, PathBuf};

use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::model::metadata::TargetScale;
use deepallele_core::model::published::checkpoint::read_checkpoint;
use deepallele_core::model::torch::network::{Network, NetworkOptions};
use deepallele_core::training::dataset::Dataset;
use deepallele_core::training::device_data::DeviceData;
use deepallele_core::training::fit::{predict, train_step};
use deepallele_core::training::optimiser::Adam;
use deepallele_core::training::schedule::{RateKeeper, Schedule};

fn parity(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data/parity").join(name)
}

/// A tab-separated file as rows of columns, without its header line.
fn table(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(parity(name)).unwrap();
    text.lines().skip(1).map(|l| l.split('\t').map(String::from).collect()).collect()
}

/// The pairs of a file as a dataset; `targets` are put in place as they are.
fn dataset(name: &str, window: usize, targets: Option<Vec<[f32; 3]>>) -> Dataset {
    let pairs = PairsTable::read(&parity(name), false).unwrap();
    let mut data = Dataset::new(window);
    for row in &pairs.rows {
        data.push(&row.id, None, &row.allele_a, &row.allele_b, [1.0, 1.0], &TargetScale::default()).unwrap();
    }
    if let Some(targets) = targets {
        assert_eq!(targets.len(), data.len());
        data.targets = targets;
    }
    data
}

fn load(checkpoint: &str) -> Network {
    let (architecture, weights) = read_checkpoint(&parity(checkpoint)).unwrap();
    Network::new(&architecture, &weights, tch::Device::Cpu, NetworkOptions::default()).unwrap()
}

fn predictions(network: &Network, data: &Dataset) -> Vec<[f32; 3]> {
    let rows: Vec<usize> = (0..data.len()).collect();
    predict(network, &DeviceData::new(data, network).unwrap(), &rows).unwrap().into_iter().collect()
}

#[test]
fn predictions_of_the_published_networks() {
    for folder in ["mh", "cr", "sh"] {
        let network = load(&format!("{folder}/model.ckpt"));
        let data = dataset(&format!("{folder}/pairs.tsv"), network.architecture().window, None);
        let got = predictions(&network, &data);
        let expected = table(&format!("{folder}/predictions.tsv"));
        assert_eq!(got.len(), expected.len());
        for (row, wanted) in got.iter().zip(&expected) {
            for (value, text) in row.iter().zip(&wanted[1..]) {
                let wanted: f32 = text.parse().unwrap();
                assert!((value - wanted).abs() < 1e-4, "{folder}: {value} and not {wanted}");
            }
        }
    }
}

/// The 90 steps, in single or double precision: losses before each step, and the network after them.
fn train_published(precision: tch::Kind) -> (Vec<f64>, Network, Dataset) {
    let (architecture, weights) = read_checkpoint(&parity("mh/train_init.ckpt")).unwrap();
    let options = NetworkOptions { precision, ..NetworkOptions::default() };
    let network = Network::new(&architecture, &weights, tch::Device::Cpu, options).unwrap();
    let targets = table("mh/train_pairs.tsv").iter().map(|r| [3, 4, 5].map(|k| r[k].parse().unwrap())).collect();
    let data = dataset("mh/train_pairs.tsv", network.architecture().window, Some(targets));
    let device_data = DeviceData::new(&data, &network).unwrap();
    let mut optimiser = Adam::new(&network, 1e-5).unwrap();
    let trace = table("mh/train_trace.tsv");
    assert_eq!(trace.len(), 90);
    // The first rate is half the nominal one.
    let rates = RateKeeper::new(Schedule::Cycle, 2.0 * trace[0][1].parse::<f64>().unwrap(), 90);
    let mut losses = Vec::new();
    for (step, line) in trace.iter().enumerate() {
        let rate: f64 = line[1].parse().unwrap();
        assert!((rates.rate(step as u64) / rate - 1.0).abs() < 1e-6, "rate of step {step}");
        let first = (step % 3) as i64 * 32;
        let rows: Vec<i64> = (first..first + 32).collect();
        losses.push(train_step(&network, &mut optimiser, &device_data, &rows, rate).unwrap());
    }
    (losses, network, data)
}

/// Rounding errors grow a hundred thousandfold over these steps: PyTorch 2.11 in float32, run twice with one and
/// two threads, leaves the golden trace by more than 1e-3 at step 58 and 59, and so does its float64 run at 61
/// (bench/trace_float64.py prints it). With ATEN_CPU_CAPABILITY and ONEDNN_MAX_CPU_ISA at each of their levels and 1,
/// 2, 4 or 8 threads, 36 runs in all, it leaves it between steps 58 and 70. The single-precision trace is therefore compared up to step 50, and all 90
/// steps in double precision, where the same growth starts at 1e-16, in the next test.
#[test]
fn the_published_training_in_single_precision() {
    let (losses, ..) = train_published(tch::Kind::Float);
    let wanted = table("mh/train_trace.tsv");
    for (step, (loss, line)) in losses.iter().zip(&wanted).take(51).enumerate() {
        let wanted: f64 = line[2].parse().unwrap();
        assert!((loss / wanted - 1.0).abs() < 1e-3, "step {step}: loss {loss} and not {wanted}");
    }
}

#[test]
fn the_published_training_in_double_precision() {
    let (losses, network, data) = train_published(tch::Kind::Double);
    let wanted = table("../parity_float64/trace.tsv");
    assert_eq!(wanted.len(), losses.len());
    for (step, (loss, line)) in losses.iter().zip(&wanted).enumerate() {
        let wanted: f64 = line[1].parse().unwrap();
        assert!((loss / wanted - 1.0).abs() < 1e-8, "step {step}: loss {loss} and not {wanted}");
    }
    for (row, wanted) in predictions(&network, &data).iter().zip(table("../parity_float64/final_predictions.tsv")) {
        for (value, text) in row.iter().zip(&wanted[1..]) {
            let wanted: f32 = text.parse().unwrap();
            assert!((value - wanted).abs() < 1e-5, "{value} and not {wanted}");
        }
    }
}

#[test]
fn weights_survive_the_network() {
    let (architecture, weights) = read_checkpoint(&parity("mh/model.ckpt")).unwrap();
    let network = Network::new(&architecture, &weights, tch::Device::Cpu, NetworkOptions::default()).unwrap();
    assert_eq!(network.weights().unwrap().0, weights.0);
}
