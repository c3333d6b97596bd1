//! The oracle: the same binary's results on the host's own Linux.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::beginning;

/// The results of a program on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its standard output.
    pub stdout: String,
    /// Its exit status; `None` where a signal ended it.
    pub status: Option<i32>,
}

/// Runs a program on the host in init's state: [`beginning`], and as small an environment.
pub fn ask(program: &Path, arguments: &[&str]) -> Result<Answer> {
    ask_with_input(program, arguments, Stdio::null())
}

/// [`ask`] with a standard input.
pub fn ask_with_input(program: &Path, arguments: &[&str], input: Stdio) -> Result<Answer> {
    let mut command = beginning::command(program)?;
    command
        .args(arguments)
        .env_clear()
        .envs([("HOME", "/"), ("TERM", "linux")])
        .stdin(input)
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .with_context(|| format!("the host cannot run {}", program.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Answer {
        stdout,
        status: output.status.code(),
    })
}

/// Whether the host can run these programs: it must be an x86_64 Linux (which runs 32-bit programs
/// if its kernel was built so).
pub const AVAILABLE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Whether the tests run as root: a program that changes its user ID has other results for other users.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether the program `name` can be compared with the host as root sees it. If not, prints that the
/// case compares nothing: it passes.
pub fn compares_as_root(name: &str) -> bool {
    let compares = AVAILABLE && is_root();
    if !compares {
        eprintln!("{name} is not compared: only root on an x86_64 Linux can run it as init does");
    }
    compares
}
