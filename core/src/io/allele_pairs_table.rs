//! The pairs table: designed allele pairs (as of an MPRA) with their sequences, and measured values if any.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::text_input::open_text;

/// One row: the two alleles of one sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct PairRow {
    /// Column `id`.
    pub id: String,
    /// Bases of haplotype 1 (column `allele_a`), upper case.
    pub allele_a: Vec<u8>,
    /// Bases of haplotype 2 (column `allele_b`), upper case.
    pub allele_b: Vec<u8>,
    /// Measured activity of the two alleles (`value_a`, `value_b`), on the scale named by the user; `None` without
    /// values.
    pub values: Option<[f64; 2]>,
    /// Standard deviations of the two values (`sd_a`, `sd_b`); `None` without them.
    pub spread: Option<[f64; 2]>,
    /// Column `group`: pairs of one group are in the same part of a split.
    pub group: Option<String>,
    /// Column `weight`: weight of the pair in training, 1 by default.
    pub weight: f64,
    /// Line number in the file, from 1.
    pub line: u64,
}

/// A pairs table in memory: tab-separated with a header line, columns found by name (`id allele_a allele_b
/// value_a value_b sd_a sd_b group weight`), other columns ignored, `.gz` allowed, `-` for standard input.
#[derive(Clone, Debug, PartialEq)]
pub struct PairsTable {
    /// The file.
    pub path: PathBuf,
    /// Its rows, in order; at least one.
    pub rows: Vec<PairRow>,
}

impl PairsTable {
    /// Read `path`. With `need_values`, the columns `value_a` and `value_b` must be present and without gaps.
    ///
    /// # Errors
    /// A missing column, an empty table or sequence, an invalid base, a value that is not a finite number.
    pub fn read(path: &Path, need_values: bool) -> Result<Self> {
        let rows = PairsReader::open(path, need_values)?.collect::<Result<Vec<_>>>()?;
        if rows.is_empty() {
            return Err(Error::input(path, "has no pairs"));
        }
        Ok(Self { path: path.into(), rows })
    }
}

/// The rows of a pairs table one by one, for tables that need not be in memory. Ends after the first error.
pub struct PairsReader {
    path: PathBuf,
    records: csv::StringRecordsIntoIter<Box<dyn BufRead>>,
    columns: Columns,
    need_values: bool,
    failed: bool,
}

/// Indices of the columns.
struct Columns {
    id: usize,
    alleles: [usize; 2],
    values: Option<[usize; 2]>,
    spread: Option<[usize; 2]>,
    group: Option<usize>,
    weight: Option<usize>,
}

impl PairsReader {
    /// Open `path` and read its header line, as [`PairsTable::read`].
    ///
    /// # Errors
    /// The file cannot be read, or lacks a column.
    pub fn open(path: &Path, need_values: bool) -> Result<Self> {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).flexible(false).from_reader(open_text(path)?);
        let header = reader.headers().map_err(|e| wrong(path, e))?.clone();
        let column = |name: &str| header.iter().position(|h| h == name);
        let needed = |name: &str| {
            column(name).ok_or_else(|| {
                Error::input(
                    path,
                    format!("line 1: has no column {name}; a pairs table has id, allele_a, allele_b, value_a, value_b"),
                )
            })
        };
        let columns = Columns {
            id: needed("id")?,
            alleles: [needed("allele_a")?, needed("allele_b")?],
            values: match need_values {
                true => Some([needed("value_a")?, needed("value_b")?]),
                false => column("value_a").zip(column("value_b")).map(|(a, b)| [a, b]),
            },
            spread: column("sd_a").zip(column("sd_b")).map(|(a, b)| [a, b]),
            group: column("group"),
            weight: column("weight"),
        };
        Ok(Self { path: path.into(), records: reader.into_records(), columns, need_values, failed: false })
    }

    fn row(&self, record: &csv::StringRecord) -> Result<PairRow> {
        let line = record.position().map_or(0, |p| p.line());
        let at = |problem: String| Error::input(&self.path, format!("line {line}: {problem}"));
        let sequence = |i: usize, name: &str| -> Result<Vec<u8>> {
            let sequence = record[i].trim().to_ascii_uppercase().into_bytes();
            if sequence.is_empty() {
                return Err(at(format!("{name} is empty")));
            }
            match sequence.iter().find(|b| !b"ACGTNURYSWKMBDHV".contains(b)) {
                Some(&bad) => {
                    Err(at(format!("{name} has '{}', which is not a base", char::from(bad).escape_default())))
                }
                None => Ok(sequence),
            }
        };
        let number = |i: usize, name: &str| -> Result<f64> {
            match record[i].trim().parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(value),
                _ => Err(at(format!("{name} '{}' is not a number", &record[i].escape_default()))),
            }
        };
        // A gap in values that are not needed is allowed: the pair is only to be predicted.
        let values = match self.columns.values {
            Some([a, b]) if self.need_values => Some([number(a, "value_a")?, number(b, "value_b")?]),
            Some([a, b]) => number(a, "value_a").ok().zip(number(b, "value_b").ok()).map(|(a, b)| [a, b]),
            None => None,
        };
        let weight = match self.columns.weight.map(|w| number(w, "weight")).transpose()?.unwrap_or(1.0) {
            weight if weight < 0.0 => return Err(at(format!("weight {weight} is below 0"))),
            weight => weight,
        };
        let [allele_a, allele_b] = self.columns.alleles;
        Ok(PairRow {
            id: record[self.columns.id].to_string(),
            allele_a: sequence(allele_a, "allele_a")?,
            allele_b: sequence(allele_b, "allele_b")?,
            values,
            // Standard deviations are always optional, gaps included.
            spread: (self.columns.spread).and_then(|[a, b]| Some([number(a, "sd_a").ok()?, number(b, "sd_b").ok()?])),
            group: self.columns.group.map(|g| record[g].to_string()),
            weight,
            line,
        })
    }
}

