//! Each C program of the tests says which folders of the kernel it covers, and each folder has one.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use harness::paths;
use regex_lite::Regex;

#[test]
fn every_folder_is_covered() -> Result<()> {
    let root = paths::root();
    let line = Regex::new(r"^/\* covers:((?: kernel/src/[\w/]+)+) \*/\n")?;
    let mut covered = BTreeSet::new();
    for entry in fs::read_dir(root.join("tests/programs"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "c") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let captures = line.captures(&text);
        let captures = captures.with_context(|| {
            format!(
                "{}: the first line is not /* covers: kernel/src/FOLDER/ */",
                path.display()
            )
        })?;
        for folder in captures[1].split_whitespace() {
            ensure!(
                root.join(folder).is_dir(),
                "{}: no folder {folder}",
                path.display()
            );
            let below = folder.trim_start_matches("kernel/src/");
            covered.insert(below.split('/').next().unwrap_or_default().to_owned());
        }
    }
    for entry in fs::read_dir(root.join("kernel/src"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        ensure!(
            !entry.path().is_dir() || covered.contains(&name),
            "no program covers kernel/src/{name}/"
        );
    }
    Ok(())
}

/// A difference in a program of 500 lines says little without the part that it is in.
#[test]
fn long_programs_name_their_parts() -> Result<()> {
    for entry in fs::read_dir(paths::root().join("tests/programs"))? {
        let path = entry?.path();
        let is_c = path.extension().is_some_and(|extension| extension == "c");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let names_parts = text.contains("\tPART(") || text.contains("\"== %s\\n");
        ensure!(
            !is_c || text.lines().count() <= 500 || names_parts,
            "{}: no part prints its name (tests/programs/parts.h)",
            path.display()
        );
    }
    Ok(())
}
