//! The controlling terminal of a session: who has it, who may use it, and its hang-up.
//!
//! As in Linux's drivers/tty/tty_jobctrl.c: each process knows its controlling terminal, a terminal
//! the session that it controls and the group in its foreground.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use super::device::Tty;
use crate::abi::errno::Errno;
use crate::process::signal::{self, IGNORE, SIGCONT, SIGHUP, SIGTTIN, SigInfo, bit};
use crate::process::{Process, current, jobs, table};

/// A process's part of it.
#[derive(Default)]
pub struct Controlling {
    /// Its controlling terminal.
    pub tty: Option<Arc<Tty>>,
    /// The foreground group of a session leader's terminal that was hung up; 0: none.
    old_foreground: u32,
}

impl Controlling {
    /// What a child has of it.
    pub fn inherited(&self) -> Self {
        Self {
            tty: self.tty.clone(),
            old_foreground: 0,
        }
    }

    /// Whether this is its terminal.
    pub fn is(&self, tty: &Arc<Tty>) -> bool {
        self.tty.as_ref().is_some_and(|own| Arc::ptr_eq(own, tty))
    }
}

fn send_group(group: u32, signo: u8) {
    if group != 0 {
        // A group that is gone has nobody to be told.
        let _ = signal::send_group(group, &SigInfo::kernel(signo));
    }
}

/// The processes of a terminal's session; none of 0, which is no session of a terminal's.
fn members(session: u32) -> impl Iterator<Item = Arc<Process>> {
    let session = (session != 0).then_some(session);
    session.into_iter().flat_map(table::session_members)
}

/// Takes the terminal from every process of a session.
fn clear(session: u32) {
    for process in members(session) {
        process.terminal.lock().tty = None;
    }
}

/// Whether a signal of the terminal's would do nothing to the running task.
fn is_ignored(signo: u8) -> bool {
    let task = current();
    let blocked = task.signals.lock().blocked & bit(signo) != 0;
    blocked || task.process.actions().lock().get(signo).handler == IGNORE
}

impl Tty {
    /// Makes it the controlling terminal of the running process, a session leader, whose group comes
    /// to the foreground.
    pub(super) fn take(self: &Arc<Self>) {
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

    /// It was opened: a session leader without a terminal takes it if nobody has it.
    pub(super) fn offer(self: &Arc<Self>) {
        let process = &current().process;
        let has_one = process.terminal.lock().tty.is_some();
        if jobs::leads_session(process) && !has_one && self.state().session == 0 {
            self.take();
        }
    }

    /// Takes it from the session that has it (TIOCSCTTY with 1).
    pub(super) fn steal(&self) {
        let session = self.state().session;
        clear(session);
    }

    /// Whether the running process may use its own terminal now: one in the background gets `signo`
    /// instead, SIGTTIN or SIGTTOU (`__tty_check_change`).
    ///
    /// # Errors
    /// `ERESTARTSYS` with the signal; `EIO` if nobody could continue the group, and for SIGTTIN where
    /// it would do nothing.
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

    /// Hangs it up: whoever has it open can do nothing with it any more, and its session is told.
    /// `with_session`: because the session's leader ends, so that the foreground group is told too.
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

/// The session leader `process` gives its controlling terminal up: it ends (`exits`), or asked to
/// (TIOCNOTTY). No process of the session has it afterwards (`disassociate_ctty`).
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
        // It was hung up before.
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
