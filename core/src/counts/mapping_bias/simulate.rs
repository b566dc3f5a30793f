//! Simulates reads over all sites, chunk by chunk on several threads.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::counts::mapping_bias::assigner::{Assigner, ChunkVariants};
use crate::counts::mapping_bias::chunks::Chunks;
use crate::counts::mapping_bias::multimapping::find_multimapping;
use crate::counts::mapping_bias::outcomes::Bias;
use crate::counts::mapping_bias::simulated_reads::{ChunkOutcomes, ChunkWindow, Simulation};
use crate::counts::mapping_bias::summary::{BiasOptions, BiasSummary};
use crate::counts::region_counts::index_blocks;
use crate::error::{Error, Result};
use crate::genome::{Variant, VariantStream};
use crate::io::fasta::Reference;
use crate::io::regions::Regions;
use crate::io::{Contigs, Spans};

/// Reads whose other loci are searched for in one pass over the FASTA.
const READS_PER_PASS: usize = 1 << 21;

/// Simulate reads over every site of `stream` in which the haplotypes differ. `contigs` are those of the stream and of
/// `regions`; with `within`, only sites that overlap it count. `site` receives each site in order of contig and position.
/// Returned are the totals and, for each of [`Regions::list`], the reads over its sites, each counted once per region.
///
/// # Errors
/// Variants or a FASTA that cannot be read, and errors of `site`.
pub fn simulate(
    stream: &mut VariantStream,
    reference: Reference,
    contigs: &Contigs,
    regions: Option<&Regions>,
    within: Option<&Spans>,
    options: &BiasOptions,
    site: &mut dyn FnMut(usize, &Variant, &Bias) -> Result<()>,
) -> Result<(BiasSummary, Vec<Bias>)> {
    let fasta = reference.path().to_path_buf();
    let chunks = Chunks::new(stream, reference, contigs, within, options.read_length);
    simulate_chunks(chunks, &fasta, contigs, regions, options, site)
}

/// As [`simulate`], over `chunks` of the variants.
fn simulate_chunks(
    mut chunks: Chunks,
    fasta: &Path,
    contigs: &Contigs,
    regions: Option<&Regions>,
    options: &BiasOptions,
    site: &mut dyn FnMut(usize, &Variant, &Bias) -> Result<()>,
) -> Result<(BiasSummary, Vec<Bias>)> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.max(1))
        .build()
        .map_err(|e| Error::engine(format!("cannot start {} threads: {e}", options.threads)))?;
    let blocks = index_blocks(regions);
    let mut summary = BiasSummary::default();
    let mut by_region = vec![Bias::default(); regions.map_or(0, |r| r.list.len())];
    loop {
        // Only the chunks are kept; their reads are simulated again where they are needed.
        let (mut batch, mut reads) = (Vec::new(), 0);
        let most = if options.genome_wide { READS_PER_PASS } else { READS_PER_PASS / 8 };
        while reads < most {
            let Some(chunk) = chunks.next()? else { break };
            reads += chunk.own.len() * 2 * options.read_length;
            batch.push(chunk);
        }
        if batch.is_empty() {
            return Ok((summary, by_region));
        }
        // The windows of all chunks in one list, haplotype and first base of each, and the bounds of each chunk.
        let (mut starts, mut windows) = (Vec::new(), Vec::new());
        let mut bounds = vec![0];
        if options.genome_wide {
            let of_chunk = |chunk| Simulation::new(chunk, options.read_length).windows(&options.scoring);
            let found: Vec<Vec<ChunkWindow>> = pool.install(|| batch.par_iter().map(of_chunk).collect());
            for list in found {
                starts.extend(list.iter().map(|w| (w.haplotype, w.from)));
                windows.extend(list.into_iter().map(|w| w.reads));
                bounds.push(windows.len());
            }
            pool.install(|| find_multimapping(fasta, &windows, options.read_length))?;
        }
        // Every thread takes the next chunk; the results are sorted afterwards.
        let next = AtomicUsize::new(0);
        let work = |_: rayon::BroadcastContext| -> Result<Vec<(usize, ChunkOutcomes)>> {
            let mut source = ChunkVariants::default();
            let queue = source.clone();
            let mut assigner = Assigner::new(&mut source, queue, fasta, contigs, &options.filter)?;
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(chunk) = batch.get(i) else { return Ok(done) };
                let simulation = Simulation::new(chunk, options.read_length);
                let own = bounds.get(i..i + 2).map_or(0..0, |b| b[0]..b[1]);
                let (starts, windows) = (&starts[own.clone()], &windows[own]);
                done.push((i, simulation.run(&mut assigner, &blocks, starts, windows, options)?));
            }
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        for done in pool.broadcast(work) {
            outcomes.extend(done?);
        }
        outcomes.sort_unstable_by_key(|(i, _)| *i);
        for (chunk, (_, outcomes)) in batch.iter().zip(outcomes) {
            for (i, bias) in outcomes.sites {
                let variant = &chunk.variants[i];
                summary.add(variant, &bias, options.limit);
                site(chunk.contig, variant, &bias)?;
            }
            summary.reads.join(&outcomes.reads);
            for (region, bias) in outcomes.regions {
                by_region[region as usize].join(&bias);
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
