//! The processor on which libtorch computes, and its set-up.

use std::ffi::CString;
use std::path::PathBuf;

use tch::Device;

use crate::error::{Error, Result};

/// The choice of the user: `auto`, `cpu`, `cuda` or `cuda:N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A CUDA device if there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            other => other
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("'{other}' is not a device: use auto, cpu, cuda or cuda:N")),
        }
    }
}

/// Open the chosen device. Call this before the first tensor is made: libtorch's CUDA library is opened here, and
/// registers itself then.
///
/// # Errors
/// A CUDA device was chosen and is not available.
pub fn open_device(choice: DeviceChoice) -> Result<Device> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Auto => {
            open_cuda_library();
            Ok(if tch::Cuda::is_available() { Device::Cuda(0) } else { Device::Cpu })
        }
        DeviceChoice::Cuda(number) => {
            open_cuda_library();
            if !tch::Cuda::is_available() {
                return Err(Error::engine(
                    "no CUDA device is usable: set LIBTORCH to a libtorch 2.11 or PyTorch folder with libtorch_cuda.so \
                     and start with its lib folder in LD_LIBRARY_PATH, or use --device cpu",
                ));
            }
            let count = tch::Cuda::device_count();
            if number as i64 >= count {
                return Err(Error::engine(format!("there is no device cuda:{number}; this machine has {count}")));
            }
            Ok(Device::Cuda(number))
        }
    }
}

/// A binary linked with libtorch's CPU files can use CUDA once libtorch_cuda.so is opened globally.
fn open_cuda_library() {
    let mut names: Vec<PathBuf> = Vec::new();
    if let Some(folder) = std::env::var_os("LIBTORCH") {
        names.push(PathBuf::from(folder).join("lib/libtorch_cuda.so"));
    }
    names.push(PathBuf::from("libtorch_cuda.so"));
    for name in names {
        if let Ok(name) = CString::new(name.into_os_string().into_encoded_bytes()) {
            // SAFETY: a valid C string; the library is never closed.
            let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
            if !handle.is_null() {
                return;
            }
        }
    }
}

/// Use `threads` threads inside libtorch's operations.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads.clamp(1, 1024) as i32);
}

/// Keep freed memory in the process: glibc returns every large block to the system, which makes training 20-30 %
/// slower. Call once, before the first large allocation.
pub fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes plain numbers; a refused setting is without effect.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
    }
}
