//! Notices that htslib makes no progress: 1.19 can decode a damaged CRAM for hours, or without end.
//!
//! A call that waits for a slow disk or pipe uses no processor time, and one that decodes slices ahead returns with the
//! first of them. So a call counts as stuck when the program has computed for [`PATIENCE`] since it began, for that long
//! by the clock as well, and no alignment has come. Decoding the largest slice takes a few seconds.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, OnceLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// Longest time for one alignment, both in processor time and by the clock.
pub const PATIENCE: Duration = Duration::from_secs(100);

/// What ends the program.
static END: OnceLock<fn(Error)> = OnceLock::new();
/// The calls of all open files.
static CALLS: Mutex<Vec<Weak<Call>>> = Mutex::new(Vec::new());

/// End the program by `end` when reading an alignment file makes no progress; a call of C code cannot be ended in
/// another way. Without this nothing is watched.
pub fn end_by(end: fn(Error)) {
    let _ = END.set(end);
}

/// The current call of htslib on one file.
struct Call {
    path: PathBuf,
    /// Its number, 0 outside htslib.
    current: AtomicU64,
}

/// A file whose calls of htslib are watched.
pub(super) struct Watched {
    call: Arc<Call>,
    count: u64,
}

/// Inside a call of htslib, until it is dropped.
pub(super) struct Inside<'a>(&'a Call);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.current.store(0, Ordering::Relaxed);
    }
}

impl Watched {
    /// Watch calls on the file `path`.
    pub fn new(path: &Path) -> Self {
        static STARTED: Once = Once::new();
        let call = Arc::new(Call { path: path.to_path_buf(), current: AtomicU64::new(0) });
        if let Some(&end) = END.get() {
            STARTED.call_once(|| {
                // Without a thread there is nobody who watches, which is no reason not to read the file.
                let _ = thread::Builder::new().name("watch".into()).spawn(move || watch(end));
            });
            let mut calls = CALLS.lock().unwrap_or_else(|e| e.into_inner());
            calls.retain(|call| call.strong_count() > 0);
            calls.push(Arc::downgrade(&call));
        }
        Self { call, count: 0 }
    }

    /// A call of htslib begins.
    pub fn enter(&mut self) -> Inside<'_> {
        self.count += 1;
        self.call.current.store(self.count, Ordering::Relaxed);
        Inside(&self.call)
    }
}

/// Look every second whether a call is stuck.
fn watch(end: fn(Error)) {
    let start = Instant::now();
    let mut seen: Vec<(Weak<Call>, Look)> = Vec::new();
    loop {
        thread::sleep(Duration::from_secs(1));
        let (computed, passed) = (processor_time(), start.elapsed());
        seen.retain(|(call, _)| call.strong_count() > 0);
        for call in CALLS.lock().unwrap_or_else(|e| e.into_inner()).iter() {
            if !seen.iter().any(|(known, _)| known.ptr_eq(call)) {
                seen.push((call.clone(), Look::default()));
            }
        }
        for (call, look) in &mut seen {
            let Some(call) = call.upgrade() else { continue };
            if look.is_stuck(call.current.load(Ordering::Relaxed), computed, passed) {
                let problem = format!(
                    "has an alignment that cannot be decoded within {} s; it is damaged (samtools quickcheck and \
                     samtools view -c check it)",
                    PATIENCE.as_secs()
                );
                end(Error::input(&call.path, problem));
                return;
            }
        }
    }
}

/// The call seen at the last look, and when it was first seen.
#[derive(Default)]
struct Look {
    call: u64,
    computed: Duration,
    passed: Duration,
}

impl Look {
    /// Whether `call` is the one that was seen before and has taken too long. `computed` is the processor time of the
    /// program, `passed` that of the clock.
    fn is_stuck(&mut self, call: u64, computed: Duration, passed: Duration) -> bool {
        if call != self.call || call == 0 {
            *self = Look { call, computed, passed };
            return false;
        }
        computed.saturating_sub(self.computed) >= PATIENCE && passed.saturating_sub(self.passed) >= PATIENCE
    }
}

/// Processor time of all threads of the program so far.
pub fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid clock and a place for its time.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_stuck_when_it_has_computed_and_lasted_too_long() {
        let seconds = Duration::from_secs;
        // Waits for a disk: no processor time.
        let mut look = Look::default();
        assert!((0..5000).all(|s| !look.is_stuck(1, Duration::from_millis(s), seconds(s))));
        // Many threads decode ahead: no time by the clock.
        let mut look = Look::default();
        assert!((0..99).all(|s| !look.is_stuck(1, seconds(64 * s), seconds(s))));
        // Alignments come.
        let mut look = Look::default();
        assert!((0..5000).all(|s| !look.is_stuck(1 + s / 50, seconds(s), seconds(s))));
        // Outside of htslib.
        let mut look = Look::default();
        assert!((0..5000).all(|s| !look.is_stuck(0, seconds(s), seconds(s))));
        // Neither.
        let mut look = Look::default();
        let stuck = (0..5000).position(|s| look.is_stuck(7, seconds(s), seconds(s)));
        assert_eq!(stuck, Some(100));
    }

    #[test]
    fn a_call_ends_with_its_guard() {
        let mut watched = Watched::new("x.cram".as_ref());
        let now = |watched: &Watched| watched.call.current.load(Ordering::Relaxed);
        drop(watched.enter());
        assert_eq!(now(&watched), 0);
        let inside = watched.enter();
        assert_eq!(inside.0.current.load(Ordering::Relaxed), 2);
        drop(inside);
        assert_eq!(now(&watched), 0);
        assert!(processor_time() > Duration::ZERO);
    }
}
