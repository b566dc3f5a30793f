//! Opening text files: plain, gzip or BGZF, or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};

/// True for `-`, which means standard input or standard output.
pub fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// True for what can be read only once: `-`, and pipes by any name (a FIFO, `/dev/stdin`, `<( )` of a shell), sockets and
/// terminals.
pub fn read_once(path: &Path) -> bool {
    is_stdio(path) || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// True for standard input by any name: `-`, and `/dev/stdin` or `/dev/fd/0` where it is a pipe. (Where it is a file, these
/// names open the file again.)
pub fn is_stdin(path: &Path) -> bool {
    let same = || {
        // SAFETY: zeros are a valid value; fstat fills it or fails.
        let mut stdin: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is valid for the call.
        let known = unsafe { libc::fstat(0, &mut stdin) } == 0;
        known && std::fs::metadata(path).is_ok_and(|f| (f.dev(), f.ino()) == (stdin.st_dev, stdin.st_ino))
    };
    is_stdio(path) || (read_once(path) && same())
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
