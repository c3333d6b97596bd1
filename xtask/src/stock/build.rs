//! Builds `tests/stock-bootloader` with a stable compiler.
//!
//! The crate's build script compiles its four stages, each with its own `core`, by `cargo install
//! -Zbuild-std`. It has four requirements, which are met as follows:
//!
//! | requirement | met by |
//! |---|---|
//! | nightly Rust | `RUSTC_BOOTSTRAP`, for this build only: the result is a test's tool |
//! | Rust's own source | a toolchain that has it: the distribution's, or rustup's |
//! | rustup's llvm-tools | `rust-objcopy`, under the name it looks for (`bin/rustc`) |
//! | one nightly's `core` | a dependency's older source where the newer fails (`bin/wrapper`) |

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;

use anyhow::{Context, Result, bail};
use harness::child::{Leashed, leash};

use super::{existing, project};
use crate::toolchain::{Source, ask, clean_cargo};

/// How much of a failed build's output is shown, in lines.
const SHOWN: usize = 25;

/// The build's tools.
pub struct Tools {
    cargo: PathBuf,
    rustc: PathBuf,
    objcopy: PathBuf,
}

impl Tools {
    /// The tools of a toolchain that has Rust's source.
    pub fn find(source: &Source) -> Result<Self> {
        let rustc = source.rustc().to_string_lossy();
        let sysroot = ask(&rustc, &["--print", "sysroot"]).context("no compiler")?;
        let sysroot = Path::new(&sysroot);
        Ok(Self {
            // Not rustup's proxies: they put themselves before `bin/rustc` in PATH.
            cargo: existing(&sysroot.join("bin/cargo"))?,
            rustc: existing(&sysroot.join("bin/rustc"))?,
            objcopy: objcopy(sysroot)?,
        })
    }
}

/// The toolchain's own objcopy.
fn objcopy(sysroot: &Path) -> Result<PathBuf> {
    let rustlib = sysroot.join("lib/rustlib");
    fs::read_dir(&rustlib)
        .with_context(|| format!("cannot read {}", rustlib.display()))?
        .flatten()
        .flat_map(|target| {
            ["llvm-objcopy", "rust-objcopy"].map(|name| target.path().join("bin").join(name))
        })
        .find(|path| path.exists())
        .with_context(|| format!("there is no rust-objcopy in {}", rustlib.display()))
}

/// Builds the program as the file `path`. Cargo's lines are sent on as they come.
pub fn build(tools: &Tools, path: &Path, lines: &Sender<String>) -> Result<()> {
    let parent = path.parent().context("the cache directory has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let work = tempfile::Builder::new()
        .prefix("stock-bootloader.")
        .tempdir_in(parent)?;
    let objcopy = work.path().join("tools/lib/rustlib/host/bin");
    fs::create_dir_all(&objcopy)?;
    // The first is asked for; the second only tells that this is the place.
    for name in ["llvm-objcopy", "llvm-objdump"] {
        symlink(&tools.objcopy, objcopy.join(name))?;
    }
    // The older source that `bin/wrapper` falls back on is never compiled as a dependency:
    // only a fetch brings it.
    let manifest = project().join("Cargo.toml");
    let run = |words: &[&str]| {
        let mut cargo = cargo(tools, work.path())?;
        cargo.args(words).arg("--locked");
        follow(cargo.arg("--manifest-path").arg(&manifest), lines)
    };
    run(&["fetch"])?;
    // Not by a variable, which the stages' builds would see: each has a directory of its own
    // otherwise, and need not wait for the others.
    let target = work.path().join("target");
    run(&["build", "--target-dir", &target.to_string_lossy()])?;
    // One rename installs it complete. Another clone's file, if it was first, is the same.
    fs::rename(target.join("debug/stock-bootloader"), path)
        .with_context(|| format!("cannot make {}", path.display()))
}

/// Cargo, ready to build the project in the directory `work`.
fn cargo(tools: &Tools, work: &Path) -> Result<Command> {
    let project = project();
    let scripts = project.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(scripts.clone()).chain(std::env::split_paths(&path)))?;
    let mut cargo = clean_cargo(&tools.cargo);
    // The repository's cargo configuration (its bare target above all) must not apply here.
    cargo.current_dir(work);
    cargo
        .env("PATH", path)
        .env("RUSTC", &tools.rustc)
        .env("RUSTC_WRAPPER", scripts.join("wrapper"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("STOCK_TOOLS", work.join("tools"));
    for name in [
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
    ] {
        cargo.env_remove(name);
    }
    Ok(cargo)
}

/// Runs a command; an error has the last lines of its output.
fn follow(command: &Command, lines: &Sender<String>) -> Result<()> {
    let (reader, writer) = std::io::pipe()?;
    let mut command = leash(command).context("cannot start cargo")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = Leashed::spawn(&mut command).context("cannot start cargo")?;
    // The writing ends that the command holds would keep the pipe open.
    drop(command);
    let mut output = Vec::new();
    for line in BufReader::new(reader).lines() {
        let line = line.unwrap_or_default();
        output.push(line.clone());
        // The receiver may be gone: the build continues.
        let _ = lines.send(line);
    }
    let status = child.wait()?;
    if !status.success() {
        let end = &output[output.len().saturating_sub(SHOWN)..];
        bail!("cargo failed ({status}):\n{}", end.join("\n"));
    }
    Ok(())
}
