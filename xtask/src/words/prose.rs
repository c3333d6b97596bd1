//! The passages of a source file that people read: its comments and, in Rust, its messages.
//!
//! A light scanner, not a parser: it knows comments, string and character literals, and which
//! macro a bracket belongs to.

use std::path::Path;

/// How a file marks its prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `//` and nested `/* */`, and the strings of the macros in [`MESSAGES`].
    Rust,
    /// `//` and `/* */`: C and assembly.
    C,
    /// `#` up to the end of the line: Makefile, TOML and shell.
    Hash,
    /// Everything outside of fenced code.
    Markdown,
}

impl Language {
    /// The language by a file's name; none for a file without prose.
    pub fn of(path: &Path) -> Option<Self> {
        if path.file_name()? == "Makefile" {
            return Some(Self::Hash);
        }
        match path.extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "c" | "h" | "S" | "ld" => Some(Self::C),
            "toml" | "sh" => Some(Self::Hash),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }
}

/// Text that belongs together: adjacent line comments are one passage.
#[derive(Debug, PartialEq, Eq)]
pub struct Passage {
    /// The line of the file it begins on, from 1.
    pub line: usize,
    /// The text, its lines those of the file.
    pub text: String,
    /// Whether rustdoc reads it.
    pub is_documentation: bool,
}

/// Macros and methods whose string literals are messages: the kernel's log, panics, the host's
/// output and errors. A literal without white space is data.
const MESSAGES: [&str; 18] = [
    "log",
    "panic",
    "unreachable",
    "todo",
    "expect",
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "print",
    "println",
    "eprint",
    "eprintln",
    "bail",
    "ensure",
    "anyhow",
];

/// The passages of a file's text.
pub fn passages(language: Language, text: &str) -> Vec<Passage> {
    match language {
        Language::Rust | Language::C => Scanner::new(language, text).scan(),
        Language::Hash => hash(text),
        Language::Markdown => markdown(text),
    }
}

fn hash(text: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let start = line
            .match_indices('#')
            .map(|(at, _)| at)
            .find(|at| *at == 0 || line[..*at].ends_with([' ', '\t']));
        if let Some(start) = start {
            add_line(&mut passages, number + 1, &line[start..], false);
        }
    }
    passages
}

fn markdown(text: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    let mut is_code = false;
    for (number, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !(is_code || is_fence || line.trim().is_empty()) {
            add_line(&mut passages, number + 1, line, false);
        }
    }
    passages
}

/// Adds a line to the passage that ends on the line before it, or begins a passage.
fn add_line(passages: &mut Vec<Passage>, line: usize, text: &str, is_documentation: bool) {
    match passages.last_mut() {
        Some(last)
            if last.line + last.text.lines().count() == line
                && last.is_documentation == is_documentation =>
        {
            last.text.push('\n');
            last.text.push_str(text);
        }
        _ => passages.push(Passage {
            line,
            text: text.to_owned(),
            is_documentation,
        }),
    }
}

/// A position in the text of a Rust or C file.
struct Scanner<'a> {
    language: Language,
    rest: &'a str,
    line: usize,
    passages: Vec<Passage>,
    /// For each open bracket, whether the literals directly in it are messages.
    brackets: Vec<bool>,
    /// The last identifier, while nothing but `!` follows it.
    word: &'a str,
}

impl<'a> Scanner<'a> {
    fn new(language: Language, text: &'a str) -> Self {
        Self {
            language,
            rest: text,
            line: 1,
            passages: Vec::new(),
            brackets: Vec::new(),
            word: "",
        }
    }

    fn scan(mut self) -> Vec<Passage> {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '/' if self.rest.starts_with("//") => self.line_comment(),
                '/' if self.rest.starts_with("/*") => self.block_comment(),
                '"' => self.string(),
                '\'' => self.character(),
                '(' | '[' | '{' => {
                    self.brackets.push(MESSAGES.contains(&self.word));
                    self.punctuation(next);
                }
                ')' | ']' | '}' => {
                    self.brackets.pop();
                    self.punctuation(next);
                }
                _ if next.is_alphanumeric() || next == '_' => self.identifier(),
                _ if next.is_whitespace() || next == '!' => {
                    self.take(next.len_utf8());
                }
                _ => self.punctuation(next),
            }
        }
        self.passages
    }

    /// Goes past `length` bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.line += taken.matches('\n').count();
        taken
    }

    fn punctuation(&mut self, next: char) {
        self.word = "";
        self.take(next.len_utf8());
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let comment = self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        let is_documentation = self.is_documentation(comment, ["///", "//!"], "////");
        add_line(
            &mut self.passages,
            line,
            comment.trim_start_matches(['/', '!']),
            is_documentation,
        );
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let mut end = 2;
        let mut depth = 1;
        while depth > 0 && end < self.rest.len() {
            let rest = &self.rest.as_bytes()[end..];
            let (step, change) = match rest {
                [b'*', b'/', ..] => (2, -1),
                [b'/', b'*', ..] if self.language == Language::Rust => (2, 1),
                _ => (1, 0),
            };
            end += step;
            depth += change;
        }
        let comment = self.take(end);
        let is_documentation = self.is_documentation(comment, ["/**", "/*!"], "/***");
        self.passages.push(Passage {
            line,
            text: comment.to_owned(),
            is_documentation,
        });
    }

    fn is_documentation(&self, comment: &str, markers: [&str; 2], rule: &str) -> bool {
        self.language == Language::Rust
            && markers.iter().any(|marker| comment.starts_with(marker))
            && !comment.starts_with(rule)
    }

    /// An identifier or a number, or the letters before a raw string.
    fn identifier(&mut self) {
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        self.word = self.take(end);
        let hashes = self.rest.len() - self.rest.trim_start_matches('#').len();
        let is_raw = ["r", "br", "cr"].contains(&self.word);
        if self.language == Language::Rust && is_raw && self.rest[hashes..].starts_with('"') {
            self.take(hashes);
            self.raw_string(hashes);
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        let end = format!("\"{}", "#".repeat(hashes));
        self.take(1);
        let text = self.take(self.rest.find(&end).unwrap_or(self.rest.len()));
        self.take(end.len().min(self.rest.len()));
        self.message(line, text.to_owned());
    }

    /// A string literal with escapes.
    fn string(&mut self) {
        let line = self.line;
        self.take(1);
        let mut text = String::new();
        let mut is_escaped = false;
        let mut length = 0;
        for c in self.rest.chars() {
            length += c.len_utf8();
            match c {
                // An escape parts words; a line that goes on stays a line.
                _ if is_escaped => {
                    text.push(if c == '\n' { c } else { ' ' });
                    is_escaped = false;
                }
                '\\' => is_escaped = true,
                '"' => break,
                _ => text.push(c),
            }
        }
        self.take(length);
        self.message(line, text);
    }

    fn message(&mut self, line: usize, text: String) {
        self.word = "";
        if self.brackets.last() == Some(&true) && text.contains(char::is_whitespace) {
            self.passages.push(Passage {
                line,
                text,
                is_documentation: false,
            });
        }
    }

    /// A character literal, or the mark of a lifetime.
    fn character(&mut self) {
        self.word = "";
        self.take(1);
        let mut chars = self.rest.char_indices();
        let first = chars.next().map(|(_, c)| c);
        let second = chars.next();
        if first == Some('\\') {
            // The escaped character may be the mark itself.
            let end = self.rest.get(2..).and_then(|rest| rest.find('\''));
            self.take(end.map_or(self.rest.len(), |end| end + 3));
        } else if let Some((at, '\'')) = second {
            self.take(at + 1);
        }
    }
}
