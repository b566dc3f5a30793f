use std::slice::from_ref;

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::architecture::{RatioHead, Strands};
use crate::model::encode::{as_windows, ANY, NOTHING};
use crate::model::incremental::tower::Tower;
use crate::model::onnx::export::export_ensemble;
use crate::model::weights::random_weights;
use crate::model::{Architecture, Kind, Weights};

/// A file of so many random networks, some of their batch norms with a negative scale.
fn written(architecture: &Architecture, members: usize, seed: u64) -> tempfile::NamedTempFile {
    let mut info = ModelInfo::new(architecture.clone());
    info.samples = (0..architecture.outputs).map(|s| format!("sample {s}")).collect();
    let network = |member: usize| {
        let mut weights = random_weights(architecture, seed + member as u64);
        for (name, tensor) in &mut weights.0 {
            if name.ends_with(".2.weight") && (seed + member as u64).is_multiple_of(3) {
                tensor.data.iter_mut().step_by(3).for_each(|g| *g = -*g);
            }
            // A rectified output that is zero for every input would agree with anything.
            if name == "out.0.bias" {
                tensor.data.iter_mut().for_each(|b| *b += 1.0);
            }
        }
        weights
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let networks: Vec<Weights> = (0..members).map(network).collect();
    std::fs::write(file.path(), export_ensemble(&info, &networks).unwrap()).unwrap();
    file
}

fn opened(file: &tempfile::NamedTempFile, threads: usize, sample: usize) -> Predictor {
    let mut predictor = Predictor::open(file.path(), threads).unwrap();
    predictor.choose_sample(&format!("sample {sample}")).unwrap();
    predictor
}

fn numbers(p: &Prediction) -> Vec<f32> {
    let [a, b, c] = p.spread.unwrap_or_default();
    vec![p.count1, p.count2, p.ratio, p.ratio_swapped, a, b, c]
}

/// Within 1e-5 of 1 + the size of the number.
fn assert_equal(found: &[Prediction], expected: &[Prediction], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (pair, (f, e)) in found.iter().zip(expected).enumerate() {
        assert_eq!(f.spread.is_some(), e.spread.is_some());
        for (f, e) in numbers(f).into_iter().zip(numbers(e)) {
            assert!((f - e).abs() <= 1e-5 * (1.0 + e.abs()), "{what}, pair {pair}: {f}, in full {e}");
        }
    }
}

/// What happens to a window.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// One base at this share of the window.
    Base(f64),
    /// So many bases side by side, with N among them.
    Bases(f64, usize),
    /// Two places.
    Places(f64, f64),
    /// All that follows moves by so many bases, to the right or to the left.
    Insertion(f64, usize),
    Deletion(f64, usize),
    /// Padding after this position.
    Cut(f64),
    Everything,
    Nothing,
}

fn changes() -> impl Strategy<Value = Change> {
    // The ends of the window as often as its middle.
    let place = || prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0f64];
    prop_oneof![
        6 => place().prop_map(Change::Base),
        2 => (place(), 1..12usize).prop_map(|(at, count)| Change::Bases(at, count)),
        2 => (place(), place()).prop_map(|(a, b)| Change::Places(a, b)),
        1 => (place(), 1..9usize).prop_map(|(at, count)| Change::Insertion(at, count)),
        1 => (place(), 1..9usize).prop_map(|(at, count)| Change::Deletion(at, count)),
        1 => place().prop_map(Change::Cut),
        1 => Just(Change::Everything),
        1 => Just(Change::Nothing),
    ]
}

fn random_codes(length: usize, generator: &mut ChaCha8Rng) -> Vec<u8> {
    (0..length).map(|_| [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, ANY][generator.random_range(0..13)]).collect()
}

fn changed(reference: &[u8], change: Change, generator: &mut ChaCha8Rng) -> Vec<u8> {
    let last = reference.len() - 1;
    let place = |share: f64| (share * last as f64).round() as usize;
    let mut out = reference.to_vec();
    let mut other = |code: &mut u8| *code = (*code + generator.random_range(1..5u8)) % 5;
    match change {
        Change::Base(at) => other(&mut out[place(at)]),
        Change::Bases(at, count) => out.iter_mut().skip(place(at)).take(count).for_each(other),
        Change::Places(a, b) => [a, b].into_iter().for_each(|at| other(&mut out[place(at)])),
        Change::Insertion(at, count) => {
            out.splice(place(at)..place(at), random_codes(count, generator));
        }
        Change::Deletion(at, count) => {
            let end = (place(at) + count).min(out.len());
            out.splice(place(at)..end, []);
            out.extend(random_codes(end - place(at), generator));
        }
        Change::Cut(at) => out[place(at)..].fill(NOTHING),
        Change::Everything => out = random_codes(reference.len(), generator),
        Change::Nothing => {}
    }
    out.truncate(reference.len());
    out
}

