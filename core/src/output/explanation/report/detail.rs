//! What the page has of one region: both alleles on one coordinate map, their contributions and differences.

use base64ct::{Base64, Encoding};
use serde::Serialize;

use crate::explanation::attributions::base_map::side_by_side;
use crate::explanation::attributions::folder::FolderPair;
use crate::explanation::attributions::Head;
use crate::model::encode::letter;
use crate::output::explanation::report::json::shortened_to;
use crate::output::table::number;

/// Columns of the longest drawing.
pub const MOST_COLUMNS: usize = 4000;

/// Bases of the longest inserted sequence that is written out.
const LONGEST_INSERTION: usize = 40;

/// The alleles of a region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairDetail {
    /// Columns that are drawn.
    pub columns: usize,
    /// Columns of the whole window.
    pub all_columns: usize,
    /// A letter for each column: `-` for a gap, a space beyond the ends of an allele.
    pub alleles: [String; 2],
    /// What the present bases contribute, with the sign of the activity of the own haplotype: base64 of 16-bit integers
    /// (little-endian), one for each base among the columns, in units of `unit`.
    pub contributions: [String; 2],
    /// log2 of one step of the integers.
    pub unit: f64,
    /// Bases of each allele before the first column.
    pub skipped: [usize; 2],
    /// Runs of columns with a reference position: first column, length, position of the first (0-based), step (1, or -1
    /// where the window is read as its reverse complement).
    pub positions: Vec<(usize, usize, u64, i8)>,
    /// Where the alleles differ.
    pub differences: Vec<Difference>,
    /// Whether the window is read as its reverse complement.
    pub reverse: bool,
}

/// One place in which the alleles differ: a base, or bases that one of them lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// First column, and number of columns.
    pub columns: (usize, usize),
    /// Position of the first base, 1-based, or after which position bases are inserted.
    pub place: String,
    /// Bases of haplotype 1.
    pub hap1: String,
    /// Bases of haplotype 2.
    pub hap2: String,
    /// By how much the base of haplotype 1 makes log2(haplotype 1 / haplotype 2) larger than that of haplotype 2, in
    /// the background of haplotype 1 and of haplotype 2; `.` of bases that are inserted or deleted.
    pub effects: [String; 2],
}

/// Columns of a pair.
struct Columns<'a> {
    pair: &'a FolderPair,
    head: Head,
    /// Offset in either allele, or a gap.
    offsets: Vec<[Option<usize>; 2]>,
    /// Reference position, 0-based.
    positions: Vec<Option<u64>>,
    /// First and last column of each allele.
    shown: [Option<(usize, usize)>; 2],
}

impl Columns<'_> {
    fn within(&self, allele: usize, column: usize) -> bool {
        self.shown[allele].is_some_and(|(first, last)| (first..=last).contains(&column))
    }

    fn letter(&self, allele: usize, column: usize) -> char {
        match self.offsets[column][allele] {
            Some(offset) => char::from(letter(self.pair.codes[allele][offset])),
            None if self.within(allele, column) => '-',
            None => ' ',
        }
    }

    /// What base `code` at `offset` contributes to log2(haplotype 1 / haplotype 2), or to the count of its haplotype.
    fn contribution(&self, allele: usize, code: u8, offset: usize) -> Option<f64> {
        (code < 4).then(|| f64::from(self.pair.contributions[allele][[usize::from(code), offset]]))
    }

    fn differs(&self, column: usize) -> bool {
        (0..2).all(|allele| self.within(allele, column)) && self.letter(0, column) != self.letter(1, column)
    }

    fn has_gap(&self, column: usize) -> bool {
        self.offsets[column].contains(&None)
    }

    /// The effects of [`Difference::effects`] of a column.
    fn effects(&self, column: usize) -> [String; 2] {
        let [Some(first), Some(second)] = self.offsets[column] else { return [".".into(), ".".into()] };
        let codes = [self.pair.codes[0][first], self.pair.codes[1][second]];
        [(0, first), (1, second)].map(|(allele, offset)| {
            let [own, other] = [codes[allele], codes[1 - allele]].map(|code| self.contribution(allele, code, offset));
            // Contributions to the ratio already have the sign of haplotype 1 over haplotype 2. Of counts: a base of
            // haplotype 2 that makes its count larger makes the ratio smaller.
            let sign = if self.head == Head::Count && allele == 1 { -1.0 } else { 1.0 };
            own.zip(other).map_or(".".into(), |(own, other)| number(sign * (own - other)))
        })
    }

    fn differences(&self, from: usize, to: usize) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut column = from;
        while column < to {
            if !self.differs(column) {
                column += 1;
                continue;
            }
            let mut end = column + 1;
            while self.has_gap(column) && end < to && self.has_gap(end) && self.differs(end) {
                end += 1;
            }
            let bases = |allele: usize| {
                let bases: String = (column..end).map(|at| self.letter(allele, at)).filter(|c| *c != '-').collect();
                match bases.len() > LONGEST_INSERTION {
                    true => format!("{} ({} bases)", shortened_to(&bases, LONGEST_INSERTION), bases.len()),
                    false => bases,
                }
            };
            let before = || {
                let side = if self.pair.maps[0].is_reverse() { self.positions.get(end) } else { None };
                match side {
                    // The reference goes on to the left.
                    Some(Some(position)) => Some(position + 1),
                    _ => self.positions[..column].iter().rev().flatten().next().map(|position| position + 1),
                }
            };
            let place = match self.positions[column..end].iter().flatten().min() {
                Some(position) => (position + 1).to_string(),
                None => before().map_or(".".into(), |position| format!("after {position}")),
            };
            let effects = if end == column + 1 { self.effects(column) } else { [".".into(), ".".into()] };
            found.push(Difference {
                columns: (column - from, end - column),
                place,
                hap1: bases(0),
                hap2: bases(1),
                effects,
            });
            column = end;
        }
        found
    }

    fn runs(&self, from: usize, to: usize) -> Vec<(usize, usize, u64, i8)> {
        let step: i8 = if self.pair.maps[0].is_reverse() { -1 } else { 1 };
        let mut runs: Vec<(usize, usize, u64, i8)> = Vec::new();
        for column in from..to {
            let Some(position) = self.positions[column] else { continue };
            match runs.last_mut() {
                Some((first, length, start, _))
                    if *first + *length == column - from
                        && start.checked_add_signed(i64::from(step) * *length as i64) == Some(position) =>
                {
                    *length += 1;
                }
                _ => runs.push((column - from, 1, position, step)),
            }
        }
        runs
    }
}

