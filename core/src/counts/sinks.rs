//! Where counting puts its results: whoever wants fragments or records implements one of these.

use crate::assignment::Class;
use crate::counts::VariantTally;
use crate::error::Result;
use crate::genome::Variant;

/// A finished fragment, handed out once.
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'a> {
    /// Index of the alignment file it comes from.
    pub sample: usize,
    /// How it fits the haplotypes.
    pub class: Class,
    /// Regions that an aligned base of it touches: indices in [`crate::io::regions::Regions::list`], ascending.
    pub regions: &'a [u32],
    /// Contig of its first read, an index in the contigs of the alignments.
    pub contig: usize,
    /// Outermost aligned bases of its reads on that contig, 0-based half-open.
    pub start: u64,
    pub end: u64,
    /// `+` or `-`: the strand of the first mate or single read; that of a lone second mate is turned round.
    pub strand: u8,
    /// Both mates were seen, on one contig.
    pub paired: bool,
    /// An unpaired read, which no mate belongs to; false for a mate that came alone.
    pub single: bool,
    /// Value of the tag that groups fragments, such as a cell barcode.
    pub group: Option<&'a [u8]>,
    /// Value of the tag of the molecule's identifier.
    pub umi: Option<&'a [u8]>,
}

/// Takes fragments, in an order that depends on the input alone.
pub trait FragmentSink {
    /// One more fragment.
    ///
    /// # Errors
    /// What the sink cannot write.
    fn add(&mut self, fragment: &Fragment) -> Result<()>;
}

/// Takes records in the order of the alignments' contigs and of position, each with its final counts.
pub trait VariantSink {
    /// One more record of `contig` (an index in the contigs of the alignments), with a tally for each sample.
    ///
    /// # Errors
    /// What the sink cannot write.
    fn add(&mut self, contig: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()>;
}
