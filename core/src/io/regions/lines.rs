//! The lines of a text file of regions.

use std::io::{BufRead, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// The longest line that is read, in bytes: a file without line ends is not a table of regions.
const LONGEST: u64 = 1 << 24;

/// The lines of a text file, numbered from 1, without their ends.
pub(super) struct Lines<'a> {
    pub(super) reader: Box<dyn BufRead>,
    pub(super) path: &'a Path,
    pub(super) number: u64,
    pub(super) line: Vec<u8>,
}

impl Lines<'_> {
    /// The next line with its number.
    ///
    /// # Errors
    /// It cannot be read, is too long, or is not UTF-8 text.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>> {
        self.line.clear();
        let mut limited = self.reader.by_ref().take(LONGEST);
        let read = limited.read_until(b'\n', &mut self.line).map_err(|e| Error::io(self.path, e))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 == LONGEST && self.line.last() != Some(&b'\n') {
            let problem = format!("line {}: is longer than 16 MB; is it a table of regions?", self.number);
            return Err(Error::input(self.path, problem));
        }
        let text = std::str::from_utf8(&self.line)
            .map_err(|_| Error::input(self.path, format!("line {}: is not UTF-8 text", self.number)))?;
        Ok(Some((self.number, text.trim_end_matches(['\n', '\r']))))
    }
}

/// Whether a line is a `track` or `browser` line of the UCSC genome browser.
pub(super) fn is_browser_line(text: &str) -> bool {
    matches!(text.split([' ', '\t']).next(), Some("track" | "browser"))
}
