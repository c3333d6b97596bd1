//! Explanations: what the CPU does in an instruction, or why an instruction is there (`notes.toml`).

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::phases::Phase;

const TEXT: &str = include_str!("../notes.toml");

/// The place of a note for any phase and function.
const ANYWHERE: &str = "*";

/// All notes.
#[derive(Debug)]
pub struct Notes {
    notes: Vec<Note>,
    used: RefCell<BTreeSet<usize>>,
}

#[derive(Debug)]
struct Note {
    /// The phase or function, or [`ANYWHERE`].
    place: String,
    /// The beginning of the instruction.
    instruction: String,
    title: String,
    text: String,
    /// Sections of the manuals.
    reference: String,
    /// A step that shows more, as in links.
    link: Option<String>,
    /// Whether only Linux has the instruction.
    is_linux: bool,
}

impl Notes {
    /// Reads the notes.
    ///
    /// # Errors
    /// A note lacks a part.
    pub fn read() -> Result<Self> {
        let table: toml::Table = TEXT.parse()?;
        let entries = table.get("note").and_then(toml::Value::as_array);
        let notes = entries.context("no note")?.iter().map(|entry| {
            let part = |name: &str| {
                let value = entry.get(name).and_then(toml::Value::as_str);
                let value = value.with_context(|| format!("a note without {name}: {entry}"));
                value.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            };
            let optional = |name: &str| entry.get(name).map(|_| part(name)).transpose();
            let at = part("at")?;
            let (place, instruction) = at.split_once('#').with_context(|| at.clone())?;
            Ok(Note {
                place: place.to_owned(),
                instruction: instruction.to_owned(),
                title: part("title")?,
                text: part("text")?,
                reference: part("ref")?,
                link: optional("link")?,
                is_linux: optional("kernel")?.as_deref() == Some("Linux"),
            })
        });
        Ok(Self {
            notes: notes.collect::<Result<_>>()?,
            used: RefCell::default(),
        })
    }

    /// The note of an instruction, by its text: of the function if there is one, else of the phase, else of
    /// any.
    pub fn find(&self, phase: Phase, function: Option<&str>, text: &str) -> Option<usize> {
        let function = function.and_then(|name| name.rsplit("::").next());
        let mut places = function.into_iter().chain([phase.name(), ANYWHERE]);
        let found = places.find_map(|place| {
            let fits = |note: &Note| note.place == place && begins(text, &note.instruction);
            self.notes.iter().position(fits)
        })?;
        self.used.borrow_mut().insert(found);
        Some(found)
    }

    /// The text of a note.
    pub fn text(&self, note: usize) -> String {
        self.notes[note].text.clone()
    }

    /// The notes that no instruction had; those on Linux's only `with_linux`.
    pub fn unused(&self, with_linux: bool) -> Vec<String> {
        let used = self.used.borrow();
        let unused = self
            .notes
            .iter()
            .enumerate()
            .filter(|(number, note)| !used.contains(number) && (with_linux || !note.is_linux));
        unused
            .map(|(_, note)| format!("{}#{}", note.place, note.instruction))
            .collect()
    }

    /// The notes for the page.
    pub fn values(&self) -> Vec<Value> {
        let notes = self.notes.iter();
        notes
            .map(|note| json!([note.title, note.text, note.reference, note.link]))
            .collect()
    }
}

/// Whether an instruction's text begins with these words.
fn begins(text: &str, words: &str) -> bool {
    let rest = text.strip_prefix(words);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ',']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_found_by_the_beginning_of_an_instruction() {
        assert!(begins("mov rsp, gs:[0]", "mov rsp"));
        assert!(begins("swapgs", "swapgs"));
        assert!(!begins("int3", "int"));
        let notes = Notes::read().expect("notes");
        assert!(notes.find(Phase::Stack, None, "mov rsp, gs:[0]").is_some());
        assert_eq!(notes.find(Phase::Stack, None, "mov eax, eax"), None);
    }
}
