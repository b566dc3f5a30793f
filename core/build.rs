//! Says whether the compiler knows AVX-512, which it does from Rust 1.89 on: `model::local` then has a kernel for it.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(has_avx512)");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(compiler).arg("--version").output().map(|out| out.stdout).unwrap_or_default();
    // "rustc 1.89.0 (…)"
    let text = String::from_utf8_lossy(&said);
    let mut numbers = text.split_whitespace().nth(1).unwrap_or("").split('.').map_while(|n| n.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let x86 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if x86 && version >= (1, 89) {
        println!("cargo:rustc-cfg=has_avx512");
    }
}
