//! The changes of a pair: the bases around each group of differences, and its class.

use std::ops::Range;

use crate::explanation::hits::pair::{groups, SitePair};
use crate::model::encode::ANY;

/// The code of a gap in a column of two codes.
const GAP: u8 = 7;

/// Differences of a pair that windows of the widest motif can join, with the bases around them that such windows have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locus {
    /// Number of the pair.
    pub pair: u32,
    /// The number of the first of `columns` in the pair.
    first: usize,
    /// Codes of both alleles: the first in the low four bits, [`GAP`] for none.
    columns: Box<[u8]>,
    /// The columns that differ, from the first of `columns` on.
    differing: Box<[usize]>,
}

/// A group of differences that windows of one motif can join.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The number of its first differing column in the pair.
    pub column: usize,
    columns: &'a [u8],
    /// Equal columns before and after the differences, at most one less than the motif has.
    flanks: [usize; 2],
}

impl Locus {
    /// Those of a pair, for motifs of at most `widest` columns.
    pub fn of(number: u32, pair: &SitePair, widest: usize) -> Vec<Self> {
        let common = pair.common();
        let locus = |group: Range<usize>| {
            let first = group.start.saturating_sub(widest.saturating_sub(1)).max(common.start);
            let end = (group.end + widest.saturating_sub(1)).min(common.end);
            let code = |allele: usize, column: usize| pair.code(allele, column).unwrap_or(GAP);
            let columns = (first..end).map(|column| code(0, column) | code(1, column) << 4).collect();
            let differing = pair.differing_in(&group).iter().map(|column| column - first).collect();
            Self { pair: number, first, columns, differing }
        };
        pair.groups(widest).into_iter().map(locus).collect()
    }

    /// The changes that a motif of `width` columns sees.
    pub fn changes(&self, width: usize) -> impl Iterator<Item = Change<'_>> {
        groups(&self.differing, width).into_iter().map(move |group| {
            let flank = width.saturating_sub(1);
            let from = group.start.saturating_sub(flank);
            let to = (group.end + flank).min(self.columns.len());
            Change {
                column: self.first + group.start,
                columns: &self.columns[from..to],
                flanks: [group.start - from, to - group.end],
            }
        })
    }
}

/// What a column of a change is, in the null as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Both alleles have the same base.
    Equal,
    /// A replaced by G or C by T, or the other way round.
    Transition,
    /// Any other replaced base.
    Transversion,
    /// Only the first allele has a base.
    First,
    /// Only the second allele has a base.
    Second,
}

/// The class of a change: its columns from the first to the last difference, and how many equal ones are around them.
/// The allele with more bases is the first one: the test does not depend on the order of the alleles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Template {
    /// Columns from the first to the last difference.
    pub columns: Vec<Column>,
    /// Equal columns on either side.
    pub flanks: [usize; 2],
}

impl Change<'_> {
    /// The codes of an allele (0 or 1), put into `codes`.
    pub fn codes(&self, allele: usize, codes: &mut Vec<u8>) {
        codes.clear();
        codes.extend(self.columns.iter().map(|column| column >> (4 * allele) & 15).filter(|code| *code != GAP));
    }

    /// Its class; `None` if a base of a difference is not known.
    pub fn template(&self) -> Option<Template> {
        let of_column = |column: &u8| match (column & 15, column >> 4) {
            (ANY, _) | (_, ANY) => None,
            (a, b) if a == b => Some(Column::Equal),
            (_, GAP) => Some(Column::First),
            (GAP, _) => Some(Column::Second),
            // A and G, C and T: codes that differ by two.
            (a, b) if a.abs_diff(b) == 2 => Some(Column::Transition),
            _ => Some(Column::Transversion),
        };
        let [left, right] = self.flanks;
        let own: Vec<Column> =
            self.columns[left..self.columns.len() - right].iter().map(of_column).collect::<Option<_>>()?;
        let exchanged: Vec<Column> = own
            .iter()
            .map(|column| match column {
                Column::First => Column::Second,
                Column::Second => Column::First,
                same => *same,
            })
            .collect();
        let lacking = |columns: &[Column]| columns.iter().filter(|column| **column == Column::Second).count();
        let columns = match (lacking(&own), &own).cmp(&(lacking(&exchanged), &exchanged)) {
            std::cmp::Ordering::Greater => exchanged,
            _ => own,
        };
        Some(Template { columns, flanks: self.flanks })
    }
}

impl Template {
    /// Number of columns with those around the differences.
    pub fn len(&self) -> usize {
        self.columns.len() + self.flanks[0] + self.flanks[1]
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the first allele has all columns.
    pub fn first_is_whole(&self) -> bool {
        !self.columns.contains(&Column::Second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::hits::pair::tests::designed;

    fn templates(a: &str, b: &str, width: usize) -> Vec<Option<Template>> {
        let loci = Locus::of(0, &designed(a, b), width.max(6));
        loci.iter().flat_map(|locus| locus.changes(width).map(|change| change.template()).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn classes_do_not_depend_on_the_order_of_the_alleles() {
        let a = "ACGTTGCAAGCTTAGCCATGACCGTATGGATTACAGGCATCCGTTAACGATCG";
        // C to T at 6, A to T at 8; two bases lost; G to N near the end.
        let b = "ACGTTGTATGCTTAGCCATGACCGTGGATTACAGGCATCCGTTAACNATCG";
        let found = templates(a, b, 4);
        use Column::*;
        let of = |columns: &[Column], flanks| Some(Template { columns: columns.into(), flanks });
        assert_eq!(
            found,
            [of(&[Transition, Equal, Transversion], [3, 3]), of(&[First, First], [3, 3]), None],
            "{found:?}"
        );
        assert_eq!(templates(b, a, 4), found);
        assert_eq!(templates(a, b, 2)[..2], [of(&[Transition], [1, 1]), of(&[Transversion], [1, 1])]);
        // Near the start, there are fewer bases.
        let wide = templates(&a[4..], &b[4..], 6);
        assert_eq!(wide[0].as_ref().map(|t| t.flanks), Some([2, 5]));
    }

    #[test]
    fn bases_of_both_alleles_come_back() {
        let (a, b) = ("ACGTTGCAAGCTTAGCCATGACCGTATGGATTACAGG", "ACGTTGCAAGCTTAGCCATGACCGTGGATTACAGG");
        let loci = Locus::of(3, &designed(a, b), 5);
        let change = loci[0].changes(5).next().unwrap();
        let mut codes = Vec::new();
        let letters = |codes: &[u8]| -> String { codes.iter().map(|&c| char::from(b"ACGT"[usize::from(c)])).collect() };
        change.codes(0, &mut codes);
        let one = letters(&codes);
        change.codes(1, &mut codes);
        let two = letters(&codes);
        assert_eq!((loci[0].pair, one.len(), two.len()), (3, 10, 8));
        assert!(a.contains(&one) && b.contains(&two));
    }
}
