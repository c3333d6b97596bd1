//! Counts of passed and failed tests, from the result lines of libtest and compatible harnesses.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Add;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use harness::paths;

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Skipped.
    pub ignored: u64,
}

impl Counts {
    /// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
    fn read(line: &str) -> Option<Self> {
        let (_, numbers) = line
            .trim()
            .strip_prefix("test result: ")?
            .split_once(". ")?;
        let mut counts = Self::default();
        for field in numbers.split(';') {
            match field.trim().split_once(' ') {
                Some((number, "passed")) => counts.passed = number.parse().ok()?,
                Some((number, "failed")) => counts.failed = number.parse().ok()?,
                Some((number, "ignored")) => counts.ignored = number.parse().ok()?,
                _ => {}
            }
        }
        Some(counts)
    }

    /// The line that a libtest binary with these counts would end in.
    pub fn result_line(&self) -> String {
        let verdict = if self.failed == 0 { "ok" } else { "FAILED" };
        format!("test result: {verdict}. {self}")
    }

    /// Writes the counts for `.ci/run`, which adds them up.
    pub fn save(&self, name: &str) -> Result<()> {
        let directory = paths::target().join("counts");
        fs::create_dir_all(&directory)?;
        fs::write(
            directory.join(name),
            format!("{} {}\n", self.passed, self.failed),
        )
        .with_context(|| format!("cannot write to {}", directory.display()))
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed; {} failed; {} ignored",
            self.passed, self.failed, self.ignored
        )
    }
}

/// Runs a command that runs tests, shows its output and adds up its `test result:` lines. A command
/// that fails without a failed test counts as one failure: a compile error or a crash must not go
/// unnoticed.
pub fn follow(command: &mut Command) -> Result<Counts> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let mut counts = Counts::default();
    if let Some(pipe) = child.stdout.take() {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            std::io::stdout().write_all(&line)?;
            if let Some(more) = Counts::read(&String::from_utf8_lossy(&line)) {
                counts = counts + more;
            }
            line.clear();
        }
    }
    if !child.wait()?.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_read_back() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out";
        let counts = Counts::read(line).expect("a result line");
        assert_eq!(
            counts,
            Counts {
                passed: 12,
                failed: 0,
                ignored: 1
            }
        );
        assert_eq!(Counts::read(&counts.result_line()), Some(counts));
        let failed = Counts::read("test result: FAILED. 1 passed; 2 failed; 0 ignored");
        assert_eq!(
            failed,
            Some(Counts {
                passed: 1,
                failed: 2,
                ignored: 0
            })
        );
        assert_eq!(Counts::read("test mm::tests::x ... ok"), None);
    }

    #[test]
    fn a_crash_counts_as_a_failure() {
        let counts = follow(Command::new("sh").args(["-c", "exit 3"])).expect("sh runs");
        assert_eq!(counts.failed, 1);
    }
}
