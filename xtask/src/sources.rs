//! The repository's files, as the checks read them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use harness::paths;

/// Every file below `directory`, in order, without hidden directories and cargo's target directory.
///
/// # Errors
/// If a directory can't be read.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    gather(directory, &mut found)?;
    found.sort();
    Ok(found)
}

fn gather(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory);
    for entry in entries.with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // Cargo marks its target directory with this file, whatever the directory's name.
        let is_output = path == paths::target() || path.join("CACHEDIR.TAG").exists();
        if path.is_dir() && !is_hidden && !is_output {
            gather(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
