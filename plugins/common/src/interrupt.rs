//! Ctrl-C: the end of a command, which takes its temporary files along, or a question that long work asks itself.
//!
//! No signal has a handler. The matrix kernels that libtorch generates keep other things than the stack in the stack
//! pointer while they run, so that the frame of a handler would be written over the numbers of a tensor or into the
//! heap. The signals that end a program are blocked in every thread instead, and one thread waits for them.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libc::{c_int, sigset_t, SIGHUP, SIGINT, SIGTERM};

/// Whether an [`Interrupt`] listens for Ctrl-C.
static TAKEN_OVER: AtomicBool = AtomicBool::new(false);
/// Whether it was pressed since.
static WISHED: AtomicBool = AtomicBool::new(false);

/// Whether the program was started with this signal ignored, as by nohup: it stays so.
fn is_ignored(signal: c_int) -> bool {
    // SAFETY: only asks; all-zero is a valid sigaction to be filled.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    }
}

/// The set of `signals`.
fn set_of(signals: impl IntoIterator<Item = c_int>) -> sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset makes the set, sigaddset refuses what is no signal.
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
    // SAFETY: a valid set; the mask before is not asked for.
    unsafe { libc::pthread_sigmask(how, set, ptr::null_mut()) };
}

/// From now on a signal that ends the program removes its temporary files first. To be called before any other thread
/// is started: those have the mask of the one that starts them. Where no thread can be had, the signal still ends the
/// program.
pub(crate) fn tidy_up_at_the_end() {
    let signals = set_of([SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal)));
    change_mask(libc::SIG_BLOCK, &signals);
    let waiting = thread::Builder::new().name("signals".into()).spawn(move || loop {
        let mut signal = 0;
        // SAFETY: a valid set; fails for no other reason than a set that is not.
        if unsafe { libc::sigwait(&signals, &mut signal) } != 0 {
            return;
        }
        if signal != SIGHUP && TAKEN_OVER.load(Ordering::Relaxed) && !WISHED.swap(true, Ordering::Relaxed) {
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

/// End the program as `signal` does where nobody cares for it, so that a shell sees why.
fn end_by(signal: c_int) {
    // SAFETY: a signal that was waited for, in a thread that runs no one else's code.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        change_mask(libc::SIG_UNBLOCK, &set_of([signal]));
        libc::raise(signal);
    }
}

/// Whether the user wants the command to end. The first Ctrl-C (or SIGTERM) is a wish; a second one ends the command
/// on the spot.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt(());

impl Interrupt {
    /// Listen from now on.
    pub fn listen() -> Self {
        TAKEN_OVER.store(true, Ordering::Relaxed);
        Self(())
    }

    /// Whether it was pressed.
    pub fn wished(self) -> bool {
        WISHED.load(Ordering::Relaxed)
    }
}
