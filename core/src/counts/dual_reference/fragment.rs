//! A fragment in both genomes: what was read of it, and how it is assigned.

use crate::assignment::PhredCost;
use crate::counts::Fragment;
use crate::io::bam::writer::BamRecord;

/// What is known of a mate in one genome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum MateState {
    /// No alignment has been read yet.
    #[default]
    Absent,
    Unmapped,
    /// Excluded by a flag.
    Flagged,
    /// Excluded by a region.
    Excluded,
    Aligned,
}

/// A mate in one genome, in reference coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mate {
    pub state: MateState,
    pub reverse: bool,
    pub mapping_quality: u8,
    pub cost: PhredCost,
    pub contig: u32,
    /// First aligned base, 0-based.
    pub start: u32,
    /// Past the last aligned base; equal to `start` where no base has a reference position.
    pub end: u32,
}

/// The alignments of a fragment to one genome, by mate.
#[derive(Clone, Debug, Default)]
pub(super) struct GenomeAlignments {
    pub mates: [Mate; 2],
    /// Regions that each mate overlaps.
    pub regions: [Vec<u32>; 2],
    /// The alignments themselves, where they are kept.
    pub records: [Option<BamRecord>; 2],
}

/// A fragment of which further alignments may follow.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingFragment {
    /// False for a free slot.
    pub used: bool,
    pub key: u128,
    /// Whether it occurred in each file.
    pub seen: [bool; 2],
    /// An unpaired read.
    pub single: bool,
    /// Alignments to the genome of haplotype 1, of haplotype 2.
    pub genomes: [GenomeAlignments; 2],
    pub group: Option<Box<[u8]>>,
    pub umi: Option<Box<[u8]>>,
}

/// A fragment with its class, placed by its alignment to the better genome.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    /// The fragment in reference coordinates.
    pub fragment: Fragment<'a>,
    /// The genome, 1 or 2, if it is aligned to one only; its class is then uninformative.
    pub only: Option<u8>,
    /// The genome, 0 or 1, by whose alignments it is placed.
    pub genome: usize,
}

/// Alignments read and excluded. A mate counts once, not once per genome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinSummary {
    /// Alignments read from each file.
    pub alignments: [u64; 2],
    /// Excluded by a flag in one of the files, including secondary and supplementary alignments.
    pub flagged: u64,
    /// Excluded by the mapping quality of the better alignment.
    pub low_mapping_quality: u64,
    /// Aligned to neither genome, or only to contigs that the reference does not have.
    pub unplaced: u64,
    /// Excluded because an aligned base lies in an excluded region.
    pub excluded: u64,
    /// Fragments aligned to the genome of haplotype 1 only, of haplotype 2 only.
    pub only: [u64; 2],
    /// Alignments without MD, whose number of mismatches was taken from NM.
    pub by_nm: u64,
}
