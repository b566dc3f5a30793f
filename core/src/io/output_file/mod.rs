//! Output files that appear complete or not at all: plain, BGZF, with an index; or standard output, devices and pipes,
//! which are written directly.
//!
//! | module | contents |
//! |---|---|
//! | [`destination`] | where an output goes: links are followed, open files and pipes recognised |
//! | [`temporary`] | temporary files in the folder of an output |
//! | [`complete`] | several complete files that receive their names together |
//! | [`closed_pipe`] | a closed pipe ends its own output only |
//! | `patient` | a file for libraries that do not report every error |
//! | `failure` | why a write of htslib failed |
//! | `tabix` | the index of a table |

pub mod closed_pipe;
pub mod complete;
pub mod destination;
mod failure;
pub(crate) mod patient;
mod tabix;
pub mod temporary;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::io::bgzf::{Bgzf, BgzfOptions};

pub use closed_pipe::expect_outputs;
pub use complete::CompleteFiles;
pub use destination::{check_folder, standard_output_is_closed, Destination};
pub(crate) use failure::{index_failure, why_writing_failed};
pub use tabix::TabixFormat;
pub use temporary::{remove_temporary_files, temporary_for};

/// A file being written under a temporary name.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub temporary: TempPath,
    /// Where it will be, links followed.
    pub target: PathBuf,
}

enum Sink {
    Plain(BufWriter<File>),
    Bgzf(Bgzf),
    /// A pipe whose reader has gone: what is written is dropped.
    Unread,
}

/// An output being written: a file under a temporary name in its folder, or standard output (`-`), a device or a pipe
/// directly. A file has no final name until it is finished; dropping it unfinished removes what was written. A name that
/// ends in `.gz` or `.bgz` is written as BGZF, also where it is that of a pipe.
pub struct OutFile {
    path: PathBuf,
    sink: Sink,
    /// None for what is written directly.
    unfinished: Option<Unfinished>,
}

/// Whether the name of an output asks for BGZF.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "gz" || e == "bgz")
}

impl OutFile {
    /// Begin writing `path`.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path) -> Result<Self> {
        let (file, unfinished) = Destination::of(path)?.open(path)?;
        let sink = match is_compressed(path) {
            true => Sink::Bgzf(Bgzf::create(file, BgzfOptions::default()).map_err(|e| Error::io(path, e))?),
            false => Sink::Plain(BufWriter::with_capacity(1 << 16, file)),
        };
        Ok(Self { path: path.into(), sink, unfinished })
    }

    /// The name given to [`OutFile::create`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write everything to the file and give it its final name.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn finish(self) -> Result<()> {
        self.complete()?.rename()
    }

    /// As [`OutFile::finish`], with a tabix index (`.tbi`) if the file is BGZF.
    ///
    /// # Errors
    /// Something cannot be written, or the file is not sorted.
    pub fn finish_indexed(self, format: TabixFormat) -> Result<()> {
        self.complete_indexed(format)?.rename()
    }

    /// Write everything to the file, which has its temporary name until the returned set is renamed. Empty for standard
    /// output, a device or a pipe, which is then done.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn complete(mut self) -> Result<CompleteFiles> {
        self.close()?;
        CompleteFiles::unfinished(self.unfinished, &self.path)
    }

    /// As [`OutFile::complete`], with a tabix index (`.tbi`) if the file is BGZF.
    ///
    /// # Errors
    /// Something cannot be written, or the file is not sorted.
    pub fn complete_indexed(mut self, format: TabixFormat) -> Result<CompleteFiles> {
        let indexed = matches!(self.sink, Sink::Bgzf(_));
        self.close()?;
        let Some(unfinished) = self.unfinished else { return Ok(CompleteFiles::default()) };
        let index = match indexed {
            true => tabix::tabix_index(&unfinished.temporary, &self.path, format)?,
            false => CompleteFiles::default(),
        };
        // The index after the data: next to data of an earlier run it would be wrong without a sign of it.
        Ok(CompleteFiles::unfinished(Some(unfinished), &self.path)?.and(index))
    }

    /// Close the file under its temporary name, to be read again; it is removed when the returned path is dropped.
    ///
    /// # Errors
    /// Something cannot be written, or the output is standard output, a device or a pipe.
    pub fn take_back(mut self) -> Result<TempPath> {
        let Some(unfinished) = self.unfinished.take() else {
            return Err(Error::input(&self.path, "is not a file that can be read back"));
        };
        self.close()?;
        Ok(unfinished.temporary)
    }

    fn close(&mut self) -> Result<()> {
        let closed = match std::mem::replace(&mut self.sink, Sink::Unread) {
            Sink::Plain(mut out) => out.flush(),
            Sink::Bgzf(out) => out.close(None),
            Sink::Unread => Ok(()),
        };
        self.unless_unread(closed).map_err(|e| Error::io(&self.path, e))
    }

    /// Drop what is written from now on, if `written` failed because the reader of this output has gone and others are
    /// still wanted.
    fn unless_unread(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.sink = Sink::Unread;
                closed_pipe::reader_is_gone()
            }
            written => written,
        }
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            Sink::Plain(out) => out.write_all(bytes),
            Sink::Bgzf(out) => out.write(bytes),
            Sink::Unread => Ok(()),
        };
        self.unless_unread(written).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match &mut self.sink {
            Sink::Plain(out) => out.flush(),
            Sink::Bgzf(out) => out.flush(),
            Sink::Unread => Ok(()),
        };
        self.unless_unread(flushed)
    }
}

