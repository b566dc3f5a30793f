//! Training on small data: a run that is interrupted and resumed, random changes of windows, losses that are not finite,
//! and the symmetry of an antisymmetric network during training.
#![cfg(feature = "torch")]

use std::cell::Cell;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deepallele_core::model::architecture::{RatioHead, Strands};
use deepallele_core::model::encode::NOTHING;
use deepallele_core::model::metadata::TargetScale;
use deepallele_core::model::torch::network::{initial_weights, Mode, Network, NetworkOptions};
use deepallele_core::model::{Architecture, Kind};
use deepallele_core::training::dataset::{Dataset, Measured};
use deepallele_core::training::device_data::{Augmentation, DeviceData};
use deepallele_core::training::fit::{fit, Checkpointing, Event, Fitted, Outcome};
use deepallele_core::training::folds::{held_out, plan, train, Folder, Trained};
use deepallele_core::training::options::{BatchStatistics, FitOptions, Loss, NotFinite, Precision};
use deepallele_core::training::split::Part;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind as Type, Tensor};

/// libtorch has one generator for dropout: tests that train take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    tch::set_num_threads(1);
    turn
}

fn architecture() -> Architecture {
    Architecture {
        window: 40,
        kernel_number: 6,
        kernel_length: 5,
        filter_number: 5,
        hidden: 8,
        conv_layers: 2,
        tower_dropout: 0.15,
        outputs: 2,
        kmers: 2,
        ..Architecture::preset("small", Kind::Paired).unwrap().recommended()
    }
}

/// Random pairs in two samples; the second lacks every fifth. What is measured follows from the number of G.
fn data(n: usize, margin: usize) -> Dataset {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut data = Dataset::of_samples(40, margin, vec!["one".into(), "two".into()]);
    for i in 0..n {
        let one: Vec<u8> = (0..40 + 2 * margin).map(|_| b"ACGT"[rng.random_range(0..4)]).collect();
        let mut two = one.clone();
        for _ in 0..3 {
            two[rng.random_range(0..one.len())] = b"ACGT"[rng.random_range(0..4)];
        }
        let count = |s: &[u8]| s.iter().filter(|b| **b == b'G').count() as f64;
        let (a, b) = (count(&one), count(&two));
        let fragments = |scale: f64| Measured {
            values: [a * scale, b * scale],
            fragments: [(a * scale) as f32, (b * scale) as f32, 3.0],
            weight: 1.0,
        };
        let second = (i % 5 != 0).then(|| fragments(2.0));
        data.push_measured(&i.to_string(), None, &one, &two, &[Some(fragments(1.0)), second], &TargetScale::default())
            .unwrap();
    }
    data
}

fn parts(n: usize) -> Vec<Part> {
    (0..n).map(|i| [Part::Train, Part::Train, Part::Validation, Part::Test][i % 4]).collect()
}

fn options() -> FitOptions {
    FitOptions {
        epochs: 4,
        batch_size: 8,
        seed: 5,
        augment_strand: true,
        augment_swap: true,
        ..FitOptions::recommended()
    }
}

fn begin(options: &FitOptions) -> Network {
    let weights = initial_weights(&architecture(), options.seed);
    Network::new(&architecture(), &weights, Device::Cpu, options.network_options()).unwrap()
}

fn finished(outcome: Outcome) -> Fitted {
    match outcome {
        Outcome::Finished(fitted) => fitted,
        Outcome::Stopped { epoch } => panic!("stopped in epoch {epoch}"),
    }
}

