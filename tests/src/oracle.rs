//! The oracle: the same binary's results on the host's own Linux.

use std::path::Path;
use std::process::Stdio;

use anyhow::Result;

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
    let output = beginning::run(command, beginning::LIMIT)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(Answer {
        stdout,
        status: output.status.code(),
    })
}

/// Whether the host can run these programs: it must be an x86_64 Linux (which runs 32-bit programs
/// if its kernel was built so).
pub const AVAILABLE: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Whether the tests run as root: a program that changes its user ID has other results for other
/// users.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Programs that make calls newer than Linux 6.1, and the first version that has them.
const NEEDS: &[(&str, (u32, u32))] = &[
    ("fs_modern", (6, 6)),
    ("futexes", (6, 7)),
    ("numbers_times", (6, 7)),
];

/// Whether the program `name` can be compared with the host as root sees it. If not, prints that
/// the case compares nothing: it passes.
pub fn compares_as_root(name: &str) -> bool {
    if !AVAILABLE || !is_root() {
        eprintln!("{name} is not compared: only root on an x86_64 Linux can run it as init does");
        return false;
    }
    let needed = NEEDS.iter().find(|(program, _)| *program == name);
    let Some((_, (major, minor))) = needed.filter(|(_, version)| host_version() < *version) else {
        return true;
    };
    eprintln!("{name} is not compared: it makes calls that Linux has from {major}.{minor} on");
    false
}

/// The version of the host's kernel, or 0.0 where it names none.
fn host_version() -> (u32, u32) {
    let name = rustix::system::uname();
    version(&name.release().to_string_lossy()).unwrap_or_default()
}

/// The first two numbers of a release, such as "6.1.0-18-amd64".
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_read_from_releases() {
        assert_eq!(super::version("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(super::version("6.18-rc2"), Some((6, 18)));
        assert_eq!(super::version("unknown"), None);
    }
}
