//! The controlling terminal of a session: assignment, access from the background, hang-up.
//!
//! As in Linux's drivers/tty/tty_jobctrl.c, each process refers to its controlling terminal, and a
//! terminal to its session and foreground process group.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::device::Tty;
use crate::abi::errno::Errno;
use crate::process::signal::{self, IGNORE, SIGCONT, SIGHUP, SIGTTIN, SigInfo, bit};
use crate::process::{Process, current, jobs, table};

/// A process's controlling terminal.
#[derive(Default)]
pub struct Controlling {
    /// The terminal, if any.
    pub tty: Option<Arc<Tty>>,
    /// Foreground process group of a session leader's terminal at its hang-up; 0 for none.
    old_foreground: u32,
}

impl Controlling {
    /// The state of a child after fork(2).
    pub fn inherited(&self) -> Self {
        Self {
            tty: self.tty.clone(),
            old_foreground: 0,
        }
    }

    /// Whether `tty` is the controlling terminal.
    pub fn is(&self, tty: &Arc<Tty>) -> bool {
        self.tty.as_ref().is_some_and(|own| Arc::ptr_eq(own, tty))
    }
}

fn send_group(group: u32, signo: u8) {
    if group != 0 {
        // The group may be empty.
        let _ = signal::send_group(group, &SigInfo::kernel(signo));
    }
}

/// The processes of a session; none for 0, which is no session.
fn members(session: u32) -> impl Iterator<Item = Arc<Process>> {
    let session = (session != 0).then_some(session);
    session.into_iter().flat_map(table::session_members)
}

/// Removes the controlling terminal of every process of a session.
fn clear(session: u32) {
    for process in members(session) {
        process.terminal.lock().tty = None;
    }
}

/// Whether the running task blocks or ignores a signal.
fn is_ignored(signo: u8) -> bool {
    let task = current();
    let blocked = task.signals.lock().blocked & bit(signo) != 0;
    blocked || task.process.actions().lock().get(signo).handler == IGNORE
}

impl Tty {
    /// Makes the terminal the controlling one of the running process, a session leader, whose
    /// process group becomes the foreground one.
    pub(super) fn set_controlling(self: &Arc<Self>) {
        let process = &current().process;
        {
            let mut state = self.state();
            state.session = process.sid.load(Ordering::Relaxed);
            state.foreground = process.pgid.load(Ordering::Relaxed);
        }
        process.terminal.set(Controlling {
            tty: Some(self.clone()),
            old_foreground: 0,
        });
    }

    /// At open(2): a session leader without a controlling terminal gets this one, unless a session
    /// has it.
    pub(super) fn set_controlling_at_open(self: &Arc<Self>) {
        let process = &current().process;
        let has_one = process.terminal.lock().tty.is_some();
        if jobs::leads_session(process) && !has_one && self.state().session == 0 {
            self.set_controlling();
        }
    }

    /// Takes the terminal from its session (TIOCSCTTY with 1).
    pub(super) fn steal(&self) {
        let session = self.state().session;
        clear(session);
    }

    /// Checks that the running process may use its controlling terminal. A process in the
    /// background gets `signo` instead, SIGTTIN or SIGTTOU (`__tty_check_change`).
    ///
    /// # Errors
    /// `ERESTARTSYS` with the signal; `EIO` in an orphaned process group, and for an ignored or
    /// blocked SIGTTIN.
    pub(super) fn check_access(self: &Arc<Self>, signo: u8) -> Result<(), Errno> {
        let process = &current().process;
        if !process.terminal.lock().is(self) {
            return Ok(());
        }
        let group = process.pgid.load(Ordering::Relaxed);
        let foreground = self.foreground();
        if foreground == 0 || foreground == group {
            return Ok(());
        }
        if is_ignored(signo) {
            return if signo == SIGTTIN {
                Err(Errno::EIO)
            } else {
                Ok(())
            };
        }
        if jobs::is_orphaned_group(process) {
            return Err(Errno::EIO);
        }
        send_group(group, signo);
        Err(Errno::ERESTARTSYS)
    }

    /// Hangs the terminal up: open files of it are dead, and the session leader gets SIGHUP and
    /// SIGCONT. `with_session`: the leader exits, so that the foreground process group gets SIGHUP
    /// too.
    pub fn hang_up(self: &Arc<Self>, with_session: bool) {
        let (session, foreground) = {
            let mut state = self.state();
            state.hang_ups += 1;
            state.line.flush_input();
            state.line.flush_echo();
            state.line.start();
            (
                core::mem::take(&mut state.session),
                core::mem::take(&mut state.foreground),
            )
        };
        for process in members(session) {
            let mut terminal = process.terminal.lock();
            if terminal.is(self) {
                terminal.tty = None;
            }
            if jobs::leads_session(&process) {
                terminal.old_foreground = foreground;
                drop(terminal);
                let _ = signal::send_process(&process, &SigInfo::kernel(SIGHUP));
                let _ = signal::send_process(&process, &SigInfo::kernel(SIGCONT));
            }
        }
        if with_session {
            send_group(foreground, SIGHUP);
        }
        self.wake();
    }
}

/// The session leader `process` drops its controlling terminal, on exit (`exits`) or by TIOCNOTTY;
/// so does every process of the session (`disassociate_ctty`).
pub fn leave(process: &Process, exits: bool) {
    if !jobs::leads_session(process) {
        return;
    }
    let (tty, old_foreground) = {
        let mut terminal = process.terminal.lock();
        (
            terminal.tty.clone(),
            core::mem::take(&mut terminal.old_foreground),
        )
    };
    match &tty {
        Some(tty) if exits && tty.master.is_none() => tty.hang_up(true),
        Some(tty) => {
            let foreground = tty.foreground();
            send_group(foreground, SIGHUP);
            if !exits {
                send_group(foreground, SIGCONT);
            }
        }
        // The terminal was hung up before.
        None if exits => {
            send_group(old_foreground, SIGHUP);
            send_group(old_foreground, SIGCONT);
        }
        None => {}
    }
    if let Some(tty) = tty {
        let mut state = tty.state();
        state.session = 0;
        state.foreground = 0;
    }
    clear(process.sid.load(Ordering::Relaxed));
}
