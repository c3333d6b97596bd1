//! Builds the two vDSO images from this crate's own source: `src/lib.rs` with `--cfg vdso_image`,
//! compiled to one object file per width and linked by rustc's own linker.
//!
//! Linked by hand, because the image may only contain that one object: a reference to any other
//! code (a panic, `memcpy`, a division helper) is a link error. `src/images.rs` includes the
//! result.

use object::elf::{SHF_ALLOC, SHF_WRITE};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Result<T> = std::result::Result<T, String>;

/// Build parameters that differ between the two images.
struct Width {
    /// 64 or 32, the number in its files' names.
    bits: u32,
    target: &'static str,
    soname: &'static str,
    /// i686's PIC code sets up a GOT pointer in every function. Without PIC it doesn't, and calls
    /// are relative anyway; `check` refuses relocations, so there are no absolute addresses.
    relocation_model: &'static str,
    /// Symbols whose offsets the kernel needs, with their descriptions.
    symbols: &'static [(&'static str, &'static str)],
}

const GETCPU_SITE: (&str, &str) = (
    "VDSO_GETCPU_SITE",
    "Patch site of `GETCPU_RDPID`, at boot, on CPUs that have RDPID.",
);

const WIDTHS: [Width; 2] = [
    Width {
        bits: 64,
        target: "x86_64-unknown-none",
        soname: "linux-vdso.so.1",
        relocation_model: "pic",
        symbols: &[GETCPU_SITE],
    },
    Width {
        bits: 32,
        target: "i686-unknown-linux-gnu",
        soname: "linux-gate.so.1",
        relocation_model: "static",
        symbols: &[
            (
                "__kernel_vsyscall",
                "AT_SYSINFO: the system call entry of 32-bit programs.",
            ),
            (
                "__kernel_sigreturn",
                "Return address of a handler without `sa_restorer`.",
            ),
            (
                "__kernel_rt_sigreturn",
                "Return address of a handler with SA_SIGINFO and without `sa_restorer`.",
            ),
            (
                "VDSO32_SYSENTER_RETURN",
                "The landing pad: return address of SYSENTER and SYSCALL.",
            ),
            (
                "VDSO32_VSYSCALL_SITE",
                "Patch site of one of the `VSYSCALL_*`, at boot.",
            ),
            GETCPU_SITE,
        ],
    },
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(vdso_image)");
    for path in ["build.rs", "src"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed={BARE_FLAGS}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let built: Result<String> = WIDTHS
        .iter()
        .map(|width| build(width, &out).map(|offsets| module(width, &offsets)))
        .collect();
    let offsets = match built {
        Ok(offsets) => offsets,
        // The kernel needs its vDSO. A host build (lints, rustdoc) works without it if this rustc
        // has no bare targets; the tests of the images then fail.
        Err(error) if env::var("TARGET").is_ok_and(|target| target.ends_with("-none")) => {
            panic!("cannot build the vDSO images: {error}")
        }
        Err(error) => {
            let first = error.lines().next().unwrap_or_default();
            println!("cargo::warning=no vDSO images in this host build: {first}");
            placeholder(&out)
        }
    };
    fs::write(out.join("offsets.rs"), offsets).expect("OUT_DIR is writable");
}

/// Compiles, links and checks one image. Writes `vdsoN.so` to `out`, and `vdsoN.so.dbg`, which has
/// a symbol table for debuggers; returns the Rust constants of its symbols.
fn build(width: &Width, out: &Path) -> Result<String> {
    let bits = width.bits;
    let object = out.join(format!("vdso{bits}.o"));
    let mut rustc = Command::new(env::var_os("RUSTC").expect("cargo sets RUSTC"));
    rustc.args([
        "src/lib.rs",
        "--crate-name",
        "vdso_image",
        "--crate-type",
        "bin",
        "--emit",
        "obj",
    ]);
    rustc.args([
        "--edition",
        "2024",
        "--cfg",
        "vdso_image",
        "--target",
        width.target,
    ]);
    // Unwind tables for signal handlers and debuggers: a signal or a breakpoint may interrupt the
    // code.
    // ANCHOR: one-object
    rustc.args([
        "-Copt-level=s",
        "-Cpanic=abort",
        "-Ccodegen-units=1",
        "-Cforce-unwind-tables=yes",
    ]);
    // ANCHOR_END: one-object
    rustc
        .arg(format!("-Crelocation-model={}", width.relocation_model))
        .args(sysroot());
    run(rustc.arg("-o").arg(&object))?;

    let linker = linker();
    let (image, debug) = (
        out.join(format!("vdso{bits}.so")),
        out.join(format!("vdso{bits}.so.dbg")),
    );
    for (file, strip) in [(&debug, None), (&image, Some("--strip-all"))] {
        let mut link = Command::new(&linker);
        link.args([
            "-flavor",
            "gnu",
            "-shared",
            "-Bsymbolic",
            "--no-undefined",
            "--gc-sections",
        ]);
        link.args(["--hash-style=both", "--build-id=sha1", "--eh-frame-hdr"]);
        link.args(["-zrodynamic", "-znorelro", "-zmax-page-size=4096"]);
        link.arg(format!("-soname={}", width.soname));
        link.arg(format!("--script=src/image/vdso{bits}.lds"));
        link.arg(format!("--version-script=src/image/vdso{bits}.map"));
        run(link.args(strip).arg("-o").arg(file).arg(&object))?;
    }
    check(&fs::read(&debug).map_err(|error| error.to_string())?, width)
}

/// Refuses an image with writable data or relocations, and finds the symbols.
fn check(bytes: &[u8], width: &Width) -> Result<String> {
    let file = object::File::parse(bytes).map_err(|error| error.to_string())?;
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
            continue;
        };
        let (name, both) = (
            section.name().unwrap_or("?"),
            u64::from(SHF_ALLOC | SHF_WRITE),
        );
        // ANCHOR: no-writable
        if section.size() > 0 && (sh_flags & both == both || name.starts_with(".rel")) {
            return Err(format!(
                "vdso{}.so has {name}: writable data or relocations",
                width.bits
            ));
        }
        // ANCHOR_END: no-writable
    }
    let mut offsets = String::new();
    for wanted in width.symbols {
        let symbol = file.symbols().find(|symbol| symbol.name() == Ok(wanted.0));
        offsets += &constant(
            wanted,
            symbol.ok_or(format!("no symbol {}", wanted.0))?.address(),
        );
    }
    Ok(offsets)
}

