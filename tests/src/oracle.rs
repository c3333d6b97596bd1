//! The oracle: the host's own Linux runs the same binary, and says what is right.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::beginning;

/// What a program did on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its standard output.
    pub stdout: String,
    /// Its exit status; `None` where a signal ended it.
    pub status: Option<i32>,
}

/// Runs a program on the host as init runs here: [`beginning`], and an environment as bare.
pub fn ask(program: &Path, arguments: &[&str]) -> Result<Answer> {
    ask_with_input(program, arguments, Stdio::null())
}

/// The same, with a standard input.
pub fn ask_with_input(program: &Path, arguments: &[&str], input: Stdio) -> Result<Answer> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs([("HOME", "/"), ("TERM", "linux")])
        .stdin(input)
        .stderr(Stdio::inherit());
    beginning::state(&mut command)?;
    let output = command
        .output()
        .with_context(|| format!("the host cannot run {}", program.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Answer {
        stdout,
        status: output.status.code(),
    })
}

/// Whether the host can be asked about programs of this kind at all: it must be an x86_64
/// Linux (which runs 32-bit programs where its kernel was built so).
pub const AVAILABLE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));
