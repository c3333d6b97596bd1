//! Checkers of source, fetched as wheels from PyPI into the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use harness::paths;

use crate::ui::Step;

/// A wheel with a program in it.
pub struct Wheel {
    /// Its name on PyPI.
    pub name: &'static str,
    /// Pinned: a newer version has other rules, and would fail a source that passes today.
    pub version: &'static str,
    /// The program, by its path in the wheel.
    pub program: &'static str,
}

/// The spelling checker.
pub const TYPOS: Wheel = Wheel {
    name: "typos",
    version: "1.52.0",
    program: "bin/typos",
};

/// The formatter of the C programs.
pub const CLANG_FORMAT: Wheel = Wheel {
    name: "clang-format",
    version: "21.1.8",
    program: "clang_format/data/bin/clang-format",
};

/// The program, installed by pip if it isn't there yet.
///
/// # Errors
/// If pip is missing or can't fetch the wheel (no network, no wheel for this machine).
pub fn ensure(wheel: &Wheel) -> Result<PathBuf> {
    let name = format!("{} {}", wheel.name, wheel.version);
    let directory = paths::target().join(format!("tools/{}-{}", wheel.name, wheel.version));
    let program = directory.join(wheel.program);
    if program.exists() {
        return Ok(program);
    }
    // Another `make check` may install at the same time: a complete directory takes the name.
    let parent = directory.parent().context("no parent directory")?;
    fs::create_dir_all(parent)?;
    let work = tempfile::tempdir_in(parent)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--disable-pip-version-check", "--no-input"])
        .args(["--only-binary=:all:", "--retries=1", "--timeout=15"])
        .arg("--target")
        .arg(work.path())
        .arg(format!("{}=={}", wheel.name, wheel.version))
        .stdin(Stdio::null());
    let step = Step::begin(format!("Fetching {name} (pip)"));
    let output = pip.output().context("cannot start python3");
    step.end();
    let output = output?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!(
            "pip cannot install {name}: {}",
            errors.trim().lines().last().unwrap_or("it gave no reason")
        );
    }
    let installed = work.keep();
    if fs::rename(&installed, &directory).is_err() {
        fs::remove_dir_all(&installed)?;
    }
    if !program.exists() {
        bail!("the wheel of {name} has no {}", wheel.program);
    }
    Ok(program)
}
