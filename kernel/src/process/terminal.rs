//! The controlling terminal of a session, as its processes see it.
//!
//! As in Linux's drivers/tty/tty_jobctrl.c, each process refers to its controlling terminal, and a
//! terminal to its session and foreground process group. The terminals themselves are in `tty/`,
//! a floor above: this one knows them as [`Terminal`].

use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering;

use super::signal;
use super::{Process, jobs, table};
use crate::abi::errno::Errno;
use crate::abi::metadata::Device;
use crate::abi::signal::{SIGCONT, SIGHUP, SigInfo};
use crate::vfs::inode::FileOps;

/// A terminal that may control a session.
pub trait Terminal: Any + Send + Sync {
    /// Device number.
    fn number(&self) -> Device;
    /// The foreground process group; 0 for none.
    fn foreground(&self) -> u32;
    /// Removes session and foreground process group.
    fn release(&self);
    /// Whether the exit of the session's leader hangs the terminal up: not a pseudo-terminal, whose
    /// master does that.
    fn hangs_up_at_exit(&self) -> bool;
    /// Hangs the terminal up: open files of it are dead, and the session leader gets SIGHUP and
    /// SIGCONT. `with_session`: the leader exits, so that the foreground process group gets SIGHUP
    /// too.
    fn hang_up(&self, with_session: bool);
    /// Opens the terminal (/dev/tty).
    ///
    /// # Errors
    /// `EIO` for a pseudo-terminal that is locked or whose master is closed.
    fn open(self: Arc<Self>) -> Result<Arc<dyn FileOps>, Errno>;
}

/// A process's controlling terminal.
#[derive(Default)]
pub struct Controlling {
    /// The terminal, if any.
    pub tty: Option<Arc<dyn Terminal>>,
    /// Foreground process group of a session leader's terminal at its hang-up; 0 for none.
    old_foreground: u32,
}

impl Controlling {
    /// `tty` as the controlling terminal.
    pub fn new(tty: Arc<dyn Terminal>) -> Self {
        Self {
            tty: Some(tty),
            old_foreground: 0,
        }
    }

    /// The state of a child after fork(2).
    pub fn inherited(&self) -> Self {
        Self {
            tty: self.tty.clone(),
            old_foreground: 0,
        }
    }

    /// Whether `tty` is the controlling terminal.
    pub fn is(&self, tty: &dyn Terminal) -> bool {
        let own = self.tty.as_ref();
        own.is_some_and(|own| core::ptr::addr_eq(Arc::as_ptr(own), tty))
    }
}

/// Sends a signal of the kernel to a process group, which may be empty; 0 is none.
pub fn send_group(group: u32, signo: u8) {
    if group != 0 {
        let _ = signal::send_group(group, &SigInfo::kernel(signo));
    }
}

/// The processes of a session; none for 0, which is no session.
fn members(session: u32) -> impl Iterator<Item = Arc<Process>> {
    let session = (session != 0).then_some(session);
    session.into_iter().flat_map(table::session_members)
}

/// Removes the controlling terminal of every process of a session.
pub fn clear(session: u32) {
    for process in members(session) {
        process.terminal.lock().tty = None;
    }
}

/// Removes the controlling terminal `tty`, which is hung up, of every process of a session. Its
/// leader gets SIGHUP and SIGCONT, and remembers the foreground process group.
pub fn hung_up(tty: &dyn Terminal, session: u32, foreground: u32) {
    for process in members(session) {
        let mut terminal = process.terminal.lock();
        if terminal.is(tty) {
            terminal.tty = None;
        }
        if jobs::leads_session(&process) {
            terminal.old_foreground = foreground;
            drop(terminal);
            let _ = signal::send_process(&process, &SigInfo::kernel(SIGHUP));
            let _ = signal::send_process(&process, &SigInfo::kernel(SIGCONT));
        }
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
        Some(tty) if exits && tty.hangs_up_at_exit() => tty.hang_up(true),
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
        tty.release();
    }
    clear(process.sid.load(Ordering::Relaxed));
}
