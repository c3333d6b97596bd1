//! A run that has ended, and what can be asked of it.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::verdict::Verdict;

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub verdict: Verdict,
    /// Everything that came over the serial line, with CR-LF turned into LF.
    pub serial: String,
    /// What QEMU itself said on its standard error.
    pub stderr: String,
    /// From QEMU's start to its end.
    pub elapsed: Duration,
    /// From QEMU's start to the landmark's coming over the serial line (see [`Vm::landmark`](super::Vm::landmark)).
    pub landmark: Option<Duration>,
    /// What a [`Dialogue`](super::Dialogue) was still waiting for at the end.
    pub unheard: Option<String>,
}

impl Outcome {
    /// The verdict must be this one, and every step of a dialogue made, else an error that shows the
    /// whole run.
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

    /// init's exit status as a shell has it, 128 + n for signal n: the kernel's last line says it
    /// where it is not 0.
    pub fn init_status(&self) -> Option<u8> {
        let last = self.serial.trim_end().lines().next_back()?;
        let number = |text: &str| last.strip_prefix(text)?.parse::<u8>().ok();
        number("init exited with status ")
            .or_else(|| number("init was killed by signal ").map(|signal| signal | 0x80))
    }

    /// The serial output must contain this text, else an error that shows the whole run.
    pub fn contains(&self, text: &str) -> Result<&Self> {
        if !self.serial.contains(text) {
            bail!("{text:?} is not in the output{}", self.transcript());
        }
        Ok(self)
    }

    /// The serial output must not contain this text.
    pub fn lacks(&self, text: &str) -> Result<&Self> {
        if self.serial.contains(text) {
            bail!("{text:?} is in the output{}", self.transcript());
        }
        Ok(self)
    }

    /// What was printed, for an error message.
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
