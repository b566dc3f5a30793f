//! The set of records of a site that a read covers.

use std::ops::BitOr;

/// Which records of a site a read covers, by their index in [`crate::assignment::Site::records`]. Only the first
/// sixteen are distinguished; a read counts as covering all later ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoveredRecords(u16);

impl CoveredRecords {
    /// None of the first sixteen.
    pub const NONE: Self = Self(0);

    /// All records.
    pub const ALL: Self = Self(u16::MAX);

    /// Number of records that are distinguished.
    const BITS: usize = u16::BITS as usize;

    /// One record, by index.
    pub fn one(index: usize) -> Self {
        Self(if index < Self::BITS { 1 << index } else { 0 })
    }

    /// True if the record of this index is covered.
    pub fn contains(self, index: usize) -> bool {
        index >= Self::BITS || self.0 >> index & 1 == 1
    }

    /// True if none of the first sixteen records is covered.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for CoveredRecords {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<usize> for CoveredRecords {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        indices.into_iter().fold(Self::NONE, |all, i| all | Self::one(i))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sixteen_records_are_distinguished() {
        let some: CoveredRecords = [0, 3, 15, 16, 400].into_iter().collect();
        let listed: Vec<usize> = (0..18).filter(|&i| some.contains(i)).collect();
        assert_eq!(listed, [0, 3, 15, 16, 17]);
        assert_eq!(some | CoveredRecords::one(1), [0, 1, 3, 15].into_iter().collect());
        assert!(CoveredRecords::one(16).is_empty() && !some.is_empty());
        assert!((0..20).all(|i| CoveredRecords::ALL.contains(i)));
    }
}