/// A network and what is predicted with it.
#[derive(Clone, Debug)]
struct Case {
    architecture: Architecture,
    members: usize,
    /// Changes of each reference window.
    changes: Vec<Vec<Change>>,
    seed: u64,
}

fn pairs(case: &Case) -> [Vec<u8>; 2] {
    let mut generator = ChaCha8Rng::seed_from_u64(case.seed);
    let [mut one, mut two] = [vec![], vec![]];
    let window = case.architecture.window;
    let mut before: Option<Vec<u8>> = None;
    for changes in &case.changes {
        let mut reference = random_codes(window, &mut generator);
        match before.take() {
            // It overlaps with the one before.
            Some(before) if generator.random_bool(0.6) => {
                let further = generator.random_range(0..=window * 2 / 3);
                reference[..window - further].copy_from_slice(&before[further..]);
            }
            _ if generator.random_bool(0.3) => {
                // Padding, as regions shorter than the window have it.
                let bases = window - generator.random_range(0..=window / 4);
                reference[bases..].fill(NOTHING);
            }
            _ => (),
        }
        for &change in changes {
            one.extend(changed(&reference, change, &mut generator));
            two.extend(&reference);
        }
        before = Some(reference);
    }
    [one, two]
}

/// The predictions of full passes.
fn in_full(predictor: &mut Predictor, one: &[u8], two: &[u8]) -> Vec<Prediction> {
    let window = predictor.window();
    predictor.predict(as_windows(one, window).unwrap(), as_windows(two, window).unwrap()).unwrap()
}

/// Incremental predictions.
fn predict(model: &mut IncrementalPredictor, one: &[u8], two: &[u8]) -> Vec<Prediction> {
    let window = model.window();
    model.predict(as_windows(one, window).unwrap(), as_windows(two, window).unwrap()).unwrap()
}

/// Incremental predictions equal full passes, and are the same for any number of threads and alone.
fn check(case: &Case) -> Passes {
    let file = written(&case.architecture, case.members, case.seed);
    let [one, two] = pairs(case);
    let sample = case.seed as usize % case.architecture.outputs;
    let expected = in_full(&mut opened(&file, 1, sample), &one, &two);
    let mut incremental = IncrementalPredictor::new(opened(&file, 1, sample));
    let found = predict(&mut incremental, &one, &two);
    assert_equal(&found, &expected, &format!("{case:?}"));
    let passes = incremental.passes().expect("a network of ours");
    let mut threaded = IncrementalPredictor::new(opened(&file, 3, sample));
    assert_eq!(predict(&mut threaded, &one, &two), found);
    let window = case.architecture.window;
    for ((one, two), found) in one.chunks(window).zip(two.chunks(window)).zip(&found).take(3) {
        assert_eq!(predict(&mut threaded, one, two), [*found]);
    }
    check_changed(case, &file, &one, &two);
    passes
}

/// Windows in the place of either allele of a pair: as full passes of each.
fn check_changed(case: &Case, file: &tempfile::NamedTempFile, one: &[u8], two: &[u8]) {
    let window = case.architecture.window;
    let (first, second) = (&two[..window], one.chunks(window).last().unwrap());
    let changed: Vec<(usize, Vec<u8>)> =
        one.chunks(window).take(4).enumerate().map(|(i, codes)| (i % 2, codes.to_vec())).collect();
    let [mut alleles1, mut alleles2] = [first.to_vec(), second.to_vec()];
    for (allele, codes) in &changed {
        alleles1.extend(if *allele == 0 { codes } else { first });
        alleles2.extend(if *allele == 1 { codes } else { second });
    }
    let expected = in_full(&mut opened(file, 1, 0), &alleles1, &alleles2);
    let all = |threads: usize| {
        let mut model = IncrementalPredictor::new(opened(file, threads, 0));
        let found = model.predict_changed([first, second].map(ArrayView1::from), &changed).unwrap();
        assert_eq!(found.dim(), (1 + changed.len(), case.members));
        let numbers = |p: &Prediction| [p.count1, p.count2, p.ratio, p.ratio_swapped];
        found.rows().into_iter().map(|row| summarise(&row.iter().map(numbers).collect::<Vec<_>>())).collect::<Vec<_>>()
    };
    assert_equal(&all(1), &expected, &format!("changed: {case:?}"));
    assert_eq!(all(1), all(3));
}

