//! The three kinds of runs.
//!
//! | module | mode |
//! |---|---|
//! | [`reference`](mod@reference) | fragments of alignments to the reference |
//! | [`two_genomes`] | fragments of reads aligned to the genomes of both haplotypes (`--hap1-bam`) |
//! | [`ase_read_counter`] | reads by allele, with the rules of GATK's ASEReadCounter (`--format gatk`) |

mod ase_read_counter;
mod reference;
mod two_genomes;

use std::path::Path;

use anyhow::Result;

use crate::args::variants::VariantFormat;
use crate::args::Args;

/// A kind of run, by the options that choose it.
enum Mode<'a> {
    Reference,
    /// With the alignments to the genome of haplotype 1, of haplotype 2.
    TwoGenomes([&'a Path; 2]),
    AseReadCounter,
}

impl<'a> Mode<'a> {
    fn of(args: &'a Args) -> Self {
        match (args.variants.format(), args.two_genomes.files()) {
            (VariantFormat::Gatk, _) => Self::AseReadCounter,
            (_, Some(files)) => Self::TwoGenomes(files),
            (_, None) => Self::Reference,
        }
    }
}

/// Run the mode that the options choose.
pub fn run(args: Args) -> Result<()> {
    match Mode::of(&args) {
        Mode::Reference => reference::run(&args),
        Mode::TwoGenomes(files) => two_genomes::run(&args, files),
        Mode::AseReadCounter => ase_read_counter::run(&args),
    }
}
