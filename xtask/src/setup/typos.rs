//! The spelling checker `typos`, fetched as a wheel from PyPI into the target directory.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use harness::paths;

use crate::ui::Step;

/// Pinned: a newer version knows more misspellings, and would fail a source that passes today.
const VERSION: &str = "1.52.0";

/// The program, installed by pip if it isn't there yet.
///
/// # Errors
/// If pip is missing or can't fetch the wheel (no network, no wheel for this machine).
pub fn ensure() -> Result<PathBuf> {
    let directory = paths::target().join(format!("tools/typos-{VERSION}"));
    let program = directory.join("bin/typos");
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
        .arg(format!("typos=={VERSION}"))
        .stdin(Stdio::null());
    let step = Step::begin(format!("Fetching typos {VERSION} (pip)"));
    let output = pip.output().context("cannot start python3");
    step.end();
    let output = output?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!(
            "pip cannot install typos {VERSION}: {}",
            errors.trim().lines().last().unwrap_or("it gave no reason")
        );
    }
    let installed = work.keep();
    if fs::rename(&installed, &directory).is_err() {
        fs::remove_dir_all(&installed)?;
    }
    if !program.exists() {
        bail!("the wheel of typos {VERSION} has no bin/typos");
    }
    Ok(program)
}