/// A whole run, or one that ends before step `stop_at` and is taken up again from the file.
fn run(options: &FitOptions, data: &Dataset, state: &Path, stop_at: Option<usize>) -> Fitted {
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        stop_at.is_some_and(|at| asked.get() > at)
    };
    let checkpointing = Checkpointing { state: Some(state), resume: false, every: Duration::MAX, stop: &stop };
    let parts = parts(data.len());
    let outcome = fit(&mut begin(options), data, &parts, options, &checkpointing, &mut |_| ()).unwrap();
    if stop_at.is_none() {
        return finished(outcome);
    }
    assert!(matches!(outcome, Outcome::Stopped { .. }));
    let again = Checkpointing { resume: true, stop: &|| false, ..checkpointing };
    let mut steps = 0;
    let mut count = |event: Event| steps += usize::from(matches!(event, Event::Batch { .. }));
    let fitted = finished(fit(&mut begin(options), data, &parts, options, &again, &mut count).unwrap());
    // What was done before is not done again.
    assert_eq!(steps + stop_at.unwrap(), fitted.history.last().unwrap().steps as usize);
    fitted
}

#[test]
fn a_resumed_run_has_the_result_of_an_uninterrupted_one() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let data = data(60, 4);
    for loss in [Loss::Squared, Loss::Counts] {
        let options = FitOptions { loss, shift: 4, clip: 1.0, ..options() };
        let whole = run(&options, &data, &folder.path().join("whole"), None);
        assert_eq!(whole.dispersions.is_some(), loss == Loss::Counts);
        // Within the first epoch, at its end, and within a later one.
        for stop_at in [1, 4, 7, 13] {
            let resumed = run(&options, &data, &folder.path().join("state"), Some(stop_at));
            assert!(resumed.best == whole.best, "{loss}, stopped before step {stop_at}");
            assert_eq!((resumed.best_epoch, &resumed.dispersions), (whole.best_epoch, &whole.dispersions));
            for (a, b) in resumed.history.iter().zip(&whole.history) {
                assert_eq!((a.train_loss, a.validation_loss, a.steps), (b.train_loss, b.validation_loss, b.steps));
            }
        }
    }
}

#[test]
fn the_state_of_another_run_is_refused() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let data = data(40, 0);
    run(&options(), &data, &state, None);
    let checkpointing = Checkpointing { state: Some(&state), resume: true, every: Duration::MAX, stop: &|| false };
    let refused = |options: &FitOptions, data: &Dataset| {
        let parts = parts(data.len());
        match fit(&mut begin(options), data, &parts, options, &checkpointing, &mut |_| ()) {
            Err(e) => e.to_string(),
            Ok(_) => panic!("taken for its own"),
        }
    };
    let other = FitOptions { learning_rate: 0.5, ..options() };
    assert!(refused(&other, &data).contains("of a run with other data"));
    let mut changed = data.clone();
    changed.targets[0][0] += 1.0;
    assert!(refused(&options(), &changed).contains("of a run with other data"));
    // More epochs are no other run: it goes on.
    let longer =
        FitOptions { epochs: 6, schedule: deepallele_core::training::schedule::Schedule::Constant, ..options() };
    let short = FitOptions { epochs: 2, ..longer.clone() };
    run(&short, &data, &state, None);
    let parts = parts(data.len());
    let fitted = finished(fit(&mut begin(&longer), &data, &parts, &longer, &checkpointing, &mut |_| ()).unwrap());
    let whole = run(&longer, &data, &folder.path().join("whole"), None);
    assert!(fitted.best == whole.best && fitted.history.len() == 6);
    std::fs::write(&state, b"no state at all").unwrap();
    assert!(refused(&options(), &data).contains("state"));
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_or_skips_the_batch() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut data = data(40, 0);
    // The last training example of all: some batch of the first epoch holds it.
    data.values[2 * 37] = [f64::MAX, 1.0];
    data.targets[2 * 37] = [f32::MAX, 0.0, f32::MAX];
    let parts = parts(data.len());
    let stopping = FitOptions { not_finite: NotFinite::Stop, ..options() };
    let checkpointing = Checkpointing { state: Some(&state), resume: false, every: Duration::ZERO, stop: &|| false };
    let error = match fit(&mut begin(&stopping), &data, &parts, &stopping, &checkpointing, &mut |_| ()) {
        Err(e) => e.to_string(),
        Ok(_) => panic!("did not stop"),
    };
    assert!(error.contains("the loss is inf at batch") && error.contains("of epoch 1"), "{error}");
    let skipping = FitOptions { not_finite: NotFinite::Skip, ..options() };
    let fitted =
        finished(fit(&mut begin(&skipping), &data, &parts, &skipping, &Checkpointing::NONE, &mut |_| ()).unwrap());
    assert!(fitted.history.iter().all(|m| m.skipped_batches == 1 && m.train_loss.is_finite()));
}

