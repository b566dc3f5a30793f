//! Which windows a model learnt from, and which it was only tested on.

use crate::io::Contigs;
use crate::model::metadata::HeldOut;
use crate::training::split::Part;

/// Intervals of a genome that training held out for one purpose, by contig.
#[derive(Clone, Debug)]
pub struct HeldParts {
    /// Start (0-based), end (exclusive), sorted by start, with the furthest end up to and including each.
    list: Vec<Vec<(i64, i64, i64)>>,
}

impl HeldParts {
    /// From the names in a model's metadata, `chrom` and `chrom:start-end` (1-based, inclusive); what is on other
    /// contigs than `contigs` is of no concern here.
    pub fn new(names: &[String], contigs: &Contigs) -> Self {
        let mut list = vec![Vec::new(); contigs.len()];
        for name in names {
            let place = name.rsplit_once(':').and_then(|(chrom, span)| {
                let (from, to) = span.split_once('-')?;
                Some((chrom, from.parse::<i64>().ok()?.checked_sub(1)?, to.parse::<i64>().ok()?))
            });
            let (chrom, from, to) = place.unwrap_or((name, i64::MIN, i64::MAX));
            if let Some(contig) = contigs.find(chrom) {
                list[contig].push((from, to, to));
            }
        }
        for contig in &mut list {
            contig.sort_unstable();
            let mut reach = i64::MIN;
            for interval in contig {
                reach = reach.max(interval.1);
                interval.2 = reach;
            }
        }
        Self { list }
    }

    fn starting_before(&self, contig: usize, position: i64) -> Option<i64> {
        let list = self.list.get(contig)?;
        let n = list.partition_point(|interval| interval.0 < position);
        list[..n].last().map(|interval| interval.2)
    }

    /// Whether a window (0-based half-open, what lies before the contig left out) is inside one of the intervals.
    pub fn hold(&self, contig: usize, start: i64, end: i64) -> bool {
        self.starting_before(contig, start.max(0).saturating_add(1)).is_some_and(|reach| end <= reach)
    }

    /// Whether it shares a base with any of them.
    pub fn touch(&self, contig: usize, start: i64, end: i64) -> bool {
        self.starting_before(contig, end).is_some_and(|reach| start.max(0) < reach)
    }
}

/// The three parts of a genome as a model's metadata have them.
#[derive(Clone, Debug)]
pub struct ModelParts {
    validation: HeldParts,
    test: HeldParts,
    known: bool,
}

impl ModelParts {
    /// The parts that a model names as held out, by the contigs of a genome.
    pub fn new(held_out: &HeldOut, contigs: &Contigs) -> Self {
        Self {
            validation: HeldParts::new(&held_out.validation, contigs),
            test: HeldParts::new(&held_out.test, contigs),
            known: !held_out.test.is_empty(),
        }
    }

    /// The part of a window. None for one that lies in two of them, and for every window when the model does not
    /// say what it was tested on.
    pub fn part(&self, contig: usize, start: i64, end: i64) -> Option<Part> {
        let touched = [&self.validation, &self.test].map(|p| p.touch(contig, start, end));
        match (self.known, touched) {
            (false, _) | (_, [true, true]) => None,
            (_, [false, false]) => Some(Part::Train),
            (_, [true, false]) => self.validation.hold(contig, start, end).then_some(Part::Validation),
            (_, [false, true]) => self.test.hold(contig, start, end).then_some(Part::Test),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contigs() -> Contigs {
        Contigs::new(vec![("chr1".into(), 1000), ("chr2".into(), 1000)])
    }

    #[test]
    fn names_are_contigs_or_intervals() {
        let parts = HeldParts::new(&["1:21-30".into(), "chr2".into(), "chr9:1-5".into()], &contigs());
        assert!(parts.hold(0, 20, 30) && !parts.hold(0, 19, 30) && !parts.hold(0, 20, 31));
        assert!(parts.touch(0, 29, 40) && !parts.touch(0, 30, 40) && parts.touch(0, 0, 21) && !parts.touch(0, 0, 20));
        assert!(parts.hold(1, -50, 5000) && parts.touch(1, 0, 1) && !parts.hold(7, 1, 2));
        let start = HeldParts::new(&["chr1:1-10".into()], &contigs());
        assert!(start.hold(0, -5, 10));
    }

    #[test]
    fn windows_between_two_parts_are_in_none() {
        let held = HeldOut { validation: vec!["chr1:101-200".into()], test: vec!["chr1:201-300".into()] };
        let parts = ModelParts::new(&held, &contigs());
        assert_eq!(parts.part(0, 100, 150), Some(Part::Validation));
        assert_eq!(parts.part(0, 250, 300), Some(Part::Test));
        assert_eq!(parts.part(0, 150, 250), None);
        assert_eq!(parts.part(0, 290, 310), None);
        assert_eq!(parts.part(0, 300, 310), Some(Part::Train));
        assert_eq!(ModelParts::new(&HeldOut::default(), &contigs()).part(0, 1, 2), None);
    }

    proptest! {
        #[test]
        fn the_same_as_looking_at_every_interval(
            spans in prop::collection::vec((1i64..200, 0i64..60), 0..20), start in -20i64..220, length in 1i64..70
        ) {
            let names: Vec<String> = spans.iter().map(|(s, n)| format!("chr1:{s}-{}", s + n)).collect();
            let parts = HeldParts::new(&names, &contigs());
            let (from, end) = (start.max(0), start + length);
            let held = spans.iter().any(|(s, n)| s - 1 <= from && end <= s + n);
            let touched = spans.iter().any(|(s, n)| s - 1 < end && from < s + n);
            prop_assert_eq!(parts.hold(0, start, end), held);
            prop_assert_eq!(parts.touch(0, start, end), touched);
        }
    }
}
