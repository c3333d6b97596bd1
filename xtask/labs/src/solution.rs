//! Solutions: the reference of a lab, wrong ones, and mutations of the reference, as changes of a
//! student's tree.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::holes::{self, Hole};
use crate::lab::{Lab, read_toml};
use crate::tree::Tree;

/// Changes of a tree.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// The texts of holes, by letter.
    #[serde(default)]
    pub holes: BTreeMap<char, String>,
    /// Replaced texts.
    #[serde(default)]
    pub edit: Vec<Edit>,
    /// Whole files.
    #[serde(default)]
    pub file: Vec<NewFile>,
}

/// A text of a file and what takes its place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The file.
    pub file: String,
    /// The text, which the file has once.
    pub find: String,
    /// The new text.
    pub replace: String,
}

/// A whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFile {
    /// The file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A wrong solution: `wrong/NAME.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Wrong {
    /// What its author thought.
    pub why: String,
    /// The check that it loses.
    pub check: String,
    /// The message of that check.
    pub message: String,
    /// Changes of the reference.
    #[serde(flatten)]
    pub changes: Changes,
}

/// A rule of the lab, taken out of the reference: one of `mutations.toml`.
#[derive(Clone, Debug, Deserialize)]
pub struct Mutation {
    /// The rule.
    pub rule: String,
    /// The checks that must fall.
    pub falls: Vec<String>,
    /// Changes of the reference.
    #[serde(flatten)]
    pub changes: Changes,
}

/// `mutations.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutations {
    mutation: Vec<Mutation>,
}

/// The solutions of a lab. Only an instructor's tree has them.
#[derive(Clone, Debug)]
pub struct Solutions {
    /// The reference, as changes of the student's tree.
    pub reference: Changes,
    /// Wrong solutions by name.
    pub wrong: BTreeMap<String, Wrong>,
    /// Mutations.
    pub mutations: Vec<Mutation>,
}

impl Solutions {
    /// Reads a lab's folder; `holes` are those of the instructor's tree.
    pub fn read(lab: &Lab, holes: &[Hole]) -> Result<Self> {
        let optional = |name: &str| -> Result<Changes> {
            let path = lab.folder.join(name);
            if path.exists() {
                read_toml(&path)
            } else {
                Ok(Changes::default())
            }
        };
        let mut reference = optional("reference.toml")?;
        for hole in holes.iter().filter(|hole| hole.lab == lab.rules.number) {
            reference.holes.insert(hole.letter, hole.text.clone());
        }
        let mut wrong = BTreeMap::new();
        for entry in std::fs::read_dir(lab.folder.join("wrong"))? {
            let path = entry?.path();
            let name = path.file_stem().context("a name")?.to_string_lossy();
            wrong.insert(name.into_owned(), read_toml(&path)?);
        }
        let mutations: Mutations = read_toml(&lab.folder.join("mutations.toml"))?;
        let mutations = mutations.mutation;
        Ok(Self {
            reference,
            wrong,
            mutations,
        })
    }

    /// A student's tree with the reference in it, and with changes of the reference.
    pub fn solve(&self, lab: &Lab, student: &Tree, holes: &[Hole], more: &Changes) -> Result<Tree> {
        let mut tree = student.clone();
        let variant = lab.variant(&crate::student::student_of(student));
        let variant = variant.map_or("", |variant| &variant.value);
        let mut reference = self.reference.clone();
        reference.holes.extend(more.holes.clone());
        reference.apply(lab, holes, variant, &mut tree)?;
        let more = Changes {
            holes: BTreeMap::new(),
            ..more.clone()
        };
        more.apply(lab, holes, variant, &mut tree)?;
        Ok(tree)
    }
}

impl Changes {
    fn apply(&self, lab: &Lab, holes: &[Hole], variant: &str, tree: &mut Tree) -> Result<()> {
        for (letter, text) in &self.holes {
            let number = lab.rules.number;
            let hole = holes
                .iter()
                .find(|hole| (hole.lab, hole.letter) == (number, *letter));
            let path = &hole.with_context(|| format!("no hole {letter}"))?.path;
            let text = holes::fill(path, tree.text(path)?, number, *letter, text)?;
            tree.set(path, text);
        }
        for NewFile { path, text } in &self.file {
            tree.set(path, text.replace("@VARIANT@", variant));
        }
        for edit in &self.edit {
            let fill = |text: &str| text.replace("@VARIANT@", variant);
            let (file, find) = (&edit.file, fill(&edit.find));
            let text = tree.text(file)?;
            let count = text.matches(find.as_str()).count();
            ensure!(count == 1, "{file} has {find:?} {count} times");
            let text = text.replace(&find, &fill(&edit.replace));
            tree.set(file, text);
        }
        Ok(())
    }
}
