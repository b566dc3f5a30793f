//! Counts by region: fragments by sample and class, and the variants in which the haplotypes differ.

use crate::choice::choice;
use crate::counts::{Fragment, FragmentSink, Tally};
use crate::error::Result;
use crate::genome::IntervalIndex;
use crate::io::regions::Regions;

/// The blocks of `regions`, each with the index of its region, for lookups in any order. Empty without regions.
pub fn index_blocks(regions: Option<&Regions>) -> IntervalIndex {
    let blocks = regions.map_or(&[][..], |r| &r.blocks);
    IntervalIndex::new(blocks.iter().map(|b| (b.contig, b.start, b.end, b.region)))
}

/// Counts, for each region, the records within it in which the haplotypes differ.
pub struct RegionVariants {
    blocks: IntervalIndex,
    counts: Vec<u64>,
    overlapped: Vec<u32>,
}

impl RegionVariants {
    /// Nothing counted yet. `regions` are by the contigs of the variants.
    pub fn new(regions: Option<&Regions>) -> Self {
        let counts = vec![0; regions.map_or(0, |r| r.list.len())];
        Self { blocks: index_blocks(regions), counts, overlapped: Vec::new() }
    }

    /// Count one record in every region that overlaps a reference interval (0-based half-open) that it replaces on
    /// either haplotype. An insertion replaces an empty interval, which must have a base of the region on both sides.
    pub fn add(&mut self, contig: usize, replaced: impl IntoIterator<Item = (u64, u64)>) {
        self.overlapped.clear();
        for (start, end) in replaced {
            self.overlapped.extend(self.blocks.overlapping(contig, start, end));
        }
        self.overlapped.sort_unstable();
        self.overlapped.dedup();
        self.overlapped.iter().for_each(|&region| self.counts[region as usize] += 1);
    }

    /// The counts, one for each of [`Regions::list`].
    pub fn into_counts(self) -> Vec<u64> {
        self.counts
    }
}

choice!(
    /// Strand that a fragment must come from to count in a region that has a strand.
    #[derive(Default)]
    Strandedness, "strandedness",
    /// Either.
    #[default]
    None "none",
    /// The first mate, or the single read, is aligned to the strand of the region.
    Forward "forward",
    /// The first mate, or the single read, is aligned to the opposite strand (dUTP libraries).
    Reverse "reverse",
);

impl Strandedness {
    /// True if a fragment of strand `fragment` (`+` or `-`) counts in a region of strand `region`. In a region without
    /// strand (`.`) all count.
    pub fn accepts(self, region: u8, fragment: u8) -> bool {
        match self {
            _ if !matches!(region, b'+' | b'-') => true,
            Self::None => true,
            Self::Forward => region == fragment,
            Self::Reverse => region != fragment,
        }
    }
}

/// Counts fragments, each once per region, however many of its blocks and variants it covers.
pub struct RegionTallies {
    strandedness: Strandedness,
    strands: Vec<u8>,
    /// By sample, then region.
    regions: Vec<Vec<Tally>>,
    /// By sample, then contig.
    contigs: Vec<Vec<Tally>>,
    /// By sample.
    inside: Vec<Tally>,
}

impl RegionTallies {
    /// Nothing counted yet.
    pub fn new(regions: &Regions, samples: usize, strandedness: Strandedness) -> Self {
        Self {
            strandedness,
            strands: regions.list.iter().map(|r| r.strand).collect(),
            regions: vec![vec![Tally::default(); regions.list.len()]; samples],
            contigs: vec![vec![Tally::default(); regions.contigs.len()]; samples],
            inside: vec![Tally::default(); samples],
        }
    }

    /// The counts of a sample, one for each of [`Regions::list`].
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn tallies(&self, sample: usize) -> &[Tally] {
        &self.regions[sample]
    }

    /// Fragments of a sample in any region, each once, by the contig of their first read.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn by_contig(&self, sample: usize) -> &[Tally] {
        &self.contigs[sample]
    }

    /// Fragments of all samples in any region, each once.
    pub fn all(&self) -> Tally {
        self.inside.iter().copied().sum()
    }

    /// Fragments of a sample in any region, each once.
    ///
    /// # Panics
    /// If there is no such sample.
    pub fn inside(&self, sample: usize) -> Tally {
        self.inside[sample]
    }
}

