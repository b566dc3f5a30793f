//! Which region a line of another table is about.

use std::collections::HashMap;

use crate::explanation::attributions::folder::PairLabel;

/// The regions of a folder by their names.
pub struct RegionNames<'a> {
    labels: &'a [PairLabel],
    numbers: HashMap<&'a str, Vec<usize>>,
}

impl<'a> RegionNames<'a> {
    /// Those of the labels of a folder.
    pub fn new(labels: &'a [PairLabel]) -> Self {
        let mut numbers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, label) in labels.iter().enumerate() {
            numbers.entry(&label.name[..]).or_default().push(number);
        }
        Self { labels, numbers }
    }

    /// The region `name`; of several with this name the one on `chrom` whose middle is nearest to `position`.
    pub fn find(&self, name: &str, chrom: &str, position: u64) -> Option<usize> {
        let numbers = self.numbers.get(name)?;
        let distance = |number: &usize| {
            let (contig, start, end) = self.labels[*number].span.as_ref()?;
            (contig == chrom).then(|| (start / 2 + end / 2).abs_diff(position))
        };
        match &numbers[..] {
            [one] => Some(*one),
            several => several.iter().copied().filter(|n| distance(n).is_some()).min_by_key(distance),
        }
    }

    /// The only region with this name.
    pub fn only(&self, name: &str) -> Option<usize> {
        match &self.numbers.get(name)?[..] {
            [one] => Some(*one),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_not_be_unique() {
        let label = |name: &str, span: Option<(&str, u64, u64)>| PairLabel {
            name: name.into(),
            span: span.map(|(chrom, start, end)| (chrom.into(), start, end)),
            predicted: [0.0; 3],
            variants: 0,
        };
        let labels = [
            label(".", Some(("chr1", 0, 100))),
            label(".", Some(("chr1", 200, 300))),
            label(".", Some(("chr2", 200, 300))),
            label("a", Some(("chr1", 0, 100))),
            label("pair", None),
            label("pair", None),
        ];
        let names = RegionNames::new(&labels);
        assert_eq!(names.find(".", "chr1", 149), Some(0));
        assert_eq!(names.find(".", "chr1", 160), Some(1));
        assert_eq!(names.find(".", "chr2", 0), Some(2));
        assert_eq!((names.find(".", "chr3", 0), names.find("b", "chr1", 0)), (None, None));
        assert_eq!((names.find("a", "chr1", 10_000), names.only("a"), names.only(".")), (Some(3), Some(3), None));
        assert_eq!((names.find("pair", "pair", 3), names.only("pair")), (None, None));
    }
}
