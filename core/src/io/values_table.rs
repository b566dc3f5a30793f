//! The table of external measurements: a line for each region, two columns for each sample, one for each haplotype.
//!
//! Tab-separated, `.gz` allowed, with a header line. The first column is the name of the region; the others are named
//! `SAMPLE.hap1` and `SAMPLE.hap2` (or with `_`, `:` or `-` before `hap1`), in any order, or `hap1` and `hap2` for a
//! single sample. `.`, `NA`, `nan` and nothing are missing values.

use std::collections::HashSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::text_input::open_text;

/// The measurements of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRow {
    /// Name of the region.
    pub name: String,
    /// For each sample the values of haplotype 1 and 2; None where one of them is missing.
    pub values: Vec<Option<[f64; 2]>>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// A table of external measurements in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuesTable {
    /// The file, for messages.
    pub path: PathBuf,
    /// Names of the samples in the order of their first column; one empty name for `hap1` and `hap2` alone.
    pub samples: Vec<String>,
    /// The lines, in the order of the file.
    pub rows: Vec<ValueRow>,
}

/// Sample and haplotype (0 or 1) of a column.
fn sample_of(column: &str) -> Option<(&str, usize)> {
    let (sample, haplotype) = match column.strip_suffix("hap1") {
        Some(sample) => (sample, 0),
        None => (column.strip_suffix("hap2")?, 1),
    };
    match sample.strip_suffix(['.', '_', ':', '-']) {
        Some(name) => Some((name, haplotype)),
        None => sample.is_empty().then_some(("", haplotype)),
    }
}

impl ValuesTable {
    /// Read a table; `-` is standard input.
    ///
    /// # Errors
    /// A column that names no haplotype, a sample with one haplotype only, a line with a wrong number of columns or a
    /// value that is not a number, a name on two lines: all with the line.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |line: usize, problem: String| Error::input(path, format!("line {line}: {problem}"));
        // For each sample the numbers of its columns.
        let mut samples: Vec<(String, [Option<usize>; 2])> = Vec::new();
        let mut rows: Vec<ValueRow> = Vec::new();
        let mut names = HashSet::new();
        let mut width = 0;
        for (i, line) in open_text(path)?.lines().enumerate() {
            let number = i + 1;
            let line = line.map_err(|e| match e.kind() {
                std::io::ErrorKind::InvalidData => wrong(number, "is not text".into()),
                _ => Error::io(path, e),
            })?;
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.trim().is_empty() || line.starts_with("##") {
                continue;
            }
            let columns: Vec<&str> = line.split('\t').collect();
            if width == 0 {
                width = columns.len();
                for (place, column) in columns.iter().enumerate().skip(1) {
                    let (sample, haplotype) = sample_of(column.trim()).ok_or_else(|| {
                        let shown = column.escape_debug();
                        wrong(number, format!("column \"{shown}\" is not named SAMPLE.hap1 or SAMPLE.hap2"))
                    })?;
                    let known = samples.iter().position(|(name, _)| name == sample).unwrap_or_else(|| {
                        samples.push((sample.to_string(), [None; 2]));
                        samples.len() - 1
                    });
                    if samples[known].1[haplotype].replace(place).is_some() {
                        return Err(wrong(number, format!("column \"{}\" is there twice", column.escape_debug())));
                    }
                }
                if let Some((name, _)) = samples.iter().find(|(_, places)| places.contains(&None)) {
                    return Err(wrong(number, format!("sample \"{name}\" has a column of one haplotype only")));
                }
                if samples.is_empty() {
                    let problem =
                        "has no columns SAMPLE.hap1 and SAMPLE.hap2 after the name of the region, separated by tabs";
                    return Err(wrong(number, problem.into()));
                }
                continue;
            }
            if columns.len() != width {
                return Err(wrong(number, format!("has {} columns instead of {width}", columns.len())));
            }
            let name = columns[0].trim().to_string();
            let value = |place: usize| match columns[place].trim() {
                "" | "." | "NA" | "na" | "NaN" | "nan" => Ok(f64::NAN),
                text => match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => Ok(value),
                    _ => Err(wrong(number, format!("\"{}\" is not a number", text.escape_debug()))),
                },
            };
            let mut values = Vec::with_capacity(samples.len());
            for (_, places) in &samples {
                let [one, two] = places.map(|place| value(place.unwrap_or_default()));
                let pair = [one?, two?];
                values.push(pair.iter().all(|v| v.is_finite()).then_some(pair));
            }
            if !names.insert(name.clone()) {
                return Err(wrong(number, format!("names the region \"{}\" a second time", name.escape_debug())));
            }
            rows.push(ValueRow { name, values, line: number });
        }
        if rows.is_empty() {
            return Err(Error::input(path, "holds no measurements; it needs a header line and a line for each region"));
        }
        Ok(Self { path: path.to_path_buf(), samples: samples.into_iter().map(|(name, _)| name).collect(), rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ValuesTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.tsv");
        std::fs::write(&path, text).unwrap();
        ValuesTable::read(&path)
    }

    #[test]
    fn columns_of_samples_in_any_order_and_missing_values() {
        let table = read("gene\ta.hap1\tb_hap2\ta.hap2\tb_hap1\ng1\t1\t2\t3\t4\n\ng2\tNA\t.\t1.5\t-2e1\n").unwrap();
        assert_eq!(table.samples, ["a", "b"]);
        assert_eq!(table.rows[0].values, [Some([1.0, 3.0]), Some([4.0, 2.0])]);
        assert_eq!((table.rows[1].values.as_slice(), table.rows[1].line), (&[None, None][..], 4));
        let one = read("##made by x\nname\thap1\thap2\ng1\t0.5\t0\r\n").unwrap();
        assert_eq!((one.samples, one.rows[0].values[0]), (vec![String::new()], Some([0.5, 0.0])));
    }

    #[test]
    fn wrong_tables_are_named_with_their_line() {
        for (text, part) in [
            ("gene\ta\tb\ng\t1\t2\n", "line 1: column \"a\" is not named SAMPLE.hap1"),
            ("gene\tahap1\tahap2\ng\t1\t2\n", "line 1: column \"ahap1\""),
            ("gene\ta.hap1\ng\t1\n", "line 1: sample \"a\" has a column of one haplotype only"),
            ("gene\ta.hap1\ta.hap1\n", "line 1: column \"a.hap1\" is there twice"),
            ("gene\n", "line 1: has no columns"),
            ("gene\ta.hap1\ta.hap2\ng\t1\n", "line 2: has 2 columns instead of 3"),
            ("gene\ta.hap1\ta.hap2\ng\t1\tx\n", "line 2: \"x\" is not a number"),
            ("gene\ta.hap1\ta.hap2\ng\t1\tinf\n", "line 2: \"inf\" is not a number"),
            ("gene\ta.hap1\ta.hap2\ng\t1\t2\ng\t1\t2\n", "line 3: names the region \"g\" a second time"),
            ("gene\ta.hap1\ta.hap2\n", "holds no measurements"),
            ("", "holds no measurements"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text:?} gave {message}");
        }
    }
}
