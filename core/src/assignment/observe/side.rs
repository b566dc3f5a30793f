//! The two ends of a read, treated by the same code.

use crate::assignment::aligned_read::Exon;
use crate::assignment::realign::SegmentEnd;

/// An end of a read. At the right end positions and indices are negated and spans swapped, so that seen from either end
/// numbers grow towards the inside of the read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    /// A position or index as seen from this end, or back.
    pub fn mirror(self, position: i64) -> i64 {
        match self {
            Side::Left => position,
            Side::Right => -position,
        }
    }

    /// A half-open span as seen from this end, or back.
    pub fn span(self, (start, end): (i64, i64)) -> (i64, i64) {
        match self {
            Side::Left => (start, end),
            Side::Right => (-end, -start),
        }
    }

    /// Aligned reference span of an exon.
    pub fn aligned_span(self, exon: Exon) -> (i64, i64) {
        self.span((exon.start(), exon.end()))
    }

    /// Indices in the read, half-open.
    pub fn indices(self, (from, to): (usize, usize)) -> (i64, i64) {
        self.span((from as i64, to as i64))
    }

    /// The innermost place at or outside of `border` up to which bases of the exon are aligned: position and index.
    pub fn outside(self, exon: Exon, border: i64) -> Option<(i64, i64)> {
        let place = match self {
            Side::Left => exon.aligned_left_of(border),
            Side::Right => exon.aligned_right_of(-border),
        };
        place.map(|(position, index)| (self.mirror(position), self.mirror(index as i64)))
    }

    /// The outermost place at or inside of `border` from which on bases of the exon are aligned: position and index.
    pub fn inside(self, exon: Exon, border: i64) -> Option<(i64, i64)> {
        let place = match self {
            Side::Left => exon.aligned_right_of(border),
            Side::Right => exon.aligned_left_of(-border),
        };
        place.map(|(position, index)| (self.mirror(position), self.mirror(index as i64)))
    }

    /// Left and right of the end at this side and the one further inside.
    pub fn ordered(self, outer: SegmentEnd, inner: SegmentEnd) -> [SegmentEnd; 2] {
        match self {
            Side::Left => [outer, inner],
            Side::Right => [inner, outer],
        }
    }
}
