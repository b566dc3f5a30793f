//! Output files that appear whole or not at all: plain, BGZF, with an index, or standard output.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rust_htslib::{bgzf, htslib};
use tempfile::{Builder, TempPath};

use crate::error::{Error, Result};
use crate::io::paths::{c_path, with_suffix};
use crate::io::text_input::is_stdio;

/// That the folder of an output is there, for outputs that are begun only when much has been computed.
///
/// # Errors
/// It is not, or the output is a folder itself.
pub fn check_folder(path: &Path) -> Result<()> {
    if is_stdio(path) {
        return Ok(());
    }
    if path.is_dir() {
        return Err(Error::input(path, "is a folder, not a file"));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(Error::io(path, io::Error::new(io::ErrorKind::NotFound, "there is no such folder")))
        }
        _ => Ok(()),
    }
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    /// A device or pipe named on the command line: written in place, since it cannot be renamed over.
    Special(BufWriter<File>),
    Plain(BufWriter<File>, TempPath),
    Bgzf(Option<bgzf::Writer>, TempPath),
}

/// A file being written under a temporary name beside its final one. Nothing has the final name until
/// [`OutFile::finish`]; dropping it unfinished removes what was written. `-` is standard output.
/// A name that ends in `.gz` or `.bgz` is written as BGZF.
pub struct OutFile {
    path: PathBuf,
    sink: Sink,
}

/// Columns by which tabix indexes a finished BGZF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabixFormat {
    /// BED-like: columns 1 to 3, 0-based half-open.
    Bed,
    /// Column 1 and 2, 1-based positions.
    Positions,
}

impl OutFile {
    /// Begin writing `path`.
    pub fn create(path: &Path) -> Result<Self> {
        if is_stdio(path) {
            return Ok(Self { path: path.into(), sink: Sink::Stdout(BufWriter::new(io::stdout())) });
        }
        if path.exists() && !path.is_file() {
            if path.is_dir() {
                return Err(Error::input(path, "is a folder, not a file"));
            }
            let file = File::options().write(true).open(path).map_err(|e| Error::io(path, e))?;
            return Ok(Self { path: path.into(), sink: Sink::Special(BufWriter::new(file)) });
        }
        let (file, temporary) = temporary_beside(path)?.into_parts();
        let compressed = path.extension().is_some_and(|e| e == "gz" || e == "bgz");
        let sink = if compressed {
            let writer = bgzf::Writer::from_path(&temporary)
                .map_err(|e| Error::input(path, format!("cannot be written: {e}")))?;
            Sink::Bgzf(Some(writer), temporary)
        } else {
            Sink::Plain(BufWriter::with_capacity(1 << 16, file), temporary)
        };
        Ok(Self { path: path.into(), sink })
    }

    /// The name given to [`OutFile::create`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write everything out and give the file its final name.
    pub fn finish(self) -> Result<()> {
        self.close(None)
    }

    /// As [`OutFile::finish`], with a tabix index `.tbi` beside it when the file is BGZF.
    pub fn finish_indexed(self, format: TabixFormat) -> Result<()> {
        self.close(Some(format))
    }

    /// Close the file under its temporary name, to be read again; it goes away with the value.
    ///
    /// # Errors
    /// What could not be written, and standard output, devices and pipes.
    pub fn take_back(self) -> Result<TempPath> {
        let path = self.path;
        match self.sink {
            Sink::Plain(mut out, temporary) => {
                out.flush().map_err(|e| Error::io(&path, e))?;
                Ok(temporary)
            }
            Sink::Bgzf(writer, temporary) => {
                close_bgzf(writer, &temporary, &path)?;
                Ok(temporary)
            }
            Sink::Stdout(_) | Sink::Special(_) => Err(Error::input(&path, "is no file that can be read back")),
        }
    }

    fn close(self, index: Option<TabixFormat>) -> Result<()> {
        let path = self.path;
        let fail = |e| Error::io(&path, e);
        match self.sink {
            Sink::Stdout(mut out) => out.flush().map_err(fail),
            Sink::Special(mut out) => out.flush().map_err(fail),
            Sink::Plain(mut out, temporary) => {
                out.flush().map_err(fail)?;
                drop(out);
                persist(temporary, &path)
            }
            Sink::Bgzf(writer, temporary) => {
                close_bgzf(writer, &temporary, &path)?;
                if let Some(format) = index {
                    let tbi = with_suffix(&path, ".tbi");
                    let scratch = temporary_beside(&tbi)?.into_temp_path();
                    build_tabix(&temporary, &scratch, format, &path)?;
                    persist(temporary, &path)?;
                    // After the data, so that the index is never the older of the two.
                    return persist(scratch, &tbi);
                }
                persist(temporary, &path)
            }
        }
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(out) => out.write(bytes),
            Sink::Special(out) | Sink::Plain(out, _) => out.write(bytes),
            Sink::Bgzf(Some(out), _) => out.write(bytes).map_err(|_| why_bgzf_failed()),
            Sink::Bgzf(None, _) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(out) => out.flush(),
            Sink::Special(out) | Sink::Plain(out, _) => out.flush(),
            Sink::Bgzf(Some(out), _) => out.flush().map_err(|_| why_bgzf_failed()),
            Sink::Bgzf(None, _) => Ok(()),
        }
    }
}

