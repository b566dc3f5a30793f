//! Tables with a header line, and the tracks made from them.

use std::fs;
use std::path::Path;

use bigtools::BigWigRead;

use super::{close, unpacked};

/// Columns of the four classes of fragments.
pub const CLASSES: [&str; 4] = ["hap1", "hap2", "uninformative", "conflicting"];

/// The lines that are not `##` header lines, so without command line and version.
pub fn without_header(table: &str) -> String {
    table.lines().filter(|line| !line.starts_with("##")).map(|line| format!("{line}\n")).collect()
}

/// A table by its header line: each row as text by column name.
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn parse(table: &str) -> Self {
        let mut lines = table.lines().filter(|line| !line.starts_with("##"));
        let header = lines.next().expect("a header line").trim_start_matches('#');
        let columns: Vec<String> = header.split('\t').map(str::to_owned).collect();
        let rows: Vec<Vec<String>> =
            lines.map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>()).collect();
        for row in &rows {
            assert_eq!(row.len(), columns.len(), "{row:?} against {columns:?}");
        }
        Self { columns, rows }
    }

    /// The table of a file; BGZF where its name ends in `.gz`.
    pub fn read(path: &Path) -> Self {
        let packed = path.extension().is_some_and(|ending| ending == "gz");
        Self::parse(&if packed { unpacked(path) } else { fs::read_to_string(path).expect("a table") })
    }

    fn index(&self, column: &str) -> usize {
        let found = self.columns.iter().position(|c| c == column);
        found.unwrap_or_else(|| panic!("no column {column} in {:?}", self.columns))
    }

    pub fn text(&self, row: usize, column: &str) -> &str {
        &self.rows[row][self.index(column)]
    }

    pub fn number(&self, row: usize, column: &str) -> f64 {
        let value = self.text(row, column);
        value.parse().unwrap_or_else(|_| panic!("{column} of row {row} is {value:?}"))
    }

    /// Fragments of each of [`CLASSES`].
    pub fn classes(&self, row: usize) -> [usize; 4] {
        CLASSES.map(|column| self.number(row, column) as usize)
    }

    /// All values of a column.
    pub fn column(&self, column: &str) -> Vec<String> {
        let index = self.index(column);
        self.rows.iter().map(|row| row[index].clone()).collect()
    }

    pub fn sum(&self, column: &str) -> f64 {
        (0..self.rows.len()).map(|row| self.number(row, column)).sum()
    }
}

/// Start, end (0-based, half-open) and value of an interval of a track on chr22.
pub type Span = (u64, u64, f64);

/// The same intervals, with values equal within six digits.
pub fn same_spans(one: &[Span], other: &[Span]) {
    assert_eq!(one.len(), other.len());
    for (one, other) in one.iter().zip(other) {
        assert_eq!((one.0, one.1), (other.0, other.1));
        close(one.2, other.2, &format!("{}-{}", one.0, one.1));
    }
}

/// The intervals of a bedGraph with one track line.
pub fn bedgraph(path: &Path) -> Vec<Span> {
    let graph = fs::read_to_string(path).expect("a bedGraph");
    assert_eq!(graph.lines().filter(|line| line.starts_with("track")).count(), 1, "{path:?}");
    let lines = graph.lines().filter(|line| !line.starts_with("track") && !line.starts_with('#'));
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!((columns[0], columns.len()), ("chr22", 4), "{line}");
            (columns[1].parse().unwrap(), columns[2].parse().unwrap(), columns[3].parse().unwrap())
        })
        .collect()
}

/// The intervals of a bigWig.
pub fn bigwig(path: &Path) -> Vec<Span> {
    let mut reader = BigWigRead::open_file(path).expect("a bigWig");
    let values = reader.get_interval("chr22", 0, 51_304_566).expect("chr22").map(|value| value.expect("a value"));
    values.map(|value| (value.start.into(), value.end.into(), value.value.into())).collect()
}
