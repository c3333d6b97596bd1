//! Explanations: what the CPU does in an instruction, or why an instruction is there (`notes.toml`).

use std::cell::RefCell;
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use iced_x86::Instruction;
use serde_json::{Value, json};

use crate::phases::Phase;

const TEXT: &str = include_str!("../notes.toml");

/// All notes.
#[derive(Debug)]
pub struct Notes {
    notes: Vec<Note>,
    used: RefCell<BTreeSet<usize>>,
}

#[derive(Debug)]
struct Note {
    /// `PHASE#MNEMONIC` or `FUNCTION#MNEMONIC`; a phase's note is for both kernels.
    at: String,
    title: String,
    text: String,
    /// Sections of the manuals.
    reference: String,
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
            Ok(Note {
                at: part("at")?,
                title: part("title")?,
                text: part("text")?,
                reference: part("ref")?,
            })
        });
        Ok(Self {
            notes: notes.collect::<Result<_>>()?,
            used: RefCell::default(),
        })
    }

    /// The note of an instruction: of the function if there is one, else of the phase.
    pub fn find(
        &self,
        phase: Phase,
        function: Option<&str>,
        instruction: &Instruction,
        is_trident: bool,
    ) -> Option<usize> {
        let mnemonic = format!("{:?}", instruction.mnemonic()).to_lowercase();
        let function = function.filter(|_| is_trident);
        let function = function.and_then(|name| name.rsplit("::").next());
        let keys = function.into_iter().chain([phase.name()]);
        let mut keys = keys.map(|key| format!("{key}#{mnemonic}"));
        let found = keys.find_map(|key| self.notes.iter().position(|note| note.at == key))?;
        self.used.borrow_mut().insert(found);
        Some(found)
    }

    /// The notes that no instruction had.
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.borrow();
        let unused = self
            .notes
            .iter()
            .enumerate()
            .filter(|(number, _)| !used.contains(number));
        unused.map(|(_, note)| note.at.as_str()).collect()
    }

    /// The notes for the page.
    pub fn values(&self) -> Vec<Value> {
        let notes = self.notes.iter();
        notes
            .map(|note| json!([note.title, note.text, note.reference]))
            .collect()
    }
}
