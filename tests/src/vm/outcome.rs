//! The outcome of a run, and checks of it.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::verdict::Verdict;

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How the run ended.
    pub verdict: Verdict,
    /// Everything that came over the serial line, with CR-LF turned into LF.
    pub serial: String,
    /// QEMU's own standard error.
    pub stderr: String,
    /// From QEMU's start to its end.
    pub elapsed: Duration,
    /// From QEMU's start to the landmark on the serial line (see
    /// [`Vm::landmark`](super::Vm::landmark)).
    pub landmark: Option<Duration>,
    /// What a [`Dialogue`](super::Dialogue) was still waiting for at the end.
    pub unheard: Option<String>,
}

impl Outcome {
    /// Checks the verdict, and that every step of a dialogue was made; an error shows the whole
    /// run.
    pub fn expect(&self, verdict: Verdict) -> Result<&Self> {
        if let Some(text) = &self.unheard {
            bail!("{text:?} never came{}", self.transcript());
        }
        if self.verdict != verdict {
            bail!(
                "{} (expected: {verdict}){}",
                self.verdict,
                self.transcript()
            );
        }
        Ok(self)
    }

    /// init's exit status as a shell has it, 128 + n for signal n, from the kernel's last line;
    /// none where it is 0.
    pub fn init_status(&self) -> Option<u8> {
        let last = self.serial.trim_end().lines().next_back()?;
        let number = |text: &str| last.strip_prefix(text)?.parse::<u8>().ok();
        number("init exited with status ")
            .or_else(|| number("init was killed by signal ").map(|signal| signal | 0x80))
    }

    /// Checks that the serial output contains this text; an error shows the whole run.
    pub fn contains(&self, text: &str) -> Result<&Self> {
        if !self.serial.contains(text) {
            bail!("{text:?} is not in the output{}", self.transcript());
        }
        Ok(self)
    }

    /// Checks that the serial output does not contain this text.
    pub fn lacks(&self, text: &str) -> Result<&Self> {
        if self.serial.contains(text) {
            bail!("{text:?} is in the output{}", self.transcript());
        }
        Ok(self)
    }

    /// The whole output, for an error message.
    pub fn transcript(&self) -> String {
        let qemu = match self.stderr.trim() {
            "" => String::new(),
            text => format!("\n--- QEMU says\n{text}"),
        };
        format!(
            " after {:.1} s\n--- serial output\n{}{qemu}\n---",
            self.elapsed.as_secs_f64(),
            self.serial.trim_end()
        )
    }
}
