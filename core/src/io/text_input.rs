//! Opening text files: plain, gzip or BGZF, or standard input, with a limit to the length of a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Error, Result};

/// The longest line of a text file, in bytes. A file without line ends is not a table, and gzip can make 4 GB of 4 MB.
pub const LONGEST_LINE: u64 = 1 << 24;

/// True for `-`, which means standard input or standard output.
pub fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// True for what can be read only once: `-`, and pipes by any name (a FIFO, `/dev/stdin`, `<( )` of a shell), sockets and
/// terminals.
pub fn read_once(path: &Path) -> bool {
    is_stdio(path) || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Open a text file for reading; `-` is standard input. Gzip and BGZF are recognised by their first bytes. Reading fails
/// in a line of more than [`LONGEST_LINE`] bytes, with a message that has the number of the line.
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
        let reader = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader));
        Ok(Box::new(LimitedLines { inner: reader, line: 1, length: 0 }))
    } else {
        Ok(Box::new(LimitedLines { inner: reader, line: 1, length: 0 }))
    }
}

/// A small text file as a whole, such as a configuration.
///
/// # Errors
/// It cannot be read, is not UTF-8 text, or has more than `most` bytes.
pub fn read_small(path: &Path, most: u64) -> Result<String> {
    let fail = |e| Error::io(path, e);
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > most {
        return Err(Error::input(path, format!("has more than {most} bytes, too many for such a file")));
    }
    String::from_utf8(bytes).map_err(|_| Error::input(path, "is not UTF-8 text"))
}

/// A text whose lines have a limited length.
struct LimitedLines<R> {
    inner: R,
    /// The current line, from 1.
    line: u64,
    /// Bytes of it that were read.
    length: u64,
}

impl<R: BufRead> BufRead for LimitedLines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.length > LONGEST_LINE {
            let problem = format!("line {}: is longer than {} MB; is it a text file?", self.line, LONGEST_LINE >> 20);
            return Err(io::Error::other(problem));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed is still in the buffer, so that nothing is read here.
        if let Ok(buffer) = self.inner.fill_buf() {
            let taken = &buffer[..amount.min(buffer.len())];
            match taken.iter().rposition(|&b| b == b'\n') {
                Some(last) => {
                    self.line += taken.iter().map(|&b| u64::from(b == b'\n')).sum::<u64>();
                    self.length = (taken.len() - last - 1) as u64;
                }
                None => self.length += taken.len() as u64,
            }
        }
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for LimitedLines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let buffer = self.fill_buf()?;
        let n = buffer.len().min(out.len());
        out[..n].copy_from_slice(&buffer[..n]);
        self.consume(n);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_line_may_have_sixteen_megabytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.txt");
        let longest = LONGEST_LINE as usize;
        std::fs::write(&path, [b"a\n\n".as_slice(), &vec![b'x'; longest], b"\nb"].concat()).unwrap();
        let found: Vec<_> = open_text(&path).unwrap().lines().map(|line| line.unwrap().len()).collect();
        assert_eq!(found, [1, 0, longest, 1]);
        std::fs::write(&path, [b"a\n\n".as_slice(), &vec![b'x'; longest + (1 << 17)], b"\nb"].concat()).unwrap();
        let error = open_text(&path).unwrap().lines().find_map(|line| line.err()).unwrap().to_string();
        assert!(error.starts_with("line 3: is longer than 16 MB"), "{error}");
    }

    #[test]
    fn gzip_without_line_ends_is_not_unpacked_into_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.gz");
        let mut out = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        let zeros = vec![b'0'; 1 << 20];
        (0..64).for_each(|_| out.write_all(&zeros).unwrap());
        out.finish().unwrap();
        let mut line = Vec::new();
        let error = open_text(&path).unwrap().read_until(b'\n', &mut line).unwrap_err().to_string();
        assert!(error.starts_with("line 1: is longer than 16 MB") && line.len() < 18 << 20, "{error}");
    }

    #[test]
    fn numbers_of_lines_do_not_depend_on_how_they_are_read() {
        let text: Vec<u8> = (0..2000).flat_map(|i| format!("{}\n", "y".repeat(i % 90)).into_bytes()).collect();
        let mut reader = LimitedLines { inner: BufReader::with_capacity(37, &text[..]), line: 1, length: 0 };
        let mut out = Vec::new();
        let mut buffer = [0; 53];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            out.extend_from_slice(&buffer[..n]);
        }
        assert!(out == text && reader.line == 2001 && reader.length == 0);
    }
}
