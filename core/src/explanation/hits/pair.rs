//! The two alleles of a pair side by side, in the direction of the reference.

use std::ops::Range;

use crate::explanation::attributions::base_map::{aligned_blocks, side_by_side, BaseMap};
use crate::model::encode::{complement, letter};
use crate::motifs::paired::AlignedBlock;

/// Both alleles of a pair with the map between them. Columns are those of
/// [`side_by_side`]; offsets are those of bases of one allele.
#[derive(Clone, Debug, PartialEq)]
pub struct SitePair {
    /// Byte codes of the bases of each allele, without padding.
    codes: [Vec<u8>; 2],
    columns: Vec<[Option<usize>; 2]>,
    /// The column of each base of each allele.
    column_of: [Vec<usize>; 2],
    /// For each column the reference position (0-based) of its base, or of the next one where it is inserted.
    at: Vec<u64>,
    /// Whether the column stands for a base of the reference.
    in_reference: Vec<bool>,
    /// The columns from the first to the last that both alleles have: an end that only one allele reaches is no
    /// difference.
    common: Range<usize>,
    /// Common columns in which the alleles differ.
    differing: Vec<usize>,
    /// What each base contributes to the activity of its own allele.
    attributions: Option<[Vec<f32>; 2]>,
}

impl SitePair {
    /// A pair of `codes` (padding on the right is ignored), whose bases are where `maps` say. `attributions` are those of
    /// the bases that are there, by offset, with the sign of the activity of the own allele. What is read as the reverse
    /// complement is turned into the direction of the reference.
    pub fn new(codes: [&[u8]; 2], maps: [&BaseMap; 2], attributions: Option<[Vec<f32>; 2]>) -> Self {
        let reverse = maps[0].is_reverse();
        let sizes = [0, 1].map(|k| maps[k].bases().min(codes[k].len()));
        let mut columns = side_by_side(maps);
        columns.retain(|column| (0..2).all(|k| column[k].is_none_or(|offset| offset < sizes[k])));
        let mut positions = maps.map(BaseMap::positions);
        let mut codes = [0, 1].map(|k| codes[k][..sizes[k]].to_vec());
        let mut attributions = attributions;
        if let Some(values) = &mut attributions {
            values.iter_mut().zip(sizes).for_each(|(values, size)| values.resize(size, 0.0));
        }
        if reverse {
            columns.reverse();
            for column in &mut columns {
                for (offset, size) in column.iter_mut().zip(sizes) {
                    *offset = offset.map(|offset| size - 1 - offset);
                }
            }
            for k in 0..2 {
                positions[k].truncate(sizes[k]);
                positions[k].reverse();
                codes[k].reverse();
                codes[k].iter_mut().for_each(|code| *code = complement(*code));
            }
            attributions.iter_mut().flatten().for_each(|values| values.reverse());
        }
        let mut column_of = sizes.map(|size| vec![0; size]);
        for (number, column) in columns.iter().enumerate() {
            for (of, offset) in column_of.iter_mut().zip(column) {
                if let Some(offset) = offset {
                    of[*offset] = number;
                }
            }
        }
        let place = |column: &[Option<usize>; 2]| (0..2).find_map(|k| positions[k].get(column[k]?).copied().flatten());
        let places: Vec<Option<u64>> = columns.iter().map(place).collect();
        let in_reference = places.iter().map(Option::is_some).collect();
        let mut at = vec![0; columns.len()];
        let mut next = places.iter().rev().find_map(|p| *p).map_or(0, |last| last + 1);
        for (slot, place) in at.iter_mut().zip(&places).rev() {
            next = place.unwrap_or(next);
            *slot = next;
        }
        let both = |column: &[Option<usize>; 2]| column[0].is_some() && column[1].is_some();
        let first = columns.iter().position(both).unwrap_or(columns.len());
        let last = columns.iter().rposition(both).map_or(first, |last| last + 1);
        let code = |k: usize, column: &[Option<usize>; 2]| column[k].map(|offset| codes[k][offset].min(4));
        let differing =
            (first..last).filter(|&number| code(0, &columns[number]) != code(1, &columns[number])).collect();
        Self { codes, columns, column_of, at, in_reference, common: first..last, differing, attributions }
    }

    /// Bases of an allele (0 or 1) as letters.
    pub fn letters(&self, allele: usize) -> Vec<u8> {
        self.codes[allele].iter().map(|&code| letter(code)).collect()
    }

