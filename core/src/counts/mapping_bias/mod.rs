//! Reference bias: what an unbiased experiment would count at each site, given how reads are aligned and
//! assigned.
//!
//! From either haplotype's own sequence a read is cut at every offset over a site, without errors. It is put on
//! the reference as an aligner would ([`crate::counts::mapping_bias::expected_alignment`]), or taken for lost: where its score is too low,
//! or where another place of the genome fits it as well as its own or better ([`crate::counts::mapping_bias::multimapping`]). The read is then assigned by
//! the same code that counts real ones. With as many reads of either haplotype, what is assigned to each is the
//! expectation under balance.
//!
//! | module | what it holds |
//! |---|---|
//! | `chunks` | independent parts of the genome |
//! | `simulated_reads` | the reads of both haplotypes in one chunk, and their mapping outcomes |
//! | [`expected_alignment`] | where an aligner would place a read, and with which CIGAR |
//! | [`multimapping`] | other places of the genome that a read fits |
//! | `assigner` | assigns simulated reads with the code that counts real ones |
//! | [`table`] | the tables of the bias report |

mod assigner;
mod chunks;
pub mod expected_alignment;
pub mod multimapping;
mod simulated_reads;
pub mod table;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::assignment::Filter;
use crate::counts::mapping_bias::assigner::{Judge, OneChunk};
use crate::counts::mapping_bias::chunks::Chunks;
use crate::counts::mapping_bias::expected_alignment::Scoring;
use crate::counts::mapping_bias::multimapping::look_elsewhere;
use crate::counts::mapping_bias::simulated_reads::{Home, Laying, Outcome, RegionPlaces};
use crate::error::{Error, Result};
use crate::genome::{Variant, VariantStream};
use crate::io::fasta::Reference;
use crate::io::regions::Regions;
use crate::io::{Contigs, Spans};

/// Reads whose sequences are looked for in one pass over the FASTA.
const READS: usize = 1 << 21;

/// How to lay reads.
#[derive(Clone, Copy, Debug)]
pub struct BiasOptions {
    /// Bases of a read.
    pub read_length: usize,
    pub scoring: Scoring,
    /// Look for each read in the whole FASTA.
    pub genome_wide: bool,
    /// How far an expected fraction may be off one half.
    pub limit: f64,
    pub filter: Filter,
    pub threads: usize,
}

/// What becomes of the reads of one haplotype at a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Laid {
    pub laid: u64,
    /// Fit another place of the genome as well or better.
    pub elsewhere: u64,
    /// Aligned here: the sum of the three below.
    pub aligned: u64,
    /// Assigned to their own haplotype.
    pub right: u64,
    /// Assigned to the other.
    pub wrong: u64,
    /// Uninformative or conflicting.
    pub unassigned: u64,
}

/// What became of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Elsewhere,
    Lost,
    Right,
    Wrong,
    Unassigned,
}

impl Laid {
    pub(super) fn add(&mut self, fate: Fate) {
        self.laid += 1;
        self.aligned += matches!(fate, Fate::Right | Fate::Wrong | Fate::Unassigned) as u64;
        match fate {
            Fate::Elsewhere => self.elsewhere += 1,
            Fate::Lost => {}
            Fate::Right => self.right += 1,
            Fate::Wrong => self.wrong += 1,
            Fate::Unassigned => self.unassigned += 1,
        }
    }

    fn join(&mut self, other: &Laid) {
        self.laid += other.laid;
        self.elsewhere += other.elsewhere;
        self.aligned += other.aligned;
        self.right += other.right;
        self.wrong += other.wrong;
        self.unassigned += other.unassigned;
    }
}

/// Reads of both haplotypes at a site or in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bias {
    pub hap1: Laid,
    pub hap2: Laid,
}

impl Bias {
    pub(super) fn of(&mut self, haplotype: usize) -> &mut Laid {
        if haplotype == 1 {
            &mut self.hap1
        } else {
            &mut self.hap2
        }
    }

    /// Expected share of haplotype 1 among the reads assigned; None if there are none.
    pub fn hap1_fraction(&self) -> Option<f64> {
        let one = self.hap1.right + self.hap2.wrong;
        let all = one + self.hap2.right + self.hap1.wrong;
        (all > 0).then(|| one as f64 / all as f64)
    }

    /// What is to be said of it: `bias` where the expected fraction is off one half by more than `limit`, `repeat`
    /// where reads fit elsewhere, `none` where no read is assigned. `.` if nothing.
    pub fn flags(&self, limit: f64) -> String {
        let fraction = self.hap1_fraction();
        let mut flags = Vec::new();
        if self.biased(limit) {
            flags.push("bias");
        }
        if self.hap1.elsewhere + self.hap2.elsewhere > 0 {
            flags.push("repeat");
        }
        if fraction.is_none() {
            flags.push("none");
        }
        if flags.is_empty() {
            flags.push(".");
        }
        flags.join(",")
    }

    /// True if the expected fraction is off one half by more than `limit`.
    pub fn biased(&self, limit: f64) -> bool {
        // A little more, so that 0.45 is not off by more than 0.05 for the sake of its binary digits.
        self.hap1_fraction().is_some_and(|f| (f - 0.5).abs() > limit + 1e-12)
    }
}