/// `content` as the file `path`, which has a temporary name until the returned set is renamed.
///
/// # Errors
/// The file cannot be written.
pub fn complete_file(path: &Path, content: &[u8]) -> Result<CompleteFiles> {
    let mut out = OutFile::create(path)?;
    out.write_all(content).map_err(|e| Error::io(path, e))?;
    out.complete()
}

/// Write `content` to `path`, completely or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    complete_file(path, content)?.rename()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::text_input::open_text;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_has_the_final_name_before_finish() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.txt");
        let mut out = OutFile::create(&path).unwrap();
        out.write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(out);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn bgzf_is_indexed_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.bed.gz");
        let mut out = OutFile::create(&path).unwrap();
        out.write_all(b"#chrom\tstart\tend\nchr1\t5\t9\nchr2\t1\t2\n").unwrap();
        out.finish_indexed(TabixFormat::Bed).unwrap();
        assert!(folder.path().join("out.bed.gz.tbi").exists());
        let text = io::read_to_string(open_text(&path).unwrap()).unwrap();
        assert!(text.ends_with("chr2\t1\t2\n"));
    }

    #[test]
    fn a_missing_folder_is_named_by_the_final_name() {
        let message = OutFile::create(Path::new("/nowhere/x.tsv")).err().unwrap().to_string();
        assert!(message.starts_with("\"/nowhere/x.tsv\": ") && !message.contains(".deepallele-"), "{message}");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut out = OutFile::create(Path::new("/dev/full")).unwrap();
        let written = out.write_all(&[b'x'; 100_000]);
        assert!(written.is_err() || out.finish().is_err());
    }

    #[test]
    fn a_name_in_gz_is_compressed_also_through_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe.gz");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || std::fs::read(path).unwrap()
        });
        let mut out = OutFile::create(&path).unwrap();
        out.write_all(b"#a\tb\n").unwrap();
        out.finish_indexed(TabixFormat::Bed).unwrap();
        let read = std::fs::write(folder.path().join("x.gz"), reader.join().unwrap());
        read.unwrap();
        assert_eq!(io::read_to_string(open_text(&folder.path().join("x.gz")).unwrap()).unwrap(), "#a\tb\n");
        // The pipe is still one, and has no index.
        assert!(!path.is_file() && path.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_file_that_a_link_leads_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::fs::write(at("sub/target"), "old").unwrap();
        symlink("sub/target", at("link")).unwrap();
        let mut out = OutFile::create(&at("link")).unwrap();
        out.write_all(b"new").unwrap();
        // The temporary file is in the folder of the target.
        assert_eq!(std::fs::read_dir(at("sub")).unwrap().count(), 2);
        out.finish().unwrap();
        assert!(at("link").is_symlink());
        assert_eq!(std::fs::read_to_string(at("sub/target")).unwrap(), "new");
        assert_eq!(std::fs::read_dir(at("sub")).unwrap().count(), 1);
    }

    #[test]
    fn a_closed_pipe_is_an_error_where_no_other_output_is_known() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        use std::os::fd::AsRawFd;
        let path = PathBuf::from(format!("/proc/self/fd/{}", writer.as_raw_fd()));
        let mut out = OutFile::create(&path).unwrap();
        let written = out.write_all(&[b'x'; 1 << 20]);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
