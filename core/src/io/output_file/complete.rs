//! A set of outputs is complete or absent: all files are complete and on the disk before the first has its name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempPath};

use crate::error::{Error, Result};
use crate::io::output_file::destination::{folder_of, Destination};
use crate::io::output_file::temporary::{no_signal_between, CreatedFolders};
use crate::io::output_file::Unfinished;

/// Files that are complete and on the disk under temporary names. Nothing has a final name before
/// [`CompleteFiles::rename`]; dropping the value removes the files.
#[must_use = "the files have temporary names until they are renamed"]
#[derive(Debug, Default)]
pub struct CompleteFiles {
    // In this order: the files are dropped before the folders are removed.
    files: Vec<Complete>,
    /// Files of an earlier run that have no successor in this set.
    obsolete: Vec<PathBuf>,
    folders: CreatedFolders,
}

#[derive(Debug)]
struct Complete {
    temporary: TempPath,
    target: PathBuf,
    /// As the user wrote it, for messages.
    named: PathBuf,
}

/// What a target was before it was replaced.
enum Before {
    Absent,
    /// A second name of the earlier file.
    Kept(TempPath),
    /// A file system without hard links.
    Unknown,
}

impl CompleteFiles {
    /// The output `path`, whose content is complete in `temporary`, a file of
    /// [`temporary_for`](crate::io::output_file::temporary_for). It is synced to the disk.
    ///
    /// # Errors
    /// The disk is full or fails, or `path` has become a folder.
    pub fn of(temporary: TempPath, path: &Path) -> Result<Self> {
        let target = match Destination::of(path)? {
            Destination::File(target) => target,
            _ => return Err(Error::input(path, "is not a regular file")),
        };
        Self::unfinished(Some(Unfinished { temporary, target }), path)
    }

    /// The output `named`, whose content is complete; empty where it was written directly.
    pub(crate) fn unfinished(file: Option<Unfinished>, named: &Path) -> Result<Self> {
        let Some(Unfinished { temporary, target }) = file else { return Ok(Self::default()) };
        let synced = File::options().write(true).open(&temporary).and_then(|file| file.sync_all());
        synced.map_err(|e| Error::io(named, e))?;
        Ok(Self { files: vec![Complete { temporary, target, named: named.into() }], ..Self::default() })
    }

    /// No file `path`: one of an earlier run, which would be taken for a result, is removed when the set is renamed.
    ///
    /// # Errors
    /// `path` cannot be looked up.
    pub fn without(path: &Path) -> Result<Self> {
        let obsolete = match Destination::of(path)? {
            Destination::File(target) if target.is_file() => vec![target],
            _ => Vec::new(),
        };
        Ok(Self { obsolete, ..Self::default() })
    }

    /// Add the files of `other`, which receive their names after those of this value.
    pub fn add(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        self.obsolete.append(&mut other.obsolete);
        self.folders.append(std::mem::take(&mut other.folders));
    }

