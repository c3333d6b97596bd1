//! Child processes that never outlive their parent.
//!
//! A QEMU that is left behind uses a core for ever, so three mechanisms end it: its drop (after a
//! panic or an early return in the harness), the time limit, and, on Linux, the parent-death signal
//! of the thread that started it (the harness itself was killed).

use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::{Child, Command};

use nix::sys::signal::{SigSet, Signal};

use crate::paths;

/// A running child process, killed and reaped when this is dropped.
#[derive(Debug)]
pub struct Leashed(Child);

impl Leashed {
    /// Starts a command that [`leash`] made. The calling thread must live as long as the child
    /// should.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }
}

/// A command that starts the program of `command` so that SIGKILL ends it with the thread that
/// started it: by setpriv(1). The standard streams of `command` are not taken over.
///
/// # Errors
/// No program has this name.
pub fn leash(command: &Command) -> io::Result<Command> {
    match cfg!(target_os = "linux") {
        true => started_by(&["setpriv", "--pdeathsig", "KILL", "--"], command),
        false => started_by(&["env", "--"], command),
    }
}

/// A command that hands `command` to another program, `words`, which becomes it. The standard
/// streams of `command` are not taken over.
///
/// # Errors
/// No program has the name that `command` starts.
pub fn started_by(words: &[&str], command: &Command) -> io::Result<Command> {
    let program = Path::new(command.get_program());
    // A name without a slash is looked for in PATH; a path is a path in any directory.
    let is_path = program.components().count() > 1;
    if !is_path && paths::in_path(program).is_none() {
        let text = format!("{}: no such program", program.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let mut whole = Command::new(words[0]);
    whole
        .args(&words[1..])
        .arg(program)
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => whole.env(name, value),
            None => whole.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        whole.current_dir(directory);
    }
    Ok(whole)
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
    sigpipe::reset();
}

/// Blocks SIGPIPE in the calling thread, which writes to a child: a closed pipe is an error there,
/// and the child's end doesn't end this process.
pub fn survive_closed_pipe() {
    let set: SigSet = [Signal::SIGPIPE].into_iter().collect();
    set.thread_block().expect("a mask can always be set");
}
