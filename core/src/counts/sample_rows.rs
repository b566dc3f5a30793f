//! The rows of one sample of a count table by the place of their region.

use std::collections::HashMap;
use std::path::Path;

use crate::counts::table::{CountRow, CountTable};
use crate::error::Result;

/// The rows of one sample, found by contig, start and end. Contigs are the same with and without `chr`.
pub struct SampleRows<'a> {
    rows: HashMap<(&'a str, u64, u64), &'a CountRow>,
}

fn plain(contig: &str) -> &str {
    contig.strip_prefix("chr").unwrap_or(contig)
}

impl<'a> SampleRows<'a> {
    /// The rows of `sample`, or of the only one, of the table that was read from `path`. Of several rows at one place the
    /// first counts.
    ///
    /// # Errors
    /// Several samples and none named, or one that is not there.
    pub fn choose(path: &Path, table: &'a CountTable, sample: Option<&str>) -> Result<Self> {
        let chosen = table.sample(path, sample)?;
        let mut rows = HashMap::new();
        for row in table.rows.iter().filter(|row| row.sample == chosen) {
            rows.entry((plain(&row.chrom), row.start, row.end)).or_insert(row);
        }
        Ok(Self { rows })
    }

    /// The row of a region (0-based half-open).
    pub fn find(&self, contig: &str, start: u64, end: u64) -> Option<&'a CountRow> {
        self.rows.get(&(plain(contig), start, end)).copied()
    }

    /// All rows, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &'a CountRow> + '_ {
        self.rows.values().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::table::test_row;

    #[test]
    fn rows_of_one_sample_by_their_place() {
        let row = |chrom: &str, start: u64, sample: &str| test_row(chrom, (start, start + 100), sample, [1, 2, 3]);
        let rows = vec![row("chr1", 5, "a"), row("chr1", 5, "b"), row("2", 5, "b"), row("2", 5, "b")];
        let table = CountTable { rows, ..CountTable::default() };
        let path = Path::new("counts.tsv");
        let found = SampleRows::choose(path, &table, Some("b")).unwrap();
        assert!(std::ptr::eq(found.find("1", 5, 105).unwrap(), &table.rows[1]));
        assert!(std::ptr::eq(found.find("chr2", 5, 105).unwrap(), &table.rows[2]));
        assert!(found.find("chr1", 5, 104).is_none() && found.find("3", 5, 105).is_none());
        assert_eq!(found.iter().count(), 2);
        let message = |sample| SampleRows::choose(path, &table, sample).err().unwrap().to_string();
        assert!(message(None).contains("several samples (a, b); name one by --count-sample"), "{}", message(None));
        assert!(message(Some("c")).contains("has no sample c; it has a, b"));
    }
}
