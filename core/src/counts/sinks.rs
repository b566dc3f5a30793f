//! The traits of what receives the fragments and the variant counts of a run.

use crate::assignment::Class;
use crate::counts::VariantTally;
use crate::error::Result;
use crate::genome::Variant;

/// A complete fragment with its class.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Index of the alignment file it comes from.
    pub sample: usize,
    /// The haplotype it is assigned to, or why to none.
    pub class: Class,
    /// Regions that one of its aligned bases overlaps: indices in [`crate::io::regions::Regions::list`], ascending.
    pub regions: &'a [u32],
    /// Contig of its first read, an index in the contigs of the alignments.
    pub contig: usize,
    /// First aligned base of its reads on that contig, 0-based.
    pub start: u64,
    /// Past the last aligned base of its reads on that contig, 0-based.
    pub end: u64,
    /// `+` or `-`: the strand of the first mate or single read; the opposite of that of a lone second mate.
    pub strand: u8,
    /// Both mates are aligned to this contig.
    pub paired: bool,
    /// An unpaired read; false for a mate whose partner was excluded or is unaligned.
    pub single: bool,
    /// Value of the tag by which fragments are grouped, such as a cell barcode.
    pub group: Option<&'a [u8]>,
    /// Value of the tag of the molecular identifier (UMI).
    pub umi: Option<&'a [u8]>,
}

/// Receives fragments, in an order that depends on the input alone.
pub trait FragmentSink {
    /// Receive the next fragment.
    ///
    /// # Errors
    /// An output that cannot be written.
    fn add(&mut self, fragment: &Fragment) -> Result<()>;
}

/// Receives records with their final counts, in the order of the alignments' contigs and of position.
pub trait VariantSink {
    /// Receive the next record of `contig` (an index in the contigs of the alignments), with one tally per sample.
    ///
    /// # Errors
    /// An output that cannot be written.
    fn add(&mut self, contig: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()>;
}

/// A pair of one sample on the forward strand, at 0-1 of the first contig, for tests.
#[cfg(test)]
pub(crate) fn test_fragment(class: Class, regions: &[u32]) -> Fragment<'_> {
    Fragment {
        sample: 0,
        class,
        regions,
        contig: 0,
        start: 0,
        end: 1,
        strand: b'+',
        paired: true,
        single: false,
        group: None,
        umi: None,
    }
}