/// Expected share of the reference allele among the reads assigned at a record; None if there are none, or
/// where not exactly one haplotype carries the reference.
pub fn reference_fraction(variant: &Variant, bias: &Bias) -> Option<f64> {
    let fraction = bias.hap1_fraction()?;
    match (variant.edit(1), variant.edit(2)) {
        (None, Some(_)) if variant.hap1 == 0 => Some(fraction),
        (Some(_), None) if variant.hap2 == 0 => Some(1.0 - fraction),
        _ => None,
    }
}

/// Figures over all sites.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BiasSummary {
    pub sites: u64,
    /// Sites with an expected reference fraction, and the sum of these fractions.
    pub with_fraction: u64,
    pub fractions: f64,
    pub biased: u64,
    pub repeat: u64,
    pub none: u64,
    /// Reads, each once a haplotype and place.
    pub reads: Bias,
}

impl BiasSummary {
    fn add(&mut self, variant: &Variant, bias: &Bias, limit: f64) {
        self.sites += 1;
        self.biased += bias.biased(limit) as u64;
        self.repeat += (bias.hap1.elsewhere + bias.hap2.elsewhere > 0) as u64;
        self.none += bias.hap1_fraction().is_none() as u64;
        if let Some(fraction) = reference_fraction(variant, bias) {
            self.with_fraction += 1;
            self.fractions += fraction;
        }
    }

    /// Sentences for the user.
    pub fn lines(&self, options: &BiasOptions) -> Vec<String> {
        let share = |laid: &Laid| 100.0 * laid.right as f64 / (laid.laid.max(1)) as f64;
        let mut lines = vec![format!(
            "bias: {} sites under error-free reads of {} bases; assigned right: {:.2} % of haplotype 1, {:.2} % of haplotype 2",
            self.sites,
            options.read_length,
            share(&self.reads.hap1),
            share(&self.reads.hap2)
        )];
        if self.with_fraction > 0 {
            lines.push(format!(
                "bias: expected reference fraction {:.4}, mean over {} sites",
                self.fractions / self.with_fraction as f64,
                self.with_fraction
            ));
        }
        lines.push(format!(
            "bias: sites off one half by more than {}: {}; with reads that fit elsewhere: {}; without any read assigned: {}",
            options.limit, self.biased, self.repeat, self.none
        ));
        lines
    }
}

/// Lay reads over every site of `stream` in which the haplotypes differ. `contigs` are those of the stream and of
/// `regions`; with `within` only sites that overlap it count. `site` is called for each in order of contig and position; what is laid over the sites of each
/// region, a read once a region, is given back beside the summary, in the order of [`Regions::list`].
///
/// # Errors
/// What is wrong with the variants or the FASTA, and what `site` says.
pub fn lay(
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
    lay_chunks(chunks, &fasta, contigs, regions, options, site)
}

/// As [`lay`].
fn lay_chunks(
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
    let places = RegionPlaces::new(regions);
    let mut summary = BiasSummary::default();
    let mut of_regions = vec![Bias::default(); regions.map_or(0, |r| r.list.len())];
    loop {
        // Only chunks are kept, what is laid over them is made again where it is needed.
        let (mut batch, mut reads) = (Vec::new(), 0);
        let most = if options.genome_wide { READS } else { READS / 8 };
        while reads < most {
            let Some(chunk) = chunks.next()? else { break };
            reads += chunk.own.len() * 2 * options.read_length;
            batch.push(chunk);
        }
        if batch.is_empty() {
            return Ok((summary, of_regions));
        }
        // Of each chunk, haplotype and first base of its windows, and where they are in the list of all.
        let (mut homes, mut windows) = (Vec::new(), Vec::new());
        let mut bounds = vec![0];
        if options.genome_wide {
            let of_chunk = |chunk| Laying::new(chunk, options.read_length).windows(&options.scoring);
            let found: Vec<Vec<Home>> = pool.install(|| batch.par_iter().map(of_chunk).collect());
            for home in found {
                homes.extend(home.iter().map(|h| (h.haplotype, h.from)));
                windows.extend(home.into_iter().map(|h| h.window));
                bounds.push(windows.len());
            }
            pool.install(|| look_elsewhere(fasta, &windows, options.read_length))?;
        }
        // Every thread takes the next chunk; results are put in order behind them.
        let next = AtomicUsize::new(0);
        let work = |_: rayon::BroadcastContext| -> Result<Vec<(usize, Outcome)>> {
            let mut source = OneChunk::default();
            let waiting = source.clone();
            let mut judge = Judge::new(&mut source, waiting, fasta, contigs, &options.filter)?;
            let mut done = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(chunk) = batch.get(i) else { return Ok(done) };
                let laying = Laying::new(chunk, options.read_length);
                let own = bounds.get(i..i + 2).map_or(0..0, |b| b[0]..b[1]);
                let (homes, windows) = (&homes[own.clone()], &windows[own]);
                done.push((i, laying.run(&mut judge, &places, homes, windows, options)?));
            }
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        for done in pool.broadcast(work) {
            outcomes.extend(done?);
        }
        outcomes.sort_unstable_by_key(|(i, _)| *i);
        for (chunk, (_, outcome)) in batch.iter().zip(outcomes) {
            for (i, bias) in outcome.sites {
                let variant = &chunk.variants[i];
                summary.add(variant, &bias, options.limit);
                site(chunk.contig, variant, &bias)?;
            }
            summary.reads.hap1.join(&outcome.reads.hap1);
            summary.reads.hap2.join(&outcome.reads.hap2);
            for (region, bias) in outcome.regions {
                of_regions[region as usize].hap1.join(&bias.hap1);
                of_regions[region as usize].hap2.join(&bias.hap2);
            }
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
