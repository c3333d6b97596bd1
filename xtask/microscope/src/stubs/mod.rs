//! Source lines of the entry stubs.
//!
//! The compiler has no line for an instruction of a naked function: its assembly is one text. That text
//! is in the source, though, in string literals and the macros that they come from. [`Stubs`] expands it
//! as the compiler does and gives each instruction of the function its line, in order. The mnemonics have
//! to agree with those of the machine code: a wrong line is found, not shown.

mod tokens;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use proc_macro2::Delimiter;

use tokens::{Macros, Place, Token};

/// Where an instruction stands in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its text.
    pub place: (Rc<str>, u32),
    /// The line of the stub that it belongs to: the same, or that of a macro's call.
    pub stub: (Rc<str>, u32),
    /// The macro that it comes from, as the stub calls it.
    pub call: Option<String>,
    /// The comment above the stub's line.
    pub comment: String,
}

/// An instruction in a naked function's text.
#[derive(Debug)]
struct Statement {
    mnemonic: String,
    origin: Origin,
}

/// The naked functions of the kernel, each by its module's name and its own.
#[derive(Debug, Default)]
pub struct Stubs(BTreeMap<String, Vec<Statement>>);

/// A `.byte` directive: an instruction that is patched at boot.
const PATCHED: &str = ".byte";

impl Stubs {
    /// Reads the kernel's source below `root`.
    ///
    /// # Errors
    /// A naked function's text can't be expanded.
    pub fn read(root: &Path) -> Result<Self> {
        let mut sources = Vec::new();
        find(&root.join("kernel/src"), &mut |path, text| {
            if text.contains("naked_asm!") || text.contains("macro_rules!") {
                let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
                sources.push((Rc::<str>::from(&*name), text));
            }
        })?;
        let mut macros = Macros::default();
        let mut parsed = Vec::new();
        for (file, text) in &sources {
            let tokens = tokens::parse(text, file)?;
            macros.add(&tokens);
            parsed.push((module(file), text, tokens));
        }
        let mut stubs = Self::default();
        for (module, text, tokens) in &parsed {
            let lines: Vec<&str> = text.lines().collect();
            for (name, template) in functions(tokens) {
                let statements = statements(&macros, template, &lines);
                let statements = statements.with_context(|| format!("in {name}"))?;
                stubs.0.insert(format!("{module}::{name}"), statements);
            }
        }
        Ok(stubs)
    }

    /// The origins of the instructions of a function (`module::name`), given their mnemonics in order. `None`: there is no such
    /// naked function.
    ///
    /// # Errors
    /// The source has other instructions.
    pub fn origins(&self, function: &str, mnemonics: &[String]) -> Result<Option<Vec<Origin>>> {
        let Some(statements) = self.0.get(function) else {
            return Ok(None);
        };
        let mut origins = Vec::new();
        for (index, (statement, found)) in statements.iter().zip(mnemonics).enumerate() {
            ensure!(
                agree(&statement.mnemonic, found),
                "{function}: instruction {index} is {found}, {} in {}:{}",
                statement.mnemonic,
                statement.origin.place.0,
                statement.origin.place.1
            );
            origins.push(statement.origin.clone());
        }
        if statements.len() > mnemonics.len() {
            bail!(
                "{function}: the source has {} more instructions",
                statements.len() - mnemonics.len()
            );
        }
        Ok(Some(origins))
    }
}

/// The name of a file's module.
fn module(file: &str) -> &str {
    let mut parts = file.trim_end_matches(".rs").rsplit('/');
    match parts.next() {
        Some("mod") => parts.next().unwrap_or_default(),
        name => name.unwrap_or_default(),
    }
}

/// Calls `each` with the path and text of each Rust file below a directory.
fn find(directory: &Path, each: &mut dyn FnMut(&Path, String)) -> Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(directory)?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            find(&path, each)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path, std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The naked functions of a file, with the arguments of their `naked_asm!`.
fn functions(tokens: &[Token]) -> Vec<(String, &[Token])> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (item, is_left_out) = tokens::attributes(tokens, at);
        let item = item.min(tokens.len());
        // The item's body: the next group in braces.
        let body = tokens[item..]
            .iter()
            .position(|token| matches!(token, Token::Group(Delimiter::Brace, ..)));
        let words = &tokens[item..body.map_or(tokens.len(), |body| item + body)];
        let name = words.windows(2).find_map(|pair| match pair {
            [Token::Word(word), Token::Word(name)] if word == "fn" => Some(name),
            _ => None,
        });
        let is_one_item = !words
            .iter()
            .any(|token| matches!(token, Token::Word(word) if word == ";"));
        if let (Some(name), Some(body), true) = (name, body, is_one_item) {
            if let Token::Group(_, inside, _) = &tokens[item + body]
                && let [
                    Token::Word(call),
                    Token::Word(_),
                    Token::Group(_, template, _),
                    ..,
                ] = inside.as_slice()
                && call == "naked_asm"
                && !is_left_out
            {
                found.push((name.clone(), template.as_slice()));
            }
            at = item + body + 1;
        } else {
            at = item + 1;
        }
    }
    found
}

