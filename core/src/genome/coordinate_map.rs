//! The coordinate map between a contig of a haplotype and of the reference.

/// A map between a contig of a haplotype and of the reference. It stores only the edits that change lengths, with 16 bytes
/// each, so that a whole genome fits in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoordinateMap {
    gaps: Vec<Gap>,
    reference_length: u64,
    haplotype_length: u64,
}

/// Bases that do not correspond: `reference_length` bases from `reference` on are replaced by `haplotype_length` bases from
/// `haplotype` on. Positions in BAM have 31 bits, so 32 bits are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    reference: u32,
    haplotype: u32,
    reference_length: u32,
    haplotype_length: u32,
}

impl Gap {
    fn reference_end(&self) -> u64 {
        self.reference as u64 + self.reference_length as u64
    }

    fn haplotype_end(&self) -> u64 {
        self.haplotype as u64 + self.haplotype_length as u64
    }
}

/// A run of bases that correspond one to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapBlock {
    /// First base on the haplotype, 0-based.
    pub haplotype: u64,
    /// First base on the reference, 0-based.
    pub reference: u64,
    /// Number of bases.
    pub length: u64,
}

/// Longest contig that can be mapped, of haplotype or reference, in bases.
pub const MAX_CONTIG_LENGTH: u64 = u32::MAX as u64;

impl CoordinateMap {
    /// The map of a contig of `length` bases that is the same in both. Positions past [`MAX_CONTIG_LENGTH`] are not mapped:
    /// check contig lengths against it.
    pub fn new(length: u64) -> Self {
        Self { gaps: Vec::new(), reference_length: length, haplotype_length: length }
    }

    /// Replace reference `start..end` (0-based half-open) by `length` bases. Replacements are added in order and do not
    /// overlap; those that keep the length have no effect.
    pub fn add(&mut self, start: u64, end: u64, length: u64) {
        let (replaced, n) = (end - start, self.gaps.len());
        if replaced == length {
            return;
        }
        let short = |v: u64| u32::try_from(v).unwrap_or(u32::MAX);
        self.haplotype_length = (self.haplotype_length + length).saturating_sub(replaced);
        if let Some(last) = self.gaps.last_mut().filter(|g| g.reference_end() == start) {
            // Adjacent to the gap before: one gap, since no base corresponds between them.
            last.reference_length = short(last.reference_length as u64 + replaced);
            last.haplotype_length = short(last.haplotype_length as u64 + length);
            return;
        }
        let (reference, haplotype) = match n {
            0 => (0, 0),
            _ => (self.gaps[n - 1].reference_end(), self.gaps[n - 1].haplotype_end()),
        };
        self.gaps.push(Gap {
            reference: short(start),
            haplotype: short(haplotype + (start - reference)),
            reference_length: short(replaced),
            haplotype_length: short(length),
        });
    }

    /// Length of the contig of the haplotype, in bases.
    pub fn haplotype_length(&self) -> u64 {
        self.haplotype_length
    }

    /// Length of the contig of the reference, in bases.
    pub fn reference_length(&self) -> u64 {
        self.reference_length
    }

    /// Reference position of haplotype position `position` (both 0-based); `None` for inserted bases and past the end.
    pub fn to_reference(&self, position: u64) -> Option<u64> {
        if position >= self.haplotype_length {
            return None;
        }
        match self.gaps[..self.gaps.partition_point(|g| g.haplotype as u64 <= position)].last() {
            None => Some(position),
            Some(gap) => position.checked_sub(gap.haplotype_end()).map(|offset| gap.reference_end() + offset),
        }
    }

    /// Haplotype position of reference position `position` (both 0-based); `None` where it is deleted or replaced by a
    /// different number of bases, and past the end.
    pub fn to_haplotype(&self, position: u64) -> Option<u64> {
        if position >= self.reference_length {
            return None;
        }
        match self.gaps[..self.gaps.partition_point(|g| g.reference as u64 <= position)].last() {
            None => Some(position),
            Some(gap) => position.checked_sub(gap.reference_end()).map(|offset| gap.haplotype_end() + offset),
        }
    }

    /// The runs of corresponding bases, in order, none empty.
    pub fn blocks(&self) -> impl Iterator<Item = MapBlock> + '_ {
        self.blocks_from(0)
    }

    /// The runs of corresponding bases that end after haplotype position `position` (0-based); the first may begin before
    /// it.
    pub fn blocks_from(&self, position: u64) -> impl Iterator<Item = MapBlock> + '_ {
        // Block i precedes gap i; the last block follows all gaps.
        let first = self.gaps.partition_point(|g| (g.haplotype as u64) <= position);
        (first..=self.gaps.len()).filter_map(move |i| {
            let (reference, haplotype) = match i {
                0 => (0, 0),
                _ => (self.gaps[i - 1].reference_end(), self.gaps[i - 1].haplotype_end()),
            };
            let end = self.gaps.get(i).map_or(self.haplotype_length, |g| g.haplotype as u64);
            let length = end.saturating_sub(haplotype);
            (length > 0).then_some(MapBlock { haplotype, reference, length })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjacent_gaps_are_merged() {
        let mut map = CoordinateMap::new(20);
        map.add(3, 4, 1);
        map.add(5, 8, 0);
        map.add(8, 8, 2);
        map.add(15, 16, 3);
        let got: Vec<_> = map.blocks().map(|b| (b.haplotype, b.reference, b.length)).collect();
        assert_eq!(got, [(0, 0, 5), (7, 8, 7), (17, 16, 4)]);
        assert_eq!((map.haplotype_length(), map.reference_length()), (21, 20));
        let got: Vec<_> = map.blocks_from(14).map(|b| b.haplotype).collect();
        assert_eq!(got, [17]);
        assert_eq!(map.blocks_from(13).next().map(|b| b.haplotype), Some(7));
        assert_eq!((map.to_reference(6), map.to_haplotype(15)), (None, None));
        assert_eq!(std::mem::size_of::<Gap>(), 16);
    }

    #[test]
    fn a_contig_may_begin_and_end_in_a_gap() {
        let mut map = CoordinateMap::new(10);
        map.add(0, 2, 0);
        map.add(8, 10, 0);
        assert_eq!(map.blocks().collect::<Vec<_>>(), [MapBlock { haplotype: 0, reference: 2, length: 6 }]);
        assert_eq!(map.to_reference(0), Some(2));
        let mut nothing = CoordinateMap::new(4);
        nothing.add(0, 4, 0);
        assert_eq!(nothing.blocks().count(), 0);
    }
}