fn architectures() -> impl Strategy<Value = Architecture> {
    let sizes = (1..=90usize, 0..=4usize, 1..=2usize, 1..=40usize, 1..=16usize, 1..=36usize, 1..=6usize);
    let more = (1..=6usize, 1..=3usize, 0..=2usize, 1..=20usize, any::<bool>(), 1..=3usize, 0..=4usize);
    let kinds = (prop::sample::select(Kind::ALL.to_vec()), any::<bool>(), any::<bool>());
    (sizes, more, kinds).prop_map(|(sizes, more, (kind, joined, free))| {
        let (window, conv_layers, conv_repeat, kernel_number, kernel_length, filter_number, kernel_size) = sizes;
        let (pooling_size, dilation, h_layers, hidden, batch_norm, outputs, kmers) = more;
        Architecture {
            kind,
            window,
            conv_layers,
            conv_repeat,
            kernel_number,
            kernel_length,
            filter_number,
            kernel_size,
            pooling_size,
            dilation,
            h_layers,
            hidden,
            batch_norm,
            outputs,
            kmers: kmers.min(window),
            strands: if joined { Strands::Joined } else { Strands::Averaged },
            ratio_head: if free { RatioHead::Free } else { RatioHead::Antisymmetric },
            ..Architecture::preset("small", kind).unwrap()
        }
    })
}

/// Presets with smaller widths, and a shorter window where it is long.
fn presets() -> impl Strategy<Value = Architecture> {
    let name = prop::sample::select(Architecture::PRESETS.to_vec());
    (name, prop::sample::select(Kind::ALL.to_vec()), any::<bool>(), 0..40usize).prop_map(|(name, kind, sound, less)| {
        let preset = Architecture::preset(name, kind).unwrap();
        let window = preset.window.min(900) - less;
        let a = Architecture { window, kernel_number: 20, filter_number: 33, hidden: 24, ..preset };
        if sound {
            a.recommended()
        } else {
            a
        }
    })
}

