//! Linker arguments for programs without a C library, and `cfg(bare)`, which is set when such a
//! program is built rather than checked by the host's linter.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(bare)");
    let variable = |name| env::var(name).unwrap_or_default();
    let narrow = variable("CARGO_CFG_TARGET_ARCH") == "x86";
    if variable("CARGO_CFG_TARGET_OS") != "none" && !narrow {
        return;
    }
    println!("cargo::rustc-cfg=bare");
    // The customary base addresses of x86_64 and i386 programs.
    let base = if narrow {
        "--image-base=0x8048000"
    } else {
        "--image-base=0x400000"
    };
    for argument in ["--no-pie", base, "-znoexecstack", "--build-id=none"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    // init's addresses must not overlap those of the program to debug: a breakpoint that gdb sets
    // before boot would trigger in init.
    println!("cargo::rustc-link-arg-bin=init=--image-base=0x60000000");
    // This program reads the registers before any other code has run.
    println!("cargo::rustc-link-arg-bin=start_state=--entry=probe_start");
}
