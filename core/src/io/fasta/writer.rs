//! Writing FASTA with its index.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::bgzf::{Bgzf, BgzfOptions};
use crate::io::output_file::{
    complete_file, is_compressed, temporary_for, CompleteFiles, Destination, OutFile, Unfinished,
};
use crate::io::paths::with_suffix;

/// Bases in a line.
const LINE: usize = 60;

/// A FASTA file being written, in lines of 60 bases. A name that ends in `.gz` or `.bgz` is written as BGZF with the
/// indexes `.fai` and `.gzi`, any other with `.fai`; standard output, devices and pipes have no index. Nothing has its
/// final name before the set of [`FastaWriter::finish`] is renamed.
pub struct FastaWriter {
    path: PathBuf,
    sink: Sink,
    /// It is a file, which receives indexes.
    indexed: bool,
    index: String,
    name: String,
    /// Bytes written so far, uncompressed.
    written: u64,
    /// Offset of the first base of the sequence.
    offset: u64,
    /// Bases of the sequence so far.
    length: u64,
    /// Lines to be written.
    line: Vec<u8>,
}

enum Sink {
    /// Also BGZF into a pipe.
    Plain(OutFile),
    /// BGZF with an index.
    Bgzf(Bgzf, Option<Unfinished>),
}

impl FastaWriter {
    /// Begin writing `path`; BGZF is compressed by `threads` threads.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, threads: usize) -> Result<Self> {
        let destination = Destination::of(path)?;
        let indexed = matches!(destination, Destination::File(_));
        let sink = match indexed && is_compressed(path) {
            true => {
                let (file, unfinished) = destination.open(path)?;
                let options = BgzfOptions { threads: if threads > 1 { threads } else { 0 }, index: true, level: None };
                Sink::Bgzf(Bgzf::create(file, options).map_err(|e| Error::io(path, e))?, unfinished)
            }
            false => Sink::Plain(OutFile::create(path)?),
        };
        Ok(Self {
            path: path.to_path_buf(),
            sink,
            indexed,
            index: String::new(),
            name: String::new(),
            written: 0,
            offset: 0,
            length: 0,
            line: Vec::with_capacity(1 << 16),
        })
    }

    /// Begin a sequence.
    ///
    /// # Errors
    /// The sequence before it cannot be written.
    pub fn begin(&mut self, name: &str) -> Result<()> {
        self.end_sequence()?;
        self.put(format!(">{name}\n").as_bytes())?;
        self.name = name.to_string();
        (self.offset, self.length) = (self.written, 0);
        Ok(())
    }

    /// Append bases to the sequence begun last.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&mut self, mut bases: &[u8]) -> Result<()> {
        // Bases are collected in `line` with their line ends until there are many.
        while !bases.is_empty() {
            let room = LINE - (self.length % LINE as u64) as usize;
            let (now, later) = bases.split_at(room.min(bases.len()));
            self.line.extend_from_slice(now);
            self.length += now.len() as u64;
            if self.length.is_multiple_of(LINE as u64) {
                self.line.push(b'\n');
                if self.line.len() >= 1 << 15 {
                    self.flush_line()?;
                }
            }
            bases = later;
        }
        Ok(())
    }

    fn flush_line(&mut self) -> Result<()> {
        let line = std::mem::take(&mut self.line);
        let done = self.put(&line);
        self.line = line;
        self.line.clear();
        done
    }

    fn end_sequence(&mut self) -> Result<()> {
        if self.name.is_empty() {
            return Ok(());
        }
        if !self.length.is_multiple_of(LINE as u64) {
            self.line.push(b'\n');
        }
        self.flush_line()?;
        let (name, length, offset) = (&self.name, self.length, self.offset);
        self.index += &format!("{name}\t{length}\t{offset}\t{LINE}\t{}\n", LINE + 1);
        self.name.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.written += bytes.len() as u64;
        match &mut self.sink {
            Sink::Plain(out) => out.write_all(bytes).map_err(|e| Error::io(&self.path, e)),
            Sink::Bgzf(file, _) => file.write(bytes).map_err(|e| Error::io(&self.path, e)),
        }
    }

    /// Write everything to the file. File and indexes are complete, but do not have their final names yet; standard output
    /// and devices are done.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn finish(mut self) -> Result<CompleteFiles> {
        self.end_sequence()?;
        let path = self.path;
        let mut files = match self.sink {
            Sink::Plain(out) => out.complete()?,
            Sink::Bgzf(file, unfinished) => {
                let gzi = with_suffix(&path, ".gzi");
                let scratch = temporary_for(&gzi)?.into_temp_path();
                file.close(Some(&scratch)).map_err(|e| Error::io(&path, e))?;
                CompleteFiles::unfinished(unfinished, &path)?.and(CompleteFiles::of(scratch, &gzi)?)
            }
        };
        if self.indexed {
            files.add(complete_file(&with_suffix(&path, ".fai"), self.index.as_bytes())?);
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::fasta::Reference;

    #[test]
    fn what_is_written_reads_back_by_its_index() {
        let folder = tempfile::tempdir().unwrap();
        let bases: Vec<u8> = (0..200_001u32).map(|i| b"ACGTacgtN"[(i.wrapping_mul(40503) >> 7) as usize % 9]).collect();
        for name in ["x.fa", "x.fa.gz"] {
            let path = folder.path().join(name);
            let mut out = FastaWriter::create(&path, 2).unwrap();
            out.begin("a").unwrap();
            for piece in bases.chunks(777) {
                out.write(piece).unwrap();
            }
            out.begin("b").unwrap();
            out.begin("c").unwrap();
            out.write(&bases[..120]).unwrap();
            assert!(!path.exists());
            out.finish().unwrap().rename().unwrap();
            let mut back = Reference::open(&path).unwrap();
            let lengths: Vec<_> = back.contigs().iter().map(|(n, l)| (n.to_string(), l)).collect();
            assert_eq!(lengths, [("a".into(), 200_001), ("b".into(), 0), ("c".into(), 120)]);
            assert_eq!(back.as_written(0).unwrap(), bases);
            assert_eq!(back.as_written(1).unwrap(), b"");
            assert_eq!(back.fetch(2, 100, 120).unwrap(), bases[100..120].to_ascii_uppercase());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5);
    }
}
