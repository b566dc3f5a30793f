//! A standard output that was closed before the start stays closed for the command: the standard library opens /dev/null
//! in its place before `main`, where the command would write its table without an error.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

extern "C" {
    fn fcntl(descriptor: c_int, command: c_int, ...) -> c_int;
    fn close(descriptor: c_int) -> c_int;
}

const STANDARD_OUTPUT: c_int = 1;
const F_GETFD: c_int = 1;

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Called by the loader, before `main`.
#[used]
#[cfg_attr(target_os = "macos", link_section = "__DATA,__mod_init_func")]
#[cfg_attr(not(target_os = "macos"), link_section = ".init_array")]
static AT_START: extern "C" fn() = {
    extern "C" fn look() {
        // SAFETY: a query, which fails for a number that is not open.
        CLOSED.store(unsafe { fcntl(STANDARD_OUTPUT, F_GETFD) } < 0, Ordering::Relaxed);
    }
    look
};

/// Close it again, if it was closed; to be called directly before the program is replaced.
pub fn leave_closed() {
    if CLOSED.load(Ordering::Relaxed) {
        // SAFETY: what was opened in its place is used by nothing.
        unsafe { close(STANDARD_OUTPUT) };
    }
}
