//! Listings: the lines of a source file between `ANCHOR: NAME` and `ANCHOR_END: NAME`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Result, bail, ensure};
use regex::Regex;

/// Most lines of a listing: one thought.
const MOST_LINES: usize = 24;
/// Most lines of a program that is shown whole.
const MOST_OF_A_PROGRAM: usize = 40;

/// Comment lines that mark an anchor. The text before the word is a comment's sign.
static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\S{1,4}\s*ANCHOR(_END)?:\s*(\S+)"));
/// Marks of the labs' holes.
static HOLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*\S{1,4}\s*LAB \d+ (HOLE|END)\b"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// One anchor of a file: lines from 0.
#[derive(Clone, Copy, Debug, Default)]
struct Anchor {
    starts: usize,
    ends: usize,
    first: usize,
    last: usize,
}

/// The anchors of a file's text.
fn anchors(text: &str) -> BTreeMap<&str, Anchor> {
    let mut anchors = BTreeMap::<&str, Anchor>::new();
    for (number, line) in text.lines().enumerate() {
        let Some(found) = MARK.captures(line) else {
            continue;
        };
        let name = found.get(2).map_or("", |name| name.as_str());
        let anchor = anchors.entry(name).or_default();
        if found.get(1).is_some() {
            anchor.ends += 1;
            anchor.last = number;
        } else {
            anchor.starts += 1;
            anchor.first = number;
        }
    }
    anchors
}

/// What is wrong with the anchors of a file; their names, if nothing is.
///
/// # Errors
/// An anchor is opened twice, never closed, or its name is not in kebab case.
pub fn names(text: &str) -> Result<Vec<&str>> {
    for (name, anchor) in anchors(text) {
        check(name, anchor)?;
    }
    Ok(anchors(text).into_keys().collect())
}

fn check(name: &str, anchor: Anchor) -> Result<()> {
    let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(
        name.chars().all(is_kebab),
        "the anchor {name} is not in kebab case"
    );
    match (anchor.starts, anchor.ends) {
        (0, _) => bail!("the anchor {name} ends without a beginning"),
        (2.., _) => bail!("the anchor {name} begins {} times", anchor.starts),
        (_, 0) => bail!("the anchor {name} has no end"),
        (_, 2..) => bail!("the anchor {name} ends {} times", anchor.ends),
        _ => ensure!(
            anchor.first < anchor.last,
            "the anchor {name} ends before it begins"
        ),
    }
    Ok(())
}

/// The lines of an anchor, without marks and common indentation.
///
/// # Errors
/// There is no such anchor, it is not well formed, or it has too few or too many lines.
pub fn lines(text: &str, name: &str) -> Result<String> {
    let Some(anchor) = anchors(text).get(name).copied() else {
        bail!("there is no anchor {name}");
    };
    check(name, anchor)?;
    let lines: Vec<&str> = text
        .lines()
        .skip(anchor.first + 1)
        .take(anchor.last - anchor.first - 1)
        .filter(|line| !MARK.is_match(line) && !HOLE.is_match(line))
        .collect();
    fn has_text(line: &&str) -> bool {
        !line.trim().is_empty()
    }
    let (Some(first), Some(last)) = (
        lines.iter().position(has_text),
        lines.iter().rposition(has_text),
    ) else {
        bail!("the anchor {name} has no lines");
    };
    let lines = &lines[first..=last];
    ensure!(
        lines.len() <= MOST_LINES,
        "the anchor {name} has {} lines: at most {MOST_LINES}, of one thought",
        lines.len()
    );
    let indentation = |line: &&str| line.len() - line.trim_start().len();
    let common = lines
        .iter()
        .copied()
        .filter(has_text)
        .map(|line| indentation(&line))
        .min();
    let common = common.unwrap_or(0);
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.get(common..).unwrap_or(""))
        .collect();
    Ok(lines.join("\n"))
}

/// Whether a lab's hole is in a file.
pub fn has_hole(text: &str) -> bool {
    text.lines().any(|line| HOLE.is_match(line))
}

/// A small file, without marks.
///
/// # Errors
/// It has too few or too many lines.
pub fn whole(text: &str) -> Result<String> {
    let lines: Vec<&str> = text
        .trim()
        .lines()
        .filter(|line| !MARK.is_match(line) && !HOLE.is_match(line))
        .collect();
    ensure!(!text.trim().is_empty(), "the file is empty");
    ensure!(
        lines.len() <= MOST_OF_A_PROGRAM,
        "the file has {} lines, too many to show: mark an anchor",
        lines.len()
    );
    Ok(lines.join("\n"))
}

/// The name of a file's language for the highlighter, by the file's name.
pub fn language(path: &str) -> &'static str {
    if path.ends_with("Makefile") {
        return "makefile";
    }
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "rs" => "rust",
        "c" | "h" => "c",
        "s" | "S" => "x86asm",
        "py" => "python",
        "toml" => "ini",
        "js" => "javascript",
        "md" => "markdown",
        "sh" => "bash",
        _ => "plaintext",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_the_lines_between_its_marks() {
        let text = "\
fn a() {
    // ANCHOR: whole
    one();
    // ANCHOR: inner
    // LAB 8 HOLE a
    if two {

        three();
    }
    // LAB 8 END a
    // ANCHOR_END: inner
    four();
    // ANCHOR_END: whole
}
";
        assert_eq!(lines(text, "inner").unwrap(), "if two {\n\n    three();\n}");
        assert_eq!(
            lines(text, "whole").unwrap(),
            "one();\nif two {\n\n    three();\n}\nfour();"
        );
        assert_eq!(names(text).unwrap(), ["inner", "whole"]);
        for sign in ["#", ";", "/*", "//!", "<!--"] {
            let text = format!("{sign} ANCHOR: a\nx\n{sign} ANCHOR_END: a\n");
            assert_eq!(lines(&text, "a").unwrap(), "x", "{sign}");
        }
        // Not a comment of its own.
        assert!(lines("let a = 1; // ANCHOR: a\nx\n// ANCHOR_END: a\n", "a").is_err());
    }

    #[test]
    fn an_anchor_that_is_not_well_formed_is_named() {
        for (text, said) in [
            ("x", "there is no anchor a"),
            (
                "// ANCHOR: ab\nx\n// ANCHOR_END: ab",
                "there is no anchor a",
            ),
            ("// ANCHOR: a\nx", "the anchor a has no end"),
            (
                "x\n// ANCHOR_END: a",
                "the anchor a ends without a beginning",
            ),
            (
                "// ANCHOR: a\n// ANCHOR: a\nx\n// ANCHOR_END: a",
                "the anchor a begins 2 times",
            ),
            (
                "// ANCHOR: a\nx\n// ANCHOR_END: a\n// ANCHOR_END: a",
                "the anchor a ends 2 times",
            ),
            (
                "// ANCHOR_END: a\nx\n// ANCHOR: a",
                "the anchor a ends before it begins",
            ),
            (
                "// ANCHOR: a\n\n// ANCHOR_END: a",
                "the anchor a has no lines",
            ),
        ] {
            assert_eq!(lines(text, "a").unwrap_err().to_string(), said, "{text}");
        }
        let long = format!("// ANCHOR: a\n{}// ANCHOR_END: a", "x\n".repeat(25));
        assert!(
            lines(&long, "a")
                .unwrap_err()
                .to_string()
                .contains("has 25 lines")
        );
        let name = names("// ANCHOR: A_b\nx\n// ANCHOR_END: A_b").unwrap_err();
        assert_eq!(name.to_string(), "the anchor A_b is not in kebab case");
    }
}
