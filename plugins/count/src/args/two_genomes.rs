//! `--hap1-bam --hap2-bam --scoring --merged-bam`: alignments to the genomes of both haplotypes.

use std::path::{Path, PathBuf};

use clap::Args;
use deepallele_core::counts::dual_reference::alignment_score::Scoring;

/// `--hap1-bam --hap2-bam --scoring --merged-bam`
#[derive(Args, Clone, Debug)]
pub struct TwoGenomesArgs {
    /// Reads aligned to the genome of haplotype 1, as `deepallele haplotypes --fasta` writes it from the same -f and
    /// -v, instead of ALIGNMENTS; BAM or SAM in any order
    #[arg(long, value_name = "BAM", requires = "hap2_bam")]
    hap1_bam: Option<PathBuf>,

    /// The same reads aligned to the genome of haplotype 2. A fragment is assigned by its better alignment; if it is
    /// aligned to one genome only, it counts as uninformative
    #[arg(long, value_name = "BAM", requires = "hap1_bam")]
    hap2_bam: Option<PathBuf>,

    /// likelihood: mismatches cost by base quality, a gap 45 and 10 for each further base, clipped bases as if
    /// mismatched; suspenders: as that tool does it, where clipped bases are free, for comparison only
    #[arg(long, value_name = "HOW", default_value = "likelihood", requires = "hap1_bam")]
    pub scoring: Scoring,

    /// Also write the better alignment of each fragment, lifted over to the reference: tag HP 1 or 2 (absent if not
    /// assigned), tag po 1, 2 or 3 (not assigned). Mates are adjacent; MD and NM are omitted
    #[arg(long, value_name = "BAM", requires = "hap1_bam")]
    pub merged_bam: Option<PathBuf>,
}

impl TwoGenomesArgs {
    /// The two files, if given.
    pub fn files(&self) -> Option<[&Path; 2]> {
        self.hap1_bam.as_deref().zip(self.hap2_bam.as_deref()).map(|(a, b)| [a, b])
    }
}
