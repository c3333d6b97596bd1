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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journeys::ALL;

    #[test]
    fn questions_are_about_journeys() {
        let page = part("index.html").expect("the page");
        let hashes = page
            .split("href=\"#")
            .skip(1)
            .chain(page.split("data-shows=\"#").skip(1));
        let links: Vec<&str> = hashes.collect();
        assert!(links.len() > 4);
        for link in links {
            let link = link.split('"').next().unwrap_or_default();
            if page.contains(&format!("id=\"{link}\"")) {
                continue;
            }
            for part in link.split(',') {
                let id = part.split('/').next().unwrap_or_default();
                assert!(ALL.iter().any(|journey| journey.id == id), "{link}");
            }
        }
    }

    #[test]
    fn modules_become_one_script() {
        assert_eq!(
            plain("import { a } from \"./a.js\";\nexport const b = a;"),
            "const b = a;\n"
        );
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = make("{}").expect("the page");
        for word in ["http://", "https://", "src=\"", "@import", "url("] {
            let found = page.matches(word).count();
            // The name space of SVG is a name, not an address.
            let names = page.matches("http://www.w3.org/2000/svg").count();
            assert_eq!(found, if word == "http://" { names } else { 0 }, "{word}");
        }
    }
}