/// Bases of a row of codes as letters.
fn letters(codes: &Tensor, row: i64) -> String {
    let row = codes.get(row);
    (0..row.size()[0]).map(|i| char::from(b"ACGTN-"[row.int64_value(&[i]) as usize])).collect()
}

#[test]
fn augmentation_shifts_reverses_and_swaps() {
    let _turn = turn();
    let mut data = Dataset::of_samples(6, 2, vec![String::new()]);
    let measured = Some(Measured { values: [8.0, 2.0], fragments: [8.0, 2.0, 5.0], weight: 1.0 });
    let scale = TargetScale::default();
    data.push_measured("whole", None, b"TTACGTACCC", b"TTACTTACCC", &[measured], &scale).unwrap();
    // Shorter than the window: padding stays after the bases of the reverse complement.
    data.push_measured("short", None, b"AACG", b"AAC", &[measured], &scale).unwrap();
    let architecture = Architecture { window: 6, outputs: 1, ..architecture() };
    let weights = initial_weights(&architecture, 1);
    let network = Network::new(&architecture, &weights, Device::Cpu, NetworkOptions::default()).unwrap();
    let on_device = DeviceData::new(&data, &network).unwrap();
    let made = |augmentation: Augmentation| on_device.augmented(&[0, 1], &augmentation, &network).unwrap();
    let plain = made(Augmentation::default());
    assert_eq!((letters(&plain.hap1, 0).as_str(), letters(&plain.hap2, 1).as_str()), ("ACGTAC", "AAC---"));
    let moved = made(Augmentation { shift: -2, ..Default::default() });
    assert_eq!((letters(&moved.hap1, 0).as_str(), letters(&moved.hap1, 1).as_str()), ("TTACGT", "--AACG"));
    let reversed = made(Augmentation { reversed: Some(vec![true, true]), ..Default::default() });
    assert_eq!((letters(&reversed.hap2, 0).as_str(), letters(&reversed.hap1, 1).as_str()), ("GTAAGT", "CGTT--"));
    let swapped = made(Augmentation { swapped: Some(vec![true, false]), ..Default::default() });
    assert_eq!((letters(&swapped.hap1, 0).as_str(), letters(&swapped.hap1, 1).as_str()), ("ACTTAC", "AACG--"));
    let rows =
        |t: &Tensor| -> Vec<Vec<f64>> { (0..2).map(|r| (0..3).map(|c| t.double_value(&[r, c])).collect()).collect() };
    let (before, after) = (rows(&plain.targets), rows(&swapped.targets));
    assert_eq!(after[0], [before[0][1], before[0][0], -before[0][2]]);
    assert_eq!(after[1], before[1]);
    assert_eq!(rows(swapped.fragments.as_ref().unwrap()), [[2.0, 8.0, 5.0], [8.0, 2.0, 5.0]]);
    assert_eq!(i64::from(NOTHING), 5);
}

