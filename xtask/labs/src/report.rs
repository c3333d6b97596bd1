//! The report on a lab: a verdict, the checks with their points, and for each failed check what was
//! seen, the kind of result that was expected, a question and a page.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};

use crate::lab::{Lab, Message, Verdict};

/// Width of a report in columns.
const WIDTH: usize = 100;

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It passed.
    Passed,
    /// It failed: the message's name, and the message with its values.
    Failed(String, Filled),
    /// It was not reached: another check's failure came first.
    NotReached,
}

/// A message with its values filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// The expected kind of result.
    pub expected: String,
    /// The question.
    pub question: String,
    /// The page.
    pub read: String,
}

/// The findings of a grader, check by check.
#[derive(Debug)]
pub struct Marks<'a> {
    lab: &'a Lab,
    endings: Vec<Option<Ending>>,
    answers: String,
}

/// Values of a message.
pub type Values<'a> = &'a [(&'a str, String)];

impl<'a> Marks<'a> {
    /// No finding yet.
    pub fn new(lab: &'a Lab) -> Self {
        let endings = vec![None; lab.rules.check.len()];
        let answers = String::new();
        Self {
            lab,
            endings,
            answers,
        }
    }

    /// Notes that a check passed, unless it has failed already.
    ///
    /// # Errors
    /// The lab has no such check.
    pub fn pass(&mut self, id: &str) -> Result<()> {
        self.place(id)?.get_or_insert(Ending::Passed);
        Ok(())
    }

    /// Notes that a check failed. The first message stays.
    ///
    /// # Errors
    /// The lab has no such check or message, or the message lacks a value.
    pub fn fail(&mut self, id: &str, message: &str, values: Values<'_>) -> Result<()> {
        let filled = fill(self.lab, message, values)?;
        let place = self.place(id)?;
        if !matches!(place, Some(Ending::Failed(..))) {
            *place = Some(Ending::Failed(message.into(), filled));
        }
        Ok(())
    }

    /// Notes a check's result: passed, or failed with a message.
    ///
    /// # Errors
    /// As [`Self::fail`].
    pub fn check(
        &mut self,
        id: &str,
        is_met: bool,
        message: &str,
        values: Values<'_>,
    ) -> Result<bool> {
        if is_met {
            self.pass(id)?;
        } else {
            self.fail(id, message, values)?;
        }
        Ok(is_met)
    }

    /// The first open check fails with the message, the others were not reached.
    pub fn end(&mut self, message: &str, values: Values<'_>) -> Result<()> {
        let filled = fill(self.lab, message, values)?;
        let mut first = Some(Ending::Failed(message.into(), filled));
        for ending in self.endings.iter_mut().filter(|ending| ending.is_none()) {
            *ending = first.take().or(Some(Ending::NotReached));
        }
        Ok(())
    }

    /// Keeps the right answers, for the instructor.
    pub fn keep_answers(&mut self, answers: String) {
        self.answers = answers;
    }

    fn place(&mut self, id: &str) -> Result<&mut Option<Ending>> {
        let mut checks = self.lab.rules.check.iter();
        let at = checks.position(|check| check.id == id);
        Ok(&mut self.endings[at.with_context(|| format!("no check {id}"))?])
    }

    /// The report.
    pub fn report(self) -> Report {
        let endings = self.endings.into_iter();
        Report {
            number: self.lab.rules.number,
            title: self.lab.rules.title.clone(),
            endings: endings
                .map(|end| end.unwrap_or(Ending::NotReached))
                .collect(),
            checks: self.lab.rules.check.clone(),
            notes: Vec::new(),
            again: String::new(),
            answers: self.answers,
        }
    }
}

fn fill(lab: &Lab, name: &str, values: Values<'_>) -> Result<Filled> {
    let message = lab.messages.get(name);
    let message: &Message = message.with_context(|| format!("no message {name}"))?;
    let fill = |text: &str| -> Result<String> {
        let mut text = text.trim().to_owned();
        for (key, value) in values {
            text = text.replace(&format!("{{{key}}}"), value);
        }
        let rest = regex_lite::Regex::new(r"\{[a-z_]+\}")?;
        ensure!(!rest.is_match(&text), "message {name}: no value: {text}");
        Ok(text)
    };
    let read = if message.read.is_empty() {
        &lab.rules.read
    } else {
        &message.read
    };
    Ok(Filled {
        verdict: message.verdict,
        seen: fill(&message.seen)?,
        expected: fill(&message.expected)?,
        question: fill(&message.question)?,
        read: read.clone(),
    })
}

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The lab's number.
    pub number: u32,
    title: String,
    checks: Vec<crate::lab::Check>,
    /// The checks' ends.
    pub endings: Vec<Ending>,
    /// Remarks: edits that were left out, the boot's time.
    pub notes: Vec<String>,
    /// The command that repeats the run.
    pub again: String,
    /// The right answers of a lab with questions; no part of the text.
    pub answers: String,
}

impl Report {
    /// The verdict that decides first.
    pub fn verdict(&self) -> Verdict {
        let failed = self.endings.iter().filter_map(|ending| match ending {
            Ending::Failed(_, filled) => Some(filled.verdict),
            _ => None,
        });
        failed.min().unwrap_or(Verdict::Ok)
    }

    /// Points reached, and all.
    pub fn points(&self) -> (u32, u32) {
        let passed = self.checks.iter().zip(&self.endings);
        let passed = passed.filter(|(_, ending)| **ending == Ending::Passed);
        let all = self.checks.iter().map(|check| check.points).sum();
        (passed.map(|(check, _)| check.points).sum(), all)
    }

    /// A check's end.
    pub fn ending(&self, id: &str) -> Option<&Ending> {
        let at = self.checks.iter().position(|check| check.id == id)?;
        self.endings.get(at)
    }

    /// The names of the checks that did not pass.
    pub fn lost(&self) -> Vec<&str> {
        let ends = self.checks.iter().zip(&self.endings);
        let lost = ends.filter(|(_, ending)| **ending != Ending::Passed);
        lost.map(|(check, _)| check.id.as_str()).collect()
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let (points, all) = self.points();
        let head = format!("Lab {}: {}", self.number, self.title);
        let end = format!("{}  {points} of {all} points", self.verdict().name());
        let _ = writeln!(out, "{head:width$}{end}", width = WIDTH - end.len());
        let mut said: Vec<&str> = Vec::new();
        for (check, ending) in self.checks.iter().zip(&self.endings) {
            let (word, points) = match ending {
                Ending::Passed => ("ok", check.points),
                Ending::Failed(_, filled) => (filled.verdict.name(), 0),
                Ending::NotReached => ("not reached", 0),
            };
            let score = format!("{points}/{}", check.points);
            let _ = writeln!(out, "  {word:11} {score:>6}  {}", check.title);
            if let Ending::Failed(name, filled) = ending {
                part(&mut out, "Seen:", &filled.seen);
                // The rest of a message is the same each time.
                if said.contains(&name.as_str()) {
                    continue;
                }
                said.push(name);
                part(&mut out, "Expected:", &filled.expected);
                part(&mut out, "Question:", &filled.question);
                part(&mut out, "Read:", &filled.read);
            }
        }
        for note in &self.notes {
            part(&mut out, "Note:", note);
        }
        part(&mut out, "Again:", &self.again);
        out
    }
}

/// A paragraph with a title, wrapped; lines of program text, which begin with two blanks, are not.
fn part(out: &mut String, title: &str, text: &str) {
    const INDENT: usize = 22;
    if text.is_empty() {
        return;
    }
    let mut title = format!("            {title}");
    for line in text.lines() {
        if line.starts_with("  ") {
            let _ = writeln!(out, "{title:INDENT$}{line}");
            title.clear();
            continue;
        }
        let mut row = String::new();
        for word in line.split(' ') {
            if !row.is_empty() && INDENT + row.len() + 1 + word.len() > WIDTH {
                let _ = writeln!(out, "{title:INDENT$}{row}");
                title.clear();
                row.clear();
            }
            if !row.is_empty() {
                row.push(' ');
            }
            row.push_str(word);
        }
        let _ = writeln!(out, "{title:INDENT$}{row}");
        title.clear();
    }
}
