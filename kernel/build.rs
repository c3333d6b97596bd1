//! Links the kernel as the non-PIE image that `kernel.ld` describes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=kernel.ld");
    // Lints are checked against the host where the bare target is missing: no script there.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
        for arg in [
            &format!("-T{dir}/kernel.ld"),
            "--no-pie",
            "-znoexecstack",
            "--build-id=none",
        ] {
            println!("cargo::rustc-link-arg-bins={arg}");
        }
    }
}
