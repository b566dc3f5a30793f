//! Which base of the reference each base of an allele stands for, and the two alleles side by side.

use crate::genome::{Haplotype, HaplotypePiece, PiecePlace};
use crate::motifs::paired::AlignedBlock;

/// The places of the bases of one allele, in the order in which the network reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseMap {
    pieces: Vec<HaplotypePiece>,
    reverse: bool,
    length: usize,
}

/// A piece of an allele as it is read: offsets in the window, and where they are in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedPiece {
    /// Offset of the first base in the window.
    pub offset: usize,
    /// Number of bases.
    pub length: usize,
    /// The positions in the reference, 0-based half-open; of inserted bases the place between two bases, where both are
    /// equal. `None` beyond the ends of the contig.
    pub reference: Option<(u64, u64)>,
}

impl BaseMap {
    /// That of a haplotype, which is read as its reverse complement if `reverse`.
    pub fn of(haplotype: &Haplotype, reverse: bool) -> Self {
        Self { pieces: haplotype.pieces(), reverse, length: haplotype.sequence.len() }
    }

    /// That of a sequence without a reference.
    pub fn without_reference(length: usize) -> Self {
        let piece = HaplotypePiece { start: 0, end: length, place: PiecePlace::Reference(0) };
        Self { pieces: vec![piece], reverse: false, length }
    }

    /// That of a sequence of `length` bases in pieces, read as it is.
    pub fn of_pieces(pieces: Vec<HaplotypePiece>, length: usize) -> Self {
        Self { pieces, reverse: false, length }
    }

    /// That whose [`BaseMap::pieces`] are `pieces`, for an allele that is read as its reverse complement if `reverse`.
    /// The pieces are in the order of their offsets, and without gaps.
    pub fn of_mapped(pieces: &[MappedPiece], reverse: bool) -> Self {
        let length = pieces.iter().map(|piece| piece.length).sum();
        let of = |piece: &MappedPiece| {
            let place = match piece.reference {
                Some((start, end)) if start < end => PiecePlace::Reference(start),
                Some(_) => PiecePlace::Inserted,
                None => PiecePlace::Outside,
            };
            let end = piece.offset + piece.length;
            let start = if reverse { length - end } else { piece.offset };
            HaplotypePiece { start, end: start + piece.length, place }
        };
        let mut pieces: Vec<HaplotypePiece> = pieces.iter().map(of).collect();
        if reverse {
            pieces.reverse();
        }
        Self { pieces, reverse, length }
    }

    /// Bases of the allele; the window may be longer, padded on the right.
    pub fn bases(&self) -> usize {
        self.length
    }

    /// Whether the allele is read as its reverse complement.
    pub fn is_reverse(&self) -> bool {
        self.reverse
    }

    /// The pieces in the order of their offsets.
    pub fn pieces(&self) -> Vec<MappedPiece> {
        // Where the next reference base is: inserted bases lie before it.
        let mut next = self.pieces.iter().find_map(|piece| match piece.place {
            PiecePlace::Reference(first) => Some(first),
            PiecePlace::Inserted | PiecePlace::Outside => None,
        });
        let mut pieces: Vec<MappedPiece> = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let length = piece.end - piece.start;
            let offset = if self.reverse { self.length - piece.end } else { piece.start };
            let reference = match piece.place {
                PiecePlace::Reference(first) => {
                    let end = first + length as u64;
                    next = Some(end);
                    Some((first, end))
                }
                PiecePlace::Inserted => next.map(|at| (at, at)),
                PiecePlace::Outside => None,
            };
            pieces.push(MappedPiece { offset, length, reference });
        }
        if self.reverse {
            pieces.reverse();
        }
        pieces
    }

    /// The reference position (0-based) of each base, in the order of the window; `None` for inserted bases and N beyond
    /// the contig.
    pub fn positions(&self) -> Vec<Option<u64>> {
        let mut positions = Vec::with_capacity(self.length);
        for piece in self.pieces() {
            let one_for_one = piece.reference.filter(|(start, end)| start < end);
            positions.extend(
                (0..piece.length as u64)
                    .map(|i| one_for_one.map(|(start, end)| if self.reverse { end - 1 - i } else { start + i })),
            );
        }
        positions
    }
}

/// The two alleles side by side, as columns of offsets: bases of the same reference base in one column, bases inserted at
/// the same place in the same columns from the left on, a gap where only one allele has a base.
pub fn side_by_side(alleles: [&BaseMap; 2]) -> Vec<[Option<usize>; 2]> {
    let [one, two] = alleles.map(BaseMap::positions);
    let reverse = alleles[0].reverse;
    let before = |a: u64, b: u64| if reverse { a > b } else { a < b };
    let (mut i, mut j) = (0, 0);
    let mut columns = Vec::with_capacity(one.len().max(two.len()));
    while i < one.len() || j < two.len() {
        let take = match (one.get(i), two.get(j)) {
            (Some(Some(a)), Some(Some(b))) => [!before(*b, *a), !before(*a, *b)],
            (Some(None), Some(Some(_))) => [true, false],
            (Some(Some(_)), Some(None)) => [false, true],
            (a, b) => [a.is_some(), b.is_some()],
        };
        columns.push([take[0].then_some(i), take[1].then_some(j)]);
        i += usize::from(take[0]);
        j += usize::from(take[1]);
    }
    columns
}

/// The runs of columns in which both alleles have a base.
pub fn aligned_blocks(columns: &[[Option<usize>; 2]]) -> Vec<AlignedBlock> {
    let mut blocks: Vec<AlignedBlock> = Vec::new();
    for column in columns {
        let [Some(first), Some(second)] = *column else { continue };
        match blocks.last_mut() {
            Some(block) if block.first + block.length == first && block.second + block.length == second => {
                block.length += 1
            }
            _ => blocks.push(AlignedBlock { first, second, length: 1 }),
        }
    }
    blocks
}

#[cfg(test)]
#[path = "base_map_tests.rs"]
mod tests;
