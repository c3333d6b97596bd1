//! A dialogue over the serial line: wait for a text, answer it, and so on.
//!
//! Nothing depends on time: each answer is typed as soon as its text has come, and the run's own
//! limit ends a dialogue that makes no progress.

use std::io::Write;

/// The texts and their answers, in order.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    steps: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Dialogue {
    /// A dialogue without steps.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for `text`, which must come after the previous step's text; then types `answer`.
    pub fn on(mut self, text: impl Into<Vec<u8>>, answer: impl Into<Vec<u8>>) -> Self {
        self.steps.push((text.into(), answer.into()));
        self
    }

    /// Begins the dialogue, with answers written to `to`.
    pub fn begin<W: Write>(self, to: W) -> Talk<W> {
        Talk::new(self, to)
    }
}

/// A dialogue under way.
pub struct Talk<W> {
    steps: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    /// The current step: the text waited for, and its answer.
    next: Option<(Vec<u8>, Vec<u8>)>,
    /// Offset in the output at which the previous step's text ended.
    heard: usize,
    to: W,
}

impl<W: Write> Talk<W> {
    pub(super) fn new(dialogue: Dialogue, to: W) -> Self {
        let mut steps = dialogue.steps.into_iter();
        let next = steps.next();
        Self {
            steps,
            next,
            heard: 0,
            to,
        }
    }

    /// Handles more output: `all` is everything so far.
    pub fn hear(&mut self, all: &[u8]) {
        while let Some((text, answer)) = &self.next {
            let rest = &all[self.heard..];
            let found = rest.windows(text.len().max(1)).position(|w| w == text);
            let Some(at) = found else { return };
            self.heard += at + text.len();
            // A write to a machine that has ended fails: its verdict reports that.
            let _ = self.to.write_all(answer).and_then(|()| self.to.flush());
            self.next = self.steps.next();
        }
    }

    /// The text that the dialogue still waits for.
    pub fn left(self) -> Option<String> {
        let (text, _) = self.next?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_follows_its_text() {
        let mut typed = Vec::new();
        let dialogue = Dialogue::new()
            .on("$ ", "one\n")
            .on("$ ", "two\n")
            .on("end", "");
        let mut talk = Talk::new(dialogue, &mut typed);
        talk.hear(b"boot $");
        talk.hear(b"boot $ one");
        talk.hear(b"boot $ one\n$ ");
        assert_eq!(talk.left().as_deref(), Some("end"));
        assert_eq!(typed, b"one\ntwo\n");
    }
}