/// Write `content` to `path` as a whole file, or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut out = OutFile::create(path)?;
    out.write_all(content).map_err(|e| Error::io(path, e))?;
    out.finish()
}

/// Every temporary file that was begun; those that have got their name or are gone are no more found by it.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Remove what is being written: for a program that is told to end at once, where no value is dropped any more.
pub fn remove_temporary_files() {
    if let Ok(files) = TEMPORARY.lock() {
        for file in files.iter() {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// A temporary file in the folder of `path`, so that renaming it stays on one file system. For writers of
/// other libraries that take a path; hand it to [`persist`] when they are done.
pub fn temporary_beside(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let suffix = path.file_name().map(|n| format!(".{}", n.to_string_lossy())).unwrap_or_default();
    let mut builder = Builder::new();
    builder.prefix(".deepallele-").suffix(&suffix);
    // tempfile makes private files; a finished output follows the user's umask like any other.
    #[allow(clippy::permissions_set_readonly_false)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder).map_err(|e| {
        // tempfile names the scratch file behind the reason; the user knows only the final one.
        let text = e.to_string();
        let reason = text.split_once(" at path ").map_or(text.as_str(), |(reason, _)| reason);
        Error::io(path, io::Error::new(e.kind(), reason))
    })?;
    if let Ok(mut files) = TEMPORARY.lock() {
        files.push(file.path().to_path_buf());
    }
    Ok(file)
}

/// Give a finished temporary file its final name.
pub fn persist(temporary: TempPath, path: &Path) -> Result<()> {
    temporary.persist(path).map_err(|e| Error::io(path, e.error))
}

/// What the system said last, as well as it can be told: htslib says only that it could not write.
fn why_bgzf_failed() -> io::Error {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EIO | libc::EDQUOT | libc::EFBIG) => error,
        _ => io::Error::other("could not be written; is the disk full?"),
    }
}

fn close_bgzf(mut writer: Option<bgzf::Writer>, temporary: &Path, path: &Path) -> Result<()> {
    let fail = |e| Error::io(path, e);
    if let Some(out) = writer.as_mut() {
        out.flush().map_err(|_| fail(why_bgzf_failed()))?;
    }
    // htslib closes on drop and tells nobody whether that worked: look for the end marker.
    drop(writer);
    if !ends_with_bgzf_marker(temporary).map_err(fail)? {
        return Err(Error::input(path, "could not be written to its end; is the disk full?"));
    }
    Ok(())
}

fn ends_with_bgzf_marker(path: &Path) -> io::Result<bool> {
    const MARKER: [u8; 28] =
        [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, 0x42, 0x43, 2, 0, 0x1b, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut file = File::open(path)?;
    if file.metadata()?.len() < MARKER.len() as u64 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-(MARKER.len() as i64)))?;
    let mut end = [0; 28];
    file.read_exact(&mut end)?;
    Ok(end == MARKER)
}

fn build_tabix(data: &Path, index: &Path, format: TabixFormat, named: &Path) -> Result<()> {
    let conf = match format {
        TabixFormat::Bed => htslib::tbx_conf_t {
            preset: htslib::TBX_UCSC as i32,
            sc: 1,
            bc: 2,
            ec: 3,
            meta_char: '#' as i32,
            line_skip: 0,
        },
        TabixFormat::Positions => htslib::tbx_conf_t {
            preset: htslib::TBX_GENERIC as i32,
            sc: 1,
            bc: 2,
            ec: 2, // htslib takes the start for the end only when the end has a column
            meta_char: '#' as i32,
            line_skip: 0,
        },
    };
    let (data, index) = (c_path(data)?, c_path(index)?);
    // SAFETY: both names are valid C strings and conf outlives the call.
    let code = unsafe { htslib::tbx_index_build3(data.as_ptr(), index.as_ptr(), 0, 1, &conf) };
    if code != 0 {
        return Err(Error::input(named, "could not be indexed; is it sorted by position?"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::text_input::open_text;

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
    fn a_missing_folder_is_told_by_the_name_that_was_asked_for() {
        let message = OutFile::create(Path::new("/nowhere/x.tsv")).err().unwrap().to_string();
        assert!(message.starts_with("\"/nowhere/x.tsv\": ") && !message.contains(".deepallele-"), "{message}");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let mut out = OutFile::create(Path::new("/dev/full")).unwrap();
        let written = out.write_all(&[b'x'; 100_000]);
        assert!(written.is_err() || out.finish().is_err());
    }
}