#[test]
fn equal_alleles_have_no_ratio_even_while_dropout_is_on() {
    let _turn = turn();
    let network = begin(&options());
    assert!(!network.options().per_allele_statistics && network.options().shared_dropout);
    let codes = |seed: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let codes: Vec<u8> = (0..16 * 40).map(|_| rng.random_range(0..4)).collect();
        Tensor::from_slice(&codes).view([16, 40])
    };
    let ratios = |a: &Tensor, b: &Tensor| -> Tensor {
        tch::manual_seed(9);
        network.forward(a, b, Mode::Train).unwrap().narrow(1, 4, 2)
    };
    let same = ratios(&codes(1), &codes(1));
    assert!(same.abs().max().double_value(&[]) < 1e-6);
    let (there, back) = (ratios(&codes(1), &codes(2)), ratios(&codes(2), &codes(1)));
    assert!((&there + &back).abs().max().double_value(&[]) < 1e-5);
    assert!(there.abs().max().double_value(&[]) > 1e-3);
}

#[test]
fn missing_measurements_have_no_effect() {
    let _turn = turn();
    // A dataset whose second sample is nowhere measured, with values there that would show.
    let architecture = Architecture { dropout: 0.0, tower_dropout: 0.0, ..architecture() };
    let with = |value: f32| {
        let mut data = data(24, 0);
        for i in 0..data.len() {
            data.targets[2 * i + 1] = [value; 3];
            data.weights[2 * i + 1] = 0.0;
        }
        let options = FitOptions { epochs: 1, batch_statistics: BatchStatistics::Joint, ..options() };
        let weights = initial_weights(&architecture, 2);
        let mut network = Network::new(&architecture, &weights, Device::Cpu, options.network_options()).unwrap();
        finished(fit(&mut network, &data, &parts(24), &options, &Checkpointing::NONE, &mut |_| ()).unwrap()).best
    };
    assert!(with(0.0) == with(77.0));
}

#[test]
fn mixed_precision_learns_the_same_within_its_rounding() {
    let _turn = turn();
    let data = data(40, 0);
    let single = begin(&options());
    let mixed = begin(&FitOptions { precision: Precision::Bfloat16, ..options() });
    let (a, b) = (Tensor::from_slice(data.codes(0).0).view([1, 40]), Tensor::from_slice(data.codes(0).1).view([1, 40]));
    let both = [&single, &mixed].map(|n| n.forward(&a, &b, Mode::Evaluate).unwrap());
    assert_eq!(both[1].kind(), Type::Float);
    assert!((&both[0] - &both[1]).abs().max().double_value(&[]) < 0.02);
    let options =
        FitOptions { precision: Precision::Bfloat16, augment_strand: false, augment_swap: false, ..options() };
    let fitted =
        finished(fit(&mut begin(&options), &data, &parts(40), &options, &Checkpointing::NONE, &mut |_| ()).unwrap());
    assert!(fitted.history[0].train_loss > fitted.history.last().unwrap().train_loss);
}

#[test]
fn folds_and_seeds_are_finished_one_by_one_and_predict_what_they_hold_out() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let data = data(40, 0);
    let ways: Vec<Vec<Part>> = (0..2)
        .map(|w| (0..40).map(|i| [Part::Train, Part::Validation, Part::Test, Part::Train][(i + 2 * w) % 4]).collect())
        .collect();
    let runs = plan(&ways, 2, 7);
    let names: Vec<&str> = runs.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["fold1.seed1", "fold1.seed2", "fold2.seed1", "fold2.seed2"]);
    let options = FitOptions { epochs: 2, ..options() };
    let go = |resume: bool, steps: usize| {
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > steps
        };
        let folder = Folder { path: folder.path(), resume, every: Duration::MAX, stop: &stop };
        train(&runs, &architecture(), &data, &options, Device::Cpu, &folder, &mut |_, _| ()).unwrap()
    };
    // Six steps a run: the second is stopped half way, then all goes on.
    assert!(matches!(go(false, 9), Trained::Stopped { run: 1, epoch: 2 }));
    let Trained::All(resumed) = go(true, 1000) else { panic!("not finished") };
    std::fs::remove_dir_all(folder.path()).unwrap();
    std::fs::create_dir(folder.path()).unwrap();
    let Trained::All(whole) = go(false, 1000) else { panic!("not finished") };
    assert!(resumed.iter().zip(&whole).all(|(a, b)| a.best == b.best && a.best_epoch == b.best_epoch));
    assert!(whole[0].best != whole[1].best);

    let (rows, predictions) = held_out(&runs, &whole, &architecture(), &data, Device::Cpu, Part::Test).unwrap();
    let expected: Vec<usize> = (0..40).filter(|i| i % 4 == 2 || i % 4 == 0).collect();
    assert_eq!((rows.as_slice(), predictions.dim()), (expected.as_slice(), (rows.len(), 2)));
    // The mean of the two members of the fold that tests on this row.
    let alone: Vec<Array2<[f32; 3]>> = (0..2)
        .map(|m| held_out(&runs[m..=m], &whole[m..=m], &architecture(), &data, Device::Cpu, Part::Test).unwrap().1)
        .collect();
    let row2 = rows.iter().position(|&r| r == 2).unwrap();
    for head in 0..3 {
        let mean = (alone[0][[0, 0]][head] + alone[1][[0, 0]][head]) / 2.0;
        assert!((predictions[[row2, 0]][head] - mean).abs() < 1e-6);
    }
}

