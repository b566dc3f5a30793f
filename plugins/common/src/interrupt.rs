//! Ctrl-C: ends a command after its temporary files are removed, or asks long work to end.
//!
//! No signal has a handler. The matrix kernels that libtorch generates use the stack pointer for other purposes while
//! they run, so that the frame of a handler could overwrite a tensor or the heap. The signals that end a program are
//! blocked in every thread instead, and one thread waits for them.

use std::io::Write;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libc::{c_int, sigset_t, SIGHUP, SIGINT, SIGTERM};

/// Whether an [`Interrupt`] listens for Ctrl-C.
static LISTENING: AtomicBool = AtomicBool::new(false);
/// Whether it was pressed since.
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Whether the program was started with this signal ignored, as by nohup: it stays ignored.
fn is_ignored(signal: c_int) -> bool {
    // SAFETY: a query; an all-zero sigaction is valid and is filled in.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    }
}

/// The set of `signals`.
fn set_of(signals: impl IntoIterator<Item = c_int>) -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset makes the set, sigaddset refuses what is not a signal.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Block (`SIG_BLOCK`) or let through (`SIG_UNBLOCK`) the signals of `set` in this thread and those it will start.
fn change_mask(how: c_int, set: &sigset_t) {
    // SAFETY: a valid set; the previous mask is not requested.
    unsafe { libc::pthread_sigmask(how, set, ptr::null_mut()) };
}

/// From now on a signal that ends the program removes its temporary files first. To be called before any other thread
/// is started, because threads inherit the mask. If no thread can be started, the signal still ends the program.
pub(crate) fn remove_temporary_files_at_signals() {
    let signals = set_of([SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)));
    change_mask(libc::SIG_BLOCK, &signals);
    let waiting = thread::Builder::new().name("signals".into()).spawn(move || loop {
        let mut signal = 0;
        // SAFETY: a valid set; fails only for an invalid one.
        if unsafe { libc::sigwait(&signals, &mut signal) } != 0 {
            return;
        }
        if signal != SIGHUP && LISTENING.load(Ordering::Relaxed) && !REQUESTED.swap(true, Ordering::Relaxed) {
            continue;
        }
        crate::progress::clear();
        deepallele_core::io::output_file::remove_temporary_files();
        end_by(signal);
    });
    if waiting.is_err() {
        change_mask(libc::SIG_UNBLOCK, &signals);
    }
}

/// End the program by the default action of `signal`, so that a shell sees the reason.
fn end_by(signal: c_int) {
    // SAFETY: a signal that was waited for, in a thread that runs no other code.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        change_mask(libc::SIG_UNBLOCK, &set_of([signal]));
        libc::raise(signal);
    }
}

/// End the program with `message`, when a call of C code never returns.
pub(crate) fn end_with(message: &str) {
    crate::progress::clear();
    deepallele_core::io::output_file::remove_temporary_files();
    let _ = writeln!(std::io::stderr(), "{message}");
    // SAFETY: ends the process at once; exit handlers could wait for the call.
    unsafe { libc::_exit(1) };
}

/// Whether the user wants the command to end. The first Ctrl-C (or SIGTERM) is a request; a second one ends the command
/// at once.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt(());

impl Interrupt {
    /// Listen from now on.
    pub fn listen() -> Self {
        LISTENING.store(true, Ordering::Relaxed);
        Self(())
    }

    /// Whether it was pressed.
    pub fn requested(self) -> bool {
        REQUESTED.load(Ordering::Relaxed)
    }
}
