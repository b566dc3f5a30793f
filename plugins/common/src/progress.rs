//! Progress of a command: a bar on a terminal, otherwise a log line now and then.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two log lines when stderr is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(20);

static CURRENT: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn current() -> Option<ProgressBar> {
    CURRENT.lock().ok().and_then(|bar| bar.clone())
}

/// Remove the bar from the screen before a message.
pub(crate) fn clear() {
    if let Some(bar) = current() {
        bar.finish_and_clear();
    }
}

/// The target of log lines: stderr, with the bar hidden while they are written.
pub(crate) struct LogPipe;

impl Write for LogPipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match current() {
            Some(bar) => bar.suspend(|| io::stderr().write(bytes)),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Progress through `total` items (or an unknown number of them). Silent at `--quiet`.
pub struct Progress {
    bar: Option<ProgressBar>,
    unit: &'static str,
    total: Option<u64>,
    done: u64,
    last: Instant,
}

impl Progress {
    /// Start at 0; `unit` is the plural of what is counted, such as `records`.
    pub fn new(unit: &'static str, total: Option<u64>) -> Self {
        let visible = log::log_enabled!(log::Level::Info) && io::stderr().is_terminal();
        let bar = visible.then(|| {
            let (bar, template) = match total {
                Some(n) => (ProgressBar::new(n), "{bar:30} {human_pos}/{human_len} {msg} {eta}"),
                None => (ProgressBar::new_spinner(), "{spinner} {human_pos} {msg} {per_sec}"),
            };
            // The templates are constants; with the fallback a typing error in one cannot end a run.
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(unit);
            bar
        });
        if let Ok(mut slot) = CURRENT.lock() {
            *slot = bar.clone();
        }
        Self { bar, unit, total, done: 0, last: Instant::now() }
    }

    /// `n` more items are done.
    pub fn add(&mut self, n: u64) {
        self.done += n;
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.last.elapsed() >= LINE_EVERY => {
                self.last = Instant::now();
                match self.total {
                    Some(total) => log::info!("{} of {total} {}", self.done, self.unit),
                    None => log::info!("{} {}", self.done, self.unit),
                }
            }
            None => {}
        }
    }

    /// Text after the bar, such as the loss of the last epoch.
    pub fn message(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if let Ok(mut slot) = CURRENT.lock() {
            *slot = None;
        }
    }
}
