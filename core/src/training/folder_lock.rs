//! One training at a time in a folder: a file that names the process, locked by the system while it runs.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io::file_identity::FileIdentity;
use crate::io::output_file::temporary::{keep_at_signals, remove_at_signals};

/// The name of the file.
pub const NAME: &str = "training.lock";

/// A process, by all that distinguishes it from a later one with the same number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Holder {
    pid: u32,
    host: String,
    /// When it took the folder, in seconds since 1970.
    since: u64,
    /// When it was started, in clock ticks since the boot.
    started: Option<u64>,
    /// The boot of the host.
    boot: Option<String>,
    /// Processes of two name spaces (containers) have the same numbers.
    namespace: Option<String>,
}

/// What is known of a holder that has not locked its file.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Ended,
    Running,
    Unknown,
}

impl Holder {
    fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            host: host(),
            since: now(),
            started: started(pid),
            boot: read_line("/proc/sys/kernel/random/boot_id"),
            namespace: fs::read_link("/proc/self/ns/pid").ok().map(|n| n.to_string_lossy().into_owned()),
        }
    }

    /// Whether it still runs, as far as `here`, this process, can see. `locks_work`: the file can be locked, and is not.
    fn state(&self, here: &Self, locks_work: bool) -> State {
        if self.host != here.host {
            return State::Unknown;
        }
        if self.boot != here.boot {
            return State::Ended;
        }
        if self.namespace != here.namespace {
            return if locks_work { State::Ended } else { State::Unknown };
        }
        match started(self.pid) {
            Some(ticks) if Some(ticks) == self.started => State::Running,
            // Without /proc nothing is known of a process but its lock.
            None if self.started.is_none() && !locks_work => State::Unknown,
            _ => State::Ended,
        }
    }

    fn describe(&self) -> String {
        let minutes = now().saturating_sub(self.since) / 60;
        let time = match (minutes / 60, minutes) {
            (0, 0) => "less than a minute".to_owned(),
            (0, 1) => "1 minute".to_owned(),
            (0, n) => format!("{n} minutes"),
            (1, _) => "1 hour".to_owned(),
            (n, _) => format!("{n} hours"),
        };
        format!("process {} on {}, for {time}", self.pid, self.host)
    }
}

/// The lock of a folder, released when it is dropped or a signal ends the program.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    file: File,
    replaced: bool,
}

impl FolderLock {
    /// Whether the lock of a training that was killed was replaced.
    pub fn replaced(&self) -> bool {
        self.replaced
    }

    /// Lock `folder`, which exists. The lock of a process that has ended is replaced.
    ///
    /// # Errors
    /// Another training uses the folder (the message names it), or the file cannot be written.
    pub fn acquire(folder: &Path) -> Result<Self> {
        Self::acquire_as(folder, &Holder::this_process())
    }

    fn acquire_as(folder: &Path, own: &Holder) -> Result<Self> {
        let path = folder.join(NAME);
        let fail = |e| Error::io(&path, e);
        // More than once only if another training ends or begins at the same moment.
        for _ in 0..100 {
            let (file, new) = match File::options().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => (file, true),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    match File::options().read(true).write(true).open(&path) {
                        Ok(file) => (file, false),
                        Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                        Err(e) => return Err(fail(e)),
                    }
                }
                Err(e) => return Err(fail(e)),
            };
            let locks_work = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => return Err(in_use(folder, &read(&file), None)),
                // Some network file systems have no locks.
                Err(TryLockError::Error(_)) => false,
            };
            // Its holder may have removed it before it was locked here.
            if FileIdentity::of_open(&file) != FileIdentity::of(&path) {
                continue;
            }
            if !new {
                let holder = read(&file);
                let state = holder.as_ref().map_or(State::Ended, |holder| holder.state(own, locks_work));
                match state {
                    State::Ended => {}
                    State::Running => return Err(in_use(folder, &holder, None)),
                    State::Unknown => return Err(in_use(folder, &holder, Some(&path))),
                }
            }
            remove_at_signals(&path);
            let lock = Self { path: path.clone(), file, replaced: !new };
            let text = serde_json::to_string(own).map_err(|e| Error::input(&path, e.to_string()))?;
            let written = lock.file.set_len(0).and_then(|()| (&lock.file).write_all(text.as_bytes()));
            written.map_err(fail)?;
            return Ok(lock);
        }
        Err(Error::input(&path, "cannot be locked: other trainings begin and end in this folder"))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Removed while it is locked, so that none but the own file is removed.
        if FileIdentity::of_open(&self.file) == FileIdentity::of(&self.path) {
            let _ = fs::remove_file(&self.path);
        }
        keep_at_signals(&self.path);
    }
}

fn in_use(folder: &Path, holder: &Option<Holder>, file: Option<&Path>) -> Error {
    let who = holder.as_ref().map_or("another process".to_owned(), Holder::describe);
    let what = match file {
        Some(file) => format!("if it has ended, remove \"{}\"", file.display()),
        None => "wait for it, or give another folder".to_owned(),
    };
    Error::input(folder, format!("is in use by another training ({who}); {what}"))
}

/// The holder that the file names; None if it names none.
fn read(mut file: &File) -> Option<Holder> {
    let mut text = String::new();
    // Longer than what is ever written.
    file.take(1 << 16).read_to_string(&mut text).ok()?;
    io::Seek::rewind(&mut file).ok()?;
    serde_json::from_str(&text).ok()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn read_line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// When the process `pid` was started, in clock ticks since the boot (field 22 of /proc/PID/stat); None if there is no
/// such process.
fn started(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may contain anything.
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

fn host() -> String {
    let mut name = [0u8; 256];
    // SAFETY: the buffer has this length.
    if unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) } != 0 {
        return "unknown".into();
    }
    let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::acquire(folder.path()).unwrap();
        let message = FolderLock::acquire(folder.path()).unwrap_err().to_string();
        assert!(message.contains(&format!("process {} on {}", std::process::id(), host())), "{message}");
        assert!(message.contains("give another folder") && !message.contains('\n'), "{message}");
        drop(lock);
        assert!(!folder.path().join(NAME).exists());
        drop(FolderLock::acquire(folder.path()).unwrap());
    }

    /// The file as a process leaves it that was killed.
    fn left_by(holder: &Holder) -> Result<FolderLock> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), serde_json::to_string(holder).unwrap()).unwrap();
        FolderLock::acquire(folder.path())
    }

    #[test]
    fn the_lock_of_a_process_that_has_ended_is_replaced() {
        let own = Holder::this_process();
        // The number has been given to another process since: it was started at another time.
        assert!(left_by(&Holder { started: Some(1), ..own.clone() }).is_ok());
        assert!(left_by(&Holder { boot: Some("another".into()), ..own.clone() }).is_ok());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(left_by(&Holder { pid: child.id(), ..own.clone() }).is_ok());
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "{\"pid\": 1").unwrap();
        assert!(FolderLock::acquire(folder.path()).is_ok());
    }

    #[test]
    fn a_process_that_may_run_is_not_disturbed() {
        let own = Holder::this_process();
        let message = left_by(&own).unwrap_err().to_string();
        assert!(message.contains(&format!("process {}", own.pid)), "{message}");
        let message = left_by(&Holder { host: "elsewhere".into(), pid: 7, ..own.clone() }).unwrap_err().to_string();
        assert!(message.contains("process 7 on elsewhere") && message.contains("remove \""), "{message}");
        let other = Holder { namespace: Some("pid:[1]".into()), ..own.clone() };
        assert_eq!([true, false].map(|locks| other.state(&own, locks)), [State::Ended, State::Unknown]);
    }
}