    /// Byte codes of an allele (0 or 1).
    pub fn codes(&self, allele: usize) -> &[u8] {
        &self.codes[allele]
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Offset in an allele of the base in a column.
    pub fn offset(&self, allele: usize, column: usize) -> Option<usize> {
        self.columns[column][allele]
    }

    /// The column of the base at an offset of an allele.
    pub fn column(&self, allele: usize, offset: usize) -> usize {
        self.column_of[allele][offset]
    }

    /// The code of an allele in a column: 0 to 3, 4 for N; `None` for a gap.
    pub fn code(&self, allele: usize, column: usize) -> Option<u8> {
        self.columns[column][allele].map(|offset| self.codes[allele][offset].min(4))
    }

    /// The columns from the first to the last that both alleles have.
    pub fn common(&self) -> Range<usize> {
        self.common.clone()
    }

    /// The common columns in which the alleles differ.
    pub fn differing(&self) -> &[usize] {
        &self.differing
    }

    /// Whether alleles differ in `columns`.
    pub fn differs_in(&self, columns: &Range<usize>) -> bool {
        !self.differing_in(columns).is_empty()
    }

    /// The differing columns among `columns`.
    pub fn differing_in(&self, columns: &Range<usize>) -> &[usize] {
        let from = self.differing.partition_point(|&column| column < columns.start);
        let to = self.differing.partition_point(|&column| column < columns.end);
        &self.differing[from..to.max(from)]
    }

    /// Reference positions (0-based half-open) of `columns`; of inserted bases alone both are the position of the base
    /// after them.
    pub fn span(&self, columns: &Range<usize>) -> (u64, u64) {
        let inside = || columns.clone().filter(|&column| self.in_reference[column]);
        let next = || self.at.get(columns.start).copied().unwrap_or(0);
        match (inside().next(), inside().next_back()) {
            (Some(first), Some(last)) => (self.at[first], self.at[last] + 1),
            _ => (next(), next()),
        }
    }

    /// The reference position of a column, or of the base after inserted ones; and whether it is in the reference.
    pub fn place(&self, column: usize) -> (u64, bool) {
        (self.at[column], self.in_reference[column])
    }

    /// Sum of what the bases of an allele from offset `start` to `end` contribute to its activity.
    pub fn attribution(&self, allele: usize, offsets: Range<usize>) -> Option<f64> {
        let values = self.attributions.as_ref()?[allele].get(offsets)?;
        Some(values.iter().map(|&value| f64::from(value)).sum())
    }

    /// Runs of columns that both alleles have.
    pub fn blocks(&self) -> Vec<AlignedBlock> {
        aligned_blocks(&self.columns)
    }

    /// The differing columns between which less than a window of `width` bases is equal, as ranges of columns from the
    /// first to past the last of each group: a window can have bases of several differences of one group, and of no two
    /// groups.
    pub fn groups(&self, width: usize) -> Vec<Range<usize>> {
        groups(&self.differing, width)
    }
}

/// As [`SitePair::groups`], of any columns in order.
pub(crate) fn groups(differing: &[usize], width: usize) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for &column in differing {
        match groups.last_mut() {
            // Equal columns between, and a base on either side.
            Some(group) if column - group.end + 2 <= width => group.end = column + 1,
            _ => groups.push(column..column + 1),
        }
    }
    groups
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::explanation::attributions::base_map::MappedPiece;
    use crate::explanation::attributions::pairs::MappedPair;

    /// Designed alleles as a pair.
    pub fn designed(a: &str, b: &str) -> SitePair {
        let pair = MappedPair::designed(a.as_bytes(), b.as_bytes(), a.len().max(b.len())).unwrap();
        SitePair::new(pair.codes.each_ref().map(|codes| &codes[..]), pair.maps.each_ref(), None)
    }

    #[test]
    fn differences_in_groups_by_width() {
        let pair = designed("ACGTTGCAAGCTTAGCCATGACCGTATGGATTACA", "ACGTTGCATGCTTAGCCATGACCGTGGATTACA");
        assert_eq!(pair.differing().len(), 3);
        let first = pair.differing()[0];
        let (second, last) = (pair.differing()[1], pair.differing()[2]);
        assert_eq!((first, last), (8, second + 1));
        let between = second - first - 1;
        assert_eq!(pair.groups(between + 1), [8..9, second..last + 1]);
        let joined = pair.groups(between + 2);
        assert_eq!((joined.len(), joined[0].clone()), (1, 8..last + 1));
        assert_eq!(pair.span(&(8..9)), (8, 9));
        assert_eq!(pair.blocks().len(), 2);
        assert_eq!(pair.code(1, second), None);
        assert!(pair.differs_in(&(0..9)) && !pair.differs_in(&(0..8)) && !pair.differs_in(&(9..second)));
    }

    #[test]
    fn what_one_allele_alone_reaches_is_no_difference_and_reverse_is_turned() {
        let piece = |offset, length, reference| MappedPiece { offset, length, reference };
        // Read in reverse: haplotype 2 lacks the two bases 104 and 105, and reaches further to the left.
        let one = BaseMap::of_mapped(&[piece(0, 8, Some((100, 108)))], true);
        let two = BaseMap::of_mapped(&[piece(0, 2, Some((106, 108))), piece(2, 6, Some((98, 104)))], true);
        let codes: [&[u8]; 2] = [&[0, 1, 2, 3, 0, 1, 2, 3], &[0, 1, 0, 1, 2, 2, 0, 0]];
        let values = [vec![1.0; 8], (0..8).map(|i| i as f32).collect()];
        let pair = SitePair::new(codes, [&one, &two], Some(values));
        assert_eq!(pair.codes(0), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(pair.codes(1), [3, 3, 1, 1, 2, 3, 2, 3]);
        assert_eq!((pair.len(), pair.common()), (10, 2..10));
        // Position 100 (A, C), and the deletion.
        assert_eq!(pair.differing(), [2, 6, 7]);
        assert_eq!(pair.span(&(2..4)), (100, 102));
        assert_eq!(pair.span(&(6..8)), (104, 106));
        assert_eq!(pair.attribution(1, 0..2), Some(13.0));
    }
}
