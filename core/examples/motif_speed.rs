//! Time of reading motifs, comparing them with each other and finding their sites, for `make bench`:
//! `motif_speed MOTIFS SEQUENCES THREADS`, where MOTIFS is a MEME file; one that is not there is made, of 746 random motifs of
//! widths as in JASPAR.
//!
//! Sequences have 330 random bases; their second alleles have three SNVs each, as between the mouse strains B6 and CAST.

use std::path::Path;
use std::time::Instant;

use deepallele_core::motifs::paired::{AlignedBlock, AlignedSequences};
use deepallele_core::motifs::tomtom::TomtomOptions;
use deepallele_core::motifs::{read_motifs, Motif, MotifWriter, ScanOptions, Scanner, Tomtom};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BASES: usize = 330;
// As between the strains B6 and CAST: one in 110 to 130 bases.
const SNVS: usize = 3;
const MOTIFS: usize = 746;

/// Motifs of 6 to 21 columns, most columns with one frequent base.
fn random_motifs(random: &mut ChaCha8Rng) -> Vec<Motif> {
    let one = |number: usize, random: &mut ChaCha8Rng| {
        let width = random.random_range(6..=21);
        let mut counts = Array2::from_shape_fn((width, 4), |_| random.random_range(0..20) as f64);
        for mut row in counts.rows_mut() {
            row[random.random_range(0..4)] += random.random_range(20..200) as f64;
        }
        Motif::from_counts(format!("motif{number}"), counts)
    };
    (0..MOTIFS).map(|number| one(number, random).expect("counts of a motif")).collect()
}

fn main() -> deepallele_core::error::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [motifs, sequences, threads] = &arguments[..] else { panic!("motif_speed MOTIFS SEQUENCES THREADS") };
    let (sequences, threads) = (sequences.parse().expect("a number"), threads.parse().expect("a number"));
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let path = Path::new(motifs);
    if !path.exists() {
        let mut writer = MotifWriter::create(path)?;
        random_motifs(&mut random).iter().try_for_each(|motif| writer.write(motif))?;
        writer.finish()?;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| {
        let start = Instant::now();
        let motifs = read_motifs(path)?;
        let tomtom = Tomtom::new(&motifs, TomtomOptions::default())?;
        let matches: usize = tomtom.compare_all(&motifs).iter().map(Vec::len).sum();
        println!("{} motifs compared, {matches} matches: {:.3} seconds", motifs.len(), start.elapsed().as_secs_f64());
        let mut bases = |n: usize| -> Vec<u8> { (0..n).map(|_| b"ACGT"[random.random_range(0..4)]).collect() };
        let first: Vec<Vec<u8>> = (0..sequences).map(|_| bases(BASES)).collect();
        let second: Vec<Vec<u8>> = first
            .iter()
            .map(|sequence| {
                let mut other = sequence.clone();
                for snv in 0..SNVS {
                    let place = &mut other[snv * BASES / SNVS + 17];
                    *place = if *place == b'A' { b'G' } else { b'A' };
                }
                other
            })
            .collect();
        let start = Instant::now();
        let scanner = Scanner::new(&motifs, ScanOptions::default())?;
        let hits: usize = scanner.scan(&first).iter().map(Vec::len).sum();
        println!("{hits} sites in one allele: {:.3} seconds", start.elapsed().as_secs_f64());
        let start = Instant::now();
        let scanner = Scanner::new(&motifs, ScanOptions::default())?;
        let block = [AlignedBlock { first: 0, second: 0, length: BASES }];
        let pairs: Vec<AlignedSequences> = first
            .iter()
            .zip(&second)
            .map(|(first, second)| AlignedSequences { first, second, blocks: &block })
            .collect();
        let hits: usize = scanner.scan_pairs(&pairs)?.iter().flatten().map(Vec::len).sum();
        println!("{hits} sites in both alleles: {:.3} seconds", start.elapsed().as_secs_f64());
        Ok(())
    })
}
