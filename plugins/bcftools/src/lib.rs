//! The plugin `bcftools +deepallele`: the process is replaced by `deepallele annotate` with the arguments of the plugin,
//! which so handles pipes, signals and exit codes. Exports the three functions that bcftools needs of a plugin.

use std::env;
use std::ffi::{c_char, c_int, c_void, CStr, OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `dladdr` reports about an address; the first field is the file that it was loaded from.
#[repr(C)]
struct Origin {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

extern "C" {
    fn dladdr(address: *const c_void, origin: *mut Origin) -> c_int;
    fn dlsym(library: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

/// The description for `bcftools plugin -l`.
#[no_mangle]
pub extern "C" fn about() -> *const c_char {
    c"Add predicted allelic effects of a DeepAllele model to INFO.\n".as_ptr()
}

/// The versions of bcftools and htslib that this plugin was built for. It contains code of neither, so it reports those
/// of the host.
///
/// # Safety
/// Both pointers can be written to.
#[no_mangle]
pub unsafe extern "C" fn version(bcftools: *mut *const c_char, htslib: *mut *const c_char) {
    // SAFETY: the caller promises that both places can be written to.
    unsafe {
        *bcftools = version_of(c"bcftools_version");
        *htslib = version_of(c"hts_version");
    }
}

/// The result of the host's function `symbol`; `unknown` where it does not export one.
fn version_of(symbol: &CStr) -> *const c_char {
    // RTLD_DEFAULT.
    const ANYWHERE: *mut c_void = std::ptr::null_mut();
    // SAFETY: the name ends with a zero.
    let found = unsafe { dlsym(ANYWHERE, symbol.as_ptr()) };
    if found.is_null() {
        return c"unknown".as_ptr();
    }
    // SAFETY: both functions, of bcftools and htslib, take nothing and return a string that stays.
    let version: extern "C" fn() -> *const c_char = unsafe { std::mem::transmute(found) };
    version()
}

/// Replace the process by `deepallele annotate`. Returns, with an exit code, only when that fails.
///
/// # Safety
/// `arguments` has `count` strings, first the name of the plugin.
#[no_mangle]
pub unsafe extern "C" fn run(count: c_int, arguments: *const *const c_char) -> c_int {
    // SAFETY: `i` is below `count`, and the caller promises that each is a string.
    let argument = |i| OsStr::from_bytes(unsafe { CStr::from_ptr(*arguments.add(i)) }.to_bytes()).to_owned();
    let mut arguments: Vec<OsString> = (1..count.max(1) as usize).map(argument).collect();
    // bcftools +name [OPTIONS] FILE -- [PLUGIN OPTIONS]: both sides are passed on.
    if let Some(border) = arguments.iter().position(|a| a == "--") {
        arguments.remove(border);
    }
    let program = front_door();
    let error = Command::new(&program).arg("annotate").args(arguments).exec();
    // Not eprintln, which panics where stderr is closed.
    let _ = writeln!(
        io::stderr(),
        "bcftools +deepallele: \"{}\" cannot be started: {error}; set $DEEPALLELE to the program deepallele, or put it \
         on PATH",
        program.display()
    );
    1
}

/// `$DEEPALLELE`, else `deepallele` next to this file or one folder up, else the one on PATH.
fn front_door() -> PathBuf {
    if let Some(named) = env::var_os("DEEPALLELE").filter(|n| !n.is_empty()) {
        return named.into();
    }
    let own = own_file().and_then(|file| file.canonicalize().ok()).unwrap_or_default();
    let near = own.ancestors().skip(1).take(2).map(|folder| folder.join("deepallele"));
    near.into_iter().find(|file| file.is_file()).unwrap_or_else(|| "deepallele".into())
}

/// The file that this code was loaded from.
fn own_file() -> Option<PathBuf> {
    let mut origin = Origin {
        file: std::ptr::null(),
        base: std::ptr::null_mut(),
        symbol: std::ptr::null(),
        address: std::ptr::null_mut(),
    };
    // SAFETY: `origin` can be written to.
    let known = unsafe { dladdr(about as *const c_void, &mut origin) } != 0 && !origin.file.is_null();
    // SAFETY: dladdr knows the file, whose name stays while this code is loaded.
    known.then(|| Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(origin.file) }.to_bytes())).to_owned())
}