#[test]
fn the_published_defaults_are_the_published_network() {
    let _turn = turn();
    let published = Architecture::preset("atac", Kind::Paired).unwrap();
    assert_eq!((published.strands, published.ratio_head, published.outputs), (Strands::Joined, RatioHead::Free, 1));
    let recipe = FitOptions::default();
    assert_eq!((recipe.epochs, recipe.batch_size, recipe.patience), (100, 32, 4));
    assert_eq!((recipe.learning_rate, recipe.weight_decay, recipe.ratio_weight), (1e-4, 1e-5, 1.0));
}

/// On a CUDA device, where there is one: the same losses as on the CPU within rounding, and mixed precision near them.
#[test]
fn a_gpu_trains_as_the_cpu_does() {
    let _turn = turn();
    let Ok(device @ Device::Cuda(_)) = deepallele_core::model::torch::device::open_device("auto".parse().unwrap())
    else {
        println!("no CUDA device here: nothing was tried on one");
        return;
    };
    let data = data(60, 0);
    let still = Architecture { dropout: 0.0, tower_dropout: 0.0, ..architecture() };
    let run = |device: Device, precision: Precision, loss: Loss| {
        let options = FitOptions { precision, loss, augment_strand: false, augment_swap: false, ..options() };
        let mut network = Network::new(&still, &initial_weights(&still, 5), device, options.network_options()).unwrap();
        finished(fit(&mut network, &data, &parts(60), &options, &Checkpointing::NONE, &mut |_| ()).unwrap()).history
    };
    for loss in [Loss::Squared, Loss::Counts] {
        let cpu = run(Device::Cpu, Precision::Float32, loss);
        for (precision, tolerance) in [(Precision::Float32, 1e-3), (Precision::Bfloat16, 5e-2)] {
            for (ours, theirs) in run(device, precision, loss).iter().zip(&cpu) {
                let (a, b) = (ours.train_loss, theirs.train_loss);
                assert!((a / b - 1.0).abs() < tolerance, "{loss}, {precision}, epoch {}: {a} and {b}", ours.epoch);
            }
        }
    }
    // A loss that is not finite is found although the host does not wait for each.
    let mut broken = data.clone();
    broken.targets[0] = [f32::MAX, 0.0, f32::MAX];
    let options = FitOptions { not_finite: NotFinite::Stop, ..options() };
    let mut network = Network::new(&still, &initial_weights(&still, 5), device, options.network_options()).unwrap();
    let error = fit(&mut network, &broken, &parts(60), &options, &Checkpointing::NONE, &mut |_| ()).err().unwrap();
    assert!(error.to_string().contains("at batch"), "{error}");
}
