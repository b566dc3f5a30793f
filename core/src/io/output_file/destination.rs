//! Where an output goes: a file, or something that is written directly because nothing can be renamed to it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::io::output_file::temporary::temporary_for;
use crate::io::output_file::Unfinished;
use crate::io::text_input::is_stdio;

/// Links followed at most, as the system does.
const MOST_LINKS: usize = 40;

/// Whether the program was started without a standard output.
static NO_STANDARD_OUTPUT: AtomicBool = AtomicBool::new(false);

/// The program was started with its standard output closed (`>&-`): writing to it is an error. The standard library
/// opens /dev/null in its place before `main`, where a table would be lost without an error.
pub fn standard_output_is_closed() {
    NO_STANDARD_OUTPUT.store(true, Ordering::Relaxed);
}

/// Where an output goes, with all symbolic links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// An open file of this process by its number: `-`, `/dev/stdout`, `/dev/fd/N`, `/proc/self/fd/N`.
    Descriptor(RawFd),
    /// A device, pipe or socket.
    Special(PathBuf),
    /// A regular file, which need not exist.
    File(PathBuf),
}

impl Destination {
    /// Where the output `path` goes. A link that leads to nothing is a file to be created at its end.
    ///
    /// # Errors
    /// It is a folder, a circle of links, or cannot be looked up.
    pub fn of(path: &Path) -> Result<Self> {
        if is_stdio(path) {
            return Ok(Self::Descriptor(libc::STDOUT_FILENO));
        }
        let is_folder = || Error::input(path, "is a folder, not a file");
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(is_folder());
        }
        let mut at = path.to_path_buf();
        for _ in 0..=MOST_LINKS {
            if let Some(descriptor) = descriptor(&at) {
                return Ok(descriptor);
            }
            at = match fs::symlink_metadata(&at) {
                Ok(found) if found.is_symlink() => {
                    let target = fs::read_link(&at).map_err(|e| Error::io(path, e))?;
                    folder_of(&at).join(target)
                }
                Ok(found) if found.is_dir() => return Err(is_folder()),
                Ok(found) if !found.is_file() => return Ok(Self::Special(at)),
                Ok(_) => return Ok(Self::File(at)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::File(at)),
                Err(e) => return Err(Error::io(path, e)),
            };
        }
        Err(Error::io(path, io::Error::from_raw_os_error(libc::ELOOP)))
    }

    /// Open it, the output `named`, for writing. A file is written under a temporary name in its folder.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn open(&self, named: &Path) -> Result<(File, Option<Unfinished>)> {
        let fail = |e| Error::io(named, e);
        match self {
            Self::Descriptor(number) => Ok((duplicate(*number).map_err(fail)?, None)),
            // Truncated for the case of a file that another process has open; devices and pipes ignore it.
            Self::Special(at) => Ok((File::options().write(true).truncate(true).open(at).map_err(fail)?, None)),
            Self::File(at) => {
                let (file, temporary) = temporary_for(named)?.into_parts();
                Ok((file, Some(Unfinished { temporary, target: at.clone() })))
            }
        }
    }
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The destination if `path` is an entry of a folder of open files, as `/dev/fd` is. Its entries look like links to
/// files, and must not be followed as such: a pipe has no name, and what was redirected is to be written where the shell
/// has opened it.
fn descriptor(path: &Path) -> Option<Destination> {
    let number: RawFd = path.file_name()?.to_str()?.parse().ok()?;
    let folder = folder_of(path).canonicalize().ok()?;
    if folder == Path::new("/dev/fd") {
        return Some(Destination::Descriptor(number));
    }
    let parts: Vec<&str> = folder.components().filter(|part| *part != Component::RootDir).map(as_text).collect();
    match parts[..] {
        ["proc", process, "fd"] | ["proc", process, "task", _, "fd"] => {
            Some(match process.parse() == Ok(std::process::id()) {
                true => Destination::Descriptor(number),
                false => Destination::Special(path.to_path_buf()),
            })
        }
        _ => None,
    }
}

fn as_text<'a>(part: Component<'a>) -> &'a str {
    part.as_os_str().to_str().unwrap_or_default()
}

/// A second handle to the open file `number`; both have one position.
pub(crate) fn duplicate(number: RawFd) -> io::Result<File> {
    if number == libc::STDOUT_FILENO && NO_STANDARD_OUTPUT.load(Ordering::Relaxed) {
        return Err(io::Error::other("standard output is closed"));
    }
    // SAFETY: fcntl takes any number and fails for one that is not open.
    if number < 0 || unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: open, as was just seen, and borrowed for this call only.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    Ok(File::from(borrowed.as_fd().try_clone_to_owned()?))
}

/// Check that the output `path` can be begun later, for outputs that are begun only after a long computation: its folder
/// exists, and it is not a folder itself.
///
/// # Errors
/// It cannot be begun.
pub fn check_folder(path: &Path) -> Result<()> {
    match Destination::of(path)? {
        Destination::Descriptor(number) => duplicate(number).map(drop).map_err(|e| Error::io(path, e)),
        Destination::File(at) if !folder_of(&at).is_dir() => {
            Err(Error::io(path, io::Error::new(io::ErrorKind::NotFound, "the folder does not exist")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_to_files_and_open_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir(at("sub")).unwrap();
        symlink("file", at("one")).unwrap();
        symlink(at("one"), at("sub/two")).unwrap();
        symlink("sub/none", at("dangling")).unwrap();
        symlink("circle", at("circle")).unwrap();
        symlink("/proc/self/fd/1", at("stdout")).unwrap();
        symlink("sub", at("folder")).unwrap();
        let of = |name: &str| Destination::of(&at(name));
        assert_eq!(of("sub/two").unwrap(), Destination::File(at("file")));
        assert_eq!(of("dangling").unwrap(), Destination::File(at("sub/none")));
        assert_eq!(of("new").unwrap(), Destination::File(at("new")));
        assert_eq!(of("stdout").unwrap(), Destination::Descriptor(1));
        assert_eq!(Destination::of(Path::new("-")).unwrap(), Destination::Descriptor(1));
        assert_eq!(Destination::of(Path::new("/dev/fd/7")).unwrap(), Destination::Descriptor(7));
        assert_eq!(Destination::of(Path::new("/dev/full")).unwrap(), Destination::Special("/dev/full".into()));
        assert!(of("circle").is_err() && of("folder").is_err() && of("sub").is_err() && of("new/").is_err());
    }

    #[test]
    fn an_open_file_is_continued_where_it_is() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut first = File::create(&path).unwrap();
        first.write_all(b"one").unwrap();
        let (mut again, place) = Destination::Descriptor(first.as_raw_fd()).open(&path).unwrap();
        assert!(place.is_none());
        again.write_all(b"two").unwrap();
        first.write_all(b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwothree");
        let closed = Destination::Descriptor(1 << 20).open(Path::new("/dev/fd/1048576")).unwrap_err();
        assert!(closed.to_string().starts_with("\"/dev/fd/1048576\": Bad file descriptor"), "{closed}");
    }
}
