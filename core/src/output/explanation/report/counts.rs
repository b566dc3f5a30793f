//! Measured counts of the regions of a folder.

use std::collections::HashMap;
use std::path::Path;

use crate::counts::sample_rows::SampleRows;
use crate::counts::table::{fixed, scientific, CountRow};
use crate::counts::CountTable;
use crate::error::{Error, Result};
use crate::explanation::attributions::folder::PairLabel;
use crate::output::explanation::report::json::shortened_to;
use crate::output::explanation::report::model::Measured;

/// The counts of one sample, by number of the region.
pub struct MeasuredRegions {
    rows: HashMap<usize, CountRow>,
    /// The file, for the page.
    pub file: String,
    /// The sample.
    pub sample: String,
    /// The lines that begin with `##`.
    pub header: Vec<String>,
}

impl MeasuredRegions {
    /// Those of `sample`, or of the only one, of a count table: of the row with the contig, start and end of a region,
    /// else of the only row with its name, if it is the only region with this name.
    ///
    /// # Errors
    /// The table cannot be read, has several samples and none is named, or has none of the regions.
    pub fn read(path: &Path, sample: Option<&str>, labels: &[PairLabel]) -> Result<Self> {
        let table = CountTable::read(path)?;
        let chosen = table.sample(path, sample)?.to_owned();
        let found = SampleRows::choose(path, &table, sample)?;
        // A name with several rows or regions stands for none of them.
        let mut by_name: HashMap<&str, Option<&CountRow>> = HashMap::new();
        for row in found.iter().filter(|row| row.name != ".") {
            by_name.entry(&row.name).and_modify(|row| *row = None).or_insert(Some(row));
        }
        let mut names: HashMap<&str, usize> = HashMap::new();
        labels.iter().for_each(|label| *names.entry(&label.name).or_default() += 1);
        let mut rows = HashMap::new();
        for (number, label) in labels.iter().enumerate() {
            let Some((chrom, start, end)) = &label.span else {
                return Err(Error::input(path, "cannot have the counts of designed pairs"));
            };
            let named = || by_name.get(&label.name[..]).copied().flatten().filter(|_| names[&label.name[..]] == 1);
            if let Some(row) = found.find(chrom, *start, *end).or_else(named) {
                rows.insert(number, row.clone());
            }
        }
        if rows.is_empty() {
            return Err(Error::input(path, "has none of the regions explained: neither their places nor their names"));
        }
        let file = shortened_to(&path.display().to_string(), super::LONGEST_COMMAND);
        Ok(Self { rows, file, sample: chosen, header: table.header.clone() })
    }

    /// How many regions have counts.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no region has.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The q-value of the imbalance of a region.
    pub fn q_value(&self, number: usize) -> Option<f64> {
        self.rows.get(&number)?.q_value
    }

    /// The counts of a region, with the digits of a count table.
    pub fn of(&self, number: usize) -> Option<Measured> {
        let row = self.rows.get(&number)?;
        Some(Measured {
            hap1: row.hap1.to_string(),
            hap2: row.hap2.to_string(),
            ratio: fixed(row.log2_ratio),
            se: fixed(row.se),
            p: scientific(row.p_value),
            q: scientific(row.q_value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::table::test_row;

    #[test]
    fn places_come_before_names() {
        let row = |name: &str, start: u64, hap1: u64| {
            let mut row = test_row("chr1", (start, start + 100), "a", [hap1, 2, 3]);
            row.name = name.into();
            row
        };
        let rows = vec![row("x", 5, 1), row("y", 200, 2), row("twice", 300, 3), row("twice", 400, 4), row(".", 500, 5)];
        let table = CountTable { rows, ..CountTable::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts.tsv");
        let mut text = Vec::new();
        table.write(&mut text).unwrap();
        std::fs::write(&path, text).unwrap();
        let label = |name: &str, start: u64| PairLabel {
            name: name.into(),
            span: Some(("1".into(), start, start + 100)),
            predicted: [0.0; 3],
            variants: 0,
        };
        let labels = [label("y", 5), label("x", 7), label("twice", 7), label(".", 7), label("z", 300)];
        let found = MeasuredRegions::read(&path, None, &labels).unwrap();
        let hap1: Vec<_> = (0..5).map(|number| found.of(number).map(|row| row.hap1)).collect();
        assert_eq!(hap1, [Some("1".into()), Some("1".into()), None, None, Some("3".into())]);
        assert_eq!((found.len(), &found.sample[..]), (3, "a"));
        let none = MeasuredRegions::read(&path, None, &[label("q", 1)]).err().unwrap().to_string();
        assert!(none.contains("none of the regions explained"), "{none}");
        let designed = PairLabel { span: None, ..label("x", 1) };
        assert!(MeasuredRegions::read(&path, None, &[designed]).is_err());
    }
}
