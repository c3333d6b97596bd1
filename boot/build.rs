//! Linker arguments, and the path of the kernel for `include_bytes!`.
//!
//! `TRIDENT_KERNEL` names the kernel's ELF file to embed. Without it (when clippy or the unit
//! tests build this crate for the host) an empty file is embedded.

use std::{env, fs, path::PathBuf};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let bare = env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none");

    println!("cargo::rerun-if-env-changed=TRIDENT_KERNEL");
    let kernel = match env::var_os("TRIDENT_KERNEL") {
        Some(path) if bare => fs::canonicalize(&path)
            .unwrap_or_else(|error| panic!("TRIDENT_KERNEL={}: {error}", path.display())),
        _ => {
            if bare {
                println!("cargo::warning=TRIDENT_KERNEL is not set: a loader without a kernel");
            }
            let empty = out.join("no-kernel");
            fs::write(&empty, []).expect("OUT_DIR is writable");
            empty
        }
    };
    println!("cargo::rerun-if-changed={}", kernel.display());
    println!("cargo::rustc-env=TRIDENT_KERNEL={}", kernel.display());

    println!("cargo::rerun-if-changed=loader.ld");
    if bare {
        // The target's default is a position-independent executable; firmware loads this one at
        // its link address.
        println!("cargo::rustc-link-arg-bins=--no-pie");
        println!(
            "cargo::rustc-link-arg-bins=-T{}",
            here.join("loader.ld").display()
        );
    }
}
