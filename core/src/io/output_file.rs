//! Output files that appear complete or not at all: plain, BGZF, with an index, or standard output.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rust_htslib::{bgzf, htslib};
use tempfile::{Builder, TempPath};

use crate::error::{Error, Result};
use crate::io::paths::{c_path, with_suffix};
use crate::io::text_input::is_stdio;

/// Check that the folder of an output exists, for outputs that are begun only after a long computation.
///
/// # Errors
/// It does not exist, or the output itself is a folder.
pub fn check_folder(path: &Path) -> Result<()> {
    if is_stdio(path) {
        return Ok(());
    }
    if path.is_dir() {
        return Err(Error::input(path, "is a folder, not a file"));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(Error::io(path, io::Error::new(io::ErrorKind::NotFound, "the folder does not exist")))
        }
        _ => Ok(()),
    }
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    /// A device or pipe named on the command line: written directly, since a file cannot be renamed to it.
    Special(BufWriter<File>),
    Plain(BufWriter<File>, TempPath),
    Bgzf(Option<bgzf::Writer>, TempPath),
}

/// A file being written under a temporary name in the same folder. Nothing has the final name until
/// [`OutFile::finish`]; dropping it unfinished removes what was written. `-` is standard output. A name that ends in
/// `.gz` or `.bgz` is written as BGZF.
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
    ///
    /// # Errors
    /// The file cannot be created.
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
        let (file, temporary) = temporary_for(path)?.into_parts();
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

    /// Write everything to the file and give it its final name.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn finish(self) -> Result<()> {
        self.close(None)
    }

    /// As [`OutFile::finish`], with a tabix index (`.tbi`) if the file is BGZF.
    ///
    /// # Errors
    /// Something cannot be written, or the file is not sorted.
    pub fn finish_indexed(self, format: TabixFormat) -> Result<()> {
        self.close(Some(format))
    }

    /// Close the file under its temporary name, to be read again; it is removed when the returned path is dropped.
    ///
    /// # Errors
    /// Something cannot be written, or the output is standard output, a device or a pipe.
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
            Sink::Stdout(_) | Sink::Special(_) => Err(Error::input(&path, "is not a file that can be read back")),
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
                    let scratch = temporary_for(&tbi)?.into_temp_path();
                    build_tabix(&temporary, &scratch, format, &path)?;
                    persist(temporary, &path)?;
                    // After the data: an index older than its file counts as stale.
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

/// Write `content` to `path`, completely or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut out = OutFile::create(path)?;
    out.write_all(content).map_err(|e| Error::io(path, e))?;
    out.finish()
}

/// Every temporary file created so far; those since renamed or removed no longer exist under this name.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Remove all unfinished output files: for a program that ends on a signal, where no destructor runs.
pub fn remove_temporary_files() {
    if let Ok(files) = TEMPORARY.lock() {
        for file in files.iter() {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// A temporary file in the folder of `path`, so that it can be renamed within one file system. For writers of other
/// libraries that take a path; pass it to [`persist`] when they are done.
///
/// # Errors
/// The folder does not exist or is not writable.
pub fn temporary_for(path: &Path) -> Result<tempfile::NamedTempFile> {
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
        // tempfile appends the name of the temporary file; the user knows only the final one.
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
///
/// # Errors
/// It cannot be renamed.
pub fn persist(temporary: TempPath, path: &Path) -> Result<()> {
    temporary.persist(path).map_err(|e| Error::io(path, e.error))
}

/// The last error of the system, if it explains a failed write: htslib reports no reason.
fn why_bgzf_failed() -> io::Error {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EIO | libc::EDQUOT | libc::EFBIG) => error,
        _ => io::Error::other("cannot be written; is the disk full?"),
    }
}

fn close_bgzf(mut writer: Option<bgzf::Writer>, temporary: &Path, path: &Path) -> Result<()> {
    let fail = |e| Error::io(path, e);
    if let Some(out) = writer.as_mut() {
        out.flush().map_err(|_| fail(why_bgzf_failed()))?;
    }
    // htslib closes on drop and does not report whether that worked: check the end-of-file block.
    drop(writer);
    if !ends_with_bgzf_marker(temporary).map_err(fail)? {
        return Err(Error::input(path, "cannot be written completely; is the disk full?"));
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
        return Err(Error::input(named, "cannot be indexed; is it sorted by position?"));
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
}
