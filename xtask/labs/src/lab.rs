//! A lab: what `labs/NN-name/lab.toml` says of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::student;

/// A lab's folder, read.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Its folder.
    pub folder: PathBuf,
    /// The folder's name.
    pub name: String,
    /// `lab.toml`.
    pub rules: Rules,
    /// The messages: the lab's own, and those that all labs share.
    pub messages: BTreeMap<String, Message>,
}

/// `lab.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The lab's number.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// What a student can do afterwards.
    pub goal: String,
    /// Hours of work.
    pub hours: f32,
    /// The files of the student's solution; of a file with holes of this lab only the holes count.
    pub files: Vec<String>,
    /// The variants; a student's name decides which one the student has.
    #[serde(default)]
    pub variant: Vec<Variant>,
    /// The program that the graded kernel runs.
    #[serde(default = "grader_program")]
    pub program: String,
    /// The page to read if a message names none.
    pub read: String,
    /// The holes' texts, by letter.
    #[serde(default)]
    pub hole: BTreeMap<char, HoleText>,
    /// The checks, in the order of the report.
    pub check: Vec<Check>,
    /// The lab's messages.
    #[serde(default)]
    pub message: BTreeMap<String, Message>,
    /// Messages for ends of the machine that are typical of this lab.
    #[serde(default)]
    pub crash: Vec<CrashRule>,
}

fn grader_program() -> String {
    "grader.c".into()
}

/// A variant of a lab.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What differs: the grader and the solutions (`@VARIANT@`) read it.
    pub value: String,
    /// What `make labs` says about it.
    pub about: String,
}

/// What a student's tree says in a hole.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoleText {
    /// The comment.
    pub text: String,
    /// Whether the hole has elements of `naked_asm!` or `concat!`; otherwise it is an expression.
    #[serde(default)]
    pub assembly: bool,
}

/// A check and its points.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name in the grader.
    pub id: String,
    /// Points.
    pub points: u32,
    /// What holds if it passes.
    pub title: String,
    /// The letters of the holes that it is about: none of them may have the given piece.
    #[serde(default)]
    pub holes: String,
}

/// A message of the report. `{name}` stands for a value of the grader.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// The kind of result that was expected; not the answer.
    #[serde(default)]
    pub expected: String,
    /// A question that leads on.
    pub question: String,
    /// The page to read.
    #[serde(default)]
    pub read: String,
}

/// A message for an end of the machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrashRule {
    /// A regular expression that the description of the end matches.
    pub pattern: String,
    /// The message.
    pub message: String,
}

/// The verdict on a lab or a check, the one that decides first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Verdict {
    /// It can't be built.
    BuildError,
    /// It needs edits outside of the lab's files.
    Refused,
    /// The machine was reset.
    Reset,
    /// The kernel panicked.
    Panic,
    /// The machine did not end.
    Hang,
    /// A result is wrong.
    Wrong,
    /// The results are right, the way to them is not the lab's.
    OtherWay,
    /// A hole has its given piece, or a question no answer.
    NotBegun,
    /// All checks pass.
    Ok,
}

impl Verdict {
    /// As reports print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotBegun => "NOT BEGUN",
            Self::BuildError => "BUILD ERROR",
            Self::Refused => "REFUSED",
            Self::Reset => "RESET",
            Self::Panic => "PANIC",
            Self::Hang => "HANG",
            Self::Wrong => "WRONG",
            Self::OtherWay => "OTHER WAY",
            Self::Ok => "OK",
        }
    }
}

impl Lab {
    /// All labs of a tree, by number.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let folder = root.join("labs");
        let mut labs = Vec::new();
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?
        {
            let folder = entry?.path();
            if folder.join("lab.toml").is_file() {
                labs.push(Self::read(&folder)?);
            }
        }
        labs.sort_by_key(|lab| lab.rules.number);
        Ok(labs)
    }

    /// The lab of that number.
    pub fn of_number(root: &Path, number: u32) -> Result<Self> {
        let labs = Self::all(root)?;
        let numbers: Vec<String> = labs
            .iter()
            .map(|lab| lab.rules.number.to_string())
            .collect();
        let found = labs.into_iter().find(|lab| lab.rules.number == number);
        found.with_context(|| format!("no lab {number}; the labs are {}", numbers.join(", ")))
    }

    fn read(folder: &Path) -> Result<Self> {
        let rules: Rules = read_toml(&folder.join("lab.toml"))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        ensure!(
            name.starts_with(&format!("{:02}-", rules.number)),
            "{name} is not the folder of lab {}",
            rules.number
        );
        let common = folder.join("../messages.toml");
        let mut messages: BTreeMap<String, Message> = read_toml(&common)?;
        messages.extend(rules.message.clone());
        Ok(Self {
            folder: folder.to_owned(),
            name: name.into_owned(),
            rules,
            messages,
        })
    }

    /// The points of all checks.
    pub fn points(&self) -> u32 {
        self.rules.check.iter().map(|check| check.points).sum()
    }

    /// The student's variant; `None` if the lab has only one.
    pub fn variant(&self, student: &str) -> Option<&Variant> {
        let hash = student::hash(&format!("{} {student}", self.rules.number));
        let count = self.rules.variant.len().max(1) as u64;
        self.rules.variant.get(((hash >> 32) % count) as usize)
    }
}

/// A TOML file as a type.
pub fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}