impl FragmentSink for RegionTallies {
    fn add(&mut self, fragment: &Fragment) -> Result<()> {
        let tallies = &mut self.regions[fragment.sample];
        let mut counted = false;
        for &region in fragment.regions {
            let region = region as usize;
            if self.strandedness.accepts(self.strands[region], fragment.strand) {
                tallies[region].add(fragment.class);
                counted = true;
            }
        }
        if counted {
            self.inside[fragment.sample].add(fragment.class);
            if let Some(tally) = self.contigs[fragment.sample].get_mut(fragment.contig) {
                tally.add(fragment.class);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::Class;
    use crate::counts::sinks::test_fragment;
    use crate::io::regions::bed::test_region;
    use crate::io::regions::Region;
    use crate::io::Contigs;

    fn regions(strands: &[u8]) -> Regions {
        let contigs = Contigs::new(vec![("a".into(), 100), ("b".into(), 100)]);
        let one = |(i, &strand): (usize, &u8)| Region { strand, ..test_region(i % 2, i as u64, 50) };
        Regions::from_list(contigs, strands.iter().enumerate().map(one).collect())
    }

    fn fragment(sample: usize, class: Class, regions: &[u32], contig: usize, strand: u8) -> Fragment<'_> {
        Fragment { sample, contig, strand, ..test_fragment(class, regions) }
    }

    #[test]
    fn a_fragment_counts_once_in_each_region_and_once_in_all() {
        let mut t = RegionTallies::new(&regions(b"..."), 2, Strandedness::None);
        t.add(&fragment(0, Class::Hap1, &[0, 1], 0, b'+')).unwrap();
        t.add(&fragment(0, Class::Conflicting, &[1], 1, b'-')).unwrap();
        t.add(&fragment(1, Class::Hap2, &[2], 1, b'-')).unwrap();
        t.add(&fragment(1, Class::Uninformative, &[], 1, b'-')).unwrap();
        let four = |t: &Tally| [t.hap1, t.hap2, t.uninformative, t.conflicting];
        let of = |sample| t.tallies(sample).iter().map(four).collect::<Vec<_>>();
        assert_eq!(of(0), [[1, 0, 0, 0], [1, 0, 0, 1], [0; 4]]);
        assert_eq!(of(1), [[0; 4], [0; 4], [0, 1, 0, 0]]);
        assert_eq!(four(&t.inside(0)), [1, 0, 0, 1]);
        assert_eq!(four(&t.inside(1)), [0, 1, 0, 0]);
        assert_eq!(four(&t.all()), [1, 1, 0, 1]);
        assert_eq!(t.by_contig(0).iter().map(four).collect::<Vec<_>>(), [[1, 0, 0, 0], [0, 0, 0, 1]]);
    }

    #[test]
    fn a_region_with_a_strand_takes_fragments_of_the_right_one() {
        for (strandedness, strand, expected) in [
            ("none", b'+', [1, 1, 1]),
            ("none", b'-', [1, 1, 1]),
            ("forward", b'+', [1, 0, 1]),
            ("forward", b'-', [0, 1, 1]),
            ("reverse", b'+', [0, 1, 1]),
            ("reverse", b'-', [1, 0, 1]),
        ] {
            // Regions 0, 1, 2 after sorting by contig: +, ., - become those of contig 0 and then of contig 1.
            let regions = regions(b"+-.");
            let strands: Vec<u8> = regions.list.iter().map(|r| r.strand).collect();
            let mut t = RegionTallies::new(&regions, 1, strandedness.parse().unwrap());
            t.add(&fragment(0, Class::Hap1, &[0, 1, 2], 0, strand)).unwrap();
            let of = |strand| t.tallies(0)[strands.iter().position(|s| *s == strand).unwrap()].hap1;
            assert_eq!([of(b'+'), of(b'-'), of(b'.')], expected, "{strandedness} {}", strand as char);
            assert_eq!(t.inside(0).hap1, 1);
        }
        let mut t = RegionTallies::new(&regions(b"+"), 1, Strandedness::Reverse);
        t.add(&fragment(0, Class::Hap1, &[0], 0, b'+')).unwrap();
        assert_eq!((t.inside(0).total(), t.by_contig(0)[0].total()), (0, 0));
        assert!("yes".parse::<Strandedness>().is_err());
    }
}
