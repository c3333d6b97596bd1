//! Restores the user's terminal, however the machine on it ends.
//!
//! QEMU turns line editing, echo and signals off while the guest has the terminal, and restores
//! them at an orderly end. A QEMU or an xtask that is killed can't. So a separate process waits for
//! the other end of a pipe to close, which happens at any death, and then restores the settings
//! that stty(1) saved.

use std::io::{IsTerminal, stdin};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

/// Restores the terminal when dropped, or when this process is gone.
pub struct TerminalGuard {
    /// Held open; closing it starts the restoration.
    alive: Option<OwnedFd>,
    guardian: Option<Child>,
}

/// Waits for the end of its input, then restores the terminal that is its standard output. Only
/// a foreground process may do so unasked: for any other the signal about it has to be ignored.
const GUARDIAN: &str = r#"trap "" INT TERM HUP QUIT TTOU; read _; exec stty "$1" <&1 2>/dev/null"#;

impl TerminalGuard {
    /// Saves the settings of the terminal on standard input. Where that cannot be done there is
    /// nothing to restore.
    pub fn new() -> Self {
        let (alive, guardian) = Self::start().unzip();
        Self { alive, guardian }
    }

    fn start() -> Option<(OwnedFd, Child)> {
        if !stdin().is_terminal() {
            return None;
        }
        let output = Command::new("stty")
            .arg("-g")
            .stdin(Stdio::inherit())
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        let saved = String::from_utf8(output.stdout).ok()?;
        let (end, alive) = std::io::pipe().ok()?;
        let terminal = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "sh", saved.trim()])
            .stdin(end)
            .stdout(terminal)
            .spawn()
            .ok()?;
        Some((alive.into(), guardian))
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(mut guardian) = self.guardian.take() {
            let _ = guardian.wait();
        }
    }
}
