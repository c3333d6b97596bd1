//! Child processes that never outlive their parent.
//!
//! A QEMU that is left behind uses a core for ever, so three mechanisms end it: its drop (after a
//! panic or an early return in the harness), the time limit, and, on Linux, the parent-death signal
//! of the thread that started it (the harness itself was killed).

use std::io;
use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};

/// A running child process, killed and reaped when this is dropped.
#[derive(Debug)]
pub struct Leashed(Child);

impl Leashed {
    /// Starts `command`. The calling thread must live as long as the child should.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        die_with_parent(command);
        command.spawn().map(Self)
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // Both fail only when the process has already been reaped, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Deref for Leashed {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Leashed {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

/// Restores SIGPIPE's default action, so that a closed pipe ends this process quietly like every
/// other command (`... | head`): Rust's runtime ignores the signal, and printing would panic.
pub fn end_at_closed_pipe() {
    // SAFETY: no other thread runs yet that could rely on the signal's being ignored, and the
    // default action needs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// Blocks SIGPIPE in the calling thread, which writes to a child: a closed pipe is an error there, and
/// the child's end doesn't end this process.
pub fn survive_closed_pipe() {
    // SAFETY: a set is plain memory, which sigemptyset initialises; only this thread's mask
    // changes.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let ask = || {
        // SAFETY: prctl(PR_SET_PDEATHSIG) takes a plain number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed; the closure makes
    // one system call and allocates nothing (`last_os_error` only reads errno).
    unsafe { command.pre_exec(ask) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