impl PairDetail {
    /// That of a pair whose contributions are those of `head`. Of a window with more than [`MOST_COLUMNS`] columns,
    /// those around the differences of the alleles.
    pub fn of(pair: &FolderPair, head: Head) -> Self {
        let offsets = side_by_side(pair.maps.each_ref());
        let places = pair.maps.each_ref().map(|map| map.positions());
        let position = |column: &[Option<usize>; 2]| {
            (0..2).find_map(|allele| column[allele].and_then(|offset| places[allele].get(offset).copied().flatten()))
        };
        let positions = offsets.iter().map(position).collect();
        let shown = [0, 1].map(|allele| {
            let has_base = |column: &[Option<usize>; 2]| column[allele].is_some();
            offsets.iter().position(has_base).zip(offsets.iter().rposition(has_base))
        });
        let columns = Columns { pair, head, offsets, positions, shown };
        let all = columns.offsets.len();
        let differing = || (0..all).filter(|column| columns.differs(*column));
        let middle = differing().next().zip(differing().next_back()).map_or(all / 2, |(a, b)| (a + b) / 2);
        let from = middle.saturating_sub(MOST_COLUMNS / 2).min(all.saturating_sub(MOST_COLUMNS));
        let to = (from + MOST_COLUMNS).min(all);
        let values = [0, 1].map(|allele| -> Vec<f64> {
            let sign = f64::from(head.own_sign(allele));
            let value = |offset: usize| columns.contribution(allele, pair.codes[allele][offset], offset);
            let present = columns.offsets[from..to].iter().filter_map(|column| column[allele]);
            present.map(|offset| sign * value(offset).filter(|value| value.is_finite()).unwrap_or(0.0)).collect()
        });
        let most = values.iter().flatten().fold(0.0, |most: f64, value| most.max(value.abs()));
        let unit = if most > 0.0 { most / f64::from(i16::MAX) } else { 1.0 };
        let contributions = values.map(|values| {
            let steps = values.iter().flat_map(|value| ((value / unit).round() as i16).to_le_bytes());
            Base64::encode_string(&steps.collect::<Vec<u8>>())
        });
        let bases_before = |allele: usize| columns.offsets[..from].iter().filter(|c| c[allele].is_some()).count();
        Self {
            columns: to - from,
            all_columns: all,
            alleles: [0, 1].map(|allele| (from..to).map(|column| columns.letter(allele, column)).collect()),
            contributions,
            unit,
            skipped: [0, 1].map(bases_before),
            positions: columns.runs(from, to),
            differences: columns.differences(from, to),
            reverse: pair.maps[0].is_reverse(),
        }
    }
}

#[cfg(test)]
#[path = "detail_tests.rs"]
mod tests;
