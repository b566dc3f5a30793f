//! Times one training step and one forward pass of a preset on libtorch, on the CPU, for `make bench`.
//!
//! `time_network PRESET BATCH THREADS ROUNDS` prints `step_seconds` and `forward_seconds`, medians of ROUNDS.

use std::time::Instant;

use deepallele_core::model::network::{initial_weights, Network};
use deepallele_core::model::{device, Architecture, Kind};
use deepallele_core::training::dataset::Dataset;
use deepallele_core::training::device_data::DeviceData;
use deepallele_core::training::fit::{predict, train_step};
use deepallele_core::training::optimiser::Adam;
use rand::{Rng, SeedableRng};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, preset, batch, threads, rounds] = &args[..] else {
        return Err("usage: time_network PRESET BATCH THREADS ROUNDS".into());
    };
    let (batch, threads, rounds): (usize, usize, usize) = (batch.parse()?, threads.parse()?, rounds.parse()?);
    device::keep_freed_memory();
    device::set_threads(threads);
    let architecture = Architecture::preset(preset, Kind::Paired).ok_or("no such preset")?;
    let network = Network::new(&architecture, &initial_weights(&architecture, 1), tch::Device::Cpu)?;

    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(2);
    let mut data = Dataset::new(architecture.window);
    for i in 0..batch {
        let sequence: Vec<u8> = (0..architecture.window).map(|_| b"ACGT"[rng.random_range(0..4)]).collect();
        let mut other = sequence.clone();
        other[architecture.window / 2] = b'A';
        let values = [rng.random_range(0.0..50.0), rng.random_range(0.0..50.0)];
        data.push(&i.to_string(), None, &sequence, &other, values, &Default::default())?;
    }
    let data = DeviceData::new(&data, &network)?;
    let mut optimiser = Adam::new(&network, 1e-5)?;
    let rows: Vec<usize> = (0..batch).collect();
    let wide: Vec<i64> = (0..batch as i64).collect();

    let median =
        |run: &mut dyn FnMut() -> Result<(), Box<dyn std::error::Error>>| -> Result<f64, Box<dyn std::error::Error>> {
            run()?;
            let mut times = Vec::new();
            for _ in 0..rounds {
                let start = Instant::now();
                run()?;
                times.push(start.elapsed().as_secs_f64());
            }
            times.sort_by(f64::total_cmp);
            Ok(times[times.len() / 2])
        };
    let step = median(&mut || Ok(train_step(&network, &mut optimiser, &data, &wide, 1e-4).map(|_| ())?))?;
    let forward = median(&mut || Ok(predict(&network, &data, &rows).map(|_| ())?))?;
    println!("step_seconds\t{step:.4}\nforward_seconds\t{forward:.4}");
    Ok(())
}