fn cases(architecture: impl Strategy<Value = Architecture>) -> impl Strategy<Value = Case> {
    let changes = prop::collection::vec(prop::collection::vec(changes(), 1..6), 1..6);
    (architecture, 1..=3usize, changes, any::<u16>()).prop_map(|(architecture, members, changes, seed)| Case {
        architecture,
        members,
        changes,
        seed: seed.into(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_network_gives_what_a_full_pass_gives(case in cases(architectures())) {
        check(&case);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn presets_give_what_a_full_pass_gives(case in cases(presets())) {
        check(&case);
    }
}

/// As they are, at their own sizes.
#[test]
fn whole_presets_give_what_a_full_pass_gives() {
    for (number, name) in Architecture::PRESETS.into_iter().enumerate() {
        let published = Architecture::preset(name, Kind::Paired).unwrap();
        let own = published.clone().recommended();
        for architecture in [published, own] {
            let changes =
                vec![vec![Change::Base(0.5), Change::Base(0.0), Change::Bases(1.0, 3), Change::Insertion(0.7, 2)]];
            check(&Case { architecture, members: 1, changes, seed: number as u64 });
        }
    }
}

#[test]
fn equal_windows_are_computed_once() {
    let architecture = Architecture {
        window: 60,
        kernel_number: 8,
        filter_number: 6,
        hidden: 5,
        ..Architecture::preset("small", Kind::Paired).unwrap()
    };
    let file = written(&architecture, 1, 1);
    let mut generator = ChaCha8Rng::seed_from_u64(5);
    let [first, second] = [0; 2].map(|_| random_codes(60, &mut generator));
    let mut with = |reference: &Vec<u8>, at: f64| changed(reference, Change::Base(at), &mut generator);
    let (a, b, c) = (with(&first, 0.2), with(&first, 0.9), with(&second, 0.4));
    let one = [&a, &b, &c, &a, &first, &c].map(|w| &w[..]).concat();
    let two = [&first, &first, &second, &first, &first, &second].map(|w| &w[..]).concat();
    let mut incremental = IncrementalPredictor::new(opened(&file, 1, 0));
    let found = predict(&mut incremental, &one, &two);
    assert_eq!(incremental.passes(), Some(Passes { whole: 2, overlapping: 0, incremental: 3 }));
    assert_eq!((found[0], found[2]), (found[3], found[5]));
    assert_eq!(found[4].count1, found[4].count2);
    assert_equal(&found, &in_full(&mut opened(&file, 1, 0), &one, &two), "repeated windows");
    // References are still there at the next call.
    assert_eq!(predict(&mut incremental, &one[60..], &two[60..]), found[1..]);
    assert_eq!(incremental.passes(), Some(Passes { whole: 2, overlapping: 0, incremental: 6 }));
    assert!(predict(&mut incremental, &[], &[]).is_empty());
    let windows = |codes| as_windows(codes, 60).unwrap();
    assert!(incremental.predict(windows(&one), windows(&two[60..])).is_err());
}

/// Windows centred on neighbouring variants: activations before the first pool are computed once.
#[test]
fn windows_that_overlap_share_their_start() {
    for (strands, members) in [(Strands::Joined, 1), (Strands::Averaged, 2)] {
        let preset = Architecture::preset("small", Kind::Paired).unwrap();
        let architecture = Architecture { window: 200, kernel_number: 9, filter_number: 7, strands, ..preset };
        let file = written(&architecture, members, 2);
        let mut generator = ChaCha8Rng::seed_from_u64(6);
        let sequence = random_codes(500, &mut generator);
        let [mut one, mut two] = [vec![], vec![]];
        for at in [100, 101, 103, 130, 190, 399, 400] {
            let window = &sequence[at - 100..at + 100];
            two.extend(window);
            let mut changed = window.to_vec();
            changed[100] = (changed[100] + 1) % 4;
            one.extend(changed);
        }
        let mut incremental = IncrementalPredictor::new(opened(&file, 2, 0));
        let found = predict(&mut incremental, &one, &two);
        assert_eq!(incremental.passes(), Some(Passes { whole: 2, overlapping: 7, incremental: 7 }));
        assert_equal(&found, &in_full(&mut opened(&file, 1, 0), &one, &two), "overlapping windows");
        // As if each were alone.
        for ((one, two), found) in one.chunks(200).zip(two.chunks(200)).zip(found) {
            assert_eq!(predict(&mut incremental, one, two), [found]);
        }
    }
}

#[test]
fn a_change_costs_what_it_reaches() {
    let architecture = Architecture::preset("atac", Kind::Paired).unwrap();
    let tower = Tower::new(&architecture, &random_weights(&architecture, 1)).unwrap();
    // A kernel of 15 and one of 5.
    assert_eq!(tower.reach(from_ref(&(100..101))), 19);
    assert_eq!(tower.reach(&[0..1, 659..660]), 20);
    assert_eq!(tower.reach(&[300..302, 310..311]), 29);
    assert_eq!(tower.reach(from_ref(&(0..660))), 660);
}

/// A graph that another program has changed is computed by ONNX Runtime.
#[test]
fn an_unknown_graph_goes_through_in_full() {
    let architecture = Architecture { window: 30, ..Architecture::preset("small", Kind::Difference).unwrap() };
    let file = written(&architecture, 1, 1);
    let mut bytes = std::fs::read(file.path()).unwrap();
    // The name of the graph does not change what is computed, but shows that the graph was changed.
    let name = bytes.windows(12).rposition(|w| w == b"\x12\x0adeepallele").expect("the name of the graph");
    bytes[name + 2] = b'D';
    std::fs::write(file.path(), &bytes).unwrap();
    let mut incremental = IncrementalPredictor::new(opened(&file, 1, 0));
    assert_eq!(incremental.passes(), None);
    let case = Case { architecture, members: 1, changes: vec![vec![Change::Base(0.5), Change::Nothing]], seed: 3 };
    let [one, two] = pairs(&case);
    assert_eq!(predict(&mut incremental, &one, &two), in_full(&mut opened(&file, 1, 0), &one, &two));
}
