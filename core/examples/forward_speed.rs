//! Speed of the exported network on this machine, to compare with what `bench/peer_network.py` prints for PyTorch:
//!
//!     cargo run --release -p deepallele-core --features onnx --example forward_speed -- \
//!         [KIND] [PRESET] [PAIRS] [THREADS] [SECONDS]        defaults: paired atac 64 2 10

use std::error::Error;
use std::time::Instant;

use deepallele_core::model::encode::as_windows;
use deepallele_core::model::onnx::export;
use deepallele_core::model::onnx::predictor::Predictor;
use deepallele_core::model::weights::random_weights;
use deepallele_core::model::{Architecture, ModelInfo};
use rand::{Rng, SeedableRng};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize, default: &str| arguments.get(i).cloned().unwrap_or_else(|| default.into());
    let kind = argument(0, "paired").parse()?;
    let preset = argument(1, "atac");
    let (pairs, threads): (usize, usize) = (argument(2, "64").parse()?, argument(3, "2").parse()?);
    let seconds: f64 = argument(4, "10").parse()?;

    let architecture = Architecture::preset(&preset, kind).ok_or("no such preset")?;
    let window = architecture.window;
    let info = ModelInfo::new(architecture);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), export::export(&info, &random_weights(&info.architecture, 0))?)?;
    let mut predictor = Predictor::open(file.path(), threads)?;

    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(0);
    let mut draw = || (0..pairs * window).map(|_| generator.random_range(0..4)).collect::<Vec<u8>>();
    let (one, two) = (draw(), draw());
    let (one, two) = (as_windows(&one, window)?, as_windows(&two, window)?);
    for _ in 0..2 {
        predictor.predict(one, two)?;
    }
    let (begin, mut times, cpu) = (Instant::now(), vec![], cpu_seconds());
    while times.is_empty() || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        predictor.predict(one, two)?;
        times.push(start.elapsed().as_secs_f64());
    }
    let cpu = (cpu_seconds() - cpu) / (times.len() * pairs) as f64;
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    println!(
        "deepallele forward, {kind}, {preset}, {pairs} pairs, {threads} threads: {:.0} ms, {:.1} pairs/s, {:.1} CPU ms a pair",
        median * 1000.0,
        pairs as f64 / median,
        cpu * 1000.0
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
