//! A command on a pseudo-terminal, driven by a dialogue.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};

use crate::child::Leashed;
use crate::vm::Dialogue;

/// Runs `command` as the leader of a session on a new terminal of 24 rows and 80 columns, with
/// standard input, output and error there, and plays `dialogue`. Returns the exit status and the
/// terminal's whole output.
pub fn talk(command: &mut Command, dialogue: Dialogue) -> Result<(ExitStatus, String)> {
    let (mut master, slave) = open().context("cannot open a pseudo-terminal")?;
    let end = || slave.try_clone();
    command.stdin(end()?).stdout(end()?).stderr(end()?);
    let lead = || {
        // SAFETY: setsid and ioctl touch no memory here; 0 is the terminal.
        match unsafe { libc::setsid() != -1 && libc::ioctl(0, libc::TIOCSCTTY, 0) != -1 } {
            true => Ok(()),
            false => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(lead) };
    let mut child = Leashed::spawn(command).context("cannot start the command")?;
    // The master's reads end when the last of these is closed.
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    drop(slave);
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

fn open() -> io::Result<(File, OwnedFd)> {
    let (mut master, mut slave) = (-1, -1);
    let window = libc::winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: both numbers are written, the window is read, the rest may be null.
    let result = unsafe {
        libc::openpty(
            &mut master,
            &mut slave,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &window as *const _ as *mut _,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    for file in [master, slave] {
        // SAFETY: takes numbers. A program must not inherit what would keep the terminal open.
        unsafe { libc::fcntl(file, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: both are open and this function's alone.
    Ok(unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) })
}
