//! A command on a pseudo-terminal, driven by a dialogue.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use crate::child::{Leashed, leash, started_by};
use crate::vm::Dialogue;

/// Runs `command` as the leader of a session on a new terminal of 24 rows and 80 columns, with
/// standard input, output and error there, and plays `dialogue`. Returns the exit status and the
/// terminal's whole output.
pub fn talk(command: &Command, dialogue: Dialogue) -> Result<(ExitStatus, String)> {
    let (mut master, slave) = open().context("cannot open a pseudo-terminal")?;
    let mut command = leash(&started_by(&["setsid", "--ctty"], command)?)?;
    let end = || slave.try_clone();
    command.stdin(end()?).stdout(end()?).stderr(end()?);
    let mut child = Leashed::spawn(&mut command).context("cannot start the command")?;
    // The master's reads end when the last of these is closed.
    drop((command, slave));
    let mut talk = dialogue.begin(master.try_clone()?);
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        all.extend_from_slice(&buffer[..count]);
        talk.hear(&all);
    }
    let status = child.wait()?;
    let shown = String::from_utf8_lossy(&all).into_owned();
    if let Some(text) = talk.left() {
        anyhow::bail!("{text:?} never came\n--- the terminal showed\n{shown}\n---");
    }
    Ok((status, shown))
}

/// A new terminal's two ends. No program inherits them unless it is given them: they would keep the
/// terminal open.
fn open() -> io::Result<(File, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(
        name,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let window = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&slave, window)?;
    Ok((File::from(master), slave))
}