/// The instructions of a template, its operands left out.
fn statements(macros: &Macros, template: &[Token], lines: &[&str]) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    // Text between .pushsection and .popsection is elsewhere in memory.
    let mut depth = 0;
    for argument in tokens::split(template) {
        if matches!(argument, [Token::Word(_), Token::Word(equals), ..] if equals == "=") {
            break;
        }
        let call = called(argument);
        let Some(stub) = place(argument) else {
            continue;
        };
        for (text, place) in lines_of(macros.pieces(argument)?) {
            let text = without_label(&text);
            match text.split_whitespace().next() {
                Some(".pushsection") => depth += 1,
                Some(".popsection") => depth -= 1,
                Some(word) if depth == 0 && (word == PATCHED || !word.starts_with('.')) => {
                    let word = if word == "rep" { text } else { word };
                    statements.push(Statement {
                        mnemonic: word.to_owned(),
                        origin: Origin {
                            place: (place.file, place.line),
                            stub: (stub.file.clone(), stub.line),
                            call: call.clone(),
                            comment: comment(lines, stub.line),
                        },
                    });
                }
                _ => {}
            }
        }
    }
    Ok(statements)
}

/// The macro that an argument calls.
fn called(argument: &[Token]) -> Option<String> {
    argument.windows(2).find_map(|pair| match pair {
        [Token::Word(name), Token::Word(mark)] if mark == "!" => Some(name.clone()),
        _ => None,
    })
}

/// Where an argument stands: its first literal or bracket.
fn place(argument: &[Token]) -> Option<Place> {
    argument.iter().find_map(|token| match token {
        Token::Text(_, place) | Token::Group(_, _, place) => Some(place.clone()),
        _ => None,
    })
}

/// Joins pieces to lines; each has the place where it begins.
fn lines_of(pieces: Vec<(String, Place)>) -> Vec<(String, Place)> {
    let mut lines: Vec<(String, Place)> = Vec::new();
    let mut is_open = false;
    for (text, place) in pieces {
        for part in text.split_inclusive('\n') {
            match lines.last_mut() {
                Some((line, _)) if is_open => line.push_str(part),
                _ => lines.push((part.to_owned(), place.clone())),
            }
            is_open = !part.ends_with('\n');
        }
    }
    lines
}

/// The text behind `label:`.
fn without_label(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(':') {
        Some((label, rest)) if !label.contains([' ', '[']) => without_label(rest),
        _ => text,
    }
}

/// Whether a line only marks a place for the book or the labs.
fn is_marker(line: &str) -> bool {
    let marks = ["// ANCHOR: ", "// ANCHOR_END: ", "// LAB "];
    marks.iter().any(|mark| line.trim().starts_with(mark))
}

/// The comment that the lines up to `line` stand under.
fn comment(lines: &[&str], line: u32) -> String {
    let text_of = |line: &&str| {
        line.trim()
            .strip_prefix("//")
            .map(|text| text.trim().to_owned())
    };
    let above = lines.iter().take(line as usize).rev();
    let above = above.filter(|line| !is_marker(line));
    let block: Vec<String> = above
        .skip_while(|line| text_of(line).is_none() && !line.contains("naked_asm!"))
        .map_while(text_of)
        .collect();
    let block: Vec<&str> = block.iter().rev().map(String::as_str).collect();
    block.join(" ")
}

/// Whether the assembler's word for an instruction is the disassembler's.
fn agree(source: &str, found: &str) -> bool {
    let canonical = match source {
        PATCHED => return ["nop", "clac", "stac"].contains(&found),
        "jz" => "je",
        "jnz" => "jne",
        "jc" => "jb",
        "movabs" => "mov",
        other => other,
    };
    canonical == found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stubs_of_the_doors_are_read() {
        let stubs = Stubs::read(harness::paths::root()).expect("the kernel's source");
        for name in [
            "syscall::entry_syscall_64",
            "int80::entry_int80",
            "exceptions::common",
        ] {
            assert!(stubs.0.contains_key(name), "{name}");
        }
        let first = &stubs.0["syscall::entry_syscall_64"][0];
        assert_eq!(first.mnemonic, "swapgs");
        assert!(first.origin.comment.starts_with("1. "), "{first:?}");
        let is_marked = |s: &&Statement| s.origin.comment.contains("ANCHOR");
        let marked = stubs.0.values().flatten().find(is_marked);
        assert!(marked.is_none(), "a mark is no comment: {marked:?}");
        let save = stubs.0["syscall::entry_syscall_64"]
            .iter()
            .find(|s| s.origin.place.0.ends_with("frame.rs"));
        assert!(save.is_some(), "push_registers! is expanded");
    }

    #[test]
    fn another_instruction_is_found() {
        let stubs = Stubs::read(harness::paths::root()).expect("the kernel's source");
        let wrong = stubs.origins("syscall::entry_syscall_64", &["nop".to_owned()]);
        assert!(wrong.is_err());
    }
}
