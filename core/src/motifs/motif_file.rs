//! Motif files: which format a file has, and its lines with their numbers.

use std::io::BufRead;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::text_input::open_text;
use crate::motifs::motif::Motif;
use crate::motifs::{jaspar, meme};

/// Read all motifs of a file in the MEME text format (see [`meme`]) or JASPAR's format of counts (see [`jaspar`]),
/// which begins with `>`. The file may be compressed; `-` is standard input. Motifs keep the order of the file; names
/// may occur more than once ([`repeated_names`](crate::motifs::repeated_names)).
///
/// # Errors
/// The file cannot be read, breaks the rules of its format (with the line), or holds no motif.
pub fn read_motifs(path: &Path) -> Result<Vec<Motif>> {
    let mut lines = Lines::new(path, open_text(path)?);
    let motifs = match lines.starts_with_header()? {
        true => jaspar::read(&mut lines)?,
        false => meme::read(&mut lines)?,
    };
    match motifs.is_empty() {
        true => Err(Error::input(path, "holds no motifs")),
        false => Ok(motifs),
    }
}

/// The lines of a text file, without their ends.
pub(crate) struct Lines<'a> {
    path: &'a Path,
    reader: Box<dyn BufRead + 'a>,
    /// A line that was read and given back.
    returned: Option<String>,
    /// Number of the last line given out, from 1.
    pub number: usize,
}

impl<'a> Lines<'a> {
    pub fn new(path: &'a Path, reader: Box<dyn BufRead + 'a>) -> Self {
        Self { path, reader, returned: None, number: 0 }
    }

    /// Whether the first line that is not empty begins with `>`.
    fn starts_with_header(&mut self) -> Result<bool> {
        while let Some(line) = self.next()? {
            if !line.trim().is_empty() {
                let found = line.starts_with('>');
                self.give_back(line);
                return Ok(found);
            }
        }
        Err(Error::input(self.path, "is empty; it should hold motifs in MEME or JASPAR format"))
    }

    /// The next line; None at the end of the file.
    pub fn next(&mut self) -> Result<Option<String>> {
        self.number += 1;
        if let Some(line) = self.returned.take() {
            return Ok(Some(line));
        }
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => self.wrong("is not text"),
            _ => Error::io(self.path, e),
        })?;
        if read == 0 {
            return Ok(None);
        }
        line.truncate(line.trim_end_matches(['\n', '\r']).len());
        Ok(Some(line))
    }

    /// Let the next call return `line`, the last line, again.
    pub fn give_back(&mut self, line: String) {
        self.returned = Some(line);
        self.number -= 1;
    }

    /// An error about the last line.
    pub fn wrong(&self, problem: impl std::fmt::Display) -> Error {
        self.wrong_at(self.number, problem)
    }

    /// An error about a line.
    pub fn wrong_at(&self, line: usize, problem: impl std::fmt::Display) -> Error {
        Error::input(self.path, format!("line {line}: {problem}"))
    }
}

/// `text` as a finite number.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Read `text` as a file.
    pub fn read(text: impl AsRef<[u8]>) -> Result<Vec<Motif>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.motifs");
        std::fs::write(&path, text).unwrap();
        read_motifs(&path)
    }

    const MEME: &str =
        "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF a b\nletter-probability matrix: alength= 4 w= 2 nsites= 3\n\
        0.1 0.2 0.3 0.4\n 1 0 0 0\nURL x\n\nMOTIF c\nletter-probability matrix:\n0 0 1 0\n";
    const JASPAR: &str = ">a b\nA [ 1 2 ]\nC [ 0 0 ]\nG [ 3 0 ]\nT [ 9 1 ]\n";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn a_damaged_file_is_read_or_refused_with_its_line(
            meme in any::<bool>(), place in any::<prop::sample::Index>(),
            with in "[ -~\\n\\t]{0,3}", removed in 0..6usize,
        ) {
            let mut text = if meme { MEME.to_string() } else { JASPAR.to_string() };
            let start = place.index(text.len());
            text.replace_range(start..text.len().min(start + removed), &with);
            match read(&text) {
                Ok(motifs) => prop_assert!(motifs.iter().all(|motif| motif.width() > 0)),
                Err(error) => {
                    let message = error.to_string();
                    prop_assert!(message.contains("\": line ") || message.contains("holds no motifs"), "{}", message);
                }
            }
        }
    }

    #[test]
    fn files_without_motifs() {
        for (text, part) in [
            (&b""[..], "is empty"),
            (b"\n \n", "is empty"),
            (b"MEME version 4\n\nALPHABET= ACGT\n", "holds no motifs"),
            (b"MOTIF x\n", "line 1: is not a motif file"),
            (b"#chrom\tstart\n", "line 1: is not a motif file"),
            (b"MEME version 4\n\xff\xfe\n", "line 2: is not text"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(read_motifs(Path::new("/nonexistent")).is_err());
    }
}
