//! Tables whose columns have names: comment lines, a line `#name<tab>name`, and rows, plain or compressed.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::text_input::open_text;

/// A table being read row by row. The columns that a reader does not ask for may be there or not.
pub struct NamedColumns {
    path: PathBuf,
    lines: Box<dyn BufRead>,
    header: Vec<String>,
    columns: Vec<String>,
    /// Number of the last line, from 1.
    number: usize,
}

/// One row of [`NamedColumns`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRow {
    /// Line in the file, from 1.
    pub line: usize,
    /// Its texts, as many as the table has columns.
    pub texts: Vec<String>,
}

impl NamedColumns {
    /// Read what is above the rows.
    ///
    /// # Errors
    /// The file cannot be read, or has no line of column names.
    pub fn open(path: &Path) -> Result<Self> {
        let mut table =
            Self { path: path.into(), lines: open_text(path)?, header: Vec::new(), columns: Vec::new(), number: 0 };
        while let Some(line) = table.line()? {
            if line.starts_with("##") {
                table.header.push(line);
                continue;
            }
            let Some(names) = line.strip_prefix('#') else { break };
            table.columns = names.split('\t').map(str::to_owned).collect();
            return Ok(table);
        }
        Err(Error::input(path, "has no line of column names, which begins with #"))
    }

    /// The lines that begin with `##`.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The names of the columns, the first without its `#`.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The number of the column `name`; `None` if the table does not have it.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The numbers of columns that a reader needs.
    ///
    /// # Errors
    /// One is not there.
    pub fn need<const N: usize>(&self, names: [&str; N]) -> Result<[usize; N]> {
        let mut found = [0; N];
        for (found, name) in found.iter_mut().zip(names) {
            *found = self.find(name).ok_or_else(|| Error::input(&self.path, format!("has no column {name}")))?;
        }
        Ok(found)
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// The file cannot be read, or the row has another number of columns.
    pub fn next_row(&mut self) -> Result<Option<NamedRow>> {
        while let Some(line) = self.line()? {
            if line.is_empty() {
                continue;
            }
            let texts: Vec<String> = line.split('\t').map(str::to_owned).collect();
            if texts.len() != self.columns.len() {
                let (found, expected) = (texts.len(), self.columns.len());
                return Err(self.wrong(self.number, format!("has {found} columns instead of {expected}")));
            }
            return Ok(Some(NamedRow { line: self.number, texts }));
        }
        Ok(None)
    }

    /// The error of a line of this table.
    pub fn wrong(&self, line: usize, problem: impl std::fmt::Display) -> Error {
        Error::input(&self.path, format!("line {line}: {problem}"))
    }

    fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => self.wrong(self.number + 1, "is not valid text (UTF-8)"),
            _ => Error::io(&self.path, error),
        })?;
        self.number += 1;
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok((read > 0).then_some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tsv");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn columns_are_found_by_name() {
        let (_folder, path) = table("##a=b\n##c\n#x\ty\r\n1\t2\n\n3\t\n");
        let mut found = NamedColumns::open(&path).unwrap();
        assert_eq!(
            (found.header(), found.columns()),
            (&["##a=b".to_owned(), "##c".into()][..], &["x", "y"].map(String::from)[..])
        );
        assert_eq!((found.need(["y", "x"]).unwrap(), found.find("z")), ([1, 0], None));
        assert_eq!(found.need(["z"]).unwrap_err().to_string(), format!("\"{}\": has no column z", path.display()));
        assert_eq!(found.next_row().unwrap(), Some(NamedRow { line: 4, texts: vec!["1".into(), "2".into()] }));
        assert_eq!(found.next_row().unwrap(), Some(NamedRow { line: 6, texts: vec!["3".into(), String::new()] }));
        assert_eq!(found.next_row().unwrap(), None);
    }

    #[test]
    fn what_is_no_such_table_is_named() {
        for text in ["", "##a\n", "1\t2\n"] {
            let (_folder, path) = table(text);
            let message = NamedColumns::open(&path).err().unwrap().to_string();
            assert!(message.contains("no line of column names"), "{text:?}: {message}");
        }
        let (_folder, path) = table("#x\ty\n1\n");
        let message = NamedColumns::open(&path).unwrap().next_row().unwrap_err().to_string();
        assert!(message.contains("line 2: has 1 columns instead of 2"), "{message}");
    }
}
