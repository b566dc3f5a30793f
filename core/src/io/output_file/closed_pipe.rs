//! A closed pipe ends the output whose reader has gone, and no other.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Outputs of the run that are still wanted. 0 where nobody has counted them, as in a program that uses the library:
/// a closed pipe is then an error like any other.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// The run has `count` outputs that somebody reads or keeps. From now on a closed pipe ends only its own output: what is
/// written to it later is dropped, and the others are completed. When no other is left, writing fails with
/// [`io::ErrorKind::BrokenPipe`], so that the run ends early.
pub fn expect_outputs(count: usize) {
    WANTED.store(count, Ordering::Relaxed);
}

/// The reader of one output has gone; called once for each.
///
/// # Errors
/// No other output is wanted.
pub(crate) fn reader_is_gone() -> io::Result<()> {
    one_less(&WANTED)
}

fn one_less(wanted: &AtomicUsize) -> io::Result<()> {
    let before = wanted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    match before {
        Ok(2..) => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_output_ends_the_run_and_so_does_one_that_nobody_counted() {
        let wanted = AtomicUsize::new(3);
        assert!(one_less(&wanted).is_ok() && one_less(&wanted).is_ok());
        for _ in 0..2 {
            assert_eq!(one_less(&wanted).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        }
    }
}
