//! Times one training step and one forward pass of a preset on libtorch, on the CPU, for `make bench`.
//!
//! `time_network PRESET BATCH THREADS ROUNDS [NETWORK [INDELS]]` prints `step_seconds` and `forward_seconds`, medians
//! of ROUNDS, and `step_cpu_seconds`, the mean CPU time of all threads. NETWORK: `published`, this suite's own `default`, or `unshared`, the same with both alleles computed in
//! full. The alleles of a pair differ by one to three SNVs, as those of C57BL/6 x CAST do on average in 330 bases
//! (17.7 million in the genome: Keane et al. 2011), and in a share INDELS of pairs \[0\] by an indel of 1 to 10 bases,
//! outward of which all is moved, since windows are centred in both alleles.

use std::time::Instant;

use deepallele_core::model::torch::device;
use deepallele_core::model::torch::network::{initial_weights, Network, NetworkOptions, Sharing};
use deepallele_core::model::{Architecture, Kind};
use deepallele_core::training::dataset::Dataset;
use deepallele_core::training::device_data::DeviceData;
use deepallele_core::training::fit::{predict, train_step_with};
use deepallele_core::training::optimiser::Adam;
use deepallele_core::training::options::FitOptions;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Failure = Box<dyn std::error::Error>;

fn base(rng: &mut ChaCha8Rng) -> u8 {
    b"ACGT"[rng.random_range(0..4)]
}

/// The second allele of `one`, with an indel if `indel`.
fn second(one: &[u8], indel: bool, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let (mut two, length) = (one.to_vec(), one.len());
    for _ in 0..rng.random_range(1..=3) {
        let at = rng.random_range(0..length);
        let old = two[at];
        while two[at] == old {
            two[at] = base(rng);
        }
    }
    if indel {
        let (at, bases) = (rng.random_range(0..length), rng.random_range(1..=10));
        let deleted = rng.random_bool(0.5);
        let new: Vec<u8> = (0..bases).map(|_| base(rng)).collect();
        if at < length / 2 {
            two.reverse();
        }
        let at = at.max(length - 1 - at);
        if deleted {
            two.drain(at..(at + bases).min(length));
            two.extend(new);
        } else {
            two.splice(at..at, new);
        }
        two.truncate(length);
        if two.len() < length {
            two.resize_with(length, || base(rng));
        }
    }
    two
}

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid place to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let (preset, batch, threads, rounds, rest) = match &args[..] {
        [_, preset, batch, threads, rounds, rest @ ..] if rest.len() < 3 => (preset, batch, threads, rounds, rest),
        _ => return Err("usage: time_network PRESET BATCH THREADS ROUNDS [NETWORK [INDELS]]".into()),
    };
    let (batch, threads, rounds): (usize, usize, usize) = (batch.parse()?, threads.parse()?, rounds.parse()?);
    let which = rest.first().map_or("published", String::as_str);
    let indels: f64 = rest.get(1).map_or(Ok(0.0), |share| share.parse())?;
    device::keep_freed_memory();
    device::set_threads(threads);
    let published = Architecture::preset(preset, Kind::Paired).ok_or("no such preset")?;
    let (architecture, options) = match which {
        "published" => (published, FitOptions::default()),
        "default" | "unshared" => (published.recommended(), FitOptions::recommended()),
        _ => return Err("NETWORK is published, default or unshared".into()),
    };
    let sharing = if which == "unshared" { Sharing::Never } else { Sharing::default() };
    let network_options = NetworkOptions { sharing, ..options.network_options() };
    let network = Network::new(&architecture, &initial_weights(&architecture, 1), tch::Device::Cpu, network_options)?;

    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut data = Dataset::new(architecture.window);
    for i in 0..batch {
        let one: Vec<u8> = (0..architecture.window).map(|_| base(&mut rng)).collect();
        // The first pairs of the batch: exactly the share that was asked for.
        let two = second(&one, (i as f64) < indels * batch as f64, &mut rng);
        let values = [rng.random_range(0.0..50.0), rng.random_range(0.0..50.0)];
        data.push(&i.to_string(), None, &one, &two, values, &Default::default())?;
    }
    let data = DeviceData::new(&data, &network)?;
    let mut optimiser = Adam::with(&network, &[], options.weight_decay, options.decay, options.clip)?;
    let rows: Vec<usize> = (0..batch).collect();
    let wide: Vec<i64> = (0..batch as i64).collect();

    let median = |run: &mut dyn FnMut() -> Result<(), Failure>| -> Result<(f64, f64), Failure> {
        run()?;
        let mut times = Vec::new();
        let cpu = cpu_seconds();
        for _ in 0..rounds {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        Ok((times[times.len() / 2], (cpu_seconds() - cpu) / rounds as f64))
    };
    let (step, cpu) = median(&mut || {
        train_step_with(&options, &network, &mut optimiser, &data, &wide, 1e-4)?;
        Ok(())
    })?;
    let (forward, _) = median(&mut || {
        predict(&network, &data, &rows)?;
        Ok(())
    })?;
    println!("step_seconds\t{step:.4}\nstep_cpu_seconds\t{cpu:.4}\nforward_seconds\t{forward:.4}");
    Ok(())
}
