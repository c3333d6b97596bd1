//! `make clean`: removes what was built, and leaves what was installed or cached.

use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, Result};
use harness::paths;

/// Removes the target directory, but for the program that is doing it.
pub fn command() -> Result<()> {
    let target = paths::target();
    match fs::remove_dir_all(&target) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", target.display()))
        }
        _ => Ok(()),
    }
}
