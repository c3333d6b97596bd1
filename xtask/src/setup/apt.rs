//! Installs packages with apt-get, as root or by `sudo -n`, showing its progress.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::setup::needs::find_program;
use crate::ui::Step;

/// Package lists older than this are fetched again before an installation: the mirrors drop
/// superseded packages.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Ways to run apt-get with the rights it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apt {
    /// This process is root.
    Root,
    /// `sudo` asks for no password.
    Sudo,
}

impl Apt {
    /// How apt-get can be run here, if it can.
    pub fn find() -> Option<Self> {
        find_program("apt-get")?;
        if output("id", &["-u"])? == "0" {
            return Some(Self::Root);
        }
        output("sudo", &["-n", "true"]).map(|_| Self::Sudo)
    }

    /// Whether apt knows all of these packages.
    pub fn knows(self, packages: &[&str]) -> bool {
        packages.iter().all(|package| {
            output("apt-cache", &["show", "--no-all-versions", package])
                .is_some_and(|text| !text.is_empty())
        })
    }

    /// Fetches the package lists, if they are missing or old.
    pub fn refresh_if_stale(self) -> Result<()> {
        if lists_are_stale() {
            self.refresh()
        } else {
            Ok(())
        }
    }

    /// Fetches the package lists.
    pub fn refresh(self) -> Result<()> {
        self.run("Fetching package lists (apt-get update)", &["update"])
    }

    /// Installs packages.
    pub fn install(self, packages: &[&str]) -> Result<()> {
        self.refresh_if_stale()?;
        let title = format!("Installing {} (apt-get)", packages.join(" "));
        let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
        arguments.extend(packages);
        if self.run(&title, &arguments).is_ok() {
            return Ok(());
        }
        // Lists may be outdated within a day.
        self.refresh()?;
        self.run(&title, &arguments)
    }

    fn run(self, title: &str, arguments: &[&str]) -> Result<()> {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::Sudo => Command::new("sudo"),
        };
        if self == Self::Sudo {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
        // Wait for another running apt-get.
        command.args(["-o", "DPkg::Lock::Timeout=300"]);
        follow(title, command.args(arguments))
    }
}

/// Runs an apt-get as a step that shows its progress.
pub fn follow(title: &str, command: &mut Command) -> Result<()> {
    command
        .args(["-o", "APT::Status-Fd=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());

    let mut step = Step::begin_long(title);
    let mut child = command.spawn().context("cannot start apt-get")?;
    let mut log = String::new();
    // Standard error is short (a few warnings): it fits the pipe until the end.
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap_or_default();
            match progress(&line) {
                Some(detail) => step.detail(&detail),
                None => {
                    log.push_str(&line);
                    log.push('\n');
                }
            }
        }
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        step.abandon();
        bail!(
            "apt-get failed:\n{log}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    step.end();
    Ok(())
}

/// Reads one line of apt's status protocol: `dlstatus:1:23.5:Retrieving file 1 of 9`.
fn progress(line: &str) -> Option<String> {
    let mut fields = line.splitn(4, ':');
    let kind = fields.next()?;
    if !matches!(kind, "dlstatus" | "pmstatus") {
        return None;
    }
    let _item = fields.next()?;
    let percent: f32 = fields.next()?.parse().ok()?;
    let what = fields.next()?;
    Some(format!("{percent:3.0} % {what}"))
}

fn lists_are_stale() -> bool {
    let directory = Path::new("/var/lib/apt/lists");
    let Ok(files) = fs::read_dir(directory) else {
        return true;
    };
    let newest = files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().contains("_Packages"))
        .filter_map(|file| file.metadata().ok()?.modified().ok())
        .max();
    // `apt-get update` leaves an unchanged list's own time alone, but touches the directory.
    let touched = fs::metadata(directory)
        .and_then(|data| data.modified())
        .ok();
    match newest {
        None => true,
        Some(newest) => {
            let newest = touched.map_or(newest, |touched| touched.max(newest));
            SystemTime::now()
                .duration_since(newest)
                .is_ok_and(|age| age > STALE)
        }
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_become_percentages() {
        let line = "dlstatus:3:41.6667:Retrieving file 3 of 9 (5s remaining)";
        assert_eq!(
            progress(line).as_deref(),
            Some(" 42 % Retrieving file 3 of 9 (5s remaining)")
        );
        assert_eq!(progress("Reading package lists..."), None);
        assert_eq!(progress("pmstatus:gdb:oops:x"), None);
    }
}
