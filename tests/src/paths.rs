//! Paths: the repository's root, the target directory and the build's files in it.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The repository's root: `TRIDENT_ROOT` where it is set, by which the labs build another tree than
/// their own; else the tree that this program is built from.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| match env::var_os("TRIDENT_ROOT") {
        Some(root) if !root.is_empty() => PathBuf::from(root),
        _ => own_root().to_owned(),
    });
    &ROOT
}

/// The root of the tree that this program is built from.
pub fn own_root() -> &'static Path {
    // This package's directory is directly below the root.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
}

/// Cargo's target directory: `CARGO_TARGET_DIR` where it is set, `target/` otherwise.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => root().join(dir),
        _ => root().join("target"),
    }
}

/// The boot image: the loader with the kernel inside.
pub fn boot_image() -> PathBuf {
    target().join("trident.elf")
}

/// The boot image of the test build: its kernel has overflow checks and debug assertions.
pub fn checked_image() -> PathBuf {
    target().join("trident-checked.elf")
}

/// The boot image that machines boot where a case names none: with `CHECKED` set, that of the
/// test build.
pub fn image_under_test() -> PathBuf {
    if is_checked() {
        checked_image()
    } else {
        boot_image()
    }
}

/// Whether `CHECKED` asks for the test build.
pub fn is_checked() -> bool {
    env::var_os("CHECKED").is_some_and(|value| !value.is_empty() && value != "0")
}

/// The test build's kernel by itself.
pub fn checked_kernel() -> PathBuf {
    target().join("kernel-checked.elf")
}

/// The boot image of `make debug`.
pub fn debug_image() -> PathBuf {
    target().join("trident-debug.elf")
}

/// The kernel of `make debug` by itself.
pub fn debug_kernel() -> PathBuf {
    target().join("kernel-debug.elf")
}

/// The boot image of the labs' graders.
pub fn lab_image() -> PathBuf {
    target().join("trident-lab.elf")
}

/// The kernel of the labs' graders by itself.
pub fn lab_kernel() -> PathBuf {
    target().join("kernel-lab.elf")
}

/// The tour of `make debug`, of that width, with all debug information.
pub fn debug_tour(width: u32) -> PathBuf {
    target().join("debug").join(format!("tour{width}"))
}

/// The kernel by itself, with its debug information and its symbol table filled in.
pub fn kernel() -> PathBuf {
    target().join("kernel.elf")
}

/// The directory of this repository's own user programs, `width` being 64 or 32 (bits).
pub fn user(width: u32) -> PathBuf {
    target().join("user").join(width.to_string())
}

/// One of this repository's own user programs.
pub fn program(width: u32, name: &str) -> PathBuf {
    user(width).join(name)
}

/// The file of a program by its name, in the directories of PATH.
pub fn in_path(name: impl AsRef<Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|directory| directory.join(&name))
        .find(|file| file.is_file())
}

/// The directory of the tests' own C programs and scratch files.
pub fn scratch() -> PathBuf {
    target().join("tests")
}