/// Empty images and zero offsets.
fn placeholder(out: &Path) -> String {
    let mut modules = String::new();
    for width in &WIDTHS {
        fs::write(out.join(format!("vdso{}.so", width.bits)), []).expect("OUT_DIR is writable");
        let zeros: String = width
            .symbols
            .iter()
            .map(|symbol| constant(symbol, 0))
            .collect();
        modules += &module(width, &zeros);
    }
    modules
}

/// Rust source of one constant.
fn constant((name, meaning): &(&str, &str), value: u64) -> String {
    let name = name.trim_start_matches('_').to_uppercase();
    format!("    /// {meaning}\n    pub const {name}: usize = {value:#x};\n")
}

/// Rust source of an image's module of constants.
fn module(width: &Width, constants: &str) -> String {
    let bits = width.bits;
    format!(
        "/// Offsets into [`VDSO{bits}`], the same in a program's mapping.\npub mod vdso{bits} {{\n{constants}}}\n"
    )
}

/// Variable with the flags for the bare target in a host build.
const BARE_FLAGS: &str = "CARGO_TARGET_X86_64_UNKNOWN_NONE_RUSTFLAGS";

/// The `--sysroot` flag of this build for the bare targets, if any.
fn sysroot() -> Option<String> {
    let own = env::var("CARGO_ENCODED_RUSTFLAGS")
        .unwrap_or_default()
        .replace('\x1f', " ");
    let bare = env::var(BARE_FLAGS).unwrap_or_default();
    let mut words = own.split(' ').chain(bare.split(' '));
    while let Some(word) = words.next() {
        if word == "--sysroot" {
            return words.next().map(|path| format!("--sysroot={path}"));
        }
        if word.starts_with("--sysroot=") {
            return Some(word.to_owned());
        }
    }
    None
}

/// `rust-lld`: next to the libraries in rustup's toolchains, on the PATH in distributions.
fn linker() -> PathBuf {
    let host = env::var("HOST").expect("cargo sets HOST");
    let mut rustc = Command::new(env::var_os("RUSTC").expect("cargo sets RUSTC"));
    let sysroot = rustc
        .args(["--print", "sysroot"])
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let sysroot = String::from_utf8_lossy(&sysroot).trim().to_owned();
    let bundled = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld");
    if bundled.exists() {
        bundled
    } else {
        PathBuf::from("rust-lld")
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
