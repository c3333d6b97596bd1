//! Puts the page together: its markup, style and scripts (`xtask/microscope/page`), and the data.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use harness::paths;

/// The scripts, each after those that it uses.
const SCRIPTS: [&str; 11] = [
    "records.js",
    "format.js",
    "view.js",
    "address.js",
    "strip.js",
    "steps.js",
    "source.js",
    "registers.js",
    "stack.js",
    "search.js",
    "main.js",
];

/// The page with this data.
///
/// # Errors
/// A part can't be read.
pub fn make(data: &str) -> Result<String> {
    let mut script = String::new();
    for name in SCRIPTS {
        script.push_str(&plain(&part(name)?));
    }
    // Inside a script element only `</` and `<!--` end the text early.
    let data = data.replace('<', "\\u003c");
    let mut page = part("index.html")?;
    for (mark, text) in [
        ("/* style */", part("style.css")?),
        ("/* script */", script),
        ("/* data */", data),
    ] {
        ensure!(page.matches(mark).count() == 1, "index.html has no {mark}");
        page = page.replace(mark, &text);
    }
    Ok(page)
}

fn part(name: &str) -> Result<String> {
    let path: PathBuf = paths::root().join("xtask/microscope/page").join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A module's text as a part of one script: the names that modules import are there already.
fn plain(module: &str) -> String {
    let lines = module.lines().filter(|line| !line.starts_with("import "));
    lines.fold(String::new(), |mut text, line| {
        text.push_str(line.strip_prefix("export ").unwrap_or(line));
        text.push('\n');
        text
    })
}
