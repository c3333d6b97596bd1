//! Holes: the pieces of the kernel that a lab is about, between two lines of comments.
//!
//! ```text
//! // LAB 4 HOLE a
//! the reference; in a student's tree the text of the lab and a line that includes the given piece
//! // LAB 4 END a
//! ```
//!
//! A student's tree works before a lab is begun, and while other labs are: each hole has the *given
//! piece*, the reference in a sealed file that the kernel's build script opens. A student begins by
//! deleting the line that includes it.

use std::ops::Range;

use anyhow::{Result, bail, ensure};

use crate::tree::Tree;

/// A hole in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The lab's number.
    pub lab: u32,
    /// Its letter.
    pub letter: char,
    /// The file.
    pub path: String,
    /// The lines between the two marks, counted from 0.
    pub lines: Range<usize>,
    /// Those lines.
    pub text: String,
}

impl Hole {
    /// The name of its sealed file: `4a`.
    pub fn name(&self) -> String {
        format!("{}{}", self.lab, self.letter)
    }
}

/// The line of a student's tree that includes the given piece.
pub fn given(name: &str) -> String {
    format!("include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\"))")
}

/// Whether a hole's text still includes the given piece.
pub fn is_given(text: &str, name: &str) -> bool {
    let code = text.lines().map(without_comment).collect::<String>();
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    code.contains(&format!("\"/{name}.rs\"")) || code.contains("OUT_DIR")
}

fn without_comment(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line }
}

/// The parts of a mark's line: lab, `HOLE` or `END`, letter.
fn mark(line: &str) -> Option<(u32, bool, char)> {
    let words: Vec<&str> = line.trim().strip_prefix("// LAB ")?.split(' ').collect();
    let [lab, kind, letter] = words[..] else {
        return None;
    };
    let is_start = match kind {
        "HOLE" => true,
        "END" => false,
        _ => return None,
    };
    Some((lab.parse().ok()?, is_start, letter.parse().ok()?))
}

/// The holes of a file, in order.
///
/// # Errors
/// A mark without its other one.
pub fn of_file(path: &str, text: &str) -> Result<Vec<Hole>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut holes: Vec<Hole> = Vec::new();
    let mut open: Option<(u32, char, usize)> = None;
    for (number, line) in lines.iter().enumerate() {
        let Some((lab, is_start, letter)) = mark(line) else {
            continue;
        };
        match (is_start, open) {
            (true, None) => open = Some((lab, letter, number + 1)),
            (false, Some((begun, its, start))) if (begun, its) == (lab, letter) => {
                let text = lines[start..number].join("\n");
                let (path, lines) = (path.to_owned(), start..number);
                holes.push(Hole {
                    lab,
                    letter,
                    path,
                    lines,
                    text,
                });
                open = None;
            }
            _ => bail!(
                "{path}:{}: {:?} has no counterpart",
                number + 1,
                line.trim()
            ),
        }
    }
    if let Some((lab, letter, _)) = open {
        bail!("{path}: the line \"// LAB {lab} END {letter}\" is missing");
    }
    Ok(holes)
}

/// All holes of a tree's source files.
pub fn of_tree(tree: &Tree) -> Result<Vec<Hole>> {
    let mut holes = Vec::new();
    for (path, file) in tree.files() {
        let is_source = path.starts_with("kernel/") || path.starts_with("user/");
        if is_source && path.ends_with(".rs") {
            holes.extend(of_file(path, &String::from_utf8_lossy(&file.bytes))?);
        }
    }
    Ok(holes)
}

/// The file's text with another text in a hole.
///
/// # Errors
/// The file has no such hole.
pub fn fill(path: &str, text: &str, lab: u32, letter: char, with: &str) -> Result<String> {
    let holes = of_file(path, text)?;
    let Some(hole) = holes
        .iter()
        .find(|hole| (hole.lab, hole.letter) == (lab, letter))
    else {
        bail!("{path}: the lines \"// LAB {lab} HOLE {letter}\" and \"END {letter}\" are missing");
    };
    let mut lines: Vec<&str> = text.lines().collect();
    let with: Vec<&str> = with.lines().collect();
    lines.splice(hole.lines.clone(), with);
    Ok(lines.join("\n") + "\n")
}

