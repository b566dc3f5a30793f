//! Ctrl-C: the end of a command, which takes its temporary files along, or a question that long work asks itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Whether an [`Interrupt`] listens for Ctrl-C.
static TAKEN_OVER: AtomicBool = AtomicBool::new(false);

/// Whether the program was started with this signal ignored, as by nohup: it stays so.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: only asks; all-zero is a valid sigaction to be filled.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    }
}

/// From now on a signal that ends the program removes its temporary files first. Where the system refuses that, the
/// signal still ends the program.
pub(crate) fn tidy_up_at_the_end() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&s| !is_ignored(s))) else {
        return;
    };
    let _ = thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if signal != SIGHUP && TAKEN_OVER.load(Ordering::Relaxed) {
                continue;
            }
            crate::progress::clear();
            deepallele_core::files::remove_temporary_files();
            let _ = emulate_default_handler(signal);
        }
    });
}

/// Whether the user wants the command to end. The first Ctrl-C (or SIGTERM) is a wish; a second one ends the command
/// on the spot.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listen from now on.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub fn listen() -> anyhow::Result<Self> {
        TAKEN_OVER.store(true, Ordering::Relaxed);
        let wished = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the second signal finds the wish that the first has left.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&wished))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&wished)))
                .context("cannot listen for Ctrl-C")?;
        }
        Ok(Self(wished))
    }

    /// Whether it was pressed.
    pub fn wished(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
