//! How many alignments were read, excluded and counted, for messages and reports.

use crate::counts::Tally;

/// Alignments read and excluded, and the fragments that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Alignments read.
    pub alignments: u64,
    /// Excluded by a flag.
    pub flagged: u64,
    /// Excluded by mapping quality.
    pub low_mapping_quality: u64,
    /// Excluded because they have no position on a contig.
    pub unplaced: u64,
    /// Excluded because an aligned base lies in an excluded region.
    pub excluded: u64,
    /// Excluded by the WASP tag: with the alleles swapped, the read maps elsewhere.
    pub wasp: u64,
    /// Fragments that overlap a region, each counted once.
    pub in_regions: Tally,
    /// Fragments that cover a phased variant, in a region or not.
    pub at_variants: Tally,
    /// Bases at SNVs below the base quality, after overlapping mates are reconciled.
    pub low_base_quality: u64,
}

impl Summary {
    /// Messages for the user, one per line; with `regions` also about the fragments in regions.
    pub fn lines(&self, regions: bool) -> Vec<String> {
        let mut excluded = format!(
            "{} alignments read; excluded: {} by flags, {} by mapping quality, {} unplaced",
            self.alignments, self.flagged, self.low_mapping_quality, self.unplaced
        );
        for (n, why) in [(self.excluded, "in excluded regions"), (self.wasp, "by the WASP tag vW")] {
            if n > 0 {
                excluded += &format!(", {n} {why}");
            }
        }
        let mut lines = vec![excluded];
        if regions {
            lines.push(format!("fragments in the regions: {}", self.in_regions.describe()));
        }
        lines.push(format!("fragments that cover a phased variant: {}", self.at_variants.describe()));
        if self.low_base_quality > 0 {
            lines.push(format!(
                "{} bases at SNVs excluded by base quality or because the mates differ",
                self.low_base_quality
            ));
        }
        lines
    }
}
