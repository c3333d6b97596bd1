//! Linker arguments: the kernel is a non-PIE image laid out by `kernel.ld`. Unoptimised code (`make debug`)
//! needs larger stacks, and has more functions.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=kernel.ld");
    println!("cargo::rustc-check-cfg=cfg(unoptimised)");
    let is_unoptimised = std::env::var("OPT_LEVEL").as_deref() == Ok("0");
    if is_unoptimised {
        println!("cargo::rustc-cfg=unoptimised");
    }
    // Not for the host, for which the crate is only linted.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
        // As in src/dev/symbols.rs.
        let names = if is_unoptimised { "1M" } else { "192K" };
        for arg in [
            &format!("--defsym=KALLSYMS_SIZE={names}"),
            &format!("-T{dir}/kernel.ld"),
            "--no-pie",
            "-znoexecstack",
            "--build-id=none",
        ] {
            println!("cargo::rustc-link-arg-bins={arg}");
        }
    }
}
