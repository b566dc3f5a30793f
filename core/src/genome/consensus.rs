//! The sequence of one haplotype along a contig: reference bases with its edits applied.

use crate::error::Result;
use crate::genome::CoordinateMap;
use crate::genome::Edit;

/// The edits of one haplotype on one contig: sorted, not overlapping.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    list: Vec<Stored>,
    /// The bases of all of them.
    bases: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    /// Replaced reference bases, 0-based half-open.
    start: u64,
    end: u64,
    /// Index of its first base in `bases`, and their number.
    first: usize,
    length: usize,
}

impl Edits {
    /// Remove all edits; keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.bases.clear();
    }

    /// Add an edit, in any order. With `lower`, its bases are lower case.
    pub fn add(&mut self, edit: &Edit, lower: bool) {
        let first = self.bases.len();
        self.bases.extend_from_slice(edit.bases);
        if lower {
            self.bases[first..].make_ascii_lowercase();
        }
        self.list.push(Stored { start: edit.start, end: edit.end, first, length: edit.bases.len() });
    }

    /// Sort the edits: after the last [`Edits::add`], before anything else.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|e| (e.start, e.end));
    }

    /// Number of edits.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there are no edits.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The edits from number `from` on.
    fn from(&self, from: usize) -> impl Iterator<Item = Edit<'_>> {
        let edit = |e: &Stored| Edit { start: e.start, end: e.end, bases: &self.bases[e.first..e.first + e.length] };
        self.list[from..].iter().map(edit)
    }

    /// All edits in order.
    pub fn iter(&self) -> impl Iterator<Item = Edit<'_>> {
        self.from(0)
    }

    /// Map between the haplotype and a reference contig of `length` bases.
    pub fn coordinate_map(&self, length: u64) -> CoordinateMap {
        let mut map = CoordinateMap::new(length);
        self.iter().for_each(|e| map.add(e.start, e.end, e.bases.len() as u64));
        map
    }

    /// Pass the haplotype's bases of reference `start..end` (0-based half-open) to `out`, piece by piece. An insertion
    /// belongs to the base on its left, as in VCF, and a longer replacement to the interval in which it begins, so that
    /// the sequences of adjacent intervals join without a gap.
    ///
    /// `reference` is the whole contig.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn pieces(
        &self,
        reference: &[u8],
        start: u64,
        end: u64,
        out: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let end = end.min(reference.len() as u64);
        let mut at = start.min(end);
        let bases = |from: u64, to: u64| &reference[from as usize..to as usize];
        // An insertion that ends at `start` belongs to the interval before, except at the start of the contig.
        let first = self.list.partition_point(|e| e.end < start || (e.end == start && start > 0));
        for edit in self.from(first) {
            let insertion = edit.start == edit.end;
            if edit.start > end || (edit.start == end && !insertion) {
                break;
            }
            let stop = edit.end.min(end);
            if edit.start > at {
                out(bases(at, edit.start))?;
            }
            if edit.bases.len() as u64 == edit.end - edit.start {
                let from = edit.start.max(start);
                out(&edit.bases[(from - edit.start) as usize..(stop - edit.start) as usize])?;
            } else if edit.start >= start {
                out(edit.bases)?;
            }
            at = at.max(stop);
        }
        if at < end {
            out(bases(at, end))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASES: &[u8] = b"ACGTTGCAACGGTTAACCGTACGTTAGCATCGGATCCATG";

    fn sequence(edits: &Edits, start: u64, end: u64) -> String {
        let mut all = Vec::new();
        edits
            .pieces(BASES, start, end, &mut |piece| {
                all.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
        String::from_utf8(all).unwrap()
    }

    fn edits(list: &[(u64, u64, &str)]) -> Edits {
        let mut edits = Edits::default();
        for (start, end, bases) in list {
            edits.add(&Edit { start: *start, end: *end, bases: bases.as_bytes() }, false);
        }
        edits.sort();
        edits
    }

    #[test]
    fn an_edit_at_a_border_belongs_to_one_side() {
        let e = edits(&[(4, 4, "ccc"), (8, 12, "gg"), (20, 22, "tt"), (0, 0, "a"), (40, 40, "c")]);
        assert_eq!(sequence(&e, 0, 4), "aACGTccc");
        assert_eq!(sequence(&e, 4, 10), "TGCAgg");
        assert_eq!(sequence(&e, 10, 21), "TTAACCGTt");
        assert_eq!(sequence(&e, 21, 40), "tGTTAGCATCGGATCCATGc");
        assert_eq!(sequence(&e, 9, 11), "");
    }

    /// Edits that do not overlap: gaps between them, number of replaced bases, new bases.
    fn any_edits() -> impl Strategy<Value = Edits> {
        prop::collection::vec((0u64..9, 0u64..4, "[acgt]{0,4}"), 0..8).prop_map(|list| {
            let (mut at, mut edits) = (0, Edits::default());
            for (gap, n, bases) in list {
                let start = at + gap;
                // Two insertions at one position have no order, and an edit must change something.
                if start + n > BASES.len() as u64 || (n == 0 && bases.is_empty()) || (gap == 0 && at > 0) {
                    continue;
                }
                edits.add(&Edit { start, end: start + n, bases: bases.as_bytes() }, false);
                at = start + n;
            }
            edits.sort();
            edits
        })
    }

    /// Each base of the haplotype, by editing a string from the right, and the reference position it comes
    /// from where it has one.
    fn brute_force(edits: &Edits) -> Vec<(u8, Option<u64>)> {
        let mut all: Vec<_> = BASES.iter().enumerate().map(|(i, b)| (*b, Some(i as u64))).collect();
        let list: Vec<Edit> = edits.iter().collect();
        for e in list.iter().rev() {
            let same = e.bases.len() as u64 == e.end - e.start;
            let new: Vec<_> =
                e.bases.iter().enumerate().map(|(i, b)| (*b, same.then_some(e.start + i as u64))).collect();
            all.splice(e.start as usize..e.end as usize, new);
        }
        all
    }

    proptest! {
        #[test]
        fn the_whole_equals_an_edited_string(edits in any_edits()) {
            let truth: Vec<u8> = brute_force(&edits).iter().map(|b| b.0).collect();
            prop_assert_eq!(sequence(&edits, 0, BASES.len() as u64).into_bytes(), truth);
        }

        #[test]
        fn adjacent_intervals_join(edits in any_edits(), mut cuts in prop::collection::vec(0u64..40, 0..5)) {
            cuts.extend([0, BASES.len() as u64]);
            cuts.sort();
            cuts.dedup();
            let joined: String = cuts.windows(2).map(|w| sequence(&edits, w[0], w[1])).collect();
            prop_assert_eq!(joined, sequence(&edits, 0, BASES.len() as u64));
        }

        #[test]
        fn the_map_goes_there_and_back(edits in any_edits()) {
            let truth = brute_force(&edits);
            let map = edits.coordinate_map(BASES.len() as u64);
            prop_assert_eq!(map.haplotype_length(), truth.len() as u64);
            for (i, (_, position)) in truth.iter().enumerate() {
                prop_assert_eq!(map.to_reference(i as u64), *position);
                if let Some(p) = position {
                    prop_assert_eq!(map.to_haplotype(*p), Some(i as u64));
                }
            }
            prop_assert_eq!(map.to_reference(truth.len() as u64), None);
            let back = (0..BASES.len() as u64).filter(|p| map.to_haplotype(*p).is_none());
            for p in back {
                prop_assert!(truth.iter().all(|b| b.1 != Some(p)));
            }
            let shared: u64 = map.blocks().map(|b| b.length).sum();
            prop_assert_eq!(shared, truth.iter().filter(|b| b.1.is_some()).count() as u64);
        }
    }
}
