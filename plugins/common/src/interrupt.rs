//! Ctrl-C as a question that long work asks itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use anyhow::Context;

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
        let wished = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
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
