//! Makes README's tables of costs and the pictures of `docs/costs/` from `docs/costs/costs.json`.
//!
//! `make bench-linux` counts and writes `target/bench-linux.json`; `cargo xtask costs` copies that file
//! to `docs/costs/` and runs this program. Made twice, tables and pictures are the same bytes, so that a
//! test can say when they are not those of the figures.

#![forbid(unsafe_code)]

mod figures;
mod pictures;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use figures::Figures;

/// Pages with tables.
const PAGES: &[&str] = &["README.md"];
/// The directory of the figures and the pictures.
const DIRECTORY: &str = "docs/costs";

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(|| ".".into(), Path::to_owned)
}

/// Each file that the figures make, with its content.
fn made() -> Result<Vec<(PathBuf, String)>> {
    let root = root();
    let directory = root.join(DIRECTORY);
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let figures: Figures = serde_json::from_str(&read(&directory.join("costs.json"))?)?;
    let mut files = Vec::new();
    for page in PAGES {
        let path = root.join(page);
        let text = tables::fill(&read(&path)?, &figures)?;
        files.push((path, text));
    }
    for (name, text) in pictures::all(&figures)? {
        files.push((directory.join(name), text));
    }
    Ok(files)
}

fn main() -> Result<()> {
    for (path, text) in made()? {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_pictures_are_those_of_the_figures() {
        for (path, text) in made().expect("there are figures") {
            let found = fs::read_to_string(&path).unwrap_or_default();
            let name = path.display();
            assert!(found == text, "{name} is stale: `cargo xtask costs`");
        }
    }

    #[test]
    fn made_twice_they_are_the_same() {
        let twice = [made(), made()].map(|files| files.expect("there are figures"));
        assert!(twice[0] == twice[1]);
    }
}
