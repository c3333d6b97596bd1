//! Linker arguments: the kernel is a non-PIE image laid out by `kernel.ld`. Unoptimised code (`make debug`)
//! needs larger stacks, and has more functions. In a student's tree, the given pieces of the labs too.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=kernel.ld");
    println!("cargo::rustc-check-cfg=cfg(unoptimised)");
    let is_unoptimised = env::var("OPT_LEVEL").as_deref() == Ok("0");
    if is_unoptimised {
        println!("cargo::rustc-cfg=unoptimised");
    }
    let dir = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    open_given_pieces(&Path::new(&dir).join("../labs/given"));
    // Not for the host, for which the crate is only linted.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
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

/// Opens the pieces that stand in for labs not begun yet: `4a.sealed` becomes `4a.rs`, which the
/// sources include. Only a student's tree has such files (`xtask/labs/src/seal.rs`).
fn open_given_pieces(folder: &Path) {
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    for path in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = path.path();
        if path.extension().is_none_or(|end| end != "sealed") {
            continue;
        }
        let sealed = fs::read_to_string(&path).expect("a sealed piece");
        let mut state = 0x5eed_u32;
        let digits: String = sealed.split_whitespace().collect();
        let text = digits.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits");
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::from_str_radix(pair, 16).expect("a hexadecimal number") ^ (state >> 24) as u8
        });
        let name = path.file_stem().expect("a name");
        let piece = Path::new(&out).join(name).with_extension("rs");
        fs::write(piece, text.collect::<Vec<u8>>()).expect("OUT_DIR is writable");
    }
}
