//! Temporary files in the folder of an output, and what is removed when a signal ends the program.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};
use crate::io::output_file::destination::{folder_of, Destination};

/// Every file created so far that a signal must not leave; those since renamed or removed no longer exist under this
/// name.
static TEMPORARY: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn list() -> MutexGuard<'static, Vec<PathBuf>> {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remove all unfinished output files: for a program that ends on a signal, where no destructor runs. While files
/// receive their final names it waits until all have them.
pub fn remove_temporary_files() {
    for file in list().iter() {
        let _ = fs::remove_file(file);
    }
}

/// From now on `file` is removed by [`remove_temporary_files`].
pub(crate) fn remove_at_signals(file: &Path) {
    list().push(file.to_path_buf());
}

/// `file` is no longer removed by [`remove_temporary_files`].
pub(crate) fn keep_at_signals(file: &Path) {
    list().retain(|other| other != file);
}

/// Held while files receive their final names, so that a signal finds all of them or none.
pub(crate) fn no_signal_between() -> impl Drop {
    list()
}

/// A temporary file in the folder of the output `path` (of a symbolic link: in the folder that it leads to), so that it
/// can be renamed within one file system. For writers of other libraries that take a path; pass it to
/// [`crate::io::output_file::CompleteFiles::of`] when they are done.
///
/// # Errors
/// The folder does not exist or is not writable.
pub fn temporary_for(path: &Path) -> Result<NamedTempFile> {
    let target = match Destination::of(path)? {
        Destination::File(target) => target,
        _ => path.to_path_buf(),
    };
    let suffix = target.file_name().map(|n| format!(".{}", n.to_string_lossy())).unwrap_or_default();
    let mut builder = Builder::new();
    builder.prefix(".deepallele-").suffix(&suffix);
    // tempfile makes private files; a finished output follows the user's umask like any other.
    builder.permissions(Permissions::from_mode(0o666));
    let file = builder.tempfile_in(folder_of(&target)).map_err(|e| {
        // tempfile appends the name of the temporary file; the user knows only the final one.
        let text = e.to_string();
        let reason = text.split_once(" at path ").map_or(text.as_str(), |(reason, _)| reason);
        Error::io(path, io::Error::new(e.kind(), reason))
    })?;
    list().push(file.path().to_path_buf());
    Ok(file)
}

/// Folders that a run has created. Those that are empty are removed when the value is dropped, unless they are kept.
#[derive(Debug, Default)]
pub(crate) struct CreatedFolders(Vec<PathBuf>);

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Fails for one with other files, which are kept.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl CreatedFolders {
    /// Create `folder` if it does not exist; its parent must exist.
    ///
    /// # Errors
    /// It is a file, or cannot be created.
    pub(crate) fn create(&mut self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if folder.exists() {
            return Err(Error::input(folder, "is a file, not a folder; name another folder"));
        }
        fs::create_dir(folder).map_err(|e| Error::io(folder, e))?;
        self.0.push(folder.to_path_buf());
        Ok(())
    }

    /// Take over the folders of `other`.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Keep the folders, whatever is in them.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}