/// What a student's tree has in a hole: the lab's text as comments, and the line that includes the
/// given piece. The marks of the book's listings stay, so that the book can be built.
pub fn starter(hole: &Hole, text: &str, is_assembly: bool) -> String {
    let indent = hole.text.lines().find(|line| !line.trim().is_empty());
    let indent = indent.map_or(0, |line| line.len() - line.trim_start().len());
    let indent = " ".repeat(indent);
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim().lines() {
        lines.push(format!("{indent}// {line}").trim_end().to_owned());
    }
    for line in hole.text.lines().filter(|line| line.contains("// ANCHOR")) {
        lines.push(line.to_owned());
        if line.contains("// ANCHOR:") {
            lines.push(format!(
                "{indent}// Lab {}, hole {}.",
                hole.lab, hole.letter
            ));
        }
    }
    let comma = if is_assembly { "," } else { "" };
    lines.push(format!("{indent}{}{comma}", given(&hole.name())));
    lines.join("\n")
}

/// The given piece as a file of source: an expression. Elements of `naked_asm!` or `concat!` become
/// one string.
///
/// # Errors
/// Brackets that don't match.
pub fn piece(text: &str, is_assembly: bool) -> Result<String> {
    let code: Vec<&str> = text.lines().map(without_comment).collect();
    let code = code.join("\n");
    if !is_assembly {
        return Ok(format!("{{{code}}}"));
    }
    let mut elements = vec![String::new()];
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for c in code.chars() {
        let is_end = c == ',' && depth == 0 && !in_string;
        if is_end {
            elements.push(String::new());
            continue;
        }
        if in_string {
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else {
            match c {
                '"' => in_string = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
        }
        if let Some(element) = elements.last_mut() {
            element.push(c);
        }
    }
    ensure!(depth == 0 && !in_string, "brackets or quotes don't match");
    let elements = elements.iter().map(|element| element.trim());
    let elements: Vec<&str> = elements.filter(|element| !element.is_empty()).collect();
    Ok(format!(
        "concat!({}, \"\\n\")",
        elements.join(", \"\\n\", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "a\n    // LAB 4 HOLE b\n    \"push rax\", // one, two\n    // ANCHOR: x\n    push!(\"{a}\", b),\n    // ANCHOR_END: x\n    // LAB 4 END b\nz\n";

    #[test]
    fn holes_are_found_and_filled() {
        let holes = of_file("f", FILE).expect("a hole");
        assert_eq!((holes[0].lab, holes[0].letter), (4, 'b'));
        assert_eq!(holes[0].lines, 2..6);
        let filled = fill("f", FILE, 4, 'b', "new").expect("a hole");
        assert_eq!(
            filled,
            "a\n    // LAB 4 HOLE b\nnew\n    // LAB 4 END b\nz\n"
        );
        assert!(fill("f", FILE, 4, 'c', "new").is_err());
        assert!(of_file("f", "// LAB 1 HOLE a\n").is_err());
        assert!(of_file("f", "// LAB 1 END a\n").is_err());
    }

    #[test]
    fn a_starter_includes_the_given_piece_and_keeps_the_books_marks() {
        let hole = &of_file("f", FILE).expect("a hole")[0];
        let text = starter(hole, "Two pushes.", true);
        assert_eq!(
            text,
            "    // Two pushes.\n    // ANCHOR: x\n    // Lab 4, hole b.\n    // ANCHOR_END: x\n    include!(concat!(env!(\"OUT_DIR\"), \"/4b.rs\")),"
        );
        assert!(is_given(&text, "4b"));
        assert!(!is_given(
            "// include!(concat!(env!(\"OUT_DIR\"), \"/4b.rs\"))",
            "4b"
        ));
    }

    #[test]
    fn a_piece_of_assembly_is_one_string() {
        let text = "\"push rax\",\n// a, comment\npush!(\"{a}\", b),\n\"a, \\\"b\"";
        let piece = piece(text, true).expect("a piece");
        assert_eq!(
            piece,
            "concat!(\"push rax\", \"\\n\", push!(\"{a}\", b), \"\\n\", \"a, \\\"b\", \"\\n\")"
        );
        assert_eq!(
            super::piece("f();\ng()", false).expect("a block"),
            "{f();\ng()}"
        );
    }
}