    /// [`CompleteFiles::add`], for chains.
    pub fn and(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// With `folders`, which were created for the files: they are removed if the files never receive their names.
    pub(crate) fn in_folders(mut self, folders: CreatedFolders) -> Self {
        self.folders.append(folders);
        self
    }

    /// Give all files their final names, in the order in which they were added. A signal that ends the program waits
    /// until all have them. If one cannot be renamed, the earlier ones are undone.
    ///
    /// # Errors
    /// A file cannot be renamed.
    pub fn rename(self) -> Result<()> {
        let _signals_wait = no_signal_between();
        let several = self.files.len() + self.obsolete.len() > 1;
        // Before the first rename, so that the time between the first and the last is short.
        let mut before = Vec::with_capacity(self.files.len());
        for file in &self.files {
            before.push(if several { Before::of(&file.target) } else { Before::Unknown });
        }
        let mut done: Vec<(PathBuf, Before)> = Vec::with_capacity(before.len());
        for (file, before) in self.files.into_iter().zip(before) {
            match file.temporary.persist(&file.target) {
                Ok(()) => done.push((file.target, before)),
                Err(e) => {
                    done.into_iter().rev().for_each(|(target, before)| before.restore(&target));
                    return Err(Error::io(&file.named, e.error));
                }
            }
        }
        for target in self.obsolete {
            let before = if several { Before::of(&target) } else { Before::Unknown };
            match fs::remove_file(&target) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    done.into_iter().rev().for_each(|(target, before)| before.restore(&target));
                    return Err(Error::io(&target, e));
                }
                _ => done.push((target, before)),
            }
        }
        self.folders.keep();
        let mut folders: Vec<&Path> = done.iter().map(|(target, _)| folder_of(target)).collect();
        folders.sort();
        folders.dedup();
        for folder in folders {
            // So that the names survive a power failure; not all file systems can do it.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

impl Before {
    fn of(target: &Path) -> Self {
        let link = Builder::new()
            .prefix(".deepallele-")
            .suffix(".old")
            .make_in(folder_of(target), |name| fs::hard_link(target, name));
        match link.map(NamedTempFile::into_temp_path) {
            Ok(name) => Self::Kept(name),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Self::Absent,
            Err(_) => Self::Unknown,
        }
    }

    fn restore(self, target: &Path) {
        match self {
            // The set stays incomplete where even that fails; the error of the rename is reported.
            Self::Kept(name) => drop(name.persist(target)),
            Self::Absent => drop(fs::remove_file(target)),
            Self::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::output_file::{complete_file, temporary_for};
    use std::os::unix::fs::symlink;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn all_receive_their_names_together_and_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub/target"), "old").unwrap();
        symlink("sub/target", at("link")).unwrap();
        symlink("sub/new", at("dangling")).unwrap();
        let mut set = complete_file(&at("link"), b"one").unwrap();
        set.add(complete_file(&at("dangling"), b"two").unwrap());
        set.add(complete_file(&at("plain"), b"three").unwrap());
        assert_eq!(fs::read(at("link")).unwrap(), b"old");
        assert!(!at("plain").exists() && !at("sub/new").exists());
        set.rename().unwrap();
        assert!(at("link").is_symlink() && at("dangling").is_symlink());
        assert_eq!(fs::read(at("sub/target")).unwrap(), b"one");
        assert_eq!(fs::read(at("sub/new")).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["dangling", "link", "plain", "sub"]);
        assert_eq!(names(&at("sub")), ["new", "target"]);
    }

    #[test]
    fn a_rename_that_fails_undoes_those_before() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "old").unwrap();
        let set = complete_file(&at("a"), b"new").unwrap();
        let set = set.and(complete_file(&at("b"), b"new").unwrap()).and(complete_file(&at("c"), b"new").unwrap());
        fs::create_dir(at("c")).unwrap();
        let message = set.rename().unwrap_err().to_string();
        assert!(message.starts_with(&format!("\"{}\": ", at("c").display())), "{message}");
        assert_eq!(fs::read(at("a")).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a", "c"]);
    }

    #[test]
    fn an_earlier_file_without_successor_goes_with_the_renames() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "old").unwrap();
        let set = |to: &str| complete_file(&at(to), b"new").unwrap().and(CompleteFiles::without(&at("old")).unwrap());
        // A set that is dropped, or of which a file cannot be renamed, changes nothing.
        drop(set("a"));
        let failing = set("c");
        fs::create_dir(at("c")).unwrap();
        assert!(failing.rename().is_err());
        assert_eq!(
            (names(folder.path()), fs::read(at("old")).unwrap()),
            (vec!["c".into(), "old".into()], b"old".to_vec())
        );
        set("a").rename().unwrap();
        assert_eq!(names(folder.path()), ["a", "c"]);
        // None from an earlier run.
        set("b").rename().unwrap();
        assert_eq!(names(folder.path()), ["a", "b", "c"]);
    }

    #[test]
    fn a_dropped_set_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut folders = CreatedFolders::default();
        folders.create(&folder.path().join("sub")).unwrap();
        let path = folder.path().join("sub/x");
        let temporary = temporary_for(&path).unwrap().into_temp_path();
        drop(CompleteFiles::of(temporary, &path).unwrap().in_folders(folders));
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
