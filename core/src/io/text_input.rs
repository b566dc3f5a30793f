//! Opening text files: plain, gzip or BGZF, or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};

/// True for `-`, which means standard input or standard output.
pub fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Open a text file for reading; `-` is standard input. Gzip and BGZF are recognised by their first bytes.
///
/// # Errors
/// The file cannot be opened, or is a folder.
pub fn open_text(path: &Path) -> Result<Box<dyn BufRead>> {
    let source: Box<dyn Read> = if is_stdio(path) {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
            return Err(Error::input(path, "is a folder, not a file"));
        }
        Box::new(file)
    };
    let mut reader = BufReader::with_capacity(1 << 16, source);
    let start = reader.fill_buf().map_err(|e| Error::io(path, e))?;
    if start.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader))))
    } else {
        Ok(Box::new(reader))
    }
}
