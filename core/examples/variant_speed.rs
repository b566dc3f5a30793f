//! Time and memory of effects of single-base variants, incrementally and in full passes, to compare with what
//! `bench/peer_variants.py` prints for PyTorch:
//!
//!     cargo run --release -p deepallele-core --features onnx --example variant_speed -- \
//!         incremental|full [PRESET] [WINDOW] [published|default] [VARIANTS of a region] [REGIONS] [THREADS] [KIND]
//!
//! defaults: atac, its own window, published, 8, 64, 2. Variants are evenly spaced in their region's window; of KIND `indels`
//! they are insertions; with a number as KIND each variant has a window centred on it, this many bases from the last.

use std::error::Error;
use std::time::Instant;

use deepallele_core::model::encode::as_windows;
use deepallele_core::model::incremental::IncrementalPredictor;
use deepallele_core::model::onnx::export;
use deepallele_core::model::onnx::predictor::Predictor;
use deepallele_core::model::weights::random_weights;
use deepallele_core::model::{Architecture, Kind, ModelInfo};
use rand::{Rng, SeedableRng};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize, default: &str| arguments.get(i).cloned().unwrap_or_else(|| default.into());
    let (way, preset) = (argument(0, "incremental"), argument(1, "atac"));
    let mut architecture = Architecture::preset(&preset, Kind::Paired).ok_or("no such preset")?;
    let window: usize = argument(2, "0").parse()?;
    if window > 0 {
        architecture.window = window;
    }
    if argument(3, "published") == "default" {
        architecture = architecture.recommended();
    }
    let (variants, regions): (usize, usize) = (argument(4, "8").parse()?, argument(5, "64").parse()?);
    let threads: usize = argument(6, "2").parse()?;
    let indels = argument(7, "") == "indels";

    let window = architecture.window;
    let info = ModelInfo::new(architecture);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), export::export(&info, &random_weights(&info.architecture, 0))?)?;
    let predictor = Predictor::open(file.path(), threads)?;

    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let [mut one, mut two] = [vec![], vec![]];
    let apart: usize = argument(7, "").parse().unwrap_or(0);
    let count = variants * regions;
    if apart > 0 {
        let sequence: Vec<u8> = (0..window + apart * count).map(|_| generator.random_range(0..4)).collect();
        for from in (0..count).map(|variant| variant * apart) {
            let reference = &sequence[from..from + window];
            two.extend(reference);
            one.extend(reference);
            let centre = one.len() - window + window / 2;
            one[centre] = (one[centre] + 1) % 4;
        }
    }
    for _ in 0..if apart > 0 { 0 } else { regions } {
        let reference: Vec<u8> = (0..window).map(|_| generator.random_range(0..4)).collect();
        for variant in 0..variants {
            let at = (2 * variant + 1) * window / (2 * variants);
            let mut changed = reference.clone();
            if indels {
                changed.insert(at, generator.random_range(0..4));
                changed.truncate(window);
            } else {
                changed[at] = (changed[at] + 1) % 4;
            }
            one.extend(changed);
            two.extend(&reference);
        }
    }
    // As `annotate` hands them over.
    let span = 512 * window;
    let (start, cpu);
    match way.as_str() {
        "incremental" => {
            let mut incremental = IncrementalPredictor::new(predictor);
            (start, cpu) = (Instant::now(), cpu_seconds());
            for (one, two) in one.chunks(span).zip(two.chunks(span)) {
                incremental.predict(as_windows(one, window)?, as_windows(two, window)?)?;
            }
            eprintln!("{:?}", incremental.passes());
        }
        "full" => {
            let mut predictor = predictor;
            predictor.predict(as_windows(&one[..window], window)?, as_windows(&two[..window], window)?)?;
            (start, cpu) = (Instant::now(), cpu_seconds());
            for (one, two) in one.chunks(span).zip(two.chunks(span)) {
                predictor.predict(as_windows(one, window)?, as_windows(two, window)?)?;
            }
        }
        _ => return Err("incremental or full".into()),
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!(
        "deepallele {way}, {preset}, window {window}, {count} variants {}, {threads} threads: \
         {:.3} ms a variant, {:.3} CPU ms",
        if apart > 0 { format!("{apart} bases apart") } else { format!("in {regions} regions") },
        seconds / count as f64 * 1000.0,
        cpu / count as f64 * 1000.0
    );
    Ok(())
}

/// Time of all threads of this process: steadier than the clock on a machine with other work.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