impl Iterator for PairsReader {
    type Item = Result<PairRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.records.next()?.map_err(|e| wrong(&self.path, e)).and_then(|record| self.row(&record));
        self.failed = row.is_err();
        Some(row)
    }
}

fn wrong(path: &Path, e: csv::Error) -> Error {
    match e.into_kind() {
        csv::ErrorKind::Io(e) => Error::io(path, e),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => Error::input(
            path,
            format!("line {}: has {len} columns where the header has {expected_len}", pos.map_or(0, |p| p.line())),
        ),
        csv::ErrorKind::Utf8 { pos, .. } => {
            Error::input(path, format!("line {}: is not UTF-8 text", pos.map_or(0, |p| p.line())))
        }
        other => Error::input(path, format!("is not a tab-separated table ({other:?})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn table(text: &str) -> (tempfile::NamedTempFile, PathBuf) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_path_buf();
        (file, path)
    }

    #[test]
    fn columns_are_found_by_name() {
        let (_keep, path) =
            table("extra\tid\tallele_b\tallele_a\tvalue_a\tvalue_b\tgroup\nx\tp1\tacg\tACT\t1.5\t2\tg1\n");
        let read = PairsTable::read(&path, true).unwrap();
        let row = &read.rows[0];
        assert_eq!(row.spread, None);
        let (_keep, path) = table("id\tsd_b\tallele_a\tallele_b\tsd_a\nx\t0.5\tA\tC\t2\ny\tNA\tA\tC\t2\n");
        let read = PairsTable::read(&path, false).unwrap();
        assert_eq!((read.rows[0].spread, read.rows[1].spread), (Some([2.0, 0.5]), None));
    }

    #[test]
    fn rows_have_their_columns() {
        let (_keep, path) =
            table("extra\tid\tallele_b\tallele_a\tvalue_a\tvalue_b\tgroup\nx\tp1\tacg\tACT\t1.5\t2\tg1\n");
        let read = PairsTable::read(&path, true).unwrap();
        let row = &read.rows[0];
        assert_eq!(
            (row.id.as_str(), row.allele_a.as_slice(), row.allele_b.as_slice()),
            ("p1", &b"ACT"[..], &b"ACG"[..])
        );
        assert_eq!((row.values, row.group.as_deref(), row.line), (Some([1.5, 2.0]), Some("g1"), 2));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, needle) in [
            ("id\tallele_a\n1\tA\n", "allele_b"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n", "has no pairs"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n1\tA\tC\t1\tx\n", "line 2: value_b 'x'"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n1\tA\tC\t1\tinf\n", "line 2: value_b"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n1\tA\tZ\t1\t1\n", "line 2: allele_b has 'Z'"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n1\tA\t\t1\t1\n", "line 2: allele_b is empty"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n1\tA\tC\t1\n", "line 2: has 4 columns"),
            ("id\tallele_a\tallele_b\tvalue_a\tvalue_b\tweight\n1\tA\tC\t1\t1\t-2\n", "line 2: weight -2"),
        ] {
            let (_keep, path) = table(text);
            let message = PairsTable::read(&path, true).unwrap_err().to_string();
            assert!(message.contains(needle), "{message}");
        }
    }
}
