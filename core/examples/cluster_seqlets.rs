//! Time and peak memory of clustering many seqlets and of their motifs:
//!
//!     cargo run --release -p deepallele-core --example cluster_seqlets -- [SEQLETS] [THREADS] [MOTIFS]
//!
//! defaults: 50000, 2, 30. Seqlets are instances of so many motifs on both strands with noise, of 12 to 30 bases with their
//! flanks; every fifth is noise alone.

use std::error::Error;
use std::time::Instant;

use deepallele_core::explanation::learned_motifs::{cluster, learned_motifs, MotifOptions};
use deepallele_core::explanation::seqlets::of_pairs::PairSeqlet;
use deepallele_core::explanation::seqlets::Seqlet;
use ndarray::{s, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Bases of the noise on either side of a motif at most.
const FLANKS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize, default: usize| arguments.get(i).map_or(Ok(default), |text| text.parse());
    let (number, threads, motifs) = (argument(0, 50_000)?, argument(1, 2)?, argument(2, 30)?);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let planted: Vec<Array2<f64>> = (0..motifs)
        .map(|_| {
            let letters: Vec<usize> = (0..random.random_range(8..13)).map(|_| random.random_range(0..4)).collect();
            Array2::from_shape_fn((letters.len(), 4), |(i, base)| if letters[i] == base { 1.0 } else { -1.0 / 3.0 })
        })
        .collect();
    let seqlets: Vec<PairSeqlet> = (0..number).map(|i| seqlet(i, &planted, &mut random)).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| -> deepallele_core::error::Result<()> {
        let options = MotifOptions::default();
        let start = Instant::now();
        let clusters = cluster(&seqlets, &options)?;
        let clustered = start.elapsed().as_secs_f64();
        let learned = learned_motifs(&seqlets, &clusters, &options)?;
        let made = start.elapsed().as_secs_f64() - clustered;
        println!(
            "{number} seqlets, {threads} threads: {} clusters in {clustered:.1} s, {} motifs in {made:.1} s, peak {} MB",
            learned.clusters,
            learned.motifs.len(),
            peak().unwrap_or(0) / 1024
        );
        Ok(())
    })?;
    Ok(())
}

fn seqlet(number: usize, planted: &[Array2<f64>], random: &mut ChaCha8Rng) -> PairSeqlet {
    let (before, after) = (random.random_range(2..=FLANKS), random.random_range(2..=FLANKS));
    let motif = if number % 5 == 4 { None } else { planted.get(random.random_range(0..planted.len().max(1))) };
    let core = motif.map_or(8, |motif| motif.nrows());
    let size = if motif.is_some() { 0.3 } else { 1.0 };
    let mut rows = Array2::from_shape_fn((before + core + after, 4), |_| random.random_range(-size..size));
    if let Some(motif) = motif {
        let mut inner = rows.slice_mut(s![before..before + core, ..]);
        inner += motif;
    }
    if random.random_bool(0.5) {
        rows = rows.slice(s![..;-1, ..;-1]).to_owned();
    }
    PairSeqlet {
        seqlet: Seqlet { sequence: number, start: 0, end: rows.nrows(), mean: 0.5, p_value: None },
        other: None,
        common: false,
        delta: 0.0,
        reference: None,
        reverse: false,
        contributions: rows.mapv(|value| value as f32),
    }
}

/// Peak resident memory in kB, where the system reports it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
